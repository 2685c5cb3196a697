/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_exact.c - whole runs against exact values: z within the limit for the number of
 * values compared. */
#include "physics_run.h"

/* Energies per site of the L x L torus: reference table ising2d_torus_kaufman.csv, computed
 * independently of this program (Kaufman 1949, 110 digits). */
static const struct {
    int L;
    const char *beta;
    double energy;
    int heat_bath, wolff, swendsen_wang; /* steps that make the error small enough */
} kaufman[] = {
    { 4, "0.3", -0.84405407362385666974, 24000, 30000, 25000 },
    { 4, "0.4406868", -1.5656238138147016892, 8000, 8000, 10000 },
    { 4, "0.5", -1.7553802887774352483, 5000, 5000, 4000 },
    { 8, "0.3", -0.71246737267206903188, 6000, 24000, 7000 },
    { 8, "0.4406868", -1.4915891457237195326, 8000, 4000, 4000 },
    { 8, "0.5", -1.74568317029319993, 4000, 4000, 2500 },
    { 16, "0.3", -0.7045326708587675898, 1500, 30000, 2000 },
    { 16, "0.4406868", -1.4530649028994417007, 8000, 3000, 2000 },
    { 16, "0.5", -1.7455306689909190951, 1500, 1500, 1000 },
    { 32, "0.3", -0.70449907176965555674, 500, 30000, 500 },
    { 32, "0.4406868", -1.4336585278642896521, 12000, 2500, 1500 },
    { 32, "0.5", -1.7455645270345736123, 600, 800, 500 },
};

static void ising(const char *update, int which)
{
    enum { N = sizeof kaufman / sizeof *kaufman };
    for (int k = 0; k < N; k++) {
        char yaml[512], what[96];
        const int steps[] = { kaufman[k].heat_bath, kaufman[k].wolff,
                              kaufman[k].swendsen_wang };
        snprintf(yaml, sizeof yaml,
                 "model: {name: ising}\nlattice: {name: hypercubic, size: [%d, %d]}\nbeta: %s\n"
                 "chains: 64\nseed: %d\nstart: ordered\nupdates: [{name: %s}]\n"
                 "phases: {thermalize: %d, measure: %d, every: 2}\n"
                 "observables: [energy, magnetization]\n",
                 kaufman[k].L, kaufman[k].L, kaufman[k].beta, 100 + k, update,
                 steps[which] / 4 + 200, steps[which]);
        snprintf(what, sizeof what, "ising %dx%d beta %s %s: energy", kaufman[k].L,
                 kaufman[k].L, kaufman[k].beta, update);
        check(what, run(yaml).energy, kaufman[k].energy, 1e-3, 3 * N);
    }
}

static void heat_bath_gives_kaufmans_energies(void **state)
{
    (void)state;
    ising("heat_bath", 0);
}

static void wolff_gives_kaufmans_energies(void **state)
{
    (void)state;
    ising("wolff", 1);
}

static void swendsen_wang_gives_kaufmans_energies(void **state)
{
    (void)state;
    ising("swendsen_wang", 2);
}

#define RUN(model, lattice, beta, update)                                                      \
    "model: " model "\nlattice: " lattice "\nbeta: " beta                                      \
    "\nchains: 64\nseed: 7\nstart: random\nupdates: [" update                                  \
    "]\nphases: {thermalize: 1000, measure: 12000, every: 2}\n"                                \
    "observables: [energy, magnetization]\n"

/* Systems that enumeration or a strip solves: every update that takes them. */
static const char *const solved[] = {
    RUN("{name: potts, q: 3}", "{name: hypercubic, size: [3, 3]}", "1.0", "heat_bath"),
    RUN("{name: potts, q: 3}", "{name: hypercubic, size: [3, 3]}", "1.0",
        "metropolis, heat_bath"),
    RUN("{name: potts, q: 3}", "{name: hypercubic, size: [3, 4]}", "0.9", "wolff"),
    RUN("{name: potts, q: 3}", "{name: hypercubic, size: [3, 4]}", "0.9", "swendsen_wang"),
    RUN("{name: potts, q: 3, field: 0.2}", "{name: hypercubic, size: [3, 3]}", "0.9",
        "{name: wolff}, heat_bath"),
    RUN("{name: potts, q: 3, field: 0.2}", "{name: hypercubic, size: [3, 3]}", "0.9",
        "swendsen_wang"),
    RUN("{name: blume_capel, D: 0.8}", "{name: hypercubic, size: [3, 3]}", "1.0", "heat_bath"),
    RUN("{name: blume_capel, D: 0.8, field: 0.1}", "{name: hypercubic, size: [3, 3]}", "1.0",
        "wolff, heat_bath"),
    RUN("{name: blume_capel, D: 0.8}", "{name: hypercubic, size: [3, 4], boundary: open}",
        "1.2", "swendsen_wang, heat_bath"),
    RUN("{name: ising}", "{name: hypercubic, size: [5, 4], boundary: [open, periodic]}", "0.5",
        "heat_bath"),
    RUN("{name: ising}", "{name: hypercubic, size: [4, 4], boundary: antiperiodic}", "0.5",
        "wolff"),
    RUN("{name: ising}", "{name: hypercubic, size: [4, 4], boundary: antiperiodic}", "0.5",
        "swendsen_wang"),
    RUN("{name: ising, disorder: {kind: pm1, seed: 3}}", "{name: hypercubic, size: [4, 4]}",
        "0.8", "heat_bath"),
    RUN("{name: ising, disorder: {kind: gaussian, seed: 3}}",
        "{name: hypercubic, size: [4, 4]}", "0.8", "wolff"),
    RUN("{name: ising, disorder: {kind: gaussian, seed: 4}, random_field: {kind: gaussian, "
        "seed: 5, "
        "strength: 0.7}}",
        "{name: hypercubic, size: [2, 3, 3]}", "0.4", "swendsen_wang, heat_bath"),
    RUN("{name: ising, field: 0.15}", "{name: triangular, size: [4, 4]}", "0.25",
        "swendsen_wang"),
    RUN("{name: ising, J: -1}", "{name: triangular, size: [3, 4], boundary: open}", "0.6",
        "heat_bath"),
};

static void solved_systems_come_out_exact(void **state)
{
    (void)state;
    enum { N = sizeof solved / sizeof *solved };
    for (int k = 0; k < N; k++) {
        char what[96];
        result r = run(solved[k]);
        assert_true(r.has_exact);
        snprintf(what, sizeof what, "solved system %d: energy", k);
        check(what, r.energy, r.exact.energy_per_site, 2e-3, 2 * N);
        if (isfinite(r.exact.magnetization_squared)) {
            snprintf(what, sizeof what, "solved system %d: <m^2>", k);
            check(what, r.magnetization_squared, r.exact.magnetization_squared, 1e-2, 2 * N);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_bath_gives_kaufmans_energies),
        cmocka_unit_test(wolff_gives_kaufmans_energies),
        cmocka_unit_test(swendsen_wang_gives_kaufmans_energies),
        cmocka_unit_test(solved_systems_come_out_exact),
    };
    return cmocka_run_group_tests_name("physics_exact", tests, NULL, NULL);
}
