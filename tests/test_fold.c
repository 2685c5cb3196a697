/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_fold.c - what a kernel reads through slots and halos are the neighbors of each
 * site. */
#include "model/fold.h"

#include "base/rng.h"
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
                assert_true(k >= terms->neighbor_begin[i] && k < terms->neighbor_begin[i + 1]);
                assert_int_equal(seen[k]++, 0);
                for (int32_t lane = 0; lane < f->n_lanes; lane++) {
                    assert_int_equal(element(f, fold->source[s], t, lane),
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

/* Neighbors have other colors; vectors and halos are sorted by color. */
static void check_colors(const folded *f)
{
    const kr_fold *fold = f->fold;
    for (int32_t c = 0; c < fold->n_colors; c++) {
        for (int32_t v = fold->color_begin[c]; v < fold->color_begin[c + 1]; v++) {
            for (int32_t s = fold->slot_begin[v]; s < fold->slot_begin[v + 1]; s++) {
                int32_t from = fold->source[s];
                from =
                    from < fold->n_vectors ? from : fold->halo[from - fold->n_vectors].origin;
                assert_false(from >= fold->color_begin[c] && from < fold->color_begin[c + 1]);
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
        { "hypercubic", "{size: [3, 5]}", 1, 4 },
        { "hypercubic", "{size: [6, 6]}", 4, 4 },
        { "hypercubic", "{size: [12, 8]}", 16, 4 },
        { "hypercubic", "{size: [8, 8, 8]}", 64, 2 },
        { "hypercubic", "{size: [4, 4, 4, 4]}", 16, 2 },
        { "hypercubic", "{size: [16, 8], boundary: open}", 32, 2 },
        { "hypercubic", "{size: [16, 8], boundary: [antiperiodic, open]}", 32, 2 },
        { "triangular", "{size: [16, 8]}", 32, 4 },
        { "triangular", "{size: [8, 8], boundary: open}", 16, 4 },
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_holds_the_neighbors_of_its_sites),
        cmocka_unit_test(unpacking_gives_back_what_was_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
