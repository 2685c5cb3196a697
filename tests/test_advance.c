/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_advance.c - chains whose states a density cannot score. */
#include "sampler_subject.h"

static int advance_with(const char *density, double size, kr_error *err)
{
    char yaml[512];
    snprintf(
        yaml, sizeof yaml,
        "model: {name: phi4, m2: 1, lambda: 1}\nlattice: {name: hypercubic, size: [4, 4]}\n"
        "beta: 1\nchains: 4\nupdates: [{name: hmc}]\ndensities: {net: %s}\n"
        "phases: {thermalize: 8, adapt: 0, measure: 4, every: 1}\n"
        "observables: [energy]\n",
        density);
    subject s = open_subject(yaml, 1);
    kr_learned learned;
    assert_true(kr_sampler_learned(s.sampler, 0, 0, &learned));
    for (size_t k = 0; k < learned.n_weights; k++) {
        ((float *)(uintptr_t)learned.weights)[k] = (float)(size * sin(1.0 + (double)k));
    }
    const int status = kr_sampler_advance(s.sampler, 4, err);
    close_subject(&s);
    return status;
}

static void a_state_without_an_inverse_is_told_with_the_steps(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_int_equal(advance_with("{name: cnf, steps: 3, adapt_steps: false}", 0.01, &err),
                     KR_OK);
    assert_int_equal(advance_with("{name: cnf, steps: 3, adapt_steps: false}", 30.0, &err),
                     KR_ESANITY);
    assert_string_equal(err.text,
                        "density net: log q of a chain is not finite, the state has no inverse "
                        "with steps = 3: want twice as many or more, adapt_steps: true and "
                        "most_steps above, and train again");
}

static void another_density_is_named_alone(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_int_equal(advance_with("{name: realnvp}", INFINITY, &err), KR_ESANITY);
    assert_string_equal(err.text,
                        "density net: log q of a chain is not finite, want a finite number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_without_an_inverse_is_told_with_the_steps),
        cmocka_unit_test(another_density_is_named_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
