/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare.h - every sensible sampler of one system against the others, in one process.
 *
 * The question is what a given number of independent samples costs, training included. Each
 * candidate is the system of a run file with another schedule: local moves, cluster moves,
 * replica exchange, multicanonical weights, population annealing, exact densities, and the
 * learned moves that the run file schedules. It runs through the same sampler as `kramers run`;
 * tau_int of each slow observable comes by the Gamma method and CPU-seconds are those of the
 * sampler's threads. With T CPU-seconds before the first sample (training, ladder, weights,
 * tables) and c per independent sample of the slowest observable, n samples cost T + n c, and a
 * candidate pays against a rival from
 *     n* = (T - T_rival) / (c_rival - c),   c = 2 tau_int x CPU-seconds per step
 * on. Nothing here decides in favor of a candidate that is not resolved. */
#ifndef KR_STUDY_COMPARE_H
#define KR_STUDY_COMPARE_H

#include "base/runfile.h"

#include <signal.h>
#include <stdio.h>

typedef struct kr_compare_options {
    double work;                /* CPU-seconds of measuring per candidate at most, > 0 */
    int32_t n_threads;          /* >= 1 */
    bool is_json;               /* one object instead of the table */
    const char *figure;         /* .svg, .png or .pdf of cost against samples; NULL = none */
    const char *const *without; /* (n_without) candidates whose name holds one are left out */
    int32_t n_without;
    FILE *messages;                    /* progress; NULL = none; borrowed */
    const volatile sig_atomic_t *stop; /* nonzero: end with what is measured; may be NULL */
} kr_compare_options;

/* Measures all candidates and prints on out. Takes the file, which must hold one system at one
 * temperature; of the temperatures of a ladder the coldest is meant. *is_stopped: some
 * candidates are missing. JSON, one object; costs in CPU-seconds, tau_int in steps, a number
 * that does not apply is null:
 *   {"kramers", "run_file", "system": {"model", "lattice", "n_sites", "beta", "chains"},
 *    "work_s", "n_threads", "is_stopped", "energy_j": whole study by RAPL counters | null,
 *    "exact_method" | null,
 *    "scan": [{"beta", "energy_deviation", "tau_int"}] local moves on the way to beta,
 *    "observables": [{"name", "is_compared", "exact" | null, "reference": candidate | null}],
 *    "candidates": [{"name", "schedule", "kind": local | cluster | tempering | multicanonical |
 *       annealing | exact_density | learned, "status": resolved | not_resolved | partial |
 *       disagrees, "note", "set_up_cpu_s": all before the first sample, "train_cpu_s": of it in
 *       training, "sample_cpu_s", "n_chains", "n_points", "n_draws", "every",
 *       "cpu_s_per_step": of one chain, all its temperatures counted, "acceptance": of the
 *       density, "ess_q",
 *       "observables": {NAME: {"mean", "error", "z": distance from the exact value or the
 *          reference, "tau_int", "tau_int_error", "r_hat", "n_independent", "is_resolved",
 *          "why": of not resolved | null, "cost_cpu_s", "cost_error"}},
 *       "slowest", "cost_cpu_s", "cost_error", "is_lower_bound",
 *       "break_even": {"status": always | from | at_most | never | undecided | none,
 *          "n", "rival"},
 *       "cost_10000_cpu_s", "rival_10000", "ratio_10000", "ratio_is_upper_bound"}] cheapest
 *       first,
 *    "left_out": [{"name", "why"}],
 *    "verdict": {"sentence", "ranges": [{"candidate", "from_n"}]}}
 * Errors: KR_EPARSE, KR_ERANGE, KR_EUNSUP run file; KR_EIO figure; KR_ENOMEM. Serial only. */
int kr_compare_run(kr_runfile *file, const kr_compare_options *options, FILE *out,
                   bool *is_stopped, kr_error *err);

#endif
