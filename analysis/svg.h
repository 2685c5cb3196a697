/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/svg.h - figures as parts of an HTML page. Threads: pure. */
#ifndef KR_ANALYSIS_SVG_H
#define KR_ANALYSIS_SVG_H

#include "kramers_plug.h"

#include <stdio.h>

/* Writes the element <svg> of a file of gnuplot. Names in it (id, references to them) get
 * prefix and '-' in front, so that several fit into one page; label, for readers who cannot see
 * it, takes the place of gnuplot's own title. Errors: KR_EIO; KR_EUNSUP: no <svg> in it. */
int kr_svg_inline(const char *path, const char *prefix, const char *label, FILE *out,
                  kr_error *err);

#endif
