/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_cross.c - long runs at critical points: updates against each other where no
 * exact value is known, and exact energies of infinite lattices by extrapolation in size.
 *
 *   physics_cross [PART]     PART = planar | 8 | 16 | 32 | 64; all without one
 *
 * Every relative error is at most 1e-4.
 * 3D Ising at the beta_c of Ferrenberg, Xu, Landau (2018). Self-dual Potts: e(T_c) = -(1 +
 * 1/sqrt q), Potts, Proc. Camb. Phil. Soc. 48, 106 (1952). Triangular Ising: e(T_c) = -2 J,
 * Houtappel, Physica 16, 425 (1950). Corrections to the critical energy go as L^-(d - 1/nu).
 * q = 4 is left out: its corrections go with powers of log L. */
#include "physics_run.h"

static const double LARGEST_ERROR = 1e-4; /* relative */

static result critical(const char *model, const char *lattice, const char *beta,
                       const char *updates, int thermalize, int measure, int every)
{
    char yaml[768];
    snprintf(yaml, sizeof yaml,
             "model: %s\nlattice: %s\nbeta: %s\nchains: 64\nseed: 11\nstart: ordered\n"
             "updates: [%s]\nphases: {thermalize: %d, measure: %d, every: %d}\n"
             "observables: [energy, magnetization]\n",
             model, lattice, beta, updates, thermalize, measure, every);
    return run(yaml);
}

static void tell(const char *what, result r)
{
    print_message("# %-46s %.7f(%.1e), %.1e relative, %.0f s\n", what, r.energy.mean,
                  r.energy.error, r.energy.error / fabs(r.energy.mean), r.seconds);
    fflush(stdout);
}

static void check_error(const char *what, mean_error e)
{
    if (!(e.error <= LARGEST_ERROR * fabs(e.mean))) {
        fail_msg("%s: error %.3g, want <= %.3g relative", what, e.error, LARGEST_ERROR);
    }
}

/* Two independent estimates of one number. */
static void compare(const char *what, mean_error a, mean_error b, int64_t n)
{
    mean_error difference = { a.mean - b.mean, hypot(a.error, b.error) };
    print_message("# %-46s %+.1e(%.0e) z %+.2f\n", what, difference.mean, difference.error,
                  difference.mean / difference.error);
    assert_within_sigma(difference.mean, difference.error, 0.0, kr_z_limit(n));
}

/* Steps of each update, and how many between draws. Clusters start from order: from disorder
 * Wolff's are small for long. */
typedef struct cube {
    int L, heat_bath, wolff, swendsen_wang, every[3];
} cube;

static const cube cubes[] = {
    { 8, 3400000, 1050000, 830000, { 20, 2, 2 } },
    { 16, 1330000, 760000, 215000, { 20, 4, 2 } },
    { 32, 840000, 250000, 48000, { 20, 8, 2 } },
    { 64, 470000, 100000, 7800, { 20, 8, 2 } },
};

static void updates_agree(const cube *c)
{
    enum { N = 3, CUBES = sizeof cubes / sizeof *cubes };
    static const char *const update[N] = { "heat_bath", "wolff", "swendsen_wang" };
    const int steps[N] = { c->heat_bath, c->wolff, c->swendsen_wang };
    mean_error e[N];
    char text[128];
    for (int k = 0; k < N; k++) {
        snprintf(text, sizeof text, "{name: hypercubic, size: [%d, %d, %d]}", c->L, c->L, c->L);
        result r = critical("{name: ising}", text, "0.221654626", update[k], steps[k] / 12,
                            steps[k], c->every[k]);
        e[k] = r.energy;
        snprintf(text, sizeof text, "ising %d^3 %s: e", c->L, update[k]);
        tell(text, r);
    }
    for (int k = 0; k < N; k++) {
        check_error(update[k], e[k]);
        snprintf(text, sizeof text, "ising %d^3: %s - %s", c->L, update[k],
                 update[(k + 1) % N]);
        compare(text, e[k], e[(k + 1) % N], N * CUBES);
    }
}

static void updates_agree_on_the_critical_3d_ising_model(void **state)
{
    const char *part = *state;
    if (part && !strcmp(part, "planar")) {
        skip();
    }
    for (size_t k = 0; k < sizeof cubes / sizeof *cubes; k++) {
        if (!part || strtol(part, NULL, 10) == cubes[k].L) {
            updates_agree(&cubes[k]);
        }
    }
}

/* Least squares of e_L = e + a x_L, x_L = L^-power, weighted; returns e with its error. */
static mean_error extrapolate(const mean_error *e, const double *x, int n)
{
    double s = 0.0, sx = 0.0, sxx = 0.0, sy = 0.0, sxy = 0.0;
    for (int k = 0; k < n; k++) {
        double w = 1.0 / (e[k].error * e[k].error);
        s += w;
        sx += w * x[k];
        sxx += w * x[k] * x[k];
        sy += w * e[k].mean;
        sxy += w * x[k] * e[k].mean;
    }
    double determinant = s * sxx - sx * sx;
    return (mean_error){ (sxx * sy - sx * sxy) / determinant, sqrt(sxx / determinant) };
}

enum { SIZES = 3 };

typedef struct planar {
    const char *what, *model, *lattice, *beta, *update;
    double energy, power;
    int L[SIZES], steps[SIZES], every;
} planar;

/* Exact energies of 4 <= L <= 10 say how far the next corrections are from mattering at L = 16:
 * (e_L - e) L^power is 0.4040, 0.4041, 0.4038 (q = 3, L = 5, 6, 7) and 1.01732, 1.01737
 * (triangular, L = 8, 10). */
static const planar planars[] = {
    { "potts q=3",
      "{name: potts, q: 3}",
      "hypercubic",
      "1.005052538742381",
      "swendsen_wang",
      -1.5773502691896257,
      0.8,
      { 16, 32, 128 },
      { 100000, 34000, 38000 },
      2 },
    { "potts q=2",
      "{name: potts, q: 2}",
      "hypercubic",
      "0.8813735870195430",
      "swendsen_wang",
      -1.7071067811865475,
      1.0,
      { 16, 32, 64 },
      { 30000, 20000, 20000 },
      2 },
    { "triangular ising",
      "{name: ising}",
      "triangular",
      "0.27465307216702742",
      "heat_bath",
      -2.0,
      1.0,
      { 16, 32, 64 },
      { 3000000, 3000000, 3000000 },
      20 },
    { "triangular ising",
      "{name: ising}",
      "triangular",
      "0.27465307216702742",
      "wolff",
      -2.0,
      1.0,
      { 8, 16, 64 },
      { 100000, 70000, 50000 },
      2 },
};

static void critical_energies_extrapolate_to_the_exact_ones(void **state)
{
    const char *part = *state;
    enum { N = sizeof planars / sizeof *planars };
    if (part && strcmp(part, "planar")) {
        skip();
    }
    for (int k = 0; k < N; k++) {
        const planar *p = &planars[k];
        mean_error e[SIZES];
        double x[SIZES];
        char text[128];
        for (int l = 0; l < SIZES; l++) {
            snprintf(text, sizeof text, "{name: %s, size: [%d, %d]}", p->lattice, p->L[l],
                     p->L[l]);
            result r = critical(p->model, text, p->beta, p->update, p->steps[l] / 12,
                                p->steps[l], p->every);
            snprintf(text, sizeof text, "%s %dx%d %s: e", p->what, p->L[l], p->L[l], p->update);
            tell(text, r);
            e[l] = r.energy;
            x[l] = pow(p->L[l], -p->power);
        }
        snprintf(text, sizeof text, "%s %s: e(T_c), infinite", p->what, p->update);
        check(text, extrapolate(e, x, SIZES), p->energy, LARGEST_ERROR, N);
    }
}

static bool is_part(const char *name)
{
    bool is_known = !strcmp(name, "planar");
    for (size_t k = 0; k < sizeof cubes / sizeof *cubes; k++) {
        is_known |= strtol(name, NULL, 10) == cubes[k].L;
    }
    return is_known;
}

int main(int argc, char **argv)
{
    char *part = argc > 1 ? argv[1] : NULL;
    if (part && !is_part(part)) {
        fprintf(stderr, "physics_cross: %s, want planar, 8, 16, 32 or 64\n", part);
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(critical_energies_extrapolate_to_the_exact_ones, part),
        cmocka_unit_test_prestate(updates_agree_on_the_critical_3d_ising_model, part),
    };
    return cmocka_run_group_tests_name("physics_cross", tests, NULL, NULL);
}
