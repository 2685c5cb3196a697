/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_models.c - what every model of the registry must satisfy on every lattice,
 * checked over all configurations of tiny boxes. A new model is covered without a new test:
 * its fields are set from its table. */
#include "graph_file.h"
#include "kr_system.h"
#include "model/exact.h"

typedef struct box {
    const char *lattice, *fields;
} box;

static const box boxes[] = {
    { "hypercubic", "size=1" },
    { "hypercubic", "size=5" },
    { "hypercubic", "size=2,2" },
    { "hypercubic", "size=3,2" },
    { "hypercubic", "size=3,3" },
    { "hypercubic", "size=2,3 boundary=open" },
    { "hypercubic", "size=3,2 boundary=periodic,open" },
    { "hypercubic", "size=2,2,2" },
    { "hypercubic", "size=3,2 boundary=antiperiodic,periodic" },
    { "hypercubic", "size=4 boundary=antiperiodic" },
    { "triangular", "size=2,2" },
    { "triangular", "size=3,2" },
    { "triangular", "size=3,3" },
    { "triangular", "size=2,3 boundary=open" },
    { "honeycomb", "size=2,2" },
    { "honeycomb", "size=2,2 boundary=open" },
    { "honeycomb", "size=2,3" },
    { "kagome", "size=2,2" },
    { "kagome", "size=2,2 boundary=open" },
    { "complete", "size=1 weight=1" },
    { "complete", "size=4 weight=1/sqrt(N)" },
    { "complete", "size=5 weight=1/N" },
    { "graph", "file=conformance_models_tail.txt" },
    { "graph", "file=conformance_models_tail.txt n_sites=5" },
    { "graph", "file=conformance_models_petersen.txt" },
};

enum { CLEAN, ODD_NUMBERS, PM1, GAUSSIAN, N_VARIANTS };

/* Required integers get their least value plus one; numbers that may be scanned get values that
 * are no round fractions; disorder maps get a law. */
static void set_variant(const kr_field *fields, void *params, int variant)
{
    int k = 0;
    system_defaults(fields, params);
    for (const kr_field *f = fields; f->name; f++) {
        char *p = (char *)params + f->offset;
        if (f->type == KR_TYPE_INT && !f->fallback) {
            *(int64_t *)(void *)p = (int64_t)f->min + 1;
        } else if (f->type == KR_TYPE_REAL && variant == ODD_NUMBERS) {
            double x = 0.37 + 0.61 * k++;
            *(double *)(void *)p = x < f->min ? f->min : x > f->max ? f->max : x;
        } else if (f->type == KR_TYPE_MAP && f->sub == kr_disorder_fields && variant >= PM1) {
            ((kr_disorder *)(void *)p)->kind =
                variant == PM1 ? KR_DISORDER_PM1 : KR_DISORDER_GAUSSIAN;
        }
    }
}

typedef struct check {
    const kr_lattice *lattice;
    const kr_terms *terms;
    const char *name; /* of the model and box, for messages */
    double scale;     /* largest sum of magnitudes of terms */
    bool accepts[64]; /* symmetries of the lattice that the terms accept */
    char text[200];
} check;

static bool is_equal(const check *c, double x, double y)
{
    return fabs(x - y) <= 1e-13 * c->scale;
}

static double energy(const check *c, const uint8_t *s)
{
    return kr_terms_energy(c->terms, s, 1);
}

/* Local energies at every site: differences are energy differences. */
static void check_local(void *context, const uint8_t *state, double at)
{
    const check *c = context;
    uint8_t s[16];
    double e[KR_STATES_MAX];
    memcpy(s, state, (size_t)c->terms->n_sites);
    if (!is_equal(c, at, energy(c, s))) {
        fail_msg("%s: walked energy %.17g, sum of terms %.17g", c->name, at, energy(c, s));
    }
    for (int32_t i = 0; i < c->terms->n_sites; i++) {
        kr_terms_local(c->terms, s, i, e);
        for (int32_t a = 0; a < c->terms->q; a++) {
            s[i] = (uint8_t)a;
            if (!is_equal(c, e[a] - e[state[i]], energy(c, s) - at)) {
                fail_msg("%s: site %d to state %d: local difference %.17g, energies %.17g",
                         c->name, i, a, e[a] - e[state[i]], energy(c, s) - at);
            }
        }
        s[i] = state[i];
    }
    if (c->terms->is_integer && at != rint(at)) {
        fail_msg("%s: energy %.17g, want a whole number", c->name, at);
    }
}

/* Lattice symmetries that the terms accept, and exchanges of states of one class, leave every
 * energy as it is. */
static void check_symmetric(void *context, const uint8_t *state, double at)
{
    const check *c = context;
    int32_t n = c->terms->n_sites;
    uint8_t s[16];
    for (int32_t g = 0; g < c->lattice->n_symmetries; g++) {
        const int32_t *image = c->lattice->symmetry + g * n;
        for (int32_t i = 0; i < n; i++) {
            s[image[i]] = state[i];
        }
        if (c->accepts[g] && !is_equal(c, at, energy(c, s))) {
            fail_msg("%s: symmetry %d changes an energy", c->name, g);
        }
    }
    for (int32_t a = 0; a < c->terms->q; a++) {
        for (int32_t b = 0; b < a; b++) {
            double local = 0.0;
            for (int32_t i = 0; i < n; i++) {
                s[i] = state[i] == a ? (uint8_t)b : state[i] == b ? (uint8_t)a : state[i];
                const double *u = c->terms->local + i * c->terms->q;
                local += u[s[i]] - u[state[i]];
            }
            double change = energy(c, s) - at;
            if (c->terms->state_class[a] == c->terms->state_class[b] &&
                !is_equal(c, change, 0.0)) {
                fail_msg("%s: states %d, %d of one class differ", c->name, a, b);
            }
            if (c->terms->pair_class[a] == c->terms->pair_class[b] &&
                !is_equal(c, change, local)) {
                fail_msg("%s: states %d, %d of one pair class differ", c->name, a, b);
            }
        }
    }
}

static double scale_of(const kr_terms *terms)
{
    double scale = 1.0, largest = 0.0;
    for (size_t k = 0; k < terms->table_begin[terms->n_tables]; k++) {
        largest = fmax(largest, fabs(terms->table[k]));
    }
    for (int64_t t = 0; t < terms->n_terms; t++) {
        scale += fabs(terms->coupling[t]) * largest;
    }
    for (int32_t k = 0; k < terms->n_sites * terms->q; k++) {
        scale += fabs(terms->local[k]);
    }
    return scale;
}

/* Calls look for each model, variant and box that fits; refusals must give a reason. */
static int for_all(void (*look)(const kr_system *s, check *c, int variant))
{
    int n_looked = 0;
    for (const kr_model_plug *const *plug = kr_registry_models; *plug; plug++) {
        if (!(*plug)->n_states) {
            continue; /* real-valued: conformance_actions */
        }
        for (size_t k = 0; k < N_VARIANTS * (sizeof boxes / sizeof *boxes); k++) {
            const box *b = &boxes[k / N_VARIANTS];
            int variant = (int)(k % N_VARIANTS);
            kr_error err = { 0 };
            kr_system s = { .lattice = system_lattice(b->lattice, b->fields, &err) };
            assert_non_null(s.lattice);
            assert_true((*plug)->params_size <= sizeof s.model_params);
            set_variant((*plug)->fields, s.model_params, variant);
            s.terms = kr_terms_alloc(*plug, s.model_params, s.lattice, &err);
            if (!s.terms) {
                if (err.status != KR_EUNSUP || !strstr(err.text, (*plug)->name)) {
                    fail_msg("%s on %s: %s", (*plug)->name, b->fields, err.text);
                }
            } else if (pow(s.terms->q, s.terms->n_sites) <= 20000.0) {
                check c = { .lattice = s.lattice, .terms = s.terms };
                snprintf(c.text, sizeof c.text, "%s, variant %d on %s %s", (*plug)->name,
                         variant, b->lattice, b->fields);
                c.name = c.text;
                c.scale = scale_of(s.terms);
                look(&s, &c, variant);
                n_looked++;
            }
            system_free(&s);
        }
    }
    return n_looked;
}

static void look_local(const kr_system *s, check *c, int variant)
{
    (void)variant;
    kr_error err = { 0 };
    assert_ok(kr_enumerate_visit(s->terms, check_local, c, &err), &err);
}

static void local_differences_are_energy_differences(void **state)
{
    (void)state;
    assert_true(for_all(look_local) > 0);
}

static void look_symmetric(const kr_system *s, check *c, int variant)
{
    kr_error err = { 0 };
    assert_true(s->lattice->n_symmetries <= 64);
    for (int32_t g = 0; g < s->lattice->n_symmetries; g++) {
        const int32_t *image = s->lattice->symmetry + g * s->lattice->n_sites;
        c->accepts[g] = kr_terms_is_symmetry(s->terms, image);
        if (variant < PM1 && !(c->accepts[g] && kr_lattice_is_symmetry(s->lattice, image))) {
            fail_msg("%s: symmetry %d of the lattice is none of the clean model", c->name, g);
        }
    }
    assert_ok(kr_enumerate_visit(s->terms, check_symmetric, c, &err), &err);
}

static void symmetries_and_classes_leave_energies_invariant(void **state)
{
    (void)state;
    assert_true(for_all(look_symmetric) > 0);
}

/* The same sum over configurations by two independent methods. */
static void look_partition_function(const kr_system *s, check *c, int variant)
{
    (void)variant;
    if (!s->terms->is_pair) {
        return;
    }
    for (double beta = -0.4; beta < 2.0; beta += 0.7) {
        kr_error err = { 0 };
        kr_exact x, y;
        kr_target target = system_target(s, beta);
        assert_ok(kr_exact_strip(&target, &x, &err), &err);
        assert_ok(kr_exact_enumerate(&target, &y, &err), &err);
        if (!is_equal(c, x.log_z, y.log_z) ||
            fabs(x.energy_per_site - y.energy_per_site) > 1e-12 * c->scale ||
            fabs(x.specific_heat - y.specific_heat) > 1e-11 * c->scale * c->scale) {
            fail_msg("%s, beta %g: transfer %.17g %.17g %.17g, enumeration %.17g %.17g %.17g",
                     c->name, beta, x.log_z, x.energy_per_site, x.specific_heat, y.log_z,
                     y.energy_per_site, y.specific_heat);
        }
    }
}

static void transfer_equals_enumeration(void **state)
{
    (void)state;
    assert_true(for_all(look_partition_function) > 0);
}

static void look_phases(const kr_system *s, check *c, int variant)
{
    (void)variant;
    const kr_terms *terms = s->terms;
    for (int32_t p = 0; p < terms->n_phases; p++) {
        const kr_phase *phase = &terms->phase[p];
        for (int32_t other = 0; other < p; other++) {
            if (phase->from <= terms->phase[other].to &&
                terms->phase[other].from <= phase->to) {
                fail_msg("%s: phases %s and %s overlap", c->name, phase->name,
                         terms->phase[other].name);
            }
        }
        for (int32_t a = 0; a < terms->q; a++) {
            int64_t count[KR_STATES_MAX] = { 0 };
            bool is_start = phase->start_state == a;
            count[a] = terms->n_sites;
            if (phase->start_state == KR_START_RANDOM && terms->n_sites % terms->q == 0) {
                is_start = true;
                for (int32_t b = 0; b < terms->q; b++) {
                    count[b] = terms->n_sites / terms->q;
                }
            }
            if ((is_start || phase->start_state == KR_START_ANY_ORDERED) &&
                kr_terms_phase(terms, kr_terms_order(terms, count)) != p) {
                fail_msg("%s: the start of phase %s lies outside it", c->name, phase->name);
            }
        }
    }
}

static void phases_are_disjoint_and_hold_their_starts(void **state)
{
    (void)state;
    assert_true(for_all(look_phases) > 0);
}

static void plugs_are_documented(void **state)
{
    (void)state;
    for (const kr_model_plug *const *plug = kr_registry_models; *plug; plug++) {
        assert_true((*plug)->doc && (*plug)->doc[0] && (*plug)->source && (*plug)->source[0]);
        for (const kr_field *f = (*plug)->fields; f->name; f++) {
            assert_true(f->doc && f->doc[0]);
            assert_true(f->type == KR_TYPE_MAP || f->offset < (*plug)->params_size);
        }
        for (const kr_fact *fact = (*plug)->facts; fact && fact->lattice; fact++) {
            assert_true(fact->quantity && fact->params && fact->source && fact->source[0]);
            assert_true(isfinite(fact->value));
        }
    }
}

int main(void)
{
    graph_write("conformance_models_tail.txt", graph_tail);
    graph_write("conformance_models_petersen.txt", graph_petersen);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_differences_are_energy_differences),
        cmocka_unit_test(symmetries_and_classes_leave_energies_invariant),
        cmocka_unit_test(transfer_equals_enumeration),
        cmocka_unit_test(phases_are_disjoint_and_hold_their_starts),
        cmocka_unit_test(plugs_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
