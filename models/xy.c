/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/xy.c - XY model, plane rotators: one angle per site.
 *
 *   S = -J sum_<ij> cos(theta_i - theta_j) - h sum_i cos theta_i
 *
 * Z is over d theta, without 1/(2 pi). Observables call |<exp(i theta)>| magnetization.
 * Source: Berezinskii, Sov. Phys. JETP 32, 493 (1971); Kosterlitz, Thouless, J. Phys. C 6, 1181
 * (1973). */
#include "kramers_plug.h"

typedef struct params {
    double J, field;
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
                                   { .name = "field",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, field),
                                     .fallback = "0",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "h, along theta = 0" },
                                   KR_FIELD_END };

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    const params *p = parameters;
    return kr_terms_take_rotors(terms, lattice, p->J, p->field, err);
}

static const kr_fact facts[] = { { "hypercubic 2D", "beta_c", "Kosterlitz-Thouless", 1.1199,
                                   "1.1199(1), Hasenbusch, J. Phys. A 38, 5869 (2005)" },
                                 { .lattice = NULL } };

const kr_model_plug kr_model_xy = {
    .name = "xy",
    .doc = "XY model: plane rotators, real angles",
    .source = "Kosterlitz, Thouless, J. Phys. C 6, 1181 (1973)",
    .fields = fields,
    .params_size = sizeof(params),
    .build = build,
    .facts = facts,
};
