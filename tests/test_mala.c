/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_mala.c - Langevin steps with acceptance: how often they go from here to there, how
 * long they are, and what is left of refusals in small steps. */
#include "kr_real_block.h"
#include "sampled.h"
#include "sampler_subject.h"

#include "stats/stats.h"

enum { LANES = KR_LANES_MAX };

static sampled mala(const char *yaml, const kr_system *s, double beta)
{
    static kr_target target; /* borrowed by the update */
    target = system_target(s, beta);
    return sampled_alloc("mala", yaml, &target, NULL, LANES);
}

static void sweep(sampled *s, kr_block *block)
{
    s->update->sweep(s->self, block, 1, s->scratch, &s->tally);
}

/* ---- one site against quadrature -------------------------------------------------------- */

enum { GRID = 800, CELLS = 8, SWEEPS = 4096 };
#define REACH 3.0
#define STEP  0.8
#define BETA  0.9

/* m2 = -1, lambda = 0.8, field = 0.3, open ends: no bonds. */
static double action_of(double x)
{
    return -x * x + 0.8 * x * x * x * x - 0.3 * x;
}

static double slope_of(double x)
{
    return -2.0 * x + 3.2 * x * x * x - 0.3;
}

/* ln of the density of the proposal y from x, but for a constant */
static double log_step(double x, double y)
{
    const double d = y - x + 0.5 * STEP * STEP * BETA * slope_of(x);
    return -0.5 * d * d / (STEP * STEP);
}

static double centre(int k)
{
    return REACH * (2.0 * (k + 0.5) / GRID - 1.0);
}

/* Of n starts in the law, those that move from cell a to cell b, by quadrature of pi(x) q(y|x)
 * min(1, pi(y) q(x|y) / (pi(x) q(y|x))); pi (GRID) filled. */
static void expect(double n, double *pi, double *expected)
{
    const double width = 2.0 * REACH / GRID;
    double sum = 0.0;
    memset(expected, 0, CELLS * CELLS * sizeof *expected);
    for (int a = 0; a < GRID; a++) {
        pi[a] = exp(-BETA * action_of(centre(a)));
        sum += pi[a];
    }
    for (int a = 0; a < GRID; a++) {
        pi[a] /= sum;
        for (int b = 0; b < GRID; b++) {
            const double x = centre(a), y = centre(b);
            const double log_a =
                -BETA * (action_of(y) - action_of(x)) + log_step(y, x) - log_step(x, y);
            expected[a * CELLS / GRID * CELLS + b * CELLS / GRID] +=
                n * pi[a] * width * exp(log_step(x, y) + fmin(0.0, log_a)) /
                (STEP * sqrt(2.0 * 3.14159265358979324));
        }
    }
}

static int cell_of(double x)
{
    const int k = (int)floor(0.5 * (x / REACH + 1.0) * CELLS);
    return k < 0 ? 0 : k >= CELLS ? CELLS - 1 : k;
}

static void steps_go_from_here_to_there_as_often_as_quadrature_says(void **state)
{
    (void)state;
    static double pi[GRID], expected[CELLS * CELLS];
    static int64_t moved[CELLS * CELLS];
    kr_system s = system_alloc("phi4", "m2=-1 lambda=0.8 field=0.3 convention=canonical",
                               "hypercubic", "size=1 boundary=open");
    sampled update = mala("{step: 0.8, target: 0, jitter: 0, shorter: 0}", &s, BETA);
    kr_block *block = real_block(s.terms, LANES, 1.0, 1);
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    kr_rng_seed(block->rng, 6, 0, KR_PURPOSE_CHAIN);
    expect((double)SWEEPS * LANES, pi, expected);
    for (int k = 0; k < SWEEPS; k++) {
        double from[LANES];
        for (int l = 0; l < LANES; l++) {
            double u = kr_rng_uniform(&rng);
            int a = 0;
            while (a < GRID - 1 && u >= pi[a]) {
                u -= pi[a++];
            }
            from[l] = block->phi[l] =
                centre(a) + (kr_rng_uniform(&rng) - 0.5) * 2.0 * REACH / GRID;
        }
        kr_block_score(block, s.terms);
        sweep(&update, block);
        for (int l = 0; l < LANES; l++) {
            if (block->phi[l] != from[l]) {
                moved[cell_of(from[l]) * CELLS + cell_of(block->phi[l])]++;
            }
        }
    }
    double chi2 = 0.0, dof = 0.0, balance = 0.0, pairs = 0.0;
    for (int a = 0; a < CELLS; a++) {
        for (int b = 0; b < CELLS; b++) {
            const double e = expected[a * CELLS + b], n = (double)moved[a * CELLS + b];
            const double back = (double)moved[b * CELLS + a];
            chi2 += e >= 20.0 ? (n - e) * (n - e) / e : 0.0; /* nearly Poisson numbers */
            dof += e >= 20.0;
            balance += a < b && n + back >= 20.0 ? (n - back) * (n - back) / (n + back) : 0.0;
            pairs += a < b && n + back >= 20.0;
        }
    }
    print_message("# chi^2 %.1f of %.0f cells, balance %.1f of %.0f pairs\n", chi2, dof,
                  balance, pairs);
    assert_true(dof > 20.0 && pairs > 8.0);
    assert_true(kr_chi2_p(chi2, dof) > 1e-5);
    assert_true(kr_chi2_p(balance, pairs) > 1e-5);
    kr_block_free(block);
    sampled_free(&update);
}

/* ---- sizes of steps ---------------------------------------------------------------------- */

/* Next to no action: every step is taken, and moves by its size times normals. */
static void a_share_of_the_steps_is_shorter(void **state)
{
    (void)state;
    enum { N = 3000, SITES = 16 };
    kr_system s = system_alloc("phi4", "m2=1 lambda=0", "hypercubic", "size=4,4");
    sampled update = mala("{step: 0.5, target: 0, jitter: 0.1, shorter: 0.3}", &s, 1e-12);
    kr_block *block = real_block(s.terms, LANES, 1.0, 2);
    kr_rng_seed(block->rng, 7, 0, KR_PURPOSE_CHAIN);
    static double before[SITES * LANES];
    double n_short = 0.0, sum = 0.0, least = 9.0, most = 0.0;
    for (int k = 0; k < N; k++) {
        double square = 0.0;
        memcpy(before, block->phi, sizeof before);
        sweep(&update, block);
        for (int i = 0; i < SITES * LANES; i++) {
            square += (block->phi[i] - before[i]) * (block->phi[i] - before[i]);
        }
        const double factor = sqrt(square / (SITES * LANES)) / 0.5; /* to 2 % */
        if (factor < 0.8) {
            n_short += 1.0;
            sum += factor;
        } else {
            least = fmin(least, factor);
            most = fmax(most, factor);
        }
    }
    const double share = 0.3 * 0.8; /* the rest of the shorter ones lies above 0.8 */
    assert_within_sigma(n_short / N, sqrt(share * (1.0 - share) / N), share, 4.5);
    assert_within_sigma(sum / n_short, 0.8 / sqrt(12.0 * n_short), 0.4, 4.5);
    assert_true(least < 0.85 && most > 1.05 && most < 1.2);
    kr_block_free(block);
    sampled_free(&update);
}

/* In equilibrium the rest falls with the third power of the step. */
static void small_steps_are_all_accepted(void **state)
{
    (void)state;
    static const char *const yaml[] = { "{step: 0.24, target: 0, jitter: 0, shorter: 0}",
                                        "{step: 0.12, target: 0, jitter: 0, shorter: 0}",
                                        "{step: 0.06, target: 0, jitter: 0, shorter: 0}" };
    double refused[3];
    kr_system s = system_alloc("phi4", "m2=-1 lambda=1", "hypercubic", "size=4,4");
    kr_block *block = real_block(s.terms, LANES, 0.5, 3);
    kr_rng_seed(block->rng, 7, 0, KR_PURPOSE_CHAIN);
    for (int k = 0; k < 3; k++) {
        sampled update = mala(yaml[k], &s, 1.0);
        double n = 0.0, accepted = 0.0;
        for (int n_done = 0; n_done < 4000; n_done++) {
            if (n_done == 1000) { /* a state of the law; the next ones begin there */
                memset(&update.tally, 0, sizeof update.tally);
            }
            sweep(&update, block);
        }
        for (int l = 0; l < LANES; l++) {
            n += (double)update.tally.attempted[l];
            accepted += (double)update.tally.accepted[l];
        }
        refused[k] = 1.0 - accepted / n;
        print_message("# %s: %.5f refused\n", yaml[k], refused[k]);
        sampled_free(&update);
    }
    assert_close(refused[0] / refused[1], 8.0, 0.2);
    assert_close(refused[1] / refused[2], 8.0, 0.2);
    assert_true(refused[2] < 0.005);
    kr_block_free(block);
}

/* ---- tuned ------------------------------------------------------------------------------- */

static void a_restart_while_steps_are_tuned_changes_no_bit(void **state)
{
    (void)state;
    static const char yaml[] =
        "model: {name: phi4, m2: -1, lambda: 1}\nlattice: {name: hypercubic, size: [4, 4]}\n"
        "beta: [0.8, 1.2]\nchains: 20\nupdates: [{name: mala, shorter: 0.4, sweeps: 3}]\n"
        "observables: [energy]\nphases: {thermalize: 60, measure: 20, every: 2}\n";
    const char *path = "test_mala.state";
    kr_error err = { 0 };
    subject whole = open_subject(yaml, 1), cut = open_subject(yaml, 2);
    for (int k = 0; kr_sampler_stage(whole.sampler) != KR_STAGE_DONE; k++) {
        assert_ok(kr_sampler_advance(whole.sampler, 4, &err), &err);
        assert_ok(kr_sampler_advance(cut.sampler, 4, &err), &err);
        if (k == 9) {
            assert_ok(kr_state_save(cut.table, path, NULL, &err), &err);
            close_subject(&cut);
            cut = open_subject(yaml, 1);
            assert_ok(kr_state_load(cut.table, path, &err), &err);
        }
    }
    for (int p = 0; p < 2; p++) {
        const double step = kr_sampler_tuned(whole.sampler, 0, p);
        assert_true(step == kr_sampler_tuned(cut.sampler, 0, p));
        assert_true(step > 0.1 && step < 2.0);
    }
    assert_true(kr_sampler_tuned(whole.sampler, 0, 0) != kr_sampler_tuned(whole.sampler, 0, 1));
    assert_memory_equal(kr_sampler_slab(whole.sampler, 0, 0),
                        kr_sampler_slab(cut.sampler, 0, 0), 40 * sizeof(double));
    close_subject(&whole);
    close_subject(&cut);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_go_from_here_to_there_as_often_as_quadrature_says),
        cmocka_unit_test(a_share_of_the_steps_is_shorter),
        cmocka_unit_test(small_steps_are_all_accepted),
        cmocka_unit_test(a_restart_while_steps_are_tuned_changes_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
