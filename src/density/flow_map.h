/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_map.h - monotone maps of single variables whose parameters a network tells.
 *
 * A map works on u = (x - center)/width of its variable and gives x' = center + width f(u).
 * Parameters come in two kinds: odd ones change their sign where f(u) is to become -f(-u), even
 * ones stay. With all of them zero f is the identity.
 *
 * affine:  f(u) = (u + dt a) exp(dt b), |b| < 1: PNAS 119, e2109420119 (2022), where dt = 2
 * over the number of layers. spline:  rational-quadratic on -range..range in `knots` bins, the
 * identity outside: Durkan, Bekasov, Murray, Papamakarios, NeurIPS 32 (2019), with heights,
 * widths and slopes from an algebraic positive function in the place of exponentials; its
 * inverse is a root of a quadratic equation. */
#ifndef KR_DENSITY_FLOW_MAP_H
#define KR_DENSITY_FLOW_MAP_H

#include "base/isa.h"
#include "kramers_plug.h"

#define KR_MAP_KNOTS_MAX 32

typedef struct kr_map {
    int32_t n;                    /* variables mapped */
    const int32_t *site;          /* (n); borrowed */
    const double *center, *width; /* of all variables; borrowed */
    double dt;                    /* affine */
    int32_t n_knots;              /* spline */
    double range;                 /* on the circle: pi */
    bool is_circle;
} kr_map;

/* Numbers of parameters of a variable. */
static inline int32_t kr_map_spline_odd(int32_t n_knots, bool is_circle)
{
    return 2 * (n_knots / 2) + (n_knots - 1) / 2 + is_circle;
}
static inline int32_t kr_map_spline_even(int32_t n_knots, bool is_circle)
{
    return 2 * ((n_knots + 1) / 2) + n_knots / 2 + is_circle;
}

/* odd and even: (n, parameters, KR_FLOW_LANES); of pull and push their cotangents, after it.
 * forward, inverse: x in place, log_j += ln f'. pull: at the input x the cotangent of f
 * becomes that of x, of cotangent . f + volume ln f'. push: the slope of the log density of x
 * becomes that of f, and the parameters' cotangents are those under it and unit volume. */
typedef struct kr_map_kernels {
    void (*forward)(const kr_map *m, const double *odd, const double *even, double *x,
                    double *log_j);
    void (*inverse)(const kr_map *m, const double *odd, const double *even, double *x,
                    double *log_j);
    void (*pull)(const kr_map *m, double *odd, double *even, const double *x, double *cotangent,
                 const double *volume);
    void (*push)(const kr_map *m, double *odd, double *even, const double *x, double *slope);
    /* forward and push at once */
    void (*carry)(const kr_map *m, double *odd, double *even, double *x, double *slope,
                  double *log_j);
    /* out (2, L): cosine and sine of x (L); NULL: of maps that know no angles */
    void (*cosine_sine)(const double *x, double *out);
} kr_map_kernels;

const kr_map_kernels *kr_map_affine_of(kr_isa isa);
const kr_map_kernels *kr_map_spline_of(kr_isa isa);
extern const kr_map_kernels kr_map_affine_avx512, kr_map_affine_avx2, kr_map_affine_portable;
extern const kr_map_kernels kr_map_spline_avx512, kr_map_spline_avx2, kr_map_spline_portable;

#endif
