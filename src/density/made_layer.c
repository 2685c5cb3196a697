/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/made_layer.c - one masked dense layer, computed group by group. */
#include "density/made_layer.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

/* A panel: input groups first .. last - 1, rows of output groups first .. n_out - 1. */
typedef struct panel {
    int32_t first, last;
    int32_t width, rows; /* of the weight matrix */
    size_t offset;       /* in the weight block */
} panel;

static int32_t n_panels(const kr_made_layer *layer)
{
    return (layer->n_in + KR_MADE_PANEL - 1) / KR_MADE_PANEL;
}

/* All panels but the last have the full width; padding of their sizes to 16 floats is exact
 * because the width itself is a multiple of 16. */
static panel panel_at(const kr_made_layer *layer, int32_t b)
{
    int32_t first = b * KR_MADE_PANEL;
    int32_t last = first + KR_MADE_PANEL < layer->n_in ? first + KR_MADE_PANEL : layer->n_in;
    size_t before = (size_t)b;
    size_t groups_before = before * (size_t)layer->n_out -
                           (before ? KR_MADE_PANEL * (before * (before - 1) / 2) : 0);
    return (panel){ .first = first,
                    .last = last,
                    .width = (last - first) * layer->in,
                    .rows = (layer->n_out - first) * layer->out,
                    .offset = layer->weights + groups_before * (size_t)layer->out *
                                                   (size_t)layer->in * KR_MADE_PANEL };
}

/* Weights of output group g in a panel. */
static size_t group_at(const kr_made_layer *layer, panel p, int32_t g)
{
    return p.offset + (size_t)(g - p.first) * (size_t)layer->out * (size_t)p.width;
}

/* Input groups of a panel that output group g sees. */
static int32_t n_visible(const kr_made_layer *layer, panel p, int32_t g)
{
    int32_t end = layer->is_strict ? g : g + 1;
    end = end < p.last ? end : p.last;
    return end > p.first ? end - p.first : 0;
}

void kr_made_layer_init(kr_made_layer *layer, int32_t n_in, int32_t n_out, int32_t in,
                        int32_t out, int32_t active, bool is_strict, bool has_bias,
                        size_t begin)
{
    *layer = (kr_made_layer){ .n_in = n_in,
                              .n_out = n_out,
                              .in = in,
                              .out = out,
                              .active = active,
                              .is_strict = is_strict,
                              .weights = begin,
                              .biases = SIZE_MAX };
    size_t end = begin;
    if (n_in > 0) {
        panel p = panel_at(layer, n_panels(layer) - 1);
        end = p.offset + kr_lanes_pad((size_t)p.rows * (size_t)p.width);
    }
    if (has_bias) {
        layer->biases = end;
        end += kr_lanes_pad((size_t)n_out * (size_t)out);
    }
    layer->end = end;
}

double kr_made_layer_bytes(int32_t n_in, int32_t n_out, int32_t in, int32_t out)
{
    double triangle = 0.5 * (double)n_in * ((double)n_out + KR_MADE_PANEL);
    return (triangle * (double)in + (double)n_out) * (double)out * (double)sizeof(float);
}

void kr_made_layer_draw(const kr_made_layer *layer, float *weights, double width, kr_rng *rng)
{
    memset(weights + layer->weights, 0, (layer->end - layer->weights) * sizeof *weights);
    for (int32_t b = 0; b < n_panels(layer); b++) {
        panel p = panel_at(layer, b);
        for (int32_t g = p.first; g < layer->n_out; g++) {
            int32_t columns = n_visible(layer, p, g) * layer->in;
            for (int32_t u = 0; u < layer->out; u++) {
                float *w = weights + group_at(layer, p, g) + (size_t)u * (size_t)p.width;
                for (int32_t k = 0; k < columns; k++) {
                    w[k] = (float)(width * kr_rng_normal(rng));
                }
            }
        }
    }
}

bool kr_made_layer_is_padding(const kr_made_layer *layer, size_t weight)
{
    if (layer->biases != SIZE_MAX && weight >= layer->biases) {
        return weight - layer->biases >= (size_t)layer->n_out * (size_t)layer->out;
    }
    int32_t b = n_panels(layer) - 1;
    while (b > 0 && panel_at(layer, b).offset > weight) {
        b--;
    }
    if (b < 0) {
        return true;
    }
    panel p = panel_at(layer, b);
    size_t row = (weight - p.offset) / (size_t)p.width,
           at = (weight - p.offset) % (size_t)p.width;
    if (row >= (size_t)p.rows) {
        return true; /* behind the last panel */
    }
    int32_t g = p.first + (int32_t)row / layer->out;
    return at >= (size_t)n_visible(layer, p, g) * (size_t)layer->in;
}

static float scale_of(const kr_made_layer *layer, int32_t g)
{
    int32_t seen = layer->is_strict ? g : g + 1;
    return seen > 0 ? (float)(2.0 / sqrt((double)seen * layer->active)) : 0.0f;
}

void kr_made_layer_begin(const kr_made_layer *layer, float *y, int32_t L)
{
    memset(y, 0, (size_t)layer->n_out * (size_t)layer->out * (size_t)L * sizeof *y);
}

void kr_made_layer_finish_group(const kr_made_layer *layer, const kr_lanes *lanes,
                                const float *weights, int32_t g, const float *x, float *y,
                                int32_t L)
{
    size_t first = (size_t)g * (size_t)layer->out, lanes_all = (size_t)L;
    float *restrict rows = y + first * lanes_all;
    if (g / KR_MADE_PANEL < n_panels(layer)) { /* else all panels lie before the last logits */
        panel p = panel_at(layer, g / KR_MADE_PANEL);
        int32_t columns = n_visible(layer, p, g) * layer->in;
        lanes->gemm(layer->out, columns, weights + group_at(layer, p, g), (size_t)p.width, NULL,
                    x + (size_t)p.first * (size_t)layer->in * lanes_all, NULL, rows, L);
    }
    lanes->scale(layer->out, L, scale_of(layer, g),
                 layer->biases == SIZE_MAX ? NULL : weights + layer->biases + first, rows);
}

void kr_made_layer_apply_panel(const kr_made_layer *layer, const kr_lanes *lanes,
                               const float *weights, int32_t b, int32_t from, const float *x,
                               float *y, int32_t L)
{
    panel p = panel_at(layer, b);
    int32_t g = p.first + KR_MADE_PANEL > from ? p.first + KR_MADE_PANEL : from;
    if (g < layer->n_out) {
        lanes->gemm((layer->n_out - g) * layer->out, p.width, weights + group_at(layer, p, g),
                    (size_t)p.width, NULL, x + (size_t)p.first * (size_t)layer->in * (size_t)L,
                    NULL, y + (size_t)g * (size_t)layer->out * (size_t)L, L);
    }
}

/* Output groups first .. end - 1 of a panel form the square on the diagonal. */
static int32_t square_end(const kr_made_layer *layer, panel p)
{
    int32_t end = p.first + KR_MADE_PANEL;
    return end < layer->n_out ? end : layer->n_out;
}

/* Adds the visible part of a square to the gradient. */
static void add_square(const kr_made_layer *layer, panel p, const float *square,
                       float *gradient)
{
    size_t width = (size_t)p.width;
    for (int32_t g = p.first; g < square_end(layer, p); g++) {
        size_t columns = (size_t)n_visible(layer, p, g) * (size_t)layer->in;
        for (int32_t u = 0; u < layer->out; u++) {
            const float *from =
                square + ((size_t)(g - p.first) * (size_t)layer->out + (size_t)u) * width;
            float *to = gradient + group_at(layer, p, g) + (size_t)u * width;
            for (size_t k = 0; k < columns; k++) {
                to[k] += from[k];
            }
        }
    }
}

/* d/dbiases += sum of e over lanes in order, then e *= scale. */
static void back_through_scale(const kr_made_layer *layer, const kr_lanes *lanes,
                               int32_t n_lanes, float *e, float *gradient, int32_t L)
{
    for (int32_t g = 0; g < layer->n_out; g++) {
        for (int32_t u = 0; layer->biases != SIZE_MAX && u < layer->out; u++) {
            size_t m = (size_t)g * (size_t)layer->out + (size_t)u;
            const float *row = e + m * (size_t)L;
            float sum = 0.0f;
            for (int32_t l = 0; l < n_lanes; l++) {
                sum += row[l];
            }
            gradient[layer->biases + m] += sum;
        }
        lanes->scale(layer->out, L, scale_of(layer, g), NULL,
                     e + (size_t)g * (size_t)layer->out * (size_t)L);
    }
}

/* Floats of the largest square, a multiple of 16. */
static size_t square_size(const kr_made_layer *layer)
{
    return (size_t)KR_MADE_PANEL * (size_t)layer->out * KR_MADE_PANEL * (size_t)layer->in;
}

/* Whole panels: the masked weights in the square on the diagonal are zero and add nothing to
 * dx; what they would receive is left out. */
void kr_made_layer_back(const kr_made_layer *layer, const kr_lanes *lanes, const float *weights,
                        int32_t n_lanes, const float *x, float *e, float *dx, float *gradient,
                        float *pack, int32_t L)
{
    float *square = pack, *rest = pack + square_size(layer);
    back_through_scale(layer, lanes, n_lanes, e, gradient, L);
    for (int32_t b = 0; b < n_panels(layer); b++) {
        panel p = panel_at(layer, b);
        int32_t end = square_end(layer, p), rows = (end - p.first) * layer->out;
        const float *x_panel = x + (size_t)p.first * (size_t)layer->in * (size_t)L;
        const float *e_panel = e + (size_t)p.first * (size_t)layer->out * (size_t)L;
        size_t ldw = (size_t)p.width;
        memset(square, 0, (size_t)rows * ldw * sizeof *square);
        lanes->outer(rows, p.width, n_lanes, e_panel, x_panel, NULL, square, ldw, NULL, rest,
                     L);
        add_square(layer, p, square, gradient);
        if (end < layer->n_out) {
            lanes->outer(p.rows - rows, p.width, n_lanes, e_panel + (size_t)rows * (size_t)L,
                         x_panel, NULL, gradient + group_at(layer, p, end), ldw, NULL, rest, L);
        }
        if (dx) {
            lanes->gemm_transposed(p.rows, p.width, weights + p.offset, ldw, e_panel,
                                   dx + (x_panel - x), L);
        }
    }
}

size_t kr_made_layer_pack(const kr_made_layer *layer, int32_t L)
{
    size_t most = 0;
    for (int32_t b = 0; b < n_panels(layer); b++) {
        panel p = panel_at(layer, b);
        size_t n = kr_lanes_outer_scratch(p.rows, p.width, L);
        most = n > most ? n : most;
    }
    return square_size(layer) + most;
}
