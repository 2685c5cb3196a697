/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_textbook.c - the rivals of the benchmark are right, so beating them means
 * something. */
#include "kr_test.h"

#include "study/textbook.h"

enum { SIDE = 4, N = SIDE * SIDE, BLOCKS = 40, SWEEPS = 4000 };

enum loop { WOLFF, SWENDSEN_WANG, HEAT_BATH, METROPOLIS };

typedef struct run {
    enum loop loop;
    int32_t q, side;
    double beta, h; /* Ising: -h sum s; Potts: none */
    double want;    /* energy per site */
} run;

typedef struct chain {
    int32_t neighbor[4 * N], work[2 * N];
    uint8_t state[N], color[N];
    kr_textbook_rates rates;
    kr_rng rng;
} chain;

static double energy_per_site(const run *r, const chain *c)
{
    double e = 0.0;
    int32_t n = r->side * r->side;
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < 2; k++) {
            bool same = c->state[i] == c->state[c->neighbor[4 * i + k]];
            e -= r->q == 2 ? 2.0 * same - 1.0 : (double)same;
        }
        e -= r->h * (2.0 * c->state[i] - 1.0);
    }
    return e / n;
}

static void sweep(const run *r, chain *c)
{
    int32_t n = r->side * r->side;
    double p = -expm1(r->q == 2 ? -2.0 * r->beta : -r->beta);
    double local[2] = { r->beta * r->h, -r->beta * r->h };
    const double *field = r->h != 0.0 ? local : NULL;
    switch (r->loop) {
    case WOLFF:
        kr_textbook_wolff(n, 4, c->neighbor, r->q, p, field, c->state, c->work, c->work + n,
                          &c->rng);
        break;
    case SWENDSEN_WANG:
        kr_textbook_swendsen_wang(n, 4, c->neighbor, r->q, p, field, c->state, c->work,
                                  c->work + n, c->color, &c->rng);
        break;
    case HEAT_BATH:
        kr_textbook_heat_bath(r->side, r->side, &c->rates, c->state, &c->rng);
        break;
    default:
        kr_textbook_metropolis(r->side, r->side, &c->rates, c->state, &c->rng);
    }
}

static void check(const run *r)
{
    chain *c = calloc(1, sizeof *c);
    const int32_t extent[2] = { r->side, r->side };
    double sum = 0.0, sum2 = 0.0;
    kr_rng_seed(&c->rng, 11, (uint64_t)r->loop, KR_PURPOSE_TEST);
    kr_textbook_neighbors(2, extent, c->neighbor);
    kr_textbook_table(r->beta, r->h, &c->rates);
    for (int block = -1; block < BLOCKS; block++) {
        double mean = 0.0;
        for (int t = 0; t < SWEEPS; t++) {
            sweep(r, c);
            mean += energy_per_site(r, c) / SWEEPS;
        }
        sum += block >= 0 ? mean : 0.0;
        sum2 += block >= 0 ? mean * mean : 0.0;
    }
    double mean = sum / BLOCKS, error = sqrt((sum2 / BLOCKS - mean * mean) / (BLOCKS - 1));
    free(c);
    assert_true(error < 4e-3 * fabs(r->want));
    assert_within_sigma(mean, error, r->want, 4.2);
}

/* ising2d_torus_kaufman.csv, ising2d_small_field.csv (4 x 4, periodic, beta = 0.4) */
#define CLEAN (-1.3791164822593486377)
#define FIELD (-1.398453173709284)

static void ising_loops_give_the_exact_energy(void **state)
{
    (void)state;
    for (enum loop loop = WOLFF; loop <= METROPOLIS; loop++) {
        check(&(run){ loop, 2, SIDE, 0.4, 0.0, CLEAN });
        check(&(run){ loop, 2, SIDE, 0.4, 0.05, FIELD });
    }
}

/* potts2d_small.csv: q = 3, 3 x 3, periodic */
static void potts_loops_give_the_exact_energy(void **state)
{
    (void)state;
    check(&(run){ WOLFF, 3, 3, 1.0, 0.0, -1.736257883125346 });
    check(&(run){ SWENDSEN_WANG, 3, 3, 1.0, 0.0, -1.736257883125346 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ising_loops_give_the_exact_energy),
        cmocka_unit_test(potts_loops_give_the_exact_energy),
    };
    return cmocka_run_group_tests_name("textbook", tests, NULL, NULL);
}
