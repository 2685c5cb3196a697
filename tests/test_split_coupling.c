/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_split_coupling.c - symmetry and growth of coupling flows. What all flows owe is in
 * conformance_flows.c. */
#include "kr_real_subject.h"

static real_subject subject_of(const char *model, const char *size, const char *params)
{
    real_subject s = { .beta = 1.0 };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "split_coupling") != 0) {
        plug++;
    }
    s.system = system_alloc("phi4", model, "hypercubic", size);
    system_params((*plug)->fields, params, s.params);
    snprintf(s.label, sizeof s.label, "%s, %s", model, size);
    assert_true(real_subject_make(&s, *plug));
    return s;
}

/* Site (x, y) of a square box of side L goes to the site of the number returned. */
typedef int32_t symmetry(int32_t x, int32_t y, int32_t L);

static int32_t two_steps(int32_t x, int32_t y, int32_t L)
{
    return (x + 1) % L + L * ((y + 1) % L);
}

static int32_t two_along(int32_t x, int32_t y, int32_t L)
{
    return (x + 2) % L + L * y;
}

static int32_t reflection(int32_t x, int32_t y, int32_t L)
{
    return (L - x) % L + L * y;
}

static int32_t exchange(int32_t x, int32_t y, int32_t L)
{
    return y + L * x;
}

static void check_symmetries(bool has_bath)
{
    symmetry *const all[] = { has_bath ? two_along : two_steps, reflection, exchange };
    const int32_t L = 6;
    for (int field = 0; field < 2; field++) {
        real_subject s =
            subject_of(field ? "m2=-1 lambda=1 field=0.3" : "m2=-4 lambda=6.975", "size=6,6",
                       has_bath ? "heat_bath=true" : "heat_bath=false");
        double *phi = get(s.n * LANES, sizeof *phi), *other = get(s.n * LANES, sizeof *phi);
        double log_q[LANES], again[LANES];
        randomize(&s, 2, 0.02);
        draw(&s, 3, LANES, phi, log_q);
        for (int k = 0; k < 3; k++) {
            for (int32_t i = 0; i < L * L; i++) {
                memcpy(other + (size_t)all[k](i % L, i / L, L) * LANES, phi + (size_t)i * LANES,
                       LANES * sizeof *phi);
            }
            kr_density_log_q(&s.density, LANES, other, again, poisoned(&s));
            for (int l = 0; l < LANES; l++) {
                assert_close(again[l], log_q[l], 1e-11);
            }
        }
        for (size_t i = 0; i < s.n * LANES; i++) {
            other[i] = -phi[i];
        }
        kr_density_log_q(&s.density, LANES, other, again, poisoned(&s));
        for (int l = 0; l < LANES; l++) {
            assert_true(field || fabs(again[l] - log_q[l]) < 1e-11 * fabs(log_q[l]) + 1e-11);
            assert_true(!field || again[l] != log_q[l]);
        }
        kr_free(other);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

static void log_q_has_the_symmetries_of_the_box(void **state)
{
    (void)state;
    check_symmetries(false);
    check_symmetries(true);
}

static void odd_periodic_sides_are_refused(void **state)
{
    (void)state;
    real_subject s = subject_of("m2=1 lambda=1", "size=4,4", "");
    kr_system odd = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", "size=4,5");
    const kr_target target = system_target(&odd, 1.0);
    kr_error err = { 0 };
    assert_false(s.plug->supports(&target, s.params, &err));
    assert_non_null(strstr(err.text, "side 5 is odd"));
    system_free(&odd);
    real_subject_clear(&s);
}

/* n_small, n_large: orbits of modes; those of `last` have the same momentum on both. */
static void check_growth(const char *params, int32_t n_small, int32_t n_large,
                         const int32_t last[2])
{
    real_subject small = subject_of("m2=-4 lambda=6.975", "size=6,6", params);
    real_subject same = subject_of("m2=-4 lambda=6.975", "size=6,6", params);
    real_subject large = subject_of("m2=-4 lambda=6.975", "size=12,12", params);
    const kr_density_plug *plug = small.plug;
    kr_error err = { 0 };
    kr_adopted count;
    randomize(&small, 4, 0.02);
    const size_t n = plug->networks(small.density.self, NULL);
    int64_t *networks = get(n, sizeof *networks);
    assert_int_equal(plug->networks(small.density.self, networks), n);
    float *w = plug->weights(small.density.self);
    assert_ok(plug->adopt(same.density.self, networks, n, w, small.n_weights, &count, &err),
              &err);
    assert_int_equal(count.n_near + count.n_fresh, 0);
    assert_memory_equal(plug->weights(same.density.self), w, small.n_weights * sizeof *w);
    assert_ok(plug->adopt(large.density.self, networks, n, w, small.n_weights, &count, &err),
              &err);
    assert_int_equal(count.n_fresh, 0);
    assert_int_equal(count.n_near, n_large - n_small); /* modes between those of 6 x 6 */
    const float *grown = plug->weights(large.density.self);
    assert_int_equal(large.n_weights - small.n_weights, n_large - n_small);
    assert_memory_equal(grown + n_large, w + n_small,
                        (small.n_weights - (size_t)n_small) * sizeof *w);
    assert_true(grown[0] == w[0] && grown[last[1]] == w[last[0]]);
    kr_free(networks);
    real_subject_clear(&large);
    real_subject_clear(&same);
    real_subject_clear(&small);
}

static void weights_serve_other_sizes(void **state)
{
    (void)state;
    check_growth("radius=2 heat_bath=false", 10, 28, (const int32_t[2]){ 9, 27 }); /* pi, pi */
    check_growth("radius=2 heat_bath=true", 6, 16, (const int32_t[2]){ 5, 15 });   /* pi, 0 */
}

static void networks_of_another_kind_are_refused_whole(void **state)
{
    (void)state;
    real_subject s = subject_of("m2=1 lambda=1", "size=4,4", "");
    const kr_density_plug *plug = s.plug;
    const size_t n = plug->networks(s.density.self, NULL);
    int64_t *networks = get(n, sizeof *networks);
    float *before = get(s.n_weights, sizeof *before), *w = plug->weights(s.density.self);
    kr_adopted count;
    randomize(&s, 5, 0.02);
    memcpy(before, w, s.n_weights * sizeof *w);
    for (size_t k = 0; k < 11; k++) { /* each number of the header */
        kr_error err = { 0 };
        plug->networks(s.density.self, networks);
        networks[k] += 1;
        assert_int_equal(
            plug->adopt(s.density.self, networks, n, before, s.n_weights, &count, &err),
            KR_EMISMATCH);
        assert_true(err.text[0] != '\0');
        assert_memory_equal(before, w, s.n_weights * sizeof *w);
    }
    kr_free(before);
    kr_free(networks);
    real_subject_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_q_has_the_symmetries_of_the_box),
        cmocka_unit_test(odd_periodic_sides_are_refused),
        cmocka_unit_test(weights_serve_other_sizes),
        cmocka_unit_test(networks_of_another_kind_are_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
