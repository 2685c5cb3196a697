/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/rotors_kernels.c - energy and torque of plane rotators for chains in vector lanes,
 * compiled once per instruction set. */
#include "base/isa.h"
#include "base/vd.h"
#include "model/rotors.h"

static void energy(const kr_rotors *r, int32_t n_lanes, const double *phi, size_t stride,
                   double *energy)
{
    const kr_quartic *bonds = &r->bonds;
    const vd field = vd_set(r->field);
    for (int32_t l = 0; l < n_lanes; l += VD) {
        vd sum = vd_set(0.0), s, c;
        for (int32_t i = 0; i < bonds->n_sites; i++) {
            const vd x = vd_load(phi + (size_t)i * stride + l);
            for (int64_t m = bonds->neighbor_begin[i]; m < bonds->neighbor_begin[i + 1]; m++) {
                if (bonds->neighbor[m] < i) {
                    const vd y = vd_load(phi + (size_t)bonds->neighbor[m] * stride + l);
                    vd_sincos(x - y, &s, &c);
                    sum = vd_fma(vd_set(-bonds->coupling[m]), c, sum);
                }
            }
            if (r->field != 0.0) {
                vd_sincos(x, &s, &c);
                sum = vd_fma(-field, c, sum);
            }
        }
        for (int32_t k = 0; k < VD && l + k < n_lanes; k++) {
            energy[l + k] = sum[k];
        }
    }
}

static void add_gradient(const kr_rotors *r, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out)
{
    const kr_quartic *bonds = &r->bonds;
    for (int32_t l = 0; l < n_lanes; l += VD) {
        for (int32_t i = 0; i < bonds->n_sites; i++) {
            const vd x = vd_load(phi + (size_t)i * stride + l);
            double *to = out + (size_t)i * stride + l;
            vd sum = vd_load(to), s, c;
            for (int64_t m = bonds->neighbor_begin[i]; m < bonds->neighbor_begin[i + 1]; m++) {
                if (bonds->neighbor[m] < i) { /* each pair once: equal and opposite torques */
                    const size_t at = (size_t)bonds->neighbor[m] * stride + (size_t)l;
                    const vd factor = vd_set(scale * bonds->coupling[m]);
                    vd_sincos(x - vd_load(phi + at), &s, &c);
                    sum = vd_fma(factor, s, sum);
                    vd_store(out + at, vd_fma(-factor, s, vd_load(out + at)));
                }
            }
            if (r->field != 0.0) {
                vd_sincos(x, &s, &c);
                sum = vd_fma(vd_set(scale * r->field), s, sum);
            }
            vd_store(to, sum);
        }
    }
}

/* The neighbors act like a field (x, y). */
static void change(const kr_rotors *r, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *change)
{
    const kr_quartic *bonds = &r->bonds;
    for (int32_t l = 0; l < n_lanes; l += VD) {
        vd x = vd_set(r->field), y = vd_set(0.0), s, c, s_old, c_old;
        for (int64_t m = bonds->neighbor_begin[i]; m < bonds->neighbor_begin[i + 1]; m++) {
            const vd K = vd_set(bonds->coupling[m]);
            vd_sincos(vd_load(phi + (size_t)bonds->neighbor[m] * stride + l), &s, &c);
            x = vd_fma(K, c, x);
            y = vd_fma(K, s, y);
        }
        vd_sincos(vd_load(value + l), &s, &c);
        vd_sincos(vd_load(phi + (size_t)i * stride + l), &s_old, &c_old);
        vd_store(change + l, (c_old - c) * x + (s_old - s) * y);
    }
}

const kr_rotors_kernels KR_ISA_NAME(kr_rotors_kernels) = { energy, add_gradient, change };
