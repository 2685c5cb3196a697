/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_fold.c - what a kernel reads through slots and halos are the neighbors of each
 * site. */
#include "model/fold.h"

#include "base/rng.h"
#include "graph_file.h"
#include "tiny.h"

typedef struct folded {
    tiny *system;
    kr_fold *fold;
    int32_t n_lanes;
    uint8_t *chain, *vectors;
} folded;

static folded fold_lattice(const char *lattice, const char *yaml, kr_layout layout,
                           int32_t n_lanes)
{
    kr_error err = { 0 };
    folded f = { .n_lanes = n_lanes };
    f.system = calloc(1, sizeof *f.system);
    void *params = tiny_params(lattice, tiny_lattice(lattice)->fields,
                               tiny_lattice(lattice)->params_size, yaml, &err);
    f.system->lattice = kr_lattice_alloc(tiny_lattice(lattice), params, &err);
    void *model = tiny_params("ising", tiny_model("ising")->fields,
                              tiny_model("ising")->params_size, "{}", &err);
    f.system->terms = kr_terms_alloc(tiny_model("ising"), model, f.system->lattice, &err);
    free(params);
    free(model);
    kr_target target = { .lattice = f.system->lattice, .terms = f.system->terms, .beta = 1.0 };
    f.fold = kr_fold_alloc(&target, layout, n_lanes, &err);
    if (!f.fold) {
        fail_msg("%s", err.text);
    }
    size_t n = (size_t)f.system->terms->n_sites;
    f.chain = calloc((size_t)n_lanes * n, 1);
    f.vectors = aligned_alloc(64, kr_fold_bytes(f.fold));
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    for (size_t k = 0; k < (size_t)n_lanes * n; k++) {
        f.chain[k] = (uint8_t)kr_rng_below(&rng, layout == KR_LAYOUT_BITS ? 2 : 250);
    }
    kr_fold_pack(f.fold, n_lanes, f.chain, f.vectors);
    return f;
}

static void fold_clear(folded *f)
{
    kr_fold_free(f->fold);
    tiny_free(f->system);
    free(f->chain);
    free(f->vectors);
}

static uint8_t element(const folded *f, int32_t vector, int32_t tile, int32_t lane)
{
    size_t e = (size_t)tile * (size_t)f->fold->n_lanes + (size_t)lane;
    const uint8_t *v = f->vectors + (size_t)vector * KR_VECTOR_BYTES;
    return (uint8_t)(f->fold->layout == KR_LAYOUT_BITS ? v[e / 8] >> e % 8 & 1 : v[e]);
}

/* Each bond end of each site is found once, in the slot that holds its neighbor's state. */
static void check_slots(folded *f)
{
    const kr_fold *fold = f->fold;
    const kr_terms *terms = f->system->terms;
    size_t n_ends = (size_t)terms->neighbor_begin[terms->n_sites];
    uint8_t *seen = calloc(n_ends, 1);
    kr_fold_refresh(fold, -1, f->vectors);
    for (int32_t v = 0; v < fold->n_vectors; v++) {
        for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
            for (int32_t t = 0; t < fold->n_tiles; t++) {
                int64_t k = fold->entry[(size_t)s * (size_t)fold->n_tiles + (size_t)t];
                int32_t i = fold->site[(size_t)v * (size_t)fold->n_tiles + (size_t)t];
                if (k < 0) {
                    continue;
                }
                assert_int_equal(fold->place[i], v * fold->n_tiles + t);
                assert_true(k >= terms->neighbor_begin[i] && k < terms->neighbor_begin[i + 1]);
                assert_int_equal(seen[k]++, 0);
                int32_t from = fold->near ? fold->near[s * fold->n_tiles + t] : 0;
                int32_t vector = fold->near ? from / fold->n_tiles : fold->source[s];
                int32_t tile = fold->near ? from % fold->n_tiles : t;
                for (int32_t lane = 0; lane < f->n_lanes; lane++) {
                    assert_int_equal(element(f, vector, tile, lane),
                                     f->chain[lane * terms->n_sites + terms->neighbor[k]]);
                }
            }
        }
    }
    for (size_t k = 0; k < n_ends; k++) {
        assert_int_equal(seen[k], 1);
    }
    free(seen);
}

/* The vector that tile t reads in slot s; n_vectors: none. */
static int32_t origin_of(const kr_fold *fold, int32_t s, int32_t t)
{
    if (fold->entry[(size_t)s * (size_t)fold->n_tiles + (size_t)t] < 0) {
        return fold->n_vectors;
    }
    if (fold->near) {
        return fold->near[s * fold->n_tiles + t] / fold->n_tiles;
    }
    int32_t from = fold->source[s];
    return from < fold->n_vectors ? from : fold->halo[from - fold->n_vectors].origin;
}

/* Neighbors have other colors; vectors and halos are sorted by color. */
static void check_colors(const folded *f)
{
    const kr_fold *fold = f->fold;
    for (int32_t c = 0; c < fold->n_colors; c++) {
        for (int32_t v = fold->color_begin[c]; v < fold->color_begin[c + 1]; v++) {
            for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
                for (int32_t t = 0; t < fold->n_tiles; t++) {
                    int32_t from = origin_of(fold, s, t);
                    assert_true(from < fold->color_begin[c] ||
                                from >= fold->color_begin[c + 1]);
                }
            }
        }
        for (int32_t h = fold->halo_begin[c]; h < fold->halo_begin[c + 1]; h++) {
            assert_true(fold->halo[h].origin >= fold->color_begin[c] &&
                        fold->halo[h].origin < fold->color_begin[c + 1]);
        }
    }
}

static void every_slot_holds_the_neighbors_of_its_sites(void **state)
{
    (void)state;
    static const struct {
        const char *lattice, *yaml;
        int32_t bits_tiles, n_colors; /* tiles for one chain of bits */
    } row[] = {
        { "hypercubic", "{size: [64, 64]}", 512, 2 },
        { "hypercubic", "{size: [16, 16]}", 64, 2 },
        { "hypercubic", "{size: [4, 4]}", 4, 2 },
        { "hypercubic", "{size: [2, 2]}", 1, 2 },
        { "hypercubic", "{size: [3, 5]}", 32, 4 },
        { "hypercubic", "{size: [6, 6]}", 32, 2 },
        { "hypercubic", "{size: [12, 8]}", 16, 4 },
        { "hypercubic", "{size: [8, 8, 8]}", 64, 2 },
        { "hypercubic", "{size: [4, 4, 4, 4]}", 16, 2 },
        { "hypercubic", "{size: [16, 8], boundary: open}", 32, 2 },
        { "hypercubic", "{size: [16, 8], boundary: [antiperiodic, open]}", 32, 2 },
        { "triangular", "{size: [16, 8]}", 32, 4 },
        { "triangular", "{size: [8, 8], boundary: open}", 16, 4 },
        { "hypercubic", "{size: [15, 15]}", 32, 4 },
        { "hypercubic", "{size: [9, 7, 5], boundary: open}", 32, 2 },
        { "honeycomb", "{size: [5, 7]}", 32, 2 },
        { "kagome", "{size: [5, 3], boundary: open}", 32, 3 },
        { "graph", "{file: test_fold_bonds.txt, n_sites: 90}", 32, 2 },
    };
    static const int32_t lanes[] = { 1, 2, 16, 37, 64 };
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        for (size_t l = 0; l < 2 * sizeof lanes / sizeof *lanes; l++) {
            kr_layout layout = l % 2 ? KR_LAYOUT_BYTES : KR_LAYOUT_BITS;
            folded f = fold_lattice(row[r].lattice, row[r].yaml, layout, lanes[l / 2]);
            check_slots(&f);
            check_colors(&f);
            if (l == 0) {
                assert_int_equal(f.fold->n_tiles, row[r].bits_tiles);
                assert_int_equal(f.fold->n_colors, row[r].n_colors);
            }
            fold_clear(&f);
        }
    }
}

static void unpacking_gives_back_what_was_packed(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        folded f = fold_lattice("hypercubic", k < 2 ? "{size: [8, 16]}" : "{size: [3, 7]}",
                                k % 2 ? KR_LAYOUT_BYTES : KR_LAYOUT_BITS, 5);
        size_t bytes = (size_t)f.system->terms->n_sites * 5;
        uint8_t *back = calloc(bytes, 1);
        kr_fold_unpack(f.fold, 5, f.vectors, back);
        assert_memory_equal(back, f.chain, bytes);
        free(back);
        fold_clear(&f);
    }
}

/* Vectors of one number of neighbors; idle tiles are those that hold no site, and stay zero. */
static void gathered_vectors_have_no_rims(void **state)
{
    (void)state;
    static const int32_t lanes[] = { 1, 16, 20, 64 };
    for (int l = 0; l < 4; l++) {
        folded f = fold_lattice("hypercubic", "{size: [9, 7], boundary: open}", KR_LAYOUT_BITS,
                                lanes[l]);
        const kr_fold *fold = f.fold;
        const int64_t *begin = f.system->terms->neighbor_begin;
        int32_t n_sites = 0;
        assert_non_null(fold->near);
        assert_int_equal(fold->n_lanes, lanes[l] <= 16 ? 16 : lanes[l] == 20 ? 32 : 64);
        for (int32_t k = 0; k < fold->n_vectors * fold->n_tiles; k++) {
            int32_t v = k / fold->n_tiles, i = fold->site[k];
            n_sites += i >= 0;
            if (i >= 0) {
                assert_int_equal(begin[i + 1] - begin[i],
                                 fold->slot_begin[v + 1] - fold->slot_begin[v]);
            }
            for (int32_t lane = 0; lane < fold->n_lanes; lane++) {
                assert_true((i >= 0 && lane < f.n_lanes) ||
                            element(&f, v, k % fold->n_tiles, lane) == 0);
            }
        }
        assert_int_equal(n_sites, fold->n_sites);
        fold_clear(&f);
    }
}

/* Orders of sites that differ make folds that differ. */
static void folds_of_other_graphs_are_others(void **state)
{
    (void)state;
    folded a = fold_lattice("hypercubic", "{size: [9, 7]}", KR_LAYOUT_BITS, 16);
    folded b = fold_lattice("hypercubic", "{size: [9, 7]}", KR_LAYOUT_BITS, 16);
    assert_false(kr_fold_is_same(a.fold, b.fold)); /* another lattice */
    b.fold->lattice = a.fold->lattice;
    assert_true(kr_fold_is_same(a.fold, b.fold));
    b.fold->order ^= 1;
    assert_false(kr_fold_is_same(a.fold, b.fold));
    fold_clear(&a);
    fold_clear(&b);
}

int main(void)
{
    graph_write_random("test_fold_bonds.txt", 80, 120, 3, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_holds_the_neighbors_of_its_sites),
        cmocka_unit_test(unpacking_gives_back_what_was_packed),
        cmocka_unit_test(gathered_vectors_have_no_rims),
        cmocka_unit_test(folds_of_other_graphs_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
