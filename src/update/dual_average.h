/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/dual_average.h - a step size tuned to an acceptance, by dual averaging.
 *
 * Source: Hoffman, Gelman, J. Mach. Learn. Res. 15, 1593 (2014), section 3.2, with their
 * constants; there the mean acceptance of a step is seen, here the share of accepted attempts
 * of all chains in a draw. */
#ifndef KR_UPDATE_DUAL_AVERAGE_H
#define KR_UPDATE_DUAL_AVERAGE_H

#include "kramers_plug.h"

typedef struct kr_dual_average {
    double target;    /* acceptance; 0: the step stays as it is */
    double step;      /* to be used now */
    double log_start; /* of ten times the first step */
    double mean_log, shortfall;
    int64_t n;
    double most; /* largest step; infinite unless set after init: of angles a step beyond pi
                    gains nothing, and hot ones accept any */
} kr_dual_average;

void kr_dual_average_init(kr_dual_average *d, double step, double target);
/* After a draw; the last one leaves the averaged step. */
void kr_dual_average_learn(kr_dual_average *d, double acceptance, bool is_last);
int kr_dual_average_declare(kr_dual_average *d, kr_state *table, kr_error *err);

#endif
