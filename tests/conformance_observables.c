/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_observables.c - what every observable of the registry must satisfy on every
 * model, over all configurations of a tiny torus. A new observable or model is covered without
 * a new test: columns are named once, a lane is measured alone as among others, values are
 * finite, derived quantities name a column, and every mean and derived quantity that an exact
 * solver knows by name comes out of the enumeration. */
#include "kr_test.h"

#include "base/memory.h"
#include "model/block.h"
#include "model/exact.h"
#include "run/registry.h"
#include "tiny.h"

#define BETA 0.7

typedef struct subject {
    const kr_observable_plug *plug;
    const kr_model_plug *model;
    tiny *system;
    kr_target target;
    char params[8192];
} subject;

/* Required integers get one more than their least value, the rest its default. */
static void least_fields(const kr_model_plug *model, char *yaml, size_t size)
{
    snprintf(yaml, size, "{");
    for (const kr_field *f = model->fields; f && f->name; f++) {
        if (!f->fallback && f->type == KR_TYPE_INT) {
            snprintf(yaml + strlen(yaml), size - strlen(yaml), "%s%s: %.0f",
                     strlen(yaml) > 1 ? ", " : "", f->name, f->min + 1.0);
        }
    }
    snprintf(yaml + strlen(yaml), size - strlen(yaml), "}");
}

static subject *open_subject(const kr_observable_plug *plug, const kr_model_plug *model)
{
    kr_error err = { 0 };
    subject *s = kr_alloc(1, sizeof *s, NULL);
    assert_non_null(s);
    s->plug = plug;
    s->model = model;
    char yaml[512];
    least_fields(model, yaml, sizeof yaml);
    bool is_pair = plug->flags & KR_OBSERVABLE_PAIRS; /* their states are those of two */
    s->system = tiny_alloc(model, yaml, tiny_lattice("hypercubic"), "{size: [3, 2]}",
                           is_pair ? 1024 : 4096, &err);
    if (!s->system && is_pair) {
        err = (kr_error){ 0 };
        s->system =
            tiny_alloc(model, yaml, tiny_lattice("hypercubic"), "{size: [2, 2]}", 1024, &err);
    }
    if (!s->system) {
        fail_msg("%s: %s", model->name, err.text);
    }
    s->target = (kr_target){ s->system->lattice, s->system->terms, BETA };
    return s;
}

static void close_subject(subject *s)
{
    tiny_free(s->system);
    kr_free(s);
}

/* Values of all columns for n states, one lane each; out has a row per lane or pair. */
static void measure(const subject *s, void *self, const int64_t *states, int32_t n, double *out)
{
    kr_block *block = kr_block_alloc(s->target.terms, n, 0, 0, NULL);
    assert_non_null(block);
    for (int32_t l = 0; l < n; l++) {
        tiny_decode(s->system, states[l], block->state + (size_t)l * (size_t)block->n_sites, 1);
    }
    kr_block_score(block, s->target.terms);
    kr_block_count(block);
    s->plug->measure(self, block, out);
    kr_block_free(block);
}

static void check_columns(const subject *s, const kr_column *column, int32_t n)
{
    assert_true(n > 0);
    for (int32_t a = 0; a < n; a++) {
        assert_non_null(column[a].unit);
        assert_non_null(column[a].doc);
        assert_int_equal(strspn(column[a].name, "abcdefghijklmnopqrstuvwxyz_0123456789"),
                         strlen(column[a].name));
        for (int32_t b = 0; b < a; b++) {
            assert_string_not_equal(column[a].name, column[b].name);
        }
    }
    for (const kr_derived *d = s->plug->derived; d && d->name; d++) {
        int32_t a = 0;
        while (a < n && strcmp(column[a].name, d->column) != 0) {
            a++;
        }
        if (a == n) {
            fail_msg("%s: derived %s names no column: %s", s->plug->name, d->name, d->column);
        }
    }
}

/* Exact value of a quantity by its name in the result file; NaN where none is known. */
static double exact_named(const kr_exact *e, const char *name)
{
    const struct {
        const char *name;
        double value;
    } known[] = { { "energy_per_site", e->energy_per_site },
                  { "specific_heat", e->specific_heat },
                  { "magnetization_per_site", e->magnetization },
                  { "abs_magnetization_per_site", e->abs_magnetization },
                  { "magnetization_squared", e->magnetization_squared },
                  { "susceptibility", e->susceptibility },
                  { "binder", e->binder } };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (strcmp(known[k].name, name) == 0) {
            return known[k].value;
        }
    }
    return NAN;
}

/* Mean of value[s_i] over sites and states, NaN when the model has no moment of that name. */
static double moment_named(const subject *s, const double *law, const char *name)
{
    const kr_terms *terms = s->target.terms;
    int32_t k = 0;
    uint8_t state[64];
    while (k < terms->n_moments && strcmp(terms->moment[k].name, name) != 0) {
        k++;
    }
    double mean = k < terms->n_moments ? 0.0 : NAN;
    for (int64_t x = 0; k < terms->n_moments && x < s->system->n_states; x++) {
        tiny_decode(s->system, x, state, 1);
        for (int32_t i = 0; i < terms->n_sites; i++) {
            mean += law[x] * terms->moment[k].value[state[i]] / terms->n_sites;
        }
    }
    return mean;
}

static void check_exact(const subject *s, const char *name, double got, int *n_checked)
{
    kr_exact exact;
    assert_ok(kr_exact_enumerate(&s->target, &exact, NULL), &(kr_error){ 0 });
    double want = exact_named(&exact, name);
    if (isfinite(want)) {
        assert_close(got, want, 1e-11);
        ++*n_checked;
    }
}

/* Means and derived quantities over the enumerated law. */
static int check_means(const subject *s, void *self, const kr_column *column, int32_t n)
{
    double *law = tiny_law(s->system, BETA), *row = kr_alloc((size_t)n, sizeof *row, NULL);
    double mean[64] = { 0 }, square[64] = { 0 };
    int n_checked = 0;
    assert_true(law && row && n <= 64);
    for (int64_t x = 0; x < s->system->n_states; x++) {
        measure(s, self, &x, 1, row);
        for (int32_t k = 0; k < n; k++) {
            assert_true(isfinite(row[k]));
            mean[k] += law[x] * row[k];
            square[k] += law[x] * row[k] * row[k];
        }
    }
    for (int32_t k = 0; k < n; k++) {
        check_exact(s, column[k].name, mean[k], &n_checked);
        double moment = moment_named(s, law, column[k].name);
        if (isfinite(moment)) {
            assert_close(mean[k], moment, 1e-12);
            n_checked++;
        }
    }
    for (const kr_derived *d = s->plug->derived; d && d->name; d++) {
        for (int32_t k = 0; k < n; k++) {
            if (strcmp(column[k].name, d->column) == 0) {
                double scale =
                    pow(BETA, d->beta_power) * pow(s->target.terms->n_sites, d->site_power);
                double value =
                    d->kind == KR_DERIVED_BINDER ? 1.0 - square[k] / (3.0 * mean[k] * mean[k])
                    : d->kind == KR_DERIVED_MEAN ? scale * mean[k]
                                                 : scale * (square[k] - mean[k] * mean[k]);
                check_exact(s, d->name, value, &n_checked);
            }
        }
    }
    free(law);
    kr_free(row);
    return n_checked;
}

/* Means over two independent replicas, by name: overlaps from the marginals of one and two
 * sites, p_i(a) and p_ij(a, b), since two replicas agree with probability sum_a p_i(a)^2. */
typedef struct pair_means {
    double overlap, overlap_squared, link_overlap;
} pair_means;

static double squared_marginal(const subject *s, const double *law, int32_t i, int32_t j)
{
    enum { Q_MAX = 16 };
    int32_t q = s->target.terms->q;
    double p[Q_MAX][Q_MAX] = { { 0 } }, sum = 0.0;
    uint8_t state[64];
    assert_true(q <= Q_MAX);
    for (int64_t x = 0; x < s->system->n_states; x++) {
        tiny_decode(s->system, x, state, 1);
        p[state[i]][state[j]] += law[x];
    }
    for (int32_t a = 0; a < Q_MAX * Q_MAX; a++) {
        sum += p[a / Q_MAX][a % Q_MAX] * p[a / Q_MAX][a % Q_MAX];
    }
    return sum;
}

static pair_means expected_pairs(const subject *s, const double *law)
{
    int32_t n = s->target.terms->n_sites;
    double q = s->target.terms->q, QQ[64];
    pair_means m = { 0 };
    assert_true(n <= 8);
    for (int32_t i = 0; i < n; i++) {
        double p_i = squared_marginal(s, law, i, i);
        m.overlap += (q * p_i - 1.0) / (q - 1.0) / n;
        for (int32_t j = 0; j < n; j++) {
            QQ[8 * i + j] = (q * q * squared_marginal(s, law, i, j) - q * p_i -
                             q * squared_marginal(s, law, j, j) + 1.0) /
                            (q - 1.0) / (q - 1.0);
            m.overlap_squared += QQ[8 * i + j] / n / n;
        }
    }
    const kr_lattice *lattice = s->target.lattice;
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        m.link_overlap +=
            QQ[8 * lattice->bond[2 * b] + lattice->bond[2 * b + 1]] / (double)lattice->n_bonds;
    }
    return m;
}

/* Means over the law of two replicas, a block of pairs at a time. */
static int check_pair_means(const subject *s, void *self, const kr_column *column, int32_t n)
{
    enum { PAIRS = KR_LANES_MAX / 2 };
    double *law = tiny_law(s->system, BETA);
    double *row = kr_alloc((size_t)n * PAIRS, sizeof *row, NULL), mean[64] = { 0 };
    int64_t n_states = s->system->n_states, states[KR_LANES_MAX];
    assert_true(law && row && n <= 64);
    for (int64_t first = 0; first < n_states * n_states; first += PAIRS) {
        for (int64_t l = 0; l < PAIRS; l++) {
            int64_t pair = (first + l) % (n_states * n_states); /* the last block starts over */
            states[2 * l] = pair / n_states;
            states[2 * l + 1] = pair % n_states;
        }
        measure(s, self, states, KR_LANES_MAX, row);
        for (int64_t l = 0; l < PAIRS && first + l < n_states * n_states; l++) {
            for (int32_t k = 0; k < n; k++) {
                assert_true(isfinite(row[l * n + k]));
                mean[k] += law[states[2 * l]] * law[states[2 * l + 1]] * row[l * n + k];
            }
        }
    }
    pair_means want = expected_pairs(s, law);
    const struct {
        const char *name;
        double value;
    } known[] = { { "overlap", want.overlap },
                  { "overlap_squared", want.overlap_squared },
                  { "link_overlap", want.link_overlap } };
    int n_checked = 0;
    for (int32_t k = 0; k < n; k++) {
        for (size_t w = 0; w < sizeof known / sizeof *known; w++) {
            if (strcmp(column[k].name, known[w].name) == 0) {
                assert_close(mean[k], known[w].value, 1e-11);
                n_checked++;
            }
        }
    }
    free(law);
    kr_free(row);
    return n_checked;
}

/* A fresh instance that measures states together gives what fresh instances give one by one. */
static void check_lanes(const subject *s, int32_t n)
{
    enum { LANES = 38 };
    int32_t width = s->plug->flags & KR_OBSERVABLE_PAIRS ? 2 : 1; /* lanes of a row */
    kr_error err = { 0 };
    double *all = kr_alloc((size_t)LANES * (size_t)n, sizeof *all, NULL);
    double *one = kr_alloc((size_t)n, sizeof *one, NULL);
    void *self = s->plug->alloc(&s->target, s->params, LANES, &err);
    int64_t states[LANES];
    assert_true(all && one && self);
    for (int32_t l = 0; l < LANES; l++) {
        states[l] = 5 + l;
    }
    measure(s, self, states, LANES, all);
    s->plug->free(self);
    for (int32_t l = 0; l < LANES / width; l++) {
        self = s->plug->alloc(&s->target, s->params, width, &err);
        assert_non_null(self);
        measure(s, self, states + width * l, width, one);
        assert_memory_equal(one, all + (size_t)l * (size_t)n, (size_t)n * sizeof *one);
        s->plug->free(self);
    }
    kr_free(all);
    kr_free(one);
}

static void observable_measures_what_it_says(void **state)
{
    const kr_observable_plug *plug = ((const void **)*state)[0];
    const kr_model_plug *model = ((const void **)*state)[1];
    kr_error err = { 0 };
    subject *s = open_subject(plug, model);
    if (plug->supports && !plug->supports(&s->target, s->params, &err)) {
        assert_int_equal(err.status, KR_EUNSUP); /* refused with a reason */
        assert_true(strlen(err.text) > 0);
    } else {
        int32_t n = 0;
        bool is_pair = plug->flags & KR_OBSERVABLE_PAIRS;
        void *self = plug->alloc(&s->target, s->params, is_pair ? KR_LANES_MAX : 1, &err);
        assert_non_null(self);
        const kr_column *column = plug->columns(self, &n);
        check_columns(s, column, n);
        int n_checked =
            is_pair ? check_pair_means(s, self, column, n) : check_means(s, self, column, n);
        print_message("# %s on %s: %d columns, %d values against enumeration\n", plug->name,
                      model->name, n, n_checked);
        plug->free(self);
        check_lanes(s, n);
    }
    close_subject(s);
}

int main(void)
{
    enum { MAX = 256 };
    static struct CMUnitTest tests[MAX];
    static const void *pairs[MAX][2];
    static void *states[MAX];
    static char names[MAX][128];
    size_t count = 0;
    for (const kr_observable_plug *const *o = kr_registry_observables; *o; o++) {
        for (const kr_model_plug *const *m = kr_registry_models; *m && count < MAX; m++) {
            if (!(*m)->n_states) {
                continue; /* real-valued: conformance_actions */
            }
            pairs[count][0] = *o;
            pairs[count][1] = *m;
            states[count] = pairs[count];
            snprintf(names[count], sizeof names[count], "%s of %s", (*o)->name, (*m)->name);
            tests[count] = (struct CMUnitTest){
                .name = names[count],
                .test_func = observable_measures_what_it_says,
                .initial_state = states[count],
            };
            count++;
        }
    }
    return _cmocka_run_group_tests("conformance_observables", tests, count, NULL, NULL);
}
