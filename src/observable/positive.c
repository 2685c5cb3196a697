/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/positive.c - on which side of zero a field is: wells of unlike weight.
 *
 * Columns positive_mean (the order parameter is > 0), and positive_middle or, with `sites`,
 * positive_<site> (the field there is). Derived: the log odds ln P/(1 - P), for two wells on
 * either side of zero the difference of their free energies, -beta (F_+ - F_-). Where S(-phi) =
 * S(phi) every P is 1/2; on chains and rings those of sites come from transfer matrices. */
#include "base/memory.h"

#include "kramers_plug.h"
#include "model/block.h"
#include "model/exact_chain.h"
#include "observable/checks.h"

#include <math.h>
#include <stdio.h>

enum { NAME = 40, MEAN = 0, COLUMNS_MAX = KR_LIST_MAX + 1 };

typedef struct positive_params {
    kr_list sites;
} positive_params;

typedef struct positive {
    const kr_terms *terms;
    int32_t n_columns, site[COLUMNS_MAX]; /* that of MEAN is not used */
    char name[COLUMNS_MAX][NAME], odds[COLUMNS_MAX][NAME];
    kr_column column[COLUMNS_MAX];
    kr_derived derived[COLUMNS_MAX + 1];
} positive;

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    const positive_params *p = params;
    const kr_action *action = target->terms->action;
    if (!action || action->is_angle) {
        kr_fail(why, KR_EUNSUP,
                "positive: the variables of the model are %s, want real numbers",
                kr_kind_of(target->terms));
        return false;
    }
    return !p || kr_check_sites("positive", &p->sites, target->terms->n_sites, why) == KR_OK;
}

/* Of an even number of sites the one before the middle. */
static int32_t middle_of(const kr_lattice *lattice)
{
    int32_t site = 0, step = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        site += (lattice->extent[d] - 1) / 2 * step;
        step *= lattice->extent[d];
    }
    return site < lattice->n_sites ? site : (lattice->n_sites - 1) / 2;
}

static void add_column(positive *self, int32_t site, const char *what, const char *doc)
{
    const int32_t k = self->n_columns++;
    self->site[k] = site;
    snprintf(self->name[k], NAME, "positive_%s", what);
    snprintf(self->odds[k], NAME, "log_odds_%s", what);
    self->column[k] = (kr_column){ self->name[k], "1", doc };
    self->derived[k] = (kr_derived){ .name = self->odds[k],
                                     .column = self->name[k],
                                     .kind = KR_DERIVED_LOG_ODDS,
                                     .unit = "1",
                                     .doc = "ln P/(1 - P), P the mean of the column" };
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)n_chains;
    const positive_params *p = params;
    positive *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        return NULL;
    }
    self->terms = target->terms;
    add_column(self, -1, "mean", "1 where the order parameter is > 0");
    if (!p || p->sites.n == 0) {
        add_column(self, middle_of(target->lattice), "middle",
                   "1 where the field is > 0 in the middle of the box");
    }
    for (int32_t k = 0; p && k < p->sites.n; k++) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)p->sites.integer[k]);
        add_column(self, (int32_t)p->sites.integer[k], text,
                   "1 where the field is > 0 at this site");
    }
    return self;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const positive *p = self;
    *n_columns = p->n_columns;
    return p->column;
}

static const kr_derived *more_derived(const void *self)
{
    return ((const positive *)self)->derived;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const positive *p = self;
    double order[KR_LANES_MAX];
    kr_block_order(block, p->terms, order);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        double *row = out + (size_t)lane * (size_t)p->n_columns;
        row[MEAN] = order[lane] > 0.0;
        for (int32_t k = 1; k < p->n_columns; k++) {
            row[k] =
                block->phi[(size_t)p->site[k] * (size_t)block->stride + (size_t)lane] > 0.0;
        }
    }
}

static double exact(const void *self, const kr_target *target, int32_t column, double most_work)
{
    const positive *p = self;
    const kr_action *action = target->terms->action;
    if (action->is_even && (column != MEAN || !action->order)) {
        return 0.5;
    }
    const kr_chain_factor factor = { p->site[column], KR_CHAIN_POSITIVE };
    double mean = NAN;
    const bool is_known =
        column != MEAN && action->quartic &&
        kr_exact_chain_mean(target, &factor, 1, most_work, &mean, NULL) == KR_OK;
    return is_known ? mean : NAN;
}

static const kr_field fields[] = {
    { .name = "sites",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(positive_params, sites),
      .fallback = "[]",
      .min = 0,
      .max = INT32_MAX,
      .unit = "1",
      .doc = "sites to look at, coordinate 0 running fastest; []: the one in the middle of the "
             "box" },
    KR_FIELD_END,
};

const kr_observable_plug kr_observable_positive = {
    .name = "positive",
    .doc =
        "whether the order parameter, and the field at some sites, is > 0; derived: log odds",
    .source = "Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119 (2022), arXiv:2105.12603 (two wells "
              "of a chain told apart by its middle)",
    .fields = fields,
    .params_size = sizeof(positive_params),
    .supports = supports,
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_REAL,
    .columns = columns,
    .more_derived = more_derived,
    .exact = exact,
    .measure = measure,
};
