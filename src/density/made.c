/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/made.c - masked dense autoregressive network with exact local fields.
 *
 *   log-odds of site i = skip_i(s_{<i}) + b_i + sum_{g < i} v_ig . h_g,
 *   h_g = phi(c_g + sum_{j <= g} W_gj s_j),  K hidden units per site, 1 to 4 hidden layers.
 *
 * Sites are drawn in order. After site i only group i of every layer is computed, then the
 * logits of site i + 1: drawing all sites costs one masked forward pass. Contributions of a
 * finished panel of sites to everything behind it are added at once (made_layer.h), so nearly
 * all work is matrix products. Evaluation is the same code with the drawing left out.
 * With two states and a flip-invariant H there are no biases: every logit is odd and
 * q(s) = q(-s) to the bit.
 * Sources: MADE: Germain et al., arXiv:1502.03509; as a sampler of spin systems: Wu, Wang,
 * Zhang, PRL 122, 080602 (2019). */
#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "density/categorical.h"
#include "density/made_layer.h"
#include "density/skip.h"

#include <string.h>

#define LAYERS_MAX 4
#define BYTES_MAX  2147483648.0

/* Widths of fresh weights; layers scale their sums by the inverse root of the inputs. */
#define WIDTH_HIDDEN 0.25
#define WIDTH_LOGITS 0.05

typedef struct made_params {
    int64_t hidden, layers;
} made_params;

typedef struct made {
    const kr_lanes *lanes;
    int32_t n_sites, q;
    int32_t channels; /* input rows per site: 1 (+-1) for q = 2, else q (one-hot) */
    int32_t n_logits, hidden, n_hidden_layers;
    kr_made_layer layer[LAYERS_MAX + 1]; /* hidden layers, then the logits */
    size_t n_weights;
    float *weights; /* owns */
    kr_skip skip;   /* owns */
} made;

/* One call: what is read, what is filled, and the activations in scratch. */
typedef struct pass {
    int32_t k, n_lanes, L;
    const uint8_t *state;
    uint8_t *draw;             /* = state, or NULL: evaluate */
    const double *coefficient; /* not NULL: leave cotangents in z */
    kr_rng *rng;
    double *log_q, *ratio;
    uint64_t *total;
    uint32_t *m;
    float *x, *h[LAYERS_MAX], *z;
    float *d[2], *pack;
} pass;

static const kr_field fields[] = {
    { .name = "hidden",
      .type = KR_TYPE_INT,
      .offset = offsetof(made_params, hidden),
      .fallback = "4",
      .min = 1,
      .max = 64,
      .doc = "hidden units per site and layer" },
    { .name = "layers",
      .type = KR_TYPE_INT,
      .offset = offsetof(made_params, layers),
      .fallback = "1",
      .min = 1,
      .max = LAYERS_MAX,
      .doc = "hidden layers" },
    KR_FIELD_END,
};

static double weight_bytes(int32_t n_sites, int32_t q, const made_params *params)
{
    int32_t channels = q == 2 ? 1 : q, K = (int32_t)params->hidden;
    double bytes = kr_made_layer_bytes(n_sites, n_sites, channels, K) +
                   kr_made_layer_bytes(n_sites, n_sites, K, kr_categorical_logits(q));
    for (int64_t l = 1; l < params->layers; l++) {
        bytes += kr_made_layer_bytes(n_sites, n_sites, K, K);
    }
    return bytes;
}

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    const made_params *p = params;
    if (!kr_skip_supports(target->terms, "made", why)) {
        return false;
    }
    double bytes = weight_bytes(target->terms->n_sites, target->terms->q, p);
    if (bytes > BYTES_MAX) {
        kr_fail(
            why, KR_EUNSUP,
            "made: %.3g bytes of weights (%d sites, q = %d, hidden = %d, layers = %d), want "
            "at most %.3g",
            bytes, target->terms->n_sites, target->terms->q, (int)p->hidden, (int)p->layers,
            BYTES_MAX);
        return false;
    }
    return true;
}

static void lay_out(made *d)
{
    size_t end = 0;
    int32_t groups = d->n_sites - 1, in = d->channels;
    bool has_bias = !d->skip.is_odd;
    for (int32_t l = 0; l < d->n_hidden_layers; l++) {
        kr_made_layer_init(&d->layer[l], groups, groups, in, d->hidden, l ? in : 1, false,
                           has_bias, end);
        end = d->layer[l].end;
        in = d->hidden;
    }
    kr_made_layer *logits = &d->layer[d->n_hidden_layers];
    kr_made_layer_init(logits, groups, d->n_sites, in, d->n_logits, in, true, has_bias, end);
    d->n_weights = logits->end;
}

static void made_free(void *self)
{
    made *d = self;
    if (d) {
        kr_skip_clear(&d->skip);
        kr_free(d->weights);
        kr_free(d);
    }
}

static void *made_alloc(const kr_target *target, const void *params, kr_error *err)
{
    const made_params *p = params;
    if (!supports(target, params, err)) {
        return NULL;
    }
    made *d = kr_alloc(1, sizeof *d, err);
    if (!d) {
        return NULL;
    }
    d->lanes = kr_lanes_best(NULL);
    d->n_sites = target->terms->n_sites;
    d->q = target->terms->q;
    d->channels = d->q == 2 ? 1 : d->q;
    d->n_logits = kr_categorical_logits(d->q);
    d->hidden = (int32_t)p->hidden;
    d->n_hidden_layers = (int32_t)p->layers;
    if (kr_skip_init(&d->skip, target->terms, NULL, target->beta, err) != KR_OK) {
        made_free(d);
        return NULL;
    }
    lay_out(d);
    d->weights = kr_alloc(d->n_weights, sizeof *d->weights, err);
    if (!d->weights) {
        made_free(d);
        return NULL;
    }
    return d;
}

static size_t n_weights(const void *self)
{
    return ((const made *)self)->n_weights;
}

static float *weights(void *self)
{
    return ((made *)self)->weights;
}

static bool is_padding(const void *self, size_t weight)
{
    const made *d = self;
    int32_t l = 0;
    while (l < d->n_hidden_layers && weight >= d->layer[l].end) {
        l++;
    }
    return kr_made_layer_is_padding(&d->layer[l], weight);
}

static void init(void *self, kr_rng *rng)
{
    made *d = self;
    for (int32_t l = 0; l < d->n_hidden_layers; l++) {
        kr_made_layer_draw(&d->layer[l], d->weights, WIDTH_HIDDEN, rng);
    }
    kr_made_layer_draw(&d->layer[d->n_hidden_layers], d->weights, WIDTH_LOGITS, rng);
}

static void use(void *self, kr_isa isa)
{
    ((made *)self)->lanes = kr_lanes_best(kr_isa_text(isa));
}

static int prepare(void *self, double beta, kr_error *err)
{
    return kr_skip_prepare(&((made *)self)->skip, beta, err);
}

/* ---- one pass over the sites ----------------------------------------------------------- */

typedef struct cursor {
    unsigned char *base; /* NULL: only count */
    size_t used;
} cursor;

static void *take(cursor *at, size_t rows, int32_t L, size_t size)
{
    void *p = at->base ? at->base + at->used : NULL;
    at->used += rows * (size_t)L * size; /* L is a multiple of 16: stays 64-byte aligned */
    return p;
}

/* Places the arrays of a pass in scratch (NULL: nowhere); returns the bytes they need. */
static size_t place(const made *d, pass *now, int32_t n_lanes, void *scratch)
{
    cursor at = { scratch, 0 };
    int32_t L = (int32_t)kr_lanes_pad((size_t)n_lanes);
    size_t groups = (size_t)d->n_sites - 1, hidden = groups * (size_t)d->hidden;
    now->n_lanes = n_lanes;
    now->L = L;
    now->ratio = take(&at, 1, L, sizeof(double));
    now->total = take(&at, 1, L, sizeof(uint64_t));
    now->m = take(&at, (size_t)d->n_logits, L, sizeof(uint32_t));
    now->x = take(&at, groups * (size_t)d->channels, L, sizeof(float));
    for (int32_t l = 0; l < d->n_hidden_layers; l++) {
        now->h[l] = take(&at, hidden, L, sizeof(float));
    }
    now->z = take(&at, (size_t)d->n_sites * (size_t)d->n_logits, L, sizeof(float));
    now->d[0] = take(&at, hidden, L, sizeof(float));
    now->d[1] = d->n_hidden_layers > 1 ? take(&at, hidden, L, sizeof(float)) : NULL;
    size_t pack = 0;
    for (int32_t l = 0; l <= d->n_hidden_layers; l++) {
        size_t n = kr_made_layer_pack(&d->layer[l], L);
        pack = n > pack ? n : pack;
    }
    now->pack = at.base ? (float *)(void *)(at.base + at.used) : NULL;
    return at.used + pack * sizeof(float);
}

static size_t scratch_bytes(const void *self, int32_t n_lanes)
{
    pass now;
    return place(self, &now, n_lanes, NULL);
}

/* Rows of site i as inputs: -1, +1 for two states, else one-hot; 0 in padding lanes. */
static void read_input(const made *d, const pass *now, int32_t i)
{
    size_t L = (size_t)now->L, n = (size_t)now->n_lanes;
    float *restrict x = now->x + (size_t)i * (size_t)d->channels * L;
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

/* Group i of every hidden layer, once site i is known. */
static void finish_hidden(const made *d, const pass *now, int32_t i)
{
    const float *below = now->x;
    size_t rows = (size_t)d->hidden * (size_t)now->L;
    for (int32_t l = 0; l < d->n_hidden_layers; l++) {
        kr_made_layer_finish_group(&d->layer[l], d->lanes, d->weights, i, below, now->h[l],
                                   now->L);
        float *h = now->h[l] + (size_t)i * rows;
        d->lanes->phi(rows, h, h);
        below = now->h[l];
    }
}

/* Logits of site i: complete them, draw, score, turn them into cotangents. */
static void visit_site(const made *d, const pass *now, int32_t i)
{
    int32_t n = now->n_lanes, L = now->L, q = d->q;
    const uint8_t *row = now->state + (size_t)i * (size_t)L;
    float *z = now->z + (size_t)i * (size_t)d->n_logits * (size_t)L;
    kr_made_layer_finish_group(&d->layer[d->n_hidden_layers], d->lanes, d->weights, i,
                               now->h[d->n_hidden_layers - 1], now->z, L);
    kr_skip_add(&d->skip, i, n, L, now->state, z);
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

static void run(const made *d, const pass *now)
{
    int32_t top = d->n_hidden_layers;
    for (int32_t l = 0; l < now->n_lanes; l++) {
        now->ratio[l] = 1.0;
        now->log_q[l] = 0.0;
    }
    for (int32_t l = 0; l <= top; l++) {
        kr_made_layer_begin(&d->layer[l], l < top ? now->h[l] : now->z, now->L);
    }
    for (int32_t i = 0; i < d->n_sites; i++) {
        if (i > 0 && i % KR_MADE_PANEL == 0) {
            for (int32_t l = 0; l <= top; l++) {
                kr_made_layer_apply_panel(&d->layer[l], d->lanes, d->weights,
                                          i / KR_MADE_PANEL - 1, l < top ? 0 : now->k,
                                          l ? now->h[l - 1] : now->x,
                                          l < top ? now->h[l] : now->z, now->L);
            }
        }
        if (i >= now->k) {
            visit_site(d, now, i);
        }
        if (i + 1 < d->n_sites) {
            read_input(d, now, i);
            finish_hidden(d, now, i);
        }
    }
}

/* ---- what the plug offers -------------------------------------------------------------- */

static void sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                        double *log_q, kr_rng *rng, void *scratch)
{
    pass now = { .k = k, .state = state, .draw = state, .rng = rng, .log_q = log_q };
    place(self, &now, n_lanes, scratch);
    run(self, &now);
}

static void log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                       double *log_q, void *scratch)
{
    pass now = { .k = k, .state = state, .log_q = log_q };
    place(self, &now, n_lanes, scratch);
    run(self, &now);
}

/* Forward with activations kept, then the layers in reverse order. */
static void grad(const void *self, int32_t n_lanes, const uint8_t *state,
                 const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    const made *d = self;
    double unused[KR_LANES_MAX];
    pass now = { .state = state, .coefficient = coefficient, .log_q = log_q ? log_q : unused };
    place(d, &now, n_lanes, scratch);
    run(d, &now);
    size_t n = ((size_t)d->n_sites - 1) * (size_t)d->hidden * (size_t)now.L;
    float *e = now.z;
    for (int32_t l = d->n_hidden_layers; l >= 0; l--) {
        float *dx = l ? now.d[(l - 1) % 2] : NULL;
        if (dx) {
            memset(dx, 0, n * sizeof *dx);
        }
        kr_made_layer_back(&d->layer[l], d->lanes, d->weights, n_lanes,
                           l ? now.h[l - 1] : now.x, e, dx, gradient, now.pack, now.L);
        if (dx) {
            d->lanes->phi_back(n, now.h[l - 1], dx, dx);
            e = dx;
        }
    }
}

const kr_density_plug kr_density_made = {
    .name = "made",
    .doc = "masked dense autoregressive network with exact local fields of the sites drawn",
    .source =
        "Germain, Gregor, Murray, Larochelle, arXiv:1502.03509; Wu, Wang, Zhang, PRL 122, "
        "080602 (2019)",
    .fields = fields,
    .params_size = sizeof(made_params),
    .flags = KR_DENSITY_TRAINABLE,
    .supports = supports,
    .alloc = made_alloc,
    .free = made_free,
    .n_weights = n_weights,
    .weights = weights,
    .is_padding = is_padding,
    .scratch_bytes = scratch_bytes,
    .init = init,
    .prepare = prepare,
    .sample_tail = sample_tail,
    .log_q_tail = log_q_tail,
    .grad = grad,
    .use = use,
};
