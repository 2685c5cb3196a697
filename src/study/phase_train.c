/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_train.c - both classifiers of one size: trained on the first half of the chains
 * at the ends of the range, evaluated on the other half everywhere.
 *
 * The network: Adam (Kingma, Ba, arXiv:1412.6980) on the cross entropy of batches; its logit is
 * the mean over the symmetries of the model where these are few. */
#include "base/memory.h"
#include "density/adam.h"
#include "study/phase_private.h"

#include <math.h>
#include <string.h>

enum { IMAGES_MOST = 4 };
#define CLIP       10.0 /* largest norm of a gradient */
#define LAST_RATE  0.1
#define DIFFERENCE 5.0 /* sigma, of <|m|> at the ends */

typedef struct job {
    kr_phase_study *study;
    const kr_phase_data *data;
    kr_phase_size *size;
    int32_t side_index;
    int64_t n_test;                /* rows (point, chain, draw) of the other chains */
    double *x;                     /* (n_test, n_features) */
    double *logit[KR_PHASE_KINDS]; /* (n_test) */
    int64_t n_train;               /* of the window at hand */
    int64_t *row;                  /* (n_train) rows of data */
    double *label;                 /* (n_train) 1: called ordered */
    kr_spec *spec;                 /* a box of this size */
    kr_phase_net net;
    double *weight; /* (n_weights) */
} job;

/* ---- set-up -------------------------------------------------------------------------------
 */

/* Cyclic permutations of the states that the model has for one, when there are few; returns how
 * many. */
static int32_t find_images(const kr_terms *terms, uint8_t image[IMAGES_MOST * KR_PHASE_STATES])
{
    int32_t most = 1;
    for (int32_t a = 0; a < terms->q; a++) {
        int32_t n = 0;
        for (int32_t b = 0; b < terms->q; b++) {
            n += terms->state_class[b] == terms->state_class[a];
        }
        most = n > most ? n : most;
    }
    const int32_t n_images = most <= IMAGES_MOST ? most : 1;
    for (int32_t a = 0; a < terms->q; a++) {
        int32_t member[KR_PHASE_STATES], n = 0, place = 0;
        for (int32_t b = 0; b < terms->q; b++) {
            if (terms->state_class[b] == terms->state_class[a]) {
                place = b == a ? n : place;
                member[n++] = b;
            }
        }
        for (int32_t k = 0; k < n_images; k++) {
            image[k * terms->q + a] = (uint8_t)member[(place + k) % n];
        }
    }
    return n_images;
}

static int begin(job *j, kr_error *err)
{
    const kr_phase_study *study = j->study;
    const kr_phase_data *data = j->data;
    const int64_t half = data->n_chains / 2, D = data->n_draws, F = study->n_features;
    const size_t n = (size_t)(study->n_points * half * D);
    j->n_test = (int64_t)n;
    j->x = kr_alloc(n * (size_t)F, sizeof *j->x, err);
    j->logit[0] = kr_alloc(n, sizeof *j->logit[0], err);
    j->logit[1] = kr_alloc(n, sizeof *j->logit[1], err);
    j->row = kr_alloc(n, sizeof *j->row, err);
    j->label = kr_alloc(n, sizeof *j->label, err);
    if (!j->x || !j->logit[0] || !j->logit[1] || !j->row || !j->label) {
        return KR_ENOMEM;
    }
    for (int64_t k = 0; k < j->n_test; k++) {
        const int64_t p = k / (half * D), c = half + k / D % half, d = k % D;
        memcpy(j->x + k * F, data->feature + kr_phase_row(data, p, c, d) * F,
               (size_t)F * sizeof *j->x);
    }
    if (!study->has_net) {
        return KR_OK;
    }
    const kr_study_task task = { .side = j->size->side,
                                 .value = study->at,
                                 .n_values = 1,
                                 .updates = study->base.scan_updates,
                                 .measure = 1,
                                 .every = 1,
                                 .chains = 2 };
    j->spec = kr_study_spec(&study->base, &task, err);
    if (!j->spec) {
        return err->status ? err->status : KR_ENOMEM;
    }
    const kr_target *target = &j->spec->target[0];
    uint8_t image[IMAGES_MOST * KR_PHASE_STATES];
    const int32_t n_images = find_images(target->terms, image);
    KR_TRY(kr_phase_net_init(&j->net, target->lattice, target->terms->q,
                             (int32_t)study->params.filters, (int32_t)study->params.hidden,
                             n_images, image, err));
    j->weight = kr_alloc(j->net.n_weights, sizeof *j->weight, err);
    return j->weight ? KR_OK : KR_ENOMEM;
}

static void end(job *j)
{
    kr_free(j->weight);
    kr_phase_net_clear(&j->net);
    kr_spec_free(j->spec);
    kr_free(j->label);
    kr_free(j->row);
    kr_free(j->logit[1]);
    kr_free(j->logit[0]);
    kr_free(j->x);
}

/* Mean |m| over the training window of a side and its error from chains. */
static void mean_order(const job *j, int side, double *mean, double *error)
{
    const kr_phase_study *study = j->study;
    const kr_phase_data *data = j->data;
    const int64_t half = data->n_chains / 2;
    const int32_t from = side ? study->window[0][1] : 0,
                  to = side ? study->n_points : study->window[0][0] + 1;
    double sum = 0.0, squares = 0.0;
    for (int64_t c = 0; c < half; c++) {
        double part = 0.0;
        for (int32_t p = from; p < to; p++) {
            for (int64_t d = 0; d < data->n_draws; d++) {
                part += data->feature[kr_phase_row(data, p, c, d) * study->n_features +
                                      KR_PHASE_ABS] /
                        (double)((to - from) * data->n_draws);
            }
        }
        sum += part;
        squares += part * part;
    }
    *mean = sum / (double)half;
    *error = sqrt(fmax(0.0, squares / (double)half - *mean * *mean) / (double)(half - 1));
}

/* Which end is ordered; decided by the smallest size. */
static int find_order(job *j, kr_error *err)
{
    kr_phase_study *study = j->study;
    double mean[2], error[2];
    mean_order(j, 0, &mean[0], &error[0]);
    mean_order(j, 1, &mean[1], &error[1]);
    const bool is_high = mean[1] > mean[0];
    const double sigma = fabs(mean[1] - mean[0]) / hypot(error[0], error[1]);
    if (j->side_index == 0) {
        study->ordered_is_high = is_high;
    }
    return sigma > DIFFERENCE && is_high == study->ordered_is_high
               ? KR_OK
               : kr_fail(err, KR_EUNSUP,
                         "%s: phase: <|m|> of size %d is %.3g(%.1g) at the low end of %s and "
                         "%.3g(%.1g) at the high one, want a range with order at one end only",
                         study->base.path, j->size->side, mean[0], error[0],
                         kr_study_parameter(&study->base), mean[1], error[1]);
}

/* Rows and classes of the training window w. */
static void gather(job *j, int32_t w)
{
    const kr_phase_study *study = j->study;
    j->n_train = 0;
    for (int32_t p = 0; p < study->n_points; p++) {
        const bool is_high = p >= study->window[w][1];
        for (int64_t c = 0; (is_high || p <= study->window[w][0]) && c < j->data->n_chains / 2;
             c++) {
            for (int64_t d = 0; d < j->data->n_draws; d++) {
                j->label[j->n_train] = is_high == study->ordered_is_high;
                j->row[j->n_train++] = kr_phase_row(j->data, p, c, d);
            }
        }
    }
}

/* ---- the network --------------------------------------------------------------------------
 */

static double net_logit(job *j, int64_t row)
{
    return kr_phase_net_logit(&j->net, j->data->state + row * j->data->n_sites);
}

typedef struct learner {
    kr_adam adam;
    kr_rng rng;
    int64_t *order;            /* (n_train) */
    double *gradient;          /* (n_weights) */
    float *weight, *direction; /* (n_weights) */
} learner;

static int learner_init(learner *l, const job *j, uint64_t stream, kr_error *err)
{
    const size_t n = j->net.n_weights;
    const uint64_t seed = (uint64_t)j->study->base.seed;
    *l = (learner){ 0 };
    KR_TRY(kr_adam_init(&l->adam, n, err));
    l->order = kr_alloc((size_t)j->n_train, sizeof *l->order, err);
    l->gradient = kr_alloc(n, sizeof *l->gradient, err);
    l->weight = kr_alloc(n, sizeof *l->weight, err);
    l->direction = kr_alloc(n, sizeof *l->direction, err);
    if (!l->order || !l->gradient || !l->weight || !l->direction) {
        return KR_ENOMEM;
    }
    kr_rng_seed(&l->rng, seed, stream, KR_PURPOSE_WEIGHTS);
    kr_phase_net_draw(&j->net, j->weight, &l->rng);
    for (size_t k = 0; k < n; k++) {
        l->weight[k] = (float)j->weight[k];
        j->weight[k] = l->weight[k];
    }
    kr_rng_seed(&l->rng, seed, stream, KR_PURPOSE_TRAIN);
    for (int64_t i = 0; i < j->n_train; i++) {
        l->order[i] = i;
    }
    return KR_OK;
}

static void learner_clear(learner *l)
{
    kr_free(l->direction);
    kr_free(l->weight);
    kr_free(l->gradient);
    kr_free(l->order);
    kr_adam_clear(&l->adam);
}

/* One step of Adam on the configurations order[from..to). */
static int step(job *j, learner *l, int64_t from, int64_t to, double rate, kr_error *err)
{
    const size_t n = j->net.n_weights;
    const double ridge = j->study->params.ridge;
    kr_phase_net_set(&j->net, j->weight);
    for (int64_t i = from; i < to; i++) {
        const int64_t k = l->order[i];
        const uint8_t *state = j->data->state + j->row[k] * j->data->n_sites;
        kr_phase_net_add(&j->net, state, j->label[k]);
    }
    kr_phase_net_collect(&j->net, l->gradient);
    for (size_t k = 0; k < n; k++) {
        l->direction[k] = (float)-(l->gradient[k] / (double)(to - from) + ridge * j->weight[k]);
    }
    KR_TRY(kr_adam_step(&l->adam, l->weight, l->direction, rate, CLIP, err));
    for (size_t k = 0; k < n; k++) {
        j->weight[k] = l->weight[k];
    }
    return KR_OK;
}

static int train_network(job *j, int32_t w, bool *is_finished, kr_error *err)
{
    const kr_phase_params *params = &j->study->params;
    learner l;
    int status = learner_init(&l, j, (uint64_t)(j->size->side * KR_PHASE_WINDOWS + w), err);
    for (int64_t e = 0; e < params->epochs && status == KR_OK; e++) {
        if (kr_study_must_stop(&j->study->base)) {
            *is_finished = false;
            break;
        }
        for (int64_t i = j->n_train - 1; i > 0; i--) {
            const int64_t k = kr_rng_below(&l.rng, (uint32_t)i + 1), kept = l.order[i];
            l.order[i] = l.order[k];
            l.order[k] = kept;
        }
        const double share = (double)e / (double)params->epochs;
        const double rate = params->rate * (1.0 - (1.0 - LAST_RATE) * share);
        for (int64_t from = 0; from < j->n_train && status == KR_OK; from += params->batch) {
            const int64_t to = from + params->batch;
            status = step(j, &l, from, to < j->n_train ? to : j->n_train, rate, err);
        }
    }
    kr_phase_net_set(&j->net, j->weight);
    learner_clear(&l);
    return status;
}

/* What the network says of states that nobody drew: one phase, equal domains of all phases that
 * a symmetry takes into each other, a checkerboard of two of them, and random states. */
static void show(job *j)
{
    const kr_terms *terms = j->spec->target[0].terms;
    const kr_lattice *lattice = j->spec->target[0].lattice;
    const int64_t N = j->data->n_sites;
    uint8_t *state = kr_alloc((size_t)N, 1, NULL);
    kr_rng rng;
    int32_t phase[KR_PHASE_STATES] = { 0, terms->q - 1 }, n_phases = 0;
    for (int32_t s = 0; s < terms->q; s++) { /* the largest class */
        int32_t member[KR_PHASE_STATES] = { 0 }, n = 0;
        for (int32_t t = 0; t < terms->q; t++) {
            if (terms->state_class[t] == terms->state_class[s]) {
                member[n++] = t;
            }
        }
        if (n > n_phases && n > 1) {
            n_phases = n;
            memcpy(phase, member, sizeof phase);
        }
    }
    n_phases = n_phases > 1 ? n_phases : 2;
    kr_rng_seed(&rng, (uint64_t)j->study->base.seed, (uint64_t)j->size->side,
                KR_PURPOSE_CERTIFICATE);
    for (int k = 0; k < KR_PHASE_SHOWN; k++) {
        for (int64_t i = 0; state && i < N; i++) {
            state[i] = (uint8_t)(k == 0   ? phase[0]
                                 : k == 1 ? phase[i * n_phases / N]
                                 : k == 2 ? phase[lattice->color[i] != 0]
                                          : (int32_t)kr_rng_below(&rng, (uint32_t)terms->q));
        }
        j->size->shown[k] = !state || (k == 2 && lattice->n_colors != 2)
                                ? NAN
                                : kr_logistic_probability(kr_phase_net_logit(&j->net, state));
    }
    kr_free(state);
}

/* ---- both ---------------------------------------------------------------------------------
 */

static int fit_logistic(job *j, kr_logistic *fit, kr_error *err)
{
    const int32_t F = j->study->n_features;
    double *x = kr_alloc((size_t)(j->n_train * F), sizeof *x, err);
    int status = x ? KR_OK : KR_ENOMEM;
    for (int64_t i = 0; x && i < j->n_train; i++) {
        memcpy(x + i * F, j->data->feature + j->row[i] * F, (size_t)F * sizeof *x);
    }
    status = status == KR_OK
                 ? kr_logistic_fit(x, j->label, j->n_train, F, j->study->params.ridge, fit, err)
                 : status;
    kr_free(x);
    return status;
}

static void score(kr_phase_score *s, double logit, double label)
{
    s->accuracy += (logit > 0.0) == (label == 1.0);
    s->entropy += kr_logistic_entropy(logit, label);
}

static void finish_score(kr_phase_score *s, int64_t n)
{
    s->accuracy /= (double)n;
    s->entropy /= (double)n;
}

/* The curve and, of the first window, how well training and test draws there are told apart. */
static void evaluate(job *j, int kind, int32_t w, const kr_logistic *fit)
{
    const kr_phase_study *study = j->study;
    const int64_t half = j->data->n_chains / 2, D = j->data->n_draws, F = study->n_features;
    kr_phase_curve *curve = &j->size->curve[kind][w];
    memset(curve->chain, 0, sizeof curve->chain);
    kr_phase_score *test = &j->size->test[kind], *train = &j->size->train[kind];
    for (int64_t k = 0; k < j->n_test; k++) {
        const int64_t p = k / (half * D), c = k / D % half, d = k % D;
        const double logit = kind == KR_PHASE_LOGISTIC
                                 ? kr_logistic_logit(fit, j->x + k * F)
                                 : net_logit(j, kr_phase_row(j->data, p, half + c, d));
        curve->chain[p][c] += kr_logistic_probability(logit) / (double)D;
        if (w == 0) {
            const bool is_high = p >= study->window[0][1];
            j->logit[kind][k] = logit;
            if (is_high || p <= study->window[0][0]) { /* n_train rows */
                score(test, logit, is_high == study->ordered_is_high);
            }
        }
    }
    for (int64_t i = 0; w == 0 && i < j->n_train; i++) {
        const double logit = kind == KR_PHASE_LOGISTIC
                                 ? kr_logistic_logit(fit, j->data->feature + j->row[i] * F)
                                 : net_logit(j, j->row[i]);
        score(train, logit, j->label[i]);
    }
    if (w == 0) {
        finish_score(test, j->n_train);
        finish_score(train, j->n_train);
    }
    for (int32_t p = 0; p < study->n_points; p++) {
        double sum = 0.0, squares = 0.0;
        for (int64_t c = 0; c < half; c++) {
            sum += curve->chain[p][c] / (double)half;
        }
        for (int64_t c = 0; c < half; c++) {
            squares += pow(curve->chain[p][c] - sum, 2) / (double)half;
        }
        curve->p[p] = sum;
        curve->error[p] = sqrt(squares / (double)(half - 1));
    }
}

/* What explains the logits, and how often the classifiers agree. */
static int explain(job *j, kr_error *err)
{
    const kr_phase_study *study = j->study;
    kr_phase_size *s = j->size;
    for (int kind = 0; kind < KR_PHASE_KINDS; kind++) {
        for (int r = 0; r < KR_PHASE_R2 && kr_phase_kind_is_there(study, kind); r++) {
            bool use[KR_PHASE_FEATURES];
            for (int f = 0; f < KR_PHASE_FEATURES; f++) {
                use[f] = r == KR_PHASE_R2_ALL || (r == KR_PHASE_R2_ABS && f == KR_PHASE_ABS) ||
                         (r == KR_PHASE_R2_CONJUGATE && f == KR_PHASE_CONJUGATE);
            }
            KR_TRY(kr_logistic_explained(j->x, j->logit[kind], j->n_test, study->n_features,
                                         use, 1, &s->r2[kind][r], err));
            KR_TRY(kr_logistic_explained(j->x, j->logit[kind], j->n_test, study->n_features,
                                         use, study->n_points, &s->within[kind][r], err));
        }
    }
    s->agree = s->agree_gap = NAN;
    if (study->has_net) {
        const int64_t each = j->n_test / study->n_points;
        int64_t same = 0, same_gap = 0, gap = 0;
        for (int64_t k = 0; k < j->n_test; k++) {
            const int64_t p = k / each;
            const bool is_gap = p > study->window[0][0] && p < study->window[0][1];
            const bool is_same = (j->logit[0][k] > 0.0) == (j->logit[1][k] > 0.0);
            same += is_same;
            gap += is_gap;
            same_gap += is_gap && is_same;
        }
        s->agree = (double)same / (double)j->n_test;
        s->agree_gap = (double)same_gap / (double)gap;
    }
    return KR_OK;
}

static int work(job *j, bool *is_finished, kr_error *err)
{
    KR_TRY(begin(j, err));
    KR_TRY(find_order(j, err));
    for (int32_t w = 0; w < KR_PHASE_WINDOWS; w++) {
        kr_logistic fit;
        gather(j, w);
        KR_TRY(fit_logistic(j, &fit, err));
        evaluate(j, KR_PHASE_LOGISTIC, w, &fit);
        if (w == 0) {
            j->size->logistic = fit;
        }
        if (j->study->has_net) {
            KR_TRY(train_network(j, w, is_finished, err));
            if (!*is_finished) {
                return KR_OK;
            }
            evaluate(j, KR_PHASE_NETWORK, w, NULL);
            if (w == 0) {
                show(j);
            }
        }
    }
    return explain(j, err);
}

int kr_phase_train(kr_phase_study *study, int32_t k, const kr_phase_data *data,
                   bool *is_finished, kr_error *err)
{
    job j = { .study = study, .data = data, .size = &study->size[k], .side_index = k };
    const double begun = kr_edit_clock();
    *is_finished = true;
    for (int s = 0; s < KR_PHASE_SHOWN; s++) {
        j.size->shown[s] = NAN;
    }
    const int status = work(&j, is_finished, err);
    end(&j);
    study->train_cpu_s += kr_edit_clock() - begun;
    if (status == KR_OK && *is_finished) {
        kr_study_say(&study->base, "phase: size %d: trained, %.3g CPU seconds\n", j.size->side,
                     kr_edit_clock() - begun);
    }
    return status;
}
