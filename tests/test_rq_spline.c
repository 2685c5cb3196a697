/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_rq_spline.c - flows of angles, symmetries, and growth. What all flows of
 * real numbers owe is in conformance_flows.c. */
#include "kr_real_subject.h"

#define TWO_PI 6.283185307179586477

static real_subject subject_of(const char *density, const char *model, const char *model_params,
                               const char *size, const char *params)
{
    real_subject s = { .beta = 1.0 };
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, density) != 0) {
        plug++;
    }
    s.system = system_alloc(model, model_params, "hypercubic", size);
    system_params((*plug)->fields, params, s.params);
    snprintf(s.label, sizeof s.label, "%s, %s %s, %s", density, model, model_params, size);
    if (!real_subject_make(&s, *plug)) {
        fail_msg("%s: not supported", s.label);
    }
    randomize(&s, 1, 0.1);
    return s;
}

static const struct {
    const char *model, *size, *params;
} angles[] = {
    { "field=0.3", "size=2", "" },
    { "field=0.3", "size=4,2", "net=conv hidden=5" },
    { "field=0.3", "size=3 boundary=open", "mask=half knots=5" },
    { "", "size=4", "" }, /* angles relative to the first */
};
enum { N_ANGLES = sizeof angles / sizeof *angles };

static real_subject angles_of(int k)
{
    return subject_of("rq_spline", "xy", angles[k].model, angles[k].size, angles[k].params);
}

static void angles_come_back_up_to_whole_turns(void **state)
{
    (void)state;
    for (int c = 0; c < N_ANGLES; c++) {
        real_subject s = angles_of(c);
        double *phi = get(s.n * LANES, sizeof *phi), *z = get(s.n * LANES, sizeof *z);
        double there[LANES], back[LANES], log_q[LANES];
        draw(&s, 3, LANES, phi, log_q);
        memcpy(z, phi, s.n * LANES * sizeof *z);
        flow_of(&s)->inverse(s.density.self, LANES, z, back, poisoned(&s));
        flow_of(&s)->forward(s.density.self, LANES, z, there, poisoned(&s));
        for (size_t k = 0; k < s.n * LANES; k++) {
            require(&s, fabs(remainder(z[k] - phi[k], TWO_PI)) <= 1e-10, "angle %zu: %g, %g", k,
                    z[k], phi[k]);
        }
        for (int l = 0; l < LANES; l++) {
            require(&s, fabs(there[l] - back[l]) <= 1e-10, "ln J %g, %g", there[l], back[l]);
        }
        kr_free(z);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

static void densities_of_angles_have_their_period(void **state)
{
    (void)state;
    for (int c = 0; c < N_ANGLES; c++) {
        real_subject s = angles_of(c);
        double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], again[LANES];
        draw(&s, 4, LANES, phi, log_q);
        for (size_t k = 0; k < s.n * LANES; k++) {
            phi[k] += TWO_PI * ((double)(k % 7) - 3.0);
        }
        kr_density_log_q(&s.density, LANES, phi, again, poisoned(&s));
        for (int l = 0; l < LANES; l++) {
            require(&s, fabs(again[l] - log_q[l]) <= 1e-10, "log q %.12g, moved %.12g",
                    log_q[l], again[l]);
        }
        kr_free(phi);
        real_subject_clear(&s);
    }
}

static void densities_of_angles_are_normalized(void **state)
{
    enum { POINTS = 400 };
    (void)state;
    real_subject s = angles_of(0);
    double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], sum = 0.0, least = INFINITY;
    double most = -INFINITY;
    for (int first = 0; first < POINTS * POINTS; first += LANES) {
        for (int l = 0; l < LANES; l++) {
            phi[l] = TWO_PI * ((first + l) % POINTS) / POINTS;
            phi[LANES + l] = TWO_PI * ((first + l) / POINTS) / POINTS;
        }
        kr_density_log_q(&s.density, LANES, phi, log_q, poisoned(&s));
        for (int l = 0; l < LANES; l++) {
            sum += exp(log_q[l]) * TWO_PI * TWO_PI / POINTS / POINTS;
            least = fmin(least, log_q[l]);
            most = fmax(most, log_q[l]);
        }
    }
    require(&s, fabs(sum - 1.0) <= 1e-4, "integral of q - 1 = %g", sum - 1.0);
    assert_true(most - least > 0.1); /* not the uniform law */
    kr_free(phi);
    real_subject_clear(&s);
}

/* Slope and gradient against differences; kinks of splines let a few of them be off. */
static void derivatives_of_angles(void **state)
{
    enum { N = 16, WEIGHTS = 100 };
    (void)state;
    for (int c = 0; c < N_ANGLES; c++) {
        real_subject s = angles_of(c);
        const double h = 1e-5;
        double *phi = get(s.n * LANES, sizeof *phi), *slope = get(s.n * LANES, sizeof *slope);
        double log_q[LANES], side[2][LANES], one[LANES];
        float *gradient = get(s.n_weights, sizeof *gradient);
        int n_off = 0;
        draw(&s, 5, N, phi, log_q);
        flow_of(&s)->log_q(s.density.self, N, phi, log_q, slope, poisoned(&s));
        for (size_t k = 0; k < s.n * N; k++) {
            for (int sign = 0; sign < 2; sign++) {
                phi[k] += sign ? 2.0 * h : -h;
                kr_density_log_q(&s.density, N, phi, side[sign], poisoned(&s));
            }
            phi[k] -= h;
            const double want = (side[1][k % N] - side[0][k % N]) / (2.0 * h);
            n_off += fabs(slope[k] - want) > 1e-6 * fmax(1.0, fabs(want));
        }
        require(&s, n_off <= 2, "%d of %zu slopes are off", n_off, s.n * N);
        for (int l = 0; l < N; l++) {
            one[l] = 1.0;
        }
        kr_density_grad(&s.density, N, phi, one, gradient, log_q, poisoned(&s));
        float *w = s.plug->weights(s.density.self);
        n_off = 0;
        for (size_t k = 0; k < s.n_weights; k += 1 + s.n_weights / WEIGHTS) {
            const float old = w[k];
            double sum[2] = { 0.0, 0.0 };
            for (int sign = 0; sign < 2; sign++) {
                w[k] = old + (sign ? 0x1p-13F : -0x1p-13F);
                kr_density_log_q(&s.density, N, phi, log_q, poisoned(&s));
                for (int l = 0; l < N; l++) {
                    sum[sign] += log_q[l] * 0x1p12;
                }
            }
            w[k] = old;
            const double want = sum[1] - sum[0];
            n_off += fabs((double)gradient[k] - want) > 1e-5 * fmax(1.0, fabs(want));
        }
        require(&s, n_off <= 2, "%d gradients are off", n_off);
        kr_free(gradient);
        kr_free(slope);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

static void even_actions_have_even_densities(void **state)
{
    (void)state;
    static const char *const names[] = { "realnvp", "rq_spline" };
    static const char *const params[] = { "", "net=conv hidden=4", "base=wells" };
    for (int c = 0; c < 6; c++) {
        real_subject s =
            subject_of(names[c % 2], "phi4", "m2=-1 lambda=0.5", "size=4,2", params[c / 2]);
        double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], again[LANES];
        draw(&s, 6, LANES, phi, log_q);
        for (size_t k = 0; k < s.n * LANES; k++) {
            phi[k] = -phi[k];
        }
        kr_density_log_q(&s.density, LANES, phi, again, poisoned(&s));
        for (int l = 0; l < LANES; l++) {
            require(&s, fabs(again[l] - log_q[l]) <= 1e-8, "%s: log q %.12g, of -phi %.12g",
                    params[c / 2], log_q[l], again[l]);
        }
        kr_free(phi);
        real_subject_clear(&s);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *density, *model, *lattice, *size, *params, *says;
    } bad[] = {
        { "realnvp", "xy", "hypercubic", "size=4", "", "angles" },
        { "rq_spline", "xy", "hypercubic", "size=4", "base=wells", "wells" },
        { "rq_spline", "phi4", "triangular", "size=3,3", "net=conv", "triangular" },
        { "realnvp", "phi4", "hypercubic", "size=600", "base=wells", "512" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        kr_error err = { 0 };
        char params[1024];
        const kr_density_plug *const *plug = kr_registry_densities;
        while (strcmp((*plug)->name, bad[k].density) != 0) {
            plug++;
        }
        kr_system system =
            system_alloc(bad[k].model, strcmp(bad[k].model, "xy") == 0 ? "" : "m2=1 lambda=1",
                         bad[k].lattice, bad[k].size);
        system_params((*plug)->fields, bad[k].params, params);
        const kr_target target = system_target(&system, 1.0);
        assert_false((*plug)->supports(&target, params, &err));
        assert_non_null(strstr(err.text, bad[k].says));
        system_free(&system);
    }
}

/* On the same lattice all weights come back; on a larger one those of the layers, and of each
 * mode the factor of the nearest momentum. */
static void convolutions_serve_other_sizes(void **state)
{
    (void)state;
    static const char *const names[] = { "realnvp", "rq_spline" };
    static const char *const params[] = { "net=conv hidden=4",
                                          "net=shells hidden=5 mask=half" };
    for (int c = 0; c < 4; c++) {
        const char *name = names[c % 2], *model = "m2=-4 lambda=6.975", *param = params[c / 2];
        real_subject small = subject_of(name, "phi4", model, "size=4,4", param);
        real_subject same = subject_of(name, "phi4", model, "size=4,4", param);
        real_subject large = subject_of(name, "phi4", model, "size=8,8", param);
        const kr_density_plug *plug = small.plug;
        kr_error err = { 0 };
        kr_adopted count;
        randomize(&small, 4, 0.02);
        const size_t n = plug->networks(small.density.self, NULL), modes = 6, others = 15;
        int64_t *networks = get(n, sizeof *networks);
        assert_int_equal(plug->networks(small.density.self, networks), n);
        const float *w = plug->weights(small.density.self);
        assert_ok(plug->adopt(same.density.self, networks, n, w, small.n_weights, &count, &err),
                  &err);
        assert_int_equal(count.n_near + count.n_fresh, 0);
        assert_memory_equal(plug->weights(same.density.self), w, small.n_weights * sizeof *w);
        assert_ok(
            plug->adopt(large.density.self, networks, n, w, small.n_weights, &count, &err),
            &err);
        assert_int_equal(count.n_fresh, 0);
        assert_int_equal(count.n_near, others - modes); /* modes between those of 4 x 4 */
        const float *grown = plug->weights(large.density.self);
        assert_int_equal(large.n_weights - others, small.n_weights - modes);
        assert_memory_equal(grown + others, w + modes, (small.n_weights - modes) * sizeof *w);
        assert_true(grown[0] == w[0] && grown[others - 1] == w[modes - 1]); /* 0, (pi, pi) */
        for (size_t k = 0; k < 7; k++) { /* each number of the header */
            float *own = plug->weights(small.density.self);
            networks[k] += 1;
            err = (kr_error){ 0 };
            assert_int_equal(plug->adopt(small.density.self, networks, n, grown,
                                         small.n_weights, &count, &err),
                             KR_EMISMATCH);
            assert_true(err.text[0] != '\0');
            assert_memory_equal(own, plug->weights(same.density.self),
                                small.n_weights * sizeof *own);
            networks[k] -= 1;
        }
        kr_free(networks);
        real_subject_clear(&large);
        real_subject_clear(&same);
        real_subject_clear(&small);
    }
}

static void dense_networks_and_wells_tell_none(void **state)
{
    (void)state;
    static const char *const params[] = { "", "net=conv base=wells" };
    for (int c = 0; c < 2; c++) {
        real_subject s =
            subject_of("rq_spline", "phi4", "m2=-1 lambda=0.5", "size=4,2", params[c]);
        kr_error err = { 0 };
        kr_adopted count;
        const int64_t header[8] = { 1 };
        assert_int_equal(s.plug->networks(s.density.self, NULL), 0);
        assert_int_equal(s.plug->adopt(s.density.self, header, 8,
                                       s.plug->weights(s.density.self), s.n_weights, &count,
                                       &err),
                         KR_EMISMATCH);
        assert_non_null(strstr(err.text, "want net: conv"));
        real_subject_clear(&s);
    }
}

/* log q does not know left from right, nor one direction from the other. */
static void shells_have_the_symmetries_of_the_box(void **state)
{
    (void)state;
    real_subject s = subject_of("rq_spline", "phi4", "m2=-1 lambda=0.5 field=0.3", "size=4,4",
                                "net=shells hidden=4");
    double *phi = get(s.n * LANES, sizeof *phi), *other = get(s.n * LANES, sizeof *phi);
    double log_q[LANES], again[LANES];
    draw(&s, 6, LANES, phi, log_q);
    for (int k = 0; k < 3; k++) { /* two steps, reflection, exchange */
        for (int32_t i = 0; i < 16; i++) {
            const int32_t x = i % 4, y = i / 4;
            const int32_t to = k == 0   ? (x + 1) % 4 + 4 * ((y + 1) % 4)
                               : k == 1 ? (4 - x) % 4 + 4 * y
                                        : y + 4 * x;
            memcpy(other + (size_t)to * LANES, phi + (size_t)i * LANES, LANES * sizeof *phi);
        }
        kr_density_log_q(&s.density, LANES, other, again, poisoned(&s));
        for (int l = 0; l < LANES; l++) {
            require(&s, fabs(again[l] - log_q[l]) <= 1e-10, "log q %.12g, of the image %.12g",
                    log_q[l], again[l]);
        }
    }
    kr_free(other);
    kr_free(phi);
    real_subject_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(angles_come_back_up_to_whole_turns),
        cmocka_unit_test(densities_of_angles_have_their_period),
        cmocka_unit_test(densities_of_angles_are_normalized),
        cmocka_unit_test(derivatives_of_angles),
        cmocka_unit_test(even_actions_have_even_densities),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(convolutions_serve_other_sizes),
        cmocka_unit_test(dense_networks_and_wells_tell_none),
        cmocka_unit_test(shells_have_the_symmetries_of_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
