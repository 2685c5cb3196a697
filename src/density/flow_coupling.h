/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_coupling.h - coupling layers of a network (density/flow_net.h) and a monotone
 * map (density/flow_map.h): one half of the variables is mapped, the other half tells how, by
 * turns.
 *
 * Source: Dinh, Sohl-Dickstein, Bengio, arXiv:1605.08803 (2016). */
#ifndef KR_DENSITY_FLOW_COUPLING_H
#define KR_DENSITY_FLOW_COUPLING_H

#include "density/flow.h"

enum { KR_COUPLING_AFFINE, KR_COUPLING_SPLINE };
enum { KR_COUPLING_DENSE, KR_COUPLING_CONV, KR_COUPLING_SHELLS };
enum { KR_COUPLING_INTER, KR_COUPLING_HALF };
enum { KR_COUPLING_GAUSSIAN, KR_COUPLING_WELLS };

/* Fields of the run file; knots and range: of the spline. */
typedef struct kr_coupling_params {
    int64_t layers, hidden, knots;
    double range;
    int32_t net, mask, base;
} kr_coupling_params;

#define KR_COUPLING_FIELDS(layers_text, hidden_text)                                           \
    { .name = "layers",                                                                        \
      .type = KR_TYPE_INT,                                                                     \
      .offset = offsetof(kr_coupling_params, layers),                                          \
      .fallback = (layers_text),                                                               \
      .min = 1,                                                                                \
      .max = 64,                                                                               \
      .unit = "1",                                                                             \
      .doc = "coupling layers; each maps one half of the variables" },                         \
        { .name = "hidden",                                                                    \
          .type = KR_TYPE_INT,                                                                 \
          .offset = offsetof(kr_coupling_params, hidden),                                      \
          .fallback = (hidden_text),                                                           \
          .min = 1,                                                                            \
          .max = 1024,                                                                         \
          .unit = "1",                                                                         \
          .doc = "width of both hidden layers of a network; conv: channels" },                 \
        { .name = "net",                                                                       \
          .type = KR_TYPE_CHOICE,                                                              \
          .offset = offsetof(kr_coupling_params, net),                                         \
          .fallback = "dense",                                                                 \
          .choices = "dense|conv|shells",                                                      \
          .doc = "conv: kernels of side 3 on a hypercubic lattice of dimension 1..3; shells: " \
                 "those "                                                                      \
                 "that are the same at equal distance" },                                      \
        { .name = "mask",                                                                      \
          .type = KR_TYPE_CHOICE,                                                              \
          .offset = offsetof(kr_coupling_params, mask),                                        \
          .fallback = "inter",                                                                 \
          .choices = "inter|half",                                                             \
          .doc = "halves: every other variable (on hypercubic lattices a checkerboard), or "   \
                 "the first and the last half" },                                              \
    {                                                                                          \
        .name = "base", .type = KR_TYPE_CHOICE, .offset = offsetof(kr_coupling_params, base),  \
        .fallback = "gaussian", .choices = "gaussian|wells",                                   \
        .doc =                                                                                 \
            "what the layers begin with: one Gaussian with learned widths, or one in every "   \
            "well of the action (up to 512 variables); angles begin with the uniform law"      \
    }

/* Members supports, alloc and init of the plugs, self a kr_flow_stack. */
bool kr_coupling_supports(const kr_target *target, const kr_coupling_params *params, int map,
                          const char *name, kr_error *why);
void *kr_coupling_alloc(const kr_target *target, const kr_coupling_params *params, int map,
                        const char *name, kr_error *err);
void kr_coupling_init(void *self, kr_rng *rng);

/* Members networks and adopt, where networks are convolutional and the base has momenta; else
 * there are none to tell. */
size_t kr_coupling_networks(const void *self, int64_t *out);
int kr_coupling_adopt(void *self, const int64_t *networks, size_t n_networks,
                      const float *weights, size_t n_weights, kr_adopted *count, kr_error *err);
/* Are the networks of this layer of a stack convolutional? */
bool kr_coupling_is_conv(const kr_flow_layer *layer);

#endif
