/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_states.c - the frontier network for q > 2 states without color symmetry,
 * hidden units in lanes: one-hot inputs, q logits. */
#include "density/categorical.h"
#include "density/frontier.h"

#include <string.h>

enum { G = KR_UNITS_GROUP };

typedef struct scratch {
    float *h;    /* (G, width) hidden units */
    float *z;    /* (G, Q) logits */
    float *d;    /* (G, Q) their cotangents */
    uint32_t *m; /* (G, Q) integer weights */
    double *ratio;
} scratch;

static size_t lay_out(const kr_frontier *self, char *base, scratch *s)
{
    const size_t Q = (size_t)self->Q, H = (size_t)self->width;
    char *end = base;
    s->h = kr_frontier_take(&end, G * H, sizeof(float));
    s->z = kr_frontier_take(&end, G * Q, sizeof(float));
    s->d = kr_frontier_take(&end, G * Q, sizeof(float));
    s->m = kr_frontier_take(&end, G * Q, sizeof(uint32_t));
    s->ratio = kr_frontier_take(&end, KR_LANES_MAX, sizeof(double));
    return (size_t)(end - base);
}

size_t kr_frontier_states_bytes(const kr_frontier *self)
{
    scratch s;
    return lay_out(self, NULL, &s);
}

/* One group of chains at one site. */
typedef struct group {
    kr_context x;
    int32_t i, first;
    bool has_net;
    size_t W, c, v, b; /* offsets of the weights of the site */
    uint64_t total[G];
} group;

/* z[a] = b_a + skip term, a < q: the part that needs no hidden unit. b: NULL without network */
static void start_logits(const kr_frontier *self, const group *g, int32_t l, float *z)
{
    const int32_t Q = self->Q;
    const float *start = self->start + (size_t)g->i * (size_t)Q;
    const float *b = g->has_net ? self->weights + g->b : NULL;
    for (int32_t a = 0; a < Q; a++) {
        z[a] = b ? b[a] + start[a] : start[a];
    }
    for (int64_t k = self->near_begin[g->i]; k < self->near_begin[g->i + 1]; k++) {
        const uint8_t s = g->x.state[(size_t)self->near[k] * g->x.stride + (size_t)l];
        const float *V = self->minus_V + (size_t)s * (size_t)Q, by = self->beta_J[k];
        for (int32_t a = 0; a < Q; a++) {
            z[a] += by * V[a];
        }
    }
}

static void conditional(const kr_frontier *self, group *g, const scratch *s)
{
    const kr_units *units = self->units;
    const int32_t Q = self->Q, H = self->width;
    const float *w = self->weights;
    for (int32_t l = 0; l < g->x.n; l++) {
        start_logits(self, g, l, s->z + l * Q);
    }
    if (g->x.K > 0) {
        units->gather_rows(&g->x, H, self->q, w + g->W, w + g->c, s->h);
        self->lanes->phi((size_t)g->x.n * (size_t)H, s->h, s->h);
        for (int32_t l = 0; l < g->x.n; l++) {
            units->dot(H, self->q, s->h + l * H, w + g->v, s->z + l * Q);
        }
    }
    units->weights(g->x.n, self->q, s->z, kr_categorical_scale(self->q), s->m, g->total);
}

static void back(const kr_frontier *self, const group *g, const uint8_t *row,
                 const kr_frontier_pass *pass, const scratch *s)
{
    const kr_units *units = self->units;
    const int32_t Q = self->Q, H = g->x.K > 0 ? self->width : 0;
    float *gradient = pass->gradient;
    units->cotangents(g->x.n, self->q, s->m, g->total, row, pass->coefficient + g->first, s->d);
    for (int32_t l = 0; l < g->x.n; l++) {
        units->logits_back(H, self->q, s->d + l * Q, self->weights + g->v, s->h + l * H,
                           gradient + g->v, gradient + g->b);
        for (int32_t u = 0; u < H; u++) {
            gradient[g->c + (size_t)u] += s->h[l * H + u];
        }
    }
    if (H > 0) {
        units->scatter_rows(&g->x, H, self->q, s->h, gradient + g->W);
    }
}

static void run_place(const kr_frontier *self, int32_t t, const kr_frontier_pass *pass,
                      const scratch *s)
{
    const int32_t i = self->plan.order[t];
    const int32_t K = (int32_t)(self->begin[i + 1] - self->begin[i]);
    const size_t H = K > 0 ? (size_t)self->width : 0, q = (size_t)self->q;
    const size_t at = (size_t)i * (size_t)pass->stride;
    group g = {
        .x = { .K = K, .site = self->site + self->begin[i], .stride = (size_t)pass->stride },
        .i = i,
        .has_net = self->plan.net[i] >= 0,
        .W = self->offset[i]
    };
    g.v = g.W + (size_t)K * q * H;
    g.c = g.v + q * H;
    g.b = g.c + H;
    for (g.first = 0; g.first < pass->n_lanes; g.first += G) {
        g.x.n = pass->n_lanes - g.first < G ? pass->n_lanes - g.first : G;
        g.x.state = pass->state + g.first;
        conditional(self, &g, s);
        kr_frontier_settle(self, pass, t, g.first, g.x.n, s->m, g.total, s->ratio);
        if (pass->gradient && g.has_net) {
            back(self, &g, pass->state + at + g.first, pass, s);
        }
    }
}

void kr_frontier_states_run(const kr_frontier *self, const kr_frontier_pass *pass)
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
