/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_sampler.c - what the samples may depend on, and what a sampler refuses. */
#include "sampler_subject.h"

#include "base/memory.h"
#include "base/state.h"
#include "run/spec.h"

/* The smallest run with every stage, retraining after each window of 256 draws. */
#define SYSTEM                                                                                 \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nbeta: 0.4\n"             \
    "chains: 24\nseed: 5\ndensities: {net: {name: frontier, hidden: 8}}\n"                     \
    "updates: [heat_bath, symmetry, {name: independence, density: net}, "                      \
    "{name: multi_try, density: net, tries: 3}]\n"
#define TRAINING                                                                               \
    "training: {batch: 48, certificate: 2100, target_ess: 1, min_acceptance: 1, "              \
    "max_retrainings: 1"
#define PHASES(measure) "phases: {thermalize: 30, adapt: 40, measure: " measure ", every: 1}\n"

static const char learning[] = SYSTEM PHASES("600") TRAINING "}\n";

/* One network for three temperatures, trained on walkers and on its own samples. */
static const char conditioned[] =
    "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nbeta: [0.3, 0.5, 0.4]\n"
    "chains: 24\nseed: 5\ndensities: {net: {name: multilevel, hidden: 8}}\n"
    "updates: [heat_bath, {name: independence, density: net}]\n" PHASES(
        "300") "training: {batch: 80, certificate: 640, target_ess: 1, conditional: 2, "
               "forward: 0.5, walkers: 0.5}\n";

/* One flow for three couplings: a step of Adam waits for the gradients of all of them. */
static const char conditioned_field[] =
    "model: {name: phi4, m2: -1, lambda: [1, 1.5, 2]}\nlattice: {name: hypercubic, size: [4, "
    "4]}\n"
    "beta: 1\nchains: 24\nseed: 5\ndensities: {net: {name: split_coupling, layers: 2}}\n"
    "updates: [hmc, {name: independence, density: net}]\n" PHASES(
        "300") "training: {batch: 80, certificate: 640, target_ess: 1, conditional: 1, "
               "forward: 0.5}\n";

/* Every draw: warm-up flag, epoch, all columns. */
typedef struct record {
    double *value;
    size_t n, capacity, n_warmup, n_measured;
} record;

static void keep(record *r, double value)
{
    if (r->n == r->capacity) {
        r->capacity = 2 * r->capacity + 1024;
        r->value = realloc(r->value, r->capacity * sizeof *r->value);
        assert_non_null(r->value);
    }
    r->value[r->n++] = value;
}

static void collect(const kr_sampler *s, int64_t n_chains, record *r)
{
    for (int64_t draw = 0; draw < kr_sampler_n_new(s); draw++) {
        bool is_warmup = kr_sampler_new_is_warmup(s);
        keep(r, is_warmup);
        keep(r, (double)kr_sampler_new_epoch(s));
        for (int32_t k = 0; k < kr_sampler_columns(s); k++) {
            for (int64_t c = 0; c < n_chains; c++) {
                keep(r, kr_sampler_slab(s, draw, k)[c]);
            }
        }
        *(is_warmup ? &r->n_warmup : &r->n_measured) += 1;
    }
}

static void step(subject *s, int64_t max_draws, record *r)
{
    kr_error err = { 0 };
    assert_ok(kr_sampler_advance(s->sampler, max_draws, &err), &err);
    collect(s->sampler, s->spec->config.n_chains, r);
}

static void finish(subject *s, int64_t max_draws, record *r)
{
    while (kr_sampler_stage(s->sampler) != KR_STAGE_DONE) {
        step(s, max_draws, r);
    }
}

static void assert_same(const record *a, const record *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t k = 0; k < a->n; k++) {
        if (memcmp(&a->value[k], &b->value[k], sizeof(double)) != 0) {
            fail_msg("number %zu of %zu: %.17g and %.17g", k, a->n, a->value[k], b->value[k]);
        }
    }
}

static record run_whole(const char *yaml, int32_t n_threads, int64_t max_draws,
                        kr_certificate *certificate)
{
    record r = { 0 };
    subject s = open_subject(yaml, n_threads);
    finish(&s, max_draws, &r);
    if (certificate) {
        kr_sampler_certificate(s.sampler, 0, 0, certificate);
    }
    close_subject(&s);
    return r;
}

static void save(const subject *s, const char *path)
{
    kr_error err = { 0 };
    assert_ok(kr_state_save(s->table, path, NULL, &err), &err);
}

/* The weights of the density; the caller frees them. */
static float *weights_of(const subject *s, size_t *n)
{
    kr_error err = { 0 };
    save(s, "test_sampler.weights");
    float *weights =
        kr_state_peek("test_sampler.weights", "point0/density0/weights", KR_F32, n, &err);
    if (!weights) {
        fail_msg("%s", err.text);
    }
    remove("test_sampler.weights");
    return weights;
}

/* ---- what samples may depend on ---- */

static void samples_depend_neither_on_chunks_nor_on_threads(void **state)
{
    (void)state;
    static const int64_t chunk[] = { 1, 7, 4096 };
    kr_certificate want, got;
    record whole = run_whole(learning, 1, 64, &want);
    for (int k = 0; k < 3; k++) {
        record r = run_whole(learning, 1 + k % 2, chunk[k], &got);
        assert_same(&whole, &r);
        assert_memory_equal(&want, &got, sizeof want);
        free(r.value);
    }
    assert_true(isfinite(want.log_z) && want.n >= 2100.0);
    free(whole.value);
}

/* Stops inside every stage of every epoch, goes on from the saved state. */
static void check_restarts(const char *yaml, int64_t n_epochs)
{
    record whole = run_whole(yaml, 2, 5, NULL);
    for (kr_stage stage = KR_STAGE_THERMALIZE; stage <= KR_STAGE_MEASURE; stage++) {
        for (int64_t epoch = stage == KR_STAGE_THERMALIZE ? 0 : n_epochs - 1; epoch >= 0;
             epoch--) {
            record r = { 0 };
            kr_error err = { 0 };
            subject a = open_subject(yaml, 1), b = open_subject(yaml, 2);
            while (kr_sampler_stage(a.sampler) != stage ||
                   kr_sampler_epoch(a.sampler) != epoch) {
                assert_int_not_equal(kr_sampler_stage(a.sampler), KR_STAGE_DONE);
                step(&a, 5, &r);
            }
            step(&a, 3, &r);
            assert_int_equal(kr_sampler_stage(a.sampler), stage);
            save(&a, "test_sampler.state");
            assert_ok(kr_state_load(b.table, "test_sampler.state", &err), &err);
            finish(&b, 11, &r);
            assert_same(&whole, &r);
            close_subject(&a);
            close_subject(&b);
            free(r.value);
        }
    }
    remove("test_sampler.state");
    free(whole.value);
}

static void state_saved_inside_any_stage_continues_to_the_bit(void **state)
{
    (void)state;
    check_restarts(learning, 2);
    check_restarts(conditioned, 1);
    check_restarts(conditioned_field, 1);
}

static void a_run_made_longer_equals_a_longer_run(void **state)
{
    (void)state;
    static const int64_t parts[] = { 100, 256, 300 }; /* 256: where retraining is due */
    record whole = run_whole(learning, 1, 64, NULL);
    for (int k = 0; k < 3; k++) {
        record r = { 0 };
        subject s = open_subject(learning, 1);
        kr_sampler_set_measure(s.sampler, parts[k]);
        finish(&s, 9, &r);
        assert_int_equal(kr_sampler_draws(s.sampler), parts[k]);
        kr_sampler_set_measure(s.sampler, 600);
        finish(&s, 64, &r);
        assert_same(&whole, &r);
        close_subject(&s);
        free(r.value);
    }
    free(whole.value);
}

/* ---- adaptation stays out of the measured draws ---- */

static void retraining_raises_the_epoch_and_settles_in_warmup(void **state)
{
    (void)state;
    record r = run_whole(learning, 1, 64, NULL);
    size_t width = r.n / (r.n_warmup + r.n_measured), n_measured = 0, n_settle = 0;
    assert_int_equal(r.n_measured, 600);
    assert_int_equal(r.n_warmup, 3 * 30); /* thermalize, and settle after each training */
    for (size_t k = 0; k < r.n; k += width) {
        bool is_warmup = r.value[k] != 0.0;
        n_measured += !is_warmup;
        n_settle += is_warmup && n_measured > 0;
        double epoch = n_measured > 256 || (is_warmup && n_measured == 256) ? 1.0 : 0.0;
        assert_true(r.value[k + 1] == epoch);
    }
    assert_int_equal(n_settle, 30);
    free(r.value);
}

static void training_and_certificate_give_no_draws(void **state)
{
    (void)state;
    record r = { 0 };
    subject s = open_subject(learning, 1);
    int n_training = 0, n_certificate = 0;
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        kr_stage stage = kr_sampler_stage(s.sampler);
        bool is_measure = stage == KR_STAGE_MEASURE;
        step(&s, 50, &r);
        n_training += stage == KR_STAGE_ADAPT;
        n_certificate += stage == KR_STAGE_CERTIFY;
        if (stage == KR_STAGE_ADAPT || stage == KR_STAGE_CERTIFY) {
            assert_int_equal(kr_sampler_n_new(s.sampler), 0);
        } else if (kr_sampler_n_new(s.sampler) > 0) {
            assert_true(kr_sampler_new_is_warmup(s.sampler) != is_measure);
        }
    }
    assert_int_equal(n_training, 2 * 40);
    assert_true(n_certificate >= 2);
    close_subject(&s);
    free(r.value);
}

static void weights_change_in_training_only(void **state)
{
    (void)state;
    subject s = open_subject(learning, 2);
    record r = { 0 };
    size_t n, n_now;
    float *before = weights_of(&s, &n);
    int n_changes = 0;
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        kr_stage stage = kr_sampler_stage(s.sampler);
        step(&s, 200, &r);
        float *now = weights_of(&s, &n_now);
        assert_int_equal(n, n_now);
        bool is_changed = memcmp(before, now, n * sizeof *now) != 0;
        assert_true(is_changed == (stage == KR_STAGE_ADAPT));
        n_changes += is_changed;
        kr_free(before);
        before = now;
    }
    assert_int_equal(n_changes, 2 * 40);
    kr_free(before);
    close_subject(&s);
    free(r.value);
}

/* log_q of the last draw against an instance of its own that gets the present weights. */
static void assert_log_q_is_fresh(subject *s, void *density)
{
    enum { CHAINS = 24, SITES = 16, STRIDE = 32 };
    const kr_density_plug *plug = s->spec->density[0].plug;
    static uint8_t chain_major[CHAINS * SITES], site_major[STRIDE * SITES];
    double log_q[CHAINS];
    kr_error err = { 0 };
    size_t n;
    float *weights = weights_of(s, &n);
    memcpy(plug->weights(density), weights, n * sizeof *weights);
    kr_free(weights);
    kr_sampler_states(s->sampler, chain_major);
    for (int c = 0; c < CHAINS; c++) {
        for (int i = 0; i < SITES; i++) {
            site_major[i * STRIDE + c] = chain_major[c * SITES + i];
        }
    }
    void *scratch = kr_alloc(plug->scratch_bytes(density, CHAINS), 1, &err);
    assert_non_null(scratch);
    plug->log_q_tail(density, 0, CHAINS, site_major, log_q, scratch);
    kr_free(scratch);
    const double *kept = kr_sampler_slab(s->sampler, kr_sampler_n_new(s->sampler) - 1,
                                         kr_sampler_first_density(s->sampler));
    for (int c = 0; c < CHAINS; c++) {
        assert_close(kept[c], log_q[c], 1e-12);
    }
}

/* No other update marks log q as stale between trainings. */
static void chains_are_scored_with_the_present_weights(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_spec *spec = parse(learning);
    spec->config.update = &spec->update[2];
    spec->config.n_updates = 1;
    subject s = open_spec(spec, 1);
    record r = { 0 };
    void *density =
        s.spec->density[0].plug->alloc(&s.spec->target[0], s.spec->density[0].params, &err);
    assert_non_null(density);
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        step(&s, 3, &r);
        if (kr_sampler_n_new(s.sampler) > 0) {
            assert_log_q_is_fresh(&s, density);
        }
    }
    s.spec->density[0].plug->free(density);
    close_subject(&s);
    free(r.value);
}

static void thermalization_is_rounded_up_to_whole_draws(void **state)
{
    (void)state;
    record r = run_whole("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                         "beta: 0.4\nchains: 16\nupdates: [heat_bath]\n"
                         "phases: {thermalize: 5, measure: 25, every: 10}\n",
                         1, 64, NULL);
    assert_int_equal(r.n_warmup, 1);
    assert_int_equal(r.n_measured, 2);
    free(r.value);
}

/* ---- training that goes wrong ---- */

static void assert_finite_weights(const subject *s)
{
    size_t n;
    float *weights = weights_of(s, &n);
    for (size_t k = 0; k < n; k++) {
        assert_true(isfinite(weights[k]));
    }
    kr_free(weights);
}

static void a_huge_rate_leaves_finite_weights(void **state)
{
    (void)state;
    subject s = open_subject(SYSTEM PHASES("8") TRAINING ", rate: 1, reverse_rate: 1}\n", 2);
    kr_error err = { 0 };
    int status = KR_OK;
    while (status == KR_OK && kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        status = kr_sampler_advance(s.sampler, 8, &err);
    }
    assert_true(status == KR_OK || status == KR_EDIVERGED);
    assert_finite_weights(&s);
    close_subject(&s);
}

static const kr_density_plug *sound; /* the plug that a broken one leans on */

static void grad_of_nan(const void *self, int32_t n_lanes, const uint8_t *s,
                        const double *coefficient, float *gradient, double *log_q,
                        void *scratch)
{
    sound->grad(self, n_lanes, s, coefficient, gradient, log_q, scratch);
    gradient[0] = NAN;
}

static void training_without_finite_gradients_fails_with_the_old_weights(void **state)
{
    (void)state;
    kr_spec *spec = parse(learning);
    sound = spec->density[0].plug;
    kr_density_plug broken = *sound;
    broken.grad = grad_of_nan;
    spec->density[0].plug = &broken;
    subject s = open_spec(spec, 1);
    kr_error err = { 0 };
    size_t n;
    float *before = weights_of(&s, &n);
    int status = KR_OK;
    while (status == KR_OK && kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        status = kr_sampler_advance(s.sampler, 8, &err);
    }
    assert_int_equal(status, KR_EDIVERGED);
    float *after = weights_of(&s, &n);
    assert_memory_equal(before, after, n * sizeof *after);
    kr_free(before);
    kr_free(after);
    close_subject(&s);
}

/* ---- numbers that are none ---- */

static void log_q_of_nan(const void *self, int32_t k, int32_t n_lanes, const uint8_t *s,
                         double *log_q, void *scratch)
{
    sound->log_q_tail(self, k, n_lanes, s, log_q, scratch);
    log_q[n_lanes - 1] = NAN;
}

static void log_q_that_is_not_finite_ends_the_run(void **state)
{
    (void)state;
    kr_spec *spec = parse(learning);
    sound = spec->density[0].plug;
    kr_density_plug broken = *sound;
    broken.log_q_tail = log_q_of_nan;
    spec->density[0].plug = &broken;
    subject s = open_spec(spec, 2);
    kr_error err = { 0 };
    assert_int_equal(kr_sampler_advance(s.sampler, 8, &err), KR_ESANITY);
    assert_non_null(strstr(err.text, "density net: log q"));
    close_subject(&s);
}

static const kr_update_plug *sound_update;

static void sweep_to_nan(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                         kr_tally *tally)
{
    sound_update->sweep(self, block, n_sweeps, scratch, tally);
    block->energy[block->n_lanes - 1] = NAN;
}

static void an_energy_that_is_no_number_fails_the_audit(void **state)
{
    (void)state;
    kr_spec *spec = parse("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                          "beta: 0.4\nchains: 16\nupdates: [heat_bath]\n");
    sound_update = spec->update[0].plug;
    kr_update_plug broken = *sound_update;
    broken.sweep = sweep_to_nan;
    spec->update[0].plug = &broken;
    subject s = open_spec(spec, 1);
    kr_error err = { 0 };
    int status = KR_OK;
    for (int k = 0; k < 64 && status == KR_OK; k++) {
        status = kr_sampler_advance(s.sampler, 1, &err);
    }
    assert_int_equal(status, KR_ESANITY);
    close_subject(&s);
}

/* ---- what is refused ---- */

static void *alloc_beta(const kr_target *target, const void *params, int32_t n_chains,
                        kr_error *err)
{
    (void)params, (void)n_chains;
    double *beta = kr_alloc(1, sizeof *beta, err);
    if (beta) {
        *beta = target->beta;
    }
    return beta;
}

static const kr_column *columns_by_beta(const void *self, int32_t *n)
{
    static const kr_column column[] = { { "one", "1", "" }, { "two", "1", "" } };
    *n = *(const double *)self > 0.5 ? 2 : 1;
    return column;
}

static void columns_that_differ_between_points_are_refused(void **state)
{
    (void)state;
    kr_spec *spec = parse("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                          "beta: [0.4, 0.6]\nobservables: [energy]\n");
    kr_observable_plug odd = *spec->observable[0].plug;
    odd.alloc = alloc_beta;
    odd.columns = columns_by_beta;
    spec->observable[0].plug = &odd;
    kr_error err = { 0 };
    assert_null(kr_sampler_alloc(&spec->config, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    kr_spec_free(spec);
}

static void counts_beyond_the_limits_are_refused(void **state)
{
    (void)state;
    kr_spec *spec = parse(learning);
    kr_sampler_config config = spec->config;
    kr_error err = { 0 }, err_batch = { 0 }, err_every = { 0 };
    config.n_updates = KR_UPDATES_MAX + 1;
    assert_null(kr_sampler_alloc(&config, &err));
    assert_int_equal(err.status, KR_ERANGE);
    config = spec->config;
    config.training.batch = KR_BATCH_MAX + 1;
    assert_null(kr_sampler_alloc(&config, &err_batch));
    assert_int_equal(err_batch.status, KR_ERANGE);
    config = spec->config;
    config.every = 0;
    assert_null(kr_sampler_alloc(&config, &err_every));
    assert_int_equal(err_every.status, KR_ERANGE);
    kr_spec_free(spec);
}

/* Row k of a column of pairs belongs to the chains 2k and 2k + 1, in every block of 16. */
static void pairs_are_of_neighboring_chains(void **state)
{
    (void)state;
    enum { CHAINS = 40, POINTS = 2, SITES = 12 };
    static uint8_t states[CHAINS][POINTS][SITES];
    kr_error err = { 0 };
    subject s = open_subject(
        "model: {name: ising, disorder: {kind: pm1}}\nlattice: {name: "
        "hypercubic, size: [4, 3]}\nbeta: [0.4, 0.9]\nchains: 40\n"
        "phases: {thermalize: 0, measure: 8, every: 1}\nobservables: [energy, overlap]\n",
        2);
    do {
        assert_ok(kr_sampler_advance(s.sampler, 1, &err), &err);
    } while (kr_sampler_n_new(s.sampler) == 0);
    kr_sampler_states(s.sampler, &states[0][0][0]);
    assert_false(kr_sampler_column_is_pair(s.sampler, 0));
    assert_true(kr_sampler_column_is_pair(s.sampler, 1));
    const double *row = kr_sampler_slab(s.sampler, 0, 1);
    for (int k = 0; k < CHAINS / 2 * POINTS; k++) {
        const uint8_t *a = states[2 * (k / POINTS)][k % POINTS];
        const uint8_t *b = states[2 * (k / POINTS) + 1][k % POINTS];
        double sum = 0.0;
        for (int i = 0; i < SITES; i++) {
            sum += a[i] == b[i] ? 1.0 : -1.0;
        }
        assert_close(row[k], sum / SITES, 1e-15);
    }
    s.spec->config.n_chains = 39;
    assert_null(kr_sampler_alloc(&s.spec->config, &err));
    assert_non_null(strstr(err.text, "overlap: 39 chains, want an even number"));
    close_subject(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_depend_neither_on_chunks_nor_on_threads),
        cmocka_unit_test(state_saved_inside_any_stage_continues_to_the_bit),
        cmocka_unit_test(a_run_made_longer_equals_a_longer_run),
        cmocka_unit_test(retraining_raises_the_epoch_and_settles_in_warmup),
        cmocka_unit_test(training_and_certificate_give_no_draws),
        cmocka_unit_test(weights_change_in_training_only),
        cmocka_unit_test(chains_are_scored_with_the_present_weights),
        cmocka_unit_test(thermalization_is_rounded_up_to_whole_draws),
        cmocka_unit_test(a_huge_rate_leaves_finite_weights),
        cmocka_unit_test(training_without_finite_gradients_fails_with_the_old_weights),
        cmocka_unit_test(log_q_that_is_not_finite_ends_the_run),
        cmocka_unit_test(an_energy_that_is_no_number_fails_the_audit),
        cmocka_unit_test(pairs_are_of_neighboring_chains),
        cmocka_unit_test(columns_that_differ_between_points_are_refused),
        cmocka_unit_test(counts_beyond_the_limits_are_refused),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
