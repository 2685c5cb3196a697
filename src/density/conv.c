/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/conv.c - causal masked convolutions with exact local fields, for comparison with the
 * frontier network.
 *
 *   log-odds of site i = skip_i(s_{<i}) + y^D_i,   y^l = masked convolution of h^{l-1},
 *   h^l = phi(y^l), h^0 = spins; the first mask leaves out the center, later ones hold it.
 *
 * Weights are the same for all sites, and outside the lattice everything is zero; what a
 * periodic lattice adds, the skip term holds. Sites are drawn in order. Before site i only
 * column i of every layer is computed, once; columns that no later site sees are dropped, so
 * drawing all sites costs one masked forward pass and the memory of a few lattice rows.
 * Evaluation is the same code with the drawing left out; slopes keep all columns and go back
 * over the sites in reverse order.
 * With two states and a flip-invariant H there are no biases: every logit is odd and
 * q(s) = q(-s) to the bit.
 * Sources: PixelCNN: van den Oord, Kalchbrenner, Kavukcuoglu, arXiv:1601.06759; as a sampler of
 * spin systems: Wu, Wang, Zhang, PRL 122, 080602 (2019); columns kept while sampling:
 * Ramachandran et al., arXiv:1704.06001. */
#include "density/conv.h"

#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "density/categorical.h"

#include <string.h>

#define BYTES_MAX 2147483648.0

/* Widths of fresh weights; layers scale their sums by the inverse root of the inputs. */
#define WIDTH_HIDDEN 0.5
#define WIDTH_LOGITS 0.05

/* One call: what is read, what is filled, and the activations in scratch. */
typedef struct pass {
    int32_t k, n_lanes, L;
    const uint8_t *state;
    uint8_t *draw;             /* = state, or NULL: evaluate */
    const double *coefficient; /* not NULL: keep all columns, leave cotangents in z */
    kr_rng *rng;
    double *log_q, *ratio;
    uint64_t *total;
    uint32_t *m;
    int32_t n_slots; /* columns in memory */
    int32_t *index;
    float *x, *h[KR_CONV_DEPTH_MAX], *z;
    float *d[KR_CONV_DEPTH_MAX], *sum, *pack; /* with coefficient */
} pass;

static const kr_field fields[] = {
    { .name = "depth",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_conv_params, depth),
      .fallback = "3",
      .min = 2,
      .max = KR_CONV_DEPTH_MAX,
      .doc = "layers, the one to the logits included" },
    { .name = "width",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_conv_params, width),
      .fallback = "16",
      .min = 1,
      .max = 512,
      .doc = "channels of the layers between" },
    { .name = "kernel",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_conv_params, kernel),
      .fallback = "3",
      .choices = "3|5|7|9|11|13",
      .doc = "side of the kernels, of which about half is masked" },
    { .name = "last",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_conv_params, last),
      .fallback = "pointwise",
      .choices = "pointwise|masked",
      .doc = "the layer to the logits: 1 x 1, or a masked convolution too" },
    KR_FIELD_END,
};

static int32_t side_of(const kr_conv_params *params)
{
    return 3 + 2 * params->kernel;
}

static int32_t last_side(const kr_conv_params *params)
{
    return params->last == KR_CONV_LAST_POINTWISE ? 1 : side_of(params);
}

/* ---- life cycle -------------------------------------------------------------------------- */

/* Of the weights, and of the columns that a gradient keeps. */
static double count_bytes(const kr_target *target, const kr_conv_params *p)
{
    int32_t q = target->terms->q;
    double taps = kr_conv_window_size(target->lattice, side_of(p)), width = (double)p->width;
    double in = q == 2 ? 1.0 : q, logits = kr_categorical_logits(q),
           between = (double)p->depth - 2;
    double weights = taps * width * (in + between * width + logits);
    double columns = in + (between + 1.0) * width + logits;
    return sizeof(float) * (weights + columns * KR_LANES_MAX * target->lattice->n_sites);
}

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    const kr_conv_params *p = params;
    const kr_lattice *lattice = target->lattice;
    if (!kr_skip_supports(target->terms, "conv", why)) {
        return false;
    }
    if (!lattice ||
        (strcmp(lattice->name, "hypercubic") && strcmp(lattice->name, "triangular"))) {
        kr_fail(why, KR_EUNSUP, "conv: lattice %s, want hypercubic or triangular",
                lattice ? lattice->name : "unknown");
        return false;
    }
    if (lattice->dim > 3) {
        kr_fail(why, KR_EUNSUP, "conv: %d dimensions, want at most 3", lattice->dim);
        return false;
    }
    double bytes = count_bytes(target, p);
    if (bytes > BYTES_MAX) {
        kr_fail(
            why, KR_EUNSUP,
            "conv: %.3g bytes of weights and activations (%d sites, q = %d, depth = %d, width "
            "= %d, kernel = %d), want at most %.3g",
            bytes, lattice->n_sites, target->terms->q, (int)p->depth, (int)p->width, side_of(p),
            BYTES_MAX);
        return false;
    }
    return true;
}

static void conv_free(void *self)
{
    kr_conv *d = self;
    if (d) {
        kr_skip_clear(&d->skip);
        kr_free(d->weights);
        for (int w = 2; w >= 0; w--) {
            kr_conv_window_clear(&d->window[w]);
        }
        kr_free(d);
    }
}

/* Odd networks know nothing at site 0: its columns are blank. */
static int lay_out(kr_conv *d, const kr_lattice *lattice, const kr_conv_params *p,
                   kr_error *err)
{
    const bool is_odd = d->skip.is_odd;
    KR_TRY(kr_conv_window_init(&d->window[0], lattice, side_of(p), true, false, err));
    KR_TRY(kr_conv_window_init(&d->window[1], lattice, side_of(p), false, is_odd, err));
    KR_TRY(kr_conv_window_init(&d->window[2], lattice, last_side(p), false, is_odd, err));
    size_t end = 0;
    for (int32_t l = 0; l < d->depth; l++) {
        const bool is_last = l == d->depth - 1;
        const kr_conv_window *window = &d->window[l == 0 ? 0 : is_last ? 2 : 1];
        int32_t in = l ? d->width : d->channels, out = is_last ? d->n_logits : d->width;
        kr_conv_layer_init(&d->layer[l], window, in, out, l ? in : 1, !is_odd, end);
        end = d->layer[l].end;
        d->reach = window->reach > d->reach ? window->reach : d->reach;
    }
    d->n_weights = end;
    d->weights = kr_alloc(end, sizeof *d->weights, err);
    return d->weights ? KR_OK : KR_ENOMEM;
}

static void *conv_alloc(const kr_target *target, const void *params, kr_error *err)
{
    const kr_conv_params *p = params;
    if (!supports(target, params, err)) {
        return NULL;
    }
    kr_conv *d = kr_alloc(1, sizeof *d, err);
    if (!d) {
        return NULL;
    }
    d->lanes = kr_lanes_best(NULL);
    d->n_sites = target->terms->n_sites;
    d->q = target->terms->q;
    d->channels = d->q == 2 ? 1 : d->q;
    d->n_logits = kr_categorical_logits(d->q);
    d->width = (int32_t)p->width;
    d->depth = (int32_t)p->depth;
    if (kr_skip_init(&d->skip, target->terms, NULL, target->beta, err) != KR_OK ||
        lay_out(d, target->lattice, p, err) != KR_OK) {
        conv_free(d);
        return NULL;
    }
    return d;
}

static void use(void *self, kr_isa isa)
{
    ((kr_conv *)self)->lanes = kr_lanes_best(kr_isa_text(isa));
}

static bool is_padding(const void *self, size_t weight)
{
    const kr_conv *d = self;
    int32_t l = 0;
    while (weight >= d->layer[l].end) {
        l++;
    }
    return kr_conv_layer_is_padding(&d->layer[l], weight);
}

static size_t n_weights(const void *self)
{
    return ((const kr_conv *)self)->n_weights;
}

static float *weights(void *self)
{
    return ((kr_conv *)self)->weights;
}

static double n_visits(const void *self)
{
    const kr_conv *d = self;
    double n = 0.0;
    for (int32_t l = 0; l < d->depth; l++) {
        const kr_conv_layer *layer = &d->layer[l];
        n += (double)layer->window->n_pairs * layer->in * layer->out;
    }
    return n;
}

static void init(void *self, kr_rng *rng)
{
    kr_conv *d = self;
    for (int32_t l = 0; l < d->depth; l++) {
        kr_conv_layer_draw(&d->layer[l], d->weights,
                           l < d->depth - 1 ? WIDTH_HIDDEN : WIDTH_LOGITS, rng);
    }
}

static int prepare(void *self, double beta, kr_error *err)
{
    return kr_skip_prepare(&((kr_conv *)self)->skip, beta, err);
}

/* ---- scratch ----------------------------------------------------------------------------- */

typedef struct cursor {
    unsigned char *base; /* NULL: only count */
    size_t used;
} cursor;

static void *take(cursor *at, size_t count, size_t size)
{
    void *p = at->base ? at->base + at->used : NULL;
    at->used += (count * size + KR_ALIGN - 1) / KR_ALIGN * KR_ALIGN;
    return p;
}

/* Places the arrays of a pass in scratch (NULL: nowhere); returns the bytes they need. */
static size_t place(const kr_conv *d, pass *now, bool keeps_all, int32_t n_lanes, void *scratch)
{
    cursor at = { scratch, 0 };
    int32_t stride = (int32_t)kr_lanes_pad((size_t)n_lanes);
    size_t L = (size_t)stride, logits = (size_t)d->n_logits, index = 0, pack = 0;
    now->n_lanes = n_lanes;
    now->L = stride;
    now->n_slots = keeps_all ? d->n_sites : d->reach + 1;
    size_t columns = (size_t)now->n_slots * L, ring = ((size_t)d->reach + 1) * L;
    for (int32_t l = 0; l < d->depth; l++) {
        size_t rows = (size_t)d->layer[l].window->n_taps * (size_t)d->layer[l].in;
        size_t floats = kr_conv_layer_pack(&d->layer[l], stride);
        index = rows > index ? rows : index;
        pack = floats > pack ? floats : pack;
    }
    now->ratio = take(&at, L, sizeof(double));
    now->total = take(&at, L, sizeof(uint64_t));
    now->m = take(&at, logits * L, sizeof(uint32_t));
    now->index = take(&at, index, sizeof(int32_t));
    now->x = take(&at, (size_t)d->channels * columns, sizeof(float));
    for (int32_t l = 0; l < d->depth - 1; l++) {
        now->h[l] = take(&at, (size_t)d->width * columns, sizeof(float));
    }
    now->z = take(&at, logits * columns, sizeof(float));
    if (keeps_all) {
        for (int32_t l = 0; l < d->depth - 1; l++) {
            now->d[l] = take(&at, (size_t)d->width * ring, sizeof(float));
        }
        now->sum = take(&at, d->n_weights, sizeof(float));
        now->pack = take(&at, pack, sizeof(float));
    }
    return at.used;
}

static size_t scratch_bytes(const void *self, int32_t n_lanes)
{
    pass now;
    return place(self, &now, true, n_lanes, NULL);
}

/* ---- forward ----------------------------------------------------------------------------- */

static float *column(float *first, int32_t slot, int32_t rows, int32_t L)
{
    return first + (size_t)slot * (size_t)rows * (size_t)L;
}

/* Rows of site i as inputs: -1, +1 for two states, else one-hot; 0 in padding lanes. */
static void read_input(const kr_conv *d, const pass *now, int32_t i)
{
    size_t L = (size_t)now->L, n = (size_t)now->n_lanes;
    float *restrict x = column(now->x, i % now->n_slots, d->channels, now->L);
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

/* Inputs of layer l: all columns in memory. */
static const float *below(const pass *now, int32_t l)
{
    return l ? now->h[l - 1] : now->x;
}

static void hidden_column(const kr_conv *d, const pass *now, int32_t l, int32_t i)
{
    float *h = column(now->h[l], i % now->n_slots, d->width, now->L);
    kr_conv_layer_column(&d->layer[l], d->lanes, d->weights, i, below(now, l), now->n_slots,
                         now->index, h, now->L);
    d->lanes->phi((size_t)d->width * (size_t)now->L, h, h);
}

/* Logits of site i, once the columns below are there: draw, score, turn into cotangents. */
static void visit_site(const kr_conv *d, const pass *now, int32_t i)
{
    int32_t n = now->n_lanes, L = now->L, q = d->q, top = d->depth - 1;
    const uint8_t *row = now->state + (size_t)i * (size_t)L;
    float *z = column(now->z, i % now->n_slots, d->n_logits, L);
    kr_conv_layer_column(&d->layer[top], d->lanes, d->weights, i, below(now, top), now->n_slots,
                         now->index, z, L);
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

static int32_t back_from(int32_t i, const kr_conv_layer *layer)
{
    return i > layer->window->reach ? i - layer->window->reach : 0;
}

/* Columns before from[l] of layer l are seen by no site from k on. */
static void run(const kr_conv *d, const pass *now)
{
    int32_t top = d->depth - 1, from[KR_CONV_DEPTH_MAX] = { 0 };
    from[top] = now->k;
    for (int32_t l = top; l > 0; l--) {
        from[l - 1] = back_from(from[l], &d->layer[l]);
    }
    for (int32_t l = 0; l < now->n_lanes; l++) {
        now->ratio[l] = 1.0;
        now->log_q[l] = 0.0;
    }
    if (now->k >= d->n_sites) {
        return;
    }
    for (int32_t i = back_from(from[0], &d->layer[0]); i < d->n_sites; i++) {
        for (int32_t l = 0; l < top; l++) {
            if (i >= from[l]) {
                hidden_column(d, now, l, i);
            }
        }
        if (i >= now->k) {
            visit_site(d, now, i);
        }
        read_input(d, now, i);
    }
}

static void sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                        double *log_q, kr_rng *rng, void *scratch)
{
    pass now = { .k = k, .state = state, .draw = state, .rng = rng, .log_q = log_q };
    place(self, &now, false, n_lanes, scratch);
    run(self, &now);
}

static void log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                       double *log_q, void *scratch)
{
    pass now = { .k = k, .state = state, .log_q = log_q };
    place(self, &now, false, n_lanes, scratch);
    run(self, &now);
}

/* ---- backward ---------------------------------------------------------------------------- */

/* Cotangents of column i are complete once all later sites are done: the masks look back only.
 * They live in rings, cleared behind the reader. Scales are left to kr_conv_layer_add. */
static void back_site(const kr_conv *d, const pass *now, int32_t i)
{
    int32_t L = now->L, top = d->depth - 1, n_ring = d->reach + 1;
    size_t rows = (size_t)d->width * (size_t)L;
    float *e = column(now->z, i, d->n_logits, L);
    for (int32_t l = top; l >= 0; l--) {
        kr_conv_layer_back(&d->layer[l], d->lanes, d->weights, i, now->n_lanes, below(now, l),
                           now->n_slots, e, l ? now->d[l - 1] : NULL, n_ring, now->sum,
                           now->index, now->pack, L);
        if (l < top) {
            memset(e, 0, rows * sizeof *e);
        }
        if (l > 0) {
            e = column(now->d[l - 1], i % n_ring, d->width, L);
            d->lanes->phi_back(rows, column(now->h[l - 1], i, d->width, L), e, e);
        }
    }
}

static void grad(const void *self, int32_t n_lanes, const uint8_t *state,
                 const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    const kr_conv *d = self;
    double unused[KR_LANES_MAX];
    pass now = { .state = state, .coefficient = coefficient, .log_q = log_q ? log_q : unused };
    place(d, &now, true, n_lanes, scratch);
    run(d, &now);
    size_t ring = ((size_t)d->reach + 1) * (size_t)d->width * (size_t)now.L;
    for (int32_t l = 0; l < d->depth - 1; l++) {
        memset(now.d[l], 0, ring * sizeof(float));
    }
    memset(now.sum, 0, d->n_weights * sizeof(float));
    for (int32_t i = d->n_sites - 1; i >= 0; i--) {
        back_site(d, &now, i);
    }
    float factor = 1.0f;
    for (int32_t l = d->depth - 1; l >= 0; l--) {
        kr_conv_layer_add(&d->layer[l], factor, now.sum, gradient);
        factor *= d->layer[l].scale;
    }
}

const kr_density_plug kr_density_conv = {
    .name = "conv",
    .doc = "causal masked convolutions (PixelCNN) with exact local fields of the sites drawn; "
           "weights shared by all sites; hypercubic lattices of up to 3 dimensions, triangular",
    .source = "van den Oord, Kalchbrenner, Kavukcuoglu, arXiv:1601.06759; Wu, Wang, Zhang, PRL "
              "122, 080602 (2019)",
    .fields = fields,
    .params_size = sizeof(kr_conv_params),
    .flags = KR_DENSITY_TRAINABLE,
    .supports = supports,
    .alloc = conv_alloc,
    .free = conv_free,
    .n_weights = n_weights,
    .is_padding = is_padding,
    .n_visits = n_visits,
    .weights = weights,
    .scratch_bytes = scratch_bytes,
    .init = init,
    .prepare = prepare,
    .sample_tail = sample_tail,
    .log_q_tail = log_q_tail,
    .grad = grad,
    .use = use,
};
