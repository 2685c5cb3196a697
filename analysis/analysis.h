/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/analysis.h - offline analysis; the only input is a result file. */
#ifndef KR_ANALYSIS_ANALYSIS_H
#define KR_ANALYSIS_ANALYSIS_H

#include "kramers_plug.h"

#include <stdio.h>

#define KR_SUMMARY_WHY 4096 /* bytes for the reasons of a verdict */

/* Table (full: of a scan with all columns of every observable) or one JSON object (listed in
 * analysis/README.md) of estimates with errors, tau_int, ESS, R-hat, exact values and z,
 * derived quantities, updates, densities, residence, cost, verdict. *is_converged tells --check
 * and *why (fills, KR_SUMMARY_WHY bytes) the reasons when it is not; the rules are in
 * summary_verdict.c. Few, constant or not finite data are reported in the text and are no
 * errors. Errors: KR_EIO; KR_EUNSUP when the file is no result file. Serial only. */
typedef enum kr_summary_form {
    KR_SUMMARY_TABLE,
    KR_SUMMARY_JSON,
    KR_SUMMARY_FULL
} kr_summary_form;
int kr_summary_write(const char *path, kr_summary_form form, FILE *out, bool *is_converged,
                     char *why, kr_error *err);

/* Targets of reweighting: n of them from `from` to `to`; NaN: the ends of the scan, of a single
 * point a width of its energies on either side. */
#define KR_REWEIGHT_AT 2
typedef struct kr_reweight_options {
    double from, to;
    int64_t n; /* 0: 41 */
    bool is_json;
    const char *along; /* number that targets lie along, "beta" or one of the model; NULL: the
                          scanned one, of two beta */
    int n_at;          /* numbers that stay at a value, those of targets likewise */
    const char *at_name[KR_REWEIGHT_AT];
    double at_value[KR_REWEIGHT_AT];
} kr_reweight_options;

/* Table (or JSON object, listed in analysis/README.md) of means as functions of beta or another
 * number, from the draws of n files together. Errors: KR_EUNSUP when the files cannot be
 * reweighted, or not together, with the reason; KR_EIO; KR_EINVAL. Serial only. */
int kr_reweight_write(const char *const *paths, int n, const kr_reweight_options *options,
                      FILE *out, kr_error *err);

/* Figure of a result file.
 *   kind    "trace"      energy and order parameter of up to 4 chains against draws
 *           "histogram"  distribution of both with errors, up to 6 points of a scan
 *           "residence"  phase of up to 16 chains against draws, distribution of dwell times;
 *                        two files stand side by side over equally many draws
 *           "reweight"   energy, specific heat, order parameter, Binder cumulant as functions
 *                        of beta with bands of one error, from all points of a scan together
 *           "snapshot", "tau", "binder" (up to eight files), "correlation", "barrier",
 *           "acceptance", "joint", "training": see
 *                        analysis/README.md
 *   figure  ends in .svg, .png or .pdf; NULL = NAME-KIND.svg beside NAME.h5
 *   made    path of the figure, filled (4096 bytes)
 * Writes PREFIX.gp and PREFIX.dat beside the figure (PREFIX = figure without its ending) and
 * runs gnuplot, in the folder of the figure and without a shell. A scan is shown at the point
 * where its phases mix most. Errors: KR_EUNSUP unknown kind or ending (known ones listed),
 * variable missing, a second file for another kind, no draws; KR_EIO gnuplot missing or failed
 * (the .gp and .dat stay). Serial only. */
int kr_plot_write(const char *const *paths, int n_paths, const char *kind, const char *figure,
                  char *made, kr_error *err);

/* One HTML page that needs nothing beside it: verdict, tables of the summary, every figure that
 * the file allows, run file, cost.
 *   output   NULL = NAME-report.html beside NAME.h5
 *   version  of the program that writes the page
 *   made     path of the page, filled (4096 bytes)
 * Without gnuplot the page says so in place of figures. Errors: KR_EPARSE the output exists
 * (overwrite replaces a report, nothing else); KR_EUNSUP no result file; KR_EIO. Serial only.
 */
int kr_report_write(const char *path, const char *output, bool overwrite, const char *version,
                    char *made, kr_error *err);

#endif
