/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_net_kernels.c - the linear parts of the networks of coupling layers, compiled
 * once per instruction set.
 *
 * Values go lane by lane. Gradients of matrices do not: inputs are turned, so that eight
 * weights of a row stand side by side and lanes are summed in order without any sum across a
 * vector. */
#include "density/flow_net.h"

#include "base/isa.h"
#include "density/flow_vector.h"

#include <string.h>

#define L KR_LANES_PAD

enum { BLOCK = 4 }; /* channels at once */

/* ---- values ---------------------------------------------------------------------------------
 */

/* Nothing is read of a place outside. */
KR_INLINE size_t place_of(int32_t seen)
{
    return seen < 0 ? 0 : (size_t)seen;
}

/* `rows` channels of one place, half of the lanes. w: the first of their rows. */
KR_INLINE void forward_rows(int rows, const kr_net_part *p, const double *w, const double *bias,
                            const int32_t *sees, const double *in, bool is_bounded, double *out)
{
    const size_t c_in = (size_t)p->c_in;
    vd sum[BLOCK];
    for (int a = 0; a < rows; a++) {
        sum[a] = vd_set(bias ? bias[a] : 0.0);
    }
    for (int32_t t = 0; t < p->n_taps; t++) {
        const double *from = in + place_of(sees[t]) * c_in * L, *row = w + (size_t)t * c_in;
        for (size_t c = 0; sees[t] >= 0 && c < c_in; c++) {
            const vd x = vd_load(from + c * L);
            for (int a = 0; a < rows; a++) {
                sum[a] = vd_fma(vd_set(row[(size_t)a * p->row + c]), x, sum[a]);
            }
        }
    }
    for (int a = 0; a < rows; a++) {
        vd_store(out + (size_t)a * L, is_bounded ? flow_bounded(sum[a]) : sum[a]);
    }
}

static void forward(const kr_net_part *p, const double *w, const double *in, bool is_bounded,
                    double *out)
{
    const double *bias = p->has_bias ? w + (size_t)p->c_out * p->row : NULL;
    for (int32_t i = 0; i < p->n_out; i++) {
        const int32_t *sees = p->sees + (size_t)i * (size_t)p->n_taps;
        double *to = out + (size_t)i * (size_t)p->c_out * L;
        for (int32_t o = 0; o < p->c_out;) {
            const int rows = o + BLOCK <= p->c_out ? BLOCK : 1;
            const double *at = w + (size_t)o * p->row, *b = bias ? bias + o : NULL;
            for (int half = 0; half < L; half += VD) {
                if (rows == BLOCK) {
                    forward_rows(BLOCK, p, at, b, sees, in + half, is_bounded,
                                 to + (size_t)o * L + half);
                } else {
                    forward_rows(1, p, at, b, sees, in + half, is_bounded,
                                 to + (size_t)o * L + half);
                }
            }
            o += rows;
        }
    }
}

/* ---- cotangents -----------------------------------------------------------------------------
 */

KR_INLINE void backward_rows(int rows, const kr_net_part *p, const double *w,
                             const int32_t *seen_by, const double *out_bar, double *in_bar)
{
    const size_t c_in = (size_t)p->c_in, c_out = (size_t)p->c_out;
    vd sum[BLOCK];
    for (int a = 0; a < rows; a++) {
        sum[a] = vd_set(0.0);
    }
    for (int32_t t = 0; t < p->n_taps; t++) {
        const double *from = out_bar + place_of(seen_by[t]) * c_out * L;
        const double *column = w + (size_t)t * c_in;
        for (size_t o = 0; seen_by[t] >= 0 && o < c_out; o++) {
            const vd x = vd_load(from + o * L);
            for (int a = 0; a < rows; a++) {
                sum[a] = vd_fma(vd_set(column[o * p->row + (size_t)a]), x, sum[a]);
            }
        }
    }
    for (int a = 0; a < rows; a++) {
        vd_store(in_bar + (size_t)a * L, sum[a]);
    }
}

static void backward(const kr_net_part *p, const double *w, const double *out_bar,
                     double *in_bar)
{
    for (int32_t j = 0; j < p->n_in; j++) {
        const int32_t *seen_by = p->seen_by + (size_t)j * (size_t)p->n_taps;
        double *to = in_bar + (size_t)j * (size_t)p->c_in * L;
        for (int32_t c = 0; c < p->c_in;) {
            const int rows = c + BLOCK <= p->c_in ? BLOCK : 1;
            for (int half = 0; half < L; half += VD) {
                if (rows == BLOCK) {
                    backward_rows(BLOCK, p, w + c, seen_by, out_bar + half,
                                  to + (size_t)c * L + half);
                } else {
                    backward_rows(1, p, w + c, seen_by, out_bar + half,
                                  to + (size_t)c * L + half);
                }
            }
            c += rows;
        }
    }
}

/* ---- gradients ------------------------------------------------------------------------------
 */

/* What one place sees, lane by lane: turned (L, row). */
KR_INLINE void turn(const kr_net_part *p, const int32_t *sees, const double *in, double *turned)
{
    const size_t c_in = (size_t)p->c_in;
    memset(turned, 0, L * p->row * sizeof *turned);
    for (int32_t t = 0; t < p->n_taps; t++) {
        const double *from = in + place_of(sees[t]) * c_in * L;
        for (size_t c = 0; sees[t] >= 0 && c < c_in; c++) {
            double *to = turned + (size_t)t * c_in + c;
            for (size_t l = 0; l < L; l++) {
                to[l * p->row] = from[c * L + l];
            }
        }
    }
}

KR_INLINE void gradient_rows(int rows, size_t row, const double *out_bar, const double *turned,
                             double *gradient)
{
    for (size_t k = 0; k < row; k += VD) {
        vd sum[BLOCK];
        for (int a = 0; a < rows; a++) {
            sum[a] = vd_load(gradient + (size_t)a * row + k);
        }
        for (size_t l = 0; l < L; l++) {
            const vd x = vd_load(turned + l * row + k);
            for (int a = 0; a < rows; a++) {
                sum[a] = vd_fma(vd_set(out_bar[(size_t)a * L + l]), x, sum[a]);
            }
        }
        for (int a = 0; a < rows; a++) {
            vd_store(gradient + (size_t)a * row + k, sum[a]);
        }
    }
}

static void gradient(const kr_net_part *p, const double *out_bar, const double *in,
                     double *turned, double *gradient)
{
    double *bias = gradient + (size_t)p->c_out * p->row;
    for (int32_t i = 0; i < p->n_out; i++) {
        const double *bar = out_bar + (size_t)i * (size_t)p->c_out * L;
        turn(p, p->sees + (size_t)i * (size_t)p->n_taps, in, turned);
        for (int32_t o = 0; o < p->c_out;) {
            const int rows = o + BLOCK <= p->c_out ? BLOCK : 1;
            double *to = gradient + (size_t)o * p->row;
            if (rows == BLOCK) {
                gradient_rows(BLOCK, p->row, bar + (size_t)o * L, turned, to);
            } else {
                gradient_rows(1, p->row, bar + (size_t)o * L, turned, to);
            }
            o += rows;
        }
        for (int32_t o = 0; p->has_bias && o < p->c_out; o++) {
            const double *at = bar + (size_t)o * L;
            bias[o] += sum_half(vd_load(at)) + sum_half(vd_load(at + VD));
        }
    }
}

/* ---- activations ----------------------------------------------------------------------------
 */

static void damp(size_t n, const double *value, double *bar)
{
    for (size_t i = 0; i < n * L; i += VD) {
        vd_store(bar + i, vd_load(bar + i) * flow_bounded_slope(vd_load(value + i)));
    }
}

static void square(size_t n, const double *x, double *out)
{
    for (size_t i = 0; i < n * L; i += VD) {
        vd_store(out + i, vd_load(x + i) * vd_load(x + i));
    }
}

static void add_square(size_t n, const double *x, const double *square_bar, double *bar)
{
    for (size_t i = 0; i < n * L; i += VD) {
        const vd twice = vd_load(x + i) + vd_load(x + i);
        vd_store(bar + i, vd_fma(twice, vd_load(square_bar + i), vd_load(bar + i)));
    }
}

const kr_net_kernels KR_ISA_NAME(kr_net_kernels) = { forward, backward, gradient,
                                                     damp,    square,   add_square };
