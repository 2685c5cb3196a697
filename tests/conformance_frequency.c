/* SPDX-License-Identifier: GPL-3.0-or-later
 * conformance_frequency.c - how often a spin is up, or flips, given its neighbors.
 *
 *   conformance_frequency [UPDATES]     1.5e7 updates per system by default
 *
 * The sites of the last color were drawn last, given all others: so each of their classes of
 * local field (and, for Metropolis, old state) holds independent draws of known probability. A
 * digit of a threshold that is wrong shows up here however large the lattice.
 *
 * Counting is done on 64-bit words in plain C, from the fold's tables and its reference refresh
 * of halos; nothing of the kernels under test is used. Site by site from the terms, the same
 * counts come out for single sweeps of every system. */
#include "base/rng.h"
#include "graph_file.h"
#include "kr_system.h"
#include "model/block.h"
#include "model/fold.h"
#include "stats/stats.h"
#include "update/local.h"

enum { CLASSES = 64 };

#define GRAPH "conformance_frequency_bonds.txt" /* 4 neighbors on average */

typedef struct row {
    const char *model, *lattice, *lattice_text;
    double beta;
} row;

static const row rows[] = {
    { "J=1", "hypercubic", "size=256,256", 0.4406868 },
    { "field=0.1", "hypercubic", "size=256,256", 0.4 },
    { "J=1", "hypercubic", "size=32,32,64", 0.2216546 },
    { "field=0.2", "hypercubic", "size=32,32,64", 0.2 },
    { "disorder.kind=pm1 disorder.seed=1", "hypercubic", "size=256,256", 0.7 },
    { "J=1", "hypercubic", "size=128,256 boundary=open", 0.5 },
    { "J=1", "triangular", "size=128,128", 0.25 },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* Neighbors are gathered: counted site by site. */
static const row graph_row = { "disorder.kind=pm1 disorder.seed=1 field=0.1", "graph",
                               "file=" GRAPH, 0.6 };

/* Also built with kernels that leave most spins to the paths for the last few ones. */
#ifndef KR_TEST_ISA
#define KR_TEST_ISA KR_ISA_BEST
#endif

/* Draws of one class: cost of the state up, old state; how many, how many came out up. */
typedef struct tally {
    double cost[CLASSES];
    int old[CLASSES];
    int64_t n[CLASSES], up[CLASSES];
    int n_classes;
} tally;

static double n_updates = 1.5e7; /* set once in main */

/* Classes of the sites of the last color: same signs and counts, same cost. */
static int find_class(tally *t, double cost, int old)
{
    int c = 0;
    while (c < t->n_classes && (fabs(t->cost[c] - cost) > 1e-9 || t->old[c] != old)) {
        c++;
    }
    assert_true(c < CLASSES);
    if (c == t->n_classes) {
        t->cost[c] = cost;
        t->old[c] = old;
        t->n_classes++;
    }
    return c;
}

/* Site by site, states from and to in layout CHAIN. */
static void count_sites(const kr_terms *terms, const kr_fold *fold, const uint8_t *from,
                        const uint8_t *to, bool is_metropolis, tally *t)
{
    double h = terms->local[1] - terms->local[0];
    size_t begin = (size_t)fold->color_begin[fold->n_colors - 1] * (size_t)fold->n_tiles;
    size_t end = (size_t)fold->n_vectors * (size_t)fold->n_tiles;
    for (size_t k = begin; k < end; k++) {
        int32_t i = fold->site[k];
        if (i < 0) {
            continue; /* an idle tile */
        }
        double field = 0.0;
        for (int64_t m = terms->neighbor_begin[i]; m < terms->neighbor_begin[i + 1]; m++) {
            field += terms->J[m] * (2 * to[terms->neighbor[m]] - 1);
        }
        int c = find_class(t, h - 2.0 * field, is_metropolis ? from[i] : 0);
        t->n[c]++;
        t->up[c] += to[i];
    }
}

/* ---- counting on words --------------------------------------------------------------------
 */

enum { WORDS = KR_VECTOR_BYTES / 8, Z_MAX = 7 };

/* What a slot or a number of neighbors is to each of the 512 elements. */
typedef struct plane {
    uint64_t word[WORDS];
} plane;

typedef struct counter {
    const kr_fold *fold;
    double h;
    plane *state;                       /* new states with halos */
    plane *old;                         /* last color before the sweep */
    plane *present, *sign;              /* (slots of the last color) */
    plane *has_z[Z_MAX + 1];            /* (vectors of the last color) */
    int64_t n[Z_MAX + 1][Z_MAX + 1][2]; /* [neighbors][k counted up][old state] */
    int64_t up[Z_MAX + 1][Z_MAX + 1][2];
    bool is_there[Z_MAX + 1];
} counter;

static void set_element(plane *p, int32_t element)
{
    p->word[element / 64] |= UINT64_C(1) << element % 64;
}

static int64_t count_ones(const plane *p)
{
    int64_t n = 0;
    for (int w = 0; w < WORDS; w++) {
        n += __builtin_popcountll(p->word[w]);
    }
    return n;
}

static plane *planes(int32_t n)
{
    plane *p = calloc((size_t)n, sizeof *p);
    assert_non_null(p);
    return p;
}

/* Tables of the last color; one chain, couplings of size 1. */
static void counter_init(counter *c, const kr_terms *terms, const kr_fold *fold)
{
    int32_t first = fold->color_begin[fold->n_colors - 1], n = fold->n_vectors - first;
    int32_t slot = fold->slot_begin[first];
    *c = (counter){ .fold = fold, .h = terms->local[1] - terms->local[0] };
    assert_int_equal(fold->n_lanes, 1);
    c->state = planes(fold->n_vectors + fold->n_halos);
    c->old = planes(n);
    c->present = planes(fold->slot_begin[fold->n_vectors] - slot);
    c->sign = planes(fold->slot_begin[fold->n_vectors] - slot);
    for (int z = 0; z <= Z_MAX; z++) {
        c->has_z[z] = planes(n);
    }
    for (int32_t v = first; v < fold->n_vectors; v++) {
        for (int32_t t = 0; t < fold->n_tiles; t++) {
            int z = 0;
            for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
                int64_t k = fold->entry[(size_t)s * (size_t)fold->n_tiles + (size_t)t];
                if (k >= 0) {
                    assert_true(fabs(terms->J[k]) == 1.0 && z < Z_MAX);
                    set_element(&c->present[s - slot], t);
                    z++;
                }
                if (k >= 0 && terms->J[k] < 0.0) {
                    set_element(&c->sign[s - slot], t);
                }
            }
            set_element(&c->has_z[z][v - first], t);
            c->is_there[z] = true;
        }
    }
}

static void counter_clear(counter *c)
{
    free(c->state);
    free(c->old);
    free(c->present);
    free(c->sign);
    for (int z = 0; z <= Z_MAX; z++) {
        free(c->has_z[z]);
    }
}

static void counter_note_old(counter *c, const uint8_t *vectors)
{
    int32_t first = c->fold->color_begin[c->fold->n_colors - 1];
    memcpy(c->old, vectors + (size_t)first * KR_VECTOR_BYTES,
           (size_t)(c->fold->n_vectors - first) * KR_VECTOR_BYTES);
}

/* digit[0..2]: how many of the neighbors of each element count as up. */
static void add_neighbors(const counter *c, int32_t v, int32_t first_slot, plane digit[3])
{
    const kr_fold *fold = c->fold;
    memset(digit, 0, 3 * sizeof *digit);
    for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
        const plane *x = &c->state[fold->source[s]], *sign = &c->sign[s - first_slot],
                    *present = &c->present[s - first_slot];
        for (int w = 0; w < WORDS; w++) {
            uint64_t carry = (x->word[w] ^ sign->word[w]) & present->word[w];
            for (int d = 0; d < 3; d++) {
                uint64_t sum = digit[d].word[w] ^ carry;
                carry &= digit[d].word[w];
                digit[d].word[w] = sum;
            }
        }
    }
}

static void count_vector(counter *c, int32_t v, const plane digit[3])
{
    int32_t at = v - c->fold->color_begin[c->fold->n_colors - 1];
    for (int z = 0; z <= Z_MAX; z++) {
        for (int k = 0; c->is_there[z] && k <= z; k++) {
            for (int old = 0; old < 2; old++) {
                plane in, up;
                for (int w = 0; w < WORDS; w++) {
                    uint64_t x = c->has_z[z][at].word[w];
                    for (int d = 0; d < 3; d++) {
                        x &= k >> d & 1 ? digit[d].word[w] : ~digit[d].word[w];
                    }
                    in.word[w] = x & (old ? c->old[at].word[w] : ~c->old[at].word[w]);
                    up.word[w] = in.word[w] & c->state[v].word[w];
                }
                c->n[z][k][old] += count_ones(&in);
                c->up[z][k][old] += count_ones(&up);
            }
        }
    }
}

/* vectors: new states; old ones were noted. */
static void count_words(counter *c, const uint8_t *vectors)
{
    const kr_fold *fold = c->fold;
    int32_t first = fold->color_begin[fold->n_colors - 1];
    plane digit[3];
    memcpy(c->state, vectors, (size_t)fold->n_vectors * KR_VECTOR_BYTES);
    kr_fold_refresh(fold, -1, (uint8_t *)c->state);
    for (int32_t v = first; v < fold->n_vectors; v++) {
        add_neighbors(c, v, fold->slot_begin[first], digit);
        count_vector(c, v, digit);
    }
}

/* By cost, as count_sites has them. */
static tally counter_tally(const counter *c, bool is_metropolis)
{
    tally t = { .n_classes = 0 };
    for (int z = 0; z <= Z_MAX; z++) {
        for (int k = 0; k <= z; k++) {
            for (int old = 0; old < 2; old++) {
                if (c->n[z][k][old] > 0) {
                    int a = find_class(&t, c->h - 2.0 * (2 * k - z), is_metropolis ? old : 0);
                    t.n[a] += c->n[z][k][old];
                    t.up[a] += c->up[z][k][old];
                }
            }
        }
    }
    return t;
}

/* ---- sampling -----------------------------------------------------------------------------
 */

/* Probability of the state up. */
static double law(double beta, double cost, int old, bool is_metropolis)
{
    if (!is_metropolis) {
        return 1.0 / (1.0 + exp(beta * cost));
    }
    double flips = fmin(1.0, exp(-beta * (old ? -cost : cost)));
    return old ? 1.0 - flips : flips;
}

/* One chain under the engine, from a random start. */
typedef struct chain {
    kr_system system;
    kr_target target;
    kr_block *block;
    void *self, *scratch;
    const kr_fold *fold;
} chain;

static void chain_init(chain *c, const row *r, bool is_metropolis)
{
    kr_error err = { 0 };
    c->system = system_alloc("ising", r->model, r->lattice, r->lattice_text);
    c->target = system_target(&c->system, r->beta);
    kr_update_setting setting = { .target = &c->target, .n_lanes = 1, .isa = KR_TEST_ISA };
    kr_local_params params = { 0 };
    c->self = kr_engine_bits.alloc(
        &setting, is_metropolis ? KR_LOCAL_METROPOLIS : KR_LOCAL_HEAT_BATH, &params, &err);
    if (!c->self) {
        fail_msg("%s %s: %s", r->model, r->lattice_text, err.text);
    }
    c->scratch = aligned_alloc(64, (kr_engine_bits.scratch_bytes(c->self, 1) + 63) / 64 * 64);
    c->block = kr_block_alloc(c->system.terms, 1, 0, 0, &err);
    c->fold = kr_engine_bits.fold(c->self);
    kr_rng_seed(c->block->rng, 3, 0, KR_PURPOSE_TEST);
    kr_block_start_lane(c->block, 0, KR_START_RANDOM, c->block->rng);
    assert_ok(kr_block_add_fold(c->block, c->fold, &err), &err);
    kr_block_convert(c->block, KR_LAYOUT_BITS);
}

static void chain_sweep(chain *c)
{
    kr_tally flips;
    kr_engine_bits.sweep(c->self, c->block, 1, c->scratch, &flips);
}

static void chain_clear(chain *c)
{
    free(c->scratch);
    kr_block_free(c->block);
    kr_engine_bits.free(c->self);
    system_free(&c->system);
}

static tally sample(const row *r, bool is_metropolis, double n)
{
    chain c;
    counter words;
    chain_init(&c, r, is_metropolis);
    counter_init(&words, c.system.terms, c.fold);
    double sites = (double)c.system.terms->n_sites / c.fold->n_colors;
    for (double done = 0; done < n; done += sites) {
        counter_note_old(&words, c.block->state);
        chain_sweep(&c);
        count_words(&words, c.block->state);
    }
    tally t = counter_tally(&words, is_metropolis);
    counter_clear(&words);
    chain_clear(&c);
    return t;
}

static tally sample_sites(const row *r, bool is_metropolis, double n)
{
    chain c;
    tally t = { .n_classes = 0 };
    chain_init(&c, r, is_metropolis);
    size_t n_sites = (size_t)c.system.terms->n_sites;
    uint8_t *old = calloc(n_sites, 1), *new = calloc(n_sites, 1);
    for (double done = 0; done < n; done += (double)n_sites / c.fold->n_colors) {
        kr_fold_unpack(c.fold, 1, c.block->state, old);
        chain_sweep(&c);
        kr_fold_unpack(c.fold, 1, c.block->state, new);
        count_sites(c.system.terms, c.fold, old, new, is_metropolis, &t);
    }
    free(old);
    free(new);
    chain_clear(&c);
    return t;
}

/* Largest |z| of a class against the law at beta; sure events must be sure. */
static double worst(const tally *t, double beta, bool is_metropolis, double shift)
{
    double most = 0.0;
    for (int c = 0; c < t->n_classes; c++) {
        double p = law(beta, t->cost[c], t->old[c], is_metropolis), n = (double)t->n[c];
        if (p == 0.0 || p == 1.0) {
            assert_int_equal(t->up[c], p == 0.0 ? 0 : t->n[c]);
        } else if (n * p * (1.0 - p) > 100.0) {
            p += shift;
            double z = ((double)t->up[c] - n * p) / sqrt(n * p * (1.0 - p));
            most = fmax(most, fabs(z));
        }
    }
    return most;
}

static void assert_same_counts(const tally *a, const tally *b)
{
    assert_int_equal(a->n_classes, b->n_classes);
    for (int k = 0; k < a->n_classes; k++) {
        int j = 0;
        while (j < b->n_classes &&
               (fabs(a->cost[k] - b->cost[j]) > 1e-9 || a->old[k] != b->old[j])) {
            j++;
        }
        assert_true(j < b->n_classes);
        assert_int_equal(a->n[k], b->n[j]);
        assert_int_equal(a->up[k], b->up[j]);
    }
}

static void words_count_what_sites_count(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * N_ROWS; r++) {
        bool is_metropolis = r % 2;
        chain c;
        chain_init(&c, &rows[r / 2], is_metropolis);
        size_t n = (size_t)c.system.terms->n_sites;
        uint8_t *old = calloc(n, 1), *new = calloc(n, 1);
        for (int k = 0; k < 3; k++) {
            counter words;
            tally by_site = { .n_classes = 0 };
            counter_init(&words, c.system.terms, c.fold);
            kr_fold_unpack(c.fold, 1, c.block->state, old);
            counter_note_old(&words, c.block->state);
            chain_sweep(&c);
            kr_fold_unpack(c.fold, 1, c.block->state, new);
            count_words(&words, c.block->state);
            count_sites(c.system.terms, c.fold, old, new, is_metropolis, &by_site);
            tally by_word = counter_tally(&words, is_metropolis);
            assert_same_counts(&by_site, &by_word);
            counter_clear(&words);
        }
        free(old);
        free(new);
        chain_clear(&c);
    }
}

static void check_law(const row *r, bool is_metropolis, const tally *t)
{
    double z = worst(t, r->beta, is_metropolis, 0.0);
    print_message("# %-36s %-28s %-10s %2d classes, worst z %.2f\n", r->model, r->lattice_text,
                  is_metropolis ? "metropolis" : "heat bath", t->n_classes, z);
    fflush(stdout);
    assert_true(t->n_classes >= 4);
    assert_true(z <= kr_z_limit(2 * N_ROWS * 10));
}

static void spins_are_up_as_often_as_their_neighbors_say(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * N_ROWS; r++) {
        tally t = sample(&rows[r / 2], r % 2, n_updates);
        check_law(&rows[r / 2], r % 2, &t);
    }
}

static void gathered_spins_are_up_as_often_as_their_neighbors_say(void **state)
{
    (void)state;
    for (int r = 0; r < 2; r++) {
        tally t = sample_sites(&graph_row, r % 2, fmin(n_updates, 1e9));
        check_law(&graph_row, r % 2, &t);
    }
}

/* A thousandth in 4e7 updates, less in more: 6e-5 in 1e10. */
static void a_threshold_wrong_by_a_thousandth_is_noticed(void **state)
{
    (void)state;
    double n = fmax(n_updates, 4e7), shift = 1e-3 * sqrt(4e7 / n);
    tally t = sample(&rows[0], false, n);
    assert_true(worst(&t, rows[0].beta, false, shift) > 1.2 * kr_z_limit(2 * N_ROWS * 10));
    assert_true(worst(&t, rows[0].beta, false, 0.0) <= kr_z_limit(2 * N_ROWS * 10));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_count_what_sites_count),
        cmocka_unit_test(spins_are_up_as_often_as_their_neighbors_say),
        cmocka_unit_test(gathered_spins_are_up_as_often_as_their_neighbors_say),
        cmocka_unit_test(a_threshold_wrong_by_a_thousandth_is_noticed),
    };
    graph_write_random(GRAPH, 4000, 8000, 1, true);
    n_updates = argc > 1 ? strtod(argv[1], NULL) : n_updates;
    return cmocka_run_group_tests_name("conformance_frequency", tests, NULL, NULL);
}
