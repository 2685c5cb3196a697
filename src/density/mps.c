/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps.c - ancestral sampling of a square lattice from boundary matrix product states.
 *
 * Rows are drawn from the first to the last and sites from the left, each with its probability
 * given all sites drawn before. Bonds to those are exact; what lies below the row is a matrix
 * product of bounded size (density/mps_rows.h, density/mps_sweep.h). The probabilities are
 * rounded to integers as in density/categorical.h, so q is normalized and
 * known exactly, whatever the matrices have lost; with chi large enough q is the Boltzmann
 * distribution. Where H is invariant under the global flip, all is computed relative to site 0.
 *
 * Sources: tensor networks as proposals: Frias-Perez, Marien, Perez Garcia, Banuls, Iblisdir,
 * SciPost Phys. 14, 123 (2023); sampling of glasses: Rams, Mohseni, Eppens, Jalowiecki, Gardas,
 * PRE 104, 025308 (2021). */
#include "base/memory.h"
#include "base/rng.h"
#include "density/categorical.h"
#include "density/mps_balance.h"
#include "density/mps_sweep.h"
#include "density/skip.h"

#include <math.h>
#include <string.h>

#define STAGE_DRAWS 512 /* configurations from which the balance of a stage is learned */

typedef struct mps_params {
    int64_t chi;
} mps_params;

static const kr_field fields[] = {
    { .name = "chi",
      .type = KR_TYPE_INT,
      .offset = offsetof(mps_params, chi),
      .fallback = "16",
      .min = 1,
      .max = 256,
      .doc = "largest size of the matrices; the time of a draw grows as chi^2" },
    KR_FIELD_END,
};

static bool supports(const kr_target *target, const void *params, kr_error *why)
{
    return kr_skip_supports(target->terms, "mps", why) &&
           kr_mps_rows_supports(target, ((const mps_params *)params)->chi, why);
}

/* ---- life cycle ---------------------------------------------------------------------------
 */

static void mps_free(void *self)
{
    kr_mps *m = self;
    if (m) {
        kr_free(m->down);
        kr_free(m->across);
        kr_free(m->own);
        kr_free(m->matrix);
        kr_mps_rows_clear(&m->rows);
        kr_free(m);
    }
}

static void copy(size_t n, const double *from, float *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (float)from[i];
    }
}

static size_t n_weights(const void *self)
{
    (void)self;
    return 0;
}

static float *weights(void *self)
{
    (void)self;
    return NULL;
}

static void init(void *self, kr_rng *rng)
{
    (void)self, (void)rng;
}

/* ---- one call -----------------------------------------------------------------------------
 */

static size_t scratch_bytes(const void *self, int32_t n_lanes)
{
    kr_mps_pass now;
    return kr_mps_place(self, &now, n_lanes, NULL);
}

/* Draws or reads site i, whose weights are known, and scores it. */
static void decide(kr_mps_pass *now, int32_t i, const uint8_t *state, uint8_t *draw,
                   double *log_q, kr_rng *rng)
{
    const kr_mps *m = now->m;
    const size_t L = now->L, q = (size_t)m->q;
    for (size_t l = 0; l < (size_t)now->n_lanes; l++) {
        double w[KR_STATES_MAX];
        uint32_t integer[KR_STATES_MAX];
        double sum = 0.0;
        for (size_t s = 0; s < q; s++) {
            w[s] = (double)now->weight[s * L + l];
            sum += w[s];
        }
        for (size_t s = 0; s < q;
             s++) { /* lost products may have the wrong sign, all of them */
            const double a = sum < 0.0 ? -w[s] : w[s];
            w[s] = a > 0.0 && isfinite(a) ? a : 0.0;
        }
        now->total[l] = kr_categorical_integers(m->q, w, integer);
        for (size_t s = 0; s < (size_t)m->n_logits; s++) {
            now->integer[s * L + l] = now->flip[l] ? 0u - integer[s] : integer[s];
        }
    }
    const uint8_t *row = state + (size_t)i * L;
    if (draw) {
        kr_categorical_draw(m->q, now->n_lanes, (int32_t)L, now->integer, now->total,
                            draw + (size_t)i * L, rng);
    }
    kr_categorical_score(m->q, now->n_lanes, (int32_t)L, now->integer, now->total, row,
                         now->ratio);
    if ((i + 1) % KR_CATEGORICAL_RUN == 0 || i + 1 == m->n_sites) {
        kr_categorical_flush(now->n_lanes, now->ratio, log_q);
    }
}

/* Relative states of site i into `to`. */
static void read_site(const kr_mps_pass *now, int32_t i, const uint8_t *state, uint8_t *to)
{
    for (size_t l = 0; l < (size_t)now->n_lanes; l++) {
        to[l] = state[(size_t)i * now->L + l] ^ now->flip[l];
    }
}

/* Sites from `begin` on of row y. */
static void run_row(kr_mps_pass *now, int32_t y, int32_t begin, const uint8_t *state,
                    uint8_t *draw, double *log_q, kr_rng *rng)
{
    const kr_mps *m = now->m;
    const int32_t W = m->rows.width, per_column = m->rows.is_tube ? 2 : 1;
    const size_t L = now->L;
    for (int32_t x = 0; x < begin; x++) {
        read_site(now, y * W + x, state, now->row + (size_t)x * L);
    }
    if (begin || !m->rows.is_ring) {
        kr_mps_sweep_left(now, y, begin);
    }
    for (size_t l = 0; l < L; l++) {
        now->v[l] = 1;
    }
    for (int32_t x = 0; x < W; x++) {
        uint8_t *row = now->row + (size_t)x * L;
        if (m->rows.is_tube && y > 0) {
            kr_mps_step_right(now, y, 2 * x, now->first + (size_t)x * L);
        }
        if (x >= begin) {
            const int32_t i = y * W + x;
            if (i == 0 && m->is_odd) {
                for (size_t l = 0; l < 2 * L; l++) {
                    now->weight[l] = 1;
                }
            } else if (x == 0 && m->rows.is_ring) {
                kr_mps_weigh_first(now, y);
            } else {
                kr_mps_weigh(now, y, x);
            }
            decide(now, i, state, draw, log_q, rng);
            if (i == 0 && m->is_odd) {
                memcpy(now->flip, state, (size_t)now->n_lanes);
            }
            read_site(now, i, state, row);
            if (x == 0 && m->rows.is_ring) {
                kr_mps_sweep_left(now, y, 1);
            }
        }
        if (m->rows.is_tube && y == 0) {
            kr_mps_step_right(now, y, 2 * x, row);
        }
        kr_mps_step_right(now, y, per_column * x + per_column - 1, row);
    }
}

static void run(const kr_mps *m, int32_t k, int32_t n_lanes, const uint8_t *state,
                uint8_t *draw, double *log_q, kr_rng *rng, void *scratch)
{
    const int32_t W = m->rows.width;
    kr_mps_pass now;
    kr_mps_place(m, &now, n_lanes, scratch);
    const size_t size = (size_t)W * now.L;
    memset(now.first, 0, size); /* unused lanes too */
    memset(now.above, 0, size);
    memset(now.row, 0, size);
    memset(now.flip, 0, now.L);
    for (int32_t l = 0; l < n_lanes; l++) {
        now.ratio[l] = 1.0;
        log_q[l] = 0.0;
    }
    if (m->is_odd && k > 0) {
        memcpy(now.flip, state, (size_t)n_lanes);
    }
    for (int32_t y = k / W; y < m->rows.height; y++) {
        for (int32_t x = 0; y == k / W && y > 0 && x < W; x++) {
            read_site(&now, x, state, now.first + (size_t)x * now.L);
            read_site(&now, (y - 1) * W + x, state, now.above + (size_t)x * now.L);
        }
        run_row(&now, y, y == k / W ? k % W : 0, state, draw, log_q, rng);
        memcpy(now.above, now.row, size);
        if (y == 0) {
            memcpy(now.first, now.row, size);
        }
    }
}

/* ---- contraction --------------------------------------------------------------------------
 */

static int contract(kr_mps *m, double beta, kr_error *err)
{
    KR_TRY(kr_mps_rows_prepare(&m->rows, beta, err));
    const size_t q = (size_t)m->q, n = (size_t)m->n_sites * q;
    copy(m->rows.n_store, m->rows.store, m->matrix);
    copy(n, m->rows.own, m->own);
    copy(n * q, m->rows.across, m->across);
    copy(n * q, m->rows.down, m->down);
    return KR_OK;
}

/* pair (n_sites, q, q): how often the states s, t of a site and its right neighbor occur in
 * STAGE_DRAWS configurations, relative to site 0 where H is odd. */
static int count_pairs(const kr_mps *m, double *pair, kr_error *err)
{
    uint8_t *state = kr_alloc((size_t)m->n_sites * KR_LANES_MAX, 1, err);
    void *scratch = kr_alloc(scratch_bytes(m, KR_LANES_MAX), 1, err);
    double log_q[KR_LANES_MAX];
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_WEIGHTS);
    for (int n = 0; n < STAGE_DRAWS && state && scratch; n += KR_LANES_MAX) {
        run(m, 0, KR_LANES_MAX, state, state, log_q, &rng, scratch);
        for (int32_t i = 0; i + 1 < m->n_sites; i++) {
            const uint8_t *at = state + (size_t)i * KR_LANES_MAX;
            for (int l = 0; l < KR_LANES_MAX; l++) {
                const int flip = m->is_odd ? state[l] : 0;
                const int s = at[l] ^ flip, t = at[KR_LANES_MAX + l] ^ flip;
                pair[(i * m->q + s) * m->q + t] += 1.0 / STAGE_DRAWS;
            }
        }
    }
    bool has_all = state && scratch;
    kr_free(scratch);
    kr_free(state);
    return has_all ? KR_OK : KR_ENOMEM;
}

/* Moves the balance of all rows by samples of what is contracted. */
static int balance(kr_mps *m, kr_error *err)
{
    kr_mps_rows *rows = &m->rows;
    const size_t W = (size_t)rows->width, q = (size_t)m->q, H = (size_t)rows->height;
    const double floor = 1.0 / STAGE_DRAWS;
    double *want = kr_alloc(H * W * q * q, sizeof *want, err);
    double *have = kr_alloc(W * q * q, sizeof *have, err);
    int status = want && have ? count_pairs(m, want, err) : KR_ENOMEM;
    for (size_t y = 0; y + 1 < H && status == KR_OK; y++) {
        const size_t at = y * W * q;
        status = kr_mps_balance_pairs(rows, (int32_t)y, false, have, err);
        kr_mps_balance_move(rows->width, m->q, want + at * q, have, floor, rows->site_log + at,
                            rows->pair_log + at * q);
    }
    if (rows->is_tube &&
        status == KR_OK) { /* the first row, as the middle of the lattice sees it */
        status = kr_mps_balance_pairs(rows, rows->height / 2, true, have, err);
        kr_mps_balance_move(rows->width, m->q, want, have, floor, rows->first_site,
                            rows->first_pair);
    }
    rows->is_balanced = true;
    kr_free(have);
    kr_free(want);
    return status;
}

static int prepare(void *self, double beta, kr_error *err)
{
    kr_mps *m = self;
    const int32_t n =
        m->rows.width > 1 && isfinite(beta) ? kr_mps_rows_stages(m->rows.terms, beta) : 0;
    kr_mps_rows_reset(&m->rows);
    for (int32_t k = 0; k < n; k++) {
        KR_TRY(contract(m, beta * pow(KR_MPS_STAGE, k - n), err));
        KR_TRY(balance(m, err));
    }
    return contract(m, beta, err);
}

static void *mps_alloc(const kr_target *target, const void *params, kr_error *err)
{
    const mps_params *p = params;
    if (!supports(target, params, err)) {
        return NULL;
    }
    kr_mps *m = kr_alloc(1, sizeof *m, err);
    if (!m) {
        return NULL;
    }
    const kr_terms *terms = target->terms;
    m->lanes = kr_lanes_best(NULL);
    m->n_sites = terms->n_sites;
    m->q = terms->q;
    m->n_logits = kr_categorical_logits(m->q);
    m->is_odd = m->q == 2 && terms->state_class[0] == terms->state_class[1];
    if (kr_mps_rows_init(&m->rows, target, p->chi, err) == KR_OK) {
        const size_t n = (size_t)m->n_sites * (size_t)m->q;
        m->chi = m->rows.chi_most;
        m->matrix = kr_alloc(m->rows.n_store, sizeof *m->matrix, err);
        m->own = kr_alloc(n, sizeof *m->own, err);
        m->across = kr_alloc(n * (size_t)m->q, sizeof *m->across, err);
        m->down = kr_alloc(n * (size_t)m->q, sizeof *m->down, err);
    }
    if (!m->matrix || !m->own || !m->across || !m->down ||
        prepare(m, target->beta, err) != KR_OK) {
        mps_free(m);
        return NULL;
    }
    return m;
}

static void sample_tail(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                        double *log_q, kr_rng *rng, void *scratch)
{
    run(self, k, n_lanes, state, state, log_q, rng, scratch);
}

static void log_q_tail(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                       double *log_q, void *scratch)
{
    run(self, k, n_lanes, state, NULL, log_q, NULL, scratch);
}

/* Without weights there is nothing to add. */
static void grad(const void *self, int32_t n_lanes, const uint8_t *state,
                 const double *coefficient, float *gradient, double *log_q, void *scratch)
{
    (void)coefficient, (void)gradient;
    if (log_q) {
        log_q_tail(self, 0, n_lanes, state, log_q, scratch);
    }
}

const kr_density_plug kr_density_mps = {
    .name = "mps",
    .doc =
        "independent configurations of a square lattice from boundary matrix product states of "
        "size chi; nothing to train. Nearly exact at small chi on open lattices and cylinders; "
        "on "
        "a torus chi has to grow",
    .source = "Frias-Perez et al., SciPost Phys. 14, 123 (2023)",
    .fields = fields,
    .params_size = sizeof(mps_params),
    .supports = supports,
    .alloc = mps_alloc,
    .free = mps_free,
    .n_weights = n_weights,
    .weights = weights,
    .scratch_bytes = scratch_bytes,
    .init = init,
    .prepare = prepare,
    .sample_tail = sample_tail,
    .log_q_tail = log_q_tail,
    .grad = grad,
};
