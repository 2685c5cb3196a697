/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/energy.c - energy per site and, derived, the specific heat. */
#include "base/memory.h"

#include "kramers_plug.h"

typedef struct energy {
    double per_site;
} energy;

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    energy *self = kr_alloc(1, sizeof *self, err);
    if (self) {
        self->per_site = 1.0 / target->terms->n_sites;
    }
    return self;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    static const kr_column column[] = {
        { "energy_per_site", "J",
          "energy (action of real-valued models) per site, field terms included" },
    };
    (void)self;
    *n_columns = 1;
    return column;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const energy *e = self;
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        out[lane] = block->energy[lane] * e->per_site;
    }
}

static const kr_derived derived[] = {
    { "specific_heat", "energy_per_site", KR_DERIVED_VARIANCE, 2, 1, "1",
      "beta^2 (<H^2> - <H>^2)/N" },
    { .name = NULL },
};

const kr_observable_plug kr_observable_energy = {
    .name = "energy",
    .doc = "energy per site; derived: specific heat",
    .source = "fluctuation-dissipation theorem",
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_ANY | KR_LAYOUT_REAL,
    .columns = columns,
    .derived = derived,
    .measure = measure,
};
