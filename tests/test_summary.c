/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_summary.c - estimates against the law of a synthetic file, verdicts, output. */
#include "kr_synthetic.h"
#include "kr_test.h"

#include "analysis/analysis.h"
#include "analysis/summary.h"

static const kr_synthetic good = { .title = "two phases",
                                   .n_chains = 16,
                                   .n_draws = 2000,
                                   .n_points = 1,
                                   .dwell = 6,
                                   .ar = 0.7,
                                   .acceptance = 0.45 };

/* Computes the summary of a file, written first when f is not NULL; clear it afterwards. */
static void summarize(const kr_synthetic *f, const char *path, kr_summary *s)
{
    kr_error err = { 0 };
    if (f) {
        assert_ok(kr_synthetic_write(f, path, &err), &err);
    }
    kr_reader *reader = kr_reader_open(path, &err);
    assert_non_null(reader);
    assert_ok(kr_summary_compute(reader, path, s, &err), &err);
    kr_reader_close(reader);
}

static int setup(void **state)
{
    (void)state;
    kr_error err = { 0 };
    return kr_synthetic_write(&good, "summary_good.h5", &err);
}

static const kr_quantity *quantity(const kr_summary *s, const char *name, int64_t point)
{
    for (int k = 0; k < s->n_quantities; k++) {
        if (strcmp(s->quantity[k * s->n_points].name, name) == 0) {
            return &s->quantity[k * s->n_points + point];
        }
    }
    fail_msg("no quantity %s", name);
    return NULL;
}

static bool has_message(const kr_messages *list, const char *text)
{
    for (int k = 0; k < list->n; k++) {
        if (strstr(list->text[k], text)) {
            return true;
        }
    }
    return false;
}

/* Telegraph noise with switching probability p has rho(t) = (1 - 2p)^t: tau_int = 2.5. */
static void means_and_times_follow_the_law_of_the_file(void **state)
{
    (void)state;
    kr_summary s;
    summarize(NULL, "summary_good.h5", &s);
    const kr_quantity *e = quantity(&s, "energy_per_site", 0);
    assert_within_sigma(e->estimate.mean, e->estimate.error, -1.2, 4.5);
    assert_within_sigma(e->estimate.tau_int, e->estimate.tau_int_error, 2.5, 4.5);
    assert_close(e->z, (e->estimate.mean + 1.2) / e->estimate.error, 1e-12);
    assert_string_equal(e->unit, "J");
    assert_int_equal(s.n_phases, 2);
    assert_string_equal(s.phase[0].name, "ordered");
    assert_within_sigma(s.phase[0].estimate.mean, s.phase[0].estimate.error, 0.5, 4.5);
    assert_true(s.phase[0].estimate.error < 0.01);
    assert_true(s.is_converged && s.reasons.n == 0);
    kr_summary_clear(&s);
}

static void derived_quantities_follow_the_law_of_the_file(void **state)
{
    (void)state;
    kr_summary s;
    summarize(NULL, "summary_good.h5", &s);
    const kr_quantity *c = quantity(&s, "specific_heat", 0), *b = quantity(&s, "binder", 0);
    /* N beta^2 (0.4^2 + 0.03^2 + 1/(12 N^2)) */
    double heat = SYN_SITES * (0.16 + 0.0009) + 1.0 / (12.0 * SYN_SITES);
    assert_within_sigma(c->estimate.mean, c->estimate.error, heat, 4.5);
    assert_true(c->estimate.error < 0.005 * heat && c->is_derived);
    double m2 = 0.0, m4 = 0.0, v = 0.0009;
    const double mean[] = { 0.9, 0.15 };
    for (int k = 0; k < 2; k++) {
        double square = mean[k] * mean[k];
        m2 += 0.5 * (square + v);
        m4 += 0.5 * (square * square + 6.0 * square * v + 3.0 * v * v);
    }
    assert_within_sigma(b->estimate.mean, b->estimate.error, 1.0 - m4 / (3.0 * m2 * m2), 4.5);
    assert_true(b->estimate.error < 0.02);
    kr_summary_clear(&s);
}

static void updates_and_density_follow_the_law_of_the_file(void **state)
{
    (void)state;
    kr_summary s;
    summarize(NULL, "summary_good.h5", &s);
    assert_int_equal(s.n_updates, 2);
    const kr_update_row *u = &s.update[0];
    assert_string_equal(u->name, "independence");
    assert_close(u->attempted, 32000.0, 0.0);
    assert_within_sigma(u->accepted / u->attempted, sqrt(0.45 * 0.55 / 32000.0), 0.45, 4.5);
    assert_close(u->changed, 200.0 * u->accepted, 1e-14);
    assert_close(u->cpu_s, 9.0, 0.0);
    const kr_density_row *d = &s.density[0];
    assert_int_equal(s.n_densities, 1);
    assert_within_sigma(d->log_z_p, d->log_z_p_error, 899.955, 4.5);
    assert_true(d->log_z_p_error < 0.003);
    assert_close(d->ess_p, exp(-0.09), 0.01);
    assert_close(d->ess_q, 0.91, 0.0);
    /* 0.55^run * 14400 starts: runs of 10 to 30 attempts */
    assert_true(d->longest_rejection_run >= 10.0 && d->longest_rejection_run <= 40.0);
    assert_false(d->is_lower_bound);
    assert_true(s.residence[0].n_visiting_all == 16);
    assert_within_sigma(s.residence[0].n_switches, sqrt(32000.0 * 5.0 / 36.0), 32000.0 / 6.0,
                        4.5);
    double error, free_energy = kr_residence_free_energy(&s, 1, 0, &error);
    const kr_estimate *in = &s.phase[0].estimate, *other = &s.phase[s.n_points].estimate;
    assert_close(free_energy, log(in->mean / other->mean), 1e-14);
    assert_within_sigma(free_energy, error, 0.0, 4.5);
    assert_int_equal(s.n_phases, 2); /* d ln(p / (1 - p)) = dp / (p (1 - p)) */
    assert_close(error, in->error / (in->mean * other->mean), 1e-9);
    assert_close(s.residence[0].mean_dwell_steps, 320000.0 / s.residence[0].n_switches, 1e-14);
    kr_summary_clear(&s);
}

/* Too few draws for an error still give log Z itself. */
static void short_run_has_log_z_without_error(void **state)
{
    (void)state;
    kr_synthetic f = good;
    f.n_chains = 1;
    f.n_draws = 6;
    kr_summary s;
    summarize(&f, "summary_short.h5", &s);
    assert_close(s.density[0].log_z_p, 900.0, 1e-3);
    assert_true(isnan(s.density[0].log_z_p_error));
    kr_summary_clear(&s);
}

static void every_point_of_a_scan_is_estimated(void **state)
{
    (void)state;
    kr_synthetic f = good;
    f.n_points = 3;
    f.n_chains = 8;
    f.n_draws = 1000;
    kr_summary s;
    summarize(&f, "summary_scan.h5", &s);
    for (int64_t p = 0; p < 3; p++) {
        const kr_quantity *e = quantity(&s, "energy_per_site", p);
        double beta = 1.0 + 0.1 * (double)p;
        assert_within_sigma(e->estimate.mean, e->estimate.error, -1.2 * beta, 4.6);
        assert_close(e->exact, -1.2 * beta, 1e-14);
        const kr_quantity *c = quantity(&s, "specific_heat", p);
        double heat = SYN_SITES * beta * beta * (0.16 * beta * beta + 0.0009);
        assert_within_sigma(c->estimate.mean, c->estimate.error, heat, 4.6);
    }
    assert_int_equal(s.n_updates, 2);
    assert_close(s.update[5].attempted, SYN_SITES * 8000.0, 0.0);
    kr_summary_clear(&s);
}

static void each_defect_is_named_in_the_verdict(void **state)
{
    (void)state;
    const struct {
        const char *want;
        double energy_shift, log_z_gap, dwell;
        bool has_nan, is_frozen;
        int64_t n_draws;
    } list[] = {
        { "too far from the exact value: energy_per_site", 0.05, 0, 6, false, false, 2000 },
        { "log Z of density and chain 4 sigma or more apart: net", 0, 0.05, 6, false, false,
          2000 },
        { "R-hat not below 1.05: energy_per_site", 0, 0, INFINITY, false, false, 500 },
        { "ESS below 400: energy_per_site", 0, 0, INFINITY, false, false, 500 },
        { "unusable: energy_per_site (series: draw 12 of chain 0 is nan", 0, 0, 6, true, false,
          500 },
        { "stuck chains, no update changed a site: 16 of 16", 0, 0, INFINITY, false, true,
          500 },
        { "unusable: 1 draws per chain", 0, 0, 6, false, false, 1 },
        { "unusable: 0 draws per chain", 0, 0, 6, false, false, 0 },
    };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        kr_synthetic f = good;
        f.energy_shift = list[k].energy_shift;
        f.log_z_gap = list[k].log_z_gap;
        f.dwell = list[k].dwell;
        f.has_nan = list[k].has_nan;
        f.is_frozen = list[k].is_frozen;
        f.n_draws = list[k].n_draws;
        kr_summary s;
        summarize(&f, "summary_bad.h5", &s);
        assert_false(s.is_converged);
        if (!has_message(&s.reasons, list[k].want)) {
            fail_msg("no reason \"%s\"; first is \"%s\"", list[k].want,
                     s.reasons.n ? s.reasons.text[0] : "");
        }
        kr_summary_clear(&s);
    }
}

static void frozen_chains_are_told_from_ground_states(void **state)
{
    (void)state;
    static const char cycle[] = " (they go round in a cycle, every move is accepted)";
    const struct {
        int64_t n_still;
        enum syn_still still;
        const char *want; /* NULL: not frozen */
    } list[] = {
        { 16, SYN_CYCLE, "frozen: 16 of 16 chains keep one energy while updates change sites" },
        { 16, SYN_APART, "frozen: 16 of 16 chains" },
        { 3, SYN_SAME, "frozen: 3 of 16 chains" },
        { 3, SYN_CYCLE, "frozen: 3 of 16 chains" },
        { 16, SYN_SAME, NULL }, /* ground states, turned over by clusters */
        { 16, SYN_FREE, NULL }, /* no interactions: the energy is constant by nature */
        { 0, SYN_SAME, NULL },
    };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        kr_synthetic f = good;
        f.n_draws = 200;
        f.n_still = list[k].n_still;
        f.still = list[k].still;
        kr_summary s;
        summarize(&f, "summary_frozen.h5", &s);
        if (has_message(&s.reasons, list[k].want ? list[k].want : "frozen") !=
            (list[k].want != NULL)) {
            fail_msg("case %zu: %s", k, s.reasons.n ? s.reasons.text[0] : "no reason");
        }
        assert_int_equal(has_message(&s.reasons, cycle), list[k].still == SYN_CYCLE);
        kr_summary_clear(&s);
    }
}

/* At beta = 0 the energy has no weight: lp is constant and tells nothing. */
static void lp_tells_nothing_at_infinite_temperature(void **state)
{
    (void)state;
    kr_chain_row chain[2] = { { true, true, 1, NAN, NAN }, { true, true, 1, NAN, NAN } };
    const kr_summary s = { .n_chains = 2, .n_points = 1, .chain = chain };
    int64_t n_cycling;
    assert_int_equal(kr_summary_frozen(&s, 0, &n_cycling), 0);
    assert_int_equal(n_cycling, 0);
    chain[0].n_moves = chain[1].n_moves = 0.0;
    assert_int_equal(kr_summary_frozen(&s, 0, &n_cycling), 2);
}

/* Output of kr_summary_write as text; caller frees. */
static char *written(const kr_synthetic *f, bool json, bool *is_converged,
                     char why[KR_SUMMARY_WHY])
{
    kr_error err = { 0 };
    char *text = NULL;
    size_t size = 0;
    assert_ok(kr_synthetic_write(f, "summary_text.h5", &err), &err);
    FILE *out = open_memstream(&text, &size);
    assert_ok(kr_summary_write("summary_text.h5", json, out, is_converged, why, &err), &err);
    fclose(out);
    return text;
}

/* Files of every odd shape: no crash, a line stays within 100 columns, reasons agree. */
static void table_fits_100_columns_whatever_the_file(void **state)
{
    (void)state;
    const struct {
        int64_t n_chains, n_draws, n_points;
        bool has_nan, is_frozen;
    } list[] = { { 16, 500, 1, false, false }, { 1, 4, 1, false, false },
                 { 1, 300, 1, false, false },  { 2, 0, 1, false, false },
                 { 2, 1, 3, false, false },    { 4, 40, 1, true, false },
                 { 4, 40, 1, false, true },    { 4, 200, 5, false, false } };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        kr_synthetic f = good;
        f.n_chains = list[k].n_chains;
        f.n_draws = list[k].n_draws;
        f.n_points = list[k].n_points;
        f.has_nan = list[k].has_nan;
        f.is_frozen = list[k].is_frozen;
        bool is_converged = true;
        char why[KR_SUMMARY_WHY] = "";
        char *text = written(&f, false, &is_converged, why);
        assert_int_equal(is_converged, why[0] == '\0');
        assert_non_null(strstr(text, is_converged ? "verdict: converged" : "NOT CONVERGED"));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            if (strlen(line) > 100) {
                fail_msg("%zu columns: %s", strlen(line), line);
            }
        }
        free(text);
    }
}

/* --check prints them: a reader must not be left with half a sentence. */
static void every_reason_arrives_in_full(void **state)
{
    (void)state;
    kr_synthetic f = good;
    kr_error err = { 0 };
    kr_summary s;
    bool is_converged;
    char why[KR_SUMMARY_WHY];
    f.n_points = 5;
    f.n_draws = 40;
    f.dwell = INFINITY;
    f.energy_shift = 0.5;
    f.log_z_gap = 3.0;
    free(written(&f, false, &is_converged, why));
    kr_reader *reader = kr_reader_open("summary_text.h5", &err);
    assert_non_null(reader);
    assert_ok(kr_summary_compute(reader, "summary_text.h5", &s, &err), &err);
    assert_true(s.reasons.n > 1 && strlen(why) > 500);
    for (int k = 0; k < s.reasons.n; k++) {
        assert_non_null(strstr(why, s.reasons.text[k]));
    }
    kr_summary_clear(&s);
    kr_reader_close(reader);
}

static void an_unknown_run_id_has_no_line_and_is_null(void **state)
{
    (void)state;
    char *text = NULL, *json = NULL;
    size_t size = 0;
    kr_summary s = { .title = "potts", .path = "potts.h5", .version = "0.1.0" };
    FILE *out = open_memstream(&text, &size);
    kr_summary_print(&s, out);
    fclose(out);
    assert_non_null(strstr(text, "\nkramers 0.1.0\n"));
    assert_null(strstr(text, "run "));
    free(text);
    out = open_memstream(&json, &size);
    kr_summary_print_json(&s, out);
    fclose(out);
    assert_non_null(strstr(json, "\"run_id\": null,"));
    free(json);
}

/* A constant has no ESS, and sampled CPU times of a short run are no 300 % of the whole. */
static void rates_are_those_of_a_column_that_varies(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    kr_quantity quantity[2] = { { .name = "energy_per_site", .exact = NAN, .z = NAN },
                                { .name = "magnetization_per_site", .exact = NAN, .z = NAN } };
    quantity[0].estimate = (kr_estimate){ .ess = 160.0, .is_constant = true };
    quantity[1].estimate =
        (kr_estimate){ .error = 0.1, .ess = 50.0, .tau_int = 1.6, .is_window_closed = true };
    kr_update_row update = { .name = "heat_bath", .cpu_s = 0.3, .attempted = 100.0 };
    kr_summary s = { .title = "no couplings",
                     .path = "constant.h5",
                     .n_chains = 8,
                     .n_draws = 20,
                     .n_points = 1,
                     .n_quantities = 2,
                     .quantity = quantity,
                     .n_updates = 1,
                     .update = &update,
                     .cost = { .sample_cpu_s = 0.1 } };
    FILE *out = open_memstream(&text, &size);
    kr_summary_print(&s, out);
    fclose(out);
    assert_non_null(strstr(text, "ESS of magnetization_per_site per CPU-second: 500\n"));
    assert_non_null(strstr(text, " 100.0 %\n"));
    free(text);
    quantity[1].estimate.is_window_closed = false; /* an ESS that is no more than a guess */
    out = open_memstream(&text, &size);
    kr_summary_print(&s, out);
    fclose(out);
    assert_null(strstr(text, "per CPU-second"));
    free(text);
    out = open_memstream(&text, &size);
    kr_summary_print_json(&s, out);
    fclose(out);
    assert_null(strstr(text, "\"ess\": 160"));
    free(text);
}

static const char *skip_value(const char *s);

static const char *skip_text(const char *s)
{
    for (s++; *s && *s != '"'; s++) {
        s += *s == '\\' && s[1] != '\0';
    }
    return *s == '"' ? s + 1 : NULL;
}

static const char *skip_members(const char *s, bool is_object)
{
    char close = is_object ? '}' : ']';
    s += 1 + strspn(s + 1, " \n");
    while (*s != close) {
        if (is_object) {
            s = *s == '"' ? skip_text(s) : NULL;
            if (!s || strncmp(s, ": ", 2) != 0) {
                return NULL;
            }
            s += 2;
        }
        s = skip_value(s);
        if (!s) {
            return NULL;
        }
        s += strspn(s, " \n");
        if (*s == ',') {
            s += 1 + strspn(s + 1, " \n");
        } else if (*s != close) {
            return NULL;
        }
    }
    return s + 1;
}

/* Behind one JSON value; NULL when it is none. */
static const char *skip_value(const char *s)
{
    static const char *const word[] = { "null", "true", "false" };
    for (int k = 0; k < 3; k++) {
        if (strncmp(s, word[k], strlen(word[k])) == 0) {
            return s + strlen(word[k]);
        }
    }
    if (*s == '"') {
        return skip_text(s);
    }
    if (*s == '{' || *s == '[') {
        return skip_members(s, *s == '{');
    }
    char *end;
    strtod(s, &end);
    return end > s && strspn(s, "-0123456789.e+") >= (size_t)(end - s) ? end : NULL;
}

static void json_is_one_valid_object_with_the_promised_keys(void **state)
{
    (void)state;
    static const char *const key[] = {
        "\"observables\": {", "\"tau_int_error\": ",       "\"acceptance\": ",
        "\"ess_p\": ",        "\"max_weight\": ",          "\"longest_rejection_run\": ",
        "\"train_cpu_s\": ",  "\"chains_visiting_all\": ", "\"verdict\": {",
        "\"converged\": "
    };
    for (int64_t points = 1; points <= 2; points++) {
        for (int64_t n_draws = 0; n_draws <= 300; n_draws += 150) {
            kr_synthetic f = good;
            f.title = "quote \" and \\ and \n";
            f.n_points = points;
            f.n_draws = n_draws;
            bool is_converged;
            char why[KR_SUMMARY_WHY];
            char *text = written(&f, true, &is_converged, why);
            const char *end = skip_value(text);
            assert_non_null(end);
            assert_string_equal(end, "\n");
            for (size_t k = 0; k < sizeof key / sizeof key[0]; k++) {
                assert_non_null(strstr(text, key[k]));
            }
            assert_true((strstr(text, "\"beta\": 1.1,") != NULL) == (points == 2));
            assert_null(strstr(text, "nan"));
            free(text);
        }
    }
}

static void other_files_are_refused(void **state)
{
    (void)state;
    bool is_converged;
    char why[KR_SUMMARY_WHY];
    kr_error err = { 0 };
    assert_int_equal(kr_summary_write("absent.h5", false, stderr, &is_converged, why, &err),
                     KR_EIO);
    assert_non_null(strstr(err.text, "absent.h5"));
    err = (kr_error){ 0 };
    kr_results *r = kr_results_alloc(&err);
    assert_ok(kr_results_attr_text(r, "", "", "title", "empty", &err), &err);
    assert_ok(kr_results_write_part(r, "summary_empty.h5", &err), &err);
    kr_results_free(r);
    assert_int_equal(
        kr_summary_write("summary_empty.h5", false, stderr, &is_converged, why, &err),
        KR_EUNSUP);
    assert_non_null(strstr(err.text, "no series in group posterior"));
}

/* Two equal chains tell no more than one: the pair means have the variance of a chain. */
static void coupled_chains_count_as_pairs(void **state)
{
    (void)state;
    kr_synthetic f = good;
    kr_summary pairs, half;
    f.is_coupled = true;
    summarize(&f, "summary_pairs.h5", &pairs);
    f.is_coupled = false;
    summarize(&f, "summary_single.h5", &half);
    assert_int_equal(pairs.chains_coupled, 2);
    assert_int_equal(half.chains_coupled, 1);
    for (int k = 0; k < pairs.n_quantities; k++) {
        double ratio = pairs.quantity[k].estimate.error / half.quantity[k].estimate.error;
        if (!(ratio > 1.2 && ratio < 1.65)) {
            fail_msg("%s: errors in the ratio %.3f, want about sqrt 2", pairs.quantity[k].name,
                     ratio);
        }
    }
    kr_summary_clear(&pairs);
    kr_summary_clear(&half);
}

static void ladders_without_round_trips_are_warned_of(void **state)
{
    (void)state;
    kr_synthetic f = good;
    kr_summary s;
    f.n_points = 3;
    f.has_ladder = true;
    summarize(&f, "summary_ladder.h5", &s);
    assert_int_equal(s.n_ladders, 1);
    assert_int_equal(s.n_slots, 3);
    assert_true(s.exchange_every == 2.0 && s.exchange[1].from_cold == 0.5);
    assert_true(has_message(&s.warnings, "no replica made a round trip"));
    kr_summary_clear(&s);
    f.round_trips = 640.0;
    summarize(&f, "summary_ladder.h5", &s);
    assert_false(has_message(&s.warnings, "round trip"));
    assert_close(kr_summary_trips_rate(&s, s.round_trips, 1.0), 640.0 / (20.0 * 16.0), 1e-15);
    kr_summary_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_times_follow_the_law_of_the_file),
        cmocka_unit_test(derived_quantities_follow_the_law_of_the_file),
        cmocka_unit_test(updates_and_density_follow_the_law_of_the_file),
        cmocka_unit_test(short_run_has_log_z_without_error),
        cmocka_unit_test(every_point_of_a_scan_is_estimated),
        cmocka_unit_test(each_defect_is_named_in_the_verdict),
        cmocka_unit_test(frozen_chains_are_told_from_ground_states),
        cmocka_unit_test(lp_tells_nothing_at_infinite_temperature),
        cmocka_unit_test(table_fits_100_columns_whatever_the_file),
        cmocka_unit_test(every_reason_arrives_in_full),
        cmocka_unit_test(an_unknown_run_id_has_no_line_and_is_null),
        cmocka_unit_test(rates_are_those_of_a_column_that_varies),
        cmocka_unit_test(json_is_one_valid_object_with_the_promised_keys),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(coupled_chains_count_as_pairs),
        cmocka_unit_test(ladders_without_round_trips_are_warned_of),
    };
    return cmocka_run_group_tests_name("summary", tests, setup, NULL);
}
