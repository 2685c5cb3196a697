/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_net.h - small neural networks, dense or convolutional, that tell coupling layers
 * how to map some variables, given the others.
 *
 * Three linear parts with a bounded activation after the first two; the third has two heads,
 * the odd and the even outputs of each mapped variable. Where the action is even there are no
 * biases but that of the even head, which sees the squares of what the odd one sees: so under a
 * change of sign of all inputs odd outputs change theirs and even ones stay, exactly. A part
 * goes from places to places through taps: dense, one place on either side whose channels are
 * the variables; convolutional, sites, three taps along each direction. Taps of one shell share
 * a matrix: each tap is one, or all of the same distance are.
 * Groups of KR_FLOW_LANES configurations, each by itself. Threads: pure given scratch. */
#ifndef KR_DENSITY_FLOW_NET_H
#define KR_DENSITY_FLOW_NET_H

#include "base/isa.h"
#include "kramers_plug.h"

enum { KR_NET_FIRST, KR_NET_SECOND, KR_NET_ODD, KR_NET_EVEN, KR_NET_PARTS };

#define KR_NET_TAPS_MAX 27

typedef struct kr_net_part {
    int32_t n_in, n_out; /* places */
    int32_t n_taps, n_shells, c_in, c_out;
    int32_t tap[KR_NET_TAPS_MAX];       /* by shells, */
    int32_t first[KR_NET_TAPS_MAX + 1]; /* which begin here; the opposite tap is in the same one
                                           where n_shells < n_taps */
    size_t row;       /* numbers of an output channel, n_shells * c_in and zeros */
    int32_t *sees;    /* (n_out, n_taps) place among the inputs, or -1; owns */
    int32_t *seen_by; /* (n_in, n_taps) place that sees this one through the tap; owns */
    bool has_bias;
    size_t first_weight, first_number; /* matrix, biases */
} kr_net_part;

typedef struct kr_net {
    kr_net_part part[KR_NET_PARTS];
    bool is_even;
    size_t n_weights, n_numbers, n_scratch; /* scratch in doubles */
    double n_visits;
} kr_net;

typedef struct kr_net_kernels {
    /* out (n_out, c_out, L) from in (n_in, c_in, L); is_bounded: through the activation;
     * room: scratch of all three */
    void (*forward)(const kr_net_part *part, const double *w, const double *in, bool is_bounded,
                    double *room, double *out);
    /* in_bar = the cotangent of in */
    void (*backward)(const kr_net_part *part, const double *w, const double *out_bar,
                     double *room, double *in_bar);
    /* gradient += the derivative with respect to the numbers */
    void (*gradient)(const kr_net_part *part, const double *out_bar, const double *in,
                     double *room, double *gradient);
    /* (n) rows: bar *= activation', given its values */
    void (*damp)(size_t n, const double *value, double *bar);
    /* out = x^2; bar += 2 x square_bar */
    void (*square)(size_t n, const double *x, double *out);
    void (*add_square)(size_t n, const double *x, const double *square_bar, double *bar);
} kr_net_kernels;

const kr_net_kernels *kr_net_kernels_of(kr_isa isa);
extern const kr_net_kernels kr_net_kernels_avx512, kr_net_kernels_avx2, kr_net_kernels_portable;

/* What a network is to be made for: it sees the variables `frozen` and has n_odd and n_even
 * outputs for each of the variables `mapped`. lattice: convolutional, on this hypercubic one;
 * NULL: dense. */
typedef struct kr_net_plan {
    const kr_lattice *lattice;
    const int32_t *frozen, *mapped;
    int32_t n_frozen, n_mapped, n_sites, n_hidden, n_odd, n_even;
    int32_t n_seen; /* inputs of each frozen variable */
    bool is_even;
    bool has_shells; /* taps of one distance share a matrix */
} kr_net_plan;

/* KR_ENOMEM; to be cleared in any case. */
int kr_net_init(kr_net *net, const kr_net_plan *plan, kr_error *err);
void kr_net_clear(kr_net *net);
/* Hidden parts random, heads zero. */
void kr_net_fresh(const kr_net *net, kr_rng *rng, float *weights);
void kr_net_load(const kr_net *net, const float *weights, double *w);
/* out += d/dweights, given d/dnumbers */
void kr_net_chain(const kr_net *net, const double *gradient, float *out);

/* Views of scratch: inputs (n_frozen, n_seen, L), to be filled in first; outputs (n_mapped,
 * n_odd, L) and (n_mapped, n_even, L), where pull wants their cotangents. */
typedef struct kr_net_pass {
    double *in, *odd, *even;
    double *hidden[2], *squares; /* squares: what the even head sees */
    double *bar[2], *bar_even, *bar_in, *room;
} kr_net_pass;

kr_net_pass kr_net_open(const kr_net *net, double *scratch);
void kr_net_forward(const kr_net *net, const kr_net_kernels *k, const double *w,
                    const kr_net_pass *pass);
/* Cotangents of the inputs into bar_in; gradient += d/dnumbers, unless NULL. */
void kr_net_pull(const kr_net *net, const kr_net_kernels *k, const double *w,
                 const kr_net_pass *pass, double *gradient);

#endif
