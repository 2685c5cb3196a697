/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_engine_bytes.c - local updates with one byte per spin: law, bits, bookkeeping. */
#include "sampled.h"

#include "base/isa.h"
#include "model/exact.h"
#include "update/bytes_tables.h"

typedef struct system_row {
    const char *model, *model_yaml, *lattice, *lattice_yaml;
    double beta;
    kr_bytes_rule rule; /* of heat bath */
} system_row;

static const system_row small[] = {
    { "ising", "{disorder: {kind: gaussian, seed: 3}}", "hypercubic", "{size: [3, 3]}", 0.6,
      KR_BYTES_SITE },
    { "ising", "{disorder: {kind: gaussian, seed: 5}}", "hypercubic", "{size: [2, 2, 2]}", 0.3,
      KR_BYTES_SITE },
    { "ising", "{random_field: {kind: gaussian, seed: 4}, field: 0.2}", "hypercubic",
      "{size: [4, 2], boundary: open}", 0.5, KR_BYTES_SITE },
    { "ising", "{disorder: {kind: gaussian, seed: 6}}", "triangular", "{size: [3, 3]}", 0.4,
      KR_BYTES_SITE },
    { "ising", "{random_field: {kind: gaussian, seed: 8}}", "hypercubic",
      "{size: [2, 2, 2], boundary: [open, periodic, open]}", 0.3, KR_BYTES_SITE },
    { "ising", "{field: 0.1}", "hypercubic", "{size: [3, 3]}", 0.25, KR_BYTES_SUM },
    { "ising", "{field: 0.1, J: -1}", "hypercubic", "{size: [4, 2], boundary: open}", 0.25,
      KR_BYTES_SUM },
    { "potts", "{q: 3}", "hypercubic", "{size: [3, 2]}", 0.4, KR_BYTES_SUM },
    { "potts", "{q: 3, field: 0.3}", "hypercubic", "{size: [3, 2]}", 0.4, KR_BYTES_SUM },
    { "potts", "{q: 3}", "triangular", "{size: [3, 2]}", 0.3, KR_BYTES_SUM },
    { "potts", "{q: 3}", "triangular", "{size: [3, 2], boundary: open}", 0.4, KR_BYTES_SUM },
    { "potts", "{q: 3, J: -1}", "hypercubic", "{size: [3, 2]}", 0.3, KR_BYTES_SUM },
    { "blume_capel", "{D: 0.6, field: 0.1}", "hypercubic", "{size: [3, 2], boundary: open}",
      0.5, KR_BYTES_SUM },
    { "blume_capel", "{D: 0.4}", "hypercubic", "{size: [3, 2]}", 0.5, KR_BYTES_SUM },
    { "potts", "{q: 4}", "hypercubic", "{size: [5]}", 0.7, KR_BYTES_POTTS_COPY },
    { "potts", "{q: 5}", "hypercubic", "{size: [2, 2]}", 0.4, KR_BYTES_POTTS_COPY },
    { "potts", "{q: 4}", "hypercubic", "{size: [5], boundary: open}", 0.8,
      KR_BYTES_POTTS_COPY },
    { "potts", "{q: 31}", "hypercubic", "{size: [2], boundary: open}", 2.5,
      KR_BYTES_POTTS_COPY },
    { "potts", "{q: 5, J: -1}", "hypercubic", "{size: [2, 2]}", 0.4, KR_BYTES_POTTS_REJECT },
    { "potts", "{q: 4, J: -1}", "hypercubic", "{size: [5], boundary: open}", 1.2,
      KR_BYTES_POTTS_REJECT },
};

static const char *const kinds[] = { "heat_bath", "metropolis" };
static const int32_t lane_counts[] = { 1, 16, 37, 64 };

static tiny *row_system(const system_row *row)
{
    kr_error err = { 0 };
    tiny *t = tiny_alloc(tiny_model(row->model), row->model_yaml, tiny_lattice(row->lattice),
                         row->lattice_yaml, 1024, &err);
    if (!t) {
        fail_msg("%s", err.text);
    }
    return t;
}

/* An update on the engine, with an instruction set. */
static sampled bytes_alloc(const char *kind, const kr_target *target, int32_t n_lanes,
                           kr_isa isa)
{
    kr_error err = { 0 };
    sampled s = sampled_alloc(kind, "{engine: bytes}", target, NULL, n_lanes);
    void *params =
        tiny_params(kind, s.update->fields, s.update->params_size, "{engine: bytes}", &err);
    kr_update_setting setting = { .target = target, .n_lanes = n_lanes, .isa = isa };
    s.update->free(s.self);
    s.self = s.update->alloc(&setting, params, &err);
    assert_non_null(s.self);
    assert_string_equal(kr_local_engine(s.self), "bytes");
    free(params);
    return s;
}

static void sweep_n(sampled *s, kr_block *block, int64_t n)
{
    kr_error err = { 0 };
    assert_ok(kr_block_add_fold(block, s->update->fold(s->self), &err), &err);
    kr_block_convert(block, KR_LAYOUT_BYTES);
    s->update->sweep(s->self, block, n, s->scratch, &s->tally);
}

/* Frequencies of all states over many draws of n_lanes chains. */
static double law_deviation(const tiny *system, double beta, const char *kind, int32_t n_lanes,
                            int64_t n_draws)
{
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = beta };
    sampled update = bytes_alloc(kind, &target, n_lanes, KR_ISA_BEST);
    kr_block *block = sampled_block(system->terms, n_lanes, (uint64_t)(n_lanes + kind[0]));
    double *count = calloc((size_t)system->n_states, sizeof *count);
    double total = 0.0;
    for (int64_t d = -20; d * n_lanes < n_draws; d++) {
        sweep_n(&update, block, 8);
        kr_block_convert(block, KR_LAYOUT_CHAIN);
        for (int32_t lane = 0; lane < n_lanes && d >= 0; lane++) {
            count[tiny_encode(system, block->state + lane * block->n_sites, 1)] += 1.0;
            total += 1.0;
        }
    }
    double *law = tiny_law(system, beta);
    double deviation = sampled_deviation(count, law, system->n_states, total);
    free(law);
    free(count);
    kr_block_free(block);
    sampled_free(&update);
    return deviation;
}

static void chains_follow_the_boltzmann_law(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof small / sizeof *small; r++) {
        tiny *system = row_system(&small[r]);
        for (int k = 0; k < 8; k++) {
            double z = law_deviation(system, small[r].beta, kinds[k % 2], lane_counts[k / 2],
                                     k / 2 == 0 ? 10000 : 60000);
            if (!(fabs(z) < SAMPLED_MAX)) {
                fail_msg("%s %s %s, %d chains: %s deviates by %.1f", small[r].model,
                         small[r].model_yaml, small[r].lattice_yaml, lane_counts[k / 2],
                         kinds[k % 2], z);
            }
        }
        tiny_free(system);
    }
}

/* Larger systems with several tiles and rims. */
static const system_row large[] = {
    { "ising", "{disorder: {kind: gaussian, seed: 3}}", "hypercubic", "{size: [16, 8]}", 0.7,
      KR_BYTES_SITE },
    { "ising", "{disorder: {kind: gaussian, seed: 3}, field: 0.3}", "hypercubic",
      "{size: [8, 8, 4], boundary: open}", 0.4, KR_BYTES_SITE },
    { "ising", "{field: 0.1}", "triangular", "{size: [8, 8], boundary: open}", 0.25,
      KR_BYTES_SUM },
    { "potts", "{q: 3}", "hypercubic", "{size: [16, 8]}", 0.9, KR_BYTES_SUM },
    { "blume_capel", "{D: 1.9}", "hypercubic", "{size: [16, 12], boundary: open}", 1.0,
      KR_BYTES_SUM },
    { "potts", "{q: 10}", "hypercubic", "{size: [16, 8]}", 1.4, KR_BYTES_POTTS_COPY },
    { "potts", "{q: 20}", "hypercubic", "{size: [8, 7], boundary: open}", 1.5,
      KR_BYTES_POTTS_COPY },
    { "potts", "{q: 40, J: -1}", "hypercubic", "{size: [8, 8], boundary: [open, periodic]}",
      2.0, KR_BYTES_POTTS_REJECT },
};

static tiny *large_system(const system_row *row)
{
    kr_error err = { 0 };
    tiny *t = calloc(1, sizeof *t);
    void *lattice_params =
        tiny_params(row->lattice, tiny_lattice(row->lattice)->fields,
                    tiny_lattice(row->lattice)->params_size, row->lattice_yaml, &err);
    void *model_params =
        tiny_params(row->model, tiny_model(row->model)->fields,
                    tiny_model(row->model)->params_size, row->model_yaml, &err);
    t->lattice = kr_lattice_alloc(tiny_lattice(row->lattice), lattice_params, &err);
    t->terms = kr_terms_alloc(tiny_model(row->model), model_params, t->lattice, &err);
    if (!t->terms) {
        fail_msg("%s", err.text);
    }
    free(lattice_params);
    free(model_params);
    return t;
}

static void check_bookkeeping(kr_block *block, const tiny *system)
{
    size_t n = KR_LANES_MAX * (size_t)block->q;
    int64_t *count = malloc(n * sizeof *count);
    assert_int_equal(block->has_count, block->q <= 32);
    kr_block_count(block);
    memcpy(count, block->count, n * sizeof *count);
    assert_int_equal(block->log_q_of, -1);
    kr_block_touch(block);
    kr_block_count(block);
    assert_memory_equal(block->count, count, n * sizeof *count);
    double off = kr_block_audit(block, system->terms);
    assert_true(off <= (system->terms->is_integer ? 0.0 : 1e-10));
    free(count);
}

/* After a sweep the neighbors of the last color are still those its spins were drawn against:
 * how often a state of probability p was drawn, by bins of p. */
static void spins_are_drawn_with_their_conditional_probability(void **state)
{
    enum { BINS = 24, LANES = 64, SWEEPS = 60 };
    (void)state;
    for (size_t r = 0; r < sizeof large / sizeof *large; r++) {
        tiny *system = large_system(&large[r]);
        int32_t q = system->terms->q;
        kr_target target = { system->lattice, system->terms, large[r].beta };
        sampled update = bytes_alloc("heat_bath", &target, LANES, KR_ISA_BEST);
        const kr_fold *fold = update.update->fold(update.self);
        kr_block *block = sampled_block(system->terms, LANES, 31);
        double excess[BINS] = { 0 }, variance[BINS] = { 0 }, e[KR_STATES_MAX];
        for (int n = 0; n < SWEEPS; n++) {
            sweep_n(&update, block, 1);
            kr_block_convert(block, KR_LAYOUT_CHAIN);
            for (int32_t v = fold->color_begin[fold->n_colors - 1]; v < fold->n_vectors; v++) {
                for (int32_t k = 0; k < fold->n_tiles * LANES; k++) {
                    int32_t i = fold->site[v * fold->n_tiles + k / LANES];
                    const uint8_t *s = block->state + (k % LANES) * block->n_sites;
                    kr_terms_local(system->terms, s, i, e);
                    double total = 0.0;
                    for (int32_t a = 0; a < q; a++) {
                        total += exp(-large[r].beta * (e[a] - e[s[i]]));
                    }
                    for (int32_t a = 0; a < q; a++) {
                        double p = exp(-large[r].beta * (e[a] - e[s[i]])) / total;
                        int bin = (int)(p * (BINS - 1e-9));
                        excess[bin] += (s[i] == a) - p;
                        variance[bin] += p * (1.0 - p);
                    }
                }
            }
        }
        for (int bin = 0; bin < BINS; bin++) {
            double z = excess[bin] / sqrt(fmax(variance[bin], 100.0));
            if (!(fabs(z) < 5.0)) {
                fail_msg("%s %s %s, p near %.2f: z = %.1f", large[r].model, large[r].model_yaml,
                         large[r].lattice_yaml, (bin + 0.5) / BINS, z);
            }
        }
        kr_block_free(block);
        sampled_free(&update);
        tiny_free(system);
    }
}

/* Mean energy per site of 64 chains against exact values. */
static void check_energy(const system_row *row, double exact, const char *kind)
{
    enum { LANES = 64, DRAWS = 1500 };
    tiny *system = large_system(row);
    kr_target target = { system->lattice, system->terms, row->beta };
    kr_error err = { 0 };
    if (isnan(exact)) {
        kr_exact found;
        assert_ok(kr_exact_enumerate(&target, &found, &err), &err);
        exact = found.energy_per_site;
    }
    sampled update = bytes_alloc(kind, &target, LANES, KR_ISA_BEST);
    kr_block *block = sampled_block(system->terms, LANES, 12);
    double mean[LANES] = { 0 }, sum = 0.0, square = 0.0;
    sweep_n(&update, block, 500);
    for (int d = 0; d < DRAWS; d++) {
        sweep_n(&update, block, 4);
        for (int lane = 0; lane < LANES; lane++) {
            mean[lane] += block->energy[lane] / block->n_sites / DRAWS;
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        sum += mean[lane] / LANES;
        square += mean[lane] * mean[lane] / LANES;
    }
    double error = sqrt((square - sum * sum) / (LANES - 1));
    assert_within_sigma(sum, error, exact, 4.5);
    kr_block_free(block);
    sampled_free(&update);
    tiny_free(system);
}

static void energies_agree_with_exact_values(void **state)
{
    (void)state;
    /* reference/potts2d_small.csv: 3,8x8,pp,betac and 4,6x6,pp,betac and 10,4x4,pp,betac;
     * not a number: by enumeration */
    static const struct {
        system_row row;
        double exact;
    } cases[] = {
        { { "potts", "{q: 3}", "hypercubic", "{size: [8, 8]}", 1.005052538742381009, 0 },
          -1.653767373039359 },
        { { "potts", "{q: 10}", "hypercubic", "{size: [4, 4]}", 1.4260624389053681347, 0 },
          -1.696791752452699 },
        { { "potts", "{q: 4}", "hypercubic", "{size: [6, 6]}", 1.0986122886681096914, 0 },
          -1.638459786298489 },
        { { "ising", "{disorder: {kind: gaussian, seed: 9}}", "hypercubic", "{size: [4, 4]}",
            0.8, 0 },
          NAN },
    };
    for (size_t k = 0; k < 2 * sizeof cases / sizeof *cases; k++) {
        check_energy(&cases[k / 2].row, cases[k / 2].exact, kinds[k % 2]);
    }
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof large / sizeof *large; r++) {
        tiny *system = large_system(&large[r]);
        kr_target target = { system->lattice, system->terms, large[r].beta };
        for (int k = 0; k < 8; k++) {
            int32_t lanes = lane_counts[k / 2];
            sampled best = bytes_alloc(kinds[k % 2], &target, lanes, KR_ISA_PORTABLE);
            kr_block *want = sampled_block(system->terms, lanes, 77);
            sweep_n(&best, want, 9);
            for (int isa = KR_ISA_AVX2; isa <= KR_ISA_AVX512; isa++) {
                if (!kr_isa_runs((kr_isa)isa)) {
                    continue;
                }
                sampled other = bytes_alloc(kinds[k % 2], &target, lanes, (kr_isa)isa);
                kr_block *block = sampled_block(system->terms, lanes, 77);
                for (int n = 1; n < 10; n += 2) { /* grouped in another way, too */
                    sweep_n(&other, block, n == 1 ? 1 : 2);
                }
                assert_memory_equal(block->rng, want->rng, sizeof *block->rng);
                assert_memory_equal(block->energy, want->energy,
                                    (size_t)lanes * sizeof *block->energy);
                kr_block_convert(block, KR_LAYOUT_CHAIN);
                kr_block_convert(want, KR_LAYOUT_CHAIN);
                assert_memory_equal(block->state, want->state, block->size);
                kr_block_free(block);
                sampled_free(&other);
            }
            kr_block_free(want);
            sampled_free(&best);
        }
        tiny_free(system);
    }
}

static void energies_and_counts_equal_recomputed_ones(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof large / sizeof *large; r++) {
        tiny *system = large_system(&large[r]);
        kr_target target = { system->lattice, system->terms, large[r].beta };
        for (int k = 0; k < 8; k++) {
            int32_t lanes = lane_counts[k / 2];
            sampled update = bytes_alloc(kinds[k % 2], &target, lanes, KR_ISA_BEST);
            kr_block *block = sampled_block(system->terms, lanes, 5);
            sweep_n(&update, block, 3);
            assert_int_equal(update.tally.attempted[lanes - 1], 3 * block->n_sites);
            assert_true(update.tally.changed[lanes - 1] > 0);
            assert_int_equal(update.tally.changed[lanes - 1] % 3, 0);
            check_bookkeeping(block, system);
            kr_block_free(block);
            sampled_free(&update);
        }
        tiny_free(system);
    }
}

static int init_job(const system_row *row, kr_local_kind kind, kr_bytes_rule *rule,
                    kr_error *err)
{
    tiny *system = large_system(row);
    kr_target target = { system->lattice, system->terms, row->beta };
    kr_update_setting setting = { .target = &target, .n_lanes = 16 };
    kr_bytes_job job;
    kr_fold *fold = NULL;
    int status = kr_bytes_job_init(&job, &setting, kind, &fold, err);
    *rule = job.rule;
    kr_bytes_job_clear(&job);
    kr_fold_free(fold);
    tiny_free(system);
    return status;
}

static void the_model_decides_the_rule(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof small / sizeof *small; r++) {
        kr_error err = { 0 };
        kr_bytes_rule rule;
        assert_ok(init_job(&small[r], KR_LOCAL_HEAT_BATH, &rule, &err), &err);
        assert_int_equal(rule, small[r].rule);
    }
}

static void refuses_what_it_cannot_run_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        system_row row;
        const char *reason;
    } cases[] = {
        { { "potts", "{q: 3, disorder: {kind: gaussian, seed: 2}}", "hypercubic",
            "{size: [4, 4]}", 1.0, 0 },
          "3 states with couplings or fields that vary" },
        { { "potts", "{q: 5, field: 0.5}", "triangular", "{size: [4, 4]}", 1.0, 0 },
          "5 states and 6 neighbors have too many classes" },
        { { "potts", "{q: 9, field: 0.5}", "hypercubic", "{size: [4, 4]}", 1.0, 0 },
          "9 states, want at most 6" },
        { { "potts", "{q: 5}", "hypercubic", "{size: [4, 4, 4]}", 1.0, 0 },
          "5 states with 6 neighbors of a site, want at most 4" },
        { { "potts", "{q: 256}", "hypercubic", "{size: [4, 4], boundary: open}", 1.0, 0 },
          "256 states on an open lattice, want at most 252" },
        { { "ising", "{disorder: {kind: gaussian, seed: 2}}", "hypercubic",
            "{size: [4, 4, 4, 4]}", 1.0, 0 },
          "8 neighbors of a site, want at most 6" },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        kr_error err = { 0 };
        kr_bytes_rule rule;
        assert_int_equal(init_job(&cases[k].row, KR_LOCAL_HEAT_BATH, &rule, &err), KR_EUNSUP);
        if (!strstr(err.text, cases[k].reason)) {
            fail_msg("said \"%s\", want \"%s\"", err.text, cases[k].reason);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_follow_the_boltzmann_law),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(energies_and_counts_equal_recomputed_ones),
        cmocka_unit_test(spins_are_drawn_with_their_conditional_probability),
        cmocka_unit_test(energies_agree_with_exact_values),
        cmocka_unit_test(the_model_decides_the_rule),
        cmocka_unit_test(refuses_what_it_cannot_run_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
