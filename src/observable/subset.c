/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/subset.c - the order parameter on a set of sites that the user names: a corner, an
 * edge, one spin, as a time series.
 *
 * Columns subset_LABEL, the mean over the sites of the value of the state (of the field);
 * subset_LABEL_<a> of Potts states, the share of the sites in state a; subset_LABEL_x and _y of
 * vectors and angles. May be listed again under another label. */
#include "base/memory.h"

#include "kramers_plug.h"
#include "model/block.h"
#include "observable/checks.h"
#include "observable/slices.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 24, NAME = 48, COLUMNS_MAX = 64 };

typedef struct subset_params {
    char label[KR_TEXT_MAX]; /* first: KR_OBSERVABLE_LABELED */
    kr_list sites, from, to;
} subset_params;

typedef struct subset {
    const kr_terms *terms;
    int32_t n_sites, n_columns;
    int32_t *site; /* (n_sites); owns */
    char name[COLUMNS_MAX][NAME];
    kr_column column[COLUMNS_MAX];
} subset;

static bool is_label(const char *label)
{
    size_t n = 0;
    while (isalnum((unsigned char)label[n]) || label[n] == '_') {
        n++;
    }
    return n > 0 && n <= LABEL_MAX && label[n] == '\0';
}

/* Sites one by one; else a box, corner to corner, both included. */
static int check_sites(const kr_target *target, const subset_params *p, kr_error *why)
{
    const kr_lattice *lattice = target->lattice;
    KR_TRY(kr_check_sites("subset", &p->sites, target->terms->n_sites, why));
    if (p->from.n == 0 && p->to.n == 0) {
        return KR_OK;
    }
    if (p->sites.n > 0) {
        return kr_fail(why, KR_EUNSUP, "subset: sites and a box, want one of them");
    }
    int64_t n = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        n *= lattice->extent[d];
    }
    if (n != target->terms->n_sites || p->from.n != lattice->dim || p->to.n != lattice->dim) {
        return kr_fail(why, KR_EUNSUP,
                       "subset: from has %d and to has %d coordinates, want %d each%s",
                       p->from.n, p->to.n, lattice->dim,
                       n == target->terms->n_sites ? "" : " of a lattice that is a box");
    }
    for (int32_t d = 0; d < lattice->dim; d++) {
        if (p->from.integer[d] > p->to.integer[d] || p->to.integer[d] >= lattice->extent[d]) {
            return kr_fail(why, KR_EUNSUP,
                           "subset: coordinate %d goes from %lld to %lld, want from <= to < %d",
                           d, (long long)p->from.integer[d], (long long)p->to.integer[d],
                           lattice->extent[d]);
        }
    }
    return KR_OK;
}

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    const subset_params *p = params;
    if (kr_slices_parts(target->terms) > COLUMNS_MAX) {
        kr_fail(why, KR_EUNSUP, "subset: %d states, want at most %d", target->terms->q,
                COLUMNS_MAX);
        return false;
    }
    if (p && !is_label(p->label)) {
        kr_fail(why, KR_EUNSUP,
                "subset: label = \"%.60s\", want 1 to %d letters, digits or underscores",
                p->label, LABEL_MAX);
        return false;
    }
    return !p || check_sites(target, p, why) == KR_OK;
}

/* Number k of the sites of a box. */
static int32_t site_of(const kr_lattice *lattice, const subset_params *p, int32_t k)
{
    int32_t site = 0, step = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        const int32_t width = (int32_t)(p->to.integer[d] - p->from.integer[d]) + 1;
        site += step * ((int32_t)p->from.integer[d] + k % width);
        k /= width;
        step *= lattice->extent[d];
    }
    return site;
}

static int fill_sites(subset *s, const kr_target *target, const subset_params *p, kr_error *err)
{
    s->n_sites = target->terms->n_sites; /* without a choice: all */
    if (p && p->sites.n > 0) {
        s->n_sites = p->sites.n;
    } else if (p && p->from.n > 0) {
        s->n_sites = 1;
        for (int32_t d = 0; d < p->from.n; d++) {
            s->n_sites *= (int32_t)(p->to.integer[d] - p->from.integer[d]) + 1;
        }
    }
    s->site = kr_alloc((size_t)s->n_sites, sizeof *s->site, err);
    for (int32_t k = 0; s->site && k < s->n_sites; k++) {
        s->site[k] = p && p->sites.n > 0  ? (int32_t)p->sites.integer[k]
                     : p && p->from.n > 0 ? site_of(target->lattice, p, k)
                                          : k;
    }
    return s->site ? KR_OK : KR_ENOMEM;
}

static void subset_free(void *self)
{
    subset *s = self;
    if (s) {
        kr_free(s->site);
    }
    kr_free(s);
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)n_chains;
    const subset_params *p = params;
    const char *label = p ? p->label : "all";
    subset *s = kr_alloc(1, sizeof *s, err);
    if (!s || fill_sites(s, target, p, err) != KR_OK) {
        subset_free(s);
        return NULL;
    }
    s->terms = target->terms;
    s->n_columns = kr_slices_parts(target->terms);
    const bool is_potts = !target->terms->action && target->terms->order == KR_ORDER_POTTS;
    for (int32_t k = 0; k < s->n_columns; k++) {
        char part[16] = "";
        if (is_potts) {
            snprintf(part, sizeof part, "_%d", k);
        } else if (s->n_columns == 2) {
            snprintf(part, sizeof part, "_%c", k ? 'y' : 'x');
        }
        snprintf(s->name[k], NAME, "subset_%.*s%s", LABEL_MAX, label, part);
        s->column[k] = (kr_column){ s->name[k], "1",
                                    is_potts ? "share of the named sites in this state"
                                             : "mean over the named sites" };
    }
    return s;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const subset *s = self;
    *n_columns = s->n_columns;
    return s->column;
}

static void add_state(const kr_terms *terms, uint8_t a, double *row)
{
    if (terms->order == KR_ORDER_POTTS) {
        row[a] += 1.0;
    } else if (terms->order == KR_ORDER_VECTOR) {
        row[0] += terms->moment[0].value[a];
        row[1] += terms->moment[1].value[a];
    } else {
        row[0] += terms->value[a];
    }
}

static void measure(void *self, const kr_block *block, double *out)
{
    const subset *s = self;
    const size_t n = (size_t)block->n_sites, stride = (size_t)block->stride;
    for (size_t lane = 0; lane < (size_t)block->n_lanes; lane++) {
        double *row = out + lane * (size_t)s->n_columns;
        memset(row, 0, (size_t)s->n_columns * sizeof *row);
        for (int32_t k = 0; k < s->n_sites; k++) {
            const size_t i = (size_t)s->site[k];
            if (!block->phi) {
                add_state(s->terms, block->state[lane * n + i], row);
            } else if (s->n_columns == 2) {
                row[0] += cos(block->phi[i * stride + lane]);
                row[1] += sin(block->phi[i * stride + lane]);
            } else {
                row[0] += block->phi[i * stride + lane];
            }
        }
        for (int32_t k = 0; k < s->n_columns; k++) {
            row[k] /= s->n_sites;
        }
    }
}

static const kr_field fields[] = {
    { .name = "label",
      .type = KR_TYPE_TEXT,
      .offset = offsetof(subset_params, label),
      .fallback = "all",
      .doc = "name of the set, in the names of its columns" },
    { .name = "sites",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(subset_params, sites),
      .fallback = "[]",
      .min = 0,
      .max = INT32_MAX,
      .unit = "1",
      .doc = "up to sixteen sites, coordinate 0 running fastest; with no box either: all" },
    { .name = "from",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(subset_params, from),
      .fallback = "[]",
      .min = 0,
      .max = INT32_MAX,
      .unit = "1",
      .doc = "first corner of a box, a coordinate for each direction" },
    { .name = "to",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(subset_params, to),
      .fallback = "[]",
      .min = 0,
      .max = INT32_MAX,
      .unit = "1",
      .doc = "last corner of the box, which belongs to it" },
    KR_FIELD_END,
};

const kr_observable_plug kr_observable_subset = {
    .name = "subset",
    .doc =
        "order parameter on sites that the run file names: a corner, an edge, one spin; may be "
        "listed several times",
    .source = "own definition",
    .fields = fields,
    .params_size = sizeof(subset_params),
    .flags = KR_OBSERVABLE_LABELED,
    .supports = supports,
    .alloc = alloc,
    .free = subset_free,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_REAL,
    .columns = columns,
    .measure = measure,
};
