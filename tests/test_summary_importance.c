/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_summary_importance.c - samples of a density beside the chain, in files of known
 * law: distances and their signs, what a heavy tail changes, when log Z of the chain is a
 * bound.
 */
#include "kr_synthetic.h"
#include "kr_test.h"

#include "analysis/analysis.h"
#include "analysis/summary.h"

/* A chain with log w ~ N(log Z + 0.045, 0.09): the moments of Z/w are those of a log-normal. */
static const kr_synthetic law = { .title = "samples",
                                  .n_chains = 16,
                                  .n_draws = 2000,
                                  .n_points = 1,
                                  .dwell = 6,
                                  .ar = 0.7,
                                  .acceptance = 0.45,
                                  .has_samples = true,
                                  .inverse = 1.09417, /* exp(s^2), exp(3 s^2) with s = 0.3 */
                                  .inverse_square = 1.30996,
                                  .tail_index = 0.2 };

static void summarize(const kr_synthetic *f, kr_summary *s)
{
    kr_error err = { 0 };
    assert_ok(kr_synthetic_write(f, "summary_importance.h5", &err), &err);
    kr_reader *reader = kr_reader_open("summary_importance.h5", &err);
    assert_non_null(reader);
    assert_ok(kr_summary_compute(reader, "summary_importance.h5", s, &err), &err);
    kr_reader_close(reader);
}

static const kr_importance *row_of(const kr_summary *s, const char *name)
{
    for (int k = 0; k < s->n_importance; k++) {
        if (strcmp(s->importance[k].name, name) == 0) {
            return &s->importance[k];
        }
    }
    fail_msg("no row %s", name);
    return NULL;
}

static bool has_message(const kr_messages *list, const char *text)
{
    bool is_there = false;
    for (int k = 0; k < list->n; k++) {
        is_there = is_there || strstr(list->text[k], text);
    }
    return is_there;
}

static void samples_of_the_same_law_agree(void **state)
{
    (void)state;
    kr_summary s;
    summarize(&law, &s);
    assert_true(s.is_converged && s.n_importance == 3);
    assert_true(fabs(row_of(&s, "energy_per_site")->z) < 4.5);
    assert_true(fabs(row_of(&s, "ordered")->z) < 4.5);
    kr_summary_clear(&s);
}

/* Samples less chain, in columns and in phases. */
static void every_distance_has_the_sign_of_the_samples(void **state)
{
    (void)state;
    for (double shift = -0.2; shift < 0.3; shift += 0.4) {
        kr_synthetic f = law;
        kr_summary s;
        f.sample_shift = shift;
        summarize(&f, &s);
        assert_true(row_of(&s, "energy_per_site")->z * shift > 4.0 * fabs(shift));
        assert_true(row_of(&s, "ordered")->z * shift > 4.0 * fabs(shift));
        assert_true(row_of(&s, "disordered")->z * shift < -4.0 * fabs(shift));
        kr_summary_clear(&s);
    }
}

/* A tenth of the samples lies between the phases; a chain keeps counting as in the one it
 * entered last. */
static void what_lies_between_the_phases_is_left_open(void **state)
{
    (void)state;
    kr_synthetic f = law;
    kr_summary s;
    f.between = 0.1;
    summarize(&f, &s);
    const kr_importance *ordered = row_of(&s, "ordered"), *other = row_of(&s, "disordered");
    assert_true(ordered->z == 0.0 && other->z == 0.0);
    assert_true(ordered->chain_mean - ordered->mean > 5.0 * ordered->chain_error);
    kr_summary_clear(&s);
}

static void a_distance_is_a_warning_where_weights_have_a_heavy_tail(void **state)
{
    (void)state;
    kr_synthetic f = law;
    kr_summary s;
    f.sample_shift = 0.2;
    summarize(&f, &s);
    assert_false(s.is_converged);
    assert_true(has_message(&s.reasons, "disagree: energy_per_site z = +"));
    kr_summary_clear(&s);
    f.tail_index = 0.9;
    summarize(&f, &s);
    assert_true(s.is_converged);
    assert_true(has_message(&s.warnings, "disagree: energy_per_site z = +"));
    assert_true(has_message(&s.warnings, "k = 0.90"));
    kr_summary_clear(&s);
}

/* The chain is the same: it cannot know of states that it has not met. */
static void log_z_of_a_chain_is_a_bound_where_the_samples_say_so(void **state)
{
    (void)state;
    const struct {
        double inverse, inverse_square;
        bool is_bound;
    } list[] = {
        { 1.09417, 1.30996, false }, /* skewness 0.005 */
        { 1.0, 1.0, false },         /* exact */
        { 10.0, 1e6, true },         /* 207 */
        { 1.0 + 1e-3, 1.1, true },   /* few states, but all of the variance: 17 */
        { INFINITY, INFINITY, true }, { NAN, NAN, false }
    }; /* a file of an older build */
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        kr_synthetic f = law;
        kr_summary s;
        f.inverse = list[k].inverse;
        f.inverse_square = list[k].inverse_square;
        summarize(&f, &s);
        if (s.density[0].is_bound != list[k].is_bound) {
            fail_msg("case %zu: bound %d", k, s.density[0].is_bound);
        }
        kr_summary_clear(&s);
    }
}

static void every_column_of_the_tables_is_explained(void **state)
{
    (void)state;
    kr_summary s;
    char *text = NULL;
    size_t size = 0;
    summarize(&law, &s);
    FILE *out = open_memstream(&text, &size);
    kr_sheet sheet = { .out = out };
    kr_summary_print_importance(&s, &sheet);
    fclose(out);
    static const char *const word[] = {
        "tail k: ", "told, tau_int, held: ", "accepted: ", "value: ", "z: ", "drawn: "
    };
    for (size_t k = 0; k < sizeof word / sizeof *word; k++) {
        assert_non_null(strstr(text, word[k]));
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 100);
    }
    free(text);
    kr_summary_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_the_same_law_agree),
        cmocka_unit_test(every_distance_has_the_sign_of_the_samples),
        cmocka_unit_test(what_lies_between_the_phases_is_left_open),
        cmocka_unit_test(a_distance_is_a_warning_where_weights_have_a_heavy_tail),
        cmocka_unit_test(log_z_of_a_chain_is_a_bound_where_the_samples_say_so),
        cmocka_unit_test(every_column_of_the_tables_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
