/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_flow_net.c - networks of coupling layers, dense and convolutional. */
#include "kr_system.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/flow_net.h"

enum { ML = KR_LANES_PAD, SITES_MAX = 16, NUMBERS = 16384 };

typedef struct net_case {
    const char *size, *lattice_params;
    int32_t n_hidden, n_odd, n_even;
    bool is_conv, is_even, has_shells;
} net_case;

static const net_case cases[] = {
    { "size=7", "boundary=open", 5, 1, 1, false, false, false },
    { "size=7", "boundary=open", 9, 3, 2, false, true, false },
    { "size=6", "boundary=open", 3, 1, 2, true, false, false },
    { "size=6", "", 5, 2, 1, true, true, false },
    { "size=4,4", "", 2, 1, 1, true, true, false },
    { "size=4,3", "boundary=open", 3, 1, 1, true, false, false },
    { "size=2,2,2", "", 2, 1, 1, true, true, false },
    { "size=4,4", "", 5, 2, 1, true, true, true },
    { "size=4,3", "boundary=open", 3, 1, 1, true, false, true },
    { "size=1", "boundary=open", 2, 1, 1, false, false, false },
    { "size=1", "boundary=open", 2, 1, 1, true, true, false },
};
enum { N_CASES = sizeof cases / sizeof *cases };

typedef struct subject {
    kr_system system;
    kr_net net;
    const kr_net_kernels *kernels;
    int32_t site[2][SITES_MAX], n[2];
    double *w, *scratch, *gradient;
    float *weights;
    size_t n_in, n_odd, n_even;
    double in[SITES_MAX * ML];
} subject;

static void fill_normal(uint64_t seed, size_t n, double *x)
{
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    for (size_t k = 0; k < n; k++) {
        x[k] = kr_rng_normal(&rng);
    }
}

static void make(subject *s, const net_case *c, kr_isa isa)
{
    kr_error err = { 0 };
    char size[64];
    double z[NUMBERS];
    snprintf(size, sizeof size, "%s %s", c->size, c->lattice_params);
    *s = (subject){ .kernels = kr_net_kernels_of(isa) };
    s->system = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", size);
    const kr_lattice *lattice = s->system.lattice;
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        s->site[i % 2][s->n[i % 2]++] = i;
    }
    const kr_net_plan plan = { .lattice = c->is_conv ? lattice : NULL,
                               .frozen = s->site[1],
                               .mapped = s->site[0],
                               .n_frozen = s->n[1],
                               .n_mapped = s->n[0],
                               .n_sites = lattice->n_sites,
                               .n_hidden = c->n_hidden,
                               .n_odd = c->n_odd,
                               .n_even = c->n_even,
                               .n_seen = 1 + (c->n_hidden == 5),
                               .is_even = c->is_even,
                               .has_shells = c->has_shells };
    assert_ok(kr_net_init(&s->net, &plan, &err), &err);
    assert_true(s->net.n_weights <= NUMBERS);
    s->w = kr_alloc(s->net.n_numbers, sizeof *s->w, NULL);
    s->gradient = kr_alloc(s->net.n_numbers, sizeof *s->gradient, NULL);
    s->scratch = kr_alloc(s->net.n_scratch, sizeof *s->scratch, NULL);
    s->weights = kr_alloc(s->net.n_weights, sizeof *s->weights, NULL);
    memset(s->scratch, 0xff, s->net.n_scratch * sizeof *s->scratch);
    fill_normal(1, s->net.n_weights, z);
    for (size_t k = 0; k < s->net.n_weights; k++) {
        s->weights[k] = (float)(0x1p-10 * rint(0x1p9 * z[k]));
    }
    s->n_in = (size_t)(plan.n_seen * s->n[1]) * ML;
    s->n_odd = (size_t)(s->n[0] * c->n_odd) * ML;
    s->n_even = (size_t)(s->n[0] * c->n_even) * ML;
    fill_normal(2, SITES_MAX * ML, s->in);
}

static void clear(subject *s)
{
    kr_free(s->weights);
    kr_free(s->scratch);
    kr_free(s->gradient);
    kr_free(s->w);
    kr_net_clear(&s->net);
    system_free(&s->system);
}

static kr_net_pass run(subject *s)
{
    const kr_net_pass pass = kr_net_open(&s->net, s->scratch);
    memcpy(pass.in, s->in, s->n_in * sizeof *s->in);
    kr_net_load(&s->net, s->weights, s->w);
    kr_net_forward(&s->net, s->kernels, s->w, &pass);
    return pass;
}

/* Cotangent of output k of either kind. */
static double cotangent(size_t k, int kind)
{
    return cos(1.0 + (double)k + 0.3 * kind);
}

static double loss(subject *s)
{
    const kr_net_pass pass = run(s);
    double sum = 0.0;
    for (size_t k = 0; k < s->n_odd; k++) {
        sum += cotangent(k, 0) * pass.odd[k];
    }
    for (size_t k = 0; k < s->n_even; k++) {
        sum += cotangent(k, 1) * pass.even[k];
    }
    return sum;
}

static void pull(subject *s, double *in_bar, float *out)
{
    const kr_net_pass pass = run(s);
    for (size_t k = 0; k < s->n_odd; k++) {
        pass.odd[k] = cotangent(k, 0);
    }
    for (size_t k = 0; k < s->n_even; k++) {
        pass.even[k] = cotangent(k, 1);
    }
    memset(s->gradient, 0, s->net.n_numbers * sizeof *s->gradient);
    kr_net_pull(&s->net, s->kernels, s->w, &pass, s->gradient);
    kr_net_chain(&s->net, s->gradient, out);
    memcpy(in_bar, pass.bar_in, s->n_in * sizeof *in_bar);
}

static void assert_near(double got, double want, int c, size_t k)
{
    if (!(fabs(got - want) <= 2e-6 * fmax(1.0, fabs(want)))) {
        fail_msg("case %d, number %zu: %.10g, of finite differences %.10g", c, k, got, want);
    }
}

static void pull_gives_derivatives(void **state)
{
    (void)state;
    for (int c = 0; c < N_CASES; c++) {
        subject s;
        double bar[SITES_MAX * ML];
        make(&s, &cases[c], KR_ISA_BEST);
        float *out = kr_alloc(s.net.n_weights, sizeof *out, NULL);
        pull(&s, bar, out);
        for (size_t k = 0; k < s.n_in; k++) {
            const double old = s.in[k], h = 1e-5;
            double side[2];
            for (int sign = 0; sign < 2; sign++) {
                s.in[k] = old + (sign ? h : -h);
                side[sign] = loss(&s);
            }
            s.in[k] = old;
            assert_near(bar[k], (side[1] - side[0]) / (2.0 * h), c, k);
        }
        for (size_t k = 0; k < s.net.n_weights; k++) {
            const float old = s.weights[k];
            double slope[2];
            for (int level = 0; level < 2; level++) {
                const double h = level ? 0x1p-12 : 0x1p-11;
                double side[2];
                for (int sign = 0; sign < 2; sign++) {
                    s.weights[k] = (float)((double)old + (sign ? h : -h));
                    side[sign] = loss(&s);
                }
                slope[level] = (side[1] - side[0]) / (2.0 * h);
            }
            s.weights[k] = old;
            assert_near((double)out[k], (4.0 * slope[1] - slope[0]) / 3.0, c, k);
        }
        kr_free(out);
        clear(&s);
    }
}

static void outputs_are_odd_and_even_where_they_have_to_be(void **state)
{
    (void)state;
    for (int c = 0; c < N_CASES; c++) {
        subject s;
        static double odd[SITES_MAX * 8 * ML], even[SITES_MAX * 8 * ML];
        make(&s, &cases[c], KR_ISA_BEST);
        kr_net_pass pass = run(&s);
        memcpy(odd, pass.odd, s.n_odd * sizeof *odd);
        memcpy(even, pass.even, s.n_even * sizeof *even);
        for (size_t k = 0; k < s.n_in; k++) {
            s.in[k] = -s.in[k];
        }
        pass = run(&s);
        for (size_t k = 0; cases[c].is_even && k < s.n_odd; k++) {
            assert_true(pass.odd[k] == -odd[k]);
        }
        for (size_t k = 0; cases[c].is_even && k < s.n_even; k++) {
            assert_true(pass.even[k] == even[k]);
        }
        clear(&s);
    }
}

/* On a ring of six sites two steps move the outputs by two sites, one place of either half. */
static void convolutions_follow_translations(void **state)
{
    (void)state;
    const net_case ring = { "size=6", "", 4, 1, 1, true, false, false };
    subject s;
    double odd[3 * ML], in[3 * ML];
    make(&s, &ring, KR_ISA_BEST);
    kr_net_pass pass = run(&s);
    memcpy(odd, pass.odd, sizeof odd);
    memcpy(in, s.in, sizeof in);
    assert_false(odd[0] == odd[ML]);
    for (size_t k = 0; k < 3; k++) {
        memcpy(s.in + (k + 1) % 3 * ML, in + k * ML, ML * sizeof *in);
    }
    pass = run(&s);
    for (size_t k = 0; k < 3; k++) {
        for (size_t l = 0; l < ML; l++) {
            assert_close(pass.odd[(k + 1) % 3 * ML + l], odd[k * ML + l], 1e-13);
        }
    }
    clear(&s);
}

/* Sites 0, 2, 4 are mapped, 1, 3, 5 seen; three layers of kernels of side 3 reach three sites.
 */
static void convolutions_see_as_far_as_their_kernels(void **state)
{
    (void)state;
    const net_case row = { "size=12", "boundary=open", 4, 1, 1, true, false, false };
    subject s;
    double odd[6 * ML];
    make(&s, &row, KR_ISA_BEST);
    kr_net_pass pass = run(&s);
    memcpy(odd, pass.odd, sizeof odd);
    s.in[3 * ML] += 1.0; /* site 7, lane 0 */
    pass = run(&s);
    for (size_t k = 0; k < 6; k++) {
        const bool is_near = k >= 2 && k <= 5; /* sites 4..10 */
        assert_true((pass.odd[k * ML] != odd[k * ML]) == is_near);
        assert_true(pass.odd[k * ML + 1] == odd[k * ML + 1]);
    }
    clear(&s);
}

static void fresh_networks_say_nothing(void **state)
{
    (void)state;
    subject s;
    kr_rng rng;
    make(&s, &cases[0], KR_ISA_BEST);
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_TEST);
    kr_net_fresh(&s.net, &rng, s.weights);
    const kr_net_pass pass = run(&s);
    for (size_t k = 0; k < s.n_odd; k++) {
        assert_true(pass.odd[k] == 0.0);
    }
    for (size_t k = 0; k < s.n_even; k++) {
        assert_true(pass.even[k] == 0.0);
    }
    assert_true(pass.hidden[1][0] != 0.0);
    clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pull_gives_derivatives),
        cmocka_unit_test(outputs_are_odd_and_even_where_they_have_to_be),
        cmocka_unit_test(convolutions_follow_translations),
        cmocka_unit_test(convolutions_see_as_far_as_their_kernels),
        cmocka_unit_test(fresh_networks_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
