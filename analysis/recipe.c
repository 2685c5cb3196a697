/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/recipe.c - quantities that follow from means of columns. */
#include "analysis/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int n_others;
} kinds[] = { { "variance", 0 },  { "binder", 0 },         { "mean", 0 },
              { "connected", 1 }, { "effective_mass", 3 }, { "correlation_length", 1 },
              { "stiffness", 1 }, { "log_odds", 0 } };

/* From <x> and the means of the other columns. */
static double value_of_several(const kr_scale *scale, double x, const double *other)
{
    switch (scale->kind) {
    case KR_KIND_CONNECTED:
        return x - other[0] * other[0];
    case KR_KIND_MASS: {
        const double square = other[2] * other[2];
        return acosh((other[0] + other[1] - 2.0 * square) / (2.0 * (x - square)));
    }
    case KR_KIND_LENGTH:
        return scale->length * sqrt(x / other[0] - 1.0);
    case KR_KIND_LOG_ODDS:
        return log(x / (1.0 - x));
    default:
        return x - scale->beta_n * other[0];
    }
}

double kr_recipe_value(const double *mean, const void *context)
{
    const kr_scale *scale = context;
    const double norm = scale->is_weighted ? mean[2] : 1.0;
    const double first = mean[0] / norm, second = mean[1] / norm;
    if (scale->kind > KR_KIND_MEAN) {
        double other[KR_RECIPE_OTHERS];
        for (int k = 0; k < scale->n_others; k++) {
            other[k] = mean[2 + scale->is_weighted + k] / norm;
        }
        return value_of_several(scale, first, other);
    }
    if (scale->kind == KR_KIND_VARIANCE) {
        return scale->factor * (second - first * first);
    }
    if (scale->kind == KR_KIND_MEAN) {
        return scale->factor * first;
    }
    return 1.0 - second / (3.0 * first * first);
}

/* "variance energy_per_site 2 1 | 1 | specific heat per site" */
static bool parse_recipe(const char *name, const char *text, kr_recipe *recipe)
{
    char kind[32];
    int end = 0;
    *recipe = (kr_recipe){ .kind = KR_KIND_VARIANCE };
    if (sscanf(text, "%31s %95s %d %d%n", kind, recipe->column, &recipe->beta_power,
               &recipe->site_power, &end) != 4) {
        return false;
    }
    int k = 0, n_kinds = sizeof kinds / sizeof *kinds;
    while (k < n_kinds && strcmp(kind, kinds[k].name) != 0) {
        k++;
    }
    if (k == n_kinds) {
        return false;
    }
    if (kinds[k].n_others > 0 &&
        sscanf(text + end, " %lf %95s %95s %95s", &recipe->factor, recipe->other[0],
               recipe->other[1], recipe->other[2]) < 1 + kinds[k].n_others) {
        return false;
    }
    for (int o = 0; o < kinds[k].n_others; o++) {
        if (recipe->other[o][0] == '|') {
            return false;
        }
    }
    const char *unit = strstr(text, " | ");
    if (unit) {
        size_t length = strcspn(unit + 3, "|");
        while (length > 0 && unit[2 + length] == ' ') {
            length--;
        }
        snprintf(recipe->unit, sizeof recipe->unit, "%.*s", (int)length, unit + 3);
    }
    snprintf(recipe->name, sizeof recipe->name, "%s", name);
    recipe->kind = (kr_kind)k;
    recipe->n_others = kinds[k].n_others;
    return true;
}

bool kr_recipe_next(kr_reader *reader, const char *group, const char *column, int *position,
                    kr_recipe *recipe)
{
    const char *const *names = kr_reader_attrs(reader, group, "");
    for (; names && names[*position]; (*position)++) {
        const char *name = names[*position], *text = NULL;
        if (strncmp(name, "derived_", 8) == 0 &&
            kr_reader_attr_text(reader, group, "", name, &text) &&
            parse_recipe(name + 8, text, recipe) && strcmp(recipe->column, column) == 0) {
            (*position)++;
            return true;
        }
    }
    return false;
}

kr_scale kr_recipe_scale(const kr_recipe *recipe, double beta, double n_sites)
{
    return (kr_scale){ .kind = recipe->kind,
                       .n_others = recipe->n_others,
                       .factor =
                           pow(beta, recipe->beta_power) * pow(n_sites, recipe->site_power),
                       .length = recipe->factor,
                       .beta_n = beta * n_sites };
}
