/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/quantity.h - what updates give means of beside the states: the quantities of one
 * configuration that every model has, under the names of the observables. */
#ifndef KR_MODEL_QUANTITY_H
#define KR_MODEL_QUANTITY_H

#include "kramers_plug.h"

#define KR_QUANTITY_NAME 40

/* How many: energy_per_site, magnetization_per_site, abs_magnetization_per_site,
 * magnetization_squared, then in_PHASE for each phase of the model, which is 1 where the order
 * parameter lies in the interval of the phase (no memory of the phase last entered). */
int32_t kr_quantities(const kr_terms *terms);
/* Name, unit and description of one of them; name (KR_QUANTITY_NAME) is filled and borrowed. */
kr_column kr_quantity_column(const kr_terms *terms, int32_t quantity, char *name);
/* What sweeps of KR_UPDATE_CLUSTERS add to tally->means, as quantity 0: the mean of N |m|^2
 * over the states that their clusters may get, where kr_terms_has_clusters, else nothing. Under
 * the name of its observable. */
extern const kr_column kr_quantity_of_clusters;
/* Their values, from the energy H and the numbers of sites in each state. Pure. */
void kr_quantity_values(const kr_terms *terms, double energy, const int64_t *count,
                        double value[KR_QUANTITIES_MAX]);
/* The same of a real-valued model, from the action and the order parameter. */
void kr_quantity_real_values(const kr_terms *terms, double energy, double order,
                             double value[KR_QUANTITIES_MAX]);

#endif
