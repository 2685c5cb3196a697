/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_cubes.c - the 3D Ising model on tori of 2^3, 3^3 and 4^3 sites: every engine of
 * the local updates and both cluster updates against exact energies, specific heats and <m^2>.
 *
 * A side of 2 joins each pair by two bonds. Side 3 has odd cycles: three colors, not two. */
#include "physics_run.h"

typedef struct row {
    int L;
    const char *beta, *field;
    double energy, specific_heat, magnetization_squared; /* per site; the last 0 = not known */
} row;

/* Reference table ising3d_small.csv, boundary p. */
static const row rows[] = {
    { 2, "0.2", "0", -1.532170091501534, 0.4048434515756242, 0.5053552865921754 },
    { 2, "0.22165462", "0", -1.751279362903743, 0.4933201509638906, 0.5773611343454028 },
    { 2, "0.22165462", "0.2", -1.817061907661529, 0.52306653657384, 0.5865129600606411 },
    { 2, "0.3", "0.05", -2.43502288948405, 0.6005401012604028, 0.8070841725401147 },
    { 3, "0.2", "0", -1.113672542711859, 0.5348321914575026, 0.305221930962222 },
    { 3, "0.22165462", "0", -1.434443915548458, 0.7854308573664588, 0.4230020799055027 },
    { 3, "0.3", "0", -2.489699581936267, 0.7252918099968325, 0.8208976051942717 },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* Number of configurations of 4^3 at an energy <= 0, those above 0 being the same: reference
 * table ising3d_dos_E_4x4x4_p.csv. Counts up to 2^53 are exact, the others rounded. */
typedef struct level {
    double energy, count;
} level;

/* clang-format off: a long table */
static const level levels[] = {
    { -192, 2 },
    { -180, 128 },
    { -172, 384 },
    { -168, 3648 },
    { -164, 1920 },
    { -160, 20448 },
    { -156, 71680 },
    { -152, 125952 },
    { -148, 537600 },
    { -144, 1445440 },
    { -140, 3756288 },
    { -136, 11173440 },
    { -132, 29955072 },
    { -128, 79741908 },
    { -124, 214759680 },
    { -120, 564284736 },
    { -116, 1466972160 },
    { -112, 3794966880.0 },
    { -108, 9719376896.0 },
    { -104, 24675685440.0 },
    { -100, 62292331392.0 },
    { -96, 156254486400.0 },
    { -92, 389861188608.0 },
    { -88, 968881334400.0 },
    { -84, 2401604036480.0 },
    { -80, 5943999466080.0 },
    { -76, 14718828604800.0 },
    { -72, 36489120287104.0 },
    { -68, 90531973320960.0 },
    { -64, 224302545792990.0 },
    { -60, 552555915961088.0 },
    { -56, 1345521360969600.0 },
    { -52, 3216056123389440.0 },
    { -48, 7490278550241824.0 },
    { -44, 16869275678196480.0 },
    { -40, 36469040038061376.0 },
    { -36, 75117167475907200.0 },
    { -32, 146393515772750496.0 },
    { -28, 268119161284331136.0 },
    { -24, 458751110448999360.0 },
    { -20, 729280862203782144.0 },
    { -16, 1072405790365371360.0 },
    { -12, 1453109164616688384.0 },
    { -8, 1809232996157293440.0 },
    { -4, 2065243290390040320.0 },
    { 0, 2158800489098126488.0 },
};
/* clang-format on */

static row from_levels(const char *beta)
{
    double b = strtod(beta, NULL), z = 0.0, e = 0.0, e2 = 0.0;
    const double n = 64.0;
    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        for (int sign = -1; sign <= (levels[k].energy < 0.0 ? 1 : -1); sign += 2) {
            double energy = -sign * levels[k].energy, w = levels[k].count * exp(-b * energy);
            z += w;
            e += w * energy;
            e2 += w * energy * energy;
        }
    }
    e /= z;
    return (row){ 4, beta, "0", e / n, b * b * (e2 / z - e * e) / n, 0.0 };
}

static void levels_hold_all_configurations(void **state)
{
    (void)state;
    double n = 0.0;
    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        n += levels[k].count * (levels[k].energy < 0.0 ? 2.0 : 1.0);
    }
    assert_close(n / 18446744073709551616.0, 1.0, 1e-15);
}

/* Steps at L = 2, 3, 4 that make the errors small enough. */
typedef struct method {
    const char *name, *update;
    int steps[3];
} method;

enum { N_METHODS = 8, N_VALUES = 3 * N_METHODS * (N_ROWS + 2) };

static void compare(const row *r, const method *m)
{
    char yaml[512], what[96];
    int steps = m->steps[r->L - 2];
    snprintf(yaml, sizeof yaml,
             "model: {name: ising, field: %s}\nbeta: %s\n"
             "lattice: {name: hypercubic, size: [%d, %d, %d]}\n"
             "chains: 64\nseed: %d\nstart: random\nupdates: [%s]\n"
             "phases: {thermalize: 400, measure: %d, every: 2}\n"
             "observables: [energy, magnetization]\n",
             r->field, r->beta, r->L, r->L, r->L, 40 + r->L, m->update, steps);
    result got = run(yaml);
    snprintf(what, sizeof what, "%d^3 beta %s h %s %s: e", r->L, r->beta, r->field, m->name);
    check(what, got.energy, r->energy, 1e-3, N_VALUES);
    strcpy(strrchr(what, ':'), ": c");
    check(what, got.specific_heat, r->specific_heat, 5e-3, N_VALUES);
    if (r->magnetization_squared > 0.0) {
        strcpy(strrchr(what, ':'), ": <m^2>");
        check(what, got.magnetization_squared, r->magnetization_squared, 2e-3, N_VALUES);
    }
    assert_int_equal(got.has_exact, r->L < 4); /* of 4^3 too many for a transfer matrix */
    if (got.has_exact) {
        assert_close(got.exact.energy_per_site, r->energy, 1e-12);
        assert_close(got.exact.specific_heat, r->specific_heat, 1e-12);
    }
}

static void cubes_come_out_exact(void **state)
{
    const method *m = *state;
    for (int k = 0; k < N_ROWS; k++) {
        compare(&rows[k], m);
    }
    const row four[] = { from_levels("0.22165462"), from_levels("0.3") };
    compare(&four[0], m);
    compare(&four[1], m);
}

#define CUBES(m)                                                                               \
    {                                                                                          \
        .name = m.name, .test_func = cubes_come_out_exact, .initial_state = &m                 \
    }

int main(void)
{
    static method methods[N_METHODS] = {
        { "heat bath bits", "{name: heat_bath, engine: bits}", { 40000, 40000, 28000 } },
        { "heat bath bytes", "{name: heat_bath, engine: bytes}", { 40000, 40000, 28000 } },
        { "heat bath ref", "{name: heat_bath, engine: ref}", { 40000, 40000, 28000 } },
        { "metropolis bits", "{name: metropolis, engine: bits}", { 40000, 40000, 28000 } },
        { "metropolis bytes", "{name: metropolis, engine: bytes}", { 40000, 40000, 28000 } },
        { "metropolis ref", "{name: metropolis, engine: ref}", { 40000, 40000, 28000 } },
        { "wolff", "{name: wolff}", { 40000, 40000, 28000 } },
        { "swendsen_wang", "{name: swendsen_wang}", { 40000, 40000, 28000 } },
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_hold_all_configurations),
        CUBES(methods[0]),
        CUBES(methods[1]),
        CUBES(methods[2]),
        CUBES(methods[3]),
        CUBES(methods[4]),
        CUBES(methods[5]),
        CUBES(methods[6]),
        CUBES(methods[7]),
    };
    return cmocka_run_group_tests_name("physics_cubes", tests, NULL, NULL);
}
