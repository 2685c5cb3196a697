/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/action.c - what real-valued models share: life cycle, phases, order parameter. */
#include "model/action.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int kr_terms_take_action(kr_terms *terms, const kr_action *action, kr_error *err)
{
    const bool is_whole = action->energy && action->add_gradient &&
                          action->n_sites == terms->n_sites && action->start_width > 0.0;
    terms->action = is_whole ? kr_alloc(1, sizeof *terms->action, err) : NULL;
    if (!terms->action) {
        if (action->free) {
            action->free(action->self);
        }
        return is_whole ? KR_ENOMEM
                        : kr_fail(err, KR_EINVAL,
                                  "action of %d sites, start width %g: want %d sites, a width "
                                  "> 0, energy and add_gradient",
                                  action->n_sites, action->start_width, terms->n_sites);
    }
    *terms->action = *action;
    return KR_OK;
}

int kr_terms_add_real_phase(kr_terms *terms, const char *name, double from, double to,
                            double start_value, kr_error *err)
{
    kr_phase *phase = &terms->phase[terms->n_phases];
    if (terms->n_phases == KR_PHASES_MAX || !(from <= to) || !isfinite(start_value) ||
        strlen(name) >= sizeof phase->name) {
        return kr_fail(err, KR_ERANGE,
                       "phase %s: number %d from %g to %g, start %g, want at most %d, from <= "
                       "to, a finite start and a name of at most %zu letters",
                       name, terms->n_phases + 1, from, to, start_value, KR_PHASES_MAX,
                       sizeof terms->phase[0].name - 1);
    }
    *phase = (kr_phase){
        .from = from, .to = to, .start_state = KR_START_VALUE, .start_value = start_value
    };
    snprintf(phase->name, sizeof phase->name, "%s", name);
    terms->n_phases++;
    return KR_OK;
}

static void mean(int32_t n_sites, int32_t n_lanes, const double *phi, size_t stride,
                 double *order)
{
    memset(order, 0, (size_t)n_lanes * sizeof *order);
    for (int32_t i = 0; i < n_sites; i++) {
        for (int32_t l = 0; l < n_lanes; l++) {
            order[l] += phi[(size_t)i * stride + (size_t)l];
        }
    }
    for (int32_t l = 0; l < n_lanes; l++) {
        order[l] /= n_sites;
    }
}

static void length(int32_t n_sites, int32_t n_lanes, const double *phi, size_t stride,
                   double *order)
{
    for (int32_t l = 0; l < n_lanes; l++) {
        double x = 0.0, y = 0.0;
        for (int32_t i = 0; i < n_sites; i++) {
            x += cos(phi[(size_t)i * stride + (size_t)l]);
            y += sin(phi[(size_t)i * stride + (size_t)l]);
        }
        order[l] = hypot(x, y) / n_sites;
    }
}

void kr_action_order(const kr_action *action, int32_t n_lanes, const double *phi, size_t stride,
                     double *order)
{
    if (action->order) {
        action->order(action->self, n_lanes, phi, stride, order);
    } else if (action->is_angle) {
        length(action->n_sites, n_lanes, phi, stride, order);
    } else {
        mean(action->n_sites, n_lanes, phi, stride, order);
    }
}
