/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/ladder.h - temperatures for replica exchange, found by a pilot before the run. */
#ifndef KR_RUN_LADDER_H
#define KR_RUN_LADDER_H

#include "run/run.h"

/* Where the spec asks for a ladder to be found, runs the pilot and replaces *spec by one in
 * which the ladder is given: the same run file with the betas found, tempering.ladder = given
 * and tempering.found, which says how. Counted steps and streams keyed by the seed: the same
 * ladder for any number of threads. The old spec is freed; on error it stays. Of the options
 * threads, progress, stop and time limit are heeded; the last two end the pilot with KR_EIO,
 * since nothing of it is saved. *cpu_s (NULL allowed): CPU-seconds of the pilot. Errors:
 * KR_EINVAL no round trip for `flow`; what the sampler says. Serial only. */
int kr_ladder_find(kr_spec **spec, const kr_run_options *options, double *cpu_s, kr_error *err);

/* moved (n) gets the n temperatures with the inner ones moved so that every interval holds the
 * same weight: weight (n - 1), >= 0, belongs to the intervals of beta and is spread evenly over
 * each of them. The ends stay; without any weight all do. Pure. */
void kr_ladder_move(const double *beta, int32_t n, const double *weight, double *moved);
/* Replaces x (n) by the sequence nearest to it that does not fall, in the sense of least
 * squares with these weights, > 0 (pool adjacent violators). Pure. */
void kr_ladder_raise(double *x, const double *weight, int32_t n);

#endif
