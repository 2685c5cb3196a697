/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_judge.c - which means agree, what is resolved, who pays against whom.
 *
 * n samples cost T + n c. Against a rival the candidate pays from n* = (T - T_r) / (c_r - c)
 * on; n* of a row is the largest over all classical rivals. A rival that is not resolved has a
 * lower bound of c_r in its place, which makes n* an upper bound, and nothing is decided when
 * that bound is below c. */
#include "stats/stats.h"
#include "study/compare_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RARE   0.005 /* a phase of less weight, or of all but so much, is not compared */
#define MEMORY 3.0   /* tau_int of a phase over that of the order parameter */

bool kr_compare_is_learned(const kr_compare_row *row)
{
    return row->kind == KR_COMPARE_LEARNED;
}

bool kr_compare_has_cost(const kr_compare_row *row)
{
    return row->status == KR_COMPARE_RESOLVED || row->status == KR_COMPARE_NOT_RESOLVED;
}

static bool was_measured(const kr_compare_row *row)
{
    return row->status != KR_COMPARE_LEFT_OUT && row->status != KR_COMPARE_NOT_RUN;
}

/* Resolved value of a row that still takes part, or NULL. */
static const kr_compare_value *resolved(const kr_compare_row *row, int32_t k)
{
    bool is_good = was_measured(row) && row->status != KR_COMPARE_DISAGREES &&
                   row->value[k].is_measured && row->value[k].is_resolved;
    return is_good ? &row->value[k] : NULL;
}

static double distance(const kr_compare_value *a, const kr_compare_value *b)
{
    double error = hypot(a->error, b->error), d = a->mean - b->mean;
    return error > 0.0 ? d / error : 0.0;
}

/* ---- agreement -------------------------------------------------------------------------- */

static double limit_of(const kr_compare *study)
{
    return kr_z_limit((int64_t)study->n_columns * study->n_rows * study->n_rows);
}

static void disagree(const kr_compare *study, kr_compare_row *row, int32_t k, double z,
                     const char *from)
{
    row->status = KR_COMPARE_DISAGREES;
    snprintf(row->note, sizeof row->note, "%s is off %s by %.1f errors", study->column[k].name,
             from, fabs(z));
}

static void check_exact(kr_compare *study)
{
    for (int32_t r = 0; r < study->n_rows; r++) {
        for (int32_t k = 0; k < study->n_columns; k++) {
            const kr_compare_value *v = resolved(&study->row[r], k);
            double z =
                v && v->error > 0.0 ? (v->mean - study->column[k].exact) / v->error : NAN;
            if (isfinite(z) && fabs(z) > limit_of(study)) {
                disagree(study, &study->row[r], k, z, "the exact value");
            }
        }
    }
}

/* Number of rows that row r disagrees with; the worst of them. */
static int32_t count_disagreements(const kr_compare *study, int32_t r, int32_t *column,
                                   int32_t *other, double *worst)
{
    int32_t count = 0;
    *worst = 0.0;
    for (int32_t s = 0; s < study->n_rows; s++) {
        bool is_off = false;
        for (int32_t k = 0; k < study->n_columns; k++) {
            const kr_compare_value *a = resolved(&study->row[r], k),
                                   *b = resolved(&study->row[s], k);
            double z = a && b && r != s ? distance(a, b) : 0.0;
            is_off = is_off || fabs(z) > limit_of(study);
            if (fabs(z) > fabs(*worst)) {
                *worst = z;
                *column = k;
                *other = s;
            }
        }
        count += is_off;
    }
    return count;
}

/* Those who disagree with most others go, until all agree; of two that differ, both. */
static void check_each_other(kr_compare *study)
{
    int32_t count[KR_COMPARE_ROWS], most;
    do {
        int32_t column[KR_COMPARE_ROWS] = { 0 }, other[KR_COMPARE_ROWS] = { 0 };
        double worst[KR_COMPARE_ROWS] = { 0 };
        most = 0;
        for (int32_t r = 0; r < study->n_rows; r++) {
            count[r] = count_disagreements(study, r, &column[r], &other[r], &worst[r]);
            most = count[r] > most ? count[r] : most;
        }
        for (int32_t r = 0; r < study->n_rows && most > 0; r++) {
            if (count[r] == most) {
                disagree(study, &study->row[r], column[r], worst[r], study->row[other[r]].name);
            }
        }
    } while (most > 0);
}

/* ---- phases that a population never saw ------------------------------------------------- */

/* Column in which the chains of another row are where the population never was, or -1. */
static int32_t find_unseen(const kr_compare *study, const kr_compare_row *population,
                           const kr_compare_row *other)
{
    for (int32_t k = 0; k < study->n_columns; k++) {
        const kr_compare_value *p = &population->value[k], *v = &other->value[k];
        if (p->is_measured && v->is_measured && (v->low < p->least || v->high > p->most)) {
            return k;
        }
    }
    return -1;
}

static bool is_resolved_row(const kr_compare *study, const kr_compare_row *row)
{
    for (int32_t k = 0; k < study->n_columns; k++) {
        if (row->value[k].is_measured && !row->value[k].is_constant && !resolved(row, k)) {
            return false;
        }
    }
    return was_measured(row);
}

/* Another row that is no population has other means: no witness against anybody. */
static bool is_disputed(const kr_compare *study, int32_t r)
{
    for (int32_t s = 0; s < study->n_rows; s++) {
        for (int32_t k = 0; k < study->n_columns && study->row[s].kind != KR_COMPARE_ANNEALING;
             k++) {
            const kr_compare_value *a = resolved(&study->row[r], k),
                                   *b = resolved(&study->row[s], k);
            if (a && b && fabs(distance(a, b)) > limit_of(study)) {
                return true;
            }
        }
    }
    return study->row[r].status == KR_COMPARE_DISAGREES;
}

/* A population that comes from high temperatures may miss a phase in every run, and its errors
 * do not know. Chains that were put into the phase do: those that come and go between phases,
 * and where there are none all others, stuck or not. */
static void check_population(const kr_compare *study, kr_compare_row *population)
{
    bool has_resolved = false;
    for (int32_t s = 0; s < study->n_rows; s++) {
        const kr_compare_row *other = &study->row[s];
        has_resolved = has_resolved ||
                       (other->kind != KR_COMPARE_ANNEALING && is_resolved_row(study, other));
    }
    for (int32_t s = 0; s < study->n_rows; s++) {
        const kr_compare_row *other = &study->row[s];
        if (other->kind == KR_COMPARE_ANNEALING || !was_measured(other) ||
            is_disputed(study, s) || (has_resolved && !is_resolved_row(study, other)) ||
            find_unseen(study, population, other) < 0) {
            continue;
        }
        population->status = KR_COMPARE_DISAGREES;
        snprintf(population->note, sizeof population->note,
                 "%s never was where %s is: a phase is missing in every run",
                 study->column[find_unseen(study, population, other)].name, other->name);
        return;
    }
}

static void check_populations(kr_compare *study)
{
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (study->row[r].kind == KR_COMPARE_ANNEALING && was_measured(&study->row[r])) {
            check_population(study, &study->row[r]);
        }
    }
}

/* The row that knows a mean best. */
static int32_t find_reference(const kr_compare *study, int32_t k)
{
    int32_t best = -1;
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_value *v = resolved(&study->row[r], k);
        if (v && (best < 0 || v->error < study->row[best].value[k].error)) {
            best = r;
        }
    }
    return best;
}

static int32_t order_column(const kr_compare *study)
{
    for (int32_t k = 0; k < study->n_columns; k++) {
        if (strcmp(study->column[k].name, "magnetization_per_site") == 0) {
            return k;
        }
    }
    return -1;
}

/* True when some row resolves the order parameter. */
static bool has_order(const kr_compare *study)
{
    int32_t k = order_column(study);
    return k >= 0 && find_reference(study, k) >= 0;
}

/* A chain between the phases keeps the one it was last in. Where that memory outlives the order
 * parameter itself, it tells of rare visits (of a glass, say), not of slow states. */
static bool is_memory(const kr_compare *study, const kr_compare_row *row, int32_t k)
{
    int32_t m = order_column(study);
    const kr_compare_value *order = m >= 0 ? resolved(row, m) : NULL;
    return order && order->tau * MEMORY < row->value[k].tau;
}

/* Constant everywhere, or a phase that is hardly ever seen: nothing to compare. Nor is a phase
 * that nobody resolves though the order parameter is: no chain enters it, and each keeps the
 * one it was put into. */
static void choose_columns(kr_compare *study)
{
    for (int32_t k = 0; k < study->n_columns; k++) {
        kr_compare_column *c = &study->column[k];
        c->is_compared = false;
        for (int32_t r = 0; r < study->n_rows; r++) {
            const kr_compare_value *v = &study->row[r].value[k];
            c->is_compared |= was_measured(&study->row[r]) && v->is_measured && !v->is_constant;
        }
        int32_t best = find_reference(study, k);
        if (c->is_phase && best >= 0) {
            double p = study->row[best].value[k].mean;
            c->is_compared = c->is_compared && p > RARE && p < 1.0 - RARE &&
                             !is_memory(study, &study->row[best], k);
        } else if (c->is_phase) {
            c->is_compared = c->is_compared && !has_order(study);
        }
    }
}

static void set_distances(kr_compare *study)
{
    for (int32_t k = 0; k < study->n_columns; k++) {
        kr_compare_column *c = &study->column[k];
        c->reference = find_reference(study, k);
        for (int32_t r = 0; r < study->n_rows; r++) {
            kr_compare_value *v = &study->row[r].value[k];
            if (!v->is_measured) {
                continue;
            }
            v->z = isfinite(c->exact)  ? (v->mean - c->exact) / v->error
                   : c->reference < 0  ? NAN
                   : c->reference == r ? 0.0
                                       : distance(v, &study->row[c->reference].value[k]);
        }
    }
}

/* ---- costs ------------------------------------------------------------------------------ */

static void choose_slowest(const kr_compare *study, kr_compare_row *row)
{
    const char *missing = NULL;
    bool is_resolved = true;
    row->slowest = -1;
    row->cost = 0.0;
    for (int32_t k = 0; k < study->n_columns; k++) {
        const kr_compare_value *v = &row->value[k];
        if (!study->column[k].is_compared) {
            continue;
        }
        if (!v->is_measured) { /* the phase follows from the order parameter */
            missing = study->column[k].is_phase ? missing : study->column[k].name;
            continue;
        }
        if (!v->is_resolved && is_resolved && row->status != KR_COMPARE_DISAGREES) {
            snprintf(row->note, sizeof row->note, "%s: %s", study->column[k].name, v->why);
        }
        is_resolved = is_resolved && v->is_resolved;
        if (row->slowest < 0 || v->cost > row->cost) {
            row->slowest = k;
            row->cost = v->cost;
            row->cost_error = v->cost_error;
        }
    }
    if (row->status == KR_COMPARE_DISAGREES) {
        return;
    }
    row->status = row->slowest < 0 || !is_resolved ? KR_COMPARE_NOT_RESOLVED
                  : missing                        ? KR_COMPARE_PARTIAL
                                                   : KR_COMPARE_RESOLVED;
    if (row->status == KR_COMPARE_PARTIAL) {
        snprintf(row->note, sizeof row->note, "does not measure %s", missing);
    }
}

static int compare_rows(const void *a, const void *b)
{
    static const int rank[] = {
        [KR_COMPARE_RESOLVED] = 0,  [KR_COMPARE_NOT_RESOLVED] = 1, [KR_COMPARE_PARTIAL] = 2,
        [KR_COMPARE_DISAGREES] = 3, [KR_COMPARE_LEFT_OUT] = 4,     [KR_COMPARE_NOT_RUN] = 5
    };
    const kr_compare_row *x = a, *y = b;
    if (rank[x->status] != rank[y->status]) {
        return rank[x->status] - rank[y->status];
    }
    return (x->cost > y->cost) - (x->cost < y->cost);
}

static bool is_rival(const kr_compare *study, int32_t r, int32_t other)
{
    const kr_compare_row *rival = &study->row[other];
    return other != r && kr_compare_has_cost(rival) && !kr_compare_is_learned(rival);
}

static void break_even(kr_compare *study, int32_t r)
{
    kr_compare_row *row = &study->row[r];
    double n_star = 0.0;
    row->even = KR_EVEN_NONE;
    row->even_rival = -1;
    row->n_star = NAN;
    if (row->status != KR_COMPARE_RESOLVED) {
        return;
    }
    for (int32_t s = 0; s < study->n_rows; s++) {
        const kr_compare_row *rival = &study->row[s];
        if (!is_rival(study, r, s)) {
            continue;
        }
        bool is_bound = rival->status == KR_COMPARE_NOT_RESOLVED;
        kr_compare_even even = is_bound ? KR_EVEN_AT_MOST : KR_EVEN_FROM;
        double n = (row->set_up_cpu_s - rival->set_up_cpu_s) / (rival->cost - row->cost);
        if (!(rival->cost > row->cost)) {
            even = is_bound ? KR_EVEN_UNDECIDED : KR_EVEN_NEVER;
            n = INFINITY;
        }
        if (row->even == KR_EVEN_NONE || n > n_star ||
            (even == KR_EVEN_NEVER && row->even == KR_EVEN_UNDECIDED)) {
            row->even = even;
            row->even_rival = s;
            n_star = n;
        }
    }
    if (row->even != KR_EVEN_NONE && n_star <= 1.0) {
        row->even = KR_EVEN_ALWAYS;
        n_star = 1.0;
    }
    row->n_star = row->even == KR_EVEN_NONE ? NAN : n_star;
}

/* Cost of a given number of samples, and of the cheapest rival for them. */
static void compare_samples(kr_compare *study, int32_t r)
{
    kr_compare_row *row = &study->row[r];
    double best = INFINITY;
    row->rival_n = -1;
    row->ratio_n = NAN;
    row->cost_n = row->set_up_cpu_s + KR_COMPARE_SAMPLES * row->cost;
    for (int32_t s = 0; s < study->n_rows; s++) {
        const kr_compare_row *rival = &study->row[s];
        double cost = rival->set_up_cpu_s + KR_COMPARE_SAMPLES * rival->cost;
        if (is_rival(study, r, s) && cost < best) {
            best = cost;
            row->rival_n = s;
            row->is_ratio_bound = rival->status == KR_COMPARE_NOT_RESOLVED;
        }
    }
    if (row->rival_n >= 0) {
        row->ratio_n = row->cost_n / best;
    }
}

void kr_compare_judge(kr_compare *study)
{
    check_exact(study);
    check_populations(study);
    check_each_other(study);
    choose_columns(study);
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (was_measured(&study->row[r])) {
            choose_slowest(study, &study->row[r]);
        }
    }
    qsort(study->row, (size_t)study->n_rows, sizeof *study->row, compare_rows);
    set_distances(study);
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (was_measured(&study->row[r])) {
            break_even(study, r);
            compare_samples(study, r);
        }
    }
}
