/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/write_results.c - writes parts and the assembled file that check_xarray.py reads back.
 *
 * Usage: write_results FOLDER. Values are functions of the indices, repeated in the script. */
#include "io/results.h"

#include <stdio.h>

enum { CHAINS = 4, POINTS = 3, SITES = 6, DRAWS = 2000, WARMUP = 200, STEPS = 37, PARTS = 3 };

typedef struct columns {
    int energy, accepted, warmup, loss, state, draw;
} columns;

static int declare_series(kr_results *r, columns *v, kr_error *err)
{
    const double beta[POINTS] = { 0.25, 0.5, 0.75 };
    static const char *const groups[] = { "posterior", "sample_stats", "warmup_posterior" };
    for (int g = 0; g < 3; g++) {
        KR_TRY(kr_results_dim(r, groups[g], "chain", CHAINS, NULL, err));
        KR_TRY(kr_results_dim(r, groups[g], "draw", 0, NULL, err));
        KR_TRY(kr_results_dim(r, groups[g], "point", POINTS, NULL, err));
        int beta_index;
        KR_TRY(kr_results_variable(r, groups[g], "beta", KR_F64, "point", "1/J",
                                   "inverse temperature", &beta_index, err));
        KR_TRY(kr_results_put(r, beta_index, beta, err));
        KR_TRY(kr_results_attr_text(r, groups[g], "", "coordinates", "beta", err));
    }
    KR_TRY(kr_results_variable(r, "posterior", "energy_per_site", KR_F64, "chain draw point",
                               "J", "energy per site", &v->energy, err));
    KR_TRY(kr_results_variable(r, "sample_stats", "accepted", KR_U8, "chain draw point", "",
                               "accepted the global proposal", &v->accepted, err));
    KR_TRY(kr_results_attr_text(r, "sample_stats", "accepted", "dtype", "bool", err));
    KR_TRY(kr_results_variable(r, "warmup_posterior", "energy_per_site", KR_F64,
                               "chain draw point", "J", "energy per site", &v->warmup, err));
    KR_TRY(kr_results_dim(r, "adaptation", "step", 0, NULL, err));
    return kr_results_variable(r, "adaptation", "loss", KR_F32, "step", "", "", &v->loss, err);
}

static int declare_rest(kr_results *r, columns *v, kr_error *err)
{
    int index;
    const int64_t n_starts = 2;
    KR_TRY(kr_results_dim(r, "configurations", "chain", CHAINS, NULL, err));
    KR_TRY(kr_results_dim(r, "configurations", "draw", 0, NULL, err));
    KR_TRY(kr_results_dim(r, "configurations", "site", SITES, NULL, err));
    KR_TRY(kr_results_variable(r, "configurations", "draw", KR_I64, "draw", "",
                               "number of the draw", &v->draw, err));
    KR_TRY(kr_results_variable(r, "configurations", "state", KR_U8, "chain draw site", "", "",
                               &v->state, err));
    KR_TRY(kr_results_variable(r, "cost", "n_starts", KR_I64, "", "", "", &index, err));
    KR_TRY(kr_results_put(r, index, &n_starts, err));
    KR_TRY(kr_results_attr_text(r, "", "", "Conventions", "kramers-1.0", err));
    KR_TRY(kr_results_attr_text(r, "", "", "run_file", "beta: 0.25 # \xce\xb2\n", err));
    return kr_results_attr_real(r, "", "", "seed", 7.0, err);
}

/* Draw t of every series that has one. */
static int append_draw(kr_results *r, const columns *v, int64_t t, kr_error *err)
{
    double energy[CHAINS * POINTS];
    uint8_t accepted[CHAINS * POINTS], state[CHAINS * SITES];
    float loss = 1.0f / (float)(t + 1);
    for (int c = 0; c < CHAINS; c++) {
        for (int p = 0; p < POINTS; p++) {
            energy[c * POINTS + p] = (double)t + 1e4 * c + 0.125 * p;
            accepted[c * POINTS + p] = (t + c + p) % 3 == 0;
        }
        for (int i = 0; i < SITES; i++) {
            state[c * SITES + i] = (uint8_t)(t + 10 * c + i);
        }
    }
    KR_TRY(kr_results_append(r, v->energy, energy, err));
    KR_TRY(kr_results_append(r, v->accepted, accepted, err));
    if (t < WARMUP) {
        KR_TRY(kr_results_append(r, v->warmup, energy, err));
    }
    if (t < STEPS) {
        KR_TRY(kr_results_append(r, v->loss, &loss, err));
    }
    if (t % 100 == 0) {
        KR_TRY(kr_results_append(r, v->draw, &t, err));
        KR_TRY(kr_results_append(r, v->state, state, err));
    }
    return KR_OK;
}

static int write_all(kr_results *r, const char *folder, kr_error *err)
{
    columns v;
    char part[PARTS][4096], path[4096];
    const char *parts[PARTS];
    KR_TRY(declare_series(r, &v, err));
    KR_TRY(declare_rest(r, &v, err));
    snprintf(path, sizeof path, "%s/empty.h5", folder);
    KR_TRY(kr_results_write_part(r, path, err));
    int64_t t = 0;
    for (int p = 0; p < PARTS; p++) {
        for (; t < DRAWS * (p + 1) / PARTS; t++) {
            KR_TRY(append_draw(r, &v, t, err));
        }
        snprintf(part[p], sizeof part[p], "%s/part-%06d.h5", folder, p + 1);
        parts[p] = part[p];
        KR_TRY(kr_results_write_part(r, part[p], err));
    }
    snprintf(path, sizeof path, "%s/run.h5", folder);
    return kr_results_assemble(r, parts, PARTS, NULL, path, err);
}

int main(int argc, char **argv)
{
    kr_error err = { 0 };
    kr_results *r = argc == 2 ? kr_results_alloc(&err) : NULL;
    int status = r ? write_all(r, argv[1], &err) : KR_EINVAL;
    if (status != KR_OK) {
        fprintf(stderr, "write_results: %s\n", err.text);
    }
    kr_results_free(r);
    return status;
}
