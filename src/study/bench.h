/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench.h - speed of engines and updates against their rivals, in one process.
 *
 * Every row of a fixed table races a subject (an update with its engine, or a density, on a
 * system written as in a run file) against a rival (the scalar engine of the same update, or
 * what a textbook does). Both start from the same thermalized states; slices of equal length
 * alternate A B A B ..., each pair gives one ratio of CPU time per unit, and the median with
 * its quartiles is told. Ratios hardly feel what else the machine does. */
#ifndef KR_STUDY_BENCH_H
#define KR_STUDY_BENCH_H

#include "kramers_plug.h"

#include <signal.h>
#include <stdio.h>

typedef struct kr_bench_options {
    const char *engine; /* rows of this engine only; NULL = all */
    const char *only;   /* rows whose name holds this; NULL = all */
    kr_isa isa;         /* KR_ISA_BEST: what this CPU runs fastest */
    bool is_all_isa;    /* every ISA this CPU runs, beside each other */
    bool is_json;       /* one object instead of the table */
    bool is_list;       /* names of the rows, nothing is run */
    double seconds;     /* of each row and side, > 0 */
    const char *folder; /* for the files of the row that writes; NULL = leave it out */
    const volatile sig_atomic_t *stop; /* nonzero: end after the row; may be NULL */
} kr_bench_options;

/* Rows below their minimum, or that could not run, and rows that were run. */
typedef struct kr_bench_outcome {
    int32_t n_rows, n_missed, n_not_run;
} kr_bench_outcome;

/* Runs the table and prints machine facts and rows on out. JSON, one object:
 *   {"kramers", "machine": {"cpu", "n_threads", "isa", "l1d_bytes", "l2_bytes", "l3_bytes",
 *    "compiler", "is_optimized"}, "seconds",
 *    "rows": [{"section", "task", "unit", "engine", "rival", "at_least", "at_most", "aim",
 *      "per_second_at_least", "per_second_aim",
 *      "results": [{"isa", "status", "note", "ns", "rival_ns", "ratio", "extra_percent",
 *        "quartiles", "n_pairs", "changed", "energy_per_site", "rival_energy_per_site",
 *        "per_second", "gflops", "peak_gflops", "peak_fraction"}]}],
 *    "n_rows", "n_missed", "n_not_run"}
 * status is aim | minimum | missed | measured (no limit) | not_run | left_out; a number that
 * does not apply is null; quartiles are of ratio or extra_percent, whichever is not null;
 * changed is the fraction of attempted sites that changed; energies are those of the states at
 * the end. Of densities: per_second samples with their log q, gflops of the products needed
 * (null where they are not counted), peak_gflops the fused multiply-adds of this core, measured
 * by turns. per_second_at_least is meant for a core of 114.6 GFLOP/s: status compares
 * per_second * 114.6 / peak_gflops with it, and the ratio with at_least; the worse one counts.
 * Errors: KR_EPARSE no row fits engine and pattern, an ISA this CPU lacks; KR_ENOMEM. */
int kr_bench_run(const kr_bench_options *options, FILE *out, kr_bench_outcome *outcome,
                 kr_error *err);

#endif
