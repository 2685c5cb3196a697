/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_densities.c - what every registered density owes to every model.
 *
 * Subtests are made at run time: each claim for each density on each model, over lattices of
 * every registered kind and over variants of all parameters. A new plug is covered without a
 * change here. Tiny systems are enumerated; on larger ones claims about bits are tested. */
#include "density_slopes.h"
#include "kr_subject.h"

#include "base/isa.h"
#include "kr_variants.h"
#include "run/registry.h"

/* Warm enough that the rounding of small probabilities does not show in derivatives. */
enum { STATES_MAX = 4096, VARIANTS_MAX = 64, BETA_PERCENT = 30 };
#define ROUNDING 2e-6 /* of log q by float32 logits; 1.5e-7 is seen */

typedef struct claim {
    const char *text;
    void (*test)(subject *s);
    bool on_large; /* also on systems that are not enumerated */
} claim;

typedef struct subtest { /* one subtest */
    const claim *claim;
    const kr_density_plug *density;
    const kr_model_plug *model;
} subtest;

/* ---- claims ------------------------------------------------------------------------------ */

static void sums_to_one(subject *s)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        randomize(s, seed);
        double *log_q = evaluate_all(s, 0), sum = 0.0;
        for (int64_t x = 0; x < s->n_states; x++) {
            sum += exp(log_q[x]);
        }
        require(s, fabs(sum - 1.0) <= 1e-12, "sum of q - 1 = %g, seed %d", sum - 1.0,
                (int)seed);
        kr_free(log_q);
    }
}

/* Copies lane `from` of a block of n lanes into lane `to` of a block of m lanes. */
static void copy_lane(const subject *s, const uint8_t *a, int32_t n, int32_t from, uint8_t *b,
                      int32_t m, int32_t to)
{
    for (int32_t i = 0; i < s->n_sites; i++) {
        b[i * stride_of(m) + to] = a[i * stride_of(n) + from];
    }
}

static void scores_do_not_depend_on_the_batch(subject *s)
{
    static const int32_t lanes[] = { 1, 5, 16, 33, 64 };
    randomize(s, 4);
    kr_rng rng;
    kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
    uint8_t *drawn = get_states(s), *other = get_states(s);
    float *gradient = get(s->n_weights, sizeof *gradient);
    double at_draw[LANES], again[LANES], coefficient[LANES] = { 0 };
    for (int k = 0; k < 5; k++) {
        int32_t n = lanes[k];
        s->plug->sample_tail(s->self, 0, n, drawn, at_draw, &rng, poisoned(s));
        evaluate(s, 0, n, drawn, again);
        require(s, memcmp(at_draw, again, (size_t)n * sizeof *again) == 0,
                "%d lanes: log q at the draw and of the state drawn differ", n);
        s->plug->grad(s->self, n, drawn, coefficient, gradient, again, poisoned(s));
        require(s, memcmp(at_draw, again, (size_t)n * sizeof *again) == 0,
                "%d lanes: log q of grad differs", n);
        for (int m = 0; m < 5; m++) { /* first and last lane elsewhere, among other states */
            draw_states(s, lanes[m], other, &rng);
            copy_lane(s, drawn, n, n - 1, other, lanes[m], lanes[m] / 3);
            copy_lane(s, drawn, n, 0, other, lanes[m], lanes[m] - 1);
            evaluate(s, 0, lanes[m], other, again);
            require(s, lanes[m] == 1 || again[lanes[m] / 3] == at_draw[n - 1],
                    "lane %d of %d scores otherwise in %d lanes", n - 1, n, lanes[m]);
            require(s, again[lanes[m] - 1] == at_draw[0],
                    "lane 0 of %d scores otherwise in %d lanes", n, lanes[m]);
        }
    }
    kr_free(gradient);
    kr_free(other);
    kr_free(drawn);
}

/* z value of a chi-square with `df` degrees of freedom: Wilson, Hilferty, PNAS 17, 684 (1931).
 */
static double chi_square_z(double chi2, double df)
{
    double v = 2.0 / (9.0 * df);
    return (cbrt(chi2 / df) - (1.0 - v)) / sqrt(v);
}

/* Counts of the states first .. first + n - 1 against probabilities; cells that expect less
 * than 5 are pooled. */
static void check_frequencies(const subject *s, const int64_t *count, const double *log_q,
                              int64_t n, int64_t n_draws)
{
    double chi2 = 0.0, df = -1.0, pool = 0.0, pool_count = 0.0;
    for (int64_t x = 0; x < n; x++) {
        double expected = exp(log_q[x]) * (double)n_draws, seen = (double)count[x];
        if (expected < 5.0) {
            pool += expected;
            pool_count += seen;
        } else {
            chi2 += (seen - expected) * (seen - expected) / expected;
            df += 1.0;
        }
    }
    if (pool >= 5.0) {
        chi2 += (pool_count - pool) * (pool_count - pool) / pool;
        df += 1.0;
    } else { /* by the union bound of a Poisson law, 1e-6 at worst */
        require(s, pool_count <= 30.0, "%g draws where %g were expected", pool_count, pool);
    }
    if (df >= 1.0) {
        double z = chi_square_z(chi2, df);
        require(s, z < 4.75, "chi^2 = %g with %g degrees of freedom: z = %g", chi2, df, z);
    }
}

/* Draws the sites from k on behind the prefix of state number `given` and counts. */
static void count_draws(subject *s, int32_t k, int64_t given, int64_t n_suffix, int64_t *count,
                        int64_t n_draws, kr_rng *rng)
{
    uint8_t *state = get_states(s), *prefix = get_states(s);
    double log_q[LANES];
    for (int32_t l = 0; l < LANES; l++) {
        number_states(s, given, 1, state);
        copy_lane(s, state, 1, 0, prefix, LANES, l);
    }
    memcpy(state, prefix, (size_t)s->n_sites * LANES);
    for (int64_t n = 0; n < n_draws; n += LANES) {
        s->plug->sample_tail(s->self, k, LANES, state, log_q, rng, poisoned(s));
        for (int32_t i = 0; i < k; i++) {
            const size_t at = (size_t)site_at(s, i) * LANES;
            require(s, memcmp(state + at, prefix + at, LANES) == 0, "places before %d changed",
                    k);
        }
        for (int32_t l = 0; l < LANES; l++) {
            int64_t x = 0;
            for (int32_t i = k; i < s->n_sites; i++) {
                x = x * s->q + state[site_at(s, i) * LANES + l];
            }
            assert_in_range(x, 0, n_suffix - 1);
            count[x]++;
        }
    }
    kr_free(prefix);
    kr_free(state);
}

static void frequencies_follow(subject *s)
{
    enum { DRAWS = 400 * LANES };
    randomize(s, 6);
    kr_rng rng;
    kr_rng_seed(&rng, 7, 0, KR_PURPOSE_TEST);
    int32_t cut[2] = { 0, s->n_sites / 2 };
    for (int c = 0; c < 2; c++) {
        int64_t n_suffix = 1;
        for (int32_t i = cut[c]; i < s->n_sites; i++) {
            n_suffix *= s->q;
        }
        /* a prefix from the middle: number of its first state */
        int64_t given = c == 0 ? 0 : s->n_states / n_suffix / 2 * n_suffix;
        double *log_q = evaluate_all(s, cut[c]);
        int64_t *count = get((size_t)n_suffix, sizeof *count);
        count_draws(s, cut[c], given, n_suffix, count, DRAWS, &rng);
        check_frequencies(s, count, log_q + given, n_suffix, DRAWS);
        kr_free(count);
        kr_free(log_q);
    }
}

static void tails_are_conditionals(subject *s)
{
    randomize(s, 8);
    double *whole = evaluate_all(s, 0);
    int64_t n_suffix = s->n_states;
    for (int32_t k = 0; k < s->n_sites; k++, n_suffix /= s->q) {
        double *tail = evaluate_all(s, k);
        for (int64_t first = 0; first < s->n_states; first += n_suffix) {
            double sum = 0.0, prefix = 0.0;
            for (int64_t x = first; x < first + n_suffix; x++) {
                sum += exp(tail[x]);
                prefix += exp(whole[x]);
            }
            require(s, fabs(sum - 1.0) <= 1e-12, "sites >= %d: sum - 1 = %g", k, sum - 1.0);
            double error = log(prefix) + tail[first] - whole[first];
            require(s, fabs(error) <= 1e-10, "sites >= %d: log q(prefix) off by %g", k, error);
        }
        kr_free(tail);
    }
    kr_free(whole);
}

/* All lanes share the sites before k: log q - log q(tail | prefix) is then the same number. */
static void tails_keep_their_prefix(subject *s)
{
    randomize(s, 9);
    kr_rng rng;
    kr_rng_seed(&rng, 10, 0, KR_PURPOSE_TEST);
    uint8_t *state = get_states(s), *before = get_states(s);
    double at_draw[LANES], again[LANES], whole[LANES];
    for (int32_t k = 0; k <= s->n_sites; k++) {
        int32_t n = k % 2 ? 33 : LANES, stride = stride_of(n);
        draw_states(s, n, state, &rng);
        for (int32_t i = 0; i < k; i++) {
            uint8_t *row = state + site_at(s, i) * stride;
            memset(row, row[0], (size_t)n);
        }
        memcpy(before, state, (size_t)s->n_sites * (size_t)stride);
        s->plug->sample_tail(s->self, k, n, state, at_draw, &rng, poisoned(s));
        for (int32_t i = 0; i < k; i++) {
            const int32_t at = site_at(s, i) * stride;
            require(s, memcmp(state + at, before + at, (size_t)n) == 0,
                    "place %d changed, places >= %d were to be drawn", i, k);
        }
        evaluate(s, k, n, state, again);
        require(s, memcmp(at_draw, again, (size_t)n * sizeof *again) == 0,
                "sites >= %d: log q at the draw and of the state drawn differ", k);
        require(s, k < s->n_sites || again[0] == 0.0, "log q of no site = %g", again[0]);
        evaluate(s, 0, n, state, whole);
        for (int32_t l = 1; l < n; l++) {
            double change = whole[l] - again[l] - (whole[0] - again[0]);
            require(s, fabs(change) <= 1e-10, "log q(sites < %d) differs by %g", k, change);
        }
    }
    kr_free(before);
    kr_free(state);
}

/* Largest change of log q, of the batches from first on, when weight x grows by 1. */
static double change_of(subject *s, size_t x, int64_t step, const double *log_q, uint8_t *state)
{
    double most = 0.0, again[LANES];
    float *w = s->plug->weights(s->self), old = w[x];
    for (int64_t first = 0; first < s->n_states; first += step) {
        w[x] = old + 1.0f;
        number_states(s, first, LANES, state);
        evaluate(s, 0, LANES, state, again);
        w[x] = old;
        for (int64_t l = 0; l < LANES && first + l < s->n_states; l++) {
            most = fmax(most, fabs(again[l] - log_q[first + l]));
        }
    }
    return most;
}

/* Padding is zero from the start and has no gradient, so that no step of the optimizer moves
 * it; and it is nothing but padding: another value would change the rounding of log q at most
 * (two units share a division). Every other weight matters. */
static void padding_stays_zero(subject *s)
{
    randomize(s, 13);
    float *w = s->plug->weights(s->self), *gradient = get(s->n_weights, sizeof *gradient);
    uint8_t *state = get_states(s);
    double *log_q = evaluate_all(s, 0), coefficient[LANES];
    for (int l = 0; l < LANES; l++) {
        coefficient[l] = 1.0 + l;
    }
    assert_int_equal((uintptr_t)w % 64, 0);
    /* about eight batches, an odd number apart so that every site takes every state */
    int64_t step = s->n_states > 8 * LANES ? s->n_states / 8 / 2 * 2 + 37 : LANES;
    for (int64_t first = 0; first < s->n_states; first += step) {
        number_states(s, first, LANES, state); /* past the end they begin anew */
        s->plug->grad(s->self, LANES, state, coefficient, gradient, NULL, poisoned(s));
    }
    for (size_t x = 0; x < s->n_weights; x++) {
        const bool is_padding = s->plug->is_padding && s->plug->is_padding(s->self, x);
        if (is_padding) {
            const double change = change_of(s, x, step, log_q, state);
            require(s, w[x] == 0.0f && gradient[x] == 0.0f, "padding %zu is %g, gradient %g", x,
                    (double)w[x], (double)gradient[x]);
            require(s, change <= ROUNDING, "padding %zu changes log q by %g", x, change);
        } else {
            require(s, gradient[x] != 0.0f || change_of(s, x, step, log_q, state) > 0.0,
                    "weight %zu changes nothing, but is not called padding", x);
        }
    }
    kr_free(log_q);
    kr_free(state);
    kr_free(gradient);
}

static void prepare_moves_the_skip_term_only(subject *s)
{
    randomize(s, 14);
    kr_error err = { 0 };
    subject other = *s;
    other.target.beta = 0.95;
    other.self = s->plug->alloc(&other.target, s->params, &err);
    require(s, other.self, "%s", err.text);
    size_t bytes = s->n_weights * sizeof(float);
    memcpy(s->plug->weights(other.self), s->plug->weights(s->self), bytes);
    uint8_t *state = get_states(s);
    double before[LANES], there[LANES], want[LANES], back[LANES];
    kr_rng rng;
    kr_rng_seed(&rng, 15, 0, KR_PURPOSE_TEST);
    draw_states(s, LANES, state, &rng);
    evaluate(s, 0, LANES, state, before);
    evaluate(&other, 0, LANES, state, want);
    assert_ok(s->plug->prepare(s->self, other.target.beta, &err), &err);
    evaluate(s, 0, LANES, state, there);
    assert_ok(s->plug->prepare(s->self, s->target.beta, &err), &err);
    evaluate(s, 0, LANES, state, back);
    require(s, memcmp(there, want, sizeof want) == 0, "another beta is not as if made there");
    bool has_energy = false;
    for (int l = 1; l < LANES; l++) {
        has_energy |= fabs(kr_terms_energy(s->target.terms, state + l, LANES) -
                           kr_terms_energy(s->target.terms, state, LANES)) > 1e-6;
    }
    require(s, !has_energy || memcmp(there, before, sizeof before) != 0,
            "beta changes nothing");
    require(s, memcmp(back, before, sizeof before) == 0, "beta and back is not the identity");
    require(s, memcmp(s->plug->weights(other.self), s->plug->weights(s->self), bytes) == 0,
            "prepare changed weights");
    kr_free(state);
    s->plug->free(other.self);
}

static void flip_leaves_every_bit(subject *s)
{
    if (!is_flip_invariant(s)) {
        return;
    }
    randomize(s, 16);
    kr_rng rng;
    kr_rng_seed(&rng, 17, 0, KR_PURPOSE_TEST);
    uint8_t *state = get_states(s);
    double log_q[LANES], flipped[LANES];
    draw_states(s, LANES, state, &rng);
    evaluate(s, 0, LANES, state, log_q);
    for (int32_t x = 0; x < s->n_sites * LANES; x++) {
        state[x] ^= 1;
    }
    evaluate(s, 0, LANES, state, flipped);
    require(s, memcmp(log_q, flipped, sizeof log_q) == 0,
            "log q of a state and its flip differ");
    kr_free(state);
}

/* The same seed, weights and states: draws, scores and slopes of all kernels this CPU has. */
static void instruction_sets_give_the_same_bits(subject *s)
{
    enum { N = 33, STRIDE = 48 };
    if (!s->plug->use) {
        return;
    }
    randomize(s, 18);
    uint8_t *state[2] = { get_states(s), get_states(s) };
    float *gradient[2] = { get(s->n_weights, sizeof(float)), get(s->n_weights, sizeof(float)) };
    double log_q[2][LANES], scored[2][LANES], coefficient[LANES];
    for (int l = 0; l < LANES; l++) {
        coefficient[l] = (l - 20) / 16.0;
    }
    for (int isa = KR_ISA_BEST; isa <= KR_ISA_AVX512; isa++) {
        const int k = isa != KR_ISA_BEST;
        kr_rng rng;
        kr_rng_seed(&rng, 19, 0, KR_PURPOSE_TEST);
        if (!kr_isa_runs((kr_isa)isa)) {
            continue;
        }
        s->plug->use(s->self, (kr_isa)isa);
        memset(gradient[k], 0, s->n_weights * sizeof(float));
        s->plug->sample_tail(s->self, 0, N, state[k], log_q[k], &rng, poisoned(s));
        s->plug->grad(s->self, N, state[k], coefficient, gradient[k], scored[k], poisoned(s));
        require(s, memcmp(state[0], state[k], (size_t)s->n_sites * STRIDE) == 0,
                "states drawn by %s differ", kr_isa_text((kr_isa)isa));
        require(s,
                memcmp(log_q[0], log_q[k], N * sizeof(double)) == 0 &&
                    memcmp(scored[0], scored[k], N * sizeof(double)) == 0,
                "log q by %s differs", kr_isa_text((kr_isa)isa));
        require(s, memcmp(gradient[0], gradient[k], s->n_weights * sizeof(float)) == 0,
                "gradient by %s differs", kr_isa_text((kr_isa)isa));
    }
    s->plug->use(s->self, KR_ISA_BEST);
    for (int k = 0; k < 2; k++) {
        kr_free(gradient[k]);
        kr_free(state[k]);
    }
}

static const claim claims[] = {
    { "probabilities sum to one", sums_to_one, false },
    { "scores do not depend on the batch", scores_do_not_depend_on_the_batch, true },
    { "frequencies follow the density", frequencies_follow, false },
    { "tails are conditionals", tails_are_conditionals, false },
    { "tails keep their prefix", tails_keep_their_prefix, true },
    { "gradient is the derivative", gradient_is_the_derivative, false },
    { "padding stays zero", padding_stays_zero, false },
    { "prepare moves the skip term only", prepare_moves_the_skip_term_only, true },
    { "global flip leaves every bit", flip_leaves_every_bit, true },
    { "instruction sets give the same bits", instruction_sets_give_the_same_bits, true },
};
enum { N_CLAIMS = sizeof claims / sizeof *claims };

/* ---- systems ----------------------------------------------------------------------------- */

static int64_t count_states(const kr_terms *terms)
{
    double n = pow(terms->q, terms->n_sites);
    return n <= STATES_MAX ? (int64_t)n : 0;
}

/* Makes the density, tests the claim; returns whether there was something to test. */
static bool test_density(const subtest *t, pick p, subject *s, bool *more)
{
    char change[128];
    unsigned char *params = get(t->density->params_size, 1);
    kr_error err = { 0 };
    int found = kr_variant(t->density->fields, params, t->density->params_size, p.density,
                           change, sizeof change);
    *more = found >= 0;
    bool is_supported = found == 1 && t->density->supports(&s->target, params, &err);
    if (found == 1 && !is_supported) {
        require(s, err.text[0], "%s refuses and gives no reason", t->density->name);
    }
    if (is_supported) {
        size_t length = strlen(s->label);
        snprintf(s->label + length, sizeof s->label - length, ", %s (%s)", t->density->name,
                 change);
        s->plug = t->density;
        s->params = params;
        s->self = s->plug->alloc(&s->target, params, &err);
        require(s, s->self, "%s", err.text);
        s->n_weights = s->plug->n_weights(s->self);
        s->order = s->plug->order ? s->plug->order(s->self) : NULL;
        s->scratch_size = s->plug->scratch_bytes(s->self, LANES);
        s->scratch = get(s->scratch_size, 1);
        t->claim->test(s);
        kr_free(s->scratch);
        s->plug->free(s->self);
    }
    kr_free(params);
    return is_supported;
}

/* One system: returns 1 tested, 0 nothing to test, -1 no such variant of any plug. */
static int test_system(const subtest *t, const kr_lattice_plug *plug, pick p)
{
    char on[160], of[160];
    bool more_lattices, more_models = true, more_densities = true, done = false;
    kr_lattice *lattice = make_lattice(plug, p, on, sizeof on, &more_lattices);
    kr_terms *terms =
        lattice ? make_terms(t->model, p, lattice, of, sizeof of, &more_models) : NULL;
    if (terms) {
        subject s = { .target = { lattice, terms, BETA_PERCENT / 100.0 },
                      .n_sites = terms->n_sites,
                      .q = terms->q,
                      .n_states = count_states(terms) };
        snprintf(s.label, sizeof s.label, "%s on %s", of, on);
        /* a density without weights sums over frontiers: q^width numbers */
        int32_t most = t->density->flags & KR_DENSITY_TRAINABLE ? 64 : 18;
        bool is_wanted = s.n_states > 0 || (t->claim->on_large && s.n_sites <= most);
        done = is_wanted && test_density(t, p, &s, &more_densities);
    }
    kr_terms_free(terms);
    kr_lattice_free(lattice);
    return done ? 1 : more_lattices && more_models && more_densities ? 0 : -1;
}

/* All defaults on every shape, then one plug varied at a time (densities on the second shape,
 * models on the first two). */
static void test_everywhere(void **state)
{
    const subtest *t = *state;
    int n_tested = 0;
    for (int k = 0; kr_registry_lattices[k]; k++) {
        const kr_lattice_plug *plug = kr_registry_lattices[k];
        for (int32_t shape = 0; shape < N_SHAPES; shape++) {
            int status = 0;
            for (int32_t v = 0; v < VARIANTS_MAX && status >= 0; v++) {
                status = test_system(t, plug, (pick){ shape, v, 0, 0 });
                n_tested += status > 0;
            }
            status = shape < 2 ? 0 : -1;
            for (int32_t v = 1; v < VARIANTS_MAX && status >= 0; v++) {
                status = test_system(t, plug, (pick){ shape, 0, v, 0 });
                n_tested += status > 0;
            }
            status = shape == 1 ? 0 : -1;
            for (int32_t v = 1; v < VARIANTS_MAX && status >= 0; v++) {
                status = test_system(t, plug, (pick){ shape, 0, 0, v });
                n_tested += status > 0;
            }
        }
    }
    if (n_tested == 0) { /* refused with a reason: checked above */
        print_message("%s does not support %s\n", t->density->name, t->model->name);
        skip();
    }
}

static void every_density_supports_some_model(void **state)
{
    (void)state;
    static const claim nothing = { "", flip_leaves_every_bit, false };
    assert_non_null(kr_registry_densities[0]);
    for (int d = 0; kr_registry_densities[d]; d++) {
        int n = kr_registry_densities[d]->flags & KR_DENSITY_REAL ? 1 : 0;
        for (int m = 0; !n && kr_registry_models[m]; m++) {
            if (!kr_registry_models[m]->n_states) {
                continue;
            }
            subtest t = { &nothing, kr_registry_densities[d], kr_registry_models[m] };
            for (int k = 0; kr_registry_lattices[k]; k++) {
                for (int32_t shape = 0; shape < N_SHAPES; shape++) {
                    n += test_system(&t, kr_registry_lattices[k], (pick){ shape, 0, 0, 0 }) > 0;
                }
            }
        }
        if (n == 0) {
            fail_msg("%s supports no tiny system at all", kr_registry_densities[d]->name);
        }
    }
}

static size_t count(const void *const *list)
{
    size_t n = 0;
    while (list[n]) {
        n++;
    }
    return n;
}

int main(void)
{
    size_t n_densities = count((const void *const *)kr_registry_densities);
    size_t n_models = count((const void *const *)kr_registry_models), n = 0;
    size_t n_tests = n_densities * n_models * N_CLAIMS + 1;
    struct CMUnitTest *tests = kr_alloc(n_tests, sizeof *tests, NULL);
    subtest *subtests = kr_alloc(n_tests, sizeof *subtests, NULL);
    char(*names)[160] = kr_alloc(n_tests, sizeof *names, NULL);
    if (!tests || !subtests || !names) {
        return 1;
    }
    for (size_t d = 0; d < n_densities; d++) {
        for (size_t m = 0; m < n_models; m++) {
            const bool is_real = kr_registry_densities[d]->flags & KR_DENSITY_REAL;
            if (is_real || !kr_registry_models[m]->n_states) {
                continue; /* conformance_flows.c */
            }
            for (size_t c = 0; c < N_CLAIMS; c++, n++) {
                subtests[n] =
                    (subtest){ &claims[c], kr_registry_densities[d], kr_registry_models[m] };
                snprintf(names[n], sizeof names[n], "%s on %s: %s", subtests[n].density->name,
                         subtests[n].model->name, claims[c].text);
                tests[n] =
                    (struct CMUnitTest){ names[n], test_everywhere, NULL, NULL, &subtests[n] };
            }
        }
    }
    tests[n++] = (struct CMUnitTest){ "every density supports some model",
                                      every_density_supports_some_model, NULL, NULL, NULL };
    int status = _cmocka_run_group_tests("densities", tests, n, NULL, NULL);
    kr_free(names);
    kr_free(subtests);
    kr_free(tests);
    return status;
}
