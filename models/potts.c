/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/potts.c - q-state Potts model.
 *
 *   H = -sum_<ij> J_ij delta(s_i, s_j) - h sum_i delta(s_i, 0)
 *
 * Source: Potts, Proc. Camb. Phil. Soc. 48, 106 (1952); Wu, Rev. Mod. Phys. 54, 235 (1982). */
#include "kramers_plug.h"

#include <stdlib.h>

typedef struct params {
    int64_t q;
    double J, field;
    kr_disorder disorder;
} params;

static const kr_field fields[] = { { .name = "q",
                                     .type = KR_TYPE_INT,
                                     .offset = offsetof(params, q),
                                     .min = 2,
                                     .max = KR_STATES_MAX,
                                     .doc = "number of states" },
                                   { .name = "J",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, J),
                                     .fallback = "1",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "coupling; multiplies the disorder of the bonds" },
                                   { .name = "field",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, field),
                                     .fallback = "0",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "field h on state 0" },
                                   { .name = "disorder",
                                     .type = KR_TYPE_MAP,
                                     .offset = offsetof(params, disorder),
                                     .fallback = "{}",
                                     .sub = kr_disorder_fields,
                                     .doc = "couplings J_ij in units of J" },
                                   KR_FIELD_END };

static int n_states(const void *parameters)
{
    return (int)((const params *)parameters)->q;
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    const params *p = parameters;
    if (lattice->has_antiperiodic) {
        return kr_fail(err, KR_EUNSUP,
                       "potts: antiperiodic boundary, want periodic or open (no exchange of "
                       "states flips the sign of a Potts coupling)");
    }
    double *V = calloc((size_t)(p->q * p->q), sizeof *V), on_zero[KR_STATES_MAX] = { -1 };
    if (!V) {
        return kr_fail(err, KR_ENOMEM, "potts: no memory for %d states", (int)p->q);
    }
    for (int64_t a = 0; a < p->q; a++) {
        terms->value[a] = (double)a;
        V[a * p->q + a] = -1;
    }
    terms->order = KR_ORDER_POTTS;
    int status = kr_terms_add_disordered_bonds(terms, lattice, V, p->J, &p->disorder, err);
    free(V);
    KR_TRY(status);
    KR_TRY(kr_terms_add_field(terms, lattice, on_zero, p->field, NULL, err));
    KR_TRY(kr_terms_add_phase(terms, "disordered", -0.01, 0.3, KR_START_RANDOM, err));
    return kr_terms_add_phase(terms, "ordered", 0.6, 1, KR_START_ANY_ORDERED, err);
}

static const kr_fact facts[] = {
    { "hypercubic 2D", "beta_c", "q=2", 0.88137358701954294, "ln(1 + sqrt q)" },
    { "hypercubic 2D", "beta_c", "q=3", 1.005052538742381, "ln(1 + sqrt q)" },
    { "hypercubic 2D", "beta_c", "q=4", 1.0986122886681098, "ln(1 + sqrt q)" },
    { "hypercubic 2D", "beta_c", "q=10", 1.4260624389053682, "ln(1 + sqrt q)" },
    { "hypercubic 2D", "beta_c", "q=20", 1.6996690255890117, "ln(1 + sqrt q)" },
    { "triangular", "beta_c", "q=3", 0.63094472420204595, "v^3 + 3 v^2 = q" },
    { "triangular", "beta_c", "q=4", 0.69314718055994529, "v^3 + 3 v^2 = q" },
    { "honeycomb", "beta_c", "q=3", 1.4842089029478238, "v^3 = 3 q v + q^2" },
    { "honeycomb", "beta_c", "q=4", 1.6094379124341003, "v^3 = 3 q v + q^2" },
    { "complete", "beta_c", "q=2, weight 1/N", 2.0, "Curie-Weiss" },
    { .lattice = NULL }
};

const kr_model_plug kr_model_potts = {
    .name = "potts",
    .doc = "q-state Potts model",
    .source = "Wu, Rev. Mod. Phys. 54, 235 (1982)",
    .fields = fields,
    .params_size = sizeof(params),
    .n_states = n_states,
    .build = build,
    .facts = facts,
};
