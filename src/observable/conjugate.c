/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/conjugate.c - the quantity that a parameter of the model couples to.
 *
 * conjugate_<parameter> = (1/N) d(beta H)/d parameter at the configuration, by a central
 * difference of H (exact but for rounding where H is linear in the parameter). Its mean is -d
 * ln Z/d parameter per site, its covariance with any A is -d<A>/d parameter: draws at one value
 * of the parameter tell of values near it. */
#include "base/memory.h"

#include "kramers_plug.h"
#include "model/block.h"
#include "model/terms.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 64 };

typedef struct conjugate {
    const kr_slope *slope;
    double scale; /* beta/(N step) */
    char name[NAME];
    kr_column column;
} conjugate;

static const kr_field fields[] = {
    { .name = "parameter",
      .type = KR_TYPE_TEXT,
      .offset = offsetof(kr_slope_params, parameter),
      .unit = "",
      .doc = "a real number of the model, e.g. J, field, kappa, random_field.strength" },
    KR_FIELD_END
};

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (!target->slope) {
        kr_fail(why, KR_EUNSUP, "conjugate: want a parameter of the model");
    }
    return target->slope != NULL;
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    conjugate *c = kr_alloc(1, sizeof *c, err);
    if (!c) {
        return NULL;
    }
    c->slope = target->slope;
    c->scale = target->beta / (target->slope->step * target->terms->n_sites);
    snprintf(c->name, NAME, "conjugate_%.50s", target->slope->parameter);
    for (char *dot = strchr(c->name, '.'); dot; dot = strchr(dot, '.')) {
        *dot = '_';
    }
    c->column = (kr_column){ c->name, "1", "d(beta H)/d parameter per site" };
    return c;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    *n_columns = 1;
    return &((const conjugate *)self)->column;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const conjugate *c = self;
    double low[KR_LANES_MAX], high[KR_LANES_MAX];
    kr_block_energies(block, c->slope->low, low);
    kr_block_energies(block, c->slope->high, high);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        out[lane] = c->scale * (high[lane] - low[lane]);
    }
}

const kr_observable_plug kr_observable_conjugate = {
    .name = "conjugate",
    .doc = "what a parameter of the model couples to, d(beta H)/d parameter per site",
    .source = "Ferrenberg, Swendsen, Phys. Rev. Lett. 61, 2635 (1988)",
    .fields = fields,
    .params_size = sizeof(kr_slope_params),
    .supports = supports,
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_LANE | KR_LAYOUT_REAL,
    .flags = KR_OBSERVABLE_SLOPE,
    .columns = columns,
    .measure = measure,
};
