/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/van.c - the textbook sampler of an autoregressive network: one pass per site. */
#include "study/van.h"

#include "base/memory.h"
#include "density/categorical.h"

#include <math.h>
#include <string.h>

#define PANEL 256 /* input rows whose activations stay in the cache */

/* Output site g sees input sites below g, in hidden layers also g itself: the first layer hides
 * the site from itself, once is enough. */
static void draw_weights(kr_van *van, int layer, kr_rng *rng)
{
    const int32_t N = van->n_sites, in = van->rows[layer], out = van->rows[layer + 1];
    const size_t columns = (size_t)N * (size_t)in;
    for (int32_t g = 0; g < N; g++) {
        const int32_t seen = (layer == 0 ? g : g + 1) * in;
        const double width = seen > 0 ? 1.0 / sqrt((double)seen) : 0.0;
        for (int32_t u = 0; u < out; u++) {
            float *row = van->W[layer] + ((size_t)g * (size_t)out + (size_t)u) * columns;
            for (int32_t k = 0; k < seen; k++) {
                row[k] = (float)(width * (2.0 * kr_rng_uniform(rng) - 1.0));
            }
        }
    }
}

int kr_van_init(kr_van *van, const kr_lanes *lanes, int32_t n_sites, int32_t q, int32_t width,
                int32_t n_lanes, kr_rng *rng, kr_error *err)
{
    const size_t N = (size_t)n_sites, L = (size_t)n_lanes;
    *van = (kr_van){ .lanes = lanes,
                     .n_sites = n_sites,
                     .q = q,
                     .n_lanes = n_lanes,
                     .rows = { q == 2 ? 1 : q, width, width, kr_categorical_logits(q) } };
    bool is_whole = true;
    for (int l = 0; l <= KR_VAN_LAYERS; l++) {
        van->y[l] = kr_alloc(N * (size_t)van->rows[l] * L, sizeof(float), err);
        is_whole &= van->y[l] != NULL;
    }
    for (int l = 0; l < KR_VAN_LAYERS; l++) {
        const size_t in = N * (size_t)van->rows[l], out = N * (size_t)van->rows[l + 1];
        van->W[l] = kr_alloc(in * out, sizeof(float), err);
        van->bias[l] = kr_alloc(out, sizeof(float), err);
        is_whole &= van->W[l] && van->bias[l];
    }
    van->m = kr_alloc((size_t)van->rows[KR_VAN_LAYERS] * L, sizeof *van->m, err);
    van->total = kr_alloc(L, sizeof *van->total, err);
    van->ratio = kr_alloc(L, sizeof *van->ratio, err);
    van->log_q = kr_alloc(L, sizeof *van->log_q, err);
    van->state = kr_alloc(N * L, 1, err);
    if (!is_whole || !van->m || !van->total || !van->ratio || !van->log_q || !van->state) {
        return KR_ENOMEM;
    }
    for (int l = 0; l < KR_VAN_LAYERS; l++) {
        draw_weights(van, l, rng);
    }
    return KR_OK;
}

void kr_van_clear(kr_van *van)
{
    for (int l = 0; l < KR_VAN_LAYERS; l++) {
        kr_free(van->W[l]);
        kr_free(van->bias[l]);
    }
    for (int l = 0; l <= KR_VAN_LAYERS; l++) {
        kr_free(van->y[l]);
    }
    kr_free(van->m);
    kr_free(van->total);
    kr_free(van->ratio);
    kr_free(van->log_q);
    kr_free(van->state);
    *van = (kr_van){ .n_sites = 0 };
}

static void read_states(kr_van *van)
{
    const size_t L = (size_t)van->n_lanes, channels = (size_t)van->rows[0];
    for (size_t i = 0; i < (size_t)van->n_sites; i++) {
        const uint8_t *s = van->state + i * L;
        for (size_t a = 0; a < channels; a++) {
            float *x = van->y[0] + (i * channels + a) * L;
            for (size_t l = 0; l < L; l++) {
                x[l] = van->q == 2 ? (s[l] ? 1.0f : -1.0f) : (s[l] == a ? 1.0f : 0.0f);
            }
        }
    }
}

static void apply_layer(kr_van *van, int layer)
{
    const int32_t in = van->n_sites * van->rows[layer], L = van->n_lanes;
    const int32_t out = van->n_sites * van->rows[layer + 1];
    float *y = van->y[layer + 1];
    for (int32_t first = 0; first < in; first += PANEL) {
        const int32_t n = in - first < PANEL ? in - first : PANEL;
        van->lanes->gemm(out, n, van->W[layer] + first, (size_t)in,
                         first ? NULL : van->bias[layer],
                         van->y[layer] + (size_t)first * (size_t)L, NULL, y, L);
    }
    if (layer + 1 < KR_VAN_LAYERS) {
        van->lanes->phi((size_t)out * (size_t)L, y, y);
    }
}

void kr_van_pass(kr_van *van, kr_rng *rng)
{
    const int32_t L = van->n_lanes, q = van->q, i = van->site;
    uint8_t *row = van->state + (size_t)i * (size_t)L;
    read_states(van);
    for (int l = 0; l < KR_VAN_LAYERS; l++) {
        apply_layer(van, l);
    }
    const float *z =
        van->y[KR_VAN_LAYERS] + (size_t)i * (size_t)van->rows[KR_VAN_LAYERS] * (size_t)L;
    kr_categorical_weights(van->lanes, q, L, z, van->m, van->total);
    if (rng) {
        kr_categorical_draw(q, L, L, van->m, van->total, row, rng);
    }
    for (int32_t l = 0; l < L; l++) {
        van->log_q[l] = i == 0 ? 0.0 : van->log_q[l];
        van->ratio[l] = 1.0;
    }
    kr_categorical_score(q, L, L, van->m, van->total, row, van->ratio);
    kr_categorical_flush(L, van->ratio, van->log_q);
    van->site = i + 1 < van->n_sites ? i + 1 : 0;
}
