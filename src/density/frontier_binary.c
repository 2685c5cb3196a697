/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_binary.c - the frontier network for two states, chains in lanes.
 *
 * z_i = skip_i + v_i . phi(W_i x_F), x = +-1; biases enter as a constant input and a constant
 * hidden unit. Every product is odd in its inputs to the bit. */
#include "density/categorical.h"
#include "density/frontier.h"

#include <string.h>

typedef struct scratch {
    float *x;     /* (n_sites + 1, stride) spins +-1, then ones */
    float *h;     /* (width + 1, stride) hidden units of one site, then ones */
    float *zeros; /* (width) start of the sums */
    float *z;     /* (stride) logit of state 1 */
    uint32_t *m;  /* (stride) its probability times 2^32 */
    double *ratio;
    float *d;    /* (stride) cotangents of z */
    float *e;    /* (width, stride) cotangents of W x */
    float *pack; /* of lanes->outer */
} scratch;

/* Lays the scratch out from base on; returns its length. */
static size_t lay_out(const kr_frontier *self, int32_t stride, char *base, scratch *s)
{
    const size_t L = (size_t)stride, H = (size_t)self->width;
    char *end = base;
    s->x = kr_frontier_take(&end, ((size_t)self->n_sites + 1) * L, sizeof(float));
    s->h = kr_frontier_take(&end, (H + 1) * L, sizeof(float));
    s->zeros = kr_frontier_take(&end, H, sizeof(float));
    s->z = kr_frontier_take(&end, L, sizeof(float));
    s->m = kr_frontier_take(&end, L, sizeof(uint32_t));
    s->ratio = kr_frontier_take(&end, L, sizeof(double));
    s->d = kr_frontier_take(&end, L, sizeof(float));
    s->e = kr_frontier_take(&end, H * L, sizeof(float));
    s->pack = kr_frontier_take(&end, kr_lanes_outer_scratch(self->width, self->K_max, stride),
                               sizeof(float));
    return (size_t)(end - base);
}

size_t kr_frontier_binary_bytes(const kr_frontier *self, int32_t stride)
{
    scratch s;
    return lay_out(self, stride, NULL, &s);
}

static void set_ones(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = 1.0f;
    }
}

static void read_spins(size_t n, const uint8_t *state, float *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(2 * (int32_t)state[i] - 1);
    }
}

/* Spins that are there before the pass. For a block those that its networks see. */
static void read_known(const kr_frontier *self, const kr_frontier_pass *pass, float *x)
{
    const kr_frontier_plan *plan = &self->plan;
    const size_t L = (size_t)pass->stride;
    const bool is_block = plan->n_outside > 0 && pass->k >= plan->n_outside;
    for (int32_t k = 0; is_block && k < plan->n_given; k++) {
        const size_t at = (size_t)plan->given[k] * L;
        read_spins(L, pass->state + at, x + at);
    }
    for (int32_t t = is_block ? plan->n_outside : 0; t < (pass->draw ? pass->k : self->n_sites);
         t++) {
        const size_t at = (size_t)plan->order[t] * L;
        read_spins(L, pass->state + at, x + at);
    }
}

/* Weights of one site: W (units, K), v (units + is_biased). */
typedef struct site {
    int32_t K, units, n_v;
    const int32_t *input;
    size_t W, v; /* offsets */
    float *h;    /* n_v rows of the scratch */
} site;

static site view_site(const kr_frontier *self, int32_t i, const scratch *s, int32_t L)
{
    const int32_t K = (int32_t)(self->begin[i + 1] - self->begin[i]);
    const int32_t units = K > 0 ? self->width : 0;
    return (site){ .K = K,
                   .units = units,
                   .n_v = units + (self->form == KR_FRONTIER_BIASED && self->plan.net[i] >= 0),
                   .input = self->site + self->begin[i],
                   .W = self->offset[i],
                   .v = self->offset[i] + (size_t)units * (size_t)K,
                   .h = s->h + (size_t)(self->width - units) * (size_t)L };
}

static void conditional(const kr_frontier *self, int32_t i, const site *x,
                        const kr_frontier_pass *pass, const scratch *s)
{
    const int32_t L = pass->stride;
    memset(s->z, 0, (size_t)L * sizeof(float));
    kr_skip_add(&self->skip, i, pass->n_lanes, L, pass->state, s->z);
    if (x->K > 0) {
        self->lanes->gemm(x->units, x->K, self->weights + x->W, (size_t)x->K, s->zeros, s->x,
                          x->input, x->h, L);
        self->lanes->phi((size_t)x->units * (size_t)L, x->h, x->h);
    }
    if (x->n_v > 0) {
        self->lanes->gemm(1, x->n_v, self->weights + x->v, (size_t)x->n_v, NULL, x->h, NULL,
                          s->z, L);
    }
    self->lanes->sigmoid(L, s->z, s->m);
}

static void back(const kr_frontier *self, const site *x, const uint8_t *row,
                 const kr_frontier_pass *pass, const scratch *s)
{
    const int32_t L = pass->stride;
    const float *v = self->weights + x->v;
    kr_categorical_cotangent(2, pass->n_lanes, L, s->m, NULL, row, pass->coefficient, s->d);
    self->units->dot(L, x->n_v, s->d, x->h, pass->gradient + x->v);
    if (x->K > 0) {
        self->units->hidden_back(x->units, L, v, s->d, x->h, s->e);
        self->lanes->outer(x->units, x->K, pass->n_lanes, s->e, s->x, x->input,
                           pass->gradient + x->W, (size_t)x->K, NULL, s->pack, L);
    }
}

void kr_frontier_binary_run(const kr_frontier *self, const kr_frontier_pass *pass)
{
    const int32_t N = self->n_sites, L = pass->stride;
    scratch s;
    lay_out(self, L, pass->scratch, &s);
    memset(s.zeros, 0, (size_t)self->width * sizeof(float));
    set_ones(s.x + (size_t)N * (size_t)L, (size_t)L);
    set_ones(s.h + (size_t)self->width * (size_t)L, (size_t)L);
    read_known(self, pass, s.x);
    for (int32_t l = 0; l < pass->n_lanes; l++) {
        s.ratio[l] = 1.0;
        pass->log_q[l] = 0.0;
    }
    for (int32_t t = pass->k; t < N; t++) {
        const int32_t i = self->plan.order[t];
        const site x = view_site(self, i, &s, L);
        const size_t at = (size_t)i * (size_t)L;
        conditional(self, i, &x, pass, &s);
        if (pass->draw) {
            kr_categorical_draw(2, pass->n_lanes, L, s.m, NULL, pass->draw + at, pass->rng);
            read_spins((size_t)L, pass->state + at, s.x + at);
        }
        kr_categorical_score(2, pass->n_lanes, L, s.m, NULL, pass->state + at, s.ratio);
        if ((t + 1) % KR_CATEGORICAL_RUN == 0 || t + 1 == N) {
            kr_categorical_flush(pass->n_lanes, s.ratio, pass->log_q);
        }
        if (pass->gradient && x.n_v > 0) {
            back(self, &x, pass->state + at, pass, &s);
        }
    }
}
