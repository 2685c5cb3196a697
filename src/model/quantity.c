/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/quantity.c - quantities of one configuration from its energy and its counts of states.
 */
#include "model/quantity.h"

#include "model/terms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIXED = KR_QUANTITIES_MAX - KR_PHASES_MAX };

static const kr_column fixed[FIXED] = {
    { "energy_per_site", "J", "energy per site" },
    { "magnetization_per_site", "1", "order parameter m" },
    { "abs_magnetization_per_site", "1", "|m|" },
    { "magnetization_squared", "1", "m^2" },
};

int32_t kr_quantities(const kr_terms *terms)
{
    return FIXED + terms->n_phases;
}

kr_column kr_quantity_column(const kr_terms *terms, int32_t quantity, char *name)
{
    if (quantity < FIXED) {
        snprintf(name, KR_QUANTITY_NAME, "%s", fixed[quantity].name);
        return (kr_column){ name, fixed[quantity].unit, fixed[quantity].doc };
    }
    snprintf(name, KR_QUANTITY_NAME, "in_%s", terms->phase[quantity - FIXED].name);
    return (kr_column){ name, "1", "weight of the interval of this phase" };
}

static void fill(const kr_terms *terms, double energy, double m, double order,
                 double value[KR_QUANTITIES_MAX])
{
    int32_t phase = kr_terms_phase(terms, order);
    value[0] = energy * (1.0 / terms->n_sites);
    value[1] = m;
    value[2] = fabs(m);
    value[3] = m * m;
    for (int32_t p = 0; p < terms->n_phases; p++) {
        value[FIXED + p] = p == phase;
    }
}

void kr_quantity_values(const kr_terms *terms, double energy, const int64_t *count,
                        double value[KR_QUANTITIES_MAX])
{
    double m = kr_terms_magnetization(terms, count);
    double order = terms->order == KR_ORDER_QUADRUPOLE ? kr_terms_order(terms, count) : m;
    fill(terms, energy, m, order, value);
}

void kr_quantity_real_values(const kr_terms *terms, double energy, double order,
                             double value[KR_QUANTITIES_MAX])
{
    fill(terms, energy, order, order, value);
}

#define COMPARED 8   /* states up to which each is compared with all sites at once */
#define RUN      255 /* sites whose count fits into a byte, so that the loop has byte lanes */

static void count_few(const uint8_t *state, int32_t n, int32_t q, int64_t *count)
{
    int64_t rest = n;
    for (int32_t a = 1; a < q; a++) {
        const uint8_t which = (uint8_t)a; /* of the same width, for the vectors */
        count[a] = 0;
        for (int32_t begin = 0; begin < n; begin += RUN) {
            int32_t end = n - begin < RUN ? n : begin + RUN;
            uint8_t equal = 0;
            for (int32_t i = begin; i < end; i++) {
                equal = (uint8_t)(equal + (state[i] == which));
            }
            count[a] += equal;
        }
        rest -= count[a];
    }
    count[0] = rest;
}

/* Two tables by turns: a run of equal states does not wait for itself. */
static void count_many(const uint8_t *state, int32_t n, int32_t q, int64_t *count)
{
    int32_t table[2][KR_STATES_MAX];
    memset(table[0], 0, (size_t)q * sizeof table[0][0]);
    memset(table[1], 0, (size_t)q * sizeof table[1][0]);
    for (int32_t i = 0; i < n; i++) {
        table[i & 1][state[i]]++;
    }
    for (int32_t a = 0; a < q; a++) {
        count[a] = table[0][a] + table[1][a];
    }
}

void kr_quantity_count(const uint8_t *state, int32_t n, int32_t q, int64_t *count)
{
    if (q <= COMPARED) {
        count_few(state, n, q, count);
    } else {
        count_many(state, n, q, count);
    }
}
