/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/magnetization.c - magnetization or Potts order parameter, its powers; derived:
 * susceptibilities and the Binder cumulant (Binder, Z. Phys. B 43, 119 (1981)).
 *
 * Models whose states have values: m = sum_i value[s_i] / N. Potts: m = (q max_a n_a/N - 1)/(q
 * - 1). Vector models: m = |sum_i e(s_i)| / N. Real-valued models: the order parameter of the
 * action, for a field the mean of phi. Further columns are the moments that the model
 * names. */
#include "base/memory.h"

#include "kramers_plug.h"
#include "model/block.h"
#include "model/terms.h"

#include <math.h>

enum { POWERS = 3 };

typedef struct magnetization {
    const kr_terms *terms;
    kr_column column[POWERS + KR_MOMENTS_MAX];
} magnetization;

static const kr_column powers[POWERS] = {
    { "magnetization_per_site", "1", "order parameter m of a configuration" },
    { "abs_magnetization_per_site", "1", "|m|" },
    { "magnetization_squared", "1", "m^2" },
};

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    const kr_terms *terms = target->terms;
    magnetization *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        return NULL;
    }
    self->terms = terms;
    for (int32_t k = 0; k < POWERS + terms->n_moments; k++) {
        const kr_moment *moment = &terms->moment[k < POWERS ? 0 : k - POWERS];
        self->column[k] =
            k < POWERS ? powers[k] : (kr_column){ moment->name, "1", moment->doc };
    }
    return self;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const magnetization *m = self;
    *n_columns = POWERS + m->terms->n_moments;
    return m->column;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const kr_terms *terms = ((const magnetization *)self)->terms;
    double *row = out, order[KR_LANES_MAX];
    if (terms->action) {
        kr_block_order(block, terms, order);
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        const int64_t *count = block->count + (size_t)lane * (size_t)block->q;
        double m = terms->action ? order[lane] : kr_terms_magnetization(terms, count);
        *row++ = m;
        *row++ = fabs(m);
        *row++ = m * m;
        for (int32_t k = 0; k < terms->n_moments; k++) {
            *row++ = kr_terms_moment(terms, k, count);
        }
    }
}

static const kr_derived derived[] = {
    { "susceptibility", "magnetization_per_site", KR_DERIVED_VARIANCE, 1, 1, "1/J",
      "beta N (<m^2> - <m>^2)" },
    { "susceptibility_abs", "abs_magnetization_per_site", KR_DERIVED_VARIANCE, 1, 1, "1/J",
      "beta N (<m^2> - <|m|>^2)" },
    { "binder", "magnetization_squared", KR_DERIVED_BINDER, 0, 0, "1",
      "1 - <m^4>/(3 <m^2>^2)" },
    { .name = NULL },
};

const kr_observable_plug kr_observable_magnetization = {
    .name = "magnetization",
    .doc =
        "magnetization or Potts order parameter m, |m|, m^2; derived: susceptibilities, Binder",
    .source = "Binder, Z. Phys. B 43, 119 (1981)",
    .alloc = alloc,
    .free = kr_free,
    .layouts = KR_LAYOUT_ANY | KR_LAYOUT_REAL,
    .columns = columns,
    .derived = derived,
    .measure = measure,
};
