/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/format.c - a value with its error in parentheses, as papers print it; percentages.
 */
#include "analysis/summary.h"

#include <math.h>
#include <string.h>

/* mean and error, both scaled to be printed without an exponent */
static void format_fixed(double mean, double error, int digits, char *out, size_t size)
{
    int decimals = digits - 1 - (int)floor(log10(error));
    if (round(error * pow(10.0, decimals)) >= pow(10.0, digits)) {
        decimals--; /* 0.0996 rounds up to 0.10 */
    }
    error = round(error * pow(10.0, decimals)) / pow(10.0, decimals);
    if (decimals <= 0) {
        double unit = pow(10.0, -decimals);
        snprintf(out, size, "%.0f(%.0f)", unit * round(mean / unit),
                 unit * round(error / unit));
    } else if (error >= 1.0) {
        snprintf(out, size, "%.*f(%.*f)", decimals, mean, decimals, error);
    } else {
        snprintf(out, size, "%.*f(%.0f)", decimals, mean, error * pow(10.0, decimals));
    }
}

void kr_format_value(double mean, double error, int digits, char *out, size_t size)
{
    if (!isfinite(mean)) {
        snprintf(out, size, isnan(mean) ? "-" : mean > 0.0 ? "inf" : "-inf");
    } else if (!(error > 0.0) || !isfinite(error)) {
        snprintf(out, size, "%.8g", mean);
    } else {
        double largest = fmax(fabs(mean), error);
        if (largest >= 1e-4 && largest < 1e7 && error > 1e-12) {
            format_fixed(mean, error, digits, out, size);
            return;
        }
        char fixed[64];
        int exponent = (int)floor(log10(largest));
        if (error < 1e-13 * largest) {
            snprintf(out, size, "%.14g", mean);
            return;
        }
        format_fixed(mean / pow(10.0, exponent), error / pow(10.0, exponent), digits, fixed,
                     sizeof fixed);
        snprintf(out, size, "%se%+03d", fixed, exponent);
    }
}

void kr_format_percent(double fraction, char *out, size_t size)
{
    if (isnan(fraction)) {
        snprintf(out, size, "-");
    } else {
        bool is_small = fraction > 0.0 && fraction < 0.01;
        snprintf(out, size, is_small ? "%.2g %%" : "%.1f %%", 100.0 * fraction);
    }
}

const char *kr_format_plain(double x, const char *format, char *out, size_t size)
{
    if (isnan(x)) {
        snprintf(out, size, "-");
    } else if (isinf(x)) {
        snprintf(out, size, x > 0.0 ? "inf" : "-inf");
    } else {
        snprintf(out, size, format, x); /* NOLINT: formats are literals of the callers */
    }
    return out;
}

const char *kr_format_count(double x, char *out, size_t size)
{
    return kr_format_plain(x, fabs(x) < 1e7 ? "%.0f" : "%.2e", out, size);
}

const char *kr_format_rate(double x, char *out, size_t size)
{
    return kr_format_plain(x, fabs(x) >= 100.0 && fabs(x) < 1e7 ? "%.0f" : "%.3g", out, size);
}

void kr_format_wrapped(FILE *out, const char *first, const char *text)
{
    size_t indent = strlen(first), column = indent;
    fputs(first, out);
    for (const char *word = text + strspn(text, " "); *word;) {
        size_t n = strcspn(word, " ");
        if (column > indent && column + 1 + n > KR_FORMAT_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(word, 1, n, out);
        column += n;
        word += n + strspn(word + n, " ");
    }
    fputc('\n', out);
}
