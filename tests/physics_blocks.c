/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_blocks.c - blocks drawn anew from a network: learning, certificate, energies of
 * tori against Kaufman, all through run file and sampler. */
#include "physics_run.h"

#define BLOCKS                                                                                 \
    "updates: [{name: tail_refresh, density: net, symmetry: true, sweeps: 2}%s]\n"             \
    "densities: {net: {name: frontier_block, size: %s, hidden: 4}}\n"                          \
    "training: {batch: 64, certificate: 16384}\n"                                              \
    "phases: {thermalize: 300, adapt: %d, measure: %d, every: 2}\n"

/* Blocks alone: translations carry them everywhere, so that no other update is needed. */
static void energies_of_a_torus_are_those_of_kaufman(void **state)
{
    static const struct {
        const char *system, *others, *size;
        int adapt, measure;
    } c[] = {
        { "model: {name: ising}\nlattice: {name: hypercubic, size: [16, 16]}\nbeta: 0.38\n", "",
          "4", 150, 6000 },
        { "model: {name: ising, J: -1}\nlattice: {name: hypercubic, size: [12, 12]}\n"
          "beta: 0.44\n",
          ", {name: heat_bath}", "[3, 5]", 100, 6000 },
    };
    (void)state;
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%schains: 64\n" BLOCKS, c[k].system, c[k].others,
                 c[k].size, c[k].adapt, c[k].measure);
        const result r = run(yaml);
        assert_true(r.has_exact);
        const double z = (r.energy.mean - r.exact.energy_per_site) / r.energy.error;
        print_message("# %.6f(%.6f), exact %.6f, z = %+.2f\n", r.energy.mean, r.energy.error,
                      r.exact.energy_per_site, z);
        assert_true(fabs(z) < 4.6);
        assert_true(r.energy.error < 1e-3 * fabs(r.exact.energy_per_site));
    }
}

typedef struct learned {
    double told, divergence, accepted; /* by the certificate; of the chains */
} learned;

static learned learn(int adapt, int32_t n_threads)
{
    char yaml[1024];
    kr_error err = { 0 };
    kr_certificate certificate;
    double attempted = 0.0, accepted = 0.0;
    snprintf(yaml, sizeof yaml,
             "model: {name: ising}\nlattice: {name: hypercubic, size: [16, 16]}\n"
             "beta: 0.44\nchains: 64\n" BLOCKS,
             ", {name: wolff}", "6", adapt, 400);
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    assert_ok(err.status, &err);
    spec->config.n_threads = n_threads;
    kr_sampler *s = kr_sampler_alloc(&spec->config, &err);
    assert_ok(err.status, &err);
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        const int32_t first = kr_sampler_first_count(s);
        for (int64_t t = 0; !kr_sampler_new_is_warmup(s) && t < kr_sampler_n_new(s); t++) {
            for (int c = 0; c < 64; c++) {
                attempted += kr_sampler_slab(s, t, first)[c];
                accepted += kr_sampler_slab(s, t, first + 1)[c];
            }
        }
    }
    kr_sampler_certificate(s, 0, 0, &certificate);
    assert_true(isnan(certificate.ess_q) && isnan(certificate.log_z));
    assert_true(certificate.block_sites == 36.0);
    kr_sampler_free(s);
    kr_spec_free(spec);
    return (learned){ certificate.acceptance, certificate.divergence, accepted / attempted };
}

/* The certificate meets the chains at one instant: 16 384 / 64 blocks of each, some ten of
 * which are independent, so that it tells the acceptance to about a percent. */
static void training_raises_the_acceptance_that_the_certificate_tells(void **state)
{
    (void)state;
    const learned fresh = learn(0, 1), trained = learn(300, 2), again = learn(300, 1);
    print_message("# accepted %.4f told %.4f, KL %.4g; trained %.4f told %.4f, KL %.4g\n",
                  fresh.accepted, fresh.told, fresh.divergence, trained.accepted, trained.told,
                  trained.divergence);
    assert_true(fabs(fresh.told - fresh.accepted) < 0.03);
    assert_true(fabs(trained.told - trained.accepted) < 0.02);
    assert_true(trained.accepted > 0.85);
    assert_true(trained.accepted > fresh.accepted + 0.2);
    assert_true(trained.divergence < 0.5 * fresh.divergence);
    assert_memory_equal(&trained, &again, sizeof trained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_of_a_torus_are_those_of_kaufman),
        cmocka_unit_test(training_raises_the_acceptance_that_the_certificate_tells),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
