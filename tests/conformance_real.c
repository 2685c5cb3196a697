/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_real.c - what every update of real variables must satisfy: the law of the
 * model is left as it is, and one site moves by detailed balance; with every density that it
 * takes, whose weights are not the best ones.
 *
 * Chains start with exact samples (inverse distribution functions on a fine grid), make a few
 * sweeps, and are counted in cells whose probabilities quadrature knows. */
#include "kr_real_block.h"
#include "tiny.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/density.h"
#include "model/block.h"
#include "model/fits.h"
#include "stats/stats.h"

enum { GRID = 1200, CELLS = 24, SAMPLES = 1 << 18, VARIANTS = 5 };

#define LEAST_P 1e-5

typedef struct real_case {
    const char *model, *lattice;
    double beta, reach; /* phi within +- reach */
} real_case;

static const real_case cases[] = {
    { "{m2: -2.5, lambda: 1}", "{size: 1, boundary: open}", 1.0, 3.0 },
    { "{m2: -1, lambda: 0.5, field: 0.3}", "{size: 2, boundary: open}", 0.7, 3.5 },
    { "{m2: 1.5, lambda: 0.2, field: -0.4}", "{size: 2, boundary: open}", 1.3, 3.0 },
};
enum { N_CASES = sizeof cases / sizeof *cases };

typedef struct system {
    const real_case *is;
    kr_lattice *lattice;
    kr_terms *terms;
    double *density; /* (GRID, GRID or 1) normalized probabilities of the cells of the grid */
    double *row;     /* (GRID) of the first variable */
} system_of_one_or_two;

static double centre(const system_of_one_or_two *s, int k)
{
    return s->is->reach * (2.0 * (k + 0.5) / GRID - 1.0);
}

static system_of_one_or_two open_system(const real_case *is)
{
    kr_error err = { 0 };
    system_of_one_or_two s = { .is = is };
    void *lattice = tiny_params("lattice", tiny_lattice("hypercubic")->fields,
                                tiny_lattice("hypercubic")->params_size, is->lattice, &err);
    void *model = tiny_params("model", tiny_model("phi4")->fields,
                              tiny_model("phi4")->params_size, is->model, &err);
    s.lattice = lattice ? kr_lattice_alloc(tiny_lattice("hypercubic"), lattice, &err) : NULL;
    s.terms =
        s.lattice && model ? kr_terms_alloc(tiny_model("phi4"), model, s.lattice, &err) : NULL;
    if (!s.terms) {
        fail_msg("%s", err.text);
    }
    free(lattice);
    free(model);
    const int n = s.terms->n_sites == 2 ? GRID : 1;
    double total = 0.0;
    s.density = calloc((size_t)GRID * (size_t)n, sizeof *s.density);
    s.row = calloc(GRID, sizeof *s.row);
    for (int a = 0; a < GRID; a++) {
        for (int b = 0; b < n; b++) {
            double phi[2 * KR_LANES_PAD] = { centre(&s, a) }, energy;
            phi[KR_LANES_PAD] = centre(&s, b);
            kr_terms_score(s.terms, phi, KR_LANES_PAD, 1, &energy);
            s.density[a * n + b] = exp(-is->beta * energy);
            s.row[a] += s.density[a * n + b];
            total += s.density[a * n + b];
        }
    }
    for (int a = 0; a < GRID; a++) {
        s.row[a] /= total;
        for (int b = 0; b < n; b++) {
            s.density[a * n + b] /= total;
        }
    }
    return s;
}

static void close_system(system_of_one_or_two *s)
{
    free(s->density);
    free(s->row);
    kr_terms_free(s->terms);
    kr_lattice_free(s->lattice);
}

/* A cell of the grid with probability p[k]/sum, then a point in it. */
static double draw(const system_of_one_or_two *s, const double *p, double sum, kr_rng *rng,
                   int *cell)
{
    double u = kr_rng_uniform(rng) * sum;
    int k = 0;
    while (k < GRID - 1 && u >= p[k]) {
        u -= p[k++];
    }
    *cell = k;
    return centre(s, k) + (kr_rng_uniform(rng) - 0.5) * 2.0 * s->is->reach / GRID;
}

static void fill_exact(const system_of_one_or_two *s, kr_block *block, kr_rng *rng)
{
    for (int32_t l = 0; l < block->n_lanes; l++) {
        int a, b;
        block->phi[l] = draw(s, s->row, 1.0, rng, &a);
        if (block->n_sites == 2) {
            block->phi[block->stride + l] =
                draw(s, s->density + (size_t)a * GRID, s->row[a], rng, &b);
        }
    }
    kr_block_score(block, s->terms);
}

/* Cells are coarse parts of the grid: CELLS of one variable, or CELLS/4 of each of two. */
static int cell_of(const system_of_one_or_two *s, const kr_block *block, int32_t l)
{
    int at[2] = { 0, 0 };
    const int n = block->n_sites == 1 ? CELLS : CELLS / 4;
    for (int i = 0; i < block->n_sites; i++) {
        const double x = block->phi[i * block->stride + l];
        const int k = (int)floor(0.5 * (x / s->is->reach + 1.0) * n);
        at[i] = k < 0 ? 0 : k >= n ? n - 1 : k;
    }
    return at[0] * (block->n_sites == 1 ? 1 : n) + at[1];
}

static void expect(const system_of_one_or_two *s, double *expected)
{
    const int two = s->terms->n_sites == 2, n = two ? CELLS / 4 : CELLS;
    memset(expected, 0, CELLS * CELLS * sizeof *expected);
    for (int a = 0; a < GRID; a++) {
        for (int b = 0; b < (two ? GRID : 1); b++) {
            expected[a * n / GRID * (two ? n : 1) + (two ? b * n / GRID : 0)] +=
                SAMPLES * s->density[(size_t)a * (two ? GRID : 1) + (size_t)b];
        }
    }
}

/* Transitions between cells a and b of one variable are as frequent as back. */
static void check_balance(const int64_t *count, const char *what)
{
    double chi2 = 0.0, dof = 0.0;
    for (int a = 0; a < CELLS; a++) {
        for (int b = 0; b < a; b++) {
            const double n = (double)(count[a * CELLS + b] + count[b * CELLS + a]);
            const double d = (double)(count[a * CELLS + b] - count[b * CELLS + a]);
            chi2 += n >= 20.0 ? d * d / n : 0.0;
            dof += n >= 20.0;
        }
    }
    if (!(dof > 3.0) || !(kr_chi2_p(chi2, dof) > LEAST_P)) {
        fail_msg("%s: detailed balance: chi^2 = %g of %g, p = %g", what, chi2, dof,
                 kr_chi2_p(chi2, dof));
    }
}

static void judge(const kr_update_plug *update, const char *yaml, const system_of_one_or_two *s,
                  const kr_density_plug *density, const int64_t *observed,
                  const double *expected, const int64_t *moved, const kr_tally *tally)
{
    char what[256];
    snprintf(what, sizeof what, "%s %s %s on %s %s", update->name, yaml,
             density ? density->name : "", s->is->model, s->is->lattice);
    double dof;
    const double chi2 = kr_chi2_statistic(observed, expected, CELLS * CELLS, 10.0, &dof);
    const double p = kr_chi2_p(chi2, dof);
    double n_attempted = 0.0, n_accepted = 0.0;
    for (int l = 0; l < KR_LANES_MAX; l++) {
        n_attempted += (double)tally->attempted[l];
        n_accepted += (double)tally->accepted[l];
    }
    print_message("# %s: chi^2 %.1f of %.0f, p = %.3g, accepted %.3f\n", what, chi2, dof, p,
                  n_accepted / n_attempted);
    if (!(p > LEAST_P)) {
        fail_msg("%s: law: chi^2 = %g of %g, p = %g", what, chi2, dof, p);
    }
    if (n_accepted < 0.2 * n_attempted ||
        (update->flags & KR_UPDATE_LOCAL && n_accepted == n_attempted)) {
        fail_msg("%s: %g of %g accepted, so the test says little", what, n_accepted,
                 n_attempted);
    }
    if (s->terms->n_sites == 1) {
        check_balance(moved, what);
    }
}

static void run_update(const kr_update_plug *update, const char *yaml,
                       const system_of_one_or_two *s, const kr_density_plug *density,
                       kr_block *block, void *self)
{
    kr_error err = { 0 };
    void *scratch = kr_alloc(
        update->scratch_bytes ? update->scratch_bytes(self, KR_LANES_MAX) : 1, 1, &err);
    static double expected[CELLS * CELLS];
    static int64_t observed[CELLS * CELLS], moved[CELLS * CELLS];
    memset(observed, 0, sizeof observed);
    memset(moved, 0, sizeof moved);
    kr_rng exact;
    kr_rng_seed(&exact, 5, 0, KR_PURPOSE_TEST);
    kr_rng_seed(block->rng, 6, 0, KR_PURPOSE_CHAIN);
    expect(s, expected);
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    for (int k = 0; k < SAMPLES; k += KR_LANES_MAX) {
        int from[KR_LANES_MAX];
        fill_exact(s, block, &exact);
        for (int32_t l = 0; l < KR_LANES_MAX; l++) {
            from[l] = cell_of(s, block, l);
        }
        update->sweep(self, block, 3, scratch, &tally); /* deviations add up */
        for (int32_t l = 0; l < KR_LANES_MAX; l++) {
            const int to = cell_of(s, block, l);
            observed[to]++;
            moved[from[l] * CELLS + to] += s->terms->n_sites == 1;
        }
        assert_true(kr_block_audit(block, s->terms) < 1e-9);
    }
    judge(update, yaml, s, density, observed, expected, moved, &tally);
    kr_free(scratch);
}

/* With its weights moved by normals of width 0.05; false: it does not take the target. */
static bool open_density(const kr_density_plug *plug, const kr_target *target,
                         kr_density *density)
{
    kr_error err = { 0 };
    void *params = tiny_params(plug->name, plug->fields, plug->params_size, "{}", &err);
    assert_non_null(params);
    *density = (kr_density){ .plug = plug, .n_sites = target->terms->n_sites };
    if (plug->supports(target, params, &err)) {
        density->self = plug->alloc(target, params, &err);
        if (!density->self) {
            fail_msg("%s: %s", plug->name, err.text);
        }
    }
    free(params);
    if (density->self && plug->flags & KR_DENSITY_TRAINABLE) {
        kr_rng rng;
        kr_rng_seed(&rng, 7, 0, KR_PURPOSE_TEST);
        plug->init(density->self, &rng);
        for (size_t k = 0; k < plug->n_weights(density->self); k++) {
            plug->weights(density->self)[k] += (float)(0.05 * kr_rng_normal(&rng));
        }
        assert_int_equal(plug->prepare(density->self, target->beta, &err), KR_OK);
    }
    return density->self != NULL;
}

/* Scales 0.6 and 1.7 where the update wants to know of such. */
static void show_scales(const kr_update_plug *update, void *self, int32_t n_sites)
{
    if (!update->has_moments || !update->has_moments(self)) {
        return;
    }
    double mean[2] = { 0.0, 0.0 }, m2[2] = { 0.36 * 1e6, 2.89 * 1e6 };
    const kr_moments moments = { 1000000, mean, m2 };
    for (int64_t k = 1; k <= KR_MOMENTS_CALLS; k++) {
        update->tune(self, &(kr_tuning){ 0.5, k, KR_MOMENTS_CALLS, &moments });
    }
    for (int32_t i = 0; i < n_sites; i++) {
        assert_close(update->tuned_scale(self)[i], i ? 1.7 : 0.6, 1e-4);
    }
}

/* False: the update does not take the density. */
static bool check_update(const kr_update_plug *update, const char *yaml, const real_case *is,
                         const kr_density_plug *with)
{
    kr_error err = { 0 };
    system_of_one_or_two s = open_system(is);
    kr_target target = { s.lattice, s.terms, is->beta };
    kr_density density = { 0 };
    if (with && !open_density(with, &target, &density)) {
        close_system(&s);
        return false;
    }
    kr_block *block = kr_block_alloc(s.terms, KR_LANES_MAX, 0, 0, &err);
    void *params = tiny_params(update->name, update->fields, update->params_size, yaml, &err);
    kr_update_setting setting = { .target = &target,
                                  .density = with ? &density : NULL,
                                  .n_lanes = KR_LANES_MAX };
    void *self = params ? update->alloc(&setting, params, &err) : NULL;
    if (!block || (!self && !(with && err.status == KR_EUNSUP))) {
        fail_msg("%s %s: %s", update->name, yaml, err.text);
    }
    if (self) {
        show_scales(update, self, s.terms->n_sites);
        run_update(update, yaml, &s, with, block, self);
        update->free(self);
    }
    if (density.self) {
        with->free(density.self);
    }
    free(params);
    kr_block_free(block);
    close_system(&s);
    return self != NULL;
}

/* Steps so long that acceptance matters. */
static const struct {
    const char *update, *yaml[VARIANTS];
} variants[] = {
    { "hmc",
      { "{step: 0.6, steps: 3, jitter: 0}", "{step: 0.8, steps: 2, integrator: omelyan}",
        "{step: 0.9, steps: 3, jitter: 0.5, mass: fourier}",
        "{step: 0.3, steps: 3, jitter: 0.3, mass: diagonal, target: 0}" } },
    { "mala",
      { "{step: 0.7}", "{step: 1.2, shorter: 0.5}", "{step: 0.4, mass: diagonal, target: 0}",
        "{step: 1.2, mass: fourier}" } },
    { "wolff", { "{clusters: 1}" } },
    { "latent_refresh", { "{step: 0.7}", "{step: 1}" } },
    { "multi_try", { "{tries: 4}" } },
};

static const char *const *variants_of(const kr_update_plug *update)
{
    static const char *const none[] = { "{}", NULL };
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        if (strcmp(variants[v].update, update->name) == 0) {
            return variants[v].yaml;
        }
    }
    return none;
}

static bool fits(const kr_update_plug *update, const real_case *is)
{
    kr_error err = { 0 };
    system_of_one_or_two s = open_system(is);
    kr_target target = { s.lattice, s.terms, is->beta };
    void *params = tiny_params(update->name, update->fields, update->params_size, "{}", &err);
    const bool is_fit = params && kr_update_fits(update, &target, params, &err);
    free(params);
    close_system(&s);
    return is_fit;
}

static void every_update_leaves_the_law_as_it_is(void **state)
{
    (void)state;
    int n_updates = 0;
    for (int u = 0; kr_registry_updates[u]; u++) {
        const kr_update_plug *update = kr_registry_updates[u];
        if (!(update->layouts & KR_LAYOUT_REAL) || update->flags & KR_UPDATE_NEEDS_DENSITY) {
            continue;
        }
        const char *const *yaml = variants_of(update);
        for (int c = 0; c < N_CASES; c++) {
            if (!fits(update, &cases[c])) {
                continue;
            }
            for (int v = 0; yaml[v]; v++) {
                assert_true(check_update(update, yaml[v], &cases[c], NULL));
            }
        }
        n_updates++;
    }
    assert_true(n_updates >= 3);
}

/* Every attempt is accepted; one of the tries of multi_try is the present state. */
static void check_exact(const kr_update_plug *update, const char *yaml, const kr_system *s,
                        const kr_density *density)
{
    kr_error err = { 0 };
    const kr_target target = system_target(s, 1.0);
    const kr_update_setting setting = { &target, density, KR_LANES_MAX, KR_ISA_BEST, NULL };
    void *params = tiny_params(update->name, update->fields, update->params_size, yaml, &err);
    void *self = params ? update->alloc(&setting, params, &err) : NULL;
    if (!self) {
        fail_msg("%s %s: %s", update->name, yaml, err.text);
    }
    void *scratch = kr_alloc(update->scratch_bytes(self, KR_LANES_MAX), 1, &err);
    kr_block *block = real_block(s->terms, KR_LANES_MAX, 1.0, 3);
    kr_rng_seed(block->rng, 6, 0, KR_PURPOSE_CHAIN);
    kr_tally tally = { { 0 }, { 0 }, { 0 } };
    update->sweep(self, block, 50, scratch, &tally);
    double n_attempted = 0.0, n_accepted = 0.0;
    for (int l = 0; l < KR_LANES_MAX; l++) {
        n_attempted += (double)tally.attempted[l];
        n_accepted += (double)tally.accepted[l];
    }
    print_message("# %s %s: %.0f of %.0f accepted\n", update->name, yaml, n_accepted,
                  n_attempted);
    if (strcmp(update->name, "multi_try") == 0) { /* 4 states of equal weight */
        const double share = 0.75;
        assert_within_sigma(n_accepted / n_attempted, sqrt(share * (1.0 - share) / n_attempted),
                            share, 4.5);
    } else {
        assert_true(n_attempted == 50.0 * KR_LANES_MAX && n_accepted == n_attempted);
    }
    kr_block_free(block);
    kr_free(scratch);
    update->free(self);
    free(params);
}

/* Every density is taken by some update, and every update takes some density. */
static void every_update_with_a_density_leaves_the_law_as_it_is(void **state)
{
    (void)state;
    for (int u = 0; kr_registry_updates[u]; u++) {
        const kr_update_plug *update = kr_registry_updates[u];
        int n_taken = 0;
        if (!(update->layouts & KR_LAYOUT_REAL) || !(update->flags & KR_UPDATE_NEEDS_DENSITY)) {
            continue;
        }
        for (int d = 0; kr_registry_densities[d]; d++) {
            for (int c = 0; kr_registry_densities[d]->flags & KR_DENSITY_REAL && c < N_CASES;
                 c++) {
                const char *const *yaml = variants_of(update);
                for (int v = 0; yaml[v]; v++) {
                    n_taken +=
                        check_update(update, yaml[v], &cases[c], kr_registry_densities[d]);
                }
            }
        }
        assert_true(n_taken >= N_CASES);
    }
}

/* The free field and the Gaussian that a density of it begins with: 4 x 4 sites. */
static void nothing_is_refused_where_the_density_is_exact(void **state)
{
    (void)state;
    const kr_density_plug *const *plug = kr_registry_densities;
    while (strcmp((*plug)->name, "gaussian") != 0) {
        plug++;
    }
    const kr_density_plug *gaussian = *plug;
    kr_error err = { 0 };
    kr_system s = system_alloc("phi4", "m2=0.5", "hypercubic", "size=4,4");
    const kr_target target = system_target(&s, 1.0);
    kr_density density = { .plug = gaussian, .n_sites = s.terms->n_sites };
    density.self = gaussian->alloc(&target, NULL, &err);
    assert_non_null(density.self);
    int n_updates = 0;
    for (int u = 0; kr_registry_updates[u]; u++) {
        const kr_update_plug *update = kr_registry_updates[u];
        if (!(update->layouts & KR_LAYOUT_REAL) || !(update->flags & KR_UPDATE_NEEDS_DENSITY)) {
            continue;
        }
        const char *const *yaml = variants_of(update);
        for (int v = 0; yaml[v]; v++) {
            check_exact(update, yaml[v], &s, &density);
        }
        n_updates++;
    }
    assert_true(n_updates >= 3);
    gaussian->free(density.self);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_update_leaves_the_law_as_it_is),
        cmocka_unit_test(every_update_with_a_density_leaves_the_law_as_it_is),
        cmocka_unit_test(nothing_is_refused_where_the_density_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
