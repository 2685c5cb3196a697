/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_cross.c - long runs at critical points: updates against each other where no
 * exact value is known, and exact energies of infinite lattices by extrapolation in size.
 *
 * 3D Ising at the beta_c of Ferrenberg, Xu, Landau (2018). Self-dual Potts: e(T_c) = -(1 +
 * 1/sqrt q), Potts, Proc. Camb. Phil. Soc. 48, 106 (1952). Triangular Ising: e(T_c) = -2 J,
 * Houtappel, Physica 16, 425 (1950). Corrections to the critical energy go as L^-(d - 1/nu). */
#include "physics_run.h"

static result critical(const char *model, const char *lattice, const char *beta,
                       const char *updates, int thermalize, int measure, int every)
{
    char yaml[768];
    snprintf(yaml, sizeof yaml,
             "model: %s\nlattice: %s\nbeta: %s\nchains: 64\nseed: 11\nstart: random\n"
             "updates: [%s]\nphases: {thermalize: %d, measure: %d, every: %d}\n"
             "observables: [energy, magnetization]\n",
             model, lattice, beta, updates, thermalize, measure, every);
    return run(yaml);
}

/* Two independent estimates of one number. */
static void compare(const char *what, mean_error a, mean_error b, double rel, int64_t n)
{
    mean_error difference = { a.mean - b.mean, hypot(a.error, b.error) };
    print_message("# %-46s %.6f(%.0e) and %.6f(%.0e) z %+.2f\n", what, a.mean, a.error, b.mean,
                  b.error, difference.mean / difference.error);
    if (!(a.error <= rel * fabs(a.mean) && b.error <= rel * fabs(b.mean))) {
        fail_msg("%s: errors %.3g and %.3g, want <= %.3g relative", what, a.error, b.error,
                 rel);
    }
    assert_within_sigma(difference.mean, difference.error, 0.0, kr_z_limit(n));
}

static void updates_agree_on_the_critical_3d_ising_model(void **state)
{
    (void)state;
    static const struct {
        int L, heat_bath, wolff, swendsen_wang; /* steps */
    } row[] = {
        { 8, 600000, 200000, 100000 },
        { 16, 400000, 120000, 40000 },
        { 32, 400000, 60000, 12000 },
        { 64, 400000, 30000, 7000 },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        char lattice[96], what[96];
        const char *model = "{name: ising}", *beta = "0.221654626";
        snprintf(lattice, sizeof lattice, "{name: hypercubic, size: [%d, %d, %d]}", row[k].L,
                 row[k].L, row[k].L);
        mean_error bath = critical(model, lattice, beta, "heat_bath", row[k].heat_bath / 20,
                                   row[k].heat_bath, 20)
                              .energy;
        mean_error wolff =
            critical(model, lattice, beta, "{name: wolff}", row[k].wolff / 10, row[k].wolff, 4)
                .energy;
        mean_error sw = critical(model, lattice, beta, "{name: swendsen_wang}",
                                 row[k].swendsen_wang / 10, row[k].swendsen_wang, 2)
                            .energy;
        snprintf(what, sizeof what, "ising %d^3: heat bath and wolff", row[k].L);
        compare(what, bath, wolff, 1e-4, 12);
        snprintf(what, sizeof what, "ising %d^3: wolff and swendsen_wang", row[k].L);
        compare(what, wolff, sw, 1e-4, 12);
        snprintf(what, sizeof what, "ising %d^3: swendsen_wang and heat bath", row[k].L);
        compare(what, sw, bath, 1e-4, 12);
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

static void critical_energies_extrapolate_to_the_exact_ones(void **state)
{
    (void)state;
    static const struct {
        const char *what, *model, *lattice, *beta;
        double energy, power;
    } row[] = {
        { "potts q=3: e(T_c)", "{name: potts, q: 3}", "hypercubic", "1.005052538742381",
          -1.5773502691896257, 0.8 },
        { "potts q=2: e(T_c)", "{name: potts, q: 2}", "hypercubic", "0.8813735870195430",
          -1.7071067811865475, 1.0 },
        { "triangular ising: e(T_c)", "{name: ising}", "triangular", "0.27465307216702742",
          -2.0, 1.0 },
    };
    enum { N = sizeof row / sizeof *row, SIZES = 3 };
    static const int L[SIZES] = { 32, 64, 128 };
    for (int k = 0; k < N; k++) {
        mean_error e[SIZES];
        double x[SIZES];
        for (int l = 0; l < SIZES; l++) {
            char lattice[96];
            snprintf(lattice, sizeof lattice, "{name: %s, size: [%d, %d]}", row[k].lattice,
                     L[l], L[l]);
            e[l] = critical(row[k].model, lattice, row[k].beta, "{name: swendsen_wang}", 1000,
                            16000, 2)
                       .energy;
            x[l] = pow(L[l], -row[k].power);
        }
        check(row[k].what, extrapolate(e, x, SIZES), row[k].energy, 3e-4, N);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(critical_energies_extrapolate_to_the_exact_ones),
        cmocka_unit_test(updates_agree_on_the_critical_3d_ising_model),
    };
    return cmocka_run_group_tests_name("physics_cross", tests, NULL, NULL);
}
