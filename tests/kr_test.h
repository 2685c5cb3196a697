/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_test.h - assertions on numbers; includes cmocka. */
#ifndef KR_TEST_H
#define KR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The larger of two deviations; a NaN is the largest of all, and stays it. */
static inline double worse(double worst, double off)
{
    return isnan(off) ? INFINITY : fmax(worst, off);
}

/* |x - want| <= rel * max(1, |want|) */
#define assert_close(x, want, rel)                                                             \
    do {                                                                                       \
        double x_ = (x), want_ = (want), bound_ = (rel)*fmax(1.0, fabs(want_));                \
        if (!(fabs(x_ - want_) <= bound_)) {                                                   \
            fail_msg("%s = %.17g, want %.17g within %.3g (off by %.3g)", #x, x_, want_,        \
                     bound_, x_ - want_);                                                      \
        }                                                                                      \
    } while (0)

/* |mean - want| <= limit * error, and error finite and > 0 */
#define assert_within_sigma(mean, error, want, limit)                                          \
    do {                                                                                       \
        double mean_ = (mean), error_ = (error), want_ = (want);                               \
        if (!(error_ > 0.0 && isfinite(error_) && fabs(mean_ - want_) <= (limit)*error_)) {    \
            fail_msg("%s = %.10g +- %.3g, want %.10g: z = %.2f, limit %.2f", #mean, mean_,     \
                     error_, want_, (mean_ - want_) / error_, (double)(limit));                \
        }                                                                                      \
    } while (0)

/* status is KR_OK, else the message of err is shown */
#define assert_ok(expr, err)                                                                   \
    do {                                                                                       \
        int status_ = (expr);                                                                  \
        if (status_ != 0) {                                                                    \
            fail_msg("%s: status %d: %s", #expr, status_, (err)->text);                        \
        }                                                                                      \
    } while (0)

#endif
