/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/conv_layer.h - one causal masked convolution, computed site by site; private to
 * conv*.c and their tests.
 *
 * The column of site i (all channels, chains in lanes) is
 *
 *   y_i = bias + scale sum_{taps t} W_t x_{i - back_t},   scale = 2/sqrt(inputs),
 *
 * over the taps of a window that lie on the lattice: what lies outside is zero, on periodic
 * lattices too. A window holds the sites of a cube that come before its center in the order
 * 0..N-1 and, unless it is strict, the center (van den Oord, Kalchbrenner, Kavukcuoglu,
 * arXiv:1601.06759, masks A and B). The scale is that of made_layer.h. The sum is one fmaf
 * chain, taps in ascending order of sites, channels ascending within a tap.
 *
 * Columns live in rings: site i has slot i modulo the number of slots. */
#ifndef KR_DENSITY_CONV_LAYER_H
#define KR_DENSITY_CONV_LAYER_H

#include "density/lanes.h"

typedef struct kr_conv_run { /* consecutive taps that lie on the lattice */
    int32_t first, end;
} kr_conv_run;

typedef struct kr_conv_window {
    int32_t n_taps;
    int32_t *back;    /* (n_taps) how many sites a tap lies behind its center; owns */
    int32_t reach;    /* the largest of them */
    int64_t n_pairs;  /* taps on the lattice, summed over sites */
    int64_t *begin;   /* (n_sites + 1) into run; owns */
    kr_conv_run *run; /* owns */
} kr_conv_window;

typedef struct kr_conv_layer {
    const kr_conv_window *window; /* borrowed */
    int32_t in, out;              /* channels */
    float scale;
    size_t weights; /* offset of (out, n_taps, in) weights in the block */
    size_t biases;  /* offset of (out) biases, or SIZE_MAX: none */
    size_t end;     /* offset after the last weight, a multiple of 16 */
} kr_conv_layer;

/* Most taps that a window of this side can have, as a double: cannot overflow. */
double kr_conv_window_size(const kr_lattice *lattice, int32_t side);
/* The window of odd side. Taps that lie on the lattice for no site are left out; when site 0 is
 * blank (its column is zero whatever the state is), so are taps on it. Errors: KR_ENOMEM,
 * nothing is left. */
int kr_conv_window_init(kr_conv_window *window, const kr_lattice *lattice, int32_t side,
                        bool is_strict, bool is_first_blank, kr_error *err);
void kr_conv_window_clear(kr_conv_window *window);

/* Lays the layer out from offset begin on. active: inputs of a tap that are on at a time. */
void kr_conv_layer_init(kr_conv_layer *layer, const kr_conv_window *window, int32_t in,
                        int32_t out, int32_t active, bool has_bias, size_t begin);
/* Whether a weight of the layer is padding. */
bool kr_conv_layer_is_padding(const kr_conv_layer *layer, size_t weight);
/* Fresh weights: normal with the given width; biases and padding 0. */
void kr_conv_layer_draw(const kr_conv_layer *layer, float *weights, double width, kr_rng *rng);

/* Fills the column y (out, L) of site i; x (n_slots, in, L). index: n_taps * in entries of
 * scratch. Threads: pure. */
void kr_conv_layer_column(const kr_conv_layer *layer, const kr_lanes *lanes,
                          const float *weights, int32_t i, const float *x, int32_t n_slots,
                          int32_t *index, float *y, int32_t L);
/* From cotangents e (out, L) of the column of site i, without scales: sum += d/dweights, in the
 * layout of the weights; dx (n_dx_slots, in, L) += d/dx when not NULL. pack:
 * kr_conv_layer_pack floats. */
void kr_conv_layer_back(const kr_conv_layer *layer, const kr_lanes *lanes, const float *weights,
                        int32_t i, int32_t n_lanes, const float *x, int32_t n_slots,
                        const float *e, float *dx, int32_t n_dx_slots, float *sum,
                        int32_t *index, float *pack, int32_t L);
size_t kr_conv_layer_pack(const kr_conv_layer *layer, int32_t L);
/* gradient += factor scale times the sums of weights, += factor times those of biases. */
void kr_conv_layer_add(const kr_conv_layer *layer, float factor, const float *sum,
                       float *gradient);

#endif
