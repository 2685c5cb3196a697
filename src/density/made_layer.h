/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/made_layer.h - one masked dense layer, computed group by group.
 *
 * Input and output rows come in groups of one site each. Output group g sees input groups
 * g' <= g, or g' < g when the layer is strict (Germain et al., arXiv:1502.03509, section 3).
 * Weights are stored in panels of KR_MADE_PANEL input groups: panel b, which begins at group
 * b0, holds the rows of output groups b0 .. n_out - 1, each as wide as the panel. So masked
 * weights exist only in the square on the diagonal; they are padding: zero, never read on the
 * way forward, and their gradient is zero.
 *
 *   y_g = bias_g + scale_g sum_{g' seen} W_gg' x_g',   scale_g = 2/sqrt(inputs seen):
 *
 * a step of the optimizer then moves every row by about as much, however many inputs it has
 * (the parametrization of Jacot et al., arXiv:1806.07572; with the 2, learning rates that suit
 * sparse networks suit this one). The sum is one fmaf chain over input rows in ascending order,
 * whether its inputs come one by one (while sampling) or panel by panel: the bits are the same.
 */
#ifndef KR_DENSITY_MADE_LAYER_H
#define KR_DENSITY_MADE_LAYER_H

#include "density/lanes.h"

#define KR_MADE_PANEL 16 /* input groups per panel */

typedef struct kr_made_layer {
    int32_t n_in, n_out; /* groups; n_out = n_in, or n_in + 1 when strict */
    int32_t in, out;     /* rows per group */
    int32_t active;      /* inputs of a group that are on at a time: in, or 1 for one-hot */
    bool is_strict;
    size_t weights; /* offset of the first panel in the weight block */
    size_t biases;  /* offset of (n_out * out) biases, or SIZE_MAX: none */
    size_t end;     /* offset after the last weight */
} kr_made_layer;

/* Lays the layer out from offset begin on. */
void kr_made_layer_init(kr_made_layer *layer, int32_t n_in, int32_t n_out, int32_t in,
                        int32_t out, int32_t active, bool is_strict, bool has_bias,
                        size_t begin);
/* Bytes of the weights as a double: cannot overflow. */
double kr_made_layer_bytes(int32_t n_in, int32_t n_out, int32_t in, int32_t out);
/* Fresh weights: normal with the given width, biases 0, padding 0. */
void kr_made_layer_draw(const kr_made_layer *layer, float *weights, double width, kr_rng *rng);

/* Is this weight of begin .. end - 1 masked, or behind the others? */
bool kr_made_layer_is_padding(const kr_made_layer *layer, size_t weight);

/* y = 0, all rows. */
void kr_made_layer_begin(const kr_made_layer *layer, float *y, int32_t L);
/* Rows of output group g: adds the inputs within the panel of g, scales, adds the biases. To be
 * called once, when all earlier panels have been applied. */
void kr_made_layer_finish_group(const kr_made_layer *layer, const kr_lanes *lanes,
                                const float *weights, int32_t g, const float *x, float *y,
                                int32_t L);
/* Rows of output groups behind panel b, from group `from` on: adds the inputs of panel b. */
void kr_made_layer_apply_panel(const kr_made_layer *layer, const kr_lanes *lanes,
                               const float *weights, int32_t b, int32_t from, const float *x,
                               float *y, int32_t L);
/* gradient += d/dweights, dx += d/dx (NULL: not wanted) of sum e y over lanes < n_lanes. e is
 * scaled in place. pack: kr_made_layer_pack floats. */
void kr_made_layer_back(const kr_made_layer *layer, const kr_lanes *lanes, const float *weights,
                        int32_t n_lanes, const float *x, float *e, float *dx, float *gradient,
                        float *pack, int32_t L);
size_t kr_made_layer_pack(const kr_made_layer *layer, int32_t L);

#endif
