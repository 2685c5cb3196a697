/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_actions.c - what every real-valued model of the registry must satisfy on
 * small systems: forces against energies, changes against energies, symmetries, the same bits
 * for every lane and instruction set, phases that hold their starts. A new model is covered
 * without a new test where the defaults of its fields, or odd numbers in those that may be
 * scanned, fit one of the boxes; else by a row. */
#include "kr_real_block.h"

#include "base/isa.h"
#include "model/action.h"
#include "model/quartic.h"
#include "model/rotors.h"

static const struct {
    const char *lattice, *fields;
} boxes[] = {
    { "hypercubic", "size=3,3" },
    { "hypercubic", "size=2,3 boundary=open" },
    { "hypercubic", "size=5 boundary=antiperiodic" },
    { "triangular", "size=3,3" },
    { "complete", "size=4 weight=1/N" },
    { "variables", "size=1" },
    { "variables", "size=2" },
    { "variables", "size=10" },
};

/* Fields that a model needs beside its defaults. */
static const struct {
    const char *model, *fields;
} rows[] = {
    { "phi4", "m2=-1.3 lambda=0.7 field=0.2" },
    { "phi4", "m2=0.4" },
    { "phi4", "convention=half m2=-2 lambda=0.9" },
    { "phi4", "convention=kappa kappa=0.3 lambda=0.1 field=-0.4" },
    { "phi4", "convention=normflow kappa=0.6 m2=-1 lambda=0.5" },
    { "phi4", "convention=schaich m2=-1 lambda=0.5" },
    { "phi4", "convention=pnas a=0.1 b=0.02 ends=zero" },
    { "mixture", "modes=4 arrangement=hypercube ratio=0.7 radius=1.5" },
    { "mixture", "modes=5 radius=2 width=0.8" },
    { "eight_schools", "variables=centered" },
};

typedef struct subject {
    const kr_system *system;
    const kr_action *action;
    kr_block *block; /* 19 chains of normals */
    char name[256];
} subject;

enum { LANES = 19 };

static void set_odd_numbers(const kr_field *fields, void *params)
{
    int k = 0;
    system_defaults(fields, params);
    for (const kr_field *f = fields; f->name; f++) {
        if (f->type == KR_TYPE_REAL && f->flags & KR_FIELD_SCAN) {
            const double x = 0.37 + 0.61 * k++;
            *(double *)(void *)((char *)params + f->offset) = x < f->min   ? f->min
                                                              : x > f->max ? f->max
                                                                           : x;
        }
    }
}

/* One model with given fields (NULL: odd numbers) on a box; refusals must give a reason. */
static int look_at(const kr_model_plug *plug, const char *fields, size_t b,
                   void (*look)(const subject *s))
{
    kr_error err = { 0 };
    kr_system system = { .lattice = system_lattice(boxes[b].lattice, boxes[b].fields, &err) };
    assert_non_null(system.lattice);
    if (fields) {
        system_params(plug->fields, fields, system.model_params);
    } else {
        set_odd_numbers(plug->fields, system.model_params);
    }
    system.terms = kr_terms_alloc(plug, system.model_params, system.lattice, &err);
    const bool is_built = system.terms != NULL;
    if (is_built) {
        subject s = { .system = &system, .action = system.terms->action };
        snprintf(s.name, sizeof s.name, "%s %s on %s %s", plug->name, fields ? fields : "odd",
                 boxes[b].lattice, boxes[b].fields);
        s.block = real_block(system.terms, LANES, s.action->start_width, 3 + b);
        look(&s);
        kr_block_free(s.block);
    } else if (err.status == KR_OK || strlen(err.text) == 0) {
        fail_msg("%s: refused without a reason", plug->name);
    }
    system_free(&system);
    return is_built;
}

static void for_all(void (*look)(const subject *s))
{
    for (const kr_model_plug *const *plug = kr_registry_models; *plug; plug++) {
        int n = 0;
        for (size_t b = 0; !(*plug)->n_states && b < sizeof boxes / sizeof *boxes; b++) {
            n += look_at(*plug, "", b, look) + look_at(*plug, NULL, b, look);
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                if (strcmp(rows[r].model, (*plug)->name) == 0) {
                    n += look_at(*plug, rows[r].fields, b, look);
                }
            }
        }
        if (!(*plug)->n_states && n == 0) {
            fail_msg("%s: no system was looked at, want a row of fields", (*plug)->name);
        }
    }
}

static size_t at(const subject *s, int32_t i, int32_t lane)
{
    return (size_t)i * (size_t)s->block->stride + (size_t)lane;
}

static void energies(const subject *s, double *energy)
{
    s->action->energy(s->action->self, LANES, s->block->phi, (size_t)s->block->stride, energy);
}

static double *gradient(const subject *s, double scale)
{
    const size_t size = (size_t)s->block->n_sites * (size_t)s->block->stride;
    double *out = calloc(size, sizeof *out);
    assert_non_null(out);
    s->action->add_gradient(s->action->self, LANES, s->block->phi, (size_t)s->block->stride,
                            scale, out);
    return out;
}

static void expect(const subject *s, const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %s = %.17g, want %.17g within %.3g", s->name, what, got, want, bound);
    }
}

static void look_force(const subject *s)
{
    double *slope = gradient(s, 1.0), *twice = gradient(s, -2.0);
    for (int32_t i = 0; i < s->block->n_sites; i++) {
        double up[LANES], down[LANES], kept[LANES];
        double *x = s->block->phi + at(s, i, 0);
        memcpy(kept, x, sizeof kept);
        for (int l = 0; l < LANES; l++) {
            x[l] = kept[l] + 1e-5;
        }
        energies(s, up);
        for (int l = 0; l < LANES; l++) {
            x[l] = kept[l] - 1e-5;
        }
        energies(s, down);
        memcpy(x, kept, sizeof kept);
        for (int l = 0; l < LANES; l++) {
            const double want = (up[l] - down[l]) / 2e-5;
            const double size = fmax(1.0, fabs(want)) + 1e-4 * fabs(up[l]);
            expect(s, "force", slope[at(s, i, l)], want, 1e-6 * size);
            expect(s, "scaled force", twice[at(s, i, l)], -2.0 * slope[at(s, i, l)],
                   1e-12 * size);
        }
    }
    free(slope);
    free(twice);
}

static void forces_are_slopes_of_the_energy(void **state)
{
    (void)state;
    for_all(look_force);
}

static void look_change(const subject *s)
{
    double before[LANES], after[LANES], value[2 * KR_LANES_PAD], change[2 * KR_LANES_PAD];
    energies(s, before);
    for (int32_t i = 0; s->action->change && i < s->block->n_sites; i++) {
        double *x = s->block->phi + at(s, i, 0), kept[LANES];
        memcpy(kept, x, sizeof kept);
        for (int l = 0; l < 2 * KR_LANES_PAD; l++) {
            value[l] = 0.3 * l - 2.0;
        }
        s->action->change(s->action->self, i, LANES, s->block->phi, (size_t)s->block->stride,
                          value, change);
        memcpy(x, value, sizeof kept);
        energies(s, after);
        memcpy(x, kept, sizeof kept);
        for (int l = 0; l < LANES; l++) {
            expect(s, "change", change[l], after[l] - before[l],
                   1e-10 * fmax(1.0, fabs(after[l])));
        }
    }
}

static void changes_are_differences_of_energies(void **state)
{
    (void)state;
    for_all(look_change);
}

static void look_virial(const subject *s)
{
    double *slope = gradient(s, 1.0), virial[LANES];
    if (s->action->virial) {
        s->action->virial(s->action->self, LANES, s->block->phi, (size_t)s->block->stride,
                          virial);
    }
    for (int l = 0; s->action->virial && l < LANES; l++) {
        double want = 0.0, size = 1.0;
        for (int32_t i = 0; i < s->block->n_sites; i++) {
            const double term = s->block->phi[at(s, i, l)] * slope[at(s, i, l)];
            want += term;
            size += fabs(term);
        }
        expect(s, "virial", virial[l], want, 1e-13 * size);
    }
    free(slope);
}

static void virials_are_sums_of_phi_times_force(void **state)
{
    (void)state;
    for_all(look_virial);
}

/* The models are uniform: what the lattice does not notice they must not. */
static void look_symmetric(const subject *s)
{
    const kr_lattice *lattice = s->system->lattice;
    const int32_t n = s->block->n_sites;
    double before[LANES], after[LANES];
    double *kept = calloc(s->block->size, 1);
    assert_non_null(kept);
    energies(s, before);
    memcpy(kept, s->block->phi, s->block->size);
    for (int32_t g = 0; g < lattice->n_symmetries; g++) {
        for (int32_t i = 0; i < n; i++) {
            memcpy(s->block->phi + at(s, lattice->symmetry[g * n + i], 0), kept + at(s, i, 0),
                   LANES * sizeof *kept);
        }
        energies(s, after);
        for (int l = 0; l < LANES; l++) {
            expect(s, "energy of the image", after[l], before[l],
                   1e-12 * (1.0 + fabs(before[l])));
        }
    }
    for (int32_t i = 0; s->action->is_angle && i < n; i++) {
        memcpy(s->block->phi, kept, s->block->size);
        for (int l = 0; l < LANES; l++) {
            s->block->phi[at(s, i, l)] += 2.0 * M_PI;
        }
        energies(s, after);
        for (int l = 0; l < LANES; l++) {
            expect(s, "energy after a turn", after[l], before[l],
                   1e-12 * (1.0 + fabs(before[l])));
        }
    }
    free(kept);
}

static void symmetries_of_the_lattice_and_turns_keep_energies(void **state)
{
    (void)state;
    for_all(look_symmetric);
}

/* Everything an action gives, in one array. */
static double *all_numbers(const subject *s, size_t *n)
{
    const size_t size = (size_t)s->block->n_sites * (size_t)s->block->stride;
    const size_t pad = 2 * KR_LANES_PAD;
    double *slope = gradient(s, 0.7), *out = calloc(size + 3 * pad, sizeof *out);
    double value[2 * KR_LANES_PAD];
    assert_non_null(out);
    memcpy(out, slope, size * sizeof *out);
    free(slope);
    energies(s, out + size);
    for (size_t l = 0; l < pad; l++) {
        value[l] = 0.1 * (double)l;
    }
    if (s->action->change) {
        s->action->change(s->action->self, 0, LANES, s->block->phi, (size_t)s->block->stride,
                          value, out + size + pad);
    }
    if (s->action->virial) {
        s->action->virial(s->action->self, LANES, s->block->phi, (size_t)s->block->stride,
                          out + size + 2 * pad);
    }
    *n = size + 3 * pad;
    return out;
}

static void use(const kr_action *action, kr_isa isa)
{
    if (action->quartic) {
        kr_quartic_use((kr_action *)action, isa);
    } else if (action->rotors) {
        kr_rotors_use((kr_action *)action, isa);
    }
}

static void look_bits(const subject *s)
{
    size_t n;
    double *best = all_numbers(s, &n), alone[KR_LANES_PAD], energy[LANES];
    for (kr_isa isa = KR_ISA_PORTABLE; isa <= KR_ISA_AVX512; isa++) {
        if (kr_isa_runs(isa)) {
            use(s->action, isa);
            double *other = all_numbers(s, &n);
            assert_memory_equal(best, other, n * sizeof *best);
            free(other);
        }
    }
    use(s->action, KR_ISA_BEST);
    energies(s, energy);
    for (int32_t l = 0; l < LANES; l++) { /* each chain by itself */
        kr_block *one = real_block(s->system->terms, 1, 1.0, 99);
        for (int32_t i = 0; i < one->n_sites; i++) {
            one->phi[i * one->stride] = s->block->phi[at(s, i, l)];
        }
        s->action->energy(s->action->self, 1, one->phi, (size_t)one->stride, alone);
        assert_memory_equal(alone, &energy[l], sizeof *alone);
        kr_block_free(one);
    }
    free(best);
}

static void numbers_have_the_same_bits_on_all_machines_and_lanes(void **state)
{
    (void)state;
    for_all(look_bits);
}

static void set_all(const subject *s, double value)
{
    for (int32_t k = 0; k < s->block->n_sites * s->block->stride; k++) {
        s->block->phi[k] = value;
    }
}

static void look_order(const subject *s)
{
    const kr_terms *terms = s->system->terms;
    double order[LANES];
    set_all(s, 0.75);
    kr_action_order(s->action, LANES, s->block->phi, (size_t)s->block->stride, order);
    for (int l = 0; !s->action->order && l < LANES; l++) {
        expect(s, "order", order[l], s->action->is_angle ? 1.0 : 0.75, 1e-14);
    }
    for (int32_t p = 0; p < terms->n_phases; p++) {
        for (int32_t other = 0; other < p; other++) {
            assert_true(terms->phase[p].from > terms->phase[other].to ||
                        terms->phase[p].to < terms->phase[other].from);
        }
        if (terms->phase[p].start_state == KR_START_VALUE) {
            set_all(s, terms->phase[p].start_value);
            kr_action_order(s->action, LANES, s->block->phi, (size_t)s->block->stride, order);
            assert_int_equal(kr_terms_phase(terms, order[LANES - 1]), p);
        }
    }
}

static void phases_are_disjoint_and_hold_their_starts(void **state)
{
    (void)state;
    for_all(look_order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forces_are_slopes_of_the_energy),
        cmocka_unit_test(changes_are_differences_of_energies),
        cmocka_unit_test(virials_are_sums_of_phi_times_force),
        cmocka_unit_test(symmetries_of_the_lattice_and_turns_keep_energies),
        cmocka_unit_test(numbers_have_the_same_bits_on_all_machines_and_lanes),
        cmocka_unit_test(phases_are_disjoint_and_hold_their_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
