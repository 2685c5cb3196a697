/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flow_site.c - maps of single sites near the ends of a box. Inverse, Jacobian and
 * gradients within a flow are tests of conformance_flows. */
#include "kr_system.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/flow_site.h"

enum { ML = KR_FLOW_LANES, SITES_MAX = 20, KNOTS = 2 };

typedef struct subject {
    kr_lattice *lattice;
    kr_flow_layer layer;
    float *weights;
    double *w;
} subject;

static subject make(const char *size, bool is_even)
{
    kr_error err = { 0 };
    subject s = { .lattice = system_lattice("hypercubic", size, &err) };
    assert_non_null(s.lattice);
    s.layer = kr_flow_site_layer(s.lattice, KNOTS, is_even, 0.7, &err);
    assert_non_null(s.layer.self);
    s.weights = kr_alloc(s.layer.n_weights, sizeof *s.weights, &err);
    s.w = kr_alloc(s.layer.n_numbers, sizeof *s.w, &err);
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_TEST);
    for (size_t k = 0; k < s.layer.n_weights; k++) {
        s.weights[k] = (float)(kr_rng_uniform(&rng) - 0.5);
    }
    s.layer.ops->load(s.layer.self, s.weights, s.w);
    return s;
}

static void clear(subject *s)
{
    kr_free(s->w);
    kr_free(s->weights);
    s->layer.ops->free(s->layer.self);
    kr_lattice_free(s->lattice);
}

/* The map of every site at the same x. */
static void map_all(const subject *s, double x, double *out, double *log_j)
{
    double phi[SITES_MAX * ML], ln_j[ML] = { 0.0 };
    const int32_t n = s->lattice->n_sites;
    for (int32_t k = 0; k < n * ML; k++) {
        phi[k] = x;
    }
    s->layer.ops->forward(s->layer.self, s->w, phi, ln_j, NULL);
    for (int32_t i = 0; i < n; i++) {
        out[i] = phi[i * ML + 3];
    }
    *log_j = ln_j[3];
}

static void sites_as_far_from_an_end_share_a_map(void **state)
{
    (void)state;
    double out[SITES_MAX], log_j;
    subject s = make("size=7 boundary=open", false);
    map_all(&s, 0.4, out, &log_j);
    for (int i = 0; i < 7; i++) {
        assert_true(out[i] == out[6 - i]);
        for (int k = 0; k < i && i < 4; k++) {
            assert_true(out[i] != out[k]);
        }
    }
    clear(&s);
}

static void periodic_directions_do_not_count(void **state)
{
    (void)state;
    double out[SITES_MAX], log_j;
    subject s = make("size=4,3 boundary=periodic,open", false);
    map_all(&s, 0.4, out, &log_j);
    assert_int_equal(s.layer.n_weights, 2 * (kr_split_bend_weights(KNOTS) + 1));
    for (int i = 0; i < 12; i++) {
        assert_true(out[i] == out[i / 4 == 1 ? 4 : 0]);
    }
    assert_true(out[0] != out[4]);
    clear(&s);
}

static void only_boxes_with_ends_want_it(void **state)
{
    (void)state;
    static const char *const size[] = { "size=4", "size=4,4", "size=1 boundary=open",
                                        "size=4 boundary=open",
                                        "size=4,4 boundary=periodic,open" };
    for (int k = 0; k < 5; k++) {
        kr_error err = { 0 };
        kr_lattice *lattice = system_lattice("hypercubic", size[k], &err);
        assert_non_null(lattice);
        assert_int_equal(kr_flow_site_is_wanted(lattice), k >= 3);
        kr_lattice_free(lattice);
    }
}

static void maps_are_odd_where_the_action_is_even(void **state)
{
    (void)state;
    double plus[SITES_MAX], minus[SITES_MAX], log_plus, log_minus;
    for (int is_even = 0; is_even < 2; is_even++) {
        subject s = make("size=6 boundary=open", is_even);
        map_all(&s, 0.9, plus, &log_plus);
        map_all(&s, -0.9, minus, &log_minus);
        for (int i = 0; i < 6; i++) {
            assert_true((plus[i] == -minus[i]) == is_even);
        }
        assert_true((log_plus == log_minus) == is_even);
        clear(&s);
    }
}

static void log_jacobian_is_the_sum_of_slopes(void **state)
{
    (void)state;
    const double h = 1e-5;
    double up[SITES_MAX], down[SITES_MAX], unused, log_j, sum = 0.0, at[SITES_MAX];
    subject s = make("size=5 boundary=open", false);
    map_all(&s, 0.3 + h, up, &unused);
    map_all(&s, 0.3 - h, down, &unused);
    map_all(&s, 0.3, at, &log_j);
    for (int i = 0; i < 5; i++) {
        sum += log((up[i] - down[i]) / (2.0 * h));
    }
    assert_close(log_j, sum, 1e-8);
    clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_as_far_from_an_end_share_a_map),
        cmocka_unit_test(periodic_directions_do_not_count),
        cmocka_unit_test(only_boxes_with_ends_want_it),
        cmocka_unit_test(maps_are_odd_where_the_action_is_even),
        cmocka_unit_test(log_jacobian_is_the_sum_of_slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
