/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/recipe.h - quantities that follow from means of columns, as a result file describes
 * them: attributes derived_NAME = "KIND COLUMN BETA_POWER SITE_POWER [FACTOR OTHER...] | UNIT |
 * DOC" of a group. Threads: serial only. */
#ifndef KR_ANALYSIS_RECIPE_H
#define KR_ANALYSIS_RECIPE_H

#include "analysis/series.h"

#define KR_RECIPE_OTHERS KR_DERIVED_OTHERS

typedef enum kr_kind {
    KR_KIND_VARIANCE,
    KR_KIND_BINDER,
    KR_KIND_MEAN,
    KR_KIND_CONNECTED,
    KR_KIND_MASS,
    KR_KIND_LENGTH,
    KR_KIND_STIFFNESS,
    KR_KIND_LOG_ODDS
} kr_kind;

typedef struct kr_recipe {
    kr_kind kind;
    char name[KR_SERIES_NAME], column[KR_SERIES_NAME], unit[32];
    int beta_power, site_power, n_others;
    double factor;
    char other[KR_RECIPE_OTHERS][KR_SERIES_NAME];
} kr_recipe;

/* A recipe at a temperature. */
typedef struct kr_scale {
    kr_kind kind;
    int n_others;
    double factor, shift;
    double length, beta_n; /* the factor of a length; beta N */
    bool is_weighted;
} kr_scale;

/* Next recipe of the group for a column; *position (0 at first) goes through the attributes. */
bool kr_recipe_next(kr_reader *reader, const char *group, const char *column, int *position,
                    kr_recipe *recipe);
kr_scale kr_recipe_scale(const kr_recipe *recipe, double beta, double n_sites);
/* mean: <x - shift>, <(x - shift)^2>, then <w> where weighted (with w in each), then those of
 * the other columns; context: a kr_scale. Pure. */
double kr_recipe_value(const double *mean, const void *context);

#endif
