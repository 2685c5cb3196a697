/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_modes_half.c - the modes of the even sublattice. */
#include "density/flow_modes.h"

#include "base/memory.h"
#include "density/flow.h"

#include <math.h>
#include <string.h>

bool kr_flow_modes_can_halve(const kr_flow_modes *m)
{
    bool is_even = m->is_separable && m->is_uniform;
    for (int32_t a = 0; a < m->n_axes; a++) {
        is_even = is_even && m->axis[a].side % 2 == 0;
    }
    return is_even;
}

/* The mode with pi added to each momentum; folded momenta of both, in units of pi/2. */
static int32_t partner_of(const kr_lattice *lattice, int32_t k, double *own, double *other)
{
    int32_t out = 0, step = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        const int32_t n = lattice->extent[d], b = k % n, c = (b + n / 2) % n;
        own[d] = 4.0 * (b < n - b ? b : n - b) / n;
        other[d] = 4.0 * (c < n - c ? c : n - c) / n;
        out += c * step;
        step *= n;
        k /= n;
    }
    return out;
}

/* Whether mode k stands for its pair: the one of the smaller momentum, so that pairs of one
 * orbit are stood for by modes of one orbit. */
static bool is_first(const kr_lattice *lattice, int32_t k, int32_t *partner)
{
    double own[KR_DIM_MAX], other[KR_DIM_MAX], sum = 0.0, rest = 0.0;
    *partner = partner_of(lattice, k, own, other);
    for (int32_t d = 0; d < lattice->dim; d++) {
        sum += own[d] * own[d];
        rest += other[d] * other[d];
    }
    for (int32_t d = 0; sum == rest && d < lattice->dim; d++) {
        sum = own[d];
        rest = other[d];
    }
    return sum < rest || (sum == rest && k < *partner);
}

/* Numbers anew the orbits that are left. */
static void keep_orbits(kr_flow_modes *m, const int32_t *orbit, int32_t *number)
{
    memset(number, -1, (size_t)m->n_orbits * sizeof *number);
    m->n_orbits = 0;
    for (int32_t k = 0; k < m->n_modes; k++) {
        const int32_t old = orbit[m->mode[k]];
        if (number[old] < 0) {
            number[old] = m->n_orbits++;
        }
        m->orbit[k] = number[old];
    }
}

int kr_flow_modes_halve(kr_flow_modes *m, const kr_lattice *lattice, kr_error *err)
{
    const size_t n = (size_t)m->n_sites, half = n / 2;
    int32_t *number = kr_alloc(n, sizeof *number, err), *old = m->orbit;
    int32_t *momentum = kr_alloc(n * KR_DIM_MAX, sizeof *momentum, err);
    m->site = kr_alloc(half, sizeof *m->site, err);
    m->mode = kr_alloc(half, sizeof *m->mode, err);
    m->partner = kr_alloc(half, sizeof *m->partner, err);
    int32_t *orbit = kr_alloc(half, sizeof *orbit, err);
    const bool is_there = number && momentum && m->site && m->mode && m->partner && orbit;
    if (is_there) {
        m->n_modes = 0;
        for (int32_t k = 0, n_even = 0; k < m->n_sites; k++) {
            int32_t partner;
            if (is_first(lattice, k, &partner)) {
                m->mode[m->n_modes] = k;
                m->partner[m->n_modes++] = partner;
            }
            if (kr_flow_parity(lattice, k) == 0) {
                m->site[n_even++] = k;
            }
        }
        m->orbit = orbit;
        keep_orbits(m, old, number);
        for (int32_t k = 0; k < m->n_modes; k++) {
            memcpy(momentum + (size_t)m->orbit[k] * KR_DIM_MAX,
                   m->momentum + (size_t)old[m->mode[k]] * KR_DIM_MAX,
                   KR_DIM_MAX * sizeof *momentum);
        }
        memcpy(m->momentum, momentum, n * KR_DIM_MAX * sizeof *momentum);
        m->beta = NAN; /* the widths are not known any more */
    }
    kr_free(is_there ? old : orbit);
    kr_free(momentum);
    kr_free(number);
    return is_there ? KR_OK : KR_ENOMEM;
}
