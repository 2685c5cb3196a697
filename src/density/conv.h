/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/conv.h - the object of the convolutional density; private to conv*.c and their tests.
 */
#ifndef KR_DENSITY_CONV_H
#define KR_DENSITY_CONV_H

#include "density/conv_layer.h"
#include "density/skip.h"

#define KR_CONV_DEPTH_MAX 8

typedef struct kr_conv_params {
    int64_t depth, width;
    int32_t kernel; /* 0: side 3, 1: side 5, ... */
    int32_t last;   /* kr_conv_last */
} kr_conv_params;

enum kr_conv_last { KR_CONV_LAST_POINTWISE, KR_CONV_LAST_MASKED };

typedef struct kr_conv {
    const kr_lanes *lanes;
    int32_t n_sites, q;
    int32_t channels; /* input rows per site: 1 (+-1) for q = 2, else q (one-hot) */
    int32_t n_logits, width, depth;
    int32_t reach;            /* farthest that any layer looks back, in sites */
    kr_conv_window window[3]; /* of the first layer, of those between, of the last; owns */
    kr_conv_layer layer[KR_CONV_DEPTH_MAX];
    size_t n_weights;
    float *weights; /* owns */
    kr_skip skip;   /* owns */
} kr_conv;

#endif
