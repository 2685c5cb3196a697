/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_signs.c - J -> -J on bipartite lattices: reversing the spins of one sublattice
 * maps the ferromagnet on the antiferromagnet, so energies agree and uniform and staggered
 * magnetization change places, under every engine of the local updates and both cluster
 * updates. On the square torus also against Kaufman's energy. */
#include "kr_system.h"
#include "model/exact.h"
#include "sampled.h"
#include "stats/stats.h"

enum { CHAINS = 64, ENERGY = 0, UNIFORM, STAGGERED, N_MEANS };

typedef struct row {
    const char *lattice, *text;
    double beta;
    int draws, thin;
} row;

static const row rows[] = {
    { "hypercubic", "size=8,8", 0.4, 3000, 4 },
    { "hypercubic", "size=4,4,6", 0.2, 3000, 4 },
    { "hypercubic", "size=5,6 boundary=open", 0.5, 3000, 4 },
    { "honeycomb", "size=4,4", 0.6, 3000, 4 },
};

typedef struct method {
    const char *update, *params;
} method;

static const method methods[] = {
    { "heat_bath", "{engine: bits}" },
    { "heat_bath", "{engine: bytes}" },
    { "heat_bath", "{engine: ref}" },
    { "metropolis", "{engine: bits}" },
    { "metropolis", "{engine: bytes}" },
    { "metropolis", "{engine: ref}" },
    { "wolff", "{}" },
    { "swendsen_wang", "{}" },
    { "swendsen_wang", "{form: reflection}" },
};
enum { N_ROWS = sizeof rows / sizeof *rows, N_METHODS = sizeof methods / sizeof *methods };
enum { N_COMPARED = N_ROWS * N_METHODS * 4 };

/* Largest relative errors of energy and of the squares of the magnetizations. */
static const double largest[N_MEANS] = { 3e-3, 1.5e-2, 1.5e-2 };

/* +1 and -1 so that every bond joins unlike ones. */
static void color_sites(const kr_terms *terms, int8_t *color)
{
    memset(color, 0, (size_t)terms->n_sites);
    color[0] = 1;
    for (int32_t n_left = terms->n_sites - 1; n_left > 0;) {
        for (int32_t i = 0; i < terms->n_sites; i++) {
            for (int64_t k = terms->neighbor_begin[i];
                 color[i] != 0 && k < terms->neighbor_begin[i + 1]; k++) {
                int32_t j = terms->neighbor[k];
                assert_true(color[j] != color[i]);
                n_left -= color[j] == 0;
                color[j] = (int8_t)-color[i];
            }
        }
    }
}

typedef struct estimate {
    double mean[N_MEANS], error[N_MEANS];
} estimate;

static estimate over_chains(double sum[N_MEANS][CHAINS], double n_draws)
{
    estimate out = { .mean = { 0 } };
    for (int k = 0; k < N_MEANS; k++) {
        double s2 = 0.0;
        for (int c = 0; c < CHAINS; c++) {
            out.mean[k] += sum[k][c] / n_draws / CHAINS;
        }
        for (int c = 0; c < CHAINS; c++) {
            double d = sum[k][c] / n_draws - out.mean[k];
            s2 += d * d;
        }
        out.error[k] = sqrt(s2 / (CHAINS * (CHAINS - 1.0)));
    }
    return out;
}

static void measure(const kr_block *block, const int8_t *color, double sum[N_MEANS][CHAINS])
{
    int32_t n = block->n_sites;
    for (int32_t lane = 0; lane < CHAINS; lane++) {
        const uint8_t *s = block->state + (size_t)lane * (size_t)n;
        int32_t uniform = 0, staggered = 0;
        for (int32_t i = 0; i < n; i++) {
            uniform += 2 * s[i] - 1;
            staggered += color[i] * (2 * s[i] - 1);
        }
        sum[ENERGY][lane] += block->energy[lane] / n;
        sum[UNIFORM][lane] += pow((double)uniform / n, 2.0);
        sum[STAGGERED][lane] += pow((double)staggered / n, 2.0);
    }
}

static estimate sample(const row *r, const method *m, const char *J, double *exact)
{
    kr_error err = { 0 };
    kr_system s = system_alloc("ising", J, r->lattice, r->text);
    kr_target target = system_target(&s, r->beta);
    sampled u = sampled_alloc(m->update, m->params, &target, NULL, CHAINS);
    kr_block *block = sampled_block(s.terms, CHAINS, J[2] == '-' ? 5 : 6);
    int8_t *color = calloc((size_t)s.terms->n_sites, 1);
    double sum[N_MEANS][CHAINS] = { { 0.0 } };
    kr_exact values;
    color_sites(s.terms, color);
    for (int d = -r->draws / 8; d < r->draws; d++) {
        for (int k = 0; k < r->thin; k++) {
            sampled_sweep(&u, block);
        }
        kr_block_convert(block, KR_LAYOUT_CHAIN);
        if (d >= 0) {
            measure(block, color, sum);
        }
    }
    assert_true(kr_block_audit(block, s.terms) <= 1e-9);
    *exact = kr_exact_best(&target, 1e6, &values, &err) == KR_OK ? values.energy_per_site : NAN;
    free(color);
    kr_block_free(block);
    sampled_free(&u);
    system_free(&s);
    return over_chains(sum, r->draws);
}

static void check_one(const char *what, const row *r, const method *m, double mean,
                      double error, double want, double scale)
{
    print_message("# %-26s %-11s %-18s %-22s %.5f(%.0e) z %+.2f\n", r->text, m->update,
                  m->params, what, mean, error, (mean - want) / error);
    if (!(error <= scale)) {
        fail_msg("error %.3g, want <= %.3g: the run is too short to tell", error, scale);
    }
    assert_within_sigma(mean, error, want, kr_z_limit(N_COMPARED));
}

static void antiferromagnets_are_staggered_ferromagnets(void **state)
{
    (void)state;
    static const char *const what[N_MEANS] = { "e(J) - e(-J)", "<m^2> - <m_s^2>(-J)",
                                               "<m_s^2> - <m^2>(-J)" };
    static const int partner[N_MEANS] = { ENERGY, STAGGERED, UNIFORM };
    for (int k = 0; k < N_ROWS * N_METHODS; k++) {
        const row *r = &rows[k / N_METHODS];
        const method *m = &methods[k % N_METHODS];
        double exact, exact_minus;
        estimate plus = sample(r, m, "J=1", &exact), minus = sample(r, m, "J=-1", &exact_minus);
        for (int a = 0; a < N_MEANS; a++) {
            int b = partner[a];
            check_one(what[a], r, m, plus.mean[a] - minus.mean[b],
                      hypot(plus.error[a], minus.error[b]), 0.0,
                      largest[a] * fabs(plus.mean[a]));
        }
        if (isfinite(exact)) {
            assert_close(exact_minus, exact, 1e-12);
            check_one("e(-J), exact", r, m, minus.mean[ENERGY], minus.error[ENERGY], exact,
                      largest[ENERGY] * fabs(exact));
        }
        assert_true(plus.mean[UNIFORM] > 2.0 * plus.mean[STAGGERED]); /* else m tells nothing */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(antiferromagnets_are_staggered_ferromagnets),
    };
    return cmocka_run_group_tests_name("physics_signs", tests, NULL, NULL);
}
