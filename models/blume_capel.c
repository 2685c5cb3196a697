/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/blume_capel.c - Blume-Capel model: spin 1 with a price on magnetic sites.
 *
 *   H = -J sum_<ij> s_i s_j + D sum_i s_i^2 - h sum_i s_i,   s = -1, 0, +1 (states 0, 1, 2)
 *
 * D is part of H, so its weight is exp(-beta D s^2); some papers leave beta out of it. Where
 * the transition is of first order, three phases meet: two magnetized ones and a mostly vacant
 * one.
 *
 * Source: Blume, Phys. Rev. 141, 517 (1966); Capel, Physica 32, 966 (1966). */
#include "kramers_plug.h"

typedef struct params {
    double J, D, field;
} params;

static const kr_field fields[] = { { .name = "J",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, J),
                                     .fallback = "1",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "coupling" },
                                   { .name = "D",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, D),
                                     .fallback = "0",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc =
                                         "crystal field: energy of a site with s = -1 or +1" },
                                   { .name = "field",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, field),
                                     .fallback = "0",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "uniform magnetic field h" },
                                   KR_FIELD_END };

static int n_states(const void *parameters)
{
    (void)parameters;
    return 3;
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    const params *p = parameters;
    static const double V[] = { -1, 0, 1, 0, 0, 0, 1, 0, -1 };
    static const double square[] = { 1, 0, 1 }, up_costs[] = { 1, 0, -1 };
    for (int a = 0; a < 3; a++) {
        terms->value[a] = a - 1;
    }
    terms->order = KR_ORDER_VALUE;
    KR_TRY(kr_terms_add_moment(terms, "quadrupole",
                               "s^2: fraction of sites that are not vacant", square, err));
    KR_TRY(kr_terms_add_bonds(terms, lattice, V, p->J, NULL, err));
    KR_TRY(kr_terms_add_field(terms, lattice, square, p->D, NULL, err));
    KR_TRY(kr_terms_add_field(terms, lattice, up_costs, p->field, NULL, err));
    KR_TRY(kr_terms_add_phase(terms, "down", -1, -0.5, 0, err));
    KR_TRY(kr_terms_add_phase(terms, "disordered", -0.2, 0.2, 1, err));
    return kr_terms_add_phase(terms, "up", 0.5, 1, 2, err);
}

const kr_model_plug kr_model_blume_capel = {
    .name = "blume_capel",
    .doc = "Blume-Capel model: spin 1 with a crystal field",
    .source = "Blume, Phys. Rev. 141, 517 (1966); Capel, Physica 32, 966 (1966)",
    .fields = fields,
    .params_size = sizeof(params),
    .n_states = n_states,
    .build = build,
};
