/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_frontier_grow.c - networks taken over from a density of another lattice. */
#include "tiny.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/frontier.h"

extern const kr_density_plug kr_density_frontier, kr_density_multilevel;

typedef struct net { /* a density with random weights and its table */
    kr_lattice *lattice;
    kr_terms *terms;
    kr_frontier *self;
    size_t n_networks, n_weights;
    int64_t *networks;
    float *weights;
} net;

typedef struct kind {
    const kr_density_plug *plug;
    const char *params, *model, *model_params, *boundary;
} kind;

static const kind kinds[] = {
    { &kr_density_multilevel, "{hidden: 5, radius: 2}", "ising", "{}", "periodic" },
    { &kr_density_multilevel, "{hidden: 5, radius: 2}", "ising",
      "{random_field: {kind: gaussian, seed: 3}}", "periodic" },
    { &kr_density_multilevel, "{hidden: 5, radius: 2}", "ising", "{field: 0.2}",
      "[open, periodic]" },
    { &kr_density_multilevel, "{hidden: 5, radius: 2}", "potts", "{q: 5}", "open" },
    { &kr_density_multilevel, "{hidden: 5, radius: 2}", "blume_capel", "{}", "periodic" },
    { &kr_density_frontier, "{hidden: 3, window: 3}", "ising", "{}", "periodic" },
    { &kr_density_frontier, "{hidden: 3, window: 3}", "potts", "{q: 3}", "open" },
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static net open_net(const kind *k, const char *lattice, const char *lattice_params,
                    uint64_t seed)
{
    kr_error err = { 0 };
    net n = { .n_networks = 0 };
    const kr_lattice_plug *lattice_plug = tiny_lattice(lattice);
    const kr_model_plug *model = tiny_model(k->model);
    void *on = tiny_params(lattice, lattice_plug->fields, lattice_plug->params_size,
                           lattice_params, &err);
    void *of = tiny_params(k->model, model->fields, model->params_size, k->model_params, &err);
    void *params =
        tiny_params(k->plug->name, k->plug->fields, k->plug->params_size, k->params, &err);
    n.lattice = on ? kr_lattice_alloc(lattice_plug, on, &err) : NULL;
    n.terms = n.lattice && of ? kr_terms_alloc(model, of, n.lattice, &err) : NULL;
    kr_target target = { .lattice = n.lattice, .terms = n.terms, .beta = 0.4 };
    n.self = n.terms && params ? k->plug->alloc(&target, params, &err) : NULL;
    if (!n.self) {
        fail_msg("%s", err.text);
    }
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    k->plug->init(n.self, &rng);
    n.n_networks = k->plug->networks(n.self, NULL);
    n.networks = calloc(n.n_networks + 1, sizeof *n.networks);
    k->plug->networks(n.self, n.networks);
    n.n_weights = k->plug->n_weights(n.self);
    n.weights = k->plug->weights(n.self);
    free(on);
    free(of);
    free(params);
    return n;
}

static net open_box(const kind *k, int side, uint64_t seed)
{
    char box[96];
    snprintf(box, sizeof box, "{size: [%d, %d], boundary: %s}", side, side, k->boundary);
    return open_net(k, "hypercubic", box, seed);
}

static void close_net(net *n)
{
    kr_frontier_free(n->self);
    kr_terms_free(n->terms);
    kr_lattice_free(n->lattice);
    free(n->networks);
}

static int adopt(net *to, const net *from, kr_adopted *count, kr_error *err)
{
    return kr_frontier_adopt(to->self, from->networks, from->n_networks, from->weights,
                             from->n_weights, count, err);
}

static void the_same_size_takes_over_every_weight(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        kr_error err = { 0 };
        kr_adopted count;
        net a = open_box(&kinds[k], 8, 1), b = open_box(&kinds[k], 8, 2);
        assert_memory_not_equal(a.weights, b.weights, a.n_weights * sizeof(float));
        assert_ok(adopt(&b, &a, &count, &err), &err);
        assert_memory_equal(a.weights, b.weights, a.n_weights * sizeof(float));
        assert_int_equal(count.n_same, a.self->plan.n_nets);
        assert_int_equal(count.n_near + count.n_fresh, 0);
        close_net(&a);
        close_net(&b);
    }
}

/* Record of network k in a table without open directions, read here once more. */
static const int64_t *record_of(const net *n, int32_t k, size_t *length)
{
    const int64_t *at = n->networks + 8;
    const size_t q = (size_t)n->terms->q;
    for (;; at += *length) {
        *length = 4 + q + (size_t)at[3 + q];
        if (k-- == 0) {
            return at;
        }
    }
}

static const float *weights_of(const net *n, int32_t k, size_t *length)
{
    const size_t begin = n->self->offset[n->self->plan.owner[k]];
    const bool is_last = k + 1 == n->self->plan.n_nets;
    *length = (is_last ? n->n_weights : n->self->offset[n->self->plan.owner[k + 1]]) - begin;
    return n->weights + begin;
}

/* Networks of b that a has too: as many as told, with the same weights. */
static int32_t count_equal(const net *a, const net *b)
{
    int32_t n_same = 0;
    for (int32_t i = 0; i < b->self->plan.n_nets; i++) {
        for (int32_t j = 0; j < a->self->plan.n_nets; j++) {
            size_t m, n;
            const int64_t *x = record_of(b, i, &m), *y = record_of(a, j, &n);
            if (m == n && memcmp(x, y, n * sizeof *x) == 0) {
                const float *v = weights_of(b, i, &m), *w = weights_of(a, j, &n);
                assert_int_equal(m, n);
                assert_memory_equal(v, w, n * sizeof *v);
                n_same++;
            }
        }
    }
    return n_same;
}

static void networks_with_one_key_carry_the_same_weights(void **state)
{
    (void)state;
    static const int which[] = { 0, 4, 5 };
    for (int k = 0; k < 3; k++) {
        kr_error err = { 0 };
        kr_adopted count;
        net a = open_box(&kinds[which[k]], 8, 1), b = open_box(&kinds[which[k]], 16, 2);
        assert_ok(adopt(&b, &a, &count, &err), &err);
        assert_int_equal(count_equal(&a, &b), count.n_same);
        assert_true(count.n_same >= 10);
        assert_int_equal(count.n_same + count.n_near + count.n_fresh, b.self->plan.n_nets);
        assert_int_equal(count.n_fresh, 0);
        close_net(&a);
        close_net(&b);
    }
}

/* The network of a with those weights of the hidden units: random numbers, so there is one. */
static int32_t find_source(const net *a, const float *v, int32_t n_hidden)
{
    for (int32_t j = 0; j < a->self->plan.n_nets; j++) {
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        kr_frontier_arrays(a->self, a->self->plan.owner[j], array);
        if (array[1].columns == (size_t)n_hidden &&
            memcmp(a->weights + array[1].begin, v, array[1].columns * sizeof *v) == 0) {
            return j;
        }
    }
    fail_msg("weights of no network");
    return -1;
}

/* Each input of an Ising network has the weights of the input at the same offset, or zero. */
static void inputs_are_matched_by_offset(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_adopted count;
    size_t m, n, n_zero = 0;
    net a = open_box(&kinds[0], 8, 1), b = open_box(&kinds[0], 16, 2);
    assert_ok(adopt(&b, &a, &count, &err), &err);
    for (int32_t i = 0; i < b.self->plan.n_nets; i++) {
        kr_frontier_array to[KR_FRONTIER_ARRAYS], from[KR_FRONTIER_ARRAYS];
        kr_frontier_arrays(b.self, b.self->plan.owner[i], to);
        if (to[0].columns == 0) {
            continue;
        }
        const int32_t j = find_source(&a, b.weights + to[1].begin, b.self->hidden);
        kr_frontier_arrays(a.self, a.self->plan.owner[j], from);
        const int64_t *x = record_of(&b, i, &m) + 6, *y = record_of(&a, j, &n) + 6;
        for (size_t k = 0; k < to[0].columns; k++) {
            size_t at = 0;
            while (at < from[0].columns && y[at] != x[k]) {
                at++;
            }
            const bool has = at < from[0].columns;
            n_zero += !has;
            for (size_t u = 0; u < to[0].rows; u++) {
                assert_true(b.weights[to[0].begin + u * to[0].pitch + k] ==
                            (has ? a.weights[from[0].begin + u * from[0].pitch + at] : 0.0f));
            }
        }
    }
    assert_true(n_zero > 10);
    close_net(&a);
    close_net(&b);
}

/* Every kind gives a density with finite log q, whose padding is zero. */
static void grown_densities_are_sound(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        kr_error err = { 0 };
        kr_adopted count;
        double log_q[16], again[16];
        uint8_t *s = kr_alloc(32 * 32 * 16, 1, &err);
        net a = open_box(&kinds[k], 8, 1), b = open_box(&kinds[k], 32, 2);
        void *scratch = kr_alloc(kr_frontier_scratch_bytes(b.self, 16), 1, &err);
        kr_rng rng;
        kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
        assert_ok(adopt(&b, &a, &count, &err), &err);
        for (size_t w = 0; w < b.n_weights; w++) {
            assert_true(b.weights[w] == 0.0f || !kr_frontier_is_padding(b.self, w));
        }
        kr_frontier_sample_tail(b.self, 0, 16, s, log_q, &rng, scratch);
        kr_frontier_log_q_tail(b.self, 0, 16, s, again, scratch);
        for (int l = 0; l < 16; l++) {
            assert_true(isfinite(log_q[l]) && log_q[l] < 0.0 && log_q[l] == again[l]);
        }
        kr_free(scratch);
        kr_free(s);
        close_net(&a);
        close_net(&b);
    }
}

/* How far the fields of two networks of an Ising density are apart; infinite where level or
 * pattern differ. */
static double field_distance(const int64_t *x, size_t m, const int64_t *y, size_t n)
{
    double sum = 0.0, a, b;
    for (int s = 3; s < 5; s++) {
        memcpy(&a, x + s, sizeof a);
        memcpy(&b, y + s, sizeof b);
        sum += fabs(a - b);
    }
    return m == n && x[0] == y[0] && memcmp(x + 5, y + 5, (n - 5) * sizeof *x) == 0 ? sum
                                                                                    : INFINITY;
}

/* Among networks of one pattern the one of the nearest field. */
static void the_nearest_field_is_taken(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_adopted count;
    kind other = kinds[1];
    other.model_params = "{random_field: {kind: gaussian, seed: 4}}";
    net a = open_box(&kinds[1], 8, 1), b = open_box(&other, 8, 2);
    assert_ok(adopt(&b, &a, &count, &err), &err);
    assert_int_equal(count.n_near, b.self->plan.n_nets);
    for (int32_t i = 0; i < b.self->plan.n_nets; i++) {
        double least = INFINITY;
        int32_t nearest = -1;
        size_t m, n;
        const int64_t *x = record_of(&b, i, &m);
        for (int32_t j = 0; j < a.self->plan.n_nets; j++) {
            const int64_t *y = record_of(&a, j, &n);
            nearest = field_distance(x, m, y, n) < least ? j : nearest;
            least = fmin(least, field_distance(x, m, y, n));
        }
        assert_true(nearest >= 0);
        const float *v = weights_of(&b, i, &m), *w = weights_of(&a, nearest, &n);
        assert_true(m == n && memcmp(v, w, n * sizeof *v) == 0);
    }
    close_net(&a);
    close_net(&b);
}

static void assert_refused(const kind *k, const char *lattice, const char *params,
                           const char *want)
{
    kr_error err = { 0 };
    kr_adopted count;
    net a = open_box(&kinds[5], 8, 1), b = open_net(k, lattice, params, 2);
    float *before = malloc(b.n_weights * sizeof *before);
    memcpy(before, b.weights, b.n_weights * sizeof *before);
    if (adopt(&b, &a, &count, &err) != KR_EMISMATCH || !strstr(err.text, want)) {
        fail_msg("\"%s\", want \"%s\"", err.text, want);
    }
    assert_memory_equal(before, b.weights, b.n_weights * sizeof *before);
    free(before);
    close_net(&a);
    close_net(&b);
}

static void what_has_nothing_alike_is_refused(void **state)
{
    (void)state;
    kind all = kinds[5], wide = kinds[5];
    all.params = "{hidden: 3}";
    wide.params = "{hidden: 4, window: 3}";
    assert_refused(&all, "hypercubic", "{size: [16, 16]}", "a network of its own");
    assert_refused(&wide, "hypercubic", "{size: [16, 16]}", "hidden 3, want 4");
    wide.params = "{hidden: 3, window: 3}";
    wide.model_params = "{field: 0.1}";
    assert_refused(&wide, "hypercubic", "{size: [16, 16]}", "form 0, want 1");
    assert_refused(&kinds[5], "hypercubic", "{size: [6, 6, 6]}", "dimensions 2, want 3");
    assert_refused(&kinds[5], "hypercubic", "{size: [16, 16], boundary: open}",
                   "open boundaries in directions: none, want: 0, 1");
    assert_refused(&kinds[5], "triangular", "{size: [16, 16]}", "is like one of");
}

/* ---- damage ------------------------------------------------------------------------------ */

/* Adopts from a changed table into fresh weights: refused with a reason and nothing changed,
 * or taken with finite weights. */
static bool is_taken(net *b, const net *a, size_t n)
{
    kr_error err = { 0 };
    kr_adopted count;
    int status =
        kr_frontier_adopt(b->self, a->networks, n, a->weights, a->n_weights, &count, &err);
    assert_true(status == KR_OK || (status == KR_EMISMATCH && err.text[0] != '\0'));
    for (size_t w = 0; w < b->n_weights; w++) {
        assert_true(isfinite(b->weights[w]));
    }
    return status == KR_OK;
}

static void no_truncated_or_lengthened_table_is_taken(void **state)
{
    (void)state;
    net a = open_box(&kinds[0], 8, 1), b = open_box(&kinds[0], 16, 2);
    for (size_t n = 0; n < a.n_networks; n++) {
        int64_t *copy = malloc((n + 1) * sizeof *copy); /* so that reads beyond it are seen */
        int64_t *whole = a.networks;
        memcpy(copy, whole, n * sizeof *copy);
        a.networks = copy;
        assert_false(is_taken(&b, &a, n));
        if (n >= 8) {
            copy[7] = (int64_t)n; /* the length forged too */
            assert_false(is_taken(&b, &a, n));
        }
        a.networks = whole;
        free(copy);
    }
    close_net(&a);
    close_net(&b);
}

static void no_forged_number_does_harm(void **state)
{
    (void)state;
    static const int64_t forged[] = { -1, 0, 1, 7, 1 << 20, INT64_MAX, INT64_MIN };
    size_t n_taken = 0, n_refused = 0;
    net a = open_box(&kinds[0], 8, 1), b = open_box(&kinds[0], 16, 2);
    for (size_t k = 0; k < a.n_networks; k++) {
        const int64_t old = a.networks[k];
        for (size_t f = 0; f < sizeof forged / sizeof *forged; f++) {
            a.networks[k] = forged[f];
            const bool is_in = is_taken(&b, &a, a.n_networks);
            assert_true(k >= 8 || !is_in || forged[f] == old);
            n_taken += is_in;
            n_refused += !is_in;
        }
        a.networks[k] = old;
    }
    assert_true(n_taken > 100 && n_refused > 100);
    close_net(&a);
    close_net(&b);
}

static void unsorted_inputs_are_refused(void **state)
{
    (void)state;
    size_t length;
    net a = open_box(&kinds[0], 8, 1), b = open_box(&kinds[0], 16, 2);
    for (int32_t k = 0; k < a.self->plan.n_nets; k++) {
        int64_t *code = a.networks + (record_of(&a, k, &length) - a.networks) + 6;
        if (length >= 8) {
            const int64_t first = code[0];
            code[0] = code[1];
            assert_false(is_taken(&b, &a, a.n_networks));
            code[0] = first;
        }
    }
    close_net(&a);
    close_net(&b);
}

static void weights_that_do_not_belong_to_the_table_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_adopted count;
    net a = open_box(&kinds[3], 8, 1), b = open_box(&kinds[3], 16, 2);
    a.n_weights -= 16;
    assert_int_equal(adopt(&b, &a, &count, &err), KR_EMISMATCH);
    assert_non_null(strstr(err.text, "for its table of networks"));
    a.n_weights += 16;
    size_t n_padding = 0;
    for (size_t w = 0; w < a.n_weights; w += 7) {
        const float old = a.weights[w];
        const bool is_padding = kr_frontier_is_padding(a.self, w);
        a.weights[w] = 1.0f;
        err = (kr_error){ 0 };
        assert_true((adopt(&b, &a, &count, &err) != KR_OK) == is_padding);
        assert_true(!is_padding || strstr(err.text, "is padding and 1, want 0"));
        a.weights[w] = old;
        n_padding += is_padding;
    }
    assert_true(n_padding > 20);
    close_net(&a);
    close_net(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_size_takes_over_every_weight),
        cmocka_unit_test(networks_with_one_key_carry_the_same_weights),
        cmocka_unit_test(inputs_are_matched_by_offset),
        cmocka_unit_test(grown_densities_are_sound),
        cmocka_unit_test(the_nearest_field_is_taken),
        cmocka_unit_test(what_has_nothing_alike_is_refused),
        cmocka_unit_test(no_truncated_or_lengthened_table_is_taken),
        cmocka_unit_test(no_forged_number_does_harm),
        cmocka_unit_test(unsorted_inputs_are_refused),
        cmocka_unit_test(weights_that_do_not_belong_to_the_table_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
