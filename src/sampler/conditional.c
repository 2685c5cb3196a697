/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/conditional.c - one set of weights of a density for all points of a scan: what can be
 * conditioned on, and where its training begins.
 *
 * The numbers are those that the run file scans: whatever the action makes of them, it is a
 * smooth function of them. Every point has the density of its own target, with all that this
 * knows without weights (the Gaussian next to the action, a heat bath), and begins with its own
 * weights, fresh ones or from a file; the polynomial next to these is where training begins. */
#include "base/memory.h"
#include "base/runfile.h"
#include "density/scan.h"
#include "density/stored.h"
#include "sampler/private.h"

#include <stdio.h>
#include <string.h>

/* How many different values an axis has. */
static int32_t count_values(const kr_axis *axis, int32_t n_points)
{
    int32_t n = 0;
    for (int32_t p = 0; p < n_points; p++) {
        bool is_new = true;
        for (int32_t m = 0; m < p; m++) {
            is_new = is_new && axis->value[m] != axis->value[p];
        }
        n += is_new;
    }
    return n;
}

/* Axes that are more than one number, into used (KR_SCAN_AXES_MAX); refuses what is no
 * coordinate. */
static int find_axes(const kr_sampler_config *config, const kr_axis **used, int32_t *n,
                     kr_error *err)
{
    const int32_t degree = (int32_t)config->training.conditional;
    *n = 0;
    for (int32_t a = 0; a < config->n_axes; a++) {
        const kr_axis *axis = &config->axis[a];
        const int32_t values = count_values(axis, config->n_points);
        if (values < 2) {
            continue;
        }
        if (!axis->is_real) {
            return kr_fail(err, KR_EUNSUP,
                           "training.conditional: %s is a list of integers, want real numbers, "
                           "of which weights can be smooth functions",
                           axis->path);
        }
        if (values <= degree) {
            return kr_fail(err, KR_EINVAL,
                           "training.conditional: degree %d in %s, which has %d values, want "
                           "at least %d",
                           degree, axis->path, values, degree + 1);
        }
        used[(*n)++] = axis;
    }
    return *n > 0 ? KR_OK
                  : kr_fail(err, KR_EINVAL,
                            "training.conditional: degree %d, but nothing is scanned, want a "
                            "list or range of beta or of a coupling",
                            degree);
}

int kr_conditional_init(kr_sampler *sampler, int32_t density, kr_error *err)
{
    const kr_sampler_config *config = &sampler->config;
    const kr_axis *used[KR_AXES_MAX];
    double from[KR_AXES_MAX], to[KR_AXES_MAX];
    int32_t n;
    kr_scan scan;
    kr_error why = { 0 };
    KR_TRY(find_axes(config, used, &n, err));
    const size_t n_points = (size_t)config->n_points;
    double *at = kr_alloc(n_points * (size_t)n, sizeof *at, err);
    if (!at) {
        return KR_ENOMEM;
    }
    for (int32_t a = 0; a < n; a++) {
        from[a] = to[a] = used[a]->value[0];
        for (size_t p = 0; p < n_points; p++) {
            const double x = used[a]->value[p];
            at[p * (size_t)n + (size_t)a] = x;
            from[a] = x < from[a] ? x : from[a];
            to[a] = x > to[a] ? x : to[a];
        }
    }
    int status =
        kr_scan_init(&scan, (int32_t)config->training.conditional, n, from, to, &why) == KR_OK
            ? kr_learner_init(&sampler->point[0].trainer[density].own,
                              &sampler->point[0].density[density], &scan, config->n_points, at,
                              err)
            : kr_fail(err, why.status, "training.conditional: %s", why.text);
    kr_free(at);
    return status;
}

/* "beta = 1, model.field = 0.1": where a point lies on the axes. */
static const char *name_point(const kr_sampler_config *config, int32_t p, char *out,
                              size_t size)
{
    char number[KR_NUMBER_MAX];
    out[0] = '\0';
    for (int32_t a = 0; a < config->n_axes; a++) {
        if (count_values(&config->axis[a], config->n_points) > 1) {
            const size_t used = strlen(out);
            snprintf(out + used, size - used, "%s%s = %s", used ? ", " : "",
                     config->axis[a].path, kr_number_format(config->axis[a].value[p], number));
        }
    }
    return out;
}

/* Weights at the same place must mean the same at all points. */
static int check_point(const kr_sampler *sampler, int32_t p, int32_t density, kr_error *err)
{
    const kr_trainer *first = &sampler->point[0].trainer[density];
    const kr_trainer *t = &sampler->point[p].trainer[density];
    const char *name = sampler->config.density[density].name;
    char here[KR_TEXT_MAX], there[KR_TEXT_MAX];
    name_point(&sampler->config, p, here, sizeof here);
    name_point(&sampler->config, 0, there, sizeof there);
    if (t->n_weights != first->n_weights) {
        return kr_fail(
            err, KR_EUNSUP,
            "training.conditional: density %s has %zu weights at %s and %zu at %s, want the "
            "same number",
            name, t->n_weights, here, first->n_weights, there);
    }
    if (t->target->terms != first->target->terms &&
        kr_stored_structure(t->target->terms) != kr_stored_structure(first->target->terms)) {
        return kr_fail(err, KR_EUNSUP,
                       "training.conditional: other pairs of sites are coupled at %s than at "
                       "%s, want the same",
                       here, there);
    }
    return KR_OK;
}

int kr_conditional_start(kr_sampler *sampler, int32_t density, kr_error *err)
{
    const int32_t n_points = sampler->config.n_points;
    const float **weights = kr_alloc((size_t)n_points, sizeof *weights, err);
    kr_learner *learner = &sampler->point[0].trainer[density].own;
    int status = weights ? KR_OK : KR_ENOMEM;
    for (int32_t p = 0; p < n_points && status == KR_OK; p++) {
        const kr_density *d = &sampler->point[p].density[density];
        status = check_point(sampler, p, density, err);
        weights[p] = d->plug->weights(d->self);
    }
    kr_error why = { 0 };
    if (status == KR_OK && kr_learner_start(learner, weights, &why) != KR_OK) {
        status = kr_fail(err, why.status, "training.conditional: %s", why.text);
    }
    for (int32_t p = 0; p < n_points && status == KR_OK; p++) {
        kr_learner_give(learner, &sampler->point[p].density[density], p);
    }
    kr_free((void *)(uintptr_t)weights);
    return status;
}

const kr_scan *kr_sampler_scan(const kr_sampler *sampler, int32_t density, const char **names)
{
    const kr_learner *learner = sampler->point[0].trainer[density].learner;
    const kr_sampler_config *config = &sampler->config;
    if (!learner || !learner->scan) {
        return NULL;
    }
    for (int32_t a = 0, n = 0; a < config->n_axes; a++) {
        if (count_values(&config->axis[a], config->n_points) > 1) {
            names[n++] = config->axis[a].path;
        }
    }
    return learner->scan;
}
