/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_colors.c - the frontier network shared by all colors of a Potts model,
 * hidden units in lanes.
 *
 * Only colors present in the frontier are evaluated: cost per site and chain
 * O(hidden (|F| + colors present)), independent of q beyond that. */
#include "density/frontier.h"

#include <string.h>

enum { G = KR_UNITS_GROUP };

typedef struct scratch {
    float *A;     /* (G, Q, width) hidden units per chain and color */
    float *h0;    /* (width) phi(c) */
    float *z;     /* (G, Q) logits */
    float *dot;   /* (G q) network part, per row present */
    float *d;     /* (G, Q) cotangents of z */
    uint32_t *m;  /* (G, Q) integer weights */
    int32_t *row; /* (G q) chain * Q + color of each row present */
    double *ratio;
} scratch;

static size_t lay_out(const kr_frontier *self, char *base, scratch *s)
{
    const size_t Q = (size_t)self->Q, H = (size_t)self->width;
    char *end = base;
    s->A = kr_frontier_take(&end, G * Q * H, sizeof(float));
    s->h0 = kr_frontier_take(&end, H, sizeof(float));
    s->z = kr_frontier_take(&end, G * Q, sizeof(float));
    s->dot = kr_frontier_take(&end, G * Q, sizeof(float));
    s->d = kr_frontier_take(&end, G * Q, sizeof(float));
    s->m = kr_frontier_take(&end, G * Q, sizeof(uint32_t));
    s->row = kr_frontier_take(&end, G * Q, sizeof(int32_t));
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
    float zero; /* v . phi(c) */
    uint64_t total[G];
} group;

static int32_t list_rows(int32_t n, int32_t q, int32_t Q, uint64_t mask[KR_UNITS_WORDS][G],
                         int32_t *row)
{
    int32_t n_rows = 0;
    for (int32_t l = 0; l < n; l++) {
        for (int32_t w = 0; 64 * w < q; w++) {
            for (uint64_t bits = mask[w][l]; bits; bits &= bits - 1) {
                row[n_rows++] = l * Q + 64 * w + __builtin_ctzll(bits);
            }
        }
    }
    return n_rows;
}

/* h0 and zero of a site: the same for all chains */
static float evaluate_absent(const kr_frontier *self, const group *g, const scratch *s)
{
    const int32_t first = 0;
    float zero;
    memcpy(s->h0, self->weights + g->c, (size_t)self->width * sizeof(float));
    self->units->phi_dot(self->width, 1, &first, self->weights + g->v, 0.0f, s->h0, &zero);
    return zero;
}

static void conditional(const kr_frontier *self, group *g, const scratch *s)
{
    const kr_units *units = self->units;
    const int32_t Q = self->Q, H = self->width;
    const float *w = self->weights;
    memset(s->z, 0, (size_t)g->x.n * (size_t)Q * sizeof(float));
    if (g->x.K > 0) {
        uint64_t mask[KR_UNITS_WORDS][G];
        units->present(&g->x, self->q, mask);
        g->n_rows = list_rows(g->x.n, self->q, Q, mask, s->row);
        units->fill(H, g->n_rows, s->row, w + g->c, s->A);
        units->scatter(&g->x, H, Q, w + g->W, s->A);
        units->phi_dot(H, g->n_rows, s->row, w + g->v, g->zero, s->A, s->dot);
        for (int32_t r = 0; r < g->n_rows; r++) {
            s->z[s->row[r]] = s->dot[r];
        }
    }
    for (int64_t k = self->near_begin[g->i]; k < self->near_begin[g->i + 1]; k++) {
        const uint8_t *a = g->x.state + (size_t)self->near[k] * g->x.stride;
        for (int32_t l = 0; l < g->x.n; l++) {
            s->z[l * Q + a[l]] += self->beta_J[k];
        }
    }
    units->weights(g->x.n, self->q, s->z, kr_frontier_scale(self->q), s->m, g->total);
}

static void back(const kr_frontier *self, const group *g, const uint8_t *row,
                 const kr_frontier_pass *pass, const scratch *s)
{
    const kr_units *units = self->units;
    float *gradient = pass->gradient;
    if (g->x.K > 0) {
        units->cotangents(g->x.n, self->q, s->m, g->total, row, pass->coefficient + g->first,
                          s->d);
        units->phi_dot_back(self->width, g->n_rows, s->row, self->weights + g->v, s->h0, s->d,
                            s->A, gradient + g->v, gradient + g->c);
        units->gather(&g->x, self->width, self->Q, s->A, gradient + g->W);
    }
}

static void run_site(const kr_frontier *self, int32_t i, const kr_frontier_pass *pass,
                     const scratch *s)
{
    const int32_t K = (int32_t)(self->begin[i + 1] - self->begin[i]);
    const size_t H = (size_t)self->width, at = (size_t)i * (size_t)pass->stride;
    group g = {
        .x = { .K = K, .site = self->site + self->begin[i], .stride = (size_t)pass->stride },
        .i = i,
        .W = self->offset[i]
    };
    g.v = g.W + (size_t)K * H;
    g.c = g.v + H;
    g.zero = K > 0 ? evaluate_absent(self, &g, s) : 0.0f;
    for (g.first = 0; g.first < pass->n_lanes; g.first += G) {
        g.x.n = pass->n_lanes - g.first < G ? pass->n_lanes - g.first : G;
        g.x.state = pass->state + g.first;
        conditional(self, &g, s);
        kr_frontier_settle(self, pass, i, g.first, g.x.n, s->m, g.total, s->ratio);
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
    for (int32_t i = pass->k; i < self->n_sites; i++) {
        run_site(self, i, pass, &s);
    }
}
