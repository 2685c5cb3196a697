/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/write_long.c - writes a result file of any length whose answers are known: four columns
 * of autoregressive chains, for check_long_files.py.
 *
 * Usage: write_long FILE.h5 CHAINS DRAWS. Column k is x' = a x + (1 - a^2)^(1/2) xi with
 * stationary mean 0 and variance 1, so tau_int = (1 + a)/(2 (1 - a)), and the error of the mean
 * is (2 tau_int/n)^(1/2); the energy has the derived quantity "variance", which is 1. */
#include "base/memory.h"
#include "base/rng.h"
#include "io/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLUMNS = 4, CHAINS_MOST = 1024, PARTS_MOST = 4096 };
#define PART_BYTES ((size_t)192 << 20)

static const char *const name[COLUMNS] = { "energy_per_site", "magnetization_per_site",
                                           "slow_mode", "white_noise" };
static const double tau[COLUMNS] = { 2.0, 10.0, 50.0, 0.5 };

typedef struct kr_long {
    kr_results *r;
    int index[COLUMNS];
    int64_t n_chains, n_draws;
    kr_rng rng;
    double x[COLUMNS][CHAINS_MOST];
} kr_long;

static int declare(kr_long *l, kr_error *err)
{
    const double beta = 1.0;
    int index;
    KR_TRY(kr_results_dim(l->r, "posterior", "chain", l->n_chains, NULL, err));
    KR_TRY(kr_results_dim(l->r, "posterior", "draw", 0, NULL, err));
    for (int k = 0; k < COLUMNS; k++) {
        KR_TRY(kr_results_variable(l->r, "posterior", name[k], KR_F64, "chain draw", "", "",
                                   &l->index[k], err));
    }
    KR_TRY(kr_results_attr_real(l->r, "posterior", "", "n_sites", 1.0, err));
    KR_TRY(kr_results_attr_real(l->r, "posterior", "", "every", 1.0, err));
    KR_TRY(kr_results_attr_text(l->r, "posterior", "", "derived_variance",
                                "variance energy_per_site 0 0 | | variance", err));
    KR_TRY(kr_results_variable(l->r, "constant_data", "beta", KR_F64, "", "", "", &index, err));
    return kr_results_put(l->r, index, &beta, err);
}

static int append_draw(kr_long *l, kr_error *err)
{
    for (int k = 0; k < COLUMNS; k++) {
        const double a = (2.0 * tau[k] - 1.0) / (2.0 * tau[k] + 1.0), b = sqrt(1.0 - a * a);
        for (int64_t c = 0; c < l->n_chains; c++) {
            l->x[k][c] = a * l->x[k][c] + b * kr_rng_normal(&l->rng);
        }
        KR_TRY(kr_results_append(l->r, l->index[k], l->x[k], err));
    }
    return KR_OK;
}

static int write_parts(kr_long *l, const char *path, char **part, int *n_parts, kr_error *err)
{
    kr_rng_seed(&l->rng, 20, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < COLUMNS; k++) {
        for (int64_t c = 0; c < l->n_chains; c++) {
            l->x[k][c] = kr_rng_normal(&l->rng);
        }
    }
    for (int64_t t = 0; t < l->n_draws; t++) {
        KR_TRY(append_draw(l, err));
        if (kr_results_buffered_bytes(l->r) < PART_BYTES && t + 1 < l->n_draws) {
            continue;
        }
        char *next = malloc(4096);
        if (!next || *n_parts == PARTS_MOST) {
            free(next);
            return kr_fail(err, KR_EINVAL, "too many parts");
        }
        part[(*n_parts)++] = next;
        snprintf(next, 4096, "%s-%06d", path, *n_parts);
        KR_TRY(kr_results_write_part(l->r, next, err));
    }
    return KR_OK;
}

int main(int argc, char **argv)
{
    static kr_long l;
    static char *part[PARTS_MOST];
    int n_parts = 0, status = KR_EINVAL;
    kr_error err = { .text = "usage: write_long FILE.h5 CHAINS DRAWS" };
    if (argc == 4) {
        l.n_chains = atoll(argv[2]);
        l.n_draws = atoll(argv[3]);
        l.r = l.n_chains <= CHAINS_MOST ? kr_results_alloc(&err) : NULL;
    }
    if (l.r) {
        status = declare(&l, &err);
        status = status == KR_OK ? write_parts(&l, argv[1], part, &n_parts, &err) : status;
    }
    if (status == KR_OK) {
        status =
            kr_results_assemble(l.r, (const char *const *)part, n_parts, NULL, argv[1], &err);
    }
    if (status != KR_OK) {
        fprintf(stderr, "write_long: %s\n", err.text);
    }
    for (int k = 0; k < n_parts; k++) {
        unlink(part[k]);
        free(part[k]);
    }
    kr_results_free(l.r);
    return status;
}
