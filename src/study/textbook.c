/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/textbook.c - the loops a textbook would print, as rivals for the benchmark. */
#include "study/textbook.h"

#include <math.h>

void kr_textbook_neighbors(int32_t dim, const int32_t *extent, int32_t *neighbor)
{
    int32_t n_sites = 1, step = 1;
    for (int32_t d = 0; d < dim; d++) {
        n_sites *= extent[d];
    }
    for (int32_t d = 0; d < dim; step *= extent[d++]) {
        for (int32_t i = 0; i < n_sites; i++) {
            int32_t x = i / step % extent[d], last = extent[d] - 1;
            int32_t *of = neighbor + (size_t)i * 2 * (size_t)dim;
            of[d] = x == last ? i - last * step : i + step;
            of[dim + d] = x == 0 ? i + last * step : i - step;
        }
    }
}

int32_t kr_textbook_wolff(int32_t n_sites, int32_t z, const int32_t *neighbor, int32_t q,
                          double p, const double *beta_local, uint8_t *state, int32_t *stack,
                          int32_t *list, kr_rng *rng)
{
    int32_t seed = (int32_t)kr_rng_below(rng, (uint32_t)n_sites), top = 0, size = 0;
    uint8_t old = state[seed], new = (uint8_t)kr_rng_below(rng, (uint32_t)q - 1);
    new = (uint8_t)(new + (new >= old));
    state[seed] = new;
    stack[top++] = seed;
    while (top > 0) {
        int32_t i = stack[--top];
        const int32_t *of = neighbor + (size_t)i * (size_t)z;
        if (beta_local) {
            list[size] = i;
        }
        size++;
        for (int32_t k = 0; k < z; k++) {
            int32_t j = of[k];
            if (state[j] == old && kr_rng_uniform(rng) < p) {
                state[j] = new;
                stack[top++] = j;
            }
        }
    }
    if (beta_local && kr_rng_uniform(rng) >= exp(size * (beta_local[old] - beta_local[new]))) {
        for (int32_t m = 0; m < size; m++) {
            state[list[m]] = old;
        }
        return 0;
    }
    return size;
}

static int32_t find(int32_t *label, int32_t i)
{
    while (label[i] != i) {
        label[i] = label[label[i]];
        i = label[i];
    }
    return i;
}

static uint8_t draw_color(int32_t q, int32_t size, const double *beta_local, kr_rng *rng)
{
    double weight[KR_STATES_MAX];
    if (!beta_local) {
        return (uint8_t)kr_rng_below(rng, (uint32_t)q);
    }
    double low = beta_local[0];
    for (int32_t a = 1; a < q; a++) {
        low = fmin(low, beta_local[a]);
    }
    for (int32_t a = 0; a < q; a++) {
        weight[a] = exp(size * (low - beta_local[a]));
    }
    return (uint8_t)kr_rng_categorical(rng, weight, q);
}

int32_t kr_textbook_swendsen_wang(int32_t n_sites, int32_t z, const int32_t *neighbor,
                                  int32_t q, double p, const double *beta_local, uint8_t *state,
                                  int32_t *label, int32_t *size, uint8_t *color, kr_rng *rng)
{
    int32_t n_clusters = 0;
    for (int32_t i = 0; i < n_sites; i++) {
        label[i] = i;
        size[i] = 0;
    }
    for (int32_t i = 0; i < n_sites; i++) {
        for (int32_t k = 0; k < z / 2; k++) {
            int32_t j = neighbor[(size_t)i * (size_t)z + (size_t)k];
            if (state[i] == state[j] && kr_rng_uniform(rng) < p) {
                int32_t a = find(label, i), b = find(label, j);
                if (a < b) {
                    label[b] = a;
                } else {
                    label[a] = b;
                }
            }
        }
    }
    for (int32_t i = 0; i < n_sites && beta_local; i++) {
        size[find(label, i)]++;
    }
    for (int32_t i = 0; i < n_sites; i++) { /* roots come before the rest of their cluster */
        int32_t root = find(label, i);
        if (root == i) {
            color[i] = draw_color(q, size[i], beta_local, rng);
            n_clusters++;
        }
        state[i] = color[root];
    }
    return n_clusters;
}

static uint64_t threshold(double p)
{
    return p >= 1.0 ? UINT64_MAX : (uint64_t)ldexp(p, 64);
}

void kr_textbook_table(double beta, double h, kr_textbook_rates *rates)
{
    for (int32_t up = 0; up < 5; up++) {
        double x = 2.0 * beta * (2.0 * up - 4.0 + h); /* cost of -1 over +1 */
        rates->heat_bath[up] = threshold(1.0 / (1.0 + exp(-x)));
        rates->metropolis[0][up] = threshold(exp(x));
        rates->metropolis[1][up] = threshold(exp(-x));
    }
}

void kr_textbook_heat_bath(int32_t n_x, int32_t n_y, const kr_textbook_rates *rates,
                           uint8_t *state, kr_rng *rng)
{
    for (int32_t y = 0; y < n_y; y++) {
        uint8_t *row = state + (size_t)y * (size_t)n_x;
        const uint8_t *above = y + 1 < n_y ? row + n_x : state;
        const uint8_t *below = y > 0 ? row - n_x : state + (size_t)(n_y - 1) * (size_t)n_x;
        uint32_t left = row[n_x - 1];
        for (int32_t x = 0; x < n_x; x++) {
            uint32_t right = row[x + 1 < n_x ? x + 1 : 0];
            uint32_t up = left + (right + above[x] + below[x]);
            left = kr_rng_u64(rng) < rates->heat_bath[up];
            row[x] = (uint8_t)left;
        }
    }
}

void kr_textbook_metropolis(int32_t n_x, int32_t n_y, const kr_textbook_rates *rates,
                            uint8_t *state, kr_rng *rng)
{
    for (int32_t y = 0; y < n_y; y++) {
        uint8_t *row = state + (size_t)y * (size_t)n_x;
        const uint8_t *above = y + 1 < n_y ? row + n_x : state;
        const uint8_t *below = y > 0 ? row - n_x : state + (size_t)(n_y - 1) * (size_t)n_x;
        uint32_t left = row[n_x - 1];
        for (int32_t x = 0; x < n_x; x++) {
            uint32_t right = row[x + 1 < n_x ? x + 1 : 0];
            uint32_t up = left + (right + above[x] + below[x]);
            left = row[x] ^ (uint32_t)(kr_rng_u64(rng) < rates->metropolis[row[x]][up]);
            row[x] = (uint8_t)left;
        }
    }
}
