/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/minimum.c - minima of an action by damped Newton steps. */
#include "density/minimum.h"

#include "density/flow.h"

#include <math.h>
#include <string.h>

#define L           KR_FLOW_LANES
#define STEPS_MAX   200
#define DIFFERENCE  1e-4 /* of second derivatives, in widths of a random start */
#define SMALL_FORCE 1e-9 /* times the first one: a minimum */

static double value_at(const kr_minimum *s, const double *x)
{
    double value[L];
    for (size_t i = 0; i < s->n; i++) {
        for (size_t l = 0; l < L; l++) {
            s->lanes[i * L + l] = x[i];
        }
    }
    s->action->energy(s->action->self, 1, s->lanes, L, value);
    return value[0];
}

/* Force at x, and second derivatives by differences, L/2 columns at a time. */
static void derivatives(const kr_minimum *s)
{
    const size_t n = s->n, columns = L / 2;
    const double h = DIFFERENCE * s->width;
    for (size_t first = 0; first <= n; first += columns) { /* the last group has room for g */
        for (size_t i = 0; i < n; i++) {
            for (size_t l = 0; l < L; l++) {
                const size_t column = first + l / 2;
                s->lanes[i * L + l] = s->x[i] + (column == i ? (l % 2 ? h : -h) : 0.0);
                s->slopes[i * L + l] = 0.0;
            }
        }
        s->action->add_gradient(s->action->self, L, s->lanes, L, 1.0, s->slopes);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < columns && first + k < n; k++) {
                s->H[i * n + first + k] =
                    (s->slopes[i * L + 2 * k + 1] - s->slopes[i * L + 2 * k]) / (2.0 * h);
            }
            if (n - first < columns) {
                s->g[i] = s->slopes[i * L + L - 1];
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            s->H[i * n + k] = s->H[k * n + i] = 0.5 * (s->H[i * n + k] + s->H[k * n + i]);
        }
    }
}

/* L_of L_of^T = H + damping; false unless that is positive. */
static bool factor(const kr_minimum *s, double damping)
{
    const size_t n = s->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k <= i; k++) {
            double sum = s->H[i * n + k] + (i == k ? damping : 0.0);
            for (size_t m = 0; m < k; m++) {
                sum -= s->L_of[i * n + m] * s->L_of[k * n + m];
            }
            if (i == k && !(sum > 0.0)) {
                return false;
            }
            s->L_of[i * n + k] = i == k ? sqrt(sum) : sum / s->L_of[k * n + k];
        }
    }
    return true;
}

static void solve(const kr_minimum *s)
{
    const size_t n = s->n;
    for (size_t i = 0; i < n; i++) {
        double sum = -s->g[i];
        for (size_t k = 0; k < i; k++) {
            sum -= s->L_of[i * n + k] * s->step[k];
        }
        s->step[i] = sum / s->L_of[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        double sum = s->step[i];
        for (size_t k = i + 1; k < n; k++) {
            sum -= s->L_of[k * n + i] * s->step[k];
        }
        s->step[i] = sum / s->L_of[i * n + i];
    }
}

static double length(const double *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

bool kr_minimum_find(kr_minimum *s)
{
    double damping = 0.0, first_force = 0.0;
    s->value = value_at(s, s->x);
    for (int k = 0; k < STEPS_MAX && isfinite(s->value); k++) {
        derivatives(s);
        const double force = length(s->g, s->n), scale = 1.0 / (s->width * s->width);
        first_force = k == 0 ? force + scale * s->width : first_force;
        if (force <= SMALL_FORCE * first_force) {
            return factor(s, 0.0);
        }
        bool is_lower = false;
        for (int tries = 0; tries < 60 && !is_lower; tries++) {
            double *trial = s->slopes; /* not needed until the next derivatives */
            if (factor(s, damping)) {
                solve(s);
                for (size_t i = 0; i < s->n; i++) {
                    trial[i] = s->x[i] + s->step[i];
                }
                const double value = value_at(s, trial);
                is_lower = value <= s->value + 1e-12 * fabs(s->value);
                if (is_lower) {
                    memcpy(s->x, trial, s->n * sizeof *trial);
                    s->value = value;
                    damping = damping > 1e-6 * scale ? 0.2 * damping : 0.0;
                    break;
                }
            }
            damping = damping > 0.0 ? 4.0 * damping : 1e-3 * scale;
        }
        if (!is_lower) {
            return false;
        }
    }
    return false;
}
