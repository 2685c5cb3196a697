/* SPDX-License-Identifier: GPL-3.0-or-later
 * kramers_real.h - the part of kramers_plug.h, which includes it, on real-valued models: their
 * actions, and densities of real numbers. */
#ifndef KRAMERS_REAL_H
#define KRAMERS_REAL_H

#include "kramers_base.h"

struct kr_lattice;
struct kr_terms;
struct kr_rng;

/* A real-valued model: the action S(phi) of n_sites real variables, weight exp(-beta S).
 * Functions take n_lanes configurations in layout REAL, phi (n_sites, stride) with stride a
 * multiple of KR_LANES_PAD; they may work on the lanes up to the next multiple of it, which
 * hold finite numbers. Threads: pure. */
typedef struct kr_action {
    int32_t n_sites;
    void *self; /* first argument of the functions; freed by free */
    void (*free)(void *self);
    void (*energy)(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *energy);
    /* out (n_sites, stride) += scale dS/dphi */
    void (*add_gradient)(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out);
    /* change (n_lanes) = S(phi with phi_i -> value) - S(phi), at the cost of the neighbors of
     * site i. NULL: no update of single sites is possible. */
    void (*change)(const void *self, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *change);
    /* sum_i phi_i dS/dphi_i (n_lanes), without memory of its own. NULL: not known; observables
     * that need it refuse. */
    void (*virial)(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *virial);
    /* Order parameter (n_lanes) that tells the phases and that observables call magnetization;
     * looks at n_lanes lanes only. NULL: the mean of phi, or |<exp(i phi)>| for angles. */
    void (*order)(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                  double *order);
    const struct kr_quartic *quartic; /* the action as data, or NULL; borrowed from self */
    const struct kr_rotors *rotors;   /* the same of plane rotators */
    /* For cluster moves, where S = -sum_<ij> coupling_ij x_i x_j - sum_i linear_i x_i and a
     * rest that no change of sign of an x_i alters; x = phi, of angles the vectors (cos phi,
     * sin phi) with linear along the first axis. Neighbors as in kr_quartic; NULL: not of this
     * form; borrowed from self. */
    const int64_t *neighbor_begin;
    const int32_t *neighbor;
    const double *coupling, *linear;
    bool is_angle;  /* variables are angles: phi + 2 pi is phi */
    bool is_even;   /* S(-phi) = S(phi); of angles also S(phi + one angle for all) = S(phi) */
    bool has_walls; /* infinite somewhere: <sum_i phi_i dS/dphi_i> is not known then */
    double start_width; /* of the normals of a random start (angles: uniform) */
} kr_action;

/* An action as data, the case of lattice fields (model/quartic.h):
 *   S = sum_i (square_i phi_i^2 + quartic phi_i^4 - linear_i phi_i)
 *       - sum_<ij> coupling_ij phi_i phi_j + constant. */
typedef struct kr_quartic {
    int32_t n_sites;
    double quartic, constant;
    double *square, *linear; /* (n_sites); owns */
    int64_t *neighbor_begin; /* (n_sites + 1); owns */
    int32_t *neighbor;       /* one entry per neighbor, ascending per site; owns */
    double *coupling;        /* aligned with neighbor; bonds of a pair are summed; owns */
} kr_quartic;

/* Plane rotators, the case of angles (model/rotors.h):
 *   S = -sum_<ij> coupling_ij cos(phi_i - phi_j) - field sum_i cos phi_i. */
typedef struct kr_rotors {
    kr_quartic
        bonds; /* neighbors, couplings and, as linear, field; the rest is not used; owns */
    double J, field; /* J: coupling of a bond of sign and weight 1 */
} kr_rotors;

/* A probability density over n variables as its author has it: log p(x) up to a constant, and
 * its gradient (n) unless that is NULL. -inf: x is impossible. It is called from several
 * threads. NaN counts as impossible where it is proposed; a run whose chains start there is
 * refused. */
typedef double kr_log_density(const double *x, double *gradient, const void *user);
typedef struct kr_density_model {
    kr_log_density *log_density;
    double (*order)(const double *x, const void *user); /* order parameter; NULL: the mean */
    void *user;                                         /* last argument of both */
    void (*free)(void *user);                           /* may be NULL */
    double start_width;                                 /* of the normals of a random start */
    bool has_walls; /* log p is -inf or NaN somewhere: no mean of schwinger_dyson is known */
} kr_density_model;
#define KR_VARIABLES_MAX 4096

/* Makes the terms those of a real-valued model; what action->self owns is taken over, also when
 * it fails. KR_EINVAL: a member that must be there is missing. */
int kr_terms_take_action(struct kr_terms *terms, const kr_action *action, kr_error *err);
/* The same for an action as data, whose arrays are taken over. KR_ERANGE: not finite, or
 * unbounded below. */
int kr_terms_take_quartic(struct kr_terms *terms, kr_quartic *quartic, kr_error *err);
/* Rotators on the bonds of the lattice. KR_ERANGE: not finite. */
int kr_terms_take_rotors(struct kr_terms *terms, const struct kr_lattice *lattice, double J,
                         double field, kr_error *err);
/* S = -log p; what user owns is taken over, also when it fails. KR_ERANGE: more than
 * KR_VARIABLES_MAX variables. */
int kr_terms_take_density(struct kr_terms *terms, const kr_density_model *model, kr_error *err);
/* A quartic action with room for the bonds of the lattice, for kr_terms_take_quartic: every
 * bond of sign s gives kinetic weight (phi_i - s phi_j)^2; all else is zero, to be added to. */
int kr_quartic_init(kr_quartic *quartic, const struct kr_lattice *lattice, double kinetic,
                    kr_error *err);

/* What a density of real numbers (KR_DENSITY_REAL) gives in the place of order, sample_tail,
 * log_q_tail and grad: phi (n_sites, stride of n_lanes), all in double. Threads: pure given
 * their own scratch. */
typedef struct kr_flow {
    /* slope (n_sites, stride) = d log q/d phi, unless NULL, here and in log_q */
    void (*sample)(const void *self, int32_t n_lanes, double *phi, double *log_q, double *slope,
                   struct kr_rng *rng, void *scratch);
    void (*log_q)(const void *self, int32_t n_lanes, const double *phi, double *log_q,
                  double *slope, void *scratch);
    /* With KR_DENSITY_TRAINABLE, phi = f(z; weights) and J = |df/dz|, at the z of these phi:
     * called right after sample or log_q with a slope, of the same phi and lanes and in the
     * same scratch, from which it may go on: gradient (n_weights) += sum_lane d/dweights (sum_i
     * cotangent_i f_i + volume ln J), with cotangent (n_sites, stride), volume (n_lanes); lanes
     * in order.
     */
    void (*pull)(const void *self, int32_t n_lanes, const double *phi, const double *cotangent,
                 const double *volume, float *gradient, void *scratch);
    /* The map and its inverse in place, with ln J of the map (n_lanes) at either end; z is what
     * the density begins with: normals, or a mixture of them. NULL where there is no such map.
     */
    void (*forward)(const void *self, int32_t n_lanes, double *z, double *log_jacobian,
                    void *scratch);
    void (*inverse)(const void *self, int32_t n_lanes, double *phi, double *log_jacobian,
                    void *scratch);
    /* Whether this z are independent standard normals. NULL: they are not. */
    bool (*is_normal)(const void *self);
    /* Of densities that are exact in the limit of many steps only, all or none; NULL: exact.
     * Samples then have a density that differs from exp(log_q) by what the steps miss. doubt:
     * log q of phi with twice the steps, at about the price of two samples; it does not see
     * the determinant of the map, which in what was measured was off by five to ten times as
     * much (tests/test_cnf.c): reckon with a factor of ten. refine: twice the steps from now
     * on, told by the weights; false: no more; serial only. n_steps: how many there are. */
    void (*doubt)(const void *self, int32_t n_lanes, const double *phi, double *log_q,
                  void *scratch);
    bool (*refine)(void *self);
    int32_t (*n_steps)(const void *self);
} kr_flow;

#endif
