/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_conjugate.c - what parameters couple to, against the Hamiltonians as written. */
#include "kr_test.h"

#include "base/rng.h"
#include "model/block.h"
#include "run/spec.h"

extern const kr_observable_plug kr_observable_conjugate;

static kr_spec *make(const char *model, const char *parameter, kr_error *err)
{
    char text[512];
    snprintf(text, sizeof text,
             "model: %s\nlattice: {name: hypercubic, size: [4, 3]}\nbeta: [0.7, 1.3]\n"
             "updates: [metropolis]\n"
             "observables: [energy, {name: conjugate, parameter: %s}]\n",
             model, parameter);
    kr_runfile *file = kr_runfile_parse("test.yaml", text, strlen(text), err);
    assert_non_null(file);
    return kr_spec_alloc(file, err);
}

/* Values of three random states at point 1, and those states as numbers (3, n_sites). */
static void measure(const char *model, const char *parameter, const char *name, double out[3],
                    double *value)
{
    kr_error err = { 0 };
    kr_rng rng;
    int32_t n;
    kr_spec *spec = make(model, parameter, &err);
    if (!spec) {
        fail_msg("%s", err.text);
    }
    const kr_target *target = &spec->target[1];
    const kr_terms *terms = target->terms;
    kr_block *block = kr_block_alloc(terms, 3, 0, 1, &err);
    kr_rng_seed(&rng, 4, 0, KR_PURPOSE_TEST);
    for (int32_t lane = 0; lane < 3; lane++) {
        for (int32_t i = 0; i < 12; i++) {
            double *v = &value[lane * 12 + i];
            if (terms->action) {
                *v = block->phi[i * block->stride + lane] = kr_rng_normal(&rng);
            } else {
                const uint32_t s = kr_rng_below(&rng, (uint32_t)terms->q);
                block->state[lane * 12 + i] = (uint8_t)s;
                *v = terms->value[s];
            }
        }
    }
    void *self = kr_observable_conjugate.alloc(target, NULL, 3, &err);
    assert_non_null(self);
    assert_string_equal(kr_observable_conjugate.columns(self, &n)->name, name);
    assert_int_equal(n, 1);
    kr_observable_conjugate.measure(self, block, out);
    kr_observable_conjugate.free(self);
    kr_block_free(block);
    kr_spec_free(spec);
}

enum { SITE, SITE_SQUARE, SITE_FOURTH, BONDS };

/* Sum over sites, or bonds of the 4 x 3 torus. */
static double sum(const double *v, int what)
{
    double total = 0.0;
    for (int i = 0; i < 12; i++) {
        const int x = i % 4, y = i / 4;
        total += what == SITE          ? v[i]
                 : what == SITE_SQUARE ? v[i] * v[i]
                 : what == SITE_FOURTH
                     ? pow(v[i], 4)
                     : v[i] * (v[(x + 1) % 4 + 4 * y] + v[x + 4 * ((y + 1) % 3)]);
    }
    return total;
}

static void parameters_couple_to_what_their_models_say(void **state)
{
    (void)state;
    const struct {
        const char *model, *parameter, *name;
        int what;
        double factor;
    } all[] = {
        { "{name: ising}", "J", "conjugate_J", BONDS, -1.0 },
        { "{name: ising, field: 0.3}", "model.field", "conjugate_field", SITE, -1.0 },
        { "{name: blume_capel, D: 1.5}", "D", "conjugate_D", SITE_SQUARE, 1.0 },
        { "{name: phi4, convention: kappa, kappa: 0.2, lambda: 0.1}", "kappa",
          "conjugate_kappa", BONDS, -2.0 },
        { "{name: phi4, m2: 1}", "m2", "conjugate_m2", SITE_SQUARE, 1.0 },
        /* lambda = 0 has one neighbor only */
        { "{name: phi4, m2: 1, lambda: 0}", "lambda", "conjugate_lambda", SITE_FOURTH, 1.0 },
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        double out[3], value[36];
        measure(all[k].model, all[k].parameter, all[k].name, out, value);
        for (int lane = 0; lane < 3; lane++) {
            assert_close(out[lane],
                         1.3 * all[k].factor * sum(value + 12 * lane, all[k].what) / 12.0,
                         1e-9);
        }
    }
}

static void other_parameters_are_refused(void **state)
{
    (void)state;
    const char *const wrong[][3] = {
        { "{name: ising}", "beta", "whose conjugate is the energy" },
        { "{name: ising}", "K", "no real number of model ising" },
        { "{name: potts, q: 3}", "q", "no real number of model potts" },
        { "{name: ising}", "disorder", "no real number of model ising" },
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        kr_error err = { 0 };
        assert_null(make(wrong[k][0], wrong[k][1], &err));
        if (!strstr(err.text, wrong[k][2]) || !strstr(err.text, "test.yaml:5")) {
            fail_msg("%s", err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_couple_to_what_their_models_say),
        cmocka_unit_test(other_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
