/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_phase_net.c - the convolutional classifier against its definition written out site
 * by site, its gradient against finite differences, its symmetries, its padding. */
#include "kr_system.h"

#include "base/rng.h"
#include "stats/logistic.h"
#include "study/phase_net.h"

typedef struct fixture {
    kr_system system;
    kr_phase_net net;
    kr_rng rng;
    double *weight, *gradient;
    uint8_t *state;
} fixture;

static fixture *begin(const char *model, const char *params, const char *box, int32_t filters,
                      int32_t hidden, int32_t n_images, const uint8_t *image)
{
    fixture *f = calloc(1, sizeof *f);
    kr_error err = { 0 };
    f->system = system_alloc(model, params, "hypercubic", box);
    assert_ok(kr_phase_net_init(&f->net, f->system.lattice, f->system.terms->q, filters, hidden,
                                n_images, image, &err),
              &err);
    f->weight = calloc(f->net.n_weights, sizeof *f->weight);
    f->gradient = calloc(f->net.n_weights, sizeof *f->gradient);
    f->state = calloc((size_t)f->net.n_sites, 1);
    kr_rng_seed(&f->rng, 11, 0, KR_PURPOSE_TEST);
    kr_phase_net_draw(&f->net, f->weight, &f->rng);
    for (int32_t j = 0; j < filters; j++) { /* biases too are not to be zero */
        f->weight[f->net.bias + (size_t)j] = 0.1 * kr_rng_normal(&f->rng);
    }
    for (int32_t j = 0; j < hidden; j++) {
        f->weight[f->net.dense_bias + (size_t)j] = 0.2 + 0.1 * kr_rng_normal(&f->rng);
    }
    f->weight[f->net.out_bias] = 0.3;
    kr_phase_net_set(&f->net, f->weight);
    for (int32_t i = 0; i < f->net.n_sites; i++) {
        f->state[i] = (uint8_t)kr_rng_below(&f->rng, (uint32_t)f->net.q);
    }
    return f;
}

static void end(fixture *f)
{
    free(f->state);
    free(f->gradient);
    free(f->weight);
    kr_phase_net_clear(&f->net);
    system_free(&f->system);
    free(f);
}

/* The site at tap t of site i in a box of sides L, -1: outside; coordinate 0 fastest. */
static int32_t tap(const int32_t L[3], int32_t i, int32_t t, bool is_periodic)
{
    const int32_t x[] = { i % L[0] + t % 3 - 1, i / L[0] % L[1] + t / 3 % 3 - 1,
                          i / L[0] / L[1] + (L[2] > 1 ? t / 9 - 1 : 0) };
    for (int d = 0; d < 3; d++) {
        if (!is_periodic && (x[d] < 0 || x[d] >= L[d])) {
            return -1;
        }
    }
    return (x[0] + L[0]) % L[0] + L[0] * ((x[1] + L[1]) % L[1] + L[1] * ((x[2] + L[2]) % L[2]));
}

/* The logit of a box, the third side 1: a plane, from the formulas of the header. */
static double by_hand(const fixture *f, const int32_t L[3], bool is_periodic)
{
    const kr_phase_net *n = &f->net;
    const int32_t filters = n->filters, hidden = n->hidden, n_sites = L[0] * L[1] * L[2];
    const size_t row = (size_t)n->groups * KR_PHASE_WIDTH;
    double m[64] = { 0 }, logit = f->weight[n->out_bias];
    for (int32_t i = 0; i < n_sites; i++) {
        for (int32_t c = 0; c < filters; c++) {
            double z = f->weight[n->bias + (size_t)c];
            for (int32_t t = 0; t < (L[2] > 1 ? 27 : 9); t++) {
                const int32_t k = tap(L, i, t, is_periodic);
                z +=
                    k < 0 ? 0.0 : f->weight[(size_t)(t * n->q + f->state[k]) * row + (size_t)c];
            }
            m[c] += fmax(0.0, z) / n_sites;
        }
    }
    for (int32_t c = 0; !hidden && c < filters; c++) {
        logit += f->weight[n->out + (size_t)c] * m[c];
    }
    for (int32_t j = 0; j < hidden; j++) {
        double z = f->weight[n->dense_bias + (size_t)j];
        for (int32_t c = 0; c < filters; c++) {
            z += f->weight[n->dense + (size_t)j * row + (size_t)c] * m[c];
        }
        logit += f->weight[n->out + (size_t)j] * fmax(0.0, z);
    }
    return logit;
}

static void logits_are_those_of_the_formulas(void **state)
{
    static const struct {
        const char *text;
        int32_t L[3];
        bool is_periodic;
    } box[] = { { "size=5,4", { 5, 4, 1 }, true },
                { "size=5,4 boundary=open", { 5, 4, 1 }, false },
                { "size=4,3,5", { 4, 3, 5 }, true },
                { "size=4,3,5 boundary=open", { 4, 3, 5 }, false } };
    (void)state;
    for (int k = 0; k < 16; k++) {
        const int32_t filters = k & 1 ? 11 : 3, hidden = k & 2 ? 4 : 0;
        fixture *f = begin("potts", "q=3", box[k / 4].text, filters, hidden, 1, NULL);
        assert_close(kr_phase_net_logit(&f->net, f->state),
                     by_hand(f, box[k / 4].L, box[k / 4].is_periodic), 1e-13);
        end(f);
    }
}

static double loss(fixture *f, double y)
{
    kr_phase_net_set(&f->net, f->weight);
    return kr_logistic_entropy(kr_phase_net_logit(&f->net, f->state), y);
}

static void check_gradient(const char *model, const char *params, const char *box,
                           int32_t filters, int32_t hidden, int32_t n_images,
                           const uint8_t *image)
{
    fixture *f = begin(model, params, box, filters, hidden, n_images, image);
    const double h = 1e-6;
    double largest = 0.0;
    for (int y = 0; y < 2; y++) {
        kr_phase_net_set(&f->net, f->weight);
        const double found = kr_phase_net_add(&f->net, f->state, y);
        kr_phase_net_collect(&f->net, f->gradient);
        assert_close(found, loss(f, y), 1e-14);
        for (size_t k = 0; k < f->net.n_weights; k++) {
            const double kept = f->weight[k];
            if (kept == 0.0) { /* padding, which is not to move */
                assert_true(f->gradient[k] == 0.0);
                continue;
            }
            f->weight[k] = kept + h;
            const double above = loss(f, y);
            f->weight[k] = kept - h;
            const double below = loss(f, y);
            f->weight[k] = kept;
            assert_close(f->gradient[k], (above - below) / (2.0 * h), 1e-8);
            largest = fmax(largest, fabs(f->gradient[k]));
        }
    }
    assert_true(largest > 0.01);
    end(f);
}

static void gradients_are_finite_differences(void **state)
{
    (void)state;
    const uint8_t flip[] = { 0, 1, 1, 0 }, turn[] = { 0, 1, 2, 1, 2, 0, 2, 0, 1 };
    check_gradient("ising", "", "size=6,4", 8, 8, 1, NULL);
    check_gradient("ising", "", "size=6,4", 8, 8, 2, flip);
    check_gradient("ising", "", "size=6,4", 8, 0, 2, flip);
    check_gradient("potts", "q=3", "size=4,4 boundary=open", 5, 3, 3, turn);
    check_gradient("potts", "q=5", "size=9", 9, 2, 1, NULL);
    check_gradient("ising", "", "size=3,4,3", 4, 6, 1, NULL);
}

/* Moved around the torus, or with the other image of its states, a configuration is the same to
 * the network, up to rounding. */
static void symmetries_change_nothing(void **state)
{
    const uint8_t flip[] = { 0, 1, 1, 0 };
    uint8_t moved[36], turned[36];
    (void)state;
    for (int32_t n = 1; n <= 2; n++) {
        fixture *f = begin("ising", "", "size=6,6", 8, 8, n, flip);
        const double want = kr_phase_net_logit(&f->net, f->state);
        for (int32_t i = 0; i < 36; i++) {
            moved[i] = f->state[(i % 6 + 2) % 6 + (i / 6 + 5) % 6 * 6];
            turned[i] = 1 - f->state[i];
        }
        assert_close(kr_phase_net_logit(&f->net, moved), want, 1e-14);
        const double off = fabs(kr_phase_net_logit(&f->net, turned) - want);
        assert_true(n == 2 ? off < 1e-14 : off > 1e-3);
        end(f);
    }
}

static void lattices_without_windows_are_refused(void **state)
{
    static const char *const lattice[][3] = {
        { "honeycomb", "size=4,4", "several sites in a cell" },
        { "hypercubic", "size=4,4 boundary=antiperiodic", "antiperiodic" },
        { "complete", "size=9", "longer than a window" },
        { "hypercubic", "size=2,2,2,2,2", "more than four dimensions" },
    };
    (void)state;
    for (int k = 0; k < 4; k++) {
        kr_error err = { 0 };
        kr_phase_net net;
        kr_system s = system_alloc("ising", "", lattice[k][0], lattice[k][1]);
        const int status = kr_phase_net_init(&net, s.lattice, 2, 8, 8, 1, NULL, &err);
        assert_int_equal(status, KR_EUNSUP);
        assert_non_null(strstr(err.text, lattice[k][2]));
        kr_phase_net_clear(&net);
        system_free(&s);
    }
    kr_error err = { 0 };
    kr_phase_net net;
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4,4");
    assert_int_equal(kr_phase_net_init(&net, s.lattice, 0, 8, 8, 1, NULL, &err), KR_EUNSUP);
    kr_phase_net_clear(&net);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_the_formulas),
        cmocka_unit_test(gradients_are_finite_differences),
        cmocka_unit_test(symmetries_change_nothing),
        cmocka_unit_test(lattices_without_windows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
