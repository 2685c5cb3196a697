/* SPDX-License-Identifier: GPL-3.0-or-later
 * conformance_frequency.c - how often a spin is up, or flips, given its neighbors.
 *
 *   conformance_frequency [UPDATES]     1.5e7 updates per system by default
 *
 * The sites of the last color were drawn last, given all others: so each of their classes of
 * local field (and, for Metropolis, old state) holds independent draws of known probability. A
 * digit of a threshold that is wrong shows up here however large the lattice. */
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
    { "disorder.kind=pm1 disorder.seed=1 field=0.1", "graph", "file=" GRAPH,
      0.6 }, /* gathered */
};
enum { N_ROWS = sizeof rows / sizeof *rows };

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

static void count(const kr_terms *terms, const kr_fold *fold, const uint8_t *old,
                  const uint8_t *s, bool is_metropolis, tally *t)
{
    int cached[64][2]; /* local field in units of J, shifted -> class */
    memset(cached, 0xff, sizeof cached);
    double h = terms->local[1] - terms->local[0];
    size_t begin = (size_t)fold->color_begin[fold->n_colors - 1] * (size_t)fold->n_tiles;
    size_t end = (size_t)fold->n_vectors * (size_t)fold->n_tiles;
    for (size_t k = begin; k < end; k++) {
        int32_t i = fold->site[k];
        if (i < 0) {
            continue;
        }
        double field = 0.0;
        for (int64_t m = terms->neighbor_begin[i]; m < terms->neighbor_begin[i + 1]; m++) {
            field += terms->J[m] * (2 * s[terms->neighbor[m]] - 1);
        }
        int from = is_metropolis ? old[i] : 0, *c = &cached[32 + (int)field][from];
        if (*c < 0) {
            *c = find_class(t, h - 2.0 * field, from);
        }
        t->n[*c]++;
        t->up[*c] += s[i];
    }
}

/* Probability of the state up. */
static double law(double beta, double cost, int old, bool is_metropolis)
{
    if (!is_metropolis) {
        return 1.0 / (1.0 + exp(beta * cost));
    }
    double flips = fmin(1.0, exp(-beta * (old ? -cost : cost)));
    return old ? 1.0 - flips : flips;
}

static tally sample(const row *r, bool is_metropolis)
{
    kr_error err = { 0 };
    tally t = { .n_classes = 0 };
    kr_system system = system_alloc("ising", r->model, r->lattice, r->lattice_text);
    kr_target target = system_target(&system, r->beta);
    kr_update_setting setting = { .target = &target, .n_lanes = 1 };
    kr_local_params params = { 0 };
    void *self = kr_engine_bits.alloc(
        &setting, is_metropolis ? KR_LOCAL_METROPOLIS : KR_LOCAL_HEAT_BATH, &params, &err);
    if (!self) {
        fail_msg("%s %s: %s", r->model, r->lattice_text, err.text);
    }
    void *scratch = aligned_alloc(64, (kr_engine_bits.scratch_bytes(self, 1) + 63) / 64 * 64);
    kr_block *block = kr_block_alloc(system.terms, 1, 0, 0, &err);
    const kr_fold *fold = kr_engine_bits.fold(self);
    size_t n = (size_t)system.terms->n_sites;
    uint8_t *old = calloc(n, 1), *new = calloc(n, 1);
    kr_tally flips;
    kr_rng_seed(block->rng, 3, 0, KR_PURPOSE_TEST);
    kr_block_start_lane(block, 0, KR_START_RANDOM, block->rng);
    assert_ok(kr_block_add_fold(block, fold, &err), &err);
    kr_block_convert(block, KR_LAYOUT_BITS);
    for (double done = 0; done < n_updates; done += (double)n / fold->n_colors) {
        if (is_metropolis) {
            kr_fold_unpack(fold, 1, block->state, old);
        }
        kr_engine_bits.sweep(self, block, 1, scratch, &flips);
        kr_fold_unpack(fold, 1, block->state, new);
        count(system.terms, fold, old, new, is_metropolis, &t);
    }
    free(old);
    free(new);
    free(scratch);
    kr_block_free(block);
    kr_engine_bits.free(self);
    system_free(&system);
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

static void spins_are_up_as_often_as_their_neighbors_say(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * N_ROWS; r++) {
        bool is_metropolis = r % 2;
        tally t = sample(&rows[r / 2], is_metropolis);
        double z = worst(&t, rows[r / 2].beta, is_metropolis, 0.0);
        print_message("# %-36s %-28s %-10s %2d classes, worst z %.2f\n", rows[r / 2].model,
                      rows[r / 2].lattice_text, is_metropolis ? "metropolis" : "heat bath",
                      t.n_classes, z);
        assert_true(t.n_classes >= 4);
        assert_true(z <= kr_z_limit(2 * N_ROWS * 10));
    }
}

static void a_threshold_wrong_by_a_thousandth_is_noticed(void **state)
{
    (void)state;
    n_updates = fmax(n_updates, 4e7);
    tally t = sample(&rows[0], false);
    assert_true(worst(&t, rows[0].beta, false, 1e-3) > 1.2 * kr_z_limit(2 * N_ROWS * 10));
    assert_true(worst(&t, rows[0].beta, false, 0.0) <= kr_z_limit(2 * N_ROWS * 10));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spins_are_up_as_often_as_their_neighbors_say),
        cmocka_unit_test(a_threshold_wrong_by_a_thousandth_is_noticed),
    };
    graph_write_random(GRAPH, 4000, 8000, 1, true);
    n_updates = argc > 1 ? strtod(argv[1], NULL) : n_updates;
    return cmocka_run_group_tests_name("conformance_frequency", tests, NULL, NULL);
}
