/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_tables.c - choice of the rule, neighbor slots, rims, bonds, and the tables of
 * single sites. */
#include "update/bytes_tables.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define SITE_LANES 16 /* a byte shuffle looks up 16 bytes in a table of 16: one site each */

uint64_t kr_bytes_threshold(double p)
{
    if (!(p > 0.0)) {
        return 0;
    }
    return p >= 1.0 ? UINT64_MAX : (uint64_t)(p * 0x1p64);
}

int kr_bytes_thresholds_alloc(kr_bytes_job *job, int32_t n_thresholds, int32_t n_tables,
                              kr_error *err)
{
    size_t n = (size_t)n_thresholds * (size_t)n_tables * 16;
    job->n_thresholds = n_thresholds;
    job->n_tables = n_tables;
    job->high = kr_alloc(n, 1, err);
    job->low = kr_alloc(n, 1, err);
    job->exact = kr_alloc(n, sizeof *job->exact, err);
    return job->high && job->low && job->exact ? KR_OK : KR_ENOMEM;
}

void kr_bytes_thresholds_set(kr_bytes_job *job, int32_t t, int32_t class, double p)
{
    size_t at = (size_t)t * (size_t)job->n_tables * 16 + (size_t) class;
    uint64_t P = kr_bytes_threshold(p);
    job->exact[at] = P;
    job->high[at] = (uint8_t)(P >> 56);
    job->low[at] = (uint8_t)(P >> 48);
}

void kr_bytes_job_clear(kr_bytes_job *job)
{
    kr_free(job->source);
    kr_free(job->rim);
    kr_free(job->present);
    kr_free(job->high);
    kr_free(job->low);
    kr_free(job->exact);
    kr_free(job->bond);
    kr_free(job->bond_slot);
    kr_free(job->bond_lacks);
    for (int k = 0; k < 3; k++) {
        kr_free(job->amounts[k].group);
        kr_free(job->amounts[k].amount);
    }
}

/* ---- geometry -----------------------------------------------------------------------------
 */

static const int64_t *entries(const kr_fold *fold, int32_t slot)
{
    return fold->entry + (size_t)slot * (size_t)fold->n_tiles;
}

static int32_t count_absent(const kr_fold *fold, int32_t slot)
{
    int32_t n = 0;
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        n += entries(fold, slot)[t] < 0;
    }
    return n;
}

/* min_slots: slots to pad to. */
static int fill_source(kr_bytes_job *job, int32_t min_slots, kr_error *err)
{
    const kr_fold *fold = job->fold;
    job->n_slots = min_slots;
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        int32_t n = fold->slot_begin[v + 1] - fold->slot_begin[v];
        job->n_slots = n > job->n_slots ? n : job->n_slots;
    }
    int32_t max = job->rule == KR_BYTES_SITE ? KR_BYTES_SITE_SLOTS : KR_BYTES_SLOTS_MAX;
    if (job->n_slots > max) {
        return kr_fail(err, KR_EUNSUP, "%d neighbors of a site, want at most %d", job->n_slots,
                       max);
    }
    size_t z = (size_t)job->n_slots;
    job->source = kr_alloc((size_t)fold->n_vectors * z, sizeof *job->source, err);
    if (!job->source) {
        return KR_ENOMEM;
    }
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        int32_t first = fold->slot_begin[v];
        memcpy(job->source + (size_t)v * z, fold->source + first,
               (size_t)(fold->slot_begin[v + 1] - first) * sizeof *job->source);
    }
    return KR_OK;
}

static int32_t absent_in_vector(const kr_bytes_job *job, int32_t v)
{
    const kr_fold *fold = job->fold;
    int32_t first = fold->slot_begin[v], end = fold->slot_begin[v + 1];
    int32_t n = (job->n_slots - (end - first)) * fold->n_tiles;
    for (int32_t s = first; s < end; s++) {
        n += count_absent(fold, s);
    }
    return n;
}

static void fill_present(const kr_bytes_job *job, int32_t v, uint8_t *rows)
{
    const kr_fold *fold = job->fold;
    int32_t first = fold->slot_begin[v], n = fold->slot_begin[v + 1] - first;
    for (int32_t k = 0; k < n; k++) {
        for (int32_t t = 0; t < fold->n_tiles; t++) {
            memset(rows + k * 64 + t * fold->n_lanes,
                   entries(fold, first + k)[t] >= 0 ? 255 : 0, (size_t)fold->n_lanes);
        }
    }
}

/* Which neighbors lack, where any does. */
static int fill_rims(kr_bytes_job *job, kr_error *err)
{
    int32_t n_vectors = job->fold->n_vectors, n = 0;
    size_t record = ((size_t)job->n_slots + 1) * 64;
    for (int32_t v = 0; v < n_vectors; v++) {
        n += absent_in_vector(job, v) > 0;
    }
    if (n == 0) {
        return KR_OK;
    }
    job->rim = kr_alloc((size_t)n_vectors, sizeof *job->rim, err);
    job->present = kr_alloc((size_t)n, record, err);
    if (!job->rim || !job->present) {
        return KR_ENOMEM;
    }
    n = 0;
    for (int32_t v = 0; v < n_vectors; v++) {
        job->rim[v] = -1;
        if (absent_in_vector(job, v) > 0) {
            fill_present(job, v, job->present + (size_t)n * record);
            job->rim[v] = n++;
        }
    }
    return KR_OK;
}

static int32_t color_of(const kr_fold *fold, int32_t source)
{
    int32_t v = source < fold->n_vectors ? source : fold->halo[source - fold->n_vectors].origin;
    int32_t color = 0;
    while (fold->color_begin[color + 1] <= v) {
        color++;
    }
    return color;
}

/* Every bond once: from the end with the higher color. */
static int fill_bonds(kr_bytes_job *job, kr_error *err)
{
    const kr_fold *fold = job->fold;
    size_t most = (size_t)fold->slot_begin[fold->n_vectors] / 2 + 1;
    job->bond = kr_alloc(most, sizeof *job->bond, err);
    job->bond_slot = kr_alloc(most, 1, err);
    job->bond_lacks = kr_alloc(most, 1, err);
    if (!job->bond || !job->bond_slot || !job->bond_lacks) {
        return KR_ENOMEM;
    }
    for (int32_t c = 0; c < fold->n_colors; c++) {
        for (int32_t v = fold->color_begin[c]; v < fold->color_begin[c + 1]; v++) {
            for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
                if (color_of(fold, fold->source[s]) < c) {
                    job->bond_slot[job->n_bonds] = (uint8_t)(s - fold->slot_begin[v]);
                    job->bond_lacks[job->n_bonds] = count_absent(fold, s) > 0;
                    job->bond[job->n_bonds++] = (kr_bytes_bond){ v, fold->source[s] };
                }
            }
        }
    }
    return KR_OK;
}

/* ---- a table for every site ---------------------------------------------------------------
 */

/* E(1) - E(0) of one tile's site. */
static double site_delta(const kr_bytes_job *job, int32_t vector, int32_t tile, uint32_t class)
{
    const kr_fold *fold = job->fold;
    const kr_terms *terms = job->terms;
    const double *V = terms->V, toward[2] = { V[2] - V[0], V[3] - V[1] };
    size_t i = (size_t)fold->site[(size_t)vector * (size_t)fold->n_tiles + (size_t)tile];
    double delta = terms->local[2 * i + 1] - terms->local[2 * i];
    int32_t first = fold->slot_begin[vector], n = fold->slot_begin[vector + 1] - first;
    for (int32_t k = 0; k < n; k++) {
        int64_t entry = entries(fold, first + k)[tile];
        if (entry >= 0) {
            delta += terms->J[entry] * toward[class >> k & 1];
        }
    }
    return delta;
}

uint64_t kr_bytes_site_threshold(const kr_bytes_job *job, int32_t vector, int32_t tile,
                                 uint32_t class, int32_t old)
{
    double x = job->beta * site_delta(job, vector, tile, class);
    if (job->kind == KR_LOCAL_HEAT_BATH) {
        return kr_bytes_threshold(1.0 / (1.0 + exp(x)));
    }
    return kr_bytes_threshold(exp(old ? x : -x));
}

/* The tables of one vector, n_sets * n_tables of table_bytes each. */
static void fill_site(const kr_bytes_job *job, int32_t v, uint8_t *high, uint8_t *low)
{
    const kr_fold *fold = job->fold;
    int32_t n_copies = job->table_bytes == 16 ? 1 : fold->n_lanes / 16;
    for (int32_t set = 0; set < job->n_sets; set++) {
        for (int32_t class = 0; class < 16 * job->n_tables; class ++) {
            size_t at = (size_t)(set * job->n_tables + class / 16) * (size_t)job->table_bytes +
                        (size_t)(class % 16);
            for (int32_t t = 0; t < fold->n_tiles; t++) {
                uint64_t P = kr_bytes_site_threshold(job, v, t, (uint32_t) class, set);
                for (int32_t k = 0; k < n_copies; k++, at += 16) {
                    high[at] = (uint8_t)(P >> 56);
                    low[at] = (uint8_t)(P >> 48);
                }
            }
        }
    }
}

/* Room for n amounts, all zero and of vector 0. */
static int amounts_alloc(kr_bytes_amounts *amounts, int64_t n, int32_t n_tiles, kr_error *err)
{
    amounts->n = (n + 3) / 4;
    amounts->group = kr_alloc((size_t)amounts->n, sizeof *amounts->group, err);
    amounts->amount =
        kr_alloc((size_t)amounts->n * (size_t)n_tiles, 4 * sizeof *amounts->amount, err);
    return amounts->group && amounts->amount ? KR_OK : KR_ENOMEM;
}

static double *amounts_set(kr_bytes_amounts *amounts, int64_t at, int32_t n_tiles,
                           int32_t first, int32_t second)
{
    amounts->group[at / 4].first[at % 4] = first;
    amounts->group[at / 4].second[at % 4] = second;
    return amounts->amount + at / 4 * 4 * n_tiles + at % 4;
}

/* scale J of every bond. */
static int bond_amounts(kr_bytes_job *job, kr_bytes_amounts *amounts, double scale,
                        kr_error *err)
{
    const kr_fold *fold = job->fold;
    KR_TRY(amounts_alloc(amounts, job->n_bonds, fold->n_tiles, err));
    for (int64_t b = 0; b < job->n_bonds; b++) {
        int32_t v = job->bond[b].vector, s = fold->slot_begin[v] + job->bond_slot[b];
        double *to = amounts_set(amounts, b, fold->n_tiles, v, job->bond[b].source);
        for (int32_t t = 0; t < fold->n_tiles; t++) {
            int64_t entry = entries(fold, s)[t];
            to[4 * t] = entry >= 0 ? scale * job->terms->J[entry] : 0.0;
        }
    }
    return KR_OK;
}

/* H = constant + sum over bonds of unlike spins, over bonds of spins 1, over spins 1. */
static int fill_amounts(kr_bytes_job *job, kr_error *err)
{
    const kr_fold *fold = job->fold;
    const kr_terms *terms = job->terms;
    const double *V = terms->V;
    KR_TRY(bond_amounts(job, &job->amounts[0], V[1] - V[0], err));
    job->amounts[1].is_both = job->amounts[2].is_both = true;
    if (V[3] != V[0]) {
        KR_TRY(bond_amounts(job, &job->amounts[1], V[3] - V[0], err));
    }
    if (terms->has_local) {
        KR_TRY(amounts_alloc(&job->amounts[2], fold->n_vectors, fold->n_tiles, err));
        for (int32_t v = 0; v < fold->n_vectors; v++) {
            double *to = amounts_set(&job->amounts[2], v, fold->n_tiles, v, v);
            for (int32_t t = 0; t < fold->n_tiles; t++) {
                const double *local =
                    terms->local + 2 * (size_t)fold->site[v * fold->n_tiles + t];
                to[4 * t] = local[1] - local[0];
            }
        }
    }
    double sum = 0.0;
    for (int64_t t = 0; t < terms->n_terms; t++) {
        sum += terms->coupling[t] * V[0];
    }
    for (size_t i = 0; i < (size_t)terms->n_sites; i++) {
        sum += terms->local[2 * i];
    }
    job->constant = sum;
    return KR_OK;
}

static int site_fill(kr_bytes_job *job, kr_error *err)
{
    const kr_fold *fold = job->fold;
    const kr_terms *terms = job->terms;
    const double *V = terms->V;
    bool is_flip = job->kind == KR_LOCAL_METROPOLIS;
    job->is_even = V[0] == V[3] && !terms->has_local;
    job->n_sets = is_flip && !job->is_even ? 2 : 1;
    job->n_tables = 1 << (job->n_slots - 4 - (job->is_even && !is_flip && job->n_slots > 4));
    job->table_bytes = fold->n_tiles == 1 ? 16 : 64;
    size_t stride = (size_t)job->table_bytes * (size_t)(job->n_sets * job->n_tables);
    job->high = kr_alloc((size_t)fold->n_vectors, stride, err);
    job->low = kr_alloc((size_t)fold->n_vectors, stride, err);
    if (!job->high || !job->low) {
        return KR_ENOMEM;
    }
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        fill_site(job, v, job->high + (size_t)v * stride, job->low + (size_t)v * stride);
    }
    return fill_amounts(job, err);
}

/* ---- choice -------------------------------------------------------------------------------
 */

static bool has_equal_couplings(const kr_terms *terms)
{
    for (int64_t k = 0; k < terms->neighbor_begin[terms->n_sites]; k++) {
        if (terms->J[k] != terms->J[0]) {
            return false;
        }
    }
    return true;
}

static bool has_equal_fields(const kr_terms *terms)
{
    size_t q = (size_t)terms->q;
    for (size_t i = 1; i < (size_t)terms->n_sites; i++) {
        for (size_t a = 1; a < q; a++) {
            if (terms->local[i * q + a] - terms->local[i * q] !=
                terms->local[a] - terms->local[0]) {
                return false;
            }
        }
    }
    return true;
}

/* The rule follows from the model alone where the fold depends on it, so all local updates of a
 * run share one fold. */
static int choose_rule(kr_bytes_job *job, kr_error *err)
{
    const kr_terms *terms = job->terms;
    if (!terms->is_pair || terms->q < 2) {
        return kr_fail(err, KR_EUNSUP, "%d states and %s, want a pair model of 2 or more",
                       terms->q, terms->is_pair ? "pair terms" : "terms of several kinds");
    }
    bool is_uniform = has_equal_couplings(terms) && has_equal_fields(terms);
    if (!is_uniform && terms->q != 2) {
        return kr_fail(err, KR_EUNSUP,
                       "%d states with couplings or fields that vary, want 2 states or all "
                       "couplings equal and all fields equal",
                       terms->q);
    }
    bool is_ferro = job->beta * (terms->n_terms > 0 ? terms->J[0] : 0.0) >= 0.0;
    bool is_heat_bath = job->kind == KR_LOCAL_HEAT_BATH;
    job->rule = !is_uniform                                            ? KR_BYTES_SITE
                : !terms->is_potts || terms->has_local || terms->q < 3 ? KR_BYTES_SUM
                : !is_heat_bath                                        ? KR_BYTES_POTTS_MOVE
                : terms->q == 3                                        ? KR_BYTES_SUM
                : is_ferro                                             ? KR_BYTES_POTTS_COPY
                                                                       : KR_BYTES_POTTS_REJECT;
    return KR_OK;
}

int kr_bytes_job_init(kr_bytes_job *job, const kr_update_setting *setting, kr_local_kind kind,
                      kr_fold **fold, kr_error *err)
{
    *job = (kr_bytes_job){ .kind = kind,
                           .terms = setting->target->terms,
                           .beta = setting->target->beta,
                           .q = setting->target->terms->q };
    KR_TRY(choose_rule(job, err));
    bool is_site = job->rule == KR_BYTES_SITE;
    int32_t n_lanes = setting->n_lanes;
    n_lanes = is_site && n_lanes < SITE_LANES ? SITE_LANES : n_lanes;
    *fold = kr_fold_alloc(setting->target, KR_LAYOUT_BYTES, n_lanes, err);
    if (!*fold) {
        return err ? err->status : KR_ENOMEM;
    }
    job->fold = *fold;
    bool is_padded = is_site || job->rule == KR_BYTES_POTTS_COPY;
    KR_TRY(fill_source(job, is_padded ? 4 : 1, err));
    if (!is_site) {
        KR_TRY(fill_rims(job, err));
    }
    KR_TRY(fill_bonds(job, err));
    return is_site                     ? site_fill(job, err)
           : job->rule == KR_BYTES_SUM ? kr_bytes_sum_fill(job, err)
                                       : kr_bytes_potts_fill(job, err);
}
