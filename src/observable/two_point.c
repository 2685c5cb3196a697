/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/two_point.c - zero-momentum two-point function of the order parameter.
 *
 * With Phi(x) the mean of the order parameter over the sites of coordinate x along an axis of
 * length L,
 *   G(t) = (1/L) sum_x Phi(x) . Phi(x + t),   t = 0..L/2,
 * averaged over the axes that have the largest length; vectors of states are those of
 * observable/slices.h. structure_zero = |sum of all|^2/N is the structure factor at k = 0,
 * structure_min that at the smallest k along those axes. Derived: of order parameters with one
 * component the connected G(t) - <phi>^2 and its effective mass arcosh((G(t-1) + G(t+1))/(2
 * G(t))); of all the second-moment correlation length (S(0)/S(k) - 1)^(1/2)/(2 sin(pi/L)), in
 * lattice vectors. Source: Cooper, Freedman, Preston, Nucl. Phys. B 210, 210 (1982); Albergo,
 * Kanwar, Shanahan, Phys. Rev. D 100, 034515 (2019). */
#include "base/memory.h"
#include "observable/slices.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 1024 /* slices of a group of chains on the stack: 128 kB */
#define PI         3.14159265358979324

enum { NAME = 32, PAD = KR_LANES_PAD };

typedef struct params {
    int64_t distances;
} params;

static const kr_field fields[] = { { .name = "distances",
                                     .type = KR_TYPE_INT,
                                     .offset = offsetof(params, distances),
                                     .fallback = "512",
                                     .min = 0,
                                     .max = LENGTH_MAX / 2,
                                     .unit = "sites",
                                     .doc = "largest t of G(t); at most half the side" },
                                   KR_FIELD_END };

typedef struct two_point {
    kr_slices slices;
    int32_t n_sites, length, n_axes, n_means; /* n_means: of one component 1, else 0 */
    int32_t n_times;                          /* t = 0, 1, ... */
    double *cosine, *sine;                    /* (length) of the smallest momentum; owns */
    kr_column *column;   /* mean_field, two_point_t, structure_zero, _min; owns */
    kr_derived *derived; /* owns */
    char (*name)[NAME];  /* owns */
} two_point;

static bool supports(const kr_target *target, const void *parameters, kr_error *why)
{
    (void)parameters;
    kr_slices slices;
    if (kr_slices_init(&slices, "two_point", target, why) != KR_OK) {
        return false;
    }
    if (target->terms->action && slices.length > LENGTH_MAX) {
        kr_fail(why, KR_EUNSUP, "two_point: largest side %d, want 2..%d", slices.length,
                LENGTH_MAX);
        return false;
    }
    return true;
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

static kr_derived connected(two_point *t, int32_t *n_names, int32_t k)
{
    return (kr_derived){ .name = name_of(t, n_names, "two_point_connected_%d", k),
                         .column = t->column[1 + k].name,
                         .kind = KR_DERIVED_CONNECTED,
                         .unit = "1",
                         .doc = "G(t) - <phi>^2",
                         .other = { "mean_field" } };
}

static kr_derived effective_mass(two_point *t, int32_t *n_names, int32_t k)
{
    return (kr_derived){ .name = name_of(t, n_names, "effective_mass_%d", k),
                         .column = t->column[1 + k].name,
                         .kind = KR_DERIVED_MASS,
                         .unit = "1",
                         .doc = "arcosh((G(t-1) + G(t+1))/(2 G(t))), connected",
                         .other = { t->column[k].name, t->column[k + 2].name, "mean_field" } };
}

/* Columns mean_field, two_point_0.., structure_zero, structure_min; what follows from them. */
static void name_all(two_point *t)
{
    const int32_t n = t->n_times;
    int32_t n_names = 0, n_derived = 0;
    kr_column *column = t->column;
    if (t->n_means) {
        *column++ = (kr_column){ "mean_field", "1", "mean of phi over the sites" };
    }
    for (int32_t k = 0; k < n; k++) {
        *column++ = (kr_column){ name_of(t, &n_names, "two_point_%d", k), "1",
                                 "zero-momentum two-point function at this distance" };
    }
    *column++ = (kr_column){ "structure_zero", "1", "structure factor at k = 0" };
    *column++ =
        (kr_column){ "structure_min", "1", "structure factor at the smallest momentum" };
    for (int32_t k = 0; k < n && t->n_means; k++) {
        t->derived[n_derived++] = connected(t, &n_names, k);
    }
    for (int32_t k = 1; k + 1 < n && t->n_means; k++) {
        t->derived[n_derived++] = effective_mass(t, &n_names, k);
    }
    t->derived[n_derived++] = (kr_derived){
        .name = "correlation_length",
        .column = "structure_zero",
        .kind = KR_DERIVED_LENGTH,
        .unit = "1",
        .doc = "second moment, (S(0)/S(k) - 1)^(1/2)/(2 sin(pi/L)), on oblique lattices "
               "times sqrt(3)/2; in lattice vectors",
        .other = { "structure_min" },
        .factor = t->slices.unit * 0.5 / sin(PI / t->length)
    };
}

static void *alloc(const kr_target *target, const void *parameters, int32_t n_chains,
                   kr_error *err)
{
    (void)n_chains;
    const params *p = parameters;
    two_point *t = kr_alloc(1, sizeof *t, err);
    if (!t) {
        return NULL;
    }
    if (kr_slices_init(&t->slices, "two_point", target, err) != KR_OK) {
        kr_free(t);
        return NULL;
    }
    t->n_sites = target->terms->n_sites;
    t->length = t->slices.length;
    t->n_axes = t->slices.n_axes;
    t->n_means = t->slices.n_parts == 1;
    t->n_times = t->length / 2 + 1;
    if (p && p->distances < t->n_times) {
        t->n_times = (int32_t)p->distances + 1;
    }
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
    for (int32_t x = 0; x < t->length; x++) {
        t->cosine[x] = cos(2.0 * PI * x / t->length);
        t->sine[x] = sin(2.0 * PI * x / t->length);
    }
    name_all(t);
    return t;
}

static const kr_column *columns(const void *self, int32_t *n_columns)
{
    const two_point *t = self;
    *n_columns = t->n_means + t->n_times + 2;
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

/* A group of up to PAD chains of a field; the padding holds finite numbers. */
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
        sum_slices(t, t->slices.step[axis], phi, stride, slice);
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

/* One chain of states or angles: vectors instead of numbers. */
static void measure_chain(const two_point *t, const kr_block *block, int32_t lane, double *out)
{
    double slice[KR_SLICES_MAX];
    const size_t n_parts = (size_t)t->slices.n_parts, L = (size_t)t->length;
    const size_t n_columns = (size_t)(t->n_means + t->n_times) + 2;
    const double n = t->n_sites, area = n / t->length, share = 1.0 / t->n_axes;
    double *G = out + t->n_means, zero = 0.0;
    memset(out, 0, n_columns * sizeof *out);
    for (int32_t axis = 0; axis < t->n_axes; axis++) {
        kr_slices_sum(&t->slices, axis, block, lane, slice);
        for (size_t k = 0; k < (size_t)t->n_times; k++) {
            double sum = 0.0;
            for (size_t x = 0; x < L; x++) {
                const double *a = slice + x * n_parts, *b = slice + (x + k) % L * n_parts;
                for (size_t c = 0; c < n_parts; c++) {
                    sum += a[c] * b[c];
                }
            }
            G[k] += share * sum / (area * area * (double)L);
        }
        zero = 0.0;
        for (size_t c = 0; c < n_parts; c++) {
            double re = 0.0, im = 0.0, total = 0.0;
            for (size_t x = 0; x < L; x++) {
                const double a = slice[x * n_parts + c];
                re += t->cosine[x] * a;
                im += t->sine[x] * a;
                total += a;
            }
            G[t->n_times + 1] += share * (re * re + im * im) / n;
            zero += total * total / n;
            if (t->n_means) {
                out[0] = total / n;
            }
        }
    }
    G[t->n_times] = zero;
}

static void measure(void *self, const kr_block *block, double *out)
{
    const two_point *t = self;
    const size_t n_columns = (size_t)(t->n_means + t->n_times) + 2;
    if (t->slices.terms->action && !t->slices.terms->action->is_angle) {
        for (int32_t first = 0; first < block->n_lanes; first += PAD) {
            const int32_t left = block->n_lanes - first;
            measure_group(t, block->phi + first, (size_t)block->stride, left < PAD ? left : PAD,
                          out + (size_t)first * n_columns);
        }
        return;
    }
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        measure_chain(t, block, lane, out + (size_t)lane * n_columns);
    }
}

const kr_observable_plug kr_observable_two_point = {
    .name = "two_point",
    .doc = "zero-momentum two-point function of the order parameter, structure factors; "
           "derived: connected, effective mass, correlation length",
    .source = "Albergo, Kanwar, Shanahan, Phys. Rev. D 100, 034515 (2019)",
    .fields = fields,
    .params_size = sizeof(params),
    .supports = supports,
    .alloc = alloc,
    .free = free_two_point,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_REAL,
    .columns = columns,
    .more_derived = more_derived,
    .measure = measure,
};
