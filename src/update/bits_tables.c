/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bits_tables.c - what the bit-parallel kernels run on, made from a model and a fold:
 * what the model must be, laws, and a pass for each kind of vector. */
#include "update/bits_tables.h"

#include "base/memory.h"
#include "model/terms.h"

#include <math.h>
#include <string.h>

#define MISSING_SLOTS 7 /* neighbors of a site where some sites of a vector lack some */

/* ---- what the model must be ------------------------------------------------------ */

static int read_model(kr_bits_tables *b, kr_error *err)
{
    const kr_terms *terms = b->terms;
    if (!terms->is_pair || terms->q != 2) {
        return kr_fail(err, KR_EUNSUP, "%d states%s, want a pair model with 2", terms->q,
                       terms->is_pair ? "" : " and terms that are no bonds");
    }
    const double *V = terms->V;
    if (V && V[0] != V[3]) {
        return kr_fail(err, KR_EUNSUP,
                       "V[0][0] = %.9g and V[1][1] = %.9g, want states that are alike in bonds",
                       V[0], V[3]);
    }
    b->field = terms->local[1] - terms->local[0];
    for (int32_t i = 1; i < terms->n_sites; i++) {
        double field = terms->local[2 * (size_t)i + 1] - terms->local[2 * (size_t)i];
        if (field != b->field) {
            return kr_fail(
                err, KR_EUNSUP,
                "fields differ: state 1 costs %.9g more than state 0 on one site and "
                "%.9g on another, want the same on all sites",
                b->field, field);
        }
    }
    double size = 0.0;
    int64_t n_plus = 0, n_minus = 0;
    for (int64_t k = 0; k < terms->neighbor_begin[terms->n_sites]; k++) {
        double K = terms->J[k] * (V[1] - V[0]);
        if (K != 0.0 && size != 0.0 && fabs(K) != size) {
            return kr_fail(
                err, KR_EUNSUP,
                "couplings differ: unequal states cost %.9g more than equal ones on one "
                "bond and %.9g on another, want one size (any signs)",
                size, fabs(K));
        }
        size = K != 0.0 ? fabs(K) : size;
        n_plus += K > 0.0;
        n_minus += K < 0.0;
    }
    b->is_mixed = n_plus > 0 && n_minus > 0;
    b->coupling = n_plus > 0 ? size : -size;
    return KR_OK;
}

/* H(s) = energy_zero + K (bonds counted) + h (spins up) */
static int set_energy_zero(kr_bits_tables *b, kr_error *err)
{
    const kr_terms *terms = b->terms;
    uint8_t *zeros = kr_alloc((size_t)terms->n_sites, 1, err);
    if (!zeros) {
        return KR_ENOMEM;
    }
    b->energy_zero = kr_terms_energy(terms, zeros, 1);
    kr_free(zeros);
    double n_minus = 0.0; /* bond ends */
    for (int64_t k = 0; k < terms->neighbor_begin[terms->n_sites]; k++) {
        n_minus += terms->J[k] * (terms->V[1] - terms->V[0]) < 0.0;
    }
    b->energy_zero -= b->is_mixed ? b->coupling * n_minus / 2.0 : 0.0;
    return KR_OK;
}

/* ---- passes ---------------------------------------------------------------------- */

/* Neighbor slots of a vector by what its sites need of them. */
typedef struct need {
    bool is_rim, is_signed;
    int32_t n_slots;
} need;

static double coupling_of(const kr_bits_tables *b, int32_t slot, int32_t tile)
{
    int64_t k = b->fold->entry[(size_t)slot * (size_t)b->fold->n_tiles + (size_t)tile];
    return k < 0 ? 0.0 : b->terms->J[k] * (b->terms->V[1] - b->terms->V[0]);
}

/* Rims get the slots of the widest rim and one law, sized by most_z. */
static need need_of(const kr_bits_tables *b, int32_t v, int32_t *most_z)
{
    const kr_fold *fold = b->fold;
    int32_t first = fold->slot_begin[v], end = fold->slot_begin[v + 1];
    need out = { .n_slots = end - first, .is_signed = b->lane_beta && !fold->near };
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        int32_t z = 0;
        if (fold->site[(size_t)v * (size_t)fold->n_tiles + (size_t)t] < 0) {
            continue; /* idle tiles are masked off */
        }
        for (int32_t s = first; s < end; s++) {
            double K = coupling_of(b, s, t);
            z += K != 0.0;
            out.is_signed |= b->is_mixed && K < 0.0;
        }
        out.is_rim |= z < end - first;
        *most_z = z > *most_z ? z : *most_z;
    }
    return out;
}

static bool same_need(need a, need b)
{
    return a.is_rim == b.is_rim && a.is_signed == b.is_signed && a.n_slots == b.n_slots;
}

static void set_elements(uint64_t *vector, const kr_fold *fold, int32_t tile)
{
    int32_t begin = tile * fold->n_lanes;
    for (int32_t k = begin; k < begin + fold->n_lanes; k++) {
        vector[k / 64] |= UINT64_C(1) << k % 64;
    }
}

static int alloc_pass(const kr_fold *fold, kr_bits_pass *pass, need k, size_t n, kr_error *err)
{
    size_t n_slots = n * (size_t)k.n_slots, n_tiles = (size_t)fold->n_tiles;
    bool is_gathered = fold->near != NULL;
    pass->n_slots = k.n_slots;
    pass->width = fold->n_lanes;
    pass->vector = kr_alloc(n, sizeof *pass->vector, err);
    pass->source = is_gathered ? NULL : kr_alloc(n_slots, sizeof *pass->source, err);
    pass->near = is_gathered ? kr_alloc(n_slots * n_tiles, sizeof *pass->near, err) : NULL;
    pass->filled = is_gathered ? kr_alloc(n, KR_VECTOR_BYTES, err) : NULL;
    pass->sign = k.is_signed ? kr_alloc(n_slots, KR_VECTOR_BYTES, err) : NULL;
    pass->present = k.is_rim ? kr_alloc(n_slots, KR_VECTOR_BYTES, err) : NULL;
    pass->missing = k.is_rim ? kr_alloc(n, 3 * KR_VECTOR_BYTES, err) : NULL;
    bool is_done = pass->vector && (pass->source || (pass->near && pass->filled)) &&
                   (pass->sign || !k.is_signed) &&
                   (!k.is_rim || (pass->present && pass->missing));
    return is_done ? KR_OK : KR_ENOMEM;
}

/* Where vector `at` of a pass, which is v, finds its neighbors. Slots it does not have are not
 * present; they read the first vector or word. */
static void add_sources(const kr_fold *fold, kr_bits_pass *pass, size_t at, int32_t v)
{
    int32_t first = fold->slot_begin[v], n = fold->slot_begin[v + 1] - first;
    size_t n_tiles = (size_t)fold->n_tiles, to = at * (size_t)pass->n_slots;
    if (!fold->near) {
        memcpy(pass->source + to, fold->source + first, (size_t)n * sizeof *pass->source);
        return;
    }
    memcpy(pass->near + to * n_tiles, fold->near + (size_t)first * n_tiles,
           (size_t)n * n_tiles * sizeof *pass->near);
    for (int32_t t = 0; t < fold->n_tiles; t++) {
        if (fold->site[(size_t)v * n_tiles + (size_t)t] >= 0) {
            set_elements(pass->filled + at * 8, fold, t);
        }
    }
}

/* Appends a vector to a pass. */
static void add_vector(const kr_bits_tables *b, kr_bits_pass *pass, int32_t v, int32_t most_z)
{
    const kr_fold *fold = b->fold;
    size_t at = (size_t)pass->n++;
    pass->vector[at] = v;
    add_sources(fold, pass, at, v);
    for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
        size_t k = at * (size_t)pass->n_slots + (size_t)(s - fold->slot_begin[v]);
        for (int32_t t = 0; t < fold->n_tiles; t++) {
            double K = coupling_of(b, s, t);
            if (pass->sign && b->is_mixed && K < 0.0) {
                set_elements(pass->sign + 8 * k, fold, t);
            }
            if (pass->present && K != 0.0) {
                set_elements(pass->present + 8 * k, fold, t);
            }
        }
    }
    for (int32_t t = 0; pass->missing && t < fold->n_tiles; t++) {
        int32_t missing = most_z;
        for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
            missing -= coupling_of(b, s, t) != 0.0;
        }
        for (int32_t digit = 0; digit < 3; digit++) {
            if (missing >> digit & 1) {
                set_elements(pass->missing + (3 * at + (size_t)digit) * 8, fold, t);
            }
        }
    }
}

/* The law of a number of neighbors, made on first use. */
static int find_law(kr_bits_tables *b, int32_t *z_of, int32_t z, bool is_rim,
                    const kr_bits_law **law, kr_error *err)
{
    int32_t key = is_rim ? -1 : z, l = 0;
    while (l < b->n_laws && z_of[l] != key) {
        l++;
    }
    *law = &b->law[l];
    if (l < b->n_laws) {
        return KR_OK;
    }
    z_of[b->n_laws++] = key;
    if (b->lane_beta) {
        return kr_bits_law_make_lanes(b->kind, b->lane_beta, b->n_lanes, b->fold->n_lanes,
                                      b->coupling, b->field, z, is_rim, &b->law[l], err);
    }
    kr_bits_law_make(b->kind, b->beta, b->coupling, b->field, z, is_rim, &b->law[l]);
    return KR_OK;
}

enum { NEEDS_MAX = 2 * (KR_BITS_SLOTS + 1) + 2 };

typedef struct sorted {
    need *of;                /* (n_vectors) */
    int32_t most_z;          /* in rims */
    int32_t most_slots;      /* the same, slots */
    int32_t z_of[NEEDS_MAX]; /* of the laws */
} sorted;

static int sort_vectors(kr_bits_tables *b, sorted *s, kr_error *err)
{
    int32_t n = b->fold->n_vectors;
    s->of = kr_alloc((size_t)n, sizeof *s->of, err);
    if (!s->of) {
        return KR_ENOMEM;
    }
    for (int32_t v = 0; v < n; v++) {
        int32_t z = 0;
        s->of[v] = need_of(b, v, &z);
        int32_t most = s->of[v].is_rim ? MISSING_SLOTS : KR_BITS_SLOTS;
        if (z > most) {
            return kr_fail(err, KR_EUNSUP, "a site has %d neighbors, want at most %d%s", z,
                           most, s->of[v].is_rim ? " where some sites lack some" : "");
        }
        if (s->of[v].is_rim) {
            s->most_z = z > s->most_z ? z : s->most_z;
            s->most_slots = s->of[v].n_slots > s->most_slots ? s->of[v].n_slots : s->most_slots;
        }
    }
    for (int32_t v = 0; v < n; v++) {
        s->of[v].n_slots = s->of[v].is_rim ? s->most_slots : s->of[v].n_slots;
    }
    return KR_OK;
}

/* One pass per kind of vector in a color. */
static int make_color(kr_bits_tables *b, sorted *s, int32_t color, kr_error *err)
{
    int32_t begin = b->fold->color_begin[color], end = b->fold->color_begin[color + 1];
    need known[NEEDS_MAX];
    int32_t count[NEEDS_MAX] = { 0 }, pass_of[NEEDS_MAX], n_known = 0;
    for (int32_t v = begin; v < end; v++) {
        int32_t k = 0;
        while (k < n_known && !same_need(known[k], s->of[v])) {
            k++;
        }
        if (k == n_known) {
            known[n_known++] = s->of[v];
        }
        count[k]++;
    }
    for (int32_t k = 0; k < n_known; k++) {
        kr_bits_pass *pass = &b->pass[b->n_passes];
        pass_of[k] = b->n_passes++;
        KR_TRY(alloc_pass(b->fold, pass, known[k], (size_t)count[k], err));
        KR_TRY(find_law(b, s->z_of, known[k].is_rim ? s->most_z : known[k].n_slots,
                        known[k].is_rim, &pass->law, err));
    }
    for (int32_t v = begin; v < end; v++) {
        int32_t k = 0;
        while (!same_need(known[k], s->of[v])) {
            k++;
        }
        add_vector(b, &b->pass[pass_of[k]], v, s->most_z);
    }
    return KR_OK;
}

static int make_passes(kr_bits_tables *b, kr_error *err)
{
    sorted s = { .of = NULL };
    size_t n_colors = (size_t)b->fold->n_colors;
    b->pass_begin = kr_alloc(n_colors + 1, sizeof *b->pass_begin, err);
    b->pass = kr_alloc(n_colors * NEEDS_MAX, sizeof *b->pass, err);
    b->law = kr_alloc(NEEDS_MAX, sizeof *b->law, err);
    int status = b->pass_begin && b->pass && b->law ? sort_vectors(b, &s, err) : KR_ENOMEM;
    for (int32_t c = 0; status == KR_OK && c < b->fold->n_colors; c++) {
        status = make_color(b, &s, c, err);
        b->pass_begin[c + 1] = b->n_passes;
    }
    for (int32_t p = 0; p < b->n_passes; p++) {
        b->most_planes += ((uint64_t)b->pass[p].n + 8) * (uint64_t)b->pass[p].n_slots;
    }
    kr_free(s.of);
    return status;
}

static int make_halos(kr_bits_tables *b, kr_error *err)
{
    const kr_fold *fold = b->fold;
    b->halo = kr_alloc((size_t)fold->n_halos, sizeof *b->halo, err);
    if (!b->halo) {
        return KR_ENOMEM;
    }
    for (int32_t h = 0; h < fold->n_halos; h++) {
        const kr_fold_turn *turn = &fold->halo[h].turn;
        memcpy(b->halo[h].first, turn->first, sizeof turn->first);
        memcpy(b->halo[h].second, turn->second, sizeof turn->second);
        b->halo[h].right = turn->right;
        b->halo[h].left = turn->left + 1;
        b->halo[h].mask = turn->mask;
        b->halo[h].source = (uint64_t)fold->halo[h].source;
        b->halo[h].target = (uint64_t)fold->n_vectors + (uint64_t)h;
    }
    return KR_OK;
}

/* ---- life cycle ------------------------------------------------------------------ */

void kr_bits_tables_valid(const kr_fold *fold, int32_t n_lanes, uint64_t *valid)
{
    uint64_t word = n_lanes == 64 ? UINT64_MAX : (UINT64_C(1) << n_lanes) - 1;
    int32_t n = fold->n_lanes * fold->n_tiles;
    for (int32_t k = fold->n_lanes; k < 64 && k < n; k *= 2) {
        word |= word << k;
    }
    for (int32_t w = 0; w < 8; w++) {
        valid[w] = w * 64 < n ? word : 0;
    }
}

int kr_bits_tables_init(kr_bits_tables *b, const kr_update_setting *setting, kr_local_kind kind,
                        kr_error *err)
{
    b->terms = setting->target->terms;
    b->beta = setting->target->beta;
    b->lane_beta = setting->lane_beta;
    b->n_lanes = setting->n_lanes;
    b->kind = kind;
    KR_TRY(read_model(b, err));
    KR_TRY(set_energy_zero(b, err));
    b->fold = kr_fold_alloc(setting->target, KR_LAYOUT_BITS, setting->n_lanes, err);
    if (!b->fold) {
        return KR_ENOMEM;
    }
    kr_bits_tables_valid(b->fold, setting->n_lanes, b->valid);
    KR_TRY(make_passes(b, err));
    KR_TRY(make_halos(b, err));
    b->lane_beta = NULL;
    return KR_OK;
}

void kr_bits_tables_clear(kr_bits_tables *b)
{
    for (int32_t p = 0; p < b->n_passes; p++) {
        kr_free(b->pass[p].vector);
        kr_free(b->pass[p].source);
        kr_free(b->pass[p].near);
        kr_free(b->pass[p].filled);
        kr_free(b->pass[p].sign);
        kr_free(b->pass[p].present);
        kr_free(b->pass[p].missing);
    }
    kr_free(b->pass_begin);
    kr_free(b->pass);
    for (int32_t l = 0; l < b->n_laws; l++) {
        kr_free(b->law[l].lane_P);
        kr_free(b->law[l].lane_threshold);
    }
    kr_free(b->law);
    kr_free(b->halo);
    kr_fold_free(b->fold);
}
