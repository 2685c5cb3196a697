/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_net.c - a small convolutional network with one logit (study/phase_net.h).
 *
 * One-hot inputs turn the convolution into sums of weights, here of three taps at a time, and
 * its gradient into sums of flags: the cotangent of every active unit is that of the mean. */
#include "study/phase_net.h"

#include "base/memory.h"
#include "lattice/lattice.h"
#include "stats/logistic.h"

#include <math.h>
#include <string.h>

enum { WIDTH = KR_PHASE_WIDTH, DIM_MOST = 4 };

/* Whether the ends of every bond lie in each other's windows. */
static bool is_local(const kr_lattice *lattice)
{
    for (int64_t b = 0; b < lattice->n_bonds; b++) {
        int32_t x[KR_DIM_MAX], y[KR_DIM_MAX];
        kr_lattice_coordinates(lattice, lattice->bond[2 * b], x);
        kr_lattice_coordinates(lattice, lattice->bond[2 * b + 1], y);
        for (int32_t d = 0; d < lattice->dim; d++) {
            const int32_t off = x[d] < y[d] ? y[d] - x[d] : x[d] - y[d];
            if (off > 1 && !(lattice->is_periodic[d] && off == lattice->extent[d] - 1)) {
                return false;
            }
        }
    }
    return true;
}

/* Why there is no convolution; NULL: there is one. */
static const char *reason(const kr_lattice *lattice, int32_t q)
{
    return lattice->n_basis > 1        ? "the lattice has several sites in a cell"
           : lattice->has_antiperiodic ? "the lattice has antiperiodic directions"
           : lattice->dim > DIM_MOST   ? "the lattice has more than four dimensions"
           : q < 2                     ? "the variables are real numbers"
           : q > KR_PHASE_STATES       ? "the model has more than 10 states"
           : !is_local(lattice) ? "bonds of the lattice are longer than a window of side 3"
                                : NULL;
}

/* The rows of taps of every site: tap t = 3 r + k is k - 1 along coordinate 0 and the digits of
 * r, less 1, along the others. */
static void find_neighbors(kr_phase_net *net, const kr_lattice *lattice)
{
    for (int32_t i = 0; i < net->n_sites; i++) {
        int32_t x[KR_DIM_MAX], to[KR_DIM_MAX];
        kr_lattice_coordinates(lattice, i, x);
        for (int32_t r = 0; r < net->n_rows; r++) {
            bool is_outside = false;
            to[0] = x[0];
            for (int32_t d = 1, rest = r; d < lattice->dim; d++, rest /= 3) {
                const int32_t side = lattice->extent[d];
                to[d] = x[d] + rest % 3 - 1;
                is_outside |= !lattice->is_periodic[d] && (to[d] < 0 || to[d] >= side);
                to[d] = (to[d] + side) % side;
            }
            net->neighbor[(size_t)i * (size_t)net->n_rows + (size_t)r] =
                is_outside ? net->n_sites : kr_lattice_site(lattice, to);
        }
    }
}

static size_t width(const kr_phase_net *net)
{
    return (size_t)net->groups * KR_PHASE_WIDTH;
}

static void lay_out(kr_phase_net *net)
{
    const size_t row = width(net), hidden = (size_t)net->hidden;
    net->bias = (size_t)net->n_taps * (size_t)net->q * row;
    net->dense = net->bias + row;
    net->dense_bias = net->dense + hidden * row;
    net->out = net->dense_bias + hidden;
    net->out_bias = net->out + (hidden ? hidden : row);
    net->n_weights = net->out_bias + 1;
}

static int take_memory(kr_phase_net *net, kr_error *err)
{
    const size_t n = (size_t)net->n_sites, row = width(net), m = (size_t)net->n_images;
    const size_t entries = (size_t)net->n_rows * (size_t)net->n_patterns * row;
    net->neighbor = kr_alloc(n * (size_t)net->n_rows, sizeof *net->neighbor, err);
    net->weight = kr_alloc(net->n_weights, sizeof *net->weight, err);
    net->table = kr_alloc(entries, sizeof *net->table, err);
    net->sum = kr_alloc(entries, sizeof *net->sum, err);
    net->rest = kr_alloc(net->n_weights, sizeof *net->rest, err);
    net->image = kr_alloc(m * (size_t)net->q, 1, err);
    net->active = kr_alloc(m * n * row, sizeof *net->active, err);
    net->code = kr_alloc(m * (n + 1), sizeof *net->code, err);
    net->taken = kr_alloc(n, 1, err);
    net->pooled = kr_alloc(m * row, sizeof *net->pooled, err);
    net->slope = kr_alloc(row, sizeof *net->slope, err);
    net->unit = kr_alloc(m * (size_t)net->hidden + 1, sizeof *net->unit, err);
    return net->neighbor && net->weight && net->table && net->sum && net->rest && net->active &&
                   net->code && net->taken && net->pooled && net->slope && net->unit
               ? KR_OK
               : KR_ENOMEM;
}

int kr_phase_net_init(kr_phase_net *net, const kr_lattice *lattice, int32_t q, int32_t filters,
                      int32_t hidden, int32_t n_images, const uint8_t *image, kr_error *err)
{
    const char *why = reason(lattice, q);
    const int32_t Q = q + 1;
    *net = (kr_phase_net){ .n_sites = lattice->n_sites,
                           .q = q,
                           .n_rows = 1,
                           .n_images = n_images,
                           .filters = filters,
                           .hidden = hidden,
                           .side = lattice->extent[0],
                           .is_ring = lattice->is_periodic[0],
                           .groups = (filters + WIDTH - 1) / WIDTH };
    if (why) {
        return kr_fail(err, KR_EUNSUP, "no convolution: %s", why);
    }
    for (int32_t d = 1; d < lattice->dim; d++) {
        net->n_rows *= 3;
    }
    net->n_taps = 3 * net->n_rows;
    net->n_patterns = Q * Q * Q;
    lay_out(net);
    KR_TRY(take_memory(net, err));
    find_neighbors(net, lattice);
    for (int32_t k = 0; k < n_images * q; k++) {
        net->image[k] = image ? image[k] : (uint8_t)(k % q);
    }
    return KR_OK;
}

void kr_phase_net_clear(kr_phase_net *net)
{
    kr_free(net->unit);
    kr_free(net->slope);
    kr_free(net->pooled);
    kr_free(net->taken);
    kr_free(net->code);
    kr_free(net->active);
    kr_free(net->image);
    kr_free(net->rest);
    kr_free(net->sum);
    kr_free(net->table);
    kr_free(net->weight);
    kr_free(net->neighbor);
    *net = (kr_phase_net){ 0 };
}

void kr_phase_net_draw(const kr_phase_net *net, double *weight, kr_rng *rng)
{
    const size_t row = width(net), filters = (size_t)net->filters;
    memset(weight, 0, net->n_weights * sizeof *weight);
    for (size_t k = 0; k < net->bias; k++) {
        if (k % row < filters) {
            weight[k] = kr_rng_normal(rng) / sqrt(net->n_taps);
        }
    }
    for (size_t k = net->dense; k < net->dense_bias; k++) {
        if ((k - net->dense) % row < filters) {
            weight[k] = kr_rng_normal(rng) * sqrt(2.0 / net->filters);
        }
    }
    const size_t n = net->hidden ? (size_t)net->hidden : filters;
    for (size_t k = 0; k < n; k++) {
        weight[net->out + k] = kr_rng_normal(rng) / sqrt((double)n);
    }
}

/* Adds entries of the table to weights (to_table false), or weights to entries. */
static void exchange(const kr_phase_net *net, double *table, double *weight, bool to_table)
{
    const size_t row = width(net), q = (size_t)net->q, Q = q + 1;
    for (size_t r = 0; r < (size_t)net->n_rows; r++) {
        for (size_t p = 0; p < (size_t)net->n_patterns; p++) {
            const size_t s[] = { p / (Q * Q), p / Q % Q, p % Q };
            double *entry = table + (r * (size_t)net->n_patterns + p) * row;
            for (size_t k = 0; k < 3; k++) {
                double *w = s[k] < q ? weight + ((3 * r + k) * q + s[k]) * row : NULL;
                for (size_t f = 0; w && f < row; f++) {
                    if (to_table) {
                        entry[f] += w[f];
                    } else {
                        w[f] += entry[f];
                    }
                }
            }
        }
    }
}

static size_t entries(const kr_phase_net *net)
{
    return (size_t)net->n_rows * (size_t)net->n_patterns * width(net);
}

void kr_phase_net_set(kr_phase_net *net, const double *weight)
{
    memcpy(net->weight, weight, net->n_weights * sizeof *weight);
    memset(net->table, 0, entries(net) * sizeof *net->table);
    exchange(net, net->table, net->weight, true);
}

void kr_phase_net_collect(kr_phase_net *net, double *gradient)
{
    const size_t row = width(net);
    memcpy(gradient, net->rest, net->n_weights * sizeof *gradient);
    exchange(net, net->sum, gradient, false);
    for (size_t f = (size_t)net->filters; f < row; f++) {
        gradient[net->bias + f] = 0.0;
    }
    memset(net->rest, 0, net->n_weights * sizeof *net->rest);
    memset(net->sum, 0, entries(net) * sizeof *net->sum);
}

/* Patterns of the rows of image m of a configuration. */
static void take(kr_phase_net *net, const uint8_t *state, int32_t m)
{
    const int32_t q = net->q, Q = q + 1, L = net->side;
    int32_t *code = net->code + (size_t)m * (size_t)(net->n_sites + 1);
    for (int32_t i = 0; i < net->n_sites; i++) {
        net->taken[i] = net->image[m * q + state[i]];
    }
    for (int32_t from = 0; from < net->n_sites; from += L) {
        const uint8_t *s = net->taken + from;
        for (int32_t x = 0; x < L; x++) {
            const int32_t a = x > 0 ? s[x - 1] : net->is_ring ? s[L - 1] : q;
            const int32_t b = x < L - 1 ? s[x + 1] : net->is_ring ? s[0] : q;
            code[from + x] = (a * Q + s[x]) * Q + b;
        }
    }
    code[net->n_sites] = (q * Q + q) * Q + q;
}

/* Offset of the entry of row r with a pattern. */
static size_t entry_of(const kr_phase_net *net, int32_t r, int32_t code)
{
    return (size_t)(r * net->n_patterns + code) * width(net);
}

/* pooled = means of the units over all sites; active: which are above 0. */
static void convolve(kr_phase_net *net, int32_t m, bool keeps_active)
{
    const size_t row = width(net);
    const int32_t *code = net->code + (size_t)m * (size_t)(net->n_sites + 1);
    float *active = net->active + (size_t)m * (size_t)net->n_sites * row;
    for (size_t g = 0; g < row; g += WIDTH) {
        double sum[WIDTH] = { 0 };
        for (int32_t i = 0; i < net->n_sites; i++) {
            const int32_t *rows = net->neighbor + (size_t)i * (size_t)net->n_rows;
            double z[WIDTH];
            for (int f = 0; f < WIDTH; f++) {
                z[f] = net->weight[net->bias + g + (size_t)f];
            }
            for (int32_t r = 0; r < net->n_rows; r++) {
                const double *w = net->table + entry_of(net, r, code[rows[r]]) + g;
                for (int f = 0; f < WIDTH; f++) {
                    z[f] += w[f];
                }
            }
            for (int f = 0; f < WIDTH; f++) {
                sum[f] += z[f] > 0.0 ? z[f] : 0.0;
            }
            for (int f = 0; keeps_active && f < WIDTH; f++) {
                active[(size_t)i * row + g + (size_t)f] = z[f] > 0.0 ? 1.0F : 0.0F;
            }
        }
        for (int f = 0; f < WIDTH; f++) {
            net->pooled[(size_t)m * row + g + (size_t)f] = sum[f] / net->n_sites;
        }
    }
}

/* The logit from the means of image m; unit: values of the hidden units. */
static double read_out(kr_phase_net *net, int32_t m)
{
    const size_t row = width(net);
    const double *weight = net->weight, *pooled = net->pooled + (size_t)m * row;
    double *unit = net->unit + (size_t)m * (size_t)net->hidden;
    double logit = weight[net->out_bias];
    for (size_t f = 0; !net->hidden && f < row; f++) {
        logit += weight[net->out + f] * pooled[f];
    }
    for (int32_t j = 0; j < net->hidden; j++) {
        double z = weight[net->dense_bias + (size_t)j];
        for (size_t f = 0; f < row; f++) {
            z += weight[net->dense + (size_t)j * row + f] * pooled[f];
        }
        unit[j] = z > 0.0 ? z : 0.0;
        logit += weight[net->out + (size_t)j] * unit[j];
    }
    return logit;
}

static double logit_of(kr_phase_net *net, const uint8_t *state, bool keeps_active)
{
    double sum = 0.0;
    for (int32_t m = 0; m < net->n_images; m++) {
        take(net, state, m);
        convolve(net, m, keeps_active);
        sum += read_out(net, m);
    }
    return sum / net->n_images;
}

double kr_phase_net_logit(kr_phase_net *net, const uint8_t *state)
{
    return logit_of(net, state, false);
}

/* From the cotangent e of the logit: slope = that of the means; gradients of what follows them.
 */
static void back_out(kr_phase_net *net, int32_t m, double e)
{
    const size_t row = width(net);
    const double *weight = net->weight, *pooled = net->pooled + (size_t)m * row;
    const double *unit = net->unit + (size_t)m * (size_t)net->hidden;
    double *gradient = net->rest;
    gradient[net->out_bias] += e;
    for (size_t f = 0; f < row; f++) {
        net->slope[f] = net->hidden ? 0.0 : e * weight[net->out + f];
        if (!net->hidden && f < (size_t)net->filters) {
            gradient[net->out + f] += e * pooled[f];
        }
    }
    for (int32_t j = 0; j < net->hidden; j++) {
        const size_t k = (size_t)j;
        gradient[net->out + k] += e * unit[j];
        if (!(unit[j] > 0.0)) {
            continue;
        }
        const double by = e * weight[net->out + k];
        gradient[net->dense_bias + k] += by;
        for (size_t f = 0; f < row; f++) {
            net->slope[f] += by * weight[net->dense + k * row + f];
            gradient[net->dense + k * row + f] += by * pooled[f];
        }
    }
}

/* Gradients of the convolution. */
static void back_convolve(kr_phase_net *net, int32_t m)
{
    const size_t row = width(net);
    const int32_t *code = net->code + (size_t)m * (size_t)(net->n_sites + 1);
    const float *all = net->active + (size_t)m * (size_t)net->n_sites * row;
    for (size_t g = 0; g < row; g += WIDTH) {
        double by[WIDTH], bias[WIDTH] = { 0 };
        for (int f = 0; f < WIDTH; f++) {
            by[f] = net->slope[g + (size_t)f] / net->n_sites;
        }
        for (int32_t i = 0; i < net->n_sites; i++) {
            const int32_t *rows = net->neighbor + (size_t)i * (size_t)net->n_rows;
            const float *active = all + (size_t)i * row + g;
            double e[WIDTH];
            for (int f = 0; f < WIDTH; f++) {
                e[f] = by[f] * (double)active[f];
                bias[f] += e[f];
            }
            for (int32_t r = 0; r < net->n_rows; r++) {
                double *to = net->sum + entry_of(net, r, code[rows[r]]) + g;
                for (int f = 0; f < WIDTH; f++) {
                    to[f] += e[f];
                }
            }
        }
        for (int f = 0; f < WIDTH; f++) {
            net->rest[net->bias + g + (size_t)f] += bias[f];
        }
    }
}

double kr_phase_net_add(kr_phase_net *net, const uint8_t *state, double y)
{
    const double logit = logit_of(net, state, true);
    for (int32_t m = 0; m < net->n_images; m++) {
        back_out(net, m, (kr_logistic_probability(logit) - y) / net->n_images);
        back_convolve(net, m);
    }
    return kr_logistic_entropy(logit, y);
}
