/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_colors.c - the frontier network shared by all colors of a Potts model,
 * hidden units in lanes.
 *
 * Only colors present in the frontier are evaluated: cost per site and chain
 * O(hidden (|F| + colors present more than once)), independent of q beyond that. */
#include "density/categorical.h"
#include "density/frontier.h"

#include <string.h>

enum { G = KR_UNITS_GROUP };

typedef struct scratch {
    float *A;                 /* (G, Q, width) hidden units per chain and color */
    float *h0;                /* (width) phi(c) */
    float *single, *z_single; /* (K, width), (K): a color at input j alone, and its logit */
    float *z;                 /* (G, Q) logits */
    float *dot;               /* (G q) network part, per row present */
    float *d;                 /* (G, Q) cotangents of z */
    uint32_t *m;              /* (G, Q) integer weights */
    int32_t *row;             /* (G q) chain * R + color of each row present */
    int32_t *slot;            /* (G q) chain * Q + color */
    double *ratio;
} scratch;

/* R of lanes_units.h */
static int32_t row_pitch(const kr_frontier *self)
{
    return self->q | 1;
}

static size_t lay_out(const kr_frontier *self, char *base, scratch *s)
{
    const size_t Q = (size_t)self->Q, H = (size_t)self->width;
    char *end = base;
    s->A = kr_frontier_take(&end, G * (size_t)row_pitch(self) * H, sizeof(float));
    s->h0 = kr_frontier_take(&end, H, sizeof(float));
    s->single = kr_frontier_take(&end, (size_t)self->K_max * H, sizeof(float));
    s->z_single = kr_frontier_take(&end, (size_t)self->K_max, sizeof(float));
    s->z = kr_frontier_take(&end, G * Q, sizeof(float));
    s->dot = kr_frontier_take(&end, G * Q, sizeof(float));
    s->d = kr_frontier_take(&end, G * Q, sizeof(float));
    s->m = kr_frontier_take(&end, G * Q, sizeof(uint32_t));
    s->row = kr_frontier_take(&end, G * Q, sizeof(int32_t));
    s->slot = kr_frontier_take(&end, G * Q, sizeof(int32_t));
    s->ratio = kr_frontier_take(&end, KR_LANES_MAX, sizeof(double));
    return (size_t)(end - base);
}

size_t kr_frontier_colors_bytes(const kr_frontier *self)
{
    scratch s;
    return lay_out(self, NULL, &s);
}

/* One group of chains at one site. */
typedef struct group {
    kr_context x;
    int32_t i, first;
    size_t W, v, c; /* offsets of the weights of the site */
    int32_t n_rows;
    float zero;      /* v . phi(c) */
    bool has_single; /* z_single serves colors present once; not when their slopes are wanted */
    uint64_t total[G];
} group;

static int32_t list_rows(const kr_frontier *self, int32_t n, uint64_t mask[KR_UNITS_WORDS][G],
                         const scratch *s)
{
    const int32_t R = row_pitch(self), Q = self->Q;
    int32_t n_rows = 0;
    for (int32_t l = 0; l < n; l++) {
        for (int32_t w = 0; 64 * w < self->q; w++) {
            for (uint64_t bits = mask[w][l]; bits; bits &= bits - 1) {
                const int32_t a = 64 * w + __builtin_ctzll(bits);
                s->row[n_rows] = l * R + a;
                s->slot[n_rows++] = l * Q + a;
            }
        }
    }
    return n_rows;
}

/* What does not depend on the chain: phi(c), and the logits of colors that one input shows
 * alone (in a disordered state about half of those present). */
static void evaluate_shared(const kr_frontier *self, group *g, const scratch *s)
{
    const size_t H = (size_t)self->width;
    const float *W = self->weights + g->W, *v = self->weights + g->v, *c = self->weights + g->c;
    memcpy(s->h0, c, H * sizeof(float));
    self->units->phi_dot(self->width, 1, NULL, v, 0.0f, s->h0, &g->zero);
    for (size_t j = 0; g->has_single && j < (size_t)g->x.K; j++) {
        for (size_t u = 0; u < H; u++) {
            s->single[j * H + u] = c[u] + W[j * H + u];
        }
    }
    if (g->has_single) {
        self->units->phi_dot(self->width, g->x.K, NULL, v, g->zero, s->single, s->z_single);
    }
}

/* The same bits with and without has_single. */
static void conditional(const kr_frontier *self, group *g, const scratch *s)
{
    const kr_units *units = self->units;
    const int32_t Q = self->Q, H = self->width;
    const float *w = self->weights;
    memset(s->z, 0, (size_t)g->x.n * (size_t)Q * sizeof(float));
    if (g->x.K > 0) {
        uint64_t once[KR_UNITS_WORDS][G], more[KR_UNITS_WORDS][G];
        units->present(&g->x, self->q, once, more);
        if (g->has_single) {
            units->mark(&g->x, Q, s->z_single, s->z);
        } else {
            for (int32_t k = 0; 64 * k < self->q; k++) {
                for (int l = 0; l < G; l++) {
                    more[k][l] |= once[k][l];
                }
            }
        }
        g->n_rows = list_rows(self, g->x.n, more, s);
        units->fill(H, g->n_rows, s->row, w + g->c, s->A);
        units->scatter(&g->x, H, row_pitch(self), w + g->W, s->A);
        units->phi_dot(H, g->n_rows, s->row, w + g->v, g->zero, s->A, s->dot);
        for (int32_t r = 0; r < g->n_rows; r++) {
            s->z[s->slot[r]] = s->dot[r];
        }
    }
    for (int64_t k = self->near_begin[g->i]; k < self->near_begin[g->i + 1]; k++) {
        const uint8_t *a = g->x.state + (size_t)self->near[k] * g->x.stride;
        for (int32_t l = 0; l < g->x.n; l++) {
            s->z[l * Q + a[l]] += self->beta_J[k];
        }
    }
    units->weights(g->x.n, self->q, s->z, kr_categorical_scale(self->q), s->m, g->total);
}

static void back(const kr_frontier *self, const group *g, const uint8_t *row,
                 const kr_frontier_pass *pass, const scratch *s)
{
    const kr_units *units = self->units;
    float *gradient = pass->gradient;
    if (g->x.K > 0) {
        units->cotangents(g->x.n, self->q, s->m, g->total, row, pass->coefficient + g->first,
                          s->d);
        for (int32_t r = 0; r < g->n_rows; r++) {
            s->dot[r] = s->d[s->slot[r]];
        }
        units->phi_dot_back(self->width, g->n_rows, s->row, self->weights + g->v, s->h0, s->dot,
                            s->A, gradient + g->v, gradient + g->c);
        units->gather(&g->x, self->width, row_pitch(self), s->A, gradient + g->W);
    }
}

static void run_place(const kr_frontier *self, int32_t t, const kr_frontier_pass *pass,
                      const scratch *s)
{
    const int32_t i = self->plan.order[t];
    const int32_t K = (int32_t)(self->begin[i + 1] - self->begin[i]);
    const size_t H = (size_t)self->width, at = (size_t)i * (size_t)pass->stride;
    group g = {
        .x = { .K = K, .site = self->site + self->begin[i], .stride = (size_t)pass->stride },
        .i = i,
        .W = self->offset[i]
    };
    g.v = g.W + (size_t)K * H;
    g.c = g.v + H;
    g.has_single = !pass->gradient && pass->n_lanes >= G;
    if (K > 0) {
        evaluate_shared(self, &g, s);
    }
    for (g.first = 0; g.first < pass->n_lanes; g.first += G) {
        g.x.n = pass->n_lanes - g.first < G ? pass->n_lanes - g.first : G;
        g.x.state = pass->state + g.first;
        conditional(self, &g, s);
        kr_frontier_settle(self, pass, t, g.first, g.x.n, s->m, g.total, s->ratio);
        if (pass->gradient) {
            back(self, &g, pass->state + at + g.first, pass, s);
        }
    }
}

void kr_frontier_colors_run(const kr_frontier *self, const kr_frontier_pass *pass)
{
    scratch s;
    lay_out(self, pass->scratch, &s);
    for (int32_t l = 0; l < pass->n_lanes; l++) {
        s.ratio[l] = 1.0;
        pass->log_q[l] = 0.0;
    }
    for (int32_t t = pass->k; t < self->n_sites; t++) {
        run_place(self, t, pass, &s);
    }
}
