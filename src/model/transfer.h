/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/transfer.h - products of transfer matrices that carry sums along.
 *
 * A transfer matrix has components: the weights themselves, and weights times what has been
 * summed on the way (moments of the magnetization, the energy, ...), or the real and imaginary
 * part of weights with phases. How components of a product come from those of its factors is
 * an algebra: out += factor left right, a rule each. Scales are kept apart, so that long
 * products do not overflow. Threads: pure. */
#ifndef KR_MODEL_TRANSFER_H
#define KR_MODEL_TRANSFER_H

#include "kramers_plug.h"

typedef struct kr_transfer_rule {
    int out, left, right;
    double factor;
} kr_transfer_rule;

typedef struct kr_transfer_algebra {
    int n_components, n_rules;
    const kr_transfer_rule *rule;
} kr_transfer_algebra;

typedef struct kr_transfer {
    int32_t n_rows, n_columns;
    double *value;    /* (n_components, n_rows, n_columns); owns */
    double log_scale; /* true values are these times exp(log_scale) */
} kr_transfer;

int kr_transfer_init(kr_transfer *t, const kr_transfer_algebra *algebra, int32_t n_rows,
                     int32_t n_columns, kr_error *err);
void kr_transfer_clear(kr_transfer *t);
/* out = a b, of the shape of the product; rescaled. */
void kr_transfer_multiply(const kr_transfer_algebra *algebra, const kr_transfer *a,
                          const kr_transfer *b, kr_transfer *out);
/* *product becomes product base^exponent, exponent >= 1; an empty *product (value NULL) counts
 * as one. Rows are multiplied one factor after the other, matrices by repeated squaring.
 * Errors: KR_ENOMEM, *product is cleared then. */
int kr_transfer_append(const kr_transfer_algebra *algebra, const kr_transfer *base,
                       int64_t exponent, kr_transfer *product, kr_error *err);
/* Multiplications that kr_transfer_append needs, a matrix to a matrix. */
double kr_transfer_work(const kr_transfer_algebra *algebra, int32_t n, int64_t exponent);
/* Components (n_components) of the trace. */
void kr_transfer_trace(const kr_transfer_algebra *algebra, const kr_transfer *t, double *trace);

#endif
