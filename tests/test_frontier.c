/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_frontier.c - the frontier density: law, scores, symmetries, limits. */
#include "frontier_systems.h"

typedef struct shape {
    int32_t width, height;
    bool is_periodic;
} shape;

/* sum of q(s_k.. | prefix) over all tails, prefix as in lane 0 of state */
static double sum_tails(density *d, int32_t k, const uint8_t *prefix)
{
    enum { L = KR_LANES_MAX };
    const int32_t N = d->terms->n_sites, q = d->terms->q;
    static const int32_t max_sites = 16;
    uint8_t state[16 * L];
    double log_q[L], sum = 0.0;
    uint64_t n = 1;
    assert_true(N <= max_sites);
    for (int32_t i = k; i < N; i++) {
        n *= (uint64_t)q;
    }
    for (int32_t i = 0; i < k; i++) {
        memset(state + i * L, prefix[i], L);
    }
    for (uint64_t code = 0; code < n; code += L) {
        for (uint64_t l = 0; l < L; l++) {
            write_code(code + l < n ? code + l : 0, q, k, N, L, (int32_t)l, state);
        }
        plug->log_q_tail(d->self, k, L, state, log_q, d->scratch);
        for (uint64_t l = 0; l < L && code + l < n; l++) {
            assert_true(log_q[l] <= 0.0);
            sum += exp(log_q[l]);
        }
    }
    return sum;
}

static void probabilities_of_all_states_sum_to_one(void **state)
{
    (void)state;
    const shape two[] = { { 3, 3, true }, { 3, 3, false }, { 4, 3, true } };
    const shape more[] = { { 3, 2, true }, { 2, 3, false }, { 2, 2, true } };
    const uint8_t prefix[16] = { 0 };
    for (int k = 0; k < N_KINDS; k++) {
        for (int s = 0; s < 3; s++) {
            const shape *g = (states_of[k] == 2 ? two : more) + s;
            for (uint64_t seed = 1; seed < 4; seed++) {
                density d = make((kind)k, g->width, g->height, g->is_periodic,
                                 5 + 20 * (int64_t)seed, seed);
                assert_close(sum_tails(&d, 0, prefix), 1.0, 1e-12);
                drop(&d);
            }
        }
    }
}

static void probabilities_of_all_tails_sum_to_one(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 3, 2, true, 20, 5);
        for (int32_t cut = 1; cut < d.terms->n_sites; cut++) {
            uint8_t prefix[6];
            for (int i = 0; i < 6; i++) {
                prefix[i] = (uint8_t)kr_rng_below(&d.rng, (uint32_t)d.terms->q);
            }
            assert_close(sum_tails(&d, cut, prefix), 1.0, 1e-12);
        }
        drop(&d);
    }
}

/* ---- sampling and scoring ---------------------------------------------------------------- */

enum { MAX_SITES = 20 };

static void score_at_sampling_is_the_score_in_any_other_batch(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 5, 4, true, 20, 6);
        for (int32_t n = 1; n <= KR_LANES_MAX; n++) {
            uint8_t s[MAX_SITES * KR_LANES_MAX] = { 0 },
                                  other[MAX_SITES * KR_LANES_MAX] = { 0 };
            double at_sampling[KR_LANES_MAX], later[KR_LANES_MAX];
            const int32_t L = stride_of(n), from = n % 3 ? 0 : n % MAX_SITES;
            plug->sample_tail(d.self, 0, n, s, at_sampling, &d.rng, d.scratch);
            plug->sample_tail(d.self, from, n, s, at_sampling, &d.rng, d.scratch);
            /* the chains in another order in a block of another size */
            const int32_t n_other = KR_LANES_MAX - n % 7, L_other = stride_of(n_other);
            for (int32_t l = 0; l < n_other; l++) {
                for (int32_t i = 0; i < MAX_SITES; i++) {
                    other[i * L_other + l] = s[i * L + (l + 5) % n];
                }
            }
            plug->log_q_tail(d.self, from, n_other, other, later, d.scratch);
            for (int32_t l = 0; l < n_other; l++) {
                assert_memory_equal(&later[l], &at_sampling[(l + 5) % n], sizeof *later);
            }
        }
        drop(&d);
    }
}

static void tail_keeps_the_sites_before_the_cut_and_lanes_beyond(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 5, 4, true, 8, 7);
        uint8_t s[MAX_SITES * 32], before[MAX_SITES * 32];
        double log_q[32];
        memset(s, 1, sizeof s);
        memcpy(before, s, sizeof s);
        int n_changed = 0;
        plug->sample_tail(d.self, 11, 21, s, log_q, &d.rng, d.scratch);
        for (int i = 0; i < MAX_SITES * 32; i++) {
            if (i / 32 < 11 || i % 32 >= 21) {
                assert_int_equal(s[i], before[i]);
            }
            n_changed += s[i] != before[i];
        }
        assert_true(n_changed > 0);
        drop(&d);
    }
}

static void samples_have_the_frequencies_they_are_scored_with(void **state)
{
    (void)state;
    enum { ROUNDS = 4000, L = 64, N = 4 };
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 2, 2, true, 8, 8);
        const int32_t q = d.terms->q;
        double count[256] = { 0 }, p[256] = { 0 }, log_q[L], worst = 0.0;
        uint8_t s[N * L];
        for (int r = 0; r < ROUNDS; r++) {
            plug->sample_tail(d.self, 0, L, s, log_q, &d.rng, d.scratch);
            for (int32_t l = 0; l < L; l++) {
                int32_t code = 0;
                for (int32_t i = N - 1; i >= 0; i--) {
                    code = code * q + s[i * L + l];
                }
                count[code] += 1.0;
                p[code] = exp(log_q[l]);
            }
        }
        const double n = (double)ROUNDS * L;
        for (int c = 0; c < 256; c++) {
            if (n * p[c] > 20.0) {
                worst = fmax(worst, fabs(count[c] - n * p[c]) / sqrt(n * p[c] * (1.0 - p[c])));
            }
        }
        assert_true(worst > 0.0 && worst < 4.9); /* up to 256 states */
        drop(&d);
    }
}

static void scratch_and_idle_lanes_may_hold_anything(void **state)
{
    (void)state;
    enum { N = 20, L = 21 };
    const double coefficient[L] = { 0.5, -1.0, 2.0 };
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 5, 4, true, 20, 19);
        uint8_t s[2][N * 32];
        double log_q[2][L];
        float *gradient = kr_alloc(2 * d.n_weights, sizeof(float), NULL);
        for (int run = 0; run < 2; run++) {
            memset(s[run], run ? 0xff : 0, sizeof s[run]);
            memset(d.scratch, run ? 0xff : 0, plug->scratch_bytes(d.self, L)); /* NaN */
            kr_rng_seed(&d.rng, 20, 0, KR_PURPOSE_TEST);
            plug->sample_tail(d.self, 0, L, s[run], log_q[run], &d.rng, d.scratch);
            memset(d.scratch, run ? 0xff : 0, plug->scratch_bytes(d.self, L));
            plug->grad(d.self, L, s[run], coefficient, gradient + (size_t)run * d.n_weights,
                       NULL, d.scratch);
        }
        for (int i = 0; i < N; i++) {
            assert_memory_equal(s[0] + i * 32, s[1] + i * 32, L);
        }
        assert_memory_equal(log_q[0], log_q[1], sizeof log_q[0]);
        assert_memory_equal(gradient, gradient + d.n_weights, d.n_weights * sizeof(float));
        kr_free(gradient);
        drop(&d);
    }
}

/* ---- structure --------------------------------------------------------------------------- */

static void frontier_of_a_4x4_torus_is_the_last_row_and_the_first(void **state)
{
    (void)state;
    /* a site is waiting until its latest neighbor is drawn: the one below, in the first row the
       one above (across the seam), in the last row the one to the right */
    static const char *const want[16] = {
        "",
        "0",
        "0 1",
        "0 1 2",
        "0 1 2 3",
        "0 1 2 3 4",
        "0 1 2 3 4 5",
        "0 1 2 3 4 5 6",
        "0 1 2 3 5 6 7",
        "0 1 2 3 6 7 8",
        "0 1 2 3 7 8 9",
        "0 1 2 3 8 9 10",
        "1 2 3 9 10 11",
        "2 3 10 11 12",
        "3 11 12",
        "",
    };
    density d = make(ISING, 4, 4, true, 4, 9);
    for (int32_t i = 0; i < 16; i++) {
        char text[128] = "";
        for (int64_t k = d.self->begin[i]; k < d.self->begin[i + 1]; k++) {
            snprintf(text + strlen(text), 8, "%s%d", k > d.self->begin[i] ? " " : "",
                     d.self->site[k]);
        }
        assert_string_equal(text, want[i]);
    }
    drop(&d);
}

static void form_follows_the_symmetry_of_the_terms(void **state)
{
    (void)state;
    static const kr_frontier_form want[N_KINDS] = {
        KR_FRONTIER_ODD,    KR_FRONTIER_ODD,    KR_FRONTIER_BIASED, KR_FRONTIER_BIASED,
        KR_FRONTIER_COLORS, KR_FRONTIER_COLORS, KR_FRONTIER_STATES, KR_FRONTIER_STATES,
    };
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 3, 2, false, 4, 10);
        assert_int_equal(d.self->form, want[k]);
        drop(&d);
    }
}

/* log of the conditional of site i, from two tails */
static double log_conditional(density *d, int32_t i, const uint8_t *s)
{
    double from_i, after = 0.0;
    plug->log_q_tail(d->self, i, 1, s, &from_i, d->scratch);
    if (i + 1 < d->terms->n_sites) {
        plug->log_q_tail(d->self, i + 1, 1, s, &after, d->scratch);
    }
    return from_i - after;
}

static bool is_context(const density *d, int32_t i, int32_t j)
{
    bool is = false;
    for (int64_t k = d->self->begin[i]; k < d->self->begin[i + 1]; k++) {
        is = is || d->self->site[k] == j;
    }
    for (int64_t k = d->terms->neighbor_begin[i]; k < d->terms->neighbor_begin[i + 1]; k++) {
        is = is || (d->terms->neighbor[k] == j && j < i);
    }
    return is;
}

static void conditionals_depend_on_frontier_and_earlier_neighbors_only(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 4, 4, k % 2 == 0, 12, 11);
        const uint32_t q = (uint32_t)d.terms->q;
        int n_moved = 0, n_context = 0;
        for (int32_t i = 0; i < 16; i++) {
            uint8_t s[16 * 16] = { 0 };
            for (int32_t j = 0; j < 16; j++) {
                s[j * 16] = (uint8_t)kr_rng_below(&d.rng, q);
            }
            const double want = log_conditional(&d, i, s);
            for (int32_t j = 0; j < 16; j++) {
                const uint8_t old = s[j * 16];
                s[j * 16] = (uint8_t)((old + 1) % q);
                const double got = log_conditional(&d, i, s);
                if (j != i && !is_context(&d, i, j)) {
                    assert_close(got, want, 1e-13);
                } else if (j != i) {
                    n_context++;
                    n_moved += fabs(got - want) > 1e-6;
                }
                s[j * 16] = old;
            }
        }
        /* colors may trade places without effect on a third one */
        assert_true(n_moved > n_context * 3 / 4);
        drop(&d);
    }
}

static void without_output_weights_it_is_the_skip_model(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 4, 3, true, 12, 12);
        kr_error err = { .status = KR_OK };
        const double beta = 0.37;
        memset(d.weights, 0, d.n_weights * sizeof *d.weights);
        assert_ok(plug->prepare(d.self, beta, &err), &err);
        uint8_t s[12 * 16] = { 0 };
        double log_q, want = 0.0;
        plug->sample_tail(d.self, 0, 1, s, &log_q, &d.rng, d.scratch);
        for (int32_t i = 0, q = d.terms->q; i < 12; i++) {
            double sum = 0.0, own = 0.0;
            for (int32_t a = 0; a < q; a++) {
                double e = d.terms->local[i * q + a];
                for (int64_t b = d.terms->neighbor_begin[i]; b < d.terms->neighbor_begin[i + 1];
                     b++) {
                    const int32_t j = d.terms->neighbor[b];
                    e += j < i ? d.terms->J[b] * d.terms->V[a * q + s[j * 16]] : 0.0;
                }
                sum += exp(-beta * e);
                own = a == s[i * 16] ? -beta * e : own;
            }
            want += own - log(sum);
        }
        assert_close(log_q, want, 1e-6);
        drop(&d);
    }
}

/* ---- symmetries and machines ------------------------------------------------------------- */

static void color_permutations_leave_log_q_to_the_bit(void **state)
{
    (void)state;
    static const kind kinds[] = { ISING, GLASS, POTTS, POTTS_GLASS };
    for (int k = 0; k < 4; k++) {
        density d = make(kinds[k], 5, 4, true, 24, 13);
        const uint32_t q = (uint32_t)d.terms->q;
        for (int round = 0; round < 20; round++) {
            uint8_t s[MAX_SITES * 64] = { 0 }, image[4] = { 0, 1, 2, 3 };
            double want[64], got[64];
            plug->sample_tail(d.self, 0, 64, s, want, &d.rng, d.scratch);
            for (uint32_t a = q - 1; a > 0; a--) {
                const uint32_t b = kr_rng_below(&d.rng, q == 2 ? 1 : a + 1);
                const uint8_t t = image[a];
                image[a] = image[b];
                image[b] = t;
            }
            for (int i = 0; i < MAX_SITES * 64; i++) {
                s[i] = image[s[i]];
            }
            plug->log_q_tail(d.self, 0, 64, s, got, d.scratch);
            assert_memory_equal(got, want, sizeof want);
        }
        drop(&d);
    }
}

static void every_isa_gives_the_same_bits(void **state)
{
    (void)state;
    static const char *const isas[] = { "avx512", "avx2" };
    enum { L = 48, N = 40 };
    const double coefficient[L] = { 1.0, -0.3, 0.7, 2.0, -1.5 };
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 8, 5, true, 40, 14);
        float *gradient[2];
        gradient[0] = kr_alloc(d.n_weights, sizeof(float), NULL);
        gradient[1] = kr_alloc(d.n_weights, sizeof(float), NULL);
        for (int isa = 0; isa < 2; isa++) {
            uint8_t s[2][N * L] = { { 0 } };
            double log_q[2][L];
            for (int run = 0; run < 2; run++) {
                const char *name = run ? "portable" : isas[isa];
                if (!kr_lanes_best(name)) {
                    name = "portable"; /* this machine lacks it */
                }
                d.self->lanes = kr_lanes_best(name);
                d.self->units = kr_units_best(name);
                assert_string_equal(d.self->units->name, name);
                kr_rng_seed(&d.rng, 99, 0, KR_PURPOSE_TEST);
                plug->sample_tail(d.self, 0, 43, s[run], log_q[run], &d.rng, d.scratch);
                memset(gradient[run], 0, d.n_weights * sizeof(float));
                plug->grad(d.self, 43, s[run], coefficient, gradient[run], NULL, d.scratch);
            }
            assert_memory_equal(s[0], s[1], sizeof s[0]);
            assert_memory_equal(log_q[0], log_q[1], 43 * sizeof(double));
            assert_memory_equal(gradient[0], gradient[1], d.n_weights * sizeof(float));
        }
        kr_free(gradient[0]);
        kr_free(gradient[1]);
        drop(&d);
    }
}

/* ---- limits ------------------------------------------------------------------------------ */

static void refuses_terms_of_three_sites(void **state)
{
    (void)state;
    const double energy[8] = { -1, 1, 1, -1, 1, -1, -1, 1 };
    const int32_t sites[3] = { 0, 1, 2 };
    int32_t table;
    kr_error err = { .status = KR_OK };
    kr_terms *terms = kr_terms_alloc_empty(3, 2, &err);
    assert_ok(kr_terms_add_table(terms, 3, energy, &table, &err), &err);
    assert_ok(kr_terms_add(terms, table, sites, 1.0, &err), &err);
    assert_ok(kr_terms_finish(terms, &err), &err);
    const kr_target target = { .terms = terms, .beta = 1.0 };
    const kr_frontier_params params = { .hidden = 8 };
    assert_false(plug->supports(&target, &params, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "not a pair model"));
    kr_terms_free(terms);
}

static void refuses_more_weights_than_two_gigabytes(void **state)
{
    (void)state;
    kr_rng rng;
    kr_error err = { .status = KR_OK };
    kr_rng_seed(&rng, 17, 0, KR_PURPOSE_TEST);
    kr_terms *terms = make_terms(ISING, 128, 128, true, &rng);
    const kr_target target = { .terms = terms, .beta = 1.0 };
    const kr_frontier_params small = { .hidden = 8 }, large = { .hidden = 1024 };
    assert_true(plug->supports(&target, &small, &err));
    assert_false(plug->supports(&target, &large, &err));
    assert_non_null(strstr(err.text, " bytes of weights for 16384 sites, hidden = 1024"));
    kr_terms_free(terms);
}

static void fresh_weights_stay_near_the_skip_model(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        density d = make((kind)k, 5, 4, true, 20, 18);
        uint8_t s[MAX_SITES * 64];
        double with[64], without[64];
        plug->init(d.self, &d.rng);
        plug->sample_tail(d.self, 0, 64, s, with, &d.rng, d.scratch);
        memset(d.weights, 0, d.n_weights * sizeof(float));
        plug->log_q_tail(d.self, 0, 64, s, without, d.scratch);
        for (int l = 0; l < 64; l++) {
            assert_true(fabs(with[l] - without[l]) < 2.5);
        }
        assert_true(with[0] != without[0]);
        drop(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_of_all_states_sum_to_one),
        cmocka_unit_test(probabilities_of_all_tails_sum_to_one),
        cmocka_unit_test(score_at_sampling_is_the_score_in_any_other_batch),
        cmocka_unit_test(tail_keeps_the_sites_before_the_cut_and_lanes_beyond),
        cmocka_unit_test(samples_have_the_frequencies_they_are_scored_with),
        cmocka_unit_test(scratch_and_idle_lanes_may_hold_anything),
        cmocka_unit_test(frontier_of_a_4x4_torus_is_the_last_row_and_the_first),
        cmocka_unit_test(form_follows_the_symmetry_of_the_terms),
        cmocka_unit_test(conditionals_depend_on_frontier_and_earlier_neighbors_only),
        cmocka_unit_test(without_output_weights_it_is_the_skip_model),
        cmocka_unit_test(color_permutations_leave_log_q_to_the_bit),
        cmocka_unit_test(every_isa_gives_the_same_bits),
        cmocka_unit_test(refuses_terms_of_three_sites),
        cmocka_unit_test(refuses_more_weights_than_two_gigabytes),
        cmocka_unit_test(fresh_weights_stay_near_the_skip_model),
    };
    return cmocka_run_group_tests_name("frontier", tests, NULL, NULL);
}
