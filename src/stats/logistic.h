/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/logistic.h - logistic regression of two classes, and the part of a variance that a
 * linear fit explains. Threads: serial only (GSL's error handler is off in the caller). */
#ifndef KR_STATS_LOGISTIC_H
#define KR_STATS_LOGISTIC_H

#include "kramers_plug.h"

#define KR_LOGISTIC_MOST 8 /* features */

/* logit = intercept + sum_k weight_k (x_k - center_k)/scale_k. */
typedef struct kr_logistic {
    int32_t n_features;
    double intercept, weight[KR_LOGISTIC_MOST];
    double center[KR_LOGISTIC_MOST], scale[KR_LOGISTIC_MOST]; /* mean, width of the fit's x */
    double entropy; /* mean cross entropy there, nats, without the ridge */
    int32_t n_steps;
} kr_logistic;

/* Minimizes mean cross entropy + ridge/2 sum of weight^2 by Newton steps, halved where they do
 * not lower it; the intercept is free. The minimum is unique for ridge > 0, separable or not.
 *   x (n, n_features); y (n) 0 or 1; both classes are there
 * A feature that is constant gets scale 1, weight 0. Errors: KR_EINVAL sizes, one class only, a
 * value that is not finite; KR_EDIVERGED no minimum after 200 steps; KR_ENOMEM. Cost: some ten
 * passes over x. Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning
 * (2009), section 4.4. */
int kr_logistic_fit(const double *x, const double *y, int64_t n, int32_t n_features,
                    double ridge, kr_logistic *fit, kr_error *err);
double kr_logistic_logit(const kr_logistic *fit, const double *x);
/* 1/(1 + exp(-z)), and its cross entropy -y ln p - (1 - y) ln(1 - p), both without overflow. */
double kr_logistic_probability(double z);
double kr_logistic_entropy(double z, double y);

/* Part of the variance of y about the means of its groups that the best linear function of x,
 * about theirs, explains: R^2 in 0..1; NaN where y does not vary.
 *   x (n, n_features); use: which features; y (n); n_groups equal, consecutive groups
 * Errors: KR_EINVAL, KR_ENOMEM. */
int kr_logistic_explained(const double *x, const double *y, int64_t n, int32_t n_features,
                          const bool *use, int64_t n_groups, double *share, kr_error *err);

#endif
