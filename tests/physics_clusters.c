/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_clusters.c - Wolff and Swendsen-Wang against Kaufman's energies and specific
 * heats on tori of 16^2 to 128^2 sites at T_c: energies to 1e-4, specific heats to
 * 5e-3, so that a short run cannot pass. Minutes: suite slow. The heat bath has the same in
 * physics_engines.c. */
#include "physics_run.h"

enum { N_UPDATES = 2 };

static const char *const updates[N_UPDATES] = { "wolff", "swendsen_wang" };

/* Reference table ising2d_torus_kaufman.csv at beta = 0.4406868. */
static const struct {
    int L;
    double energy, specific_heat;
    int steps[N_UPDATES];
} rows[] = {
    { 16, -1.4530649028994417007, 1.4987048884852093573, { 170000, 250000 } },
    { 32, -1.4336585278642896521, 1.8467674420921338186, { 90000, 100000 } },
    { 64, -1.4239384630956077961, 2.1922110906286502716, { 36000, 43000 } },
    { 128, -1.4190763568478923402, 2.5363307228870229983, { 26000, 24000 } },
};
enum { N_ROWS = sizeof rows / sizeof *rows, N_VALUES = 2 * N_UPDATES * N_ROWS };

static void compare(int update, int k)
{
    char yaml[512], what[96];
    const char *name = updates[update];
    int L = rows[k].L, steps = rows[k].steps[update];
    snprintf(yaml, sizeof yaml,
             "model: {name: ising}\nlattice: {name: hypercubic, size: [%d, %d]}\n"
             "beta: 0.4406868\nchains: 64\nseed: 17\nstart: ordered\nupdates: [{name: %s}]\n"
             "phases: {thermalize: %d, measure: %d, every: 2}\n"
             "observables: [energy, magnetization]\n",
             L, L, name, steps / 20, steps);
    result got = run(yaml);
    snprintf(what, sizeof what, "%dx%d %s, %.0f s: e", L, L, name, got.seconds);
    check(what, got.energy, rows[k].energy, 1e-4, N_VALUES);
    strcpy(strrchr(what, ':'), ": c");
    check(what, got.specific_heat, rows[k].specific_heat, 5e-3, N_VALUES);
    fflush(stdout);
}

static void wolff_gives_kaufmans_energies_and_specific_heats(void **state)
{
    (void)state;
    for (int k = 0; k < N_ROWS; k++) {
        compare(0, k);
    }
}

static void swendsen_wang_gives_kaufmans_energies_and_specific_heats(void **state)
{
    (void)state;
    for (int k = 0; k < N_ROWS; k++) {
        compare(1, k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wolff_gives_kaufmans_energies_and_specific_heats),
        cmocka_unit_test(swendsen_wang_gives_kaufmans_energies_and_specific_heats),
    };
    return cmocka_run_group_tests_name("physics_clusters", tests, NULL, NULL);
}
