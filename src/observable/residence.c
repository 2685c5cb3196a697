/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/residence.c - which known phase a chain is in, and how often it switches.
 *
 * The model declares phases as intervals of its order parameter. A chain enters a phase when
 * its order parameter lies in that interval and stays, in between, in the phase it was last in
 * (hysteresis): a fluctuation on the rim is no switch. Columns: in_<phase> (0 or 1; all 0
 * before the first phase is entered) and phase_switches (0 or 1 per draw). */
#include "base/memory.h"

#include "kramers_plug.h"
#include "model/block.h"
#include "model/terms.h"

#include <stdio.h>

typedef struct residence {
    const kr_terms *terms;
    int32_t n_chains;
    int32_t *phase; /* (n_chains) phase last entered, or -1 */
    char name[KR_PHASES_MAX][40];
    kr_column column[KR_PHASES_MAX + 1];
} residence;

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    if (target->terms->n_phases < 2) {
        kr_fail(why, KR_EUNSUP, "residence: the model declares %d phases, want at least 2",
                target->terms->n_phases);
        return false;
    }
    return true;
}

static void free_residence(void *self)
{
    if (self) {
        kr_free(((residence *)self)->phase);
        kr_free(self);
    }
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params;
    residence *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        return NULL;
    }
    self->terms = target->terms;
    self->n_chains = n_chains;
    self->phase = kr_alloc((size_t)n_chains, sizeof *self->phase, err);
    if (!self->phase) {
        free_residence(self);
        return NULL;
    }
    for (int32_t c = 0; c < n_chains; c++) {
        self->phase[c] = -1;
    }
    for (int32_t p = 0; p < target->terms->n_phases; p++) {
        snprintf(self->name[p], sizeof self->name[p], "in_%s", target->terms->phase[p].name);
        self->column[p] =
            (kr_column){ self->name[p], "1", "1 while the chain is in this phase" };
    }
    self->column[target->terms->n_phases] =
        (kr_column){ "phase_switches", "1", "changes of phase since the last draw" };
    return self;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const residence *r = self;
    *n_columns = r->terms->n_phases + 1;
    return r->column;
}

static void measure(void *self, const kr_block *block, double *out)
{
    residence *r = self;
    int32_t n_phases = r->terms->n_phases;
    double order[KR_LANES_MAX];
    kr_block_order(block, r->terms, order);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        int32_t *last = &r->phase[block->first_chain + lane];
        int32_t now = kr_terms_phase(r->terms, order[lane]);
        bool is_switch = now >= 0 && *last >= 0 && now != *last;
        *last = now >= 0 ? now : *last;
        double *row = out + (size_t)lane * (size_t)(n_phases + 1);
        for (int32_t p = 0; p < n_phases; p++) {
            row[p] = p == *last;
        }
        row[n_phases] = is_switch;
    }
}

static int declare(void *self, kr_state *state, kr_error *err)
{
    residence *r = self;
    return kr_state_add(state, "phase", KR_I32, (size_t)r->n_chains, r->phase, err);
}

const kr_observable_plug kr_observable_residence = {
    .name = "residence",
    .doc = "phase a chain is in (with hysteresis) and its switches; the model names the phases",
    .source = "order-parameter intervals declared by the model",
    .supports = supports,
    .alloc = alloc,
    .free = free_residence,
    .layouts = KR_LAYOUT_ANY | KR_LAYOUT_REAL,
    .columns = columns,
    .measure = measure,
    .declare = declare,
};
