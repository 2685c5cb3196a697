/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/two_point.c - zero-momentum two-point function of a lattice field.
 *
 * With Phi(x) the mean of phi over the sites of coordinate x along an axis of length L,
 *   G(t) = (1/L) sum_x Phi(x) Phi(x + t),   t = 0..L/2,
 * averaged over the axes that have the largest length. structure_zero = N (mean of phi)^2 is
 * the structure factor at k = 0, structure_min that at the smallest k along those axes.
 * Derived: the connected G(t) - <phi>^2, its effective mass arcosh((G(t-1) + G(t+1))/(2 G(t))),
 * and the second-moment correlation length (S(0)/S(k) - 1)^(1/2)/(2 sin(pi/L)). Source: Cooper,
 * Freedman, Preston, Nucl. Phys. B 210, 210 (1982); Albergo, Kanwar, Shanahan, Phys. Rev. D
 * 100, 034515 (2019). */
#include "base/memory.h"

#include "kramers_plug.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 1024 /* slices of a group of chains on the stack: 128 kB */
#define PI         3.14159265358979324

enum { NAME = 32, PAD = KR_LANES_PAD };

typedef struct two_point {
    int32_t n_sites, length, n_axes; /* axes of that length */
    int64_t step[KR_DIM_MAX];        /* between sites next to each other along an axis */
    int32_t n_times;                 /* t = 0..length/2 */
    double *cosine, *sine;           /* (length) of the smallest momentum; owns */
    kr_column *column;               /* mean_field, two_point_t, structure_zero, _min; owns */
    kr_derived *derived;             /* owns */
    char (*name)[NAME];              /* owns */
} two_point;

static int32_t longest(const kr_lattice *lattice)
{
    int32_t length = 0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        length = lattice->extent[d] > length ? lattice->extent[d] : length;
    }
    return length;
}

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    (void)params;
    const kr_lattice *lattice = target->lattice;
    const kr_action *action = target->terms->action;
    bool is_torus = strcmp(lattice->name, "hypercubic") == 0 && !lattice->has_antiperiodic;
    for (int32_t d = 0; d < lattice->dim; d++) {
        is_torus = is_torus && lattice->is_periodic[d];
    }
    const int32_t length = longest(lattice);
    if (!action || action->is_angle) {
        kr_fail(why, KR_EUNSUP, "two_point: the variables of the model are %s, want a field",
                action ? "angles" : "discrete states");
    } else if (!is_torus) {
        kr_fail(why, KR_EUNSUP,
                "two_point: want lattice hypercubic, periodic in all directions");
    } else if (length < 2 || length > LENGTH_MAX) {
        kr_fail(why, KR_EUNSUP, "two_point: largest side %d, want 2..%d", length, LENGTH_MAX);
    } else {
        return true;
    }
    return false;
}

static void free_two_point(void *self)
{
    two_point *t = self;
    if (t) {
        kr_free(t->name);
        kr_free(t->derived);
        kr_free(t->column);
        kr_free(t->cosine);
        kr_free(t);
    }
}

static const char *name_of(two_point *t, int32_t *n, const char *format, int32_t at)
{
    char *name = t->name[(*n)++];
    snprintf(name, NAME, format, at);
    return name;
}

/* Columns mean_field, two_point_0.., structure_zero, structure_min; what follows from them. */
static void name_all(two_point *t)
{
    const int32_t n = t->n_times;
    int32_t n_names = 0, n_derived = 0;
    t->column[0] = (kr_column){ "mean_field", "1", "mean of phi over the sites" };
    for (int32_t k = 0; k < n; k++) {
        t->column[1 + k] = (kr_column){ name_of(t, &n_names, "two_point_%d", k), "1",
                                        "zero-momentum two-point function at this distance" };
    }
    t->column[n + 1] = (kr_column){ "structure_zero", "1", "N (mean of phi)^2" };
    t->column[n + 2] =
        (kr_column){ "structure_min", "1", "structure factor at the smallest momentum" };
    for (int32_t k = 0; k < n; k++) {
        t->derived[n_derived++] =
            (kr_derived){ .name = name_of(t, &n_names, "two_point_connected_%d", k),
                          .column = t->column[1 + k].name,
                          .kind = KR_DERIVED_CONNECTED,
                          .unit = "1",
                          .doc = "G(t) - <phi>^2",
                          .other = { "mean_field" } };
    }
    for (int32_t k = 1; k + 1 < n; k++) {
        t->derived[n_derived++] =
            (kr_derived){ .name = name_of(t, &n_names, "effective_mass_%d", k),
                          .column = t->column[1 + k].name,
                          .kind = KR_DERIVED_MASS,
                          .unit = "1",
                          .doc = "arcosh((G(t-1) + G(t+1))/(2 G(t))), connected",
                          .other = { t->column[k].name, t->column[k + 2].name, "mean_field" } };
    }
    t->derived[n_derived++] =
        (kr_derived){ .name = "correlation_length",
                      .column = "structure_zero",
                      .kind = KR_DERIVED_LENGTH,
                      .unit = "1",
                      .doc = "second moment, (S(0)/S(k) - 1)^(1/2)/(2 sin(pi/L))",
                      .other = { "structure_min" },
                      .factor = 0.5 / sin(PI / t->length) };
}

static void find_axes(two_point *t, const kr_lattice *lattice)
{
    int64_t step = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        if (lattice->extent[d] == t->length) {
            t->step[t->n_axes++] = step;
        }
        step *= lattice->extent[d];
    }
    for (int32_t x = 0; x < t->length; x++) {
        t->cosine[x] = cos(2.0 * PI * x / t->length);
        t->sine[x] = sin(2.0 * PI * x / t->length);
    }
}

static void *alloc(const kr_target *target, const void *params, int32_t n_chains, kr_error *err)
{
    (void)params, (void)n_chains;
    two_point *t = kr_alloc(1, sizeof *t, err);
    if (!t) {
        return NULL;
    }
    t->n_sites = target->terms->n_sites;
    t->length = longest(target->lattice);
    t->n_times = t->length / 2 + 1;
    const size_t n = (size_t)t->n_times, L = (size_t)t->length;
    t->cosine = kr_alloc(2 * L, sizeof *t->cosine, err);
    t->column = kr_alloc(n + 3, sizeof *t->column, err);
    t->derived = kr_alloc(2 * n + 2, sizeof *t->derived, err); /* the last has no name */
    t->name = kr_alloc(3 * n, sizeof *t->name, err);
    if (!t->cosine || !t->column || !t->derived || !t->name) {
        free_two_point(t);
        return NULL;
    }
    t->sine = t->cosine + L;
    find_axes(t, target->lattice);
    name_all(t);
    return t;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const two_point *t = self;
    *n_columns = t->n_times + 3;
    return t->column;
}

static const kr_derived *more_derived(const void *self)
{
    return ((const two_point *)self)->derived;
}

/* slice (length, PAD) = sums of phi over the sites of each coordinate along an axis */
static void sum_slices(const two_point *t, int64_t step, const double *phi, size_t stride,
                       double *slice)
{
    memset(slice, 0, (size_t)t->length * PAD * sizeof *slice);
    for (int32_t i = 0; i < t->n_sites; i++) {
        double *to = slice + i / step % t->length * PAD;
        const double *x = phi + (size_t)i * stride;
        for (int l = 0; l < PAD; l++) {
            to[l] += x[l];
        }
    }
}

/* sum (PAD) of a_x b_x over pairs of slices at a distance, all around */
static void correlate(const two_point *t, const double *slice, int32_t distance, double *sum)
{
    memset(sum, 0, PAD * sizeof *sum);
    for (int32_t x = 0; x < t->length; x++) {
        const double *a = slice + (size_t)x * PAD;
        const double *b = slice + (size_t)((x + distance) % t->length) * PAD;
        for (int l = 0; l < PAD; l++) {
            sum[l] += a[l] * b[l];
        }
    }
}

/* |sum_x slice_x exp(i k x)|^2, and the sum of all slices */
static void transform(const two_point *t, const double *slice, double *power, double *total)
{
    double re[PAD] = { 0.0 }, im[PAD] = { 0.0 };
    memset(total, 0, PAD * sizeof *total);
    for (int32_t x = 0; x < t->length; x++) {
        const double *a = slice + (size_t)x * PAD;
        for (int l = 0; l < PAD; l++) {
            re[l] += t->cosine[x] * a[l];
            im[l] += t->sine[x] * a[l];
            total[l] += a[l];
        }
    }
    for (int l = 0; l < PAD; l++) {
        power[l] = re[l] * re[l] + im[l] * im[l];
    }
}

/* A group of up to PAD chains; the padding holds finite numbers. */
static void measure_group(const two_point *t, const double *phi, size_t stride, int32_t n_lanes,
                          double *out)
{
    _Alignas(64) double slice[LENGTH_MAX * PAD];
    double sum[PAD], total[PAD];
    const size_t n_columns = (size_t)t->n_times + 3;
    const double n = t->n_sites, area = n / t->length, share = 1.0 / t->n_axes;
    for (size_t k = 0; k < n_columns * (size_t)n_lanes; k++) {
        out[k] = 0.0;
    }
    for (int32_t axis = 0; axis < t->n_axes; axis++) {
        sum_slices(t, t->step[axis], phi, stride, slice);
        for (int32_t k = 0; k < t->n_times; k++) {
            correlate(t, slice, k, sum);
            for (int32_t l = 0; l < n_lanes; l++) {
                out[(size_t)l * n_columns + 1 + (size_t)k] +=
                    share * sum[l] / (area * area * t->length);
            }
        }
        transform(t, slice, sum, total);
        for (int32_t l = 0; l < n_lanes; l++) {
            double *row = out + (size_t)l * n_columns;
            row[0] = total[l] / n;
            row[n_columns - 2] = total[l] * total[l] / n;
            row[n_columns - 1] += share * sum[l] / n;
        }
    }
}

static void measure(void *self, const kr_block *block, double *out)
{
    const two_point *t = self;
    for (int32_t first = 0; first < block->n_lanes; first += PAD) {
        const int32_t left = block->n_lanes - first;
        measure_group(t, block->phi + first, (size_t)block->stride, left < PAD ? left : PAD,
                      out + (size_t)first * ((size_t)t->n_times + 3));
    }
}

const kr_observable_plug kr_observable_two_point = {
    .name = "two_point",
    .doc = "zero-momentum two-point function; derived: connected, effective mass, length",
    .source = "Albergo, Kanwar, Shanahan, Phys. Rev. D 100, 034515 (2019)",
    .supports = supports,
    .alloc = alloc,
    .free = free_two_point,
    .layouts = KR_LAYOUT_REAL,
    .columns = columns,
    .more_derived = more_derived,
    .measure = measure,
};
