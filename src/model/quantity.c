/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/quantity.c - quantities of one configuration from its energy and its counts of states.
 */
#include "model/quantity.h"

#include "model/terms.h"

#include <math.h>
#include <stdio.h>

enum { FIXED = KR_QUANTITIES_MAX - KR_PHASES_MAX };

static const kr_column fixed[FIXED] = {
    { "energy_per_site", "J", "energy per site" },
    { "magnetization_per_site", "1", "order parameter m" },
    { "abs_magnetization_per_site", "1", "|m|" },
    { "magnetization_squared", "1", "m^2" },
};

const kr_column kr_quantity_of_clusters = { "structure_zero", "1",
                                            "structure factor at k = 0" };

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
