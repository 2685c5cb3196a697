/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/analysis.h - offline analysis; the only input is a result file. */
#ifndef KR_ANALYSIS_ANALYSIS_H
#define KR_ANALYSIS_ANALYSIS_H

#include "kramers_plug.h"

#include <stdio.h>

/* Table (or one JSON object) of estimates with errors, tau_int, ESS, R-hat, exact values and z,
 * derived quantities, updates, densities, residence, cost, verdict. *is_converged tells --check
 * and *why (fills, 256 bytes) the reason when it is not. */
int kr_summary_write(const char *path, bool json, FILE *out, bool *is_converged, char *why,
                     kr_error *err);

/* kind: "trace", "histogram" or "residence". Writes PREFIX.gp and PREFIX.dat beside the figure
 * (PREFIX = figure without its ending) and runs gnuplot; figure NULL = NAME-KIND.svg. The path
 * of the figure is filled into made (4096 bytes). Errors: KR_EUNSUP unknown kind (known ones
 * listed), variable missing; KR_EIO gnuplot missing or failed (the .gp and data stay). */
int kr_plot_write(const char *path, const char *kind, const char *figure, char *made,
                  kr_error *err);

#endif
