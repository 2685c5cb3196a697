/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/ising.c - Ising model with optional bond disorder (spin glass) and random field.
 *
 *   H = -sum_<ij> J_ij s_i s_j - sum_i (h + h_i) s_i,   s = -1 (state 0), +1 (state 1)
 *
 * Source: Ising, Z. Phys. 31, 253 (1925); Edwards, Anderson, J. Phys. F 5, 965 (1975). */
#include "kramers_plug.h"

typedef struct params {
    double J, field;
    kr_disorder disorder, random_field;
} params;

static const kr_field fields[] = { { .name = "J",
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
                                     .doc = "uniform magnetic field h" },
                                   { .name = "disorder",
                                     .type = KR_TYPE_MAP,
                                     .offset = offsetof(params, disorder),
                                     .fallback = "{}",
                                     .sub = kr_disorder_fields,
                                     .doc = "couplings J_ij in units of J" },
                                   { .name = "random_field",
                                     .type = KR_TYPE_MAP,
                                     .offset = offsetof(params, random_field),
                                     .fallback = "{}",
                                     .sub = kr_disorder_fields,
                                     .doc = "site fields h_i, added to the uniform one" },
                                   KR_FIELD_END };

static int n_states(const void *parameters)
{
    (void)parameters;
    return 2;
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    const params *p = parameters;
    static const double V[] = { -1, 1, 1, -1 }, up_costs[] = { 1, -1 };
    terms->value[0] = -1;
    terms->value[1] = 1;
    terms->order = KR_ORDER_VALUE;
    KR_TRY(kr_terms_add_disordered_bonds(terms, lattice, V, p->J, &p->disorder, err));
    KR_TRY(kr_terms_add_field(terms, lattice, up_costs, p->field, &p->random_field, err));
    KR_TRY(kr_terms_add_phase(terms, "down", -1, -0.3, 0, err));
    return kr_terms_add_phase(terms, "up", 0.3, 1, 1, err);
}

static const kr_fact facts[] = {
    { "hypercubic 2D", "beta_c", "", 0.44068679350977151, "ln(1 + sqrt 2)/2, Onsager 1944" },
    { "triangular", "beta_c", "", 0.27465307216702742, "ln(3)/4, Houtappel 1950" },
    { "honeycomb", "beta_c", "", 0.65847894846240835, "ln(2 + sqrt 3)/2, Houtappel 1950" },
    { "kagome", "beta_c", "", 0.46656601031471789, "ln(3 + 2 sqrt 3)/4, Kano, Naya 1953" },
    { "complete", "beta_c", "weight 1/N", 1.0, "Curie-Weiss" },
    { "complete", "beta_c", "weight 1/sqrt(N), disorder gaussian", 1.0,
      "Sherrington, Kirkpatrick 1975" },
    { "hypercubic 3D", "beta_c", "", 0.221654626,
      "0.221654626(5), Ferrenberg, Xu, Landau, Phys. Rev. E 97, 043301 (2018)" },
    { .lattice = NULL }
};

const kr_model_plug kr_model_ising = {
    .name = "ising",
    .doc = "Ising model, spin glass and random-field Ising model",
    .source = "Ising, Z. Phys. 31, 253 (1925)",
    .fields = fields,
    .params_size = sizeof(params),
    .n_states = n_states,
    .build = build,
    .facts = facts,
};
