/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_barrier.c - free energy of energy and order parameter, beta F = -ln P from its
 * minimum: phases are wells, and what is between them is the barrier that chains cross.
 *
 * Of draws, errors are a jackknife over blocks of 20 tau_int; bins in which a single block has
 * been are left out. In a multicanonical run draws count with their weights, and P(E) comes
 * from all states visited: g(E) exp(-beta E) from the histograms of the run, also at the beta
 * where both peaks are equally high (stats/dos.c), errors by a jackknife over its independent
 * groups.
 */
#include "analysis/plot_law.h"

#include "analysis/summary.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

#define BINS_MAX     50
#define BINS_OF_FLAT 120
#define ONE_BLOCK    1e-9 /* share of a bin left without a block that is rounding */

/* ln(S_ref/S_h) with its error, where ref is the fullest bin. */
static double free_energy(const double *sum, const double *block, int64_t n_blocks, int n_bins,
                          int ref, int h, double *error)
{
    const double value = log(sum[ref] / sum[h]), n = (double)n_blocks;
    double mean = 0.0, square = 0.0;
    for (int64_t b = 0; b < n_blocks; b++) {
        const double rest = sum[h] - block[b * n_bins + h];
        if (!(rest > ONE_BLOCK * sum[h])) {
            *error = NAN;
            return value;
        }
        const double off = log((sum[ref] - block[b * n_bins + ref]) / rest) - value;
        mean += off / n;
        square += off * off / n;
    }
    *error = n_blocks > 1 ? sqrt((n - 1.0) * fmax(square - mean * mean, 0.0)) : NAN;
    return value;
}

static void write_free_energy(kr_gnuplot *g, const kr_bins *bins, const double *block,
                              int64_t n_blocks)
{
    double sum[BINS_OF_FLAT] = { 0.0 };
    int ref = 0;
    for (int h = 0; h < bins->n; h++) {
        for (int64_t b = 0; b < n_blocks; b++) {
            sum[h] += block[b * bins->n + h];
        }
        ref = sum[h] > sum[ref] ? h : ref;
    }
    bool has_gap = true;
    for (int h = 0; h < bins->n; h++) {
        double error = NAN;
        const double value =
            sum[h] > 0.0 ? free_energy(sum, block, n_blocks, bins->n, ref, h, &error) : NAN;
        if (isfinite(error) || (h == ref && n_blocks > 0)) {
            fprintf(g->data, "%.10g %.8g %.4g\n", bins->from + (h + 0.5) * bins->width, value,
                    isfinite(error) ? error : 0.0);
        } else if (!has_gap) {
            fputc('\n', g->data); /* breaks the line */
        }
        has_gap = !isfinite(error);
    }
}

/* -ln g(E) + beta E in bins of energies per site, from all groups of histograms. */
static int write_flat(kr_gnuplot *g, const kr_dos *dos, double beta, double n_sites,
                      kr_error *err)
{
    const int64_t per_bin = (dos->n_bins + BINS_OF_FLAT - 1) / BINS_OF_FLAT;
    const kr_bins bins = { .from = (dos->e_min - 0.5 * dos->width) / n_sites,
                           .width = (double)per_bin * dos->width / n_sites,
                           .n = (int)((dos->n_bins + per_bin - 1) / per_bin) };
    double *block = kr_alloc((size_t)(dos->n_groups * bins.n), sizeof *block, err);
    double top = -INFINITY;
    if (!block) {
        return KR_ENOMEM;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t k = 0; k < dos->n_groups * dos->n_bins; k++) {
            const int64_t b = k / dos->n_bins, e = k % dos->n_bins;
            const double visits = dos->visits[b * (dos->n_bins + 2) + e + 1];
            const double log_p = log(visits) - dos->log_w[e] - beta * dos->width * (double)e;
            if (pass == 0) {
                top = fmax(top, log_p);
            } else {
                block[b * bins.n + e / per_bin] += exp(log_p - top);
            }
        }
    }
    write_free_energy(g, &bins, block, dos->n_groups);
    kr_free(block);
    return KR_OK;
}

/* P(E) of a multicanonical run, at its beta and where the peaks are equally high. */
static int draw_flat(kr_gnuplot *g, const kr_source *source, const kr_law *law,
                     const char *name, int *n, kr_error *err)
{
    kr_dos dos;
    double *owned[2] = { NULL, NULL }, n_sites = NAN;
    const double beta = kr_series_constant(source->reader, "constant_data", "beta", 0);
    kr_barrier barrier;
    *n = 0;
    if (!kr_reader_variables(source->reader, "density_of_states") ||
        strcmp(name, "energy_per_site") != 0) {
        return KR_OK;
    }
    kr_reader_attr_real(source->reader, "posterior", "", "n_sites", &n_sites);
    int status = kr_summary_dos(source->reader, &dos, owned, err);
    status = status == KR_OK ? kr_dos_barrier(&dos, beta, &barrier, err) : status;
    for (int k = 0; k < 2 && status == KR_OK; k++) {
        char label[160], at[48], height[48];
        if (k == 1 && !isfinite(barrier.height)) {
            break;
        }
        kr_gnuplot_block(g, k ? "peaks equally high: energy per site, -ln P, error"
                              : "sampled beta: energy per site, -ln P, error");
        status = write_flat(g, &dos, k ? barrier.beta : beta, n_sites, err);
        snprintf(label, sizeof label, "beta = %.8g", beta);
        if (k == 1) {
            kr_format_value(barrier.beta, barrier.beta_error, 2, at, sizeof at);
            kr_format_value(barrier.height, barrier.height_error, 2, height, sizeof height);
            snprintf(label, sizeof label, "beta = %s: ln(P_max/P_min) = %s", at, height);
        }
        kr_law_curve(g, law, g->n_blocks - 1, (*n)++, label);
    }
    kr_free(owned[0]);
    kr_free(owned[1]);
    return status;
}

int kr_barrier_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err)
{
    static const kr_law law = { .y_label = "-ln P, from its minimum",
                                .what = "-ln P, error",
                                .style = "linespoints pt 7 ps 0.3",
                                .most_bins = BINS_MAX,
                                .most_points = 4,
                                .key_rows = 2,
                                .is_weighted = true,
                                .write = write_free_energy,
                                .begin = draw_flat };
    (void)n_sources;
    if (kr_series_exists(source->reader, "sample_stats", "log_z_ratio")) {
        return kr_fail(err, KR_EUNSUP,
                       "%s: draws are runs of population annealing, want chains that cross "
                       "barriers or a multicanonical run",
                       source->path);
    }
    return kr_law_draw(g, source, &law, err);
}
