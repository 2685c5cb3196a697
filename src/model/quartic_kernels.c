/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/quartic_kernels.c - energy and force of a quartic action for chains in vector lanes,
 * compiled once per instruction set. */
#include "base/isa.h"
#include "base/vd.h"
#include "model/quartic.h"

/* Two vectors: KR_LANES_PAD lanes. */
typedef struct vd2 {
    vd a, b;
} vd2;

KR_INLINE vd2 load(const double *p)
{
    return (vd2){ vd_load(p), vd_load(p + VD) };
}

KR_INLINE void store(double *p, vd2 x)
{
    vd_store(p, x.a);
    vd_store(p + VD, x.b);
}

/* sum_j coupling_ij phi_j */
KR_INLINE vd2 pull_of_neighbors(const kr_quartic *q, int32_t i, const double *phi,
                                size_t stride)
{
    vd2 sum = { vd_set(0.0), vd_set(0.0) };
    for (int64_t m = q->neighbor_begin[i]; m < q->neighbor_begin[i + 1]; m++) {
        const vd2 other = load(phi + (size_t)q->neighbor[m] * stride);
        const vd K = vd_set(q->coupling[m]);
        sum.a = vd_fma(K, other.a, sum.a);
        sum.b = vd_fma(K, other.b, sum.b);
    }
    return sum;
}

/* square x^2 + quartic x^4 - linear x */
KR_INLINE vd potential(const kr_quartic *q, int32_t i, vd x)
{
    const vd x2 = x * x;
    return x2 * vd_fma(vd_set(q->quartic), x2, vd_set(q->square[i])) - vd_set(q->linear[i]) * x;
}

static void energy(const kr_quartic *q, int32_t n_lanes, const double *phi, size_t stride,
                   double *energy)
{
    const vd half = vd_set(0.5);
    for (int32_t l = 0; l < n_lanes; l += KR_LANES_PAD) {
        vd2 sum = { vd_set(q->constant), vd_set(q->constant) };
        double out[KR_LANES_PAD];
        for (int32_t i = 0; i < q->n_sites; i++) {
            const vd2 x = load(phi + (size_t)i * stride + l);
            const vd2 pull = pull_of_neighbors(q, i, phi + l, stride);
            sum.a += potential(q, i, x.a) - half * x.a * pull.a;
            sum.b += potential(q, i, x.b) - half * x.b * pull.b;
        }
        store(out, sum);
        for (int32_t k = 0; k < KR_LANES_PAD && l + k < n_lanes; k++) {
            energy[l + k] = out[k];
        }
    }
}

/* dS/dphi_i = 2 square x + 4 quartic x^3 - linear - pull */
KR_INLINE vd slope(const kr_quartic *q, int32_t i, vd x, vd pull)
{
    const vd bracket = vd_fma(vd_set(4.0 * q->quartic), x * x, vd_set(2.0 * q->square[i]));
    return vd_fma(bracket, x, -pull) - vd_set(q->linear[i]);
}

static void add_gradient(const kr_quartic *q, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out)
{
    const vd factor = vd_set(scale);
    for (int32_t l = 0; l < n_lanes; l += KR_LANES_PAD) {
        for (int32_t i = 0; i < q->n_sites; i++) {
            const vd2 x = load(phi + (size_t)i * stride + l);
            const vd2 pull = pull_of_neighbors(q, i, phi + l, stride);
            double *to = out + (size_t)i * stride + l;
            vd2 sum = load(to);
            sum.a = vd_fma(factor, slope(q, i, x.a, pull.a), sum.a);
            sum.b = vd_fma(factor, slope(q, i, x.b, pull.b), sum.b);
            store(to, sum);
        }
    }
}

static void change(const kr_quartic *q, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *change)
{
    for (int32_t l = 0; l < n_lanes; l += KR_LANES_PAD) {
        const vd2 old = load(phi + (size_t)i * stride + l), new = load(value + l);
        const vd2 pull = pull_of_neighbors(q, i, phi + l, stride);
        const vd2 out = {
            potential(q, i, new.a) - potential(q, i, old.a) - pull.a * (new.a - old.a),
            potential(q, i, new.b) - potential(q, i, old.b) - pull.b * (new.b - old.b)
        };
        store(change + l, out);
    }
}

static void virial(const kr_quartic *q, int32_t n_lanes, const double *phi, size_t stride,
                   double *virial)
{
    for (int32_t l = 0; l < n_lanes; l += KR_LANES_PAD) {
        vd2 sum = { vd_set(0.0), vd_set(0.0) };
        double out[KR_LANES_PAD];
        for (int32_t i = 0; i < q->n_sites; i++) {
            const vd2 x = load(phi + (size_t)i * stride + l);
            const vd2 pull = pull_of_neighbors(q, i, phi + l, stride);
            sum.a = vd_fma(x.a, slope(q, i, x.a, pull.a), sum.a);
            sum.b = vd_fma(x.b, slope(q, i, x.b, pull.b), sum.b);
        }
        store(out, sum);
        for (int32_t k = 0; k < KR_LANES_PAD && l + k < n_lanes; k++) {
            virial[l + k] = out[k];
        }
    }
}

const kr_quartic_kernels KR_ISA_NAME(kr_quartic_kernels) = { energy, add_gradient, change,
                                                             virial };
