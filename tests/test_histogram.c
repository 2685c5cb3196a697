/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_histogram.c - histograms of columns over the measured draws. */
#include "kr_test.h"

#include "base/memory.h"
#include "run/spec.h"
#include "stats/stats.h"

enum { BINS = 24 };

static kr_spec *spec_of(const char *yaml)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    if (!spec) {
        fail_msg("%s", err.text);
    }
    return spec;
}

/* A sampler at the end of the run. */
static kr_sampler *run(const kr_spec *spec, int64_t chunk)
{
    kr_error err = { 0 };
    kr_sampler *sampler = kr_spec_sampler(spec, &spec->config, &err);
    if (!sampler) {
        fail_msg("%s", err.text);
    }
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(sampler, chunk, &err), &err);
    }
    return sampler;
}

static int64_t total(const kr_histogram_report *r)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < r->n_groups * (r->n_bins + 2); k++) {
        sum += r->count[k];
    }
    return sum;
}

#define WELLS                                                                                  \
    "model: {name: phi4, m2: -2.5, lambda: 1, field: 0.2}\n"                                   \
    "lattice: {name: hypercubic, size: 1, boundary: open}\n"                                   \
    "beta: 1\nupdates: [{name: hmc, steps: 5}]\nobservables: [energy, magnetization]\n"

/* Weight of one site, integrated over the bins. */
static void bins_have_their_exact_shares(void **state)
{
    (void)state;
    enum { FINE = 200 };
    kr_spec *spec =
        spec_of(WELLS "chains: 64\nphases: {thermalize: 400, measure: 80000, every: 4}\n"
                      "histograms: [energy_per_site, {name: magnetization_per_site, bins: 24, "
                      "from: -2.4, to: 2.4}]\n");
    kr_sampler *sampler = run(spec, 64);
    kr_histogram_report r;
    kr_sampler_histogram(sampler, 1, &r);
    double want[BINS], sum = 0.0, share[BINS + 2], error[BINS + 2], most = 0.0;
    assert_int_equal(r.n_bins, BINS);
    assert_int_equal(r.n_groups, 64);
    assert_int_equal(total(&r), 64 * 20000);
    for (int b = 0; b < BINS; b++) {
        want[b] = 0.0;
        for (int k = 0; k < FINE; k++) {
            const double x = -2.4 + 4.8 * (b + (k + 0.5) / FINE) / BINS;
            want[b] += exp(2.5 * x * x - x * x * x * x + 0.2 * x);
        }
        sum += want[b];
    }
    kr_shares_estimate(r.count, r.n_groups, BINS + 2, share, error);
    for (int b = 0; b < BINS; b++) {
        want[b] /= sum;
        if (want[b] < 1e-3) {
            continue;
        }
        assert_true(error[b + 1] < 0.05 * want[b]);
        most = fmax(most, fabs(share[b + 1] - want[b]) / error[b + 1]);
    }
    print_message("# largest |z| %.2f\n", most);
    assert_true(most < kr_z_limit(BINS));
    kr_sampler_free(sampler);
    kr_spec_free(spec);
}

/* Magnetization of an Ising chain of four at beta = 0: binomial. */
static void discrete_models_have_them_too(void **state)
{
    (void)state;
    const double want[] = { 1.0 / 16, 4.0 / 16, 6.0 / 16, 4.0 / 16, 1.0 / 16 };
    kr_spec *spec = spec_of(
        "model: {name: ising}\nlattice: {name: hypercubic, size: 4}\nbeta: 0\nchains: 64\n"
        "updates: [heat_bath]\nphases: {thermalize: 10, measure: 2000, every: 1}\n"
        "histograms: [{name: magnetization_per_site, bins: 5, from: -1.25, to: 1.25}]\n");
    kr_sampler *sampler = run(spec, 64);
    kr_histogram_report r;
    double share[7], error[7];
    kr_sampler_histogram(sampler, 0, &r);
    kr_shares_estimate(r.count, r.n_groups, 7, share, error);
    assert_true(share[0] == 0.0 && share[6] == 0.0);
    for (int b = 0; b < 5; b++) {
        assert_true(error[b + 1] < 0.02 * want[b]);
        assert_within_sigma(share[b + 1], error[b + 1], want[b], 4.6);
    }
    kr_sampler_free(sampler);
    kr_spec_free(spec);
}

/* Whatever the chunks are. Few chains: groups are stretches of time, which grow. */
static void a_range_is_found_before_anything_is_counted(void **state)
{
    (void)state;
    kr_histogram_report r[2];
    kr_spec *spec =
        spec_of(WELLS "chains: 3\nphases: {thermalize: 400, measure: 4000, every: 4}\n"
                      "histograms: [{name: magnetization_per_site, bins: 20}]\n");
    kr_sampler *sampler[2] = { run(spec, 1), run(spec, 64) };
    for (int k = 0; k < 2; k++) {
        kr_sampler_histogram(sampler[k], 0, &r[k]);
        assert_int_equal(total(&r[k]), 3 * 1000);
        assert_true(r[k].n_groups >= 32);
    }
    const int64_t size = r[0].n_bins + 2;
    int n_used = 0, n_outside = 0;
    for (int64_t g = 0; g < r[0].n_groups; g++) {
        int64_t sum = 0;
        for (int64_t k = 0; k < size; k++) {
            sum += r[0].count[g * size + k];
        }
        n_used += sum > 0;
        n_outside += (int)(r[0].count[g * size] + r[0].count[g * size + size - 1]);
    }
    print_message("# %.3g .. %.3g, %d groups, %d outside\n", r[0].from, r[0].to, n_used,
                  n_outside);
    assert_true(n_used >= 32 && n_outside < 30);
    assert_true(r[0].from > -3.0 && r[0].from < -1.0 && r[0].to > 1.0 && r[0].to < 3.0);
    assert_true(r[0].from == r[1].from && r[0].to == r[1].to);
    assert_memory_equal(r[0].count, r[1].count,
                        (size_t)(r[0].n_groups * size) * sizeof *r[0].count);
    kr_sampler_free(sampler[0]);
    kr_sampler_free(sampler[1]);
    kr_spec_free(spec);
}

static void refuse(const char *yaml, const char *text)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    assert_non_null(file);
    kr_spec *spec = kr_spec_alloc(file, &err);
    kr_sampler *sampler = spec ? kr_spec_sampler(spec, &spec->config, &err) : NULL;
    assert_null(sampler);
    kr_spec_free(spec);
    if (!strstr(err.text, text)) {
        fail_msg("%s: want %s", err.text, text);
    }
}

static void what_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    refuse(WELLS "histograms: [magnetisation]\n", "no observable has a column");
    refuse(WELLS "histograms: [{name: energy_per_site, from: 1, to: 0}]\n",
           "want from below to");
    refuse(WELLS "histograms: [energy_per_site]\nphases: {thermalize: 0}\n",
           "thermalize = 0 shows no range");
    refuse(WELLS "histograms: [energy_per_site, energy_per_site]\n", "listed twice");
    refuse(WELLS "histograms: energy_per_site\n", "want a list");
    refuse("model: {name: ising}\nlattice: {name: hypercubic, size: 4}\nbeta: [0, 0.2]\n"
           "population_annealing: {}\nupdates: [heat_bath]\nhistograms: [energy_per_site]\n",
           "have weights");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_have_their_exact_shares),
        cmocka_unit_test(discrete_models_have_them_too),
        cmocka_unit_test(a_range_is_found_before_anything_is_counted),
        cmocka_unit_test(what_cannot_be_counted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
