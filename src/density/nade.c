/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/nade.c - neural autoregressive distribution estimator with exact local fields.
 *
 *   z_i = skip_i(s_{<i}) + b_i + V_i phi(a_i),   a_i = c + sum_{j<i} W_j x_j,
 *
 * x = +-1 and one logit z for two states, one-hot and q logits otherwise. One vector a of
 * hidden units serves all sites: it takes up every site drawn, so a configuration costs O(N
 * hidden) on any graph, against O(N^2 hidden) of a masked dense network whose units are the
 * site's own. The price is that all conditionals are read from one summary of the past. With
 * two states and a flip-invariant H there are no b and c: every logit is odd and q(s) = q(-s)
 * to the bit. Evaluation is the same code with the drawing left out. Source: Larochelle,
 * Murray, AISTATS 2011, JMLR W&CP 15, 29 (NADE). */
#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "density/categorical.h"
#include "density/lanes_units.h"
#include "density/skip.h"

#include <math.h>
#include <string.h>

#define BYTES_MAX 2147483648.0

/* Widths of fresh weights: sums start of that size, so units are almost linear but differ. */
#define WIDTH 0.3

typedef struct nade_params {
    int64_t hidden;
} nade_params;

typedef struct nade {
    const kr_lanes *lanes;
    const kr_units *units;
    int32_t n_sites, q, hidden;
    int32_t channels, n_logits; /* rows of x and of z per site */
    size_t W, V, b, c;          /* offsets: (n_sites - 1, W_pitch) of sites 0.., the same of
                                   sites 1..; (n_sites, n_logits); (hidden) */
    size_t W_pitch, V_pitch;    /* W_j (channels, hidden), V_i (n_logits, hidden), padded */
    bool has_bias;
    size_t n_weights;
    float *weights; /* owns */
    kr_skip skip;   /* owns */
} nade;

/* One call: what is read, what is filled, and the arrays in scratch. */
typedef struct pass {
    int32_t k, n_lanes, L;
    const uint8_t *state;
    uint8_t *draw;             /* = state, or NULL: evaluate */
    const double *coefficient; /* not NULL: keep h, x and the cotangents z of every site */
    kr_rng *rng;
    double *log_q, *ratio;
    uint64_t *total;
    uint32_t *m;
    float *a; /* (hidden, L); on the way back its cotangents */
    /* of one site, or of all of them where slopes are wanted: */
    float *x;  /* (channels, L) */
    float *h;  /* (hidden, L) */
    float *z;  /* (n_logits, L) */
    float *dh; /* (hidden, L) */
    float *pack;
} pass;

static const kr_field fields[] = {
    { .name = "hidden",
      .type = KR_TYPE_INT,
      .offset = offsetof(nade_params, hidden),
      .fallback = "64",
      .min = 1,
      .max = 4096,
      .doc = "hidden units, shared by all sites" },
    KR_FIELD_END,
};

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    const nade_params *p = params;
    const kr_terms *terms = target->terms;
    if (!kr_skip_supports(terms, "nade", why)) {
        return false;
    }
    const double rows = terms->q == 2 ? 2.0 : 2.0 * terms->q + 1.0;
    const double bytes =
        (double)sizeof(float) * terms->n_sites * (rows * (double)p->hidden + terms->q);
    if (bytes > BYTES_MAX) {
        kr_fail(
            why, KR_EUNSUP,
            "nade: %.3g bytes of weights (%d sites, q = %d, hidden = %d), want at most %.3g",
            bytes, terms->n_sites, terms->q, (int)p->hidden, BYTES_MAX);
        return false;
    }
    return true;
}

static void lay_out(nade *d)
{
    const size_t N = (size_t)d->n_sites, H = (size_t)d->hidden;
    d->W_pitch = kr_lanes_pad((size_t)d->channels * H);
    d->V_pitch = kr_lanes_pad((size_t)d->n_logits * H);
    d->W = 0;
    d->V = d->W + (N - 1) * d->W_pitch;
    d->b = d->V + (N - 1) * d->V_pitch;
    d->c = d->b + (d->has_bias ? kr_lanes_pad(N * (size_t)d->n_logits) : 0);
    d->n_weights = d->c + (d->has_bias ? kr_lanes_pad(H) : 0);
}

static void nade_free(void *self)
{
    nade *d = self;
    if (d) {
        kr_skip_clear(&d->skip);
        kr_free(d->weights);
        kr_free(d);
    }
}

static void *nade_alloc(const kr_target *target, const void *params, kr_error *err)
{
    const nade_params *p = params;
    if (!supports(target, params, err)) {
        return NULL;
    }
    nade *d = kr_alloc(1, sizeof *d, err);
    if (!d) {
        return NULL;
    }
    d->lanes = kr_lanes_best(NULL);
    d->units = kr_units_best(NULL);
    d->n_sites = target->terms->n_sites;
    d->q = target->terms->q;
    d->hidden = (int32_t)p->hidden;
    d->channels = d->q == 2 ? 1 : d->q;
    d->n_logits = kr_categorical_logits(d->q);
    if (kr_skip_init(&d->skip, target->terms, NULL, target->beta, err) != KR_OK) {
        nade_free(d);
        return NULL;
    }
    d->has_bias = !d->skip.is_odd;
    lay_out(d);
    d->weights = kr_alloc(d->n_weights, sizeof *d->weights, err);
    if (!d->weights) {
        nade_free(d);
        return NULL;
    }
    return d;
}

static bool is_padding(const void *self, size_t weight)
{
    const nade *d = self;
    const size_t N = (size_t)d->n_sites, H = (size_t)d->hidden;
    if (weight < d->V) {
        return weight % d->W_pitch >= (size_t)d->channels * H;
    }
    if (weight < d->b) {
        return (weight - d->V) % d->V_pitch >= (size_t)d->n_logits * H;
    }
    const size_t n_units = N > 1 ? H : 0; /* a single site is drawn without them */
    return weight < d->c ? weight - d->b >= N * (size_t)d->n_logits : weight - d->c >= n_units;
}

static size_t n_weights(const void *self)
{
    return ((const nade *)self)->n_weights;
}

static float *weights(void *self)
{
    return ((nade *)self)->weights;
}

static void draw_normal(float *w, size_t n, double width, kr_rng *rng)
{
    for (size_t k = 0; k < n; k++) {
        w[k] = (float)(width * kr_rng_normal(rng));
    }
}

static void init(void *self, kr_rng *rng)
{
    nade *d = self;
    const size_t N = (size_t)d->n_sites, H = (size_t)d->hidden;
    memset(d->weights, 0, d->n_weights * sizeof *d->weights);
    for (size_t i = 0; i + 1 < N; i++) {
        draw_normal(d->weights + d->W + i * d->W_pitch, (size_t)d->channels * H,
                    WIDTH / sqrt((double)N), rng);
        draw_normal(d->weights + d->V + i * d->V_pitch, (size_t)d->n_logits * H,
                    WIDTH / sqrt((double)H), rng);
    }
}

static int prepare(void *self, double beta, kr_error *err)
{
    return kr_skip_prepare(&((nade *)self)->skip, beta, err);
}

static void use(void *self, kr_isa isa)
{
    nade *d = self;
    d->lanes = kr_lanes_best(kr_isa_text(isa));
    d->units = kr_units_best(kr_isa_text(isa));
}

/* ---- one pass over the sites ------------------------------------------------------------- */

typedef struct cursor {
    unsigned char *base; /* NULL: only count */
    size_t used, L;
} cursor;

static void *take(cursor *at, size_t rows, size_t size)
{
    void *p = at->base ? at->base + at->used : NULL;
    at->used += rows * at->L * size; /* L is a multiple of 16: stays 64-byte aligned */
    return p;
}

/* Places the arrays of a pass in scratch (NULL: nowhere); returns the bytes they need. */
static size_t place(const nade *d, pass *now, int32_t n_lanes, bool has_all, void *scratch)
{
    const size_t sites = has_all ? (size_t)d->n_sites : 1, H = (size_t)d->hidden;
    cursor at = { .base = scratch, .L = kr_lanes_pad((size_t)n_lanes) };
    now->n_lanes = n_lanes;
    now->L = (int32_t)at.L;
    now->ratio = take(&at, 1, sizeof(double));
    now->total = take(&at, 1, sizeof(uint64_t));
    now->m = take(&at, (size_t)d->n_logits, sizeof(uint32_t));
    now->a = take(&at, H, sizeof(float));
    now->x = take(&at, sites * (size_t)d->channels, sizeof(float));
    now->h = take(&at, sites * H, sizeof(float));
    now->z = take(&at, sites * (size_t)d->n_logits, sizeof(float));
    now->dh = take(&at, H, sizeof(float));
    now->pack = take(&at, 0, sizeof(float));
    return at.used + kr_lanes_outer_scratch(d->n_logits, d->hidden, now->L) * sizeof(float);
}

static size_t scratch_bytes(const void *self, int32_t n_lanes)
{
    pass now;
    return place(self, &now, n_lanes, true, NULL);
}

/* Rows of site i as inputs: -1, +1 for two states, else one-hot; 0 in padding lanes. */
static void read_input(const nade *d, const pass *now, int32_t i, float *restrict x)
{
    const size_t L = (size_t)now->L, n = (size_t)now->n_lanes;
    const uint8_t *restrict s = now->state + (size_t)i * L;
    for (size_t a = 0; a < (size_t)d->channels; a++) {
        for (size_t l = 0; l < n; l++) {
            x[a * L + l] = d->q == 2 ? (s[l] ? 1.0f : -1.0f) : (s[l] == a ? 1.0f : 0.0f);
        }
        for (size_t l = n; l < L; l++) {
            x[a * L + l] = 0.0f;
        }
    }
}

/* a: start of the sums */
static void begin(const nade *d, const pass *now)
{
    const size_t L = (size_t)now->L;
    for (size_t u = 0; u < (size_t)d->hidden; u++) {
        const float start = d->has_bias ? d->weights[d->c + u] : 0.0f;
        for (size_t l = 0; l < L; l++) {
            now->a[u * L + l] = start;
        }
    }
}

/* Hidden units and logits of site i; draw, score, turn the logits into cotangents. */
static void visit_site(const nade *d, const pass *now, int32_t i, float *h, float *z)
{
    const int32_t n = now->n_lanes, L = now->L, q = d->q;
    const uint8_t *row = now->state + (size_t)i * (size_t)L;
    for (size_t a = 0; a < (size_t)d->n_logits; a++) {
        const float start =
            d->has_bias ? d->weights[d->b + (size_t)i * (size_t)d->n_logits + a] : 0.0f;
        for (size_t l = 0; l < (size_t)L; l++) {
            z[a * (size_t)L + l] = start;
        }
    }
    kr_skip_add(&d->skip, i, n, L, now->state, z);
    if (i > 0) {
        d->lanes->phi((size_t)d->hidden * (size_t)L, now->a, h);
        d->lanes->gemm(d->n_logits, d->hidden, d->weights + d->V + (size_t)(i - 1) * d->V_pitch,
                       (size_t)d->hidden, NULL, h, NULL, z, L);
    }
    kr_categorical_weights(d->lanes, q, L, z, now->m, now->total);
    if (now->draw) {
        kr_categorical_draw(q, n, L, now->m, now->total, now->draw + (size_t)i * (size_t)L,
                            now->rng);
    }
    kr_categorical_score(q, n, L, now->m, now->total, row, now->ratio);
    if ((i + 1) % KR_CATEGORICAL_RUN == 0 || i + 1 == d->n_sites) {
        kr_categorical_flush(n, now->ratio, now->log_q);
    }
    if (now->coefficient) {
        kr_categorical_cotangent(q, n, L, now->m, now->total, row, now->coefficient, z);
    }
}

/* Arrays of site i among those kept, or the only ones. */
static float *rows_of(const pass *now, float *all, int32_t i, int32_t rows)
{
    return now->coefficient ? all + (size_t)i * (size_t)rows * (size_t)now->L : all;
}

static void run(const nade *d, const pass *now)
{
    for (int32_t l = 0; l < now->n_lanes; l++) {
        now->ratio[l] = 1.0;
        now->log_q[l] = 0.0;
    }
    begin(d, now);
    for (int32_t i = 0; i < d->n_sites; i++) {
        if (i >= now->k) {
            visit_site(d, now, i, rows_of(now, now->h, i, d->hidden),
                       rows_of(now, now->z, i, d->n_logits));
        }
        if (i + 1 < d->n_sites) {
            float *x = rows_of(now, now->x, i, d->channels);
            read_input(d, now, i, x);
            d->lanes->gemm_transposed(d->channels, d->hidden,
                                      d->weights + d->W + (size_t)i * d->W_pitch,
                                      (size_t)d->hidden, x, now->a, now->L);
        }
    }
}

/* ---- slopes ------------------------------------------------------------------------------ */

/* dM[r * hidden + u] += sum_l e[r][l] y[u][l], rows r of e. */
static void add_outer(const nade *d, const pass *now, int32_t rows, const float *e,
                      const float *y, float *dM)
{
    if (rows == 1) {
        d->units->dot(now->L, d->hidden, e, y, dM);
    } else {
        d->lanes->outer(rows, d->hidden, now->n_lanes, e, y, NULL, dM, (size_t)d->hidden, NULL,
                        now->pack, now->L);
    }
}

static void add_lanes(const pass *now, size_t rows, const float *e, float *sum)
{
    for (size_t r = 0; r < rows; r++) {
        for (int32_t l = 0; l < now->n_lanes; l++) {
            sum[r] += e[r * (size_t)now->L + (size_t)l];
        }
    }
}

/* da: cotangents of a behind site i, summed up as the sites are walked back. */
static void back(const nade *d, const pass *now, float *gradient)
{
    static const float one = 1.0f;
    const size_t size = (size_t)d->hidden * (size_t)now->L;
    float *da = now->a;
    memset(da, 0, size * sizeof *da);
    for (int32_t i = d->n_sites - 1; i > 0; i--) {
        const float *e = rows_of(now, now->z, i, d->n_logits);
        const float *h = rows_of(now, now->h, i, d->hidden);
        const size_t V = d->V + (size_t)(i - 1) * d->V_pitch;
        const size_t W = d->W + (size_t)(i - 1) * d->W_pitch;
        add_outer(d, now, d->n_logits, e, h, gradient + V);
        memset(now->dh, 0, size * sizeof *now->dh);
        d->lanes->gemm_transposed(d->n_logits, d->hidden, d->weights + V, (size_t)d->hidden, e,
                                  now->dh, now->L);
        d->lanes->phi_back(size, h, now->dh, now->dh);
        /* da += dh: a product with the number one, in vectors */
        d->lanes->gemm(1, 1, &one, 1, NULL, now->dh, NULL, da, (int32_t)size);
        add_outer(d, now, d->channels, rows_of(now, now->x, i - 1, d->channels), da,
                  gradient + W);
    }
    if (d->has_bias) {
        add_lanes(now, (size_t)d->n_sites * (size_t)d->n_logits, now->z, gradient + d->b);
        add_lanes(now, (size_t)d->hidden, da, gradient + d->c);
    }
}

/* ---- what the plug offers ---------------------------------------------------------------- */

static void sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                        double *log_q, kr_rng *rng, void *scratch)
{
    pass now = { .k = k, .state = state, .draw = state, .rng = rng, .log_q = log_q };
    place(self, &now, n_lanes, false, scratch);
    run(self, &now);
}

static void log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                       double *log_q, void *scratch)
{
    pass now = { .k = k, .state = state, .log_q = log_q };
    place(self, &now, n_lanes, false, scratch);
    run(self, &now);
}

static void grad(const void *self, int32_t n_lanes, const uint8_t *state,
                 const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    double unused[KR_LANES_MAX];
    pass now = { .state = state, .coefficient = coefficient, .log_q = log_q ? log_q : unused };
    place(self, &now, n_lanes, true, scratch);
    run(self, &now);
    back(self, &now, gradient);
}

const kr_density_plug kr_density_nade = {
    .name = "nade",
    .doc =
        "one vector of hidden units that takes up every site drawn, on top of the exact local "
        "fields; a configuration costs sites times units on any graph",
    .source = "Larochelle, Murray, AISTATS 2011, JMLR W&CP 15, 29",
    .fields = fields,
    .params_size = sizeof(nade_params),
    .flags = KR_DENSITY_TRAINABLE,
    .supports = supports,
    .alloc = nade_alloc,
    .free = nade_free,
    .n_weights = n_weights,
    .is_padding = is_padding,
    .weights = weights,
    .scratch_bytes = scratch_bytes,
    .init = init,
    .prepare = prepare,
    .sample_tail = sample_tail,
    .log_q_tail = log_q_tail,
    .grad = grad,
    .use = use,
};
