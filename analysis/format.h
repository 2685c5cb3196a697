/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/format.h - numbers with errors, and percentages, as text. Threads: pure. */
#ifndef KR_ANALYSIS_FORMAT_H
#define KR_ANALYSIS_FORMAT_H

#include <stddef.h>
#include <stdio.h>

#define KR_FORMAT_WIDTH 100 /* of the tables */

/* "1.23456(78)": mean rounded to `digits` significant digits of its error; plain when the error
 * is 0 or unknown; "-" when the mean is. */
void kr_format_value(double mean, double error, int digits, char *out, size_t size);
/* "12.3 %" of the fraction 0.123, "0.012 %" below one percent; "-" when it is not a number. */
void kr_format_percent(double fraction, char *out, size_t size);

/* One number by a format of printf, "-" when it is not known, "inf"; returns out. */
const char *kr_format_plain(double x, const char *format, char *out, size_t size);
/* A count in full up to ten million. */
const char *kr_format_count(double x, char *out, size_t size);
/* Three digits, no exponent up to ten million. */
const char *kr_format_rate(double x, char *out, size_t size);

/* The words of text after `first`, wrapped at the width, continued lines indented below it. */
void kr_format_wrapped(FILE *out, const char *first, const char *text);

#endif
