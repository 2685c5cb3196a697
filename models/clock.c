/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/clock.c - q-state clock model (vector Potts model) with optional bond disorder.
 *
 *   H = -sum_<ij> J_ij cos(t_i - t_j) - h sum_i cos(t_i),   t = 2 pi s/q
 *
 * Two states: Ising. Three: Potts with coupling 3/2. Four: two independent Ising models with
 * coupling 1/2. For q >= 5 a critical phase lies between order and disorder (Jose, Kadanoff,
 * Kirkpatrick, Nelson, Phys. Rev. B 16, 1217 (1977)).
 * Source: Potts, Proc. Camb. Phil. Soc. 48, 106 (1952). */
#include "kramers_plug.h"

#include <math.h>
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
                                     .doc = "field h along state 0" },
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

/* cos(2 pi k/n), the same bits for k and n - k, minus the same bits for n/2 - k, and exact
 * where it is rational. */
static double cosine(int64_t k, int64_t n)
{
    k = (k % n + n) % n;
    k = 2 * k > n ? n - k : k;
    int64_t halves = 4 * k > n ? n - 2 * k : 2 * k; /* of an angle up to pi/2 */
    double x = 2 * halves == n   ? 0.0
               : 3 * halves == n ? 0.5
                                 : cos(acos(-1.0) * (double)halves / (double)n);
    return 4 * k > n ? -x : x;
}

static int check_boundary(const params *p, const kr_lattice *lattice, kr_error *err)
{
    if (lattice->has_antiperiodic && p->q % 2) {
        return kr_fail(err, KR_EUNSUP,
                       "clock: antiperiodic boundary with q = %d, want an even q (no turn "
                       "flips the sign of an odd clock's coupling) or periodic or open",
                       (int)p->q);
    }
    return KR_OK;
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    const params *p = parameters;
    double x[KR_STATES_MAX], y[KR_STATES_MAX], against[KR_STATES_MAX];
    KR_TRY(check_boundary(p, lattice, err));
    double *V = calloc((size_t)(p->q * p->q), sizeof *V);
    if (!V) {
        return kr_fail(err, KR_ENOMEM, "clock: no memory for %d states", (int)p->q);
    }
    for (int64_t a = 0; a < p->q; a++) {
        x[a] = terms->value[a] = cosine(a, p->q);
        y[a] = cosine(4 * a - p->q, 4 * p->q);
        against[a] = -x[a];
        for (int64_t b = 0; b < p->q; b++) {
            V[a * p->q + b] = -cosine(a - b, p->q);
        }
    }
    terms->order = KR_ORDER_VECTOR;
    int status = kr_terms_add_disordered_bonds(terms, lattice, V, p->J, &p->disorder, err);
    free(V);
    KR_TRY(status);
    KR_TRY(kr_terms_add_field(terms, lattice, against, p->field, NULL, err));
    KR_TRY(kr_terms_add_moment(terms, "magnetization_x", "cos(t) per site", x, err));
    KR_TRY(kr_terms_add_moment(terms, "magnetization_y", "sin(t) per site", y, err));
    KR_TRY(kr_terms_add_phase(terms, "disordered", -0.01, 0.3, KR_START_RANDOM, err));
    return kr_terms_add_phase(terms, "ordered", 0.6, 1.01, KR_START_ANY_ORDERED, err);
}

static const kr_fact facts[] = {
    { "hypercubic 2D", "beta_c", "q=2", 0.44068679350977151, "ln(1 + sqrt 2)/2, Ising" },
    { "hypercubic 2D", "beta_c", "q=3", 0.67003502582825403, "2 ln(1 + sqrt 3)/3, Potts" },
    { "hypercubic 2D", "beta_c", "q=4", 0.88137358701954303, "ln(1 + sqrt 2), two Ising" },
    { .lattice = NULL }
};

const kr_model_plug kr_model_clock = {
    .name = "clock",
    .doc = "q-state clock model (vector Potts model)",
    .source = "Jose, Kadanoff, Kirkpatrick, Nelson, Phys. Rev. B 16, 1217 (1977)",
    .fields = fields,
    .params_size = sizeof(params),
    .n_states = n_states,
    .build = build,
    .facts = facts,
};
