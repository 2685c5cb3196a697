/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster_box.c - boxes of sites with one coupling, which bit kernels can take. */
#include "update/cluster_box.h"

#include <string.h>

/* Neighbors of a site of the box, ascending; returns how many. */
static int32_t list_neighbors(const kr_box *box, int32_t i, int32_t *of)
{
    int32_t n = 0;
    for (int32_t d = 0, step = 1; d < box->dim; step *= box->extent[d++]) {
        int32_t side = box->extent[d], x = i / step % side;
        if (side == 1) {
            continue;
        }
        if (x < side - 1 || box->is_periodic[d]) {
            of[n++] = x < side - 1 ? i + step : i - (side - 1) * step;
        }
        if (x > 0 || box->is_periodic[d]) {
            of[n++] = x > 0 ? i - step : i + (side - 1) * step;
        }
    }
    for (int32_t k = 1; k < n; k++) {
        for (int32_t m = k; m > 0 && of[m] < of[m - 1]; m--) {
            int32_t larger = of[m - 1];
            of[m - 1] = of[m];
            of[m] = larger;
        }
    }
    return n;
}

bool kr_box_find(kr_box *box, const kr_lattice *lattice, const kr_terms *terms)
{
    memset(box, 0, sizeof *box);
    if (!lattice || lattice->n_sites != terms->n_sites || !terms->is_pair) {
        return false;
    }
    int64_t product = 1;
    box->dim = lattice->dim;
    box->n_sites = lattice->n_sites;
    for (int32_t d = 0; d < lattice->dim; d++) {
        box->extent[d] = lattice->extent[d];
        box->is_periodic[d] = lattice->is_periodic[d];
        product *= lattice->extent[d];
    }
    if (product != lattice->n_sites) {
        return false;
    }
    for (int32_t i = 0; i < terms->n_sites; i++) {
        int32_t want[2 * KR_DIM_MAX];
        int64_t first = terms->neighbor_begin[i], n = terms->neighbor_begin[i + 1] - first;
        if (n != list_neighbors(box, i, want)) {
            return false;
        }
        for (int64_t k = 0; k < n; k++) {
            if (terms->neighbor[first + k] != want[k] || terms->J[first + k] != terms->J[0]) {
                return false;
            }
        }
    }
    return true;
}
