/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_net.h - a small convolutional network with one logit: a window of side 3 around
 * every site, one-hot states in, `filters` ReLU units per site, their means over all sites,
 * `hidden` ReLU units of these (or none), and the logit.
 *
 *   h_f(i) = max(0, b_f + sum_t W[t][s(i + t)][f]),   m_f = mean_i h_f(i),
 *   u_j = max(0, c_j + sum_f V[j][f] m_f),            logit = d + sum_j v_j u_j,
 *
 * without hidden units logit = d + sum_f v_f m_f. Windows wrap around periodic directions; what
 * lies outside an open one adds nothing. Of several images of the states (the symmetries of a
 * model) the logit is the mean. Means over sites make it invariant under translations,
 * and one set of weights works in boxes of every size. Sums in double, in fixed order: the same
 * bits everywhere. After Carrasquilla, Melko, Nature Physics 13, 431 (2017), arXiv:1605.01735,
 * with means where they have a dense layer. Threads: serial only (scratch). */
#ifndef KR_STUDY_PHASE_NET_H
#define KR_STUDY_PHASE_NET_H

#include "base/rng.h"

#define KR_PHASE_WIDTH  8  /* filters that are computed together */
#define KR_PHASE_STATES 10 /* most states */

/* A row of three taps along coordinate 0 has (q + 1)^3 patterns of states, outside counted as a
 * state: what it adds is looked up, in a table made once for weights that many configurations
 * are shown to. */
typedef struct kr_phase_net {
    int32_t n_sites, q, n_taps, filters, hidden;
    int32_t n_rows, n_patterns, n_images;
    int32_t groups;    /* of KR_PHASE_WIDTH filters, the last one padded with zeros */
    int32_t side;      /* sites along coordinate 0 */
    bool is_ring;      /* coordinate 0 is periodic */
    int32_t *neighbor; /* (n_sites, n_rows) middle site of a row, or n_sites: outside; owns */
    size_t n_weights, bias, dense, dense_bias, out, out_bias; /* offsets; W begins at 0 */
    double *weight;                                           /* (n_weights) as set; owns */
    double *table;  /* (n_rows, n_patterns, groups KR_PHASE_WIDTH); owns */
    double *sum;    /* the same: gradients of its entries not yet collected; owns */
    double *rest;   /* (n_weights) those of all other weights; owns */
    uint8_t *image; /* (n_images, q) states that replace those of a configuration; owns */
    float *active;  /* (n_images, n_sites, groups KR_PHASE_WIDTH) 1: a unit is above 0; owns */
    int32_t *code;  /* (n_images, n_sites + 1) patterns of a configuration; owns */
    uint8_t *taken; /* (n_sites) its states; owns */
    double *pooled, *unit; /* (n_images, groups KR_PHASE_WIDTH), (n_images, hidden); owns */
    double *slope;         /* scratch; owns */
} kr_phase_net;

/* Errors: KR_EUNSUP where the lattice has no windows (several sites in a cell, antiperiodic
 * directions, bonds longer than a window, more than four dimensions) or q is not 2..
 * KR_PHASE_STATES; KR_ENOMEM. image (n_images, q): NULL: the states as they are. Clear also
 * after an error. */
int kr_phase_net_init(kr_phase_net *net, const kr_lattice *lattice, int32_t q, int32_t filters,
                      int32_t hidden, int32_t n_images, const uint8_t *image, kr_error *err);
void kr_phase_net_clear(kr_phase_net *net);
/* Fresh weights (n_weights): normal, of a width that gives units a variance of about 1; biases
 * and padding 0. */
void kr_phase_net_draw(const kr_phase_net *net, double *weight, kr_rng *rng);
/* Sets the weights (copied) of what follows. Cost: as of some (q + 1)^3 sites. */
void kr_phase_net_set(kr_phase_net *net, const double *weight);
/* The logit of a configuration. Cost: n_images n_sites n_rows filters additions. */
double kr_phase_net_logit(kr_phase_net *net, const uint8_t *state);
/* Adds a configuration to the gradient of the cross entropy of class y, 0 or 1, in nats, which
 * is returned. Cost: twice that of the logit. */
double kr_phase_net_add(kr_phase_net *net, const uint8_t *state, double y);
/* gradient (n_weights) = what was added since the last time; padding is 0. */
void kr_phase_net_collect(kr_phase_net *net, double *gradient);

#endif
