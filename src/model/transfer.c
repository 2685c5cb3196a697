/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/transfer.c - products of transfer matrices that carry sums along. */
#include "model/transfer.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

int kr_transfer_init(kr_transfer *t, const kr_transfer_algebra *algebra, int32_t n_rows,
                     int32_t n_columns, kr_error *err)
{
    *t = (kr_transfer){ .n_rows = n_rows, .n_columns = n_columns };
    t->value = kr_alloc((size_t)algebra->n_components * (size_t)n_rows * (size_t)n_columns,
                        sizeof *t->value, err);
    return t->value ? KR_OK : KR_ENOMEM;
}

void kr_transfer_clear(kr_transfer *t)
{
    kr_free(t->value);
    *t = (kr_transfer){ .n_rows = 0 };
}

static size_t size_of(const kr_transfer *t)
{
    return (size_t)t->n_rows * (size_t)t->n_columns;
}

/* kernel: c += factor a b; column blocks of b stay in cache */
static void add_product(size_t n, size_t m, size_t k, double factor, const double *restrict a,
                        const double *restrict b, double *restrict c)
{
    for (size_t i = 0; i < n; i++) {
        double *restrict row = c + i * m;
        size_t l = 0;
        for (; l + 4 <= k; l += 4) {
            const double *restrict p = b + l * m, *restrict q = p + m, *restrict r = q + m,
                                   *restrict s = r + m;
            const double w = factor * a[i * k + l], x = factor * a[i * k + l + 1],
                         y = factor * a[i * k + l + 2], z = factor * a[i * k + l + 3];
            for (size_t j = 0; j < m; j++) {
                row[j] += w * p[j] + x * q[j] + y * r[j] + z * s[j];
            }
        }
        for (; l < k; l++) {
            const double w = factor * a[i * k + l];
            for (size_t j = 0; j < m; j++) {
                row[j] += w * b[l * m + j];
            }
        }
    }
}

/* The largest weight of all components becomes one. */
static void rescale(const kr_transfer_algebra *algebra, kr_transfer *t)
{
    const size_t n = (size_t)algebra->n_components * size_of(t);
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(t->value[i]));
    }
    if (largest > 0.0) {
        for (size_t i = 0; i < n; i++) {
            t->value[i] /= largest;
        }
        t->log_scale += log(largest);
    }
}

void kr_transfer_multiply(const kr_transfer_algebra *algebra, const kr_transfer *a,
                          const kr_transfer *b, kr_transfer *out)
{
    const size_t n = (size_t)a->n_rows, k = (size_t)a->n_columns, m = (size_t)b->n_columns;
    out->log_scale = a->log_scale + b->log_scale;
    memset(out->value, 0, (size_t)algebra->n_components * n * m * sizeof *out->value);
    for (int r = 0; r < algebra->n_rules; r++) {
        const kr_transfer_rule *rule = &algebra->rule[r];
        add_product(n, m, k, rule->factor, a->value + (size_t)rule->left * size_of(a),
                    b->value + (size_t)rule->right * size_of(b),
                    out->value + (size_t)rule->out * size_of(out));
    }
    rescale(algebra, out);
}

/* *a becomes a b. */
static int multiply_by(const kr_transfer_algebra *algebra, kr_transfer *a, const kr_transfer *b,
                       kr_error *err)
{
    kr_transfer out;
    KR_TRY(kr_transfer_init(&out, algebra, a->n_rows, b->n_columns, err));
    kr_transfer_multiply(algebra, a, b, &out);
    kr_transfer_clear(a);
    *a = out;
    return KR_OK;
}

static int copy(const kr_transfer_algebra *algebra, const kr_transfer *from, kr_transfer *to,
                kr_error *err)
{
    KR_TRY(kr_transfer_init(to, algebra, from->n_rows, from->n_columns, err));
    memcpy(to->value, from->value,
           (size_t)algebra->n_components * size_of(from) * sizeof *to->value);
    to->log_scale = from->log_scale;
    return KR_OK;
}

int kr_transfer_append(const kr_transfer_algebra *algebra, const kr_transfer *base,
                       int64_t exponent, kr_transfer *product, kr_error *err)
{
    int status = KR_OK;
    kr_transfer power = { .n_rows = 0 };
    if (product->value && (product->n_rows == 1 || exponent == 1)) {
        for (int64_t k = 0; k < exponent && status == KR_OK; k++) {
            status = multiply_by(algebra, product, base, err);
        }
    } else {
        status = copy(algebra, base, &power, err);
        for (; exponent > 0 && status == KR_OK; exponent >>= 1) {
            if (exponent & 1) {
                status = product->value ? multiply_by(algebra, product, &power, err)
                                        : copy(algebra, &power, product, err);
            }
            if (exponent > 1 && status == KR_OK) {
                status = multiply_by(algebra, &power, &power, err);
            }
        }
        kr_transfer_clear(&power);
    }
    if (status != KR_OK) {
        kr_transfer_clear(product);
    }
    return status;
}

double kr_transfer_work(const kr_transfer_algebra *algebra, int32_t n, int64_t exponent)
{
    double products = 0.0;
    for (; exponent > 0; exponent >>= 1) {
        products += (exponent > 1) + (exponent % 2 == 1);
    }
    return products * algebra->n_rules * pow(n, 3.0);
}

void kr_transfer_trace(const kr_transfer_algebra *algebra, const kr_transfer *t, double *trace)
{
    for (int c = 0; c < algebra->n_components; c++) {
        trace[c] = 0.0;
        for (size_t i = 0; i < (size_t)t->n_rows; i++) {
            trace[c] += t->value[(size_t)c * size_of(t) + i * (size_t)t->n_columns + i];
        }
    }
}
