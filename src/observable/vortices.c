/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/vortices.c - density of vortices of angles on the plaquettes of a square lattice.
 *
 * Around a plaquette the differences of the angles, each taken to (-pi, pi], sum to 2 pi times
 * a whole number, the vorticity. vortex_density is the mean of its magnitude. Source:
 * Tobochnik, Chester, Phys. Rev. B 20, 3761 (1979). */
#include "base/memory.h"

#include "kramers_plug.h"
#include "observable/checks.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586477

typedef struct vortices {
    int32_t n;       /* plaquettes */
    int32_t *corner; /* (n, 4) around; owns */
} vortices;

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    const kr_lattice *lattice = target->lattice;
    if (!target->terms->action || !target->terms->action->is_angle) {
        kr_fail(why, KR_EUNSUP,
                "vortices: the variables of the model are %s, want angles (model xy)",
                kr_kind_of(target->terms));
    } else if (strcmp(lattice->name, "hypercubic") != 0 || lattice->dim != 2 ||
               lattice->extent[0] < 2 || lattice->extent[1] < 2 || lattice->has_antiperiodic) {
        kr_fail(why, KR_EUNSUP,
                "vortices: want lattice hypercubic with two sides of 2 or more, periodic or "
                "open");
    } else {
        return true;
    }
    return false;
}

static void free_vortices(void *self)
{
    if (self) {
        kr_free(((vortices *)self)->corner);
        kr_free(self);
    }
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    const kr_lattice *lattice = target->lattice;
    const int32_t L = lattice->extent[0], M = lattice->extent[1];
    vortices *v = kr_alloc(1, sizeof *v, err);
    if (!v) {
        return NULL;
    }
    v->corner = kr_alloc(4 * (size_t)lattice->n_sites, sizeof *v->corner, err);
    if (!v->corner) {
        free_vortices(v);
        return NULL;
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        const int32_t x = i % L, y = i / L, right = (x + 1) % L, up = (y + 1) % M;
        if ((right == 0 && !lattice->is_periodic[0]) || (up == 0 && !lattice->is_periodic[1])) {
            continue;
        }
        int32_t *corner = v->corner + 4 * (size_t)v->n++;
        corner[0] = i;
        corner[1] = right + y * L;
        corner[2] = right + up * L;
        corner[3] = x + up * L;
    }
    return v;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    static const kr_column column[] = {
        { "vortex_density", "1", "mean magnitude of the vorticity of a plaquette" },
    };
    (void)self;
    *n_columns = 1;
    return column;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const vortices *v = self;
    for (int32_t l = 0; l < block->n_lanes; l++) {
        double sum = 0.0;
        for (int32_t p = 0; p < v->n; p++) {
            double turn = 0.0;
            for (int k = 0; k < 4; k++) {
                const size_t i = (size_t)v->corner[4 * p + k];
                const size_t j = (size_t)v->corner[4 * p + (k + 1) % 4];
                const double d = block->phi[j * (size_t)block->stride + (size_t)l] -
                                 block->phi[i * (size_t)block->stride + (size_t)l];
                turn += d - TWO_PI * rint(d / TWO_PI);
            }
            sum += fabs(rint(turn / TWO_PI));
        }
        out[l] = sum / v->n;
    }
}

const kr_observable_plug kr_observable_vortices = {
    .name = "vortices",
    .doc = "density of vortices of angles on a square lattice",
    .source = "Tobochnik, Chester, Phys. Rev. B 20, 3761 (1979)",
    .supports = supports,
    .alloc = alloc,
    .free = free_vortices,
    .layouts = KR_LAYOUT_REAL,
    .columns = columns,
    .measure = measure,
};
