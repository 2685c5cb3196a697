/* SPDX-License-Identifier: GPL-3.0-or-later
 * physics_engines.c - the engines of the local updates against Kaufman's energies and specific
 * heats on larger lattices: energies to 1e-4, specific heats to 5e-3, so that a short run
 * cannot pass. Errors come from 64 independent chains (Student). Minutes: suite slow. */
#include "base/rng.h"
#include "kr_system.h"
#include "model/block.h"
#include "model/exact.h"
#include "model/fold.h"
#include "stats/stats.h"
#include "update/local.h"

enum { CHAINS = 64 };

typedef struct row {
    const char *lattice;
    double beta;
    int64_t thermalize, draws, every; /* sweeps, draws, sweeps per draw */
} row;

static const row rows[] = {
    { "size=16,16", 0.4406868, 20000, 400000, 10 },
    { "size=64,64", 0.43, 20000, 60000, 20 },
    { "size=128,128", 0.42, 20000, 15000, 20 },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

typedef struct moments {
    double e[CHAINS], e2[CHAINS];
} moments;

static moments sample(const kr_target *target, const row *r)
{
    kr_error err = { 0 };
    moments m = { .e = { 0 } };
    kr_update_setting setting = { .target = target, .n_lanes = CHAINS };
    kr_local_params params = { 0 };
    void *self = kr_engine_bits.alloc(&setting, KR_LOCAL_HEAT_BATH, &params, &err);
    assert_non_null(self);
    void *scratch =
        aligned_alloc(64, (kr_engine_bits.scratch_bytes(self, CHAINS) + 63) / 64 * 64);
    kr_block *block = kr_block_alloc(target->terms, CHAINS, 0, 0, &err);
    kr_tally tally;
    kr_rng_seed(block->rng, 29, 0, KR_PURPOSE_TEST);
    for (int32_t lane = 0; lane < CHAINS; lane++) {
        kr_block_start_lane(block, lane, lane % 2 ? KR_START_RANDOM : KR_START_ANY_ORDERED,
                            block->rng);
    }
    assert_ok(kr_block_add_fold(block, kr_engine_bits.fold(self), &err), &err);
    kr_block_convert(block, KR_LAYOUT_BITS);
    kr_engine_bits.sweep(self, block, r->thermalize, scratch, &tally);
    double n = (double)r->draws, sites = target->terms->n_sites;
    for (int64_t d = 0; d < r->draws; d++) {
        kr_engine_bits.sweep(self, block, r->every, scratch, &tally);
        for (int c = 0; c < CHAINS; c++) {
            double e = block->energy[c] / sites;
            m.e[c] += e / n;
            m.e2[c] += e * e / n;
        }
    }
    assert_true(kr_block_audit(block, target->terms) <= 0.0);
    free(scratch);
    kr_block_free(block);
    kr_engine_bits.free(self);
    return m;
}

static void check(const char *what, const double *x, double want, double rel)
{
    double mean = 0.0, s2 = 0.0;
    for (int c = 0; c < CHAINS; c++) {
        mean += x[c] / CHAINS;
    }
    for (int c = 0; c < CHAINS; c++) {
        s2 += (x[c] - mean) * (x[c] - mean);
    }
    double error = sqrt(s2 / (CHAINS * (CHAINS - 1.0)));
    print_message("# %-40s %.7f(%.0e) exact %.7f z %+.2f\n", what, mean, error, want,
                  (mean - want) / error);
    if (!(error <= rel * fabs(want))) {
        fail_msg("%s: error %.3g, want <= %.3g: the run is too short to tell", what, error,
                 rel * fabs(want));
    }
    assert_within_sigma(mean, error, want, kr_z_limit(2 * N_ROWS));
}

static void bits_give_kaufmans_energies_and_specific_heats(void **state)
{
    (void)state;
    for (int k = 0; k < N_ROWS; k++) {
        kr_error err = { 0 };
        kr_exact exact;
        char what[64];
        kr_system s = system_alloc("ising", "J=1", "hypercubic", rows[k].lattice);
        kr_target target = system_target(&s, rows[k].beta);
        assert_ok(kr_exact_kaufman(&target, &exact, &err), &err);
        moments m = sample(&target, &rows[k]);
        snprintf(what, sizeof what, "%s beta %g: energy", rows[k].lattice, rows[k].beta);
        check(what, m.e, exact.energy_per_site, 1e-4);
        /* the mean over all chains keeps the bias of the square small; pseudo-values */
        double all = 0.0, c_chain[CHAINS], scale = rows[k].beta * rows[k].beta;
        for (int c = 0; c < CHAINS; c++) {
            all += m.e[c] / CHAINS;
        }
        for (int c = 0; c < CHAINS; c++) {
            double d = m.e[c] - all;
            c_chain[c] = scale * s.terms->n_sites *
                         (m.e2[c] - m.e[c] * m.e[c] + d * d * CHAINS / (CHAINS - 1.0));
        }
        snprintf(what, sizeof what, "%s beta %g: specific heat", rows[k].lattice, rows[k].beta);
        check(what, c_chain, exact.specific_heat, 5e-3);
        system_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_give_kaufmans_energies_and_specific_heats),
    };
    return cmocka_run_group_tests_name("physics_engines", tests, NULL, NULL);
}
