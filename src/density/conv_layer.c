/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/conv_layer.c - one causal masked convolution, computed site by site. */
#include "density/conv_layer.h"

#include "base/memory.h"
#include "base/rng.h"
#include "lattice/lattice.h"

#include <math.h>
#include <string.h>

#define PRODUCT_ROWS 512 /* inputs of one matrix product at most, unless a tap has more */

/* ---- windows ----------------------------------------------------------------------------- */

static int32_t half_side(const kr_lattice *lattice, int32_t side, int32_t d)
{
    int32_t h = side / 2, most = lattice->extent[d] - 1;
    return h < most ? h : most;
}

double kr_conv_window_size(const kr_lattice *lattice, int32_t side)
{
    double cube = 1.0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        cube *= 2.0 * half_side(lattice, side, d) + 1.0;
    }
    return (cube + 1.0) / 2.0;
}

/* Offset number t of the cube, coordinate 0 fastest; returns how many sites back it lies. */
static int32_t offset_at(const kr_lattice *lattice, int32_t side, int32_t t,
                         int32_t offset[KR_DIM_MAX])
{
    int32_t back = 0;
    for (int32_t d = 0, step = 1; d < lattice->dim; step *= lattice->extent[d++]) {
        int32_t h = half_side(lattice, side, d), n = 2 * h + 1;
        offset[d] = t % n - h;
        back -= offset[d] * step;
        t /= n;
    }
    return back;
}

static bool is_on_lattice(const kr_lattice *lattice, int32_t i, const int32_t *offset)
{
    int32_t x[KR_DIM_MAX];
    kr_lattice_coordinates(lattice, i, x);
    for (int32_t d = 0; d < lattice->dim; d++) {
        if (x[d] + offset[d] < 0 || x[d] + offset[d] >= lattice->extent[d]) {
            return false;
        }
    }
    return true;
}

/* Marks the sites (n_taps, n_sites) that see tap t of the cube; returns their number. */
static int64_t mark(const kr_lattice *lattice, int32_t side, int32_t t, bool is_first_blank,
                    int32_t *back, bool *seen)
{
    int32_t offset[KR_DIM_MAX];
    int64_t n = 0;
    *back = offset_at(lattice, side, t, offset);
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        seen[i] = is_on_lattice(lattice, i, offset) && !(is_first_blank && i == *back);
        n += seen[i];
    }
    return n;
}

/* The runs of all sites; run NULL: only begin is filled. */
static void find_runs(const kr_conv_window *window, int32_t n_sites, const bool *seen,
                      kr_conv_run *run)
{
    int64_t n = 0;
    for (int32_t i = 0; i < n_sites; i++) {
        window->begin[i] = n;
        bool before = false;
        for (int32_t t = 0; t < window->n_taps; t++) {
            bool now = seen[(size_t)t * (size_t)n_sites + (size_t)i];
            if (now && !before) {
                n++;
                if (run) {
                    run[n - 1].first = t;
                }
            }
            if (now && run) {
                run[n - 1].end = t + 1;
            }
            before = now;
        }
    }
    window->begin[n_sites] = n;
}

int kr_conv_window_init(kr_conv_window *window, const kr_lattice *lattice, int32_t side,
                        bool is_strict, bool is_first_blank, kr_error *err)
{
    /* the center is the last of the first half of the cube */
    int32_t most = (int32_t)kr_conv_window_size(lattice, side), N = lattice->n_sites;
    *window = (kr_conv_window){ .n_taps = 0 };
    window->back = kr_alloc((size_t)most, sizeof *window->back, err);
    window->begin = kr_alloc((size_t)N + 1, sizeof *window->begin, err);
    bool *seen = kr_alloc((size_t)most * (size_t)N, sizeof *seen, err);
    if (window->back && window->begin && seen) {
        for (int32_t t = 0; t < most - is_strict; t++) {
            int32_t n = window->n_taps, *back = &window->back[n];
            int64_t n_sites =
                mark(lattice, side, t, is_first_blank, back, seen + (size_t)n * (size_t)N);
            if (n_sites > 0) {
                window->n_taps++;
                window->n_pairs += n_sites;
                window->reach = *back > window->reach ? *back : window->reach;
            }
        }
        find_runs(window, N, seen, NULL);
        window->run = kr_alloc((size_t)window->begin[N], sizeof *window->run, err);
        if (window->run) {
            find_runs(window, N, seen, window->run);
        }
    }
    kr_free(seen);
    if (!window->run) {
        kr_conv_window_clear(window);
        return KR_ENOMEM;
    }
    return KR_OK;
}

void kr_conv_window_clear(kr_conv_window *window)
{
    kr_free(window->run);
    kr_free(window->begin);
    kr_free(window->back);
    *window = (kr_conv_window){ .n_taps = 0 };
}

/* ---- layers ------------------------------------------------------------------------------ */

/* Inputs of an output channel: the pitch of the weight matrix. */
static size_t row_size(const kr_conv_layer *layer)
{
    return (size_t)layer->window->n_taps * (size_t)layer->in;
}

void kr_conv_layer_init(kr_conv_layer *layer, const kr_conv_window *window, int32_t in,
                        int32_t out, int32_t active, bool has_bias, size_t begin)
{
    double inputs = (double)window->n_taps * active;
    *layer = (kr_conv_layer){ .window = window,
                              .in = in,
                              .out = out,
                              .scale = inputs > 0.0 ? (float)(2.0 / sqrt(inputs)) : 0.0f,
                              .weights = begin,
                              .biases = SIZE_MAX };
    layer->end = begin + kr_lanes_pad((size_t)out * row_size(layer));
    if (has_bias) {
        layer->biases = layer->end;
        layer->end += kr_lanes_pad((size_t)out);
    }
}

bool kr_conv_layer_is_padding(const kr_conv_layer *layer, size_t weight)
{
    const size_t n = (size_t)layer->out * row_size(layer);
    return weight < layer->biases ? weight - layer->weights >= n
                                  : weight - layer->biases >= (size_t)layer->out;
}

void kr_conv_layer_draw(const kr_conv_layer *layer, float *weights, double width, kr_rng *rng)
{
    memset(weights + layer->weights, 0, (layer->end - layer->weights) * sizeof *weights);
    for (size_t k = 0; k < (size_t)layer->out * row_size(layer); k++) {
        weights[layer->weights + k] = (float)(width * kr_rng_normal(rng));
    }
}

/* Rows of x that taps first .. end - 1 of site i read. */
static void list_rows(const kr_conv_layer *layer, int32_t i, kr_conv_run run, int32_t n_slots,
                      int32_t *index)
{
    int32_t in = layer->in;
    for (int32_t t = run.first; t < run.end; t++) {
        int32_t first = (i - layer->window->back[t]) % n_slots * in;
        for (int32_t c = 0; c < in; c++) {
            *index++ = first + c;
        }
    }
}

/* The first taps of a run, few enough for one product. */
static kr_conv_run first_part(const kr_conv_layer *layer, kr_conv_run run)
{
    int32_t n = layer->in < PRODUCT_ROWS ? PRODUCT_ROWS / layer->in : 1;
    return run.end - run.first > n ? (kr_conv_run){ run.first, run.first + n } : run;
}

static void scale_and_shift(const kr_conv_layer *layer, const float *weights, float *y,
                            int32_t L)
{
    const float scale = layer->scale;
    for (size_t m = 0; m < (size_t)layer->out; m++) {
        float bias = layer->biases == SIZE_MAX ? 0.0f : weights[layer->biases + m];
        float *restrict row = y + m * (size_t)L;
        for (int32_t l = 0; l < L; l++) {
            row[l] = row[l] * scale + bias;
        }
    }
}

void kr_conv_layer_column(const kr_conv_layer *layer, const kr_lanes *lanes,
                          const float *weights, int32_t i, const float *x, int32_t n_slots,
                          int32_t *index, float *y, int32_t L)
{
    const kr_conv_window *window = layer->window;
    const size_t pitch = row_size(layer);
    memset(y, 0, (size_t)layer->out * (size_t)L * sizeof *y);
    for (int64_t r = window->begin[i]; r < window->begin[i + 1]; r++) {
        kr_conv_run rest = window->run[r];
        while (rest.first < rest.end) {
            kr_conv_run part = first_part(layer, rest);
            list_rows(layer, i, part, n_slots, index);
            lanes->gemm(layer->out, (part.end - part.first) * layer->in,
                        weights + layer->weights + (size_t)part.first * (size_t)layer->in,
                        pitch, NULL, x, index, y, L);
            rest.first = part.end;
        }
    }
    scale_and_shift(layer, weights, y, L);
}

void kr_conv_layer_back(const kr_conv_layer *layer, const kr_lanes *lanes, const float *weights,
                        int32_t i, int32_t n_lanes, const float *x, int32_t n_slots,
                        const float *e, float *dx, int32_t n_dx_slots, float *sum,
                        int32_t *index, float *pack, int32_t L)
{
    const kr_conv_window *window = layer->window;
    const size_t pitch = row_size(layer), in = (size_t)layer->in;
    float *sum_b = layer->biases == SIZE_MAX ? NULL : sum + layer->biases;
    if (sum_b && window->begin[i] == window->begin[i + 1]) {
        lanes->outer(layer->out, 0, n_lanes, e, x, NULL, sum, 0, sum_b, pack, L);
    }
    for (int64_t r = window->begin[i]; r < window->begin[i + 1]; r++) {
        kr_conv_run rest = window->run[r];
        while (rest.first < rest.end) {
            kr_conv_run part = first_part(layer, rest);
            list_rows(layer, i, part, n_slots, index);
            lanes->outer(layer->out, (part.end - part.first) * layer->in, n_lanes, e, x, index,
                         sum + layer->weights + (size_t)part.first * in, pitch, sum_b, pack, L);
            sum_b = NULL; /* once */
            rest.first = part.end;
        }
        for (int32_t t = window->run[r].first; dx && t < window->run[r].end; t++) {
            size_t slot = (size_t)((i - window->back[t]) % n_dx_slots);
            lanes->gemm_transposed(layer->out, layer->in,
                                   weights + layer->weights + (size_t)t * in, pitch, e,
                                   dx + slot * in * (size_t)L, L);
        }
    }
}

size_t kr_conv_layer_pack(const kr_conv_layer *layer, int32_t L)
{
    kr_conv_run most = first_part(layer, (kr_conv_run){ 0, layer->window->n_taps });
    return kr_lanes_outer_scratch(layer->out, most.end * layer->in, L);
}

void kr_conv_layer_add(const kr_conv_layer *layer, float factor, const float *sum,
                       float *gradient)
{
    const float of_weights = factor * layer->scale;
    for (size_t k = layer->weights; k < layer->weights + (size_t)layer->out * row_size(layer);
         k++) {
        gradient[k] += of_weights * sum[k];
    }
    for (size_t m = 0; layer->biases != SIZE_MAX && m < (size_t)layer->out; m++) {
        gradient[layer->biases + m] += factor * sum[layer->biases + m];
    }
}
