/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_exchange.c - replica exchange leaves the product of the laws of two
 * temperatures invariant: exact joint transition matrices, by enumeration of all draws. */
#include "transition.h"

#include "update/exchange.h"

enum { JOINT_MAX = 1024 };
#define BALANCE_MAX  1e-12
#define DETAILED_MAX 1e-13

enum flaw { NO_FLAW, SIGN, BETA_OFF, ENERGIES_KEPT, ONE_WAY, FLAWS };

typedef struct pair {
    tiny *system;
    double beta[2];
    kr_block *block[2];
    kr_rng *own; /* of block 1, which draws from the stream of block 0 here */
    kr_rng_tree *tree;
    const kr_update_plug *update;
    void *self[2]; /* the update at both temperatures, or NULL: exchange alone */
    void *scratch;
    enum flaw flaw;
} pair;

typedef struct joint {
    int64_t n;
    double *p;   /* (n, n) */
    double *law; /* (n) */
    double energy_off;
    bool is_score_kept;
} joint;

static void open_update(pair *p, const char *update, int32_t n_lanes)
{
    kr_error err = { 0 };
    for (int k = 0; update && kr_registry_updates[k]; k++) {
        if (strcmp(kr_registry_updates[k]->name, update) == 0) {
            p->update = kr_registry_updates[k];
        }
    }
    if (!update) {
        return;
    }
    assert_non_null(p->update);
    void *params = tiny_params(update, p->update->fields, p->update->params_size, "{}", &err);
    for (int k = 0; k < 2; k++) {
        kr_target target = { p->system->lattice, p->system->terms, p->beta[k] };
        kr_update_setting setting = { .target = &target, .n_lanes = n_lanes };
        p->self[k] = p->update->alloc(&setting, params, &err);
        assert_non_null(p->self[k]);
    }
    free(params);
    p->scratch =
        aligned_alloc(64, (p->update->scratch_bytes(p->self[0], n_lanes) + 127) & ~63U);
}

static pair pair_open(const char *model, const char *model_yaml, const char *lattice_yaml,
                      double beta_0, double beta_1, const char *update, int32_t n_lanes)
{
    kr_error err = { 0 };
    pair p = { .beta = { beta_0, beta_1 } };
    p.system = tiny_alloc(tiny_model(model), model_yaml, tiny_lattice("hypercubic"),
                          lattice_yaml, JOINT_MAX, &err);
    if (!p.system) {
        fail_msg("%s", err.text);
    }
    for (int k = 0; k < 2; k++) {
        p.block[k] = kr_block_alloc(p.system->terms, n_lanes, 0, k, &err);
        assert_non_null(p.block[k]);
        kr_rng_seed(p.block[k]->rng, 1, 0, KR_PURPOSE_TEST);
    }
    p.own = p.block[1]->rng;
    p.block[1]->rng = p.block[0]->rng;
    p.tree = kr_rng_tree_alloc();
    open_update(&p, update, n_lanes);
    return p;
}

static void pair_close(pair *p)
{
    for (int k = 0; k < 2; k++) {
        if (p->self[k]) {
            p->update->free(p->self[k]);
        }
    }
    p->block[1]->rng = p->own;
    kr_block_free(p->block[0]);
    kr_block_free(p->block[1]);
    kr_rng_tree_free(p->tree);
    free(p->scratch);
    tiny_free(p->system);
}

/* The offer, with an error planted. */
static void offer(pair *p)
{
    kr_block *a = p->block[0], *b = p->block[1];
    double beta_a = p->beta[0], beta_b = p->beta[1], energy = a->energy[0];
    uint64_t accepted = 0;
    switch (p->flaw) {
    case SIGN:
        kr_exchange_offer(a, beta_b, b, beta_a, a->rng);
        return;
    case BETA_OFF:
        kr_exchange_offer(a, beta_a * (1.0 + 1e-5), b, beta_b, a->rng);
        return;
    case ENERGIES_KEPT:
        if (kr_exchange_offer(a, beta_a, b, beta_b, a->rng)) {
            b->energy[0] = a->energy[0];
            a->energy[0] = energy;
        }
        return;
    case ONE_WAY: /* taken only when it brings the lower energy to the cold slot */
        accepted = a->energy[0] < b->energy[0];
        kr_block_swap(a, b, accepted);
        return;
    default:
        kr_exchange_offer(a, beta_a, b, beta_b, a->rng);
    }
}

/* Digits of a joint state: lanes of slot 0, then lanes of slot 1. */
static int64_t digit(const pair *p, int64_t x, int32_t k)
{
    while (k-- > 0) {
        x /= p->system->n_states;
    }
    return x % p->system->n_states;
}

static void load(pair *p, int64_t x)
{
    int32_t n_lanes = p->block[0]->n_lanes;
    for (int32_t k = 0; k < 2 * n_lanes; k++) {
        kr_block *block = p->block[k / n_lanes];
        size_t step;
        uint8_t *state = transition_lane(block, k % n_lanes, &step);
        tiny_decode(p->system, digit(p, x, k), state, step);
        block->energy[k % n_lanes] = p->system->energy[digit(p, x, k)];
        block->log_q_of = 7;
        block->has_count = 0;
    }
}

static int64_t read(pair *p, int64_t from, joint *j)
{
    int32_t n_lanes = p->block[0]->n_lanes;
    int64_t to = 0;
    for (int32_t k = 2 * n_lanes - 1; k >= 0; k--) {
        const kr_block *block = p->block[k / n_lanes];
        size_t step;
        const uint8_t *state = transition_lane(block, k % n_lanes, &step);
        int64_t x = tiny_encode(p->system, state, step);
        j->energy_off =
            fmax(j->energy_off, fabs(block->energy[k % n_lanes] - p->system->energy[x]));
        j->is_score_kept |= x != digit(p, from, k) && block->log_q_of == 7;
        to = to * p->system->n_states + x;
    }
    return to;
}

/* The matrix of one sweep at both temperatures and one offer. */
static joint joint_of(pair *p)
{
    int32_t n_digits = 2 * p->block[0]->n_lanes;
    joint j = { .n = 1 };
    double *law[2] = { tiny_law(p->system, p->beta[0]), tiny_law(p->system, p->beta[1]) };
    for (int32_t k = 0; k < n_digits; k++) {
        j.n *= p->system->n_states;
    }
    assert_true(j.n <= JOINT_MAX);
    j.p = calloc((size_t)(j.n * j.n), sizeof *j.p);
    j.law = calloc((size_t)j.n, sizeof *j.law);
    for (int64_t from = 0; from < j.n; from++) {
        j.law[from] = 1.0;
        for (int32_t k = 0; k < n_digits; k++) {
            j.law[from] *= law[2 * k / n_digits][digit(p, from, k)];
        }
        kr_rng_enumerate_begin(p->block[0]->rng, p->tree);
        do {
            kr_tally tally = { { 0 }, { 0 }, { 0 } };
            load(p, from);
            for (int k = 0; p->self[0] && k < 2; k++) {
                p->update->sweep(p->self[k], p->block[k], 1, p->scratch, &tally);
            }
            offer(p);
            j.p[from * j.n + read(p, from, &j)] += kr_rng_enumerate_weight(p->tree);
        } while (kr_rng_enumerate_next(p->tree));
    }
    free(law[0]);
    free(law[1]);
    return j;
}

static transition as_transition(const joint *j)
{
    return (transition){ .n = j->n & INT32_MAX, .p = j->p }; /* the compiler fears n < 0 */
}

static void joint_close(joint *j)
{
    free(j->p);
    free(j->law);
}

static const struct {
    const char *model, *model_yaml, *lattice_yaml;
} systems[] = {
    { "ising", "{}", "{size: [2, 2]}" },
    { "ising", "{field: 0.3}", "{size: 3}" },
    { "ising", "{disorder: {kind: gaussian, seed: 4}, random_field: {kind: gaussian}}",
      "{size: 3}" },
    { "potts", "{q: 3, field: 0.2}", "{size: 3}" },
    { "blume_capel", "{D: 0.7}", "{size: 2}" },
};
static const double betas[][2] = { { 0.3, 0.9 }, { 0.9, 0.3 }, { 0.0, 40.0 }, { 0.5, 0.5 } };

static void exchange_leaves_the_product_of_two_laws_invariant(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof systems / sizeof *systems; s++) {
        for (size_t b = 0; b < sizeof betas / sizeof *betas; b++) {
            pair p = pair_open(systems[s].model, systems[s].model_yaml, systems[s].lattice_yaml,
                               betas[b][0], betas[b][1], NULL, 1);
            joint j = joint_of(&p);
            transition t = as_transition(&j);
            assert_true(transition_row_error(&t) <= BALANCE_MAX);
            double balance = transition_balance_error(&t, j.law);
            if (!(balance <= BALANCE_MAX)) {
                fail_msg("%s %s, beta %g and %g: off by %.3g", systems[s].model,
                         systems[s].model_yaml, betas[b][0], betas[b][1], balance);
            }
            assert_true(transition_detailed_error(&t, j.law) <= DETAILED_MAX);
            assert_true(j.energy_off == 0.0);
            assert_false(j.is_score_kept);
            joint_close(&j);
            pair_close(&p);
        }
    }
}

static void exchange_and_a_sweep_leave_it_invariant_and_reach_all(void **state)
{
    (void)state;
    static const char *const updates[] = { "heat_bath", "metropolis" };
    for (size_t s = 0; s < 3; s++) {
        for (int u = 0; u < 2; u++) {
            pair p = pair_open(systems[s].model, systems[s].model_yaml, systems[s].lattice_yaml,
                               0.3, 0.9, updates[u], 1);
            joint j = joint_of(&p);
            transition t = as_transition(&j);
            assert_true(transition_row_error(&t) <= BALANCE_MAX);
            assert_true(transition_balance_error(&t, j.law) <= BALANCE_MAX);
            assert_true(j.energy_off <= 1e-12);
            assert_true(u == 1 || transition_is_irreducible(&t));
            joint_close(&j);
            pair_close(&p);
        }
    }
}

static void lanes_are_offered_exchanges_independently(void **state)
{
    (void)state;
    pair one =
        pair_open("ising", "{field: 0.3}", "{size: [2], boundary: open}", 0.3, 0.9, NULL, 1);
    pair two =
        pair_open("ising", "{field: 0.3}", "{size: [2], boundary: open}", 0.3, 0.9, NULL, 2);
    joint j = joint_of(&one), jj = joint_of(&two);
    for (int64_t x = 0; x < jj.n; x++) {
        for (int64_t y = 0; y < jj.n; y++) {
            double want = 1.0;
            for (int32_t lane = 0; lane < 2; lane++) {
                int64_t from = digit(&two, x, lane) + 4 * digit(&two, x, 2 + lane);
                int64_t to = digit(&two, y, lane) + 4 * digit(&two, y, 2 + lane);
                want *= j.p[from * j.n + to];
            }
            assert_close(jj.p[x * jj.n + y], want, 1e-14);
        }
    }
    joint_close(&j);
    joint_close(&jj);
    pair_close(&one);
    pair_close(&two);
}

static void planted_errors_are_seen(void **state)
{
    (void)state;
    for (enum flaw flaw = SIGN; flaw < FLAWS; flaw++) {
        pair p = pair_open("ising", "{field: 0.3}", "{size: 3}", 0.3, 0.9, NULL, 1);
        p.flaw = flaw;
        joint j = joint_of(&p);
        transition t = as_transition(&j);
        double balance = transition_balance_error(&t, j.law);
        if (flaw == ENERGIES_KEPT) {
            assert_true(j.energy_off > 0.1);
        } else if (!(balance > 1e-8)) {
            fail_msg("flaw %d: balance %.3g", (int)flaw, balance);
        }
        joint_close(&j);
        pair_close(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_leaves_the_product_of_two_laws_invariant),
        cmocka_unit_test(exchange_and_a_sweep_leave_it_invariant_and_reach_all),
        cmocka_unit_test(lanes_are_offered_exchanges_independently),
        cmocka_unit_test(planted_errors_are_seen),
    };
    return cmocka_run_group_tests_name("replica exchange", tests, NULL, NULL);
}
