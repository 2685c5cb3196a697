/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/ashkin_teller.c - two Ising models coupled by their energies.
 *
 *   H = -sum_<ij> [J (s_i s_j + t_i t_j) + K s_i s_j t_i t_j] - h sum_i s_i,   s, t = -1, +1
 *
 * State 2 (t + 1)/2 + (s + 1)/2. K = 0: two Ising models. K = J: the four-state Potts model
 * with coupling 4 J. Order parameter: |(s, t)|/sqrt 2 per site; the polarization s t has a
 * transition of its own for K > J.
 * Source: Ashkin, Teller, Phys. Rev. 64, 178 (1943); Fan, Phys. Lett. A 39, 136 (1972). */
#include "kramers_plug.h"

#include <math.h>

typedef struct params {
    double J, K, field;
} params;

static const kr_field fields[] = { { .name = "J",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, J),
                                     .fallback = "1",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "coupling of s with s and of t with t" },
                                   { .name = "K",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, K),
                                     .fallback = "0",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "coupling of s t with s t" },
                                   { .name = "field",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, field),
                                     .fallback = "0",
                                     .min = -1e6,
                                     .max = 1e6,
                                     .unit = "J",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "field h on s" },
                                   KR_FIELD_END };

static int n_states(const void *parameters)
{
    (void)parameters;
    return 4;
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    static const double s[] = { -1, 1, -1, 1 }, t[] = { -1, -1, 1, 1 }, st[] = { 1, -1, -1, 1 };
    static const double against[] = { 1, -1, 1, -1 };
    const params *p = parameters;
    double V[16], x[4], y[4];
    if (lattice->has_antiperiodic) {
        return kr_fail(err, KR_EUNSUP,
                       "ashkin_teller: antiperiodic boundary, want periodic or open (no "
                       "exchange of states flips the signs of all three products)");
    }
    for (int a = 0; a < 4; a++) {
        terms->value[a] = s[a];
        x[a] = s[a] / sqrt(2.0);
        y[a] = t[a] / sqrt(2.0);
        for (int b = 0; b < 4; b++) {
            V[4 * a + b] = -p->J * (s[a] * s[b] + t[a] * t[b]) - p->K * st[a] * st[b];
        }
    }
    terms->order = KR_ORDER_VECTOR;
    KR_TRY(kr_terms_add_bonds(terms, lattice, V, 1.0, NULL, err));
    KR_TRY(kr_terms_add_field(terms, lattice, against, p->field, NULL, err));
    KR_TRY(kr_terms_add_moment(terms, "magnetization_s", "s/sqrt 2 per site", x, err));
    KR_TRY(kr_terms_add_moment(terms, "magnetization_t", "t/sqrt 2 per site", y, err));
    KR_TRY(kr_terms_add_moment(terms, "polarization", "s t per site", st, err));
    KR_TRY(kr_terms_add_phase(terms, "disordered", -0.01, 0.3, KR_START_RANDOM, err));
    return kr_terms_add_phase(terms, "ordered", 0.6, 1.01, KR_START_ANY_ORDERED, err);
}

static const kr_fact facts[] = {
    { "hypercubic 2D", "beta_c", "J=1, K=0", 0.44068679350977151, "ln(1 + sqrt 2)/2, Ising" },
    { "hypercubic 2D", "beta_c", "J=1, K=1", 0.27465307216702742, "ln(3)/4, four-state Potts" },
    { "hypercubic 2D", "beta_c", "J=1, K=0.5", 0.33313595919392319,
      "sinh(2 beta J) = exp(-2 beta K) for K <= J, Fan 1972" },
    { .lattice = NULL }
};

const kr_model_plug kr_model_ashkin_teller = {
    .name = "ashkin_teller",
    .doc = "Ashkin-Teller model: two Ising models coupled by their energies",
    .source = "Ashkin, Teller, Phys. Rev. 64, 178 (1943)",
    .fields = fields,
    .params_size = sizeof(params),
    .n_states = n_states,
    .build = build,
    .facts = facts,
};
