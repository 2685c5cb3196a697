/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/van.h - the textbook sampler of an autoregressive network, rival of the densities.
 *
 * As published with variational autoregressive networks (Wu, Wang, Zhang, PRL 122, 080602
 * (2019)): two hidden layers of `width` units per site and the logits, dense matrices times
 * masks, and for every site to be drawn one pass through the whole network. So N passes give a
 * batch. Its products run through the kernels of density/lanes.h, in panels that stay in the
 * cache: what a density gains on it is the algorithm, not the compiler flags. q = 2: inputs
 * +-1, one logit per site; q > 2: one-hot inputs, q logits. Threads: pure given the object. */
#ifndef KR_STUDY_VAN_H
#define KR_STUDY_VAN_H

#include "base/rng.h"
#include "density/lanes.h"

enum { KR_VAN_LAYERS = 3 };

typedef struct kr_van {
    const kr_lanes *lanes;
    int32_t n_sites, q, n_lanes;
    int32_t rows[KR_VAN_LAYERS + 1]; /* per site: inputs, hidden units twice, logits */
    float *W[KR_VAN_LAYERS];         /* (n_sites rows out, n_sites rows in) zero where masked;
                                        owns */
    float *bias[KR_VAN_LAYERS];      /* owns */
    float *y[KR_VAN_LAYERS + 1];     /* (n_sites rows, n_lanes) activations; owns */
    uint32_t *m;                     /* integer probabilities of one site; owns */
    uint64_t *total;                 /* owns */
    double *ratio;                   /* owns */
    uint8_t *state;                  /* (n_sites, n_lanes); owns */
    double *log_q;                   /* (n_lanes) of the sites drawn so far; owns */
    int32_t site;                    /* the next one to draw */
} kr_van;

/* Small random weights from rng; n_lanes a multiple of KR_LANES_PAD, at most KR_LANES_MAX.
 * Clear after failure too. Errors: KR_ENOMEM. */
int kr_van_init(kr_van *van, const kr_lanes *lanes, int32_t n_sites, int32_t q, int32_t width,
                int32_t n_lanes, kr_rng *rng, kr_error *err);
void kr_van_clear(kr_van *van);
/* One pass through the network, then the next site is drawn (rng) or, where that is NULL, read
 * from state; log_q starts anew with site 0. */
void kr_van_pass(kr_van *van, kr_rng *rng);

#endif
