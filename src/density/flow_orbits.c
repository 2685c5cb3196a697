/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_orbits.c - displacements on a hypercubic box, in orbits of its symmetries. */
#include "density/flow_orbits.h"

#include "lattice/lattice.h"

#include <stdlib.h>
#include <string.h>

bool kr_orbits_support(const kr_lattice *lattice, const char *name, kr_error *why)
{
    if (strcmp(lattice->name, "hypercubic") != 0 || lattice->dim > KR_ORBIT_DIM_MAX) {
        kr_fail(why, KR_EUNSUP,
                "%s: lattice %s of dimension %d, want hypercubic of dimension "
                "1..%d",
                name, lattice->name, lattice->dim, KR_ORBIT_DIM_MAX);
        return false;
    }
    return true;
}

bool kr_orbits_is_same(const kr_displacement *a, const kr_displacement *b)
{
    return memcmp(a->length, b->length, sizeof a->length) == 0;
}

static bool are_directions_alike(const kr_lattice *lattice)
{
    bool is_same = true;
    for (int32_t d = 1; d < lattice->dim; d++) {
        is_same = is_same && lattice->extent[d] == lattice->extent[0] &&
                  lattice->is_periodic[d] == lattice->is_periodic[0];
    }
    return is_same;
}

static int32_t reach_of(const kr_lattice *lattice, int32_t d, int32_t radius)
{
    const int32_t n = lattice->extent[d], most = lattice->is_periodic[d] ? n / 2 : n - 1;
    return radius < most ? radius : most;
}

static void sort_ascending(int32_t *x, int32_t n)
{
    for (int32_t i = 1; i < n; i++) {
        for (int32_t j = i; j > 0 && x[j - 1] > x[j]; j--) {
            const int32_t swap = x[j];
            x[j] = x[j - 1];
            x[j - 1] = swap;
        }
    }
}

static int compare(const void *a, const void *b)
{
    const kr_displacement *x = a, *y = b;
    for (int d = KR_ORBIT_DIM_MAX - 1; d >= 0; d--) {
        if (x->length[d] != y->length[d]) {
            return x->length[d] < y->length[d] ? -1 : 1;
        }
    }
    for (int d = KR_ORBIT_DIM_MAX - 1; d >= 0; d--) {
        if (x->by[d] != y->by[d]) {
            return x->by[d] < y->by[d] ? -1 : 1;
        }
    }
    return 0;
}

static bool is_of(kr_orbit_kind kind, int32_t x, int32_t y, int32_t z)
{
    return kind == KR_ORBITS_ANY   ? true
           : kind == KR_ORBITS_ODD ? (abs(x) + abs(y) + abs(z)) % 2
                                   : x % 2 && y % 2;
}

int32_t kr_orbits_list(const kr_lattice *lattice, int32_t radius, kr_orbit_kind kind,
                       kr_displacement *out)
{
    const bool is_isotropic = are_directions_alike(lattice);
    int32_t reach[KR_ORBIT_DIM_MAX] = { 0 }, n = 0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        reach[d] = reach_of(lattice, d, radius);
    }
    for (int32_t z = -reach[2]; z <= reach[2]; z++) {
        for (int32_t y = -reach[1]; y <= reach[1]; y++) {
            for (int32_t x = -reach[0]; x <= reach[0]; x++) {
                const bool is_in = is_of(kind, x, y, z);
                if (is_in && out) {
                    out[n] = (kr_displacement){ { x, y, z }, { abs(x), abs(y), abs(z) } };
                    if (is_isotropic) {
                        sort_ascending(out[n].length, lattice->dim);
                    }
                }
                n += is_in;
            }
        }
    }
    if (out) {
        qsort(out, (size_t)n, sizeof *out, compare);
    }
    return n;
}

int32_t kr_orbits_site(const kr_lattice *lattice, int32_t i, const int32_t *by)
{
    int32_t out = 0, step = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        const int32_t n = lattice->extent[d];
        int32_t x = i % n + by[d];
        i /= n;
        if (lattice->is_periodic[d]) {
            x = (x % n + n) % n;
        } else if (x < 0 || x >= n) {
            return -1;
        }
        out += x * step;
        step *= n;
    }
    return out;
}
