/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flow_half.c - odd sites drawn exactly given the even ones. Maps, Jacobians and
 * gradients are in conformance_flows.c. */
#include "kr_real_subject.h"

#include "density/flow_half.h"

#define LANES_OF_GROUP KR_FLOW_LANES

static const kr_density_plug *split_coupling(void)
{
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "split_coupling") != 0) {
        plug++;
    }
    return *plug;
}

static bool make_subject(real_subject *s, const char *model, const char *size,
                         const char *params)
{
    *s = (real_subject){ .beta = 0.8 };
    s->system = system_alloc("phi4", model, "hypercubic", size);
    system_params(split_coupling()->fields, params, s->params);
    snprintf(s->label, sizeof s->label, "%s, %s", model, size);
    return real_subject_make(s, split_coupling());
}

static bool is_odd(const real_subject *s, size_t i)
{
    return kr_flow_parity(s->system.lattice, (int32_t)i) == 1;
}

/* The statement the layer makes: log q + beta S is a function of the even sites, whatever the
 * weights. */
static void ln_w_knows_even_sites_only(void **state)
{
    (void)state;
    static const char *const model[] = { "m2=-4 lambda=5.276", "m2=0.5 lambda=2 field=0.4",
                                         "m2=-4 lambda=6.975" };
    static const char *const size[] = { "size=6,6", "size=4,2", "size=2,2" };
    for (int k = 0; k < 6; k++) {
        real_subject s;
        assert_true(make_subject(&s, model[k % 3], size[k % 3], "heat_bath=true layers=4"));
        const kr_action *action = s.system.terms->action;
        double *phi = get(s.n * LANES, sizeof *phi), log_q[LANES], energy[LANES];
        double lowest = INFINITY, highest = -INFINITY;
        randomize(&s, 3, k < 3 ? 0.0 : 0.1);
        draw(&s, 4, LANES, phi, log_q);
        flow_of(&s)->inverse(s.density.self, LANES, phi, log_q, poisoned(&s));
        for (size_t i = 0; i < s.n * LANES; i++) { /* even sites of lane 0 in all lanes */
            phi[i] = is_odd(&s, i / LANES) ? phi[i] : phi[i - i % LANES];
        }
        flow_of(&s)->forward(s.density.self, LANES, phi, log_q, poisoned(&s));
        for (size_t i = 0; i < s.n * LANES; i++) {
            assert_true(is_odd(&s, i / LANES) || phi[i] == phi[i - i % LANES]);
        }
        kr_density_log_q(&s.density, LANES, phi, log_q, poisoned(&s));
        action->energy(action->self, LANES, phi, LANES, energy);
        for (int l = 0; l < LANES; l++) {
            lowest = fmin(lowest, log_q[l] + s.beta * energy[l]);
            highest = fmax(highest, log_q[l] + s.beta * energy[l]);
        }
        require(&s, highest - lowest < 5e-5 * (double)s.n, "ln w varies by %g",
                highest - lowest);
        kr_free(phi);
        real_subject_clear(&s);
    }
}

/* ln p of all odd sites given the even ones, by the layer, and by quadrature. */
static void odd_sites_have_their_conditional_law(void **state)
{
    (void)state;
    kr_system system =
        system_alloc("phi4", "m2=-1 lambda=1.3 field=0.3", "hypercubic", "size=4,4");
    const kr_target target = system_target(&system, 0.8);
    const kr_quartic *q = system.terms->action->quartic;
    kr_error err = { 0 };
    kr_flow_modes modes;
    assert_ok(kr_flow_modes_init(&modes, &target, &err), &err);
    kr_flow_layer layer = kr_flow_half_layer(&target, &modes, &err);
    assert_non_null(layer.self);
    enum { N = 16, L = LANES_OF_GROUP };
    double phi[N * L], z[N * L], log_j[L] = { 0.0 };
    for (int i = 0; i < N * L; i++) {
        phi[i] = z[i] = 0.9 * sin(1.0 + 1.7 * i);
    }
    layer.ops->inverse(layer.self, NULL, z, log_j, NULL);
    for (int l = 0; l < L; l++) {
        double is = -log_j[l], want = 0.0;
        for (int32_t i = 0; i < N; i++) {
            if (kr_flow_parity(system.lattice, i) == 0) {
                assert_true(z[i * L + l] == phi[i * L + l]);
                continue;
            }
            double h = q->linear[i], total = 0.0;
            for (int64_t k = q->neighbor_begin[i]; k < q->neighbor_begin[i + 1]; k++) {
                h += q->coupling[k] * phi[q->neighbor[k] * L + l];
            }
            for (int k = -4000; k <= 4000; k++) { /* trapezoid, exponentially exact */
                const double x = 1e-3 * k;
                total +=
                    1e-3 *
                    exp(-0.8 * (q->square[i] * x * x + q->quartic * x * x * x * x - h * x));
            }
            const double x = phi[i * L + l];
            want +=
                -0.8 * (q->square[i] * x * x + q->quartic * x * x * x * x - h * x) - log(total);
            is += -0.5 * z[i * L + l] * z[i * L + l] - 0.5 * log(2.0 * M_PI);
        }
        assert_true(fabs(is - want) < 2e-4);
    }
    layer.ops->free(layer.self);
    kr_flow_modes_clear(&modes);
    system_free(&system);
}

/* The modes of the even sites are orthonormal, and their Gaussian is what the one of all sites
 * leaves there. */
static void even_sites_have_their_marginal(void **state)
{
    (void)state;
    static const char *const size[] = { "size=4,4", "size=4,2", "size=2,6" };
    for (int shape = 0; shape < 3; shape++) {
        kr_system system = system_alloc("phi4", "m2=0.3 lambda=1", "hypercubic", size[shape]);
        const kr_target target = system_target(&system, 1.0);
        const kr_flow_kernels *kernels = kr_flow_kernels_of(KR_ISA_BEST);
        enum { N = 16, L = LANES_OF_GROUP };
        _Alignas(64) double x[N * L], y[N * L], scratch[2 * N * L];
        kr_error err = { 0 };
        kr_flow_modes all, half;
        assert_ok(kr_flow_modes_init(&all, &target, &err), &err);
        assert_ok(kr_flow_modes_init(&half, &target, &err), &err);
        assert_true(kr_flow_modes_can_halve(&half));
        assert_ok(kr_flow_modes_halve(&half, system.lattice, &err), &err);
        assert_ok(kr_flow_modes_prepare(&half, 1.0, &err), &err);
        assert_int_equal(2 * half.n_modes, all.n_sites);
        memset(x, 0, sizeof x);
        memset(y, 0, sizeof y);
        for (int32_t k = 0; k < half.n_modes; k++) { /* lane k: unit vector at even site k */
            x[k * L + k] = 1.0;
            y[half.site[k] * L + k] = 1.0;
        }
        kr_flow_modes_apply(&half, kernels, KR_FLOW_V_T, x, scratch);
        kr_flow_modes_apply(&all, kernels, KR_FLOW_V_T, y, scratch);
        for (int32_t a = 0; a < half.n_modes; a++) {
            for (int32_t b = 0; b < half.n_modes; b++) {
                double dot = 0.0, own = 0.0, whole = 0.0;
                for (int32_t k = 0; k < half.n_modes; k++) {
                    dot += x[k * L + a] * x[k * L + b];
                    own += x[k * L + a] * x[k * L + b] * half.sigma[k] * half.sigma[k];
                }
                for (int32_t k = 0; k < all.n_sites; k++) {
                    whole += y[k * L + a] * y[k * L + b] * all.sigma[k] * all.sigma[k];
                }
                assert_true(fabs(dot - (a == b)) < 1e-13);
                assert_true(fabs(own - whole) < 1e-13);
            }
        }
        kr_flow_modes_apply(&half, kernels, KR_FLOW_V, x, scratch);
        for (int32_t k = 0; k < half.n_modes * L; k++) {
            assert_true(fabs(x[k] - (k / L == k % L)) < 1e-13);
        }
        kr_flow_modes_clear(&half);
        kr_flow_modes_clear(&all);
        system_free(&system);
    }
}

static void expect_refusal(const char *model, const char *lattice, const char *params,
                           const char *reason)
{
    kr_system system = system_alloc("phi4", model, "hypercubic", lattice);
    const kr_target target = system_target(&system, 1.0);
    const kr_density_plug *plug = split_coupling();
    _Alignas(16) char values[1024];
    kr_error err = { 0 };
    system_params(plug->fields, params, values);
    if (plug->supports(&target, values, &err)) {
        assert_null(plug->alloc(&target, values, &err));
    }
    if (!strstr(err.text, reason)) {
        fail_msg("%s: '%s', want '%s'", lattice, err.text, reason);
    }
    system_free(&system);
}

static void what_has_no_heat_bath_is_refused_with_the_reason(void **state)
{
    (void)state;
    expect_refusal("m2=1 lambda=1", "size=8", "heat_bath=true", "of dimension 1, want");
    expect_refusal("m2=1 lambda=1", "size=4,4 boundary=open", "heat_bath=true", "open end");
    expect_refusal("m2=1 lambda=1", "size=4,4 boundary=antiperiodic", "heat_bath=true",
                   "differs from site to site");
    expect_refusal("m2=1 lambda=0", "size=4,4", "heat_bath=true", "no quartic term");
    expect_refusal("m2=1 lambda=1", "size=4,4", "heat_bath=true base=wells", "base is wells");
    expect_refusal("m2=-30 lambda=1", "size=4,4", "heat_bath=true", "two peaks too far apart");
}

/* auto: the same network as without the bath where no table is good enough. */
static void auto_does_without_the_bath_where_it_must(void **state)
{
    (void)state;
    real_subject with, without, deep, plain;
    assert_true(make_subject(&with, "m2=1 lambda=1", "size=4,4", ""));
    assert_true(make_subject(&without, "m2=1 lambda=1", "size=4,4", "heat_bath=false"));
    assert_true(make_subject(&deep, "m2=-30 lambda=1", "size=4,4", ""));
    assert_true(make_subject(&plain, "m2=-30 lambda=1", "size=4,4", "heat_bath=false"));
    assert_true(with.n_weights < without.n_weights);
    assert_int_equal(deep.n_weights, plain.n_weights);
    real_subject_clear(&with);
    real_subject_clear(&without);
    real_subject_clear(&deep);
    real_subject_clear(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ln_w_knows_even_sites_only),
        cmocka_unit_test(odd_sites_have_their_conditional_law),
        cmocka_unit_test(even_sites_have_their_marginal),
        cmocka_unit_test(what_has_no_heat_bath_is_refused_with_the_reason),
        cmocka_unit_test(auto_does_without_the_bath_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
