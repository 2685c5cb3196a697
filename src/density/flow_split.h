/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_split.h - coupling layers of one sublattice given the other, and the layer of
 * the zero mode, with monotone maps in closed form.
 *
 * One sublattice is mapped site by site, the other one tells how:
 *   c_x = sum_d sum_k A_o(d)k f_k(phi_x+d) + sum_k A_k f_k(h_x),  h_x = sum_nearest phi,
 *   g_x = clamp(b + sum_d sum_k B_o(d)k f_k(phi_x+d) + sum_k B_k f_k(h_x)),
 *   z = phi_x exp(g_x) + c_x,  phi_x -> u(z),
 *   u(z) = s z + sum_j [p_j tanh(G_j z) + q_j (z - tanh(G_j z)/G_j)],  s, p, q, G > 0,
 * over displacements d of odd length in steps, tied in orbits o of the symmetries of the box.
 * Features f are phi, sin(k w phi), cos(k w phi), k = 1..n_waves, with one w learned, and
 * another one for h: given its neighbors a site feels their sum alone, so that h is what a
 * layer wants to know most. Where the
 * action is even the shift takes the odd ones and the logarithm of the scale the even ones, so
 * that the map is odd; else both take all. Source: coupling layers: Dinh, Sohl-Dickstein,
 * Bengio, arXiv:1605.08803; on checkerboards: Albergo, Kanwar, Shanahan, Phys. Rev. D 100,
 * 034515 (2019); sines as features of orbits: Gerdes et al., SciPost Phys. 15, 238 (2023). */
#ifndef KR_DENSITY_FLOW_SPLIT_H
#define KR_DENSITY_FLOW_SPLIT_H

#include "density/flow.h"

#define KR_SPLIT_WAVES_MAX 16
#define KR_SPLIT_KNOTS_MAX 8

/* Which sites the layers split: all of them into even and odd, or the even ones of a square box
 * into those with even and with odd coordinates, seen over displacements (odd, odd). */
typedef enum kr_split_level { KR_SPLIT_ALL, KR_SPLIT_EVEN } kr_split_level;

/* Sites by class and who sees whom; numbers of features. */
typedef struct kr_split_shape {
    kr_split_level level;
    int32_t n[2];     /* sites of each class, "parity" below */
    int32_t *site[2]; /* (n[p]); owns */
    int32_t *near[2]; /* (n[p], n_displacements) place in the other parity, n of it: outside;
                         owns */
    int32_t n_orbits, n_displacements;
    int32_t *orbit_begin; /* (n_orbits + 1) into displacements; owns */
    int32_t *orbit;       /* (n_orbits, KR_DIM_MAX) lengths of their displacements; owns */
    int32_t n_nearest, nearest[2 * KR_DIM_MAX]; /* displacements to nearest neighbors */
    int32_t n_waves, n_knots;
    int32_t from[2], to[2]; /* features of shift and scale; order: phi, sines, cosines */
} kr_split_shape;

/* Weights of a map u: s, p (n_knots), q, G; its numbers have 1/G beside. */
static inline int32_t kr_split_bend_numbers(int32_t n_knots)
{
    return 1 + 4 * n_knots;
}
static inline int32_t kr_split_bend_weights(int32_t n_knots)
{
    return 1 + 3 * n_knots;
}

/* Where the numbers of a coupling layer begin: waves, matrices with a row for each orbit and
 * one for the local field, biases, u; then the end. */
static inline void kr_split_places(const kr_split_shape *s, int32_t place[6])
{
    place[0] = 0;
    place[1] = 2;
    place[2] = place[1] + (s->n_orbits + 1) * (s->to[0] - s->from[0]);
    place[3] = place[2] + (s->n_orbits + 1) * (s->to[1] - s->from[1]);
    place[4] = place[3] + 2;
    place[5] = place[4] + kr_split_bend_numbers(s->n_knots);
}

/* Doubles of scratch. */
size_t kr_split_scratch(const kr_split_shape *shape);

/* kr_flow_ops of a coupling layer that maps the sites of one parity, and of the zero mode, M =
 * sum phi/sqrt(n) -> u(M + c), with the numbers of u and c; site (n) or NULL: all. */
typedef struct kr_split_kernels {
    void (*forward)(const kr_split_shape *s, int parity, const double *w, double *x,
                    double *log_j, double *scratch);
    void (*inverse)(const kr_split_shape *s, int parity, const double *w, double *x,
                    double *log_j, double *scratch);
    void (*pull)(const kr_split_shape *s, int parity, const double *w, const double *x,
                 double *cotangent, const double *volume, double *gradient, double *scratch);
    void (*push)(const kr_split_shape *s, int parity, const double *w, const double *x,
                 double *slope, double *scratch);
    void (*carry)(const kr_split_shape *s, int parity, const double *w, double *x,
                  double *slope, double *log_j, double *scratch);
    void (*zero_forward)(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                         double *x, double *log_j);
    void (*zero_inverse)(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                         double *x, double *log_j);
    void (*zero_pull)(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                      const double *x, double *cotangent, const double *volume,
                      double *gradient);
    void (*zero_push)(int32_t n, const int32_t *site, int32_t n_knots, const double *w,
                      const double *x, double *slope);
} kr_split_kernels;

const kr_split_kernels *kr_split_kernels_of(kr_isa isa);
extern const kr_split_kernels kr_split_kernels_avx512, kr_split_kernels_avx2,
    kr_split_kernels_portable;

/* The numbers of u from its weights, and d/dweights from d/dnumbers; lengths in this unit. */
void kr_split_load_bend(int32_t n_knots, double unit, const float *weights, double *w);
void kr_split_chain_bend(int32_t n_knots, double unit, const double *w, const double *gradient,
                         float *out);

/* Fields of the run file that layers read. */
enum { KR_SPLIT_GAUSSIAN, KR_SPLIT_WELLS };
enum { KR_SPLIT_AUTO, KR_SPLIT_TRUE, KR_SPLIT_FALSE };

typedef struct kr_split_params {
    int64_t layers, radius, features, knots;
    bool zero_mode;
    int32_t base, heat_bath;
} kr_split_params;

/* Can the lattice be split: KR_EUNSUP. */
bool kr_split_supports(const kr_lattice *lattice, kr_error *why);
/* Appends the layers; the shape is theirs. spread: width of a site, the unit of waves. Level
 * KR_SPLIT_EVEN wants two dimensions. */
int kr_split_add_layers(kr_flow_stack *stack, const kr_lattice *lattice,
                        const kr_split_params *params, kr_split_level level, bool is_even,
                        double spread, kr_error *err);
/* Of the layers so added. */
const kr_split_shape *kr_split_shape_of(const kr_flow_layer *layer);

#endif
