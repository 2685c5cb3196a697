/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_net.c - autoregressive density whose networks see only the frontier: life
 * cycle, shapes, skip term. What is drawn and seen is in frontier_plan.c, the forms are in
 * frontier_binary.c, frontier_colors.c and frontier_states.c; frontier.h says what they are.
 *
 * The exact conditional of site i depends on the past through the energy of the bonds to
 * earlier sites and through the states of the frontier. Wu, Wang, Zhang, Phys. Rev. Lett. 122,
 * 080602 (2019) for autoregressive densities of lattice models. */
#include "density/frontier.h"

#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "density/categorical.h"

#include <math.h>
#include <string.h>

void *kr_frontier_take(char **end, size_t count, size_t size)
{
    void *start = *end;
    *end += (count * size + KR_ALIGN - 1) / KR_ALIGN * KR_ALIGN;
    return start;
}

void kr_frontier_settle(const kr_frontier *self, const kr_frontier_pass *pass, int32_t t,
                        int32_t first, int32_t n, const uint32_t *m, const uint64_t *total,
                        double *ratio)
{
    const size_t at = (size_t)self->plan.order[t] * (size_t)pass->stride + (size_t)first;
    for (int32_t l = 0; l < n; l++, m += self->Q) {
        if (pass->draw) {
            pass->draw[at + (size_t)l] =
                (uint8_t)kr_rng_integer_weights(pass->rng, m, total[l], self->q);
        }
        ratio[first + l] *= (double)m[pass->state[at + (size_t)l]] / (double)total[l];
    }
    if (((t + 1) % KR_CATEGORICAL_RUN == 0 || t + 1 == self->n_sites) &&
        first + n == pass->n_lanes) {
        kr_categorical_flush(pass->n_lanes, ratio, pass->log_q);
    }
}

/* ---- shape ------------------------------------------------------------------------------- */

static kr_frontier_form choose_form(const kr_terms *terms)
{
    const int32_t q = terms->q;
    if (q == 2) {
        return terms->state_class[0] == terms->state_class[1] ? KR_FRONTIER_ODD
                                                              : KR_FRONTIER_BIASED;
    }
    for (int32_t a = 0; a < q; a++) {
        for (int32_t b = 0; b < q; b++) {
            if (terms->V[a * q + b] != terms->V[a == b ? 0 : 1]) {
                return KR_FRONTIER_STATES;
            }
        }
    }
    return terms->has_local ? KR_FRONTIER_STATES : KR_FRONTIER_COLORS;
}

static int32_t form_width(kr_frontier_form form, int32_t hidden)
{
    const bool in_rows = form == KR_FRONTIER_ODD || form == KR_FRONTIER_BIASED;
    return in_rows ? hidden : (hidden + 15) / 16 * 16;
}

/* Arrays of a network with K inputs, from weight `begin` on; *end: first weight after them. */
static int net_arrays(kr_frontier_form form, size_t q, size_t hidden, size_t K, size_t begin,
                      kr_frontier_array array[KR_FRONTIER_ARRAYS], size_t *end)
{
    const size_t H = K > 0 ? hidden : 0;
    const size_t P = K > 0 ? (size_t)form_width(form, (int32_t)hidden) : 0;
    int n = 0;
    *end = begin;
    switch (form) {
    case KR_FRONTIER_ODD:
    case KR_FRONTIER_BIASED:
        array[n++] = (kr_frontier_array){ "W", *end, H, K, K };
        *end += H * K;
        const size_t n_v = H + (form == KR_FRONTIER_BIASED);
        array[n++] = (kr_frontier_array){ "v", *end, 1, n_v, n_v };
        *end += n_v;
        break;
    case KR_FRONTIER_COLORS:
        array[n++] = (kr_frontier_array){ "W", *end, K, H, P };
        *end += K * P;
        array[n++] = (kr_frontier_array){ "v", *end, 1, H, P };
        *end += P;
        array[n++] = (kr_frontier_array){ "c", *end, 1, H, P };
        *end += P;
        break;
    case KR_FRONTIER_STATES:
        array[n++] = (kr_frontier_array){ "W", *end, K * q, H, P };
        *end += K * q * P;
        array[n++] = (kr_frontier_array){ "v", *end, q, H, P };
        *end += q * P;
        array[n++] = (kr_frontier_array){ "c", *end, 1, H, P };
        *end += P;
        array[n++] = (kr_frontier_array){ "b", *end, 1, q, (q + 15) / 16 * 16 };
        *end += (q + 15) / 16 * 16;
        break;
    }
    *end = (*end + 15) / 16 * 16;
    return n;
}

int kr_frontier_net_arrays(const kr_frontier *like, size_t n_seen, size_t begin,
                           kr_frontier_array array[KR_FRONTIER_ARRAYS], size_t *end)
{
    const size_t K = n_seen > 0 ? n_seen + (like->form == KR_FRONTIER_BIASED) : 0;
    return net_arrays(like->form, (size_t)like->q, (size_t)like->hidden, K, begin, array, end);
}

static size_t n_inputs(const kr_frontier_plan *plan, kr_frontier_form form, int32_t i)
{
    const size_t seen = (size_t)(plan->begin[i + 1] - plan->begin[i]);
    return seen > 0 ? seen + (form == KR_FRONTIER_BIASED) : 0;
}

int kr_frontier_arrays(const kr_frontier *self, int32_t i,
                       kr_frontier_array array[KR_FRONTIER_ARRAYS])
{
    size_t end;
    return self->plan.net[i] < 0
               ? 0
               : net_arrays(self->form, (size_t)self->q, (size_t)self->hidden,
                            n_inputs(&self->plan, self->form, i), self->offset[i], array, &end);
}

/* Weights of all networks; offset (n_nets) of each, or NULL. */
static size_t count_weights(const kr_frontier_plan *plan, kr_frontier_form form, int32_t q,
                            int64_t hidden, size_t *offset)
{
    size_t n = 0;
    for (int32_t k = 0; k < plan->n_nets; k++) {
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        if (offset) {
            offset[k] = n;
        }
        net_arrays(form, (size_t)q, (size_t)hidden, n_inputs(plan, form, plan->owner[k]), n,
                   array, &n);
    }
    return n;
}

int kr_frontier_fit(const kr_target *target, kr_frontier_plan *plan, int64_t hidden,
                    const char *name, kr_error *why)
{
    const double bytes = (double)count_weights(plan, choose_form(target->terms),
                                               target->terms->q, hidden, NULL) *
                         (double)sizeof(float);
    if (bytes <= KR_FRONTIER_MAX_BYTES) {
        return KR_OK;
    }
    kr_frontier_plan_clear(plan);
    return kr_fail(
        why, KR_EUNSUP,
        "%s: %.3g bytes of weights for %d sites, q = %d, hidden = %d, want at most %.3g", name,
        bytes, target->terms->n_sites, target->terms->q, (int)hidden, KR_FRONTIER_MAX_BYTES);
}

/* From the plan: inputs, the constant one among them, and the place of the weights. */
static int alloc_sites(kr_frontier *self, kr_error *err)
{
    const kr_frontier_plan *plan = &self->plan;
    const size_t N = (size_t)self->n_sites;
    self->begin = kr_alloc(N + 1, sizeof *self->begin, err);
    self->offset = kr_alloc(N, sizeof *self->offset, err);
    self->site = kr_alloc((size_t)plan->begin[N] + N, sizeof *self->site, err);
    size_t *offset = kr_alloc((size_t)plan->n_nets, sizeof *offset, err);
    if (!self->begin || !self->offset || !self->site || !offset) {
        kr_free(offset);
        return KR_ENOMEM;
    }
    self->n_weights = count_weights(plan, self->form, self->q, self->hidden, offset);
    for (int32_t i = 0; i < self->n_sites; i++) {
        const int64_t seen = plan->begin[i + 1] - plan->begin[i];
        const int64_t K = (int64_t)n_inputs(plan, self->form, i);
        int32_t *site = self->site + self->begin[i];
        memcpy(site, plan->site + plan->begin[i], (size_t)seen * sizeof *site);
        if (K > seen) {
            site[seen] = self->n_sites; /* the constant input of the biased form */
        }
        self->begin[i + 1] = self->begin[i] + K;
        self->K_max = K > self->K_max ? (int32_t)K : self->K_max;
        self->offset[i] = plan->net[i] < 0 ? 0 : offset[plan->net[i]];
    }
    kr_free(offset);
    self->weights = kr_alloc(self->n_weights, sizeof *self->weights, err);
    return self->weights ? KR_OK : KR_ENOMEM;
}

/* ---- skip term for q > 2 ----------------------------------------------------------------- */

static int alloc_skip(kr_frontier *self, const kr_terms *terms, kr_error *err)
{
    const size_t N = (size_t)self->n_sites, q = (size_t)self->q, Q = (size_t)self->Q;
    self->near_begin = kr_alloc(N + 1, sizeof *self->near_begin, err);
    if (!self->near_begin) {
        return KR_ENOMEM;
    }
    for (size_t i = 0; i < N; i++) {
        int64_t n = self->near_begin[i];
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            n += self->plan.rank[terms->neighbor[k]] < self->plan.rank[i];
        }
        self->near_begin[i + 1] = n;
    }
    const size_t n_near = (size_t)self->near_begin[N];
    const bool has_states = self->form == KR_FRONTIER_STATES;
    self->near = kr_alloc(n_near, sizeof *self->near, err);
    self->J = kr_alloc(n_near, sizeof *self->J, err);
    self->beta_J = kr_alloc(n_near, sizeof *self->beta_J, err);
    self->minus_V = kr_alloc(has_states ? q * Q : 1, sizeof *self->minus_V, err);
    self->local = kr_alloc(has_states ? N * q : 1, sizeof *self->local, err);
    self->start = kr_alloc(has_states ? N * Q : 1, sizeof *self->start, err);
    if (!self->near || !self->J || !self->beta_J || !self->minus_V || !self->local ||
        !self->start) {
        return KR_ENOMEM;
    }
    return KR_OK;
}

static void read_skip(kr_frontier *self, const kr_terms *terms)
{
    const size_t N = (size_t)self->n_sites, q = (size_t)self->q, Q = (size_t)self->Q;
    const bool has_states = self->form == KR_FRONTIER_STATES;
    const double v = has_states ? 1.0 : terms->V[1] - terms->V[0]; /* V = c - v delta */
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            if (self->plan.rank[terms->neighbor[k]] < self->plan.rank[i]) {
                self->near[n] = terms->neighbor[k];
                self->J[n++] = v * terms->J[k];
            }
        }
    }
    for (size_t a = 0; has_states && a < q; a++) {
        for (size_t b = 0; b < q; b++) {
            self->minus_V[a * Q + b] = (float)-terms->V[a * q + b];
        }
    }
    if (has_states) {
        memcpy(self->local, terms->local, N * q * sizeof *self->local);
    }
}

int kr_frontier_prepare(void *object, double beta, kr_error *err)
{
    kr_frontier *self = object;
    if (!isfinite(beta)) {
        return kr_fail(err, KR_EINVAL, "beta = %g, want a finite number", beta);
    }
    if (self->q == 2) {
        return kr_skip_prepare(&self->skip, beta, err);
    }
    const size_t N = (size_t)self->n_sites, q = (size_t)self->q, Q = (size_t)self->Q;
    for (size_t k = 0; k < (size_t)self->near_begin[N]; k++) {
        self->beta_J[k] = (float)(beta * self->J[k]);
    }
    for (size_t i = 0; self->form == KR_FRONTIER_STATES && i < N; i++) {
        for (size_t a = 0; a < q; a++) {
            self->start[i * Q + a] = (float)(-beta * self->local[i * q + a]);
        }
    }
    return KR_OK;
}

/* ---- life cycle -------------------------------------------------------------------------- */

void kr_frontier_free(void *object)
{
    kr_frontier *self = object;
    if (self) {
        kr_free(self->start);
        kr_free(self->local);
        kr_free(self->minus_V);
        kr_free(self->beta_J);
        kr_free(self->J);
        kr_free(self->near);
        kr_free(self->near_begin);
        kr_skip_clear(&self->skip);
        kr_free(self->weights);
        kr_free(self->site);
        kr_free(self->offset);
        kr_free(self->begin);
        kr_frontier_plan_clear(&self->plan);
        kr_free(self);
    }
}

static int fill_object(kr_frontier *self, const kr_target *target, kr_error *err)
{
    KR_TRY(alloc_sites(self, err));
    if (self->q == 2) {
        return kr_skip_init(&self->skip, target->terms, self->plan.rank, target->beta, err);
    }
    KR_TRY(alloc_skip(self, target->terms, err));
    read_skip(self, target->terms);
    return kr_frontier_prepare(self, target->beta, err);
}

kr_frontier *kr_frontier_alloc(const kr_target *target, kr_frontier_plan *plan, int64_t hidden,
                               kr_error *err)
{
    kr_frontier *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        kr_frontier_plan_clear(plan);
        return NULL;
    }
    self->plan = *plan;
    self->form = choose_form(target->terms);
    self->n_sites = target->terms->n_sites;
    self->q = target->terms->q;
    self->Q = (self->q + 15) / 16 * 16;
    self->hidden = (int32_t)hidden;
    self->width = form_width(self->form, self->hidden);
    self->lanes = kr_lanes_best(NULL);
    self->units = kr_units_best(NULL);
    if (fill_object(self, target, err) != KR_OK) {
        kr_frontier_free(self);
        return NULL;
    }
    return self;
}

void kr_frontier_use(void *object, kr_isa isa)
{
    kr_frontier *self = object;
    self->lanes = kr_lanes_best(kr_isa_text(isa));
    self->units = kr_units_best(kr_isa_text(isa));
}

size_t kr_frontier_n_weights(const void *object)
{
    return ((const kr_frontier *)object)->n_weights;
}

float *kr_frontier_weights(void *object)
{
    return ((kr_frontier *)object)->weights;
}

bool kr_frontier_is_padding(const void *object, size_t weight)
{
    const kr_frontier *self = object;
    int32_t low = 0, high = self->plan.n_nets; /* the network whose weights hold it */
    while (high - low > 1) {
        const int32_t middle = low + (high - low) / 2;
        *(self->offset[self->plan.owner[middle]] <= weight ? &low : &high) = middle;
    }
    kr_frontier_array array[KR_FRONTIER_ARRAYS];
    for (int k = kr_frontier_arrays(self, self->plan.owner[low], array) - 1; k >= 0; k--) {
        const size_t at = weight - array[k].begin;
        if (weight >= array[k].begin && at < array[k].rows * array[k].pitch) {
            return at % array[k].pitch >= array[k].columns;
        }
    }
    return true; /* between the networks */
}

double kr_frontier_n_visits(const void *object)
{
    const kr_frontier *self = object;
    double n = 0.0;
    for (int32_t i = 0; i < self->n_sites; i++) {
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        for (int k = kr_frontier_arrays(self, i, array) - 1; k >= 0; k--) {
            n += (double)array[k].rows * (double)array[k].columns;
        }
    }
    return n;
}

const int32_t *kr_frontier_order(const void *object)
{
    return ((const kr_frontier *)object)->plan.order;
}

static void init_array(float *w, const kr_frontier_array *array, double width, kr_rng *rng)
{
    for (size_t r = 0; r < array->rows; r++) {
        for (size_t k = 0; k < array->columns; k++) {
            w[array->begin + r * array->pitch + k] = (float)(width * kr_rng_normal(rng));
        }
    }
}

/* Small weights: fresh networks start near the skip model with hidden units that are almost
 * linear but differ. Measured with 300 steps of reverse KL (16x16 Ising at the critical point,
 * 8x8 Potts q = 10): widths 0.3 train to a larger effective sample size than 1 or 2. */
void kr_frontier_init(void *object, kr_rng *rng)
{
    kr_frontier *self = object;
    memset(self->weights, 0, self->n_weights * sizeof *self->weights);
    for (int32_t net = 0; net < self->plan.n_nets; net++) {
        const int32_t i = self->plan.owner[net];
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        const int n = kr_frontier_arrays(self, i, array);
        const double K = (double)(self->begin[i + 1] - self->begin[i]);
        for (int k = 0; K > 0.0 && k < n; k++) {
            if (array[k].name[0] == 'W') {
                init_array(self->weights, array + k, 0.3 / sqrt(K), rng);
            } else if (array[k].name[0] == 'v') {
                array[k].columns = (size_t)self->hidden; /* b stays zero */
                init_array(self->weights, array + k, 0.3 / sqrt((double)self->hidden), rng);
            }
        }
    }
}

/* ---- passes ------------------------------------------------------------------------------ */

size_t kr_frontier_scratch_bytes(const void *object, int32_t n_lanes)
{
    const kr_frontier *self = object;
    switch (self->form) {
    case KR_FRONTIER_COLORS:
        return kr_frontier_colors_bytes(self);
    case KR_FRONTIER_STATES:
        return kr_frontier_states_bytes(self);
    default:
        return kr_frontier_binary_bytes(self, (int32_t)kr_lanes_pad((size_t)n_lanes));
    }
}

static void run(const kr_frontier *self, kr_frontier_pass *pass)
{
    pass->stride = (int32_t)kr_lanes_pad((size_t)pass->n_lanes);
    switch (self->form) {
    case KR_FRONTIER_COLORS:
        kr_frontier_colors_run(self, pass);
        break;
    case KR_FRONTIER_STATES:
        kr_frontier_states_run(self, pass);
        break;
    default:
        kr_frontier_binary_run(self, pass);
    }
}

void kr_frontier_sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                             double *log_q, kr_rng *rng, void *scratch)
{
    kr_frontier_pass pass = { .k = k,
                              .n_lanes = n_lanes,
                              .state = state,
                              .draw = state,
                              .rng = rng,
                              .log_q = log_q,
                              .scratch = scratch };
    run(self, &pass);
}

void kr_frontier_log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                            double *log_q, void *scratch)
{
    kr_frontier_pass pass = {
        .k = k, .n_lanes = n_lanes, .state = state, .log_q = log_q, .scratch = scratch
    };
    run(self, &pass);
}

void kr_frontier_grad(const void *self, int32_t n_lanes, const uint8_t *state,
                      const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    kr_frontier_grad_tail(self, 0, n_lanes, state, coefficient, gradient, log_q, scratch);
}

void kr_frontier_grad_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                           const double *coefficient, float *gradient, double *log_q,
                           void *scratch)
{
    double unused[KR_LANES_MAX];
    kr_frontier_pass pass = { .k = k,
                              .n_lanes = n_lanes,
                              .state = state,
                              .log_q = log_q ? log_q : unused,
                              .coefficient = coefficient,
                              .gradient = gradient,
                              .scratch = scratch };
    run(self, &pass);
}
