/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/pace.c - step sizes of a training, and when more of it no longer pays.
 *
 * A training has one or two parts, forward KL and what follows, each of which cools down by
 * itself: rate, 0.3 rate from HOT of its length on, 0.1 rate for the last tenth. Cooling
 * divides the excess y = 1/ESS - 1 by three or so; therefore it begins as soon as y is COOLING
 * times what target_ess asks for, and lasts until that is reached. With training.samples = N
 * the hot part ends early, and with it, in proportion, the whole. To train for the work T and
 * then draw N independent samples costs
 *
 *     T / HOT + N c / ESS(T),     c the work of a proposal,
 *
 * cooling included. With y falling as T^-a the cost is least where T / HOT = a N c
 * y. y is a mean over the last quarter of the part so far, a comes from the quarter before; so
 * one batch decides nothing, and where ESS stands still a is least, LEAST_A, while an ESS that
 * has yet to rise has a large y and goes on. Below LEAST_ESS training does not end: rare heavy
 * states would make errors of the chain too small.
 *
 * Threads: serial. Counted work and weights of samples decide, never a clock. */
#include "base/state.h"
#include "sampler/private.h"

#include <math.h>

#define HOT       0.7
#define COOLING   2.0
#define LEAST_ESS 0.2
#define LEAST_A   0.2
#define MOST_A    2.0
#define STRIDE    16 /* steps between records, at first */
#define LEAST_N   16 /* records before anything is decided */

void kr_pace_open(kr_pace *pace)
{
    *pace = (kr_pace){ .stride = STRIDE };
}

int kr_pace_declare(kr_pace *pace, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_add(table, "pace_from", KR_F64, 1, &pace->from, err));
    KR_TRY(kr_state_add(table, "pace_to", KR_F64, 1, &pace->to, err));
    KR_TRY(kr_state_add(table, "pace_part", KR_I64, 1, &pace->part, err));
    KR_TRY(kr_state_add(table, "pace_cooling", KR_U8, 1, &pace->is_cooling, err));
    KR_TRY(kr_state_add(table, "pace_nears_target", KR_U8, 1, &pace->nears_target, err));
    KR_TRY(kr_state_add(table, "pace_n", KR_I64, 1, &pace->n, err));
    KR_TRY(kr_state_add(table, "pace_stride", KR_I64, 1, &pace->stride, err));
    KR_TRY(kr_state_add(table, "pace_work", KR_F64, KR_PACE_RECORDS, pace->work, err));
    return kr_state_add(table, "pace_excess", KR_F64, KR_PACE_RECORDS, pace->excess, err);
}

bool kr_pace_forward(kr_pace *pace, double forward, double progress)
{
    if (pace->part == 0) { /* without a forward part the second is all */
        pace->part = forward > 0.0 ? 1 : 2;
        pace->to = forward > 0.0 ? forward : 1.0;
    }
    if (pace->part == 1 && forward < 1.0 && progress >= pace->to) {
        const double length = pace->to * (1.0 - forward) / forward;
        pace->part = 2;
        pace->from = pace->to;
        pace->to = pace->is_cooling && !pace->nears_target ? pace->from + length : 1.0;
        pace->is_cooling = pace->nears_target = 0;
        pace->n = 0; /* the ESS rises anew as the rate does */
        pace->stride = STRIDE;
    }
    return pace->part == 1;
}

/* How far the present part has come, 0..1. */
static double position(const kr_pace *pace, double progress)
{
    return (progress - pace->from) / (pace->to - pace->from);
}

double kr_pace_rate(const kr_pace *pace, double progress)
{
    const double x = position(pace, progress);
    return x < HOT ? 1.0 : x < 0.9 ? 0.3 : 0.1;
}

bool kr_pace_is_over(const kr_pace *pace, double forward, double progress)
{
    return progress >= 1.0 ||
           (progress >= pace->to && !pace->nears_target && (pace->part == 2 || forward >= 1.0));
}

static void record(kr_pace *pace, double work, double excess)
{
    if (pace->n == KR_PACE_RECORDS) { /* every second one stays */
        for (int64_t k = 0; k < KR_PACE_RECORDS / 2; k++) {
            pace->work[k] = pace->work[2 * k + 1];
            pace->excess[k] = pace->excess[2 * k + 1];
        }
        pace->n /= 2;
        pace->stride *= 2;
    }
    pace->work[pace->n] = work;
    pace->excess[pace->n++] = excess;
}

/* Mean of log work and log excess over the records from..to-1. */
static void mean_between(const kr_pace *pace, int64_t from, int64_t to, double *log_work,
                         double *log_excess)
{
    *log_work = *log_excess = 0.0;
    for (int64_t k = from; k < to; k++) {
        *log_work += log(pace->work[k]) / (double)(to - from);
        *log_excess += log(fmax(pace->excess[k], 1e-6)) / (double)(to - from);
    }
}

bool kr_pace_is_due(const kr_pace *pace, int64_t step, double progress)
{
    return step % pace->stride == 0 && !pace->is_cooling && position(pace, progress) < HOT;
}

void kr_pace_watch(kr_pace *pace, double progress, double work, double excess, double target,
                   double demand)
{
    double t1, y1, t2, y2;
    record(pace, work, excess);
    if (pace->n < LEAST_N) {
        return;
    }
    mean_between(pace, pace->n / 2, 3 * pace->n / 4, &t1, &y1);
    mean_between(pace, 3 * pace->n / 4, pace->n, &t2, &y2);
    const double a = fmin(fmax((y1 - y2) / (t2 - t1), LEAST_A), MOST_A), y = exp(y2);
    pace->nears_target = y <= COOLING * target;
    pace->is_cooling = pace->nears_target || (demand > 0.0 && y <= 1.0 / LEAST_ESS - 1.0 &&
                                              work / HOT >= a * demand * y);
    if (pace->is_cooling) {
        pace->to = pace->from + (progress - pace->from) / HOT;
    }
}
