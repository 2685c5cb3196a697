/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier.h - what the forms of the frontier network share; private to frontier*.c and
 * their tests.
 *
 * The frontier F_i = {j < i : some k > i has a bond with j} is all that the sites still to come
 * see of the past, so the exact conditional of site i is the skip term (the energy of the bonds
 * to earlier sites) times an influence that depends on s_{F_i} only. One small network per site
 * learns the influence. Forms, chosen from the terms:
 *
 *   odd      q = 2, H invariant under the global flip: z_i = skip_i + v_i . phi(W_i x_F),
 *            x = +-1; no biases, so q(-s) = q(s) to the bit
 *   biased   q = 2 otherwise: z_i = skip_i + b_i + v_i . phi(W_i x_F + c_i)
 *   colors   q > 2, V[a][b] = c - v delta_ab, no local field: one network for all colors,
 *            z_ia = skip_ia + v_i . phi(W_i x_a + c_i) - v_i . phi(c_i), x_a = (delta(s_j, a))
 *            for j in F; z = skip for colors absent from F. A permutation of the colors
 * permutes the conditionals to the bit. states   q > 2 otherwise: z_ia = skip_ia + b_ia + v_ia
 * . phi(W_i x_F + c_i), x one-hot */
#ifndef KR_DENSITY_FRONTIER_H
#define KR_DENSITY_FRONTIER_H

#include "density/frontier_plan.h"
#include "density/lanes.h"
#include "density/lanes_units.h"
#include "density/skip.h"

typedef enum kr_frontier_form {
    KR_FRONTIER_ODD,
    KR_FRONTIER_BIASED,
    KR_FRONTIER_COLORS,
    KR_FRONTIER_STATES,
} kr_frontier_form;

typedef struct kr_frontier_params { /* of the plug frontier */
    int64_t hidden, window;
} kr_frontier_params;

typedef struct kr_frontier {
    kr_frontier_form form;
    int32_t n_sites, q;
    int32_t Q;      /* q rounded up to 16 */
    int32_t hidden; /* units that train */
    int32_t width;  /* units in memory: hidden, in forms colors and states rounded up to 16 */
    int32_t K_max;  /* largest number of inputs of a site */
    const kr_lanes *lanes;
    const kr_units *units;
    kr_frontier_plan plan;
    int64_t *begin; /* (n_sites + 1) into site; owns */
    int32_t *site;  /* inputs of each site: those of the plan; in form biased, unless there are
                       none, then n_sites, the row that is constant 1; owns */
    /* skip term: kr_skip for q = 2, else bonds to earlier sites, one entry per bond */
    kr_skip skip;
    int64_t *near_begin; /* (n_sites + 1) into near; owns */
    int32_t *near;       /* owns */
    double *J;           /* aligned with near; form colors: v J; owns */
    float *beta_J;       /* beta times J; owns */
    float *minus_V;      /* form states: (q, Q), zero padded; owns */
    double *local;       /* form states: (n_sites, q); owns */
    float *start;        /* form states: (n_sites, Q) -beta local, zero padded; owns */
    size_t *offset;      /* (n_sites) first weight of each site, a multiple of 16; owns */
    size_t n_weights;
    float *weights; /* owns */
} kr_frontier;

/* A weight array of one site: rows of `columns` floats, `pitch` apart, from weight `begin` on.
 * The rest of a row is padding: always zero. */
typedef struct kr_frontier_array {
    const char *name; /* "W", "v", "b", "c" */
    size_t begin, rows, columns, pitch;
} kr_frontier_array;
enum { KR_FRONTIER_ARRAYS = 4 };

/* Fills the arrays of site i, returns their number; sites of one network have the same. The
 * bias c of form biased is the last column of W, and b the last entry of v. Pure. */
int kr_frontier_arrays(const kr_frontier *self, int32_t i,
                       kr_frontier_array array[KR_FRONTIER_ARRAYS]);

/* The same of a network that sees n_seen sites and begins at weight `begin`, in a density of
 * that form, q and hidden; *end: first weight of the next network. Pure. */
int kr_frontier_net_arrays(const kr_frontier *like, size_t n_seen, size_t begin,
                           kr_frontier_array array[KR_FRONTIER_ARRAYS], size_t *end);

#define KR_FRONTIER_MAX_BYTES 0x1p31

/* The life of a frontier density with a plan of its own making; takes the plan over, also on
 * failure. NULL with KR_ENOMEM. */
kr_frontier *kr_frontier_alloc(const kr_target *target, kr_frontier_plan *plan, int64_t hidden,
                               kr_error *err);
/* Whether the weights of such a plan fit; name: of the density. Clears one that does not. */
int kr_frontier_fit(const kr_target *target, kr_frontier_plan *plan, int64_t hidden,
                    const char *name, kr_error *why);
/* Functions of a plug. */
void kr_frontier_free(void *self);
void kr_frontier_use(void *self, kr_isa isa);
size_t kr_frontier_n_weights(const void *self);
float *kr_frontier_weights(void *self);
bool kr_frontier_is_padding(const void *self, size_t weight);
double kr_frontier_n_visits(const void *self);
size_t kr_frontier_scratch_bytes(const void *self, int32_t n_lanes);
const int32_t *kr_frontier_order(const void *self);
void kr_frontier_init(void *self, kr_rng *rng);
size_t kr_frontier_networks(const void *self, int64_t *out);
int kr_frontier_adopt(void *self, const int64_t *networks, size_t n_networks,
                      const float *weights, size_t n_weights, kr_adopted *count, kr_error *err);
int kr_frontier_prepare(void *self, double beta, kr_error *err);
void kr_frontier_sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                             double *log_q, kr_rng *rng, void *scratch);
void kr_frontier_log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                            double *log_q, void *scratch);
void kr_frontier_grad(const void *self, int32_t n_lanes, const uint8_t *state,
                      const double *coefficient, float *gradient, double *log_q, void *scratch);
void kr_frontier_grad_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                           const double *coefficient, float *gradient, double *log_q,
                           void *scratch);

/* One pass over the places k..N-1 of the order: draws when draw is set (the same memory as
 * state, rng given), scores, and adds to the gradient when that is set. */
typedef struct kr_frontier_pass {
    int32_t k, n_lanes, stride;
    const uint8_t *state;
    uint8_t *draw;
    kr_rng *rng;
    double *log_q;
    const double *coefficient;
    float *gradient;
    void *scratch;
} kr_frontier_pass;

/* Per form: bytes of scratch for a block, and the pass. */
size_t kr_frontier_binary_bytes(const kr_frontier *self, int32_t stride);
void kr_frontier_binary_run(const kr_frontier *self, const kr_frontier_pass *pass);
size_t kr_frontier_colors_bytes(const kr_frontier *self);
void kr_frontier_colors_run(const kr_frontier *self, const kr_frontier_pass *pass);
size_t kr_frontier_states_bytes(const kr_frontier *self);
void kr_frontier_states_run(const kr_frontier *self, const kr_frontier_pass *pass);

/* Draws (when draw is set) and scores chains first .. first + n - 1 at the site of place t from
 * their integer weights m (n, Q); after every 16th place the ratios go into log_q. */
void kr_frontier_settle(const kr_frontier *self, const kr_frontier_pass *pass, int32_t t,
                        int32_t first, int32_t n, const uint32_t *m, const uint64_t *total,
                        double *ratio);

/* Carves count * size bytes, 64-byte aligned, off *end and moves *end past them. */
void *kr_frontier_take(char **end, size_t count, size_t size);

#endif
