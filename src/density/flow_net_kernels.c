/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_net_kernels.c - the linear parts of the networks of coupling layers, compiled
 * once per instruction set.
 *
 * What a place sees is summed over shells first, so that a matrix stands on as many numbers as
 * it has columns. Values go lane by lane. Gradients of matrices do not: inputs are turned, so
 * that eight weights of a row stand side by side and lanes are summed in order without any sum
 * across a vector. */
#include "density/flow_net.h"

#include "base/isa.h"
#include "density/flow_vector.h"

#include <string.h>

#define L KR_LANES_PAD

enum { BLOCK = 4 }; /* channels at once */
#ifdef __AVX512F__
enum { WIDE = L / VD }; /* vectors of lanes at once: as many as registers can hold sums of */
#else
enum { WIDE = 1 };
#endif

/* ---- values ---------------------------------------------------------------------------------
 */

/* to = the sum of n rows of numbers */
KR_INLINE void add_rows(int32_t n, const double *const *from, size_t size, double *to)
{
    for (size_t k = 0; k < size; k += VD) {
        vd sum = vd_load(from[0] + k);
        for (int32_t i = 1; i < n; i++) {
            sum += vd_load(from[i] + k);
        }
        vd_store(to + k, sum);
    }
}

/* What one place sees, summed over shells: to (n_shells, channels, L). */
static void gather(const kr_net_part *p, const int32_t *sees, size_t channels, const double *in,
                   double *to)
{
    const size_t size = channels * L;
    for (int32_t s = 0; s < p->n_shells; s++) {
        const double *from[KR_NET_TAPS_MAX];
        int32_t n = 0;
        for (int32_t k = p->first[s]; k < p->first[s + 1]; k++) {
            const int32_t place = sees[p->tap[k]];
            from[n] = in + (size_t)(place < 0 ? 0 : place) * size;
            n += place >= 0;
        }
        if (n == 0) {
            memset(to + (size_t)s * size, 0, size * sizeof *to);
        } else if (n == 1) {
            add_rows(1, from, size, to + (size_t)s * size);
        } else if (n == 4) {
            add_rows(4, from, size, to + (size_t)s * size);
        } else {
            add_rows(n, from, size, to + (size_t)s * size);
        }
    }
}

/* The same where it stands, if only one place is seen. */
KR_INLINE const double *seen(const kr_net_part *p, const int32_t *sees, size_t channels,
                             const double *in, double *to)
{
    if (p->n_taps == 1) {
        return in + (size_t)sees[0] * channels * L;
    }
    gather(p, sees, channels, in, to);
    return to;
}

/* `rows` channels of one place. w: the first of their rows. */
KR_INLINE void forward_rows(int rows, const kr_net_part *p, const double *w, const double *bias,
                            const double *in, bool is_bounded, double *out)
{
    const size_t length = (size_t)p->n_shells * (size_t)p->c_in;
    vd sum[BLOCK][WIDE];
    for (int a = 0; a < rows; a++) {
        for (int h = 0; h < WIDE; h++) {
            sum[a][h] = vd_set(bias ? bias[a] : 0.0);
        }
    }
    for (size_t k = 0; k < length; k++) {
        vd x[WIDE];
        for (int h = 0; h < WIDE; h++) {
            x[h] = vd_load(in + k * L + h * VD);
        }
        for (int a = 0; a < rows; a++) {
            const vd factor = vd_set(w[(size_t)a * p->row + k]);
            for (int h = 0; h < WIDE; h++) {
                sum[a][h] = vd_fma(factor, x[h], sum[a][h]);
            }
        }
    }
    for (int a = 0; a < rows; a++) {
        for (int h = 0; h < WIDE; h++) {
            vd_store(out + (size_t)a * L + h * VD,
                     is_bounded ? flow_bounded(sum[a][h]) : sum[a][h]);
        }
    }
}

static void forward(const kr_net_part *p, const double *w, const double *in, bool is_bounded,
                    double *room, double *out)
{
    const double *bias = p->has_bias ? w + (size_t)p->c_out * p->row : NULL;
    for (int32_t i = 0; i < p->n_out; i++) {
        const double *from =
            seen(p, p->sees + (size_t)i * (size_t)p->n_taps, (size_t)p->c_in, in, room);
        double *to = out + (size_t)i * (size_t)p->c_out * L;
        for (int32_t o = 0; o < p->c_out;) {
            const int rows = o + BLOCK <= p->c_out ? BLOCK : 1;
            const double *at = w + (size_t)o * p->row, *b = bias ? bias + o : NULL;
            for (int lane = 0; lane < L; lane += WIDE * VD) {
                double *there = to + (size_t)o * L + lane;
                if (rows == BLOCK) {
                    forward_rows(BLOCK, p, at, b, from + lane, is_bounded, there);
                } else {
                    forward_rows(1, p, at, b, from + lane, is_bounded, there);
                }
            }
            o += rows;
        }
    }
}

/* ---- cotangents -----------------------------------------------------------------------------
 */

KR_INLINE void backward_rows(int rows, const kr_net_part *p, const double *w,
                             const double *out_bar, double *in_bar)
{
    const size_t c_in = (size_t)p->c_in, c_out = (size_t)p->c_out;
    vd sum[BLOCK][WIDE];
    for (int a = 0; a < rows; a++) {
        for (int h = 0; h < WIDE; h++) {
            sum[a][h] = vd_set(0.0);
        }
    }
    for (size_t s = 0; s < (size_t)p->n_shells; s++) {
        for (size_t o = 0; o < c_out; o++) {
            const double *at = w + o * p->row + s * c_in, *from = out_bar + (s * c_out + o) * L;
            for (int a = 0; a < rows; a++) {
                for (int h = 0; h < WIDE; h++) {
                    sum[a][h] = vd_fma(vd_set(at[a]), vd_load(from + h * VD), sum[a][h]);
                }
            }
        }
    }
    for (int a = 0; a < rows; a++) {
        for (int h = 0; h < WIDE; h++) {
            vd_store(in_bar + (size_t)a * L + h * VD, sum[a][h]);
        }
    }
}

static void backward(const kr_net_part *p, const double *w, const double *out_bar, double *room,
                     double *in_bar)
{
    for (int32_t j = 0; j < p->n_in; j++) {
        const double *from = seen(p, p->seen_by + (size_t)j * (size_t)p->n_taps,
                                  (size_t)p->c_out, out_bar, room);
        double *to = in_bar + (size_t)j * (size_t)p->c_in * L;
        for (int32_t c = 0; c < p->c_in;) {
            const int rows = c + BLOCK <= p->c_in ? BLOCK : 1;
            for (int lane = 0; lane < L; lane += WIDE * VD) {
                double *there = to + (size_t)c * L + lane;
                if (rows == BLOCK) {
                    backward_rows(BLOCK, p, w + c, from + lane, there);
                } else {
                    backward_rows(1, p, w + c, from + lane, there);
                }
            }
            c += rows;
        }
    }
}

/* ---- gradients ------------------------------------------------------------------------------
 */

/* Lane by lane: turned (L, row) of what a place sees. */
KR_INLINE void turn(const kr_net_part *p, const double *in, double *turned)
{
    const size_t length = (size_t)p->n_shells * (size_t)p->c_in;
    for (size_t l = 0; l < L; l++) {
        double *to = turned + l * p->row;
        for (size_t k = 0; k < length; k++) {
            to[k] = in[k * L + l];
        }
        for (size_t k = length; k < p->row; k++) {
            to[k] = 0.0;
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
                     double *room, double *gradient)
{
    double *bias = gradient + (size_t)p->c_out * p->row, *turned = room + p->row * L;
    for (int32_t i = 0; i < p->n_out; i++) {
        const double *bar = out_bar + (size_t)i * (size_t)p->c_out * L;
        turn(p, seen(p, p->sees + (size_t)i * (size_t)p->n_taps, (size_t)p->c_in, in, room),
             turned);
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
