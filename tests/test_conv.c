/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_conv.c - masked convolutions; what every density owes is in
 * conformance_densities.c. */
#include "density_slopes.h"
#include "density_training.h"
#include "kr_subject.h"
#include "kr_system.h"

#include "density/conv.h"

extern const kr_density_plug kr_density_conv;

static subject make(const kr_system *system, const char *text, kr_conv_params *p, double beta)
{
    assert_int_equal(kr_density_conv.params_size, sizeof *p);
    *p = (kr_conv_params){ 0 };
    system_params(kr_density_conv.fields, text, p);
    return subject_alloc(&kr_density_conv, p, system_target(system, beta));
}

/* ---- the network written out, in double ----------------------------------------------------
 */

/* Weight of output m, input c, for a tap that lies `back` sites back by coordinates (dx, dy):
 * taps are counted again here, row by row of the window. */
typedef struct plain {
    const kr_conv *net;
    int32_t side[2], half; /* lattice, kernel */
} plain;

static double weight_of(const plain *p, const kr_conv_layer *layer, int32_t half,
                        bool is_strict, int32_t m, int32_t c, int32_t dx, int32_t dy)
{
    int32_t n = 0, at = -1, h[2];
    for (int d = 0; d < 2; d++) {
        h[d] = half < p->side[d] - 1 ? half : p->side[d] - 1;
    }
    for (int32_t y = -h[1]; y <= 0; y++) {
        for (int32_t x = -h[0]; x <= h[0] && (y < 0 || x < 1 - is_strict); x++, n++) {
            at = x == dx && y == dy ? n : at;
        }
    }
    assert_int_equal(n, layer->window->n_taps);
    return at < 0
               ? 0.0
               : (double)
                     p->net->weights[layer->weights +
                                     ((size_t)m * (size_t)n + (size_t)at) * (size_t)layer->in +
                                     (size_t)c];
}

/* One layer on the whole lattice: x (sites, in) -> y (sites, out). */
static void plain_layer(const plain *p, int32_t l, const double *x, double *y)
{
    const kr_conv *net = p->net;
    const kr_conv_layer *layer = &net->layer[l];
    int32_t half = layer->window == &net->window[2] && layer->window->n_taps == 1 ? 0 : p->half;
    for (int32_t i = 0; i < net->n_sites; i++) {
        for (int32_t m = 0; m < layer->out; m++) {
            double sum = 0.0;
            for (int32_t j = 0; j < net->n_sites; j++) {
                int32_t dx = j % p->side[0] - i % p->side[0],
                        dy = j / p->side[0] - i / p->side[0];
                for (int32_t c = 0; abs(dx) <= half && abs(dy) <= half && c < layer->in; c++) {
                    sum +=
                        weight_of(p, layer, half, l == 0, m, c, dx, dy) * x[j * layer->in + c];
                }
            }
            y[i * layer->out + m] =
                sum * 2.0 / sqrt(layer->window->n_taps * (l ? layer->in : 1)) +
                (double)net->weights[layer->biases + (size_t)m];
        }
    }
}

/* log q of the state in lane 0, two states. */
static double plain_log_q(const plain *p, const uint8_t *state)
{
    enum { MOST = 512 };
    static double x[MOST], y[MOST];
    const kr_conv *net = p->net;
    double log_q = 0.0;
    for (int32_t i = 0; i < net->n_sites; i++) {
        x[i] = 2.0 * state[i * LANES] - 1.0;
    }
    for (int32_t l = 0; l < net->depth; l++) {
        plain_layer(p, l, x, y);
        for (int32_t k = 0; k < net->n_sites * net->layer[l].out; k++) {
            x[k] = tanh(y[k]);
        }
    }
    for (int32_t i = 0; i < net->n_sites; i++) {
        float z[KR_LANES_PAD] = { 0 };
        kr_skip_add(&net->skip, i, 1, LANES, state, z);
        double w = (double)z[0] + y[i];
        log_q -= log1p(exp(state[i * LANES] ? -w : w));
    }
    return log_q;
}

static void equals_the_network_written_out(void **state)
{
    (void)state;
    static const char *const texts[] = { "width=5", "width=5 last=masked", "depth=5 width=3",
                                         "width=4 kernel=5",
                                         "depth=2 width=3 kernel=13 last=masked" };
    kr_system system =
        system_alloc("ising", "disorder.kind=gaussian field=0.2", "hypercubic", "size=5,4");
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        kr_conv_params params;
        subject s = make(&system, texts[t], &params, 0.4);
        randomize(&s, 31 + t);
        plain p = { .net = s.self, .side = { 5, 4 }, .half = 1 + params.kernel };
        kr_rng rng;
        kr_rng_seed(&rng, 32, 0, KR_PURPOSE_TEST);
        uint8_t *x = get_states(&s);
        double log_q[LANES];
        for (int n = 0; n < 10; n++) {
            draw_states(&s, LANES, x, &rng);
            evaluate(&s, 0, LANES, x, log_q);
            assert_close(log_q[0], plain_log_q(&p, x), 2e-6);
        }
        kr_free(x);
        subject_free(&s);
    }
    system_free(&system);
}

/* ---- windows -------------------------------------------------------------------------------
 */

static void windows_look_back_only(void **state)
{
    (void)state;
    static const struct {
        const char *size;
        int32_t side;
        bool is_strict, is_blank;
        int32_t n_taps, reach;
        int64_t n_pairs;
    } cases[] = {
        { "16,16", 3, false, false, 5, 17, 256 + 2 * 240 + 2 * 225 },
        { "16,16", 3, true, false, 4, 17, 2 * 240 + 2 * 225 },
        { "16,16", 3, false, true, 5, 17, 255 + 2 * 239 + 224 + 225 },
        { "16,16", 13, false, false, 85, 102, 0 },
        { "16,16", 1, false, false, 1, 0, 256 },
        { "9", 5, true, false, 2, 2, 8 + 7 },
        { "4,4,4", 3, false, false, 14, 21, 0 },
        { "2,2", 13, false, false, 5, 3, 4 + 2 + 2 + 1 + 1 },
        { "2,2", 3, false, true, 4, 2, 3 + 1 + 1 + 1 }, /* the corner sees site 0 only */
        { "1", 3, false, true, 0, 0, 0 },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char text[64];
        snprintf(text, sizeof text, "size=%s", cases[c].size);
        kr_error err = { 0 };
        kr_lattice *lattice = system_lattice("hypercubic", text, &err);
        kr_conv_window w;
        assert_ok(kr_conv_window_init(&w, lattice, cases[c].side, cases[c].is_strict,
                                      cases[c].is_blank, &err),
                  &err);
        assert_int_equal(w.n_taps, cases[c].n_taps);
        assert_int_equal(w.reach, cases[c].reach);
        if (cases[c].n_pairs) {
            assert_int_equal(w.n_pairs, cases[c].n_pairs);
        }
        for (int32_t t = 0; t < w.n_taps; t++) {
            assert_true(w.back[t] >= cases[c].is_strict);
        }
        kr_conv_window_clear(&w);
        kr_lattice_free(lattice);
    }
}

/* ---- bits ----------------------------------------------------------------------------------
 */

static void instruction_sets_agree_to_the_bit(void **state)
{
    (void)state;
    static const char *const isas[] = { "avx512", "avx2", "portable" };
    static const char *const models[][2] = { { "ising", "" }, { "potts", "q=3" } };
    for (int m = 0; m < 2; m++) {
        kr_system system = system_alloc(models[m][0], models[m][1], "hypercubic", "size=6,5");
        kr_conv_params params;
        subject s = make(&system, "width=17", &params, 0.6);
        randomize(&s, 41);
        uint8_t *x = get_states(&s);
        double log_q[2][LANES], coefficient[LANES];
        float *gradient[2] = { get(s.n_weights, 4), get(s.n_weights, 4) };
        kr_rng rng;
        kr_rng_seed(&rng, 42, 0, KR_PURPOSE_TEST);
        draw_states(&s, LANES, x, &rng);
        for (int l = 0; l < LANES; l++) {
            coefficient[l] = kr_rng_normal(&rng);
        }
        s.plug->grad(s.self, LANES, x, coefficient, gradient[0], log_q[0], poisoned(&s));
        for (int k = 0; k < 3; k++) {
            if (!kr_lanes_best(isas[k])) {
                continue;
            }
            ((kr_conv *)s.self)->lanes = kr_lanes_best(isas[k]);
            memset(gradient[1], 0, s.n_weights * sizeof(float));
            s.plug->grad(s.self, LANES, x, coefficient, gradient[1], log_q[1], poisoned(&s));
            assert_memory_equal(log_q[0], log_q[1], sizeof *log_q);
            assert_memory_equal(gradient[0], gradient[1], s.n_weights * sizeof(float));
        }
        kr_free(gradient[1]);
        kr_free(gradient[0]);
        kr_free(x);
        subject_free(&s);
        system_free(&system);
    }
}

/* A tail begins with few columns; its law is that of the whole pass, site by site. */
static void tails_add_up_to_the_whole(void **state)
{
    (void)state;
    kr_system system = system_alloc("ising", "field=0.1", "hypercubic", "size=9,8");
    kr_conv_params params;
    subject s = make(&system, "width=6 depth=4", &params, 0.4);
    randomize(&s, 51);
    uint8_t *x = get_states(&s);
    double tail[LANES], whole[LANES], first[LANES];
    kr_rng rng;
    kr_rng_seed(&rng, 52, 0, KR_PURPOSE_TEST);
    draw_states(&s, LANES, x, &rng);
    evaluate(&s, 0, LANES, x, whole);
    /* the last site by itself, and through its flip: q(s) + q(flip at the last site) is q of
     * the prefix */
    int32_t last = s.n_sites - 1;
    evaluate(&s, last, LANES, x, tail);
    for (int l = 0; l < LANES; l++) {
        x[last * LANES + l] ^= 1;
    }
    evaluate(&s, 0, LANES, x, first);
    for (int l = 0; l < LANES; l++) {
        assert_close(tail[l], -log1p(exp(first[l] - whole[l])), 1e-9);
    }
    kr_free(x);
    subject_free(&s);
    system_free(&system);
}

/* ---- gradient and training -----------------------------------------------------------------
 */

static void gradients_are_derivatives(void **state)
{
    (void)state;
    static const char *const texts[] = { "",        "last=masked",     "kernel=5 width=20",
                                         "depth=2", "depth=6 width=7", "kernel=13 width=9" };
    static const char *const models[][2] = { { "ising", "" },
                                             { "ising", "field=0.3" },
                                             { "potts", "q=3 field=0.2" } };
    static const char *const lattices[] = { "size=7,6 boundary=open", "size=4,3,3", "size=11" };
    for (size_t m = 0; m < 3; m++) {
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            kr_system system =
                system_alloc(models[m][0], models[m][1], "hypercubic", lattices[(m + t) % 3]);
            kr_conv_params params;
            subject s = make(&system, texts[t], &params, 0.5);
            snprintf(s.label, sizeof s.label, "%s %s, %s", models[m][0], lattices[(m + t) % 3],
                     texts[t]);
            check_slope(&s, 61 + t);
            subject_free(&s);
            system_free(&system);
        }
    }
}

/* log Z of the 4x4 torus at beta_c: ising2d_torus_kaufman.csv. The importance weights average
 * to Z. */
static void training_finds_the_exact_log_z(void **state)
{
    (void)state;
    const double beta = 0.44068679350977151, log_z = 15.521915458755283;
    kr_system system = system_alloc("ising", "", "hypercubic", "size=4,4");
    kr_conv_params params;
    subject s = make(&system, "width=16 kernel=7", &params, beta);
    check_log_z(&s, beta, log_z, 71, 0.9);
    subject_free(&s);
    system_free(&system);
}

/* ---- limits --------------------------------------------------------------------------------
 */

/* 4 taps of the first layer, 5 of the second, 1 of the last; biases only without flip symmetry.
 */
static void weights_are_shared_by_all_sites(void **state)
{
    (void)state;
    static const char *const sizes[] = { "size=8,8", "size=16,16" };
    for (int k = 0; k < 2; k++) {
        kr_system even = system_alloc("ising", "", "hypercubic", sizes[k]);
        kr_system tilted = system_alloc("ising", "field=0.1", "hypercubic", sizes[k]);
        kr_conv_params p, r;
        subject a = make(&even, "width=64", &p, 0.5), b = make(&tilted, "width=64", &r, 0.5);
        assert_int_equal(a.n_weights, 4 * 64 + 5 * 64 * 64 + 64);
        assert_int_equal(b.n_weights - a.n_weights, 64 + 64 + 16); /* the last one is padded */
        subject_free(&b);
        subject_free(&a);
        system_free(&tilted);
        system_free(&even);
    }
}

static void refuses_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *lattice, *size, *text, *reason;
    } cases[] = {
        { "kagome", "size=3,3", "", "conv: lattice kagome, want hypercubic or triangular" },
        { "complete", "size=9", "", "conv: lattice complete, want" },
        { "hypercubic", "size=2,2,2,2", "", "conv: 4 dimensions, want at most 3" },
        { "hypercubic", "size=1000,1000", "",
          "bytes of weights and activations (1000000 sites" },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        kr_system system = system_alloc("ising", "", cases[c].lattice, cases[c].size);
        kr_target target = system_target(&system, 0.4);
        kr_conv_params p = { 0 };
        kr_error err = { 0 };
        system_params(kr_density_conv.fields, cases[c].text, &p);
        assert_false(kr_density_conv.supports(&target, &p, &err));
        assert_int_equal(err.status, KR_EUNSUP);
        if (!strstr(err.text, cases[c].reason)) {
            fail_msg("\"%s\", want \"%s\"", err.text, cases[c].reason);
        }
        assert_null(kr_density_conv.alloc(&target, &p, &err));
        system_free(&system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_network_written_out),
        cmocka_unit_test(windows_look_back_only),
        cmocka_unit_test(instruction_sets_agree_to_the_bit),
        cmocka_unit_test(tails_add_up_to_the_whole),
        cmocka_unit_test(gradients_are_derivatives),
        cmocka_unit_test(training_finds_the_exact_log_z),
        cmocka_unit_test(weights_are_shared_by_all_sites),
        cmocka_unit_test(refuses_with_the_reason),
    };
    return cmocka_run_group_tests_name("conv", tests, NULL, NULL);
}
