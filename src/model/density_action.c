/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/density_action.c - any log-density with its gradient as a real-valued model, S = -log
 * p, one configuration at a time. */
#include "base/memory.h"
#include "model/action.h"

#include <math.h>

typedef struct density_action {
    kr_density_model model;
    int32_t n;
} density_action;

static void free_self(void *self)
{
    density_action *a = self;
    if (a->model.free) {
        a->model.free(a->model.user);
    }
    kr_free(a);
}

static void gather(const density_action *a, const double *phi, size_t stride, int32_t lane,
                   double *x)
{
    for (size_t i = 0; i < (size_t)a->n; i++) {
        x[i] = phi[i * stride + (size_t)lane];
    }
}

static double action_of(const density_action *a, const double *x, double *gradient)
{
    return -a->model.log_density(x, gradient, a->model.user);
}

static void energy(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *out)
{
    const density_action *a = self;
    double x[KR_VARIABLES_MAX];
    for (int32_t l = 0; l < n_lanes; l++) {
        gather(a, phi, stride, l, x);
        out[l] = action_of(a, x, NULL);
    }
}

static void add_gradient(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out)
{
    const density_action *a = self;
    double x[KR_VARIABLES_MAX], gradient[KR_VARIABLES_MAX];
    for (int32_t l = 0; l < n_lanes; l++) {
        gather(a, phi, stride, l, x);
        action_of(a, x, gradient);
        for (size_t i = 0; i < (size_t)a->n; i++) {
            out[i * stride + (size_t)l] -= scale * gradient[i];
        }
    }
}

static void change(const void *self, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *out)
{
    const density_action *a = self;
    double x[KR_VARIABLES_MAX];
    for (int32_t l = 0; l < n_lanes; l++) {
        gather(a, phi, stride, l, x);
        const double before = action_of(a, x, NULL);
        x[i] = value[l];
        out[l] = action_of(a, x, NULL) - before;
    }
}

static void virial(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *out)
{
    const density_action *a = self;
    double x[KR_VARIABLES_MAX], gradient[KR_VARIABLES_MAX];
    for (int32_t l = 0; l < n_lanes; l++) {
        gather(a, phi, stride, l, x);
        action_of(a, x, gradient);
        out[l] = 0.0;
        for (int32_t i = 0; i < a->n; i++) {
            out[l] -= x[i] * gradient[i];
        }
    }
}

static void order(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                  double *out)
{
    const density_action *a = self;
    double x[KR_VARIABLES_MAX];
    for (int32_t l = 0; l < n_lanes; l++) {
        gather(a, phi, stride, l, x);
        out[l] = a->model.order(x, a->model.user);
    }
}

static int check(const kr_terms *terms, const kr_density_model *model, kr_error *err)
{
    if (terms->n_sites > KR_VARIABLES_MAX) {
        return kr_fail(err, KR_ERANGE, "log-density of %d variables, want at most %d",
                       terms->n_sites, KR_VARIABLES_MAX);
    }
    return model->log_density
               ? KR_OK
               : kr_fail(err, KR_EINVAL, "log-density: no function, want log_density");
}

int kr_terms_take_density(kr_terms *terms, const kr_density_model *model, kr_error *err)
{
    const int status = check(terms, model, err);
    density_action *self = status == KR_OK ? kr_alloc(1, sizeof *self, err) : NULL;
    if (!self) {
        if (model->free) {
            model->free(model->user);
        }
        return status == KR_OK ? KR_ENOMEM : status;
    }
    *self = (density_action){ *model, terms->n_sites };
    return kr_terms_take_action(terms,
                                &(kr_action){ .n_sites = self->n,
                                              .self = self,
                                              .free = free_self,
                                              .energy = energy,
                                              .add_gradient = add_gradient,
                                              .change = change,
                                              .virial = virial,
                                              .order = model->order ? order : NULL,
                                              .has_walls = model->has_walls,
                                              .start_width = model->start_width },
                                err);
}
