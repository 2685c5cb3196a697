/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_transition.c - the harness of the transition matrices sees kernels that are
 * slightly wrong. */
#include "transition.h"

enum { STATES_MAX = 64, PATHS_MAX = 100000 };
#define BETA        0.6
#define BALANCE_MAX 1e-12

enum flaw { NO_FLAW, BETA_OFF, ENERGY_FORGOTTEN, SCORE_KEPT, TALLY_FORGOTTEN };

typedef struct flawed {
    const kr_terms *terms;
    double beta;
    enum flaw flaw;
} flawed;

static size_t no_scratch(const void *self, int32_t n_lanes)
{
    (void)self;
    (void)n_lanes;
    return 0;
}

/* Metropolis for two states in site order. */
static void flawed_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                         kr_tally *tally)
{
    (void)n_sweeps;
    (void)scratch;
    const flawed *f = self;
    double beta = f->flaw == BETA_OFF ? f->beta * (1.0 + 1e-5) : f->beta;
    for (int32_t i = 0; i < block->n_sites; i++) {
        double e[2];
        kr_terms_local(f->terms, block->state, i, e);
        double delta = e[1 - block->state[i]] - e[block->state[i]];
        tally->attempted[0] += f->flaw != TALLY_FORGOTTEN;
        if (kr_rng_bernoulli(block->rng, exp(-beta * delta))) {
            block->state[i] ^= 1;
            block->energy[0] += f->flaw == ENERGY_FORGOTTEN ? 0.0 : delta;
            block->log_q_of = f->flaw == SCORE_KEPT ? block->log_q_of : -1;
            tally->accepted[0]++;
            tally->changed[0]++;
        }
    }
}

static transition flawed_matrix(enum flaw flaw, double *balance)
{
    kr_error err = { 0 };
    tiny *system = tiny_alloc(tiny_model("ising"), "{field: 0.3}", tiny_lattice("hypercubic"),
                              "{size: [3, 2]}", STATES_MAX, &err);
    assert_non_null(system);
    flawed self = { .terms = system->terms, .beta = BETA, .flaw = flaw };
    kr_update_plug update = { .layouts = KR_LAYOUT_CHAIN,
                              .scratch_bytes = no_scratch,
                              .sweep = flawed_sweep };
    transition t = transition_of(system, &update, &self, 1, PATHS_MAX);
    double *law = tiny_law(system, BETA);
    *balance = transition_balance_error(&t, law);
    free(law);
    tiny_free(system);
    return t;
}

static void an_acceptance_with_beta_off_by_1e_5_is_seen(void **state)
{
    (void)state;
    double balance;
    transition t = flawed_matrix(NO_FLAW, &balance);
    assert_true(t.is_complete && balance <= BALANCE_MAX && t.energy_off <= 1e-12);
    assert_null(t.fault);
    transition_clear(&t);
    t = flawed_matrix(BETA_OFF, &balance);
    assert_true(balance > 1e-8);
    assert_true(transition_row_error(&t) <= BALANCE_MAX);
    transition_clear(&t);
}

static void forgotten_bookkeeping_is_seen(void **state)
{
    (void)state;
    double balance;
    transition t = flawed_matrix(ENERGY_FORGOTTEN, &balance);
    assert_true(t.energy_off > 0.1);
    transition_clear(&t);
    for (enum flaw flaw = SCORE_KEPT; flaw <= TALLY_FORGOTTEN; flaw++) {
        t = flawed_matrix(flaw, &balance);
        assert_non_null(t.fault);
        transition_clear(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_acceptance_with_beta_off_by_1e_5_is_seen),
        cmocka_unit_test(forgotten_bookkeeping_is_seen),
    };
    return cmocka_run_group_tests_name("transition matrices", tests, NULL, NULL);
}
