/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_frontier_block.c - networks for a block of sites: what they read, other lattices,
 * what is refused. */
#include "tiny.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/frontier.h"
#include "plan_digest.h"

extern const kr_density_plug kr_density_frontier_block;
static const kr_density_plug *const plug = &kr_density_frontier_block;

enum { LANES = 16 };

typedef struct subject {
    kr_lattice *lattice;
    kr_terms *terms;
    kr_frontier *self;
    kr_density_block block;
    void *scratch;
} subject;

static kr_terms *terms_of(const char *model, const char *yaml, const kr_lattice *lattice)
{
    kr_error err = { 0 };
    const kr_model_plug *of = tiny_model(model);
    void *params = tiny_params(model, of->fields, of->params_size, yaml, &err);
    kr_terms *terms = params ? kr_terms_alloc(of, params, lattice, &err) : NULL;
    free(params);
    assert_ok(err.status, &err);
    return terms;
}

static kr_lattice *lattice_of(const char *name, const char *yaml)
{
    kr_error err = { 0 };
    const kr_lattice_plug *of = tiny_lattice(name);
    void *params = tiny_params(name, of->fields, of->params_size, yaml, &err);
    kr_lattice *lattice = params ? kr_lattice_alloc(of, params, &err) : NULL;
    free(params);
    assert_ok(err.status, &err);
    return lattice;
}

static subject open_subject(const char *model, const char *model_yaml, const char *box,
                            const char *yaml, uint64_t seed)
{
    kr_error err = { 0 };
    subject s = { .lattice = lattice_of("hypercubic", box) };
    s.terms = terms_of(model, model_yaml, s.lattice);
    const kr_target target = { .lattice = s.lattice, .terms = s.terms, .beta = 0.4 };
    void *params = tiny_params(plug->name, plug->fields, plug->params_size, yaml, &err);
    s.self = params ? plug->alloc(&target, params, &err) : NULL;
    free(params);
    assert_ok(err.status, &err);
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    plug->init(s.self, &rng);
    plug->block(s.self, &s.block);
    s.scratch = kr_alloc(plug->scratch_bytes(s.self, LANES), 1, NULL);
    assert_non_null(s.scratch);
    return s;
}

static void close_subject(subject *s)
{
    kr_free(s->scratch);
    plug->free(s->self);
    kr_terms_free(s->terms);
    kr_lattice_free(s->lattice);
}

static uint8_t *random_states(const subject *s, uint64_t seed)
{
    uint8_t *state = kr_alloc((size_t)s->terms->n_sites * LANES, 1, NULL);
    kr_rng rng;
    kr_rng_seed(&rng, seed, 1, KR_PURPOSE_TEST);
    for (int32_t k = 0; k < s->terms->n_sites * LANES; k++) {
        state[k] = (uint8_t)kr_rng_below(&rng, (uint32_t)s->terms->q);
    }
    return state;
}

static const char *const systems[][2] = {
    { "ising", "{}" },
    { "ising", "{random_field: {kind: gaussian, seed: 3}}" },
    { "potts", "{q: 3}" },
    { "blume_capel", "{}" },
};
enum { N_SYSTEMS = sizeof systems / sizeof *systems };

static bool is_listed(const kr_density_block *b, int32_t i)
{
    bool is = false;
    for (int32_t k = 0; k < b->n_given; k++) {
        is = is || b->given[k] == i;
    }
    for (int32_t k = 0; k < b->n_drawn; k++) {
        is = is || b->drawn[k] == i;
    }
    return is;
}

/* Rows of all other sites hold bytes that are no states. */
static void only_the_sites_listed_are_read(void **state)
{
    (void)state;
    for (int k = 0; k < N_SYSTEMS; k++) {
        subject s = open_subject(systems[k][0], systems[k][1], "{size: [9, 7]}",
                                 "{size: [3, 4], at: [7, 2], hidden: 5}", 1);
        uint8_t *a = random_states(&s, 2);
        double before[LANES], after[LANES], coefficient[LANES] = { 1.0, 2.0 };
        const int32_t first = s.block.first;
        float *gradient = kr_alloc(plug->n_weights(s.self), sizeof *gradient, NULL);
        assert_int_equal(s.block.n_drawn, 12);
        assert_int_equal(s.block.n_given, 14);
        plug->log_q_tail(s.self, first, LANES, a, before, s.scratch);
        for (int32_t i = 0; i < s.terms->n_sites; i++) {
            memset(a + i * LANES, is_listed(&s.block, i) ? a[i * LANES] : 0xff,
                   is_listed(&s.block, i) ? 1 : LANES);
        }
        plug->log_q_tail(s.self, first, LANES, a, after, s.scratch);
        assert_memory_equal(before, after, sizeof before);
        plug->grad_tail(s.self, first, LANES, a, coefficient, gradient, after, s.scratch);
        assert_memory_equal(before, after, sizeof before);
        kr_free(gradient);
        kr_free(a);
        close_subject(&s);
    }
}

static void slopes_of_the_tail_are_those_of_the_whole(void **state)
{
    (void)state;
    for (int k = 0; k < N_SYSTEMS; k++) {
        subject s = open_subject(systems[k][0], systems[k][1], "{size: [5, 6]}",
                                 "{size: [3, 2], hidden: 5}", 3);
        const size_t n = plug->n_weights(s.self);
        uint8_t *a = random_states(&s, 4);
        float *whole = kr_alloc(n, sizeof *whole, NULL),
              *tail = kr_alloc(n, sizeof *tail, NULL);
        double coefficient[LANES];
        for (int l = 0; l < LANES; l++) {
            coefficient[l] = l - 3.0;
        }
        plug->grad(s.self, LANES, a, coefficient, whole, NULL, s.scratch);
        plug->grad_tail(s.self, s.block.first, LANES, a, coefficient, tail, NULL, s.scratch);
        assert_memory_equal(whole, tail, n * sizeof *whole);
        kr_free(tail);
        kr_free(whole);
        kr_free(a);
        close_subject(&s);
    }
}

/* Copies the sites that the blocks see, in their common order. */
static void copy_seen(const subject *from, const uint8_t *a, const subject *to, uint8_t *b)
{
    for (int32_t k = 0; k < from->block.n_drawn; k++) {
        memcpy(b + to->block.drawn[k] * LANES, a + from->block.drawn[k] * LANES, LANES);
    }
    int32_t x[2], y[2];
    for (int32_t k = 0; k < from->block.n_given; k++) {
        kr_lattice_coordinates(from->lattice, from->block.given[k], x);
        for (int d = 0; d < 2; d++) { /* corners at 0, 0 and at 3, 1 */
            const int32_t side = from->lattice->extent[d];
            y[d] = (x[d] == side - 1 ? -1 : x[d]) + (d == 0 ? 3 : 1);
        }
        memcpy(b + kr_lattice_site(to->lattice, y) * LANES, a + from->block.given[k] * LANES,
               LANES);
    }
}

/* From a torus to a larger box that is open in one direction, the block elsewhere. */
static void networks_serve_every_lattice(void **state)
{
    static const char *const clean[][2] = { { "ising", "{}" },
                                            { "ising", "{field: 0.3}" },
                                            { "potts", "{q: 3}" },
                                            { "blume_capel", "{}" } };
    (void)state;
    for (int k = 0; k < 4; k++) {
        kr_error err = { 0 };
        kr_adopted count;
        subject a = open_subject(clean[k][0], clean[k][1], "{size: [6, 7]}",
                                 "{size: [4, 3], hidden: 5}", 5);
        subject b = open_subject(clean[k][0], clean[k][1],
                                 "{size: [11, 8], boundary: [open, periodic]}",
                                 "{size: [4, 3], at: [3, 1], hidden: 5}", 6);
        const size_t n = plug->networks(a.self, NULL);
        int64_t *table = kr_alloc(n, sizeof *table, NULL);
        plug->networks(a.self, table);
        assert_ok(plug->adopt(b.self, table, n, plug->weights(a.self), plug->n_weights(a.self),
                              &count, &err),
                  &err);
        assert_int_equal(count.n_same, 11); /* the last site needs none */
        assert_int_equal(count.n_near + count.n_fresh, 0);
        uint8_t *s = random_states(&a, 7), *r = random_states(&b, 8);
        double log_q[2][LANES];
        copy_seen(&a, s, &b, r);
        plug->log_q_tail(a.self, a.block.first, LANES, s, log_q[0], a.scratch);
        plug->log_q_tail(b.self, b.block.first, LANES, r, log_q[1], b.scratch);
        for (int l = 0; l < LANES; l++) { /* sums of earlier neighbors in another order */
            assert_close(log_q[1][l], log_q[0][l], 1e-5);
        }
        kr_free(r);
        kr_free(s);
        kr_free(table);
        close_subject(&b);
        close_subject(&a);
    }
}

static void what_is_no_block_is_refused(void **state)
{
    static const struct {
        const char *lattice, *box, *yaml, *want;
    } bad[] = {
        { "hypercubic", "{size: [4, 5]}", "{size: [2, 2, 2]}", "size has 3 entries" },
        { "hypercubic", "{size: [4, 5]}", "{size: 2, at: [1]}", "at has 1 entries" },
        { "hypercubic", "{size: [4, 5]}", "{size: 5}", "direction 0 has sites 0..3" },
        { "hypercubic", "{size: [4, 5]}", "{size: [4, 5]}", "a block of 20 of 20 sites" },
        { "hypercubic", "{size: [4, 5]}", "{size: 1}", "a block of 1 of 20 sites" },
        { "hypercubic", "{size: [4, 5], boundary: open}", "{size: 2, at: [3, 0]}",
          "direction 0 has sites 0..3 and ends" },
        { "hypercubic", "{size: [4, 5]}", "{size: 2, at: [4, 0]}",
          "instead of 2 sites from 4" },
        { "complete", "{size: 9, weight: 1/N}", "{size: 3}", "want hypercubic or triangular" },
        { "kagome", "{size: [3, 3]}", "{size: 2}", "want hypercubic or triangular" },
    };
    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        kr_error err = { 0 };
        kr_lattice *lattice = lattice_of(bad[k].lattice, bad[k].box);
        kr_terms *terms = terms_of("ising", "{}", lattice);
        const kr_target target = { .lattice = lattice, .terms = terms, .beta = 0.4 };
        void *params =
            tiny_params(plug->name, plug->fields, plug->params_size, bad[k].yaml, &err);
        assert_non_null(params);
        assert_false(plug->supports(&target, params, &err));
        if (!strstr(err.text, bad[k].want)) {
            fail_msg("%s, want %s", err.text, bad[k].want);
        }
        assert_null(plug->alloc(&target, params, &err));
        free(params);
        kr_terms_free(terms);
        kr_lattice_free(lattice);
    }
}

/* From the version whose insertion sort ordered the inputs. */
static void weights_of_older_files_still_fit(void **state)
{
    (void)state;
    static const struct {
        const char *model, *fields, *box, *block;
        uint64_t digest;
    } row[] = {
        { "ising", "{}", "{size: [32, 32]}", "{size: 8}", UINT64_C(0x64faf15810a3885b) },
        { "ising", "{field: 1}", "{size: [20, 17], boundary: open}",
          "{size: [9, 7], at: [3, 5]}", UINT64_C(0x53f6638afc2bf099) },
        { "potts", "{q: 3}", "{size: [9, 8, 7]}", "{size: [3, 5, 4], at: [2, 1, 6]}",
          UINT64_C(0x2a1a050f69147dbf) },
        { "ising", "{}", "{size: [30]}", "{size: 6}", UINT64_C(0xeae8918450950748) },
        { "ising", "{}", "{size: [4, 4, 4, 4]}", "{size: 3}", UINT64_C(0xacc3e057ec7f34de) },
        { "ising", "{}", "{size: [2, 2, 2, 2, 2, 2, 2, 3]}", "{size: 2}",
          UINT64_C(0xb812d1f838bb65ef) },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        subject s = open_subject(row[k].model, row[k].fields, row[k].box, row[k].block, 1);
        assert_int_equal(plan_digest(&((const kr_frontier *)s.self)->plan), row[k].digest);
        close_subject(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_sites_listed_are_read),
        cmocka_unit_test(slopes_of_the_tail_are_those_of_the_whole),
        cmocka_unit_test(networks_serve_every_lattice),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(weights_of_older_files_still_fit),
    };
    return cmocka_run_group_tests_name("frontier_block", tests, NULL, NULL);
}
