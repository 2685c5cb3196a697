/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/annealing.c - population annealing over the points of a run.
 *
 * The points, sorted by beta, are the temperatures of an annealing run and their chains the
 * members of a population. A draw is one whole run: random states at the lowest beta, `every`
 * passes of the schedule, a measurement; then for each next beta a resampling with weights
 * exp(-(beta' - beta) H), passes of the schedule and a measurement there. The mean weights
 * estimate the ratios of partition functions (Hukushima, Iba, AIP Conf. Proc. 690, 200 (2003)),
 * their product without bias when the first states are samples; runs are averaged with that
 * product as weight (Machta, Phys. Rev. E 82, 026704 (2010)); families are the members that
 * descend from one first state (Wang, Machta, Katzgraber, Phys. Rev. E 92, 063307 (2015)).
 *
 * On a path of actions (model/path.h) t takes the place of beta and the slope dS/dt that of H:
 * a run begins with independent samples of the free field, and log Z is absolute.
 *
 * Blocks of a temperature run in parallel; resampling is serial, in the order of the members,
 * with one number of a stream of its own, so the samples are the same for any number of
 * threads. Nothing but that stream and those of the blocks goes from one draw to the next. */
#include "base/memory.h"
#include "base/state.h"
#include "model/block.h"
#include "model/path.h"
#include "sampler/private.h"

#include <math.h>
#include <string.h>

typedef struct kr_annealing {
    int32_t *order;                                      /* (n_points) points by beta */
    kr_rng rng;                                          /* of the resampling */
    double *weight;                                      /* (n_chains) of the members */
    int32_t *parent, *family, *old_family, *family_size; /* (n_chains) */
    double *slope;  /* (2, n_chains) energies or dS/dt of the present population and the last */
    double log_z;   /* of the run so far */
    double *record; /* (draws_capacity, KR_ANNEALING_ROWS, n_points) */
} kr_annealing;

typedef struct worker { /* what a thread needs and finds */
    void *scratch;
    double cpu_update[KR_UPDATES_MAX], cpu, audit;
    kr_tally tally[KR_UPDATES_MAX];
} worker;

/* ---- life cycle ------------------------------------------------------------------------- */

/* Different temperatures of one Hamiltonian, or different points of one path. */
static int check_points(const kr_sampler_config *config, kr_error *err)
{
    const bool is_path = config->target[0].path != NULL;
    bool has_start = !is_path;
    for (int32_t p = 0; p < config->n_points; p++) {
        has_start = has_start || config->target[p].t == 0.0;
        if (kr_target_ladder(&config->target[p]) != kr_target_ladder(&config->target[0])) {
            return kr_fail(err, KR_EUNSUP,
                           "point %d has another Hamiltonian than point 0, want points that "
                           "differ in beta only",
                           p);
        }
        for (int32_t k = 0; k < p; k++) {
            if (kr_target_rung(&config->target[p]) == kr_target_rung(&config->target[k])) {
                return kr_fail(err, KR_EINVAL, "%s = %g twice, want different %s",
                               is_path ? "t" : "beta", kr_target_rung(&config->target[p]),
                               is_path ? "points" : "temperatures");
            }
        }
    }
    return has_start ? KR_OK
                     : kr_fail(err, KR_EINVAL,
                               "the path does not begin at t = 0, where samples are exact");
}

int kr_annealing_check(const kr_sampler_config *config, kr_error *err)
{
    if (config->exchange_every > 0 || config->flat.is_on || config->n_densities > 0) {
        return kr_fail(err, KR_EUNSUP,
                       "%s beside it, want none: the population has weights of its own",
                       config->exchange_every > 0 ? "tempering"
                       : config->flat.is_on       ? "multicanonical"
                                                  : "densities");
    }
    KR_TRY(check_points(config, err));
    if (config->n_points < 2 || config->n_chains < 2) {
        return kr_fail(err, KR_EINVAL,
                       "%d temperatures and %lld chains, want two or more of each: a list or "
                       "{from, to, count} for beta, the population as chains",
                       config->n_points, (long long)config->n_chains);
    }
    const bool is_tuned =
        config->target[0].terms->action != NULL; /* in runs that are discarded */
    if (config->start != KR_START_RANDOM || (config->thermalize != 0 && !is_tuned)) {
        return kr_fail(err, KR_EINVAL,
                       "every run begins with random states at the lowest beta, want start: "
                       "random%s",
                       is_tuned ? "" : " and phases.thermalize = 0");
    }
    for (int32_t u = 0; u < config->n_updates; u++) {
        if (config->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS) {
            return kr_fail(err, KR_EUNSUP,
                           "update %s couples chains, which are kin after resampling, want "
                           "updates of single chains",
                           config->update[u].plug->name);
        }
    }
    for (int32_t o = 0; o < config->n_observables; o++) {
        if (config->observable[o].plug->flags & KR_OBSERVABLE_PAIRS) {
            return kr_fail(err, KR_EUNSUP,
                           "observable %s compares neighboring chains, which are kin after "
                           "resampling, want observables of single chains",
                           config->observable[o].plug->name);
        }
        if (config->observable[o].plug->declare) {
            return kr_fail(err, KR_EUNSUP,
                           "observable %s remembers the past of a chain, but chains begin anew "
                           "with each run, want observables of a state",
                           config->observable[o].plug->name);
        }
    }
    return KR_OK;
}

int kr_annealing_init(kr_sampler *s, kr_error *err)
{
    size_t points = (size_t)s->config.n_points, chains = (size_t)s->config.n_chains;
    kr_error why = { 0 };
    int status = kr_annealing_check(&s->config, &why);
    if (status != KR_OK) {
        return kr_fail(err, status, "population_annealing: %s", why.text);
    }
    kr_annealing *a = s->annealing = kr_alloc(1, sizeof *a, err);
    if (!a) {
        return KR_ENOMEM;
    }
    a->order = kr_alloc(points, sizeof *a->order, err);
    a->weight = kr_alloc(chains, sizeof *a->weight, err);
    a->slope = kr_alloc(2 * chains, sizeof *a->slope, err);
    a->parent = kr_alloc(4 * chains, sizeof *a->parent, err);
    a->record = kr_alloc((size_t)s->draws_capacity * KR_ANNEALING_ROWS * points,
                         sizeof *a->record, err);
    if (!a->order || !a->weight || !a->slope || !a->parent || !a->record) {
        return KR_ENOMEM;
    }
    a->family = a->parent + chains;
    a->old_family = a->family + chains;
    a->family_size = a->old_family + chains;
    for (int32_t p = 0; p < s->config.n_points; p++) {
        int32_t k = p;
        const double rung = kr_target_rung(&s->config.target[p]);
        for (; k > 0 && kr_target_rung(&s->config.target[a->order[k - 1]]) > rung; k--) {
            a->order[k] = a->order[k - 1];
        }
        a->order[k] = p;
    }
    kr_rng_seed(&a->rng, s->config.seed, 0, KR_PURPOSE_RESAMPLE);
    return KR_OK;
}

void kr_annealing_clear(kr_sampler *s)
{
    kr_annealing *a = s->annealing;
    if (a) {
        kr_free(a->order);
        kr_free(a->weight);
        kr_free(a->slope);
        kr_free(a->parent);
        kr_free(a->record);
        kr_free(a);
    }
    s->annealing = NULL;
}

int kr_annealing_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    return kr_rng_declare(&s->annealing->rng, table, err);
}

/* ---- resampling ------------------------------------------------------------------------- */

double kr_annealing_resample(const double *weight, int64_t n, double u, int32_t *parent)
{
    double total = 0.0, sum = 0.0;
    int64_t last = 0, m = 0;
    for (int64_t i = 0; i < n; i++) {
        total += weight[i];
        last = weight[i] > 0.0 ? i : last;
    }
    for (int64_t i = 0; i <= last; i++) {
        sum += weight[i];
        double end = i == last ? (double)n : sum / total * (double)n;
        for (; m < n && u + (double)m < end; m++) {
            parent[m] = (int32_t)i;
        }
    }
    for (; m < n; m++) { /* u + n - 1 rounded up to n */
        parent[m] = (int32_t)last;
    }
    return total / (double)n;
}

/* Numbers of the run at its temperature k. */
static void record(kr_sampler *s, int32_t k, int64_t draw, double log_q)
{
    kr_annealing *a = s->annealing;
    int64_t n = s->config.n_chains, n_families = 0;
    double square = 0.0;
    memset(a->family_size, 0, (size_t)n * sizeof *a->family_size);
    for (int64_t c = 0; c < n; c++) {
        a->family_size[a->family[c]]++;
    }
    for (int64_t c = 0; c < n; c++) {
        double size = a->family_size[c];
        square += size * size;
        n_families += size > 0.0;
    }
    const double row[KR_ANNEALING_ROWS] = { log_q, a->log_z, (double)n_families,
                                            square / (double)n };
    for (int j = 0; j < KR_ANNEALING_ROWS; j++) {
        a->record[(draw * KR_ANNEALING_ROWS + j) * s->config.n_points + a->order[k]] = row[j];
    }
}

/* From point k - 1 to point k in beta or t. */
static double step_to(const kr_sampler *s, int32_t k)
{
    const kr_annealing *a = s->annealing;
    return kr_target_rung(s->point[a->order[k]].target) -
           kr_target_rung(s->point[a->order[k - 1]].target);
}

/* The population of temperature k - 1 chooses the parents of that of k; k = 0 begins a run. */
static void choose(kr_sampler *s, int32_t k, int64_t draw)
{
    kr_annealing *a = s->annealing;
    int64_t n = s->config.n_chains;
    if (k == 0) {
        for (int64_t c = 0; c < n; c++) {
            a->family[c] = (int32_t)c;
        }
        a->log_z = 0.0;
        record(s, 0, draw, 0.0);
        return;
    }
    const double *slope = a->slope + (k - 1) % 2 * n;
    double top = -INFINITY;
    for (int64_t c = 0; c < n; c++) {
        a->weight[c] = -step_to(s, k) * slope[c];
        top = fmax(top, a->weight[c]);
    }
    for (int64_t c = 0; c < n; c++) {
        a->weight[c] = exp(a->weight[c] - top);
    }
    double u = kr_rng_uniform(&a->rng);
    double log_q = top + log(kr_annealing_resample(a->weight, n, u, a->parent));
    memcpy(a->old_family, a->family, (size_t)n * sizeof *a->family);
    for (int64_t c = 0; c < n; c++) {
        a->family[c] = a->old_family[a->parent[c]];
    }
    a->log_z += log_q;
    record(s, k, draw, log_q);
}

/* ---- a run ------------------------------------------------------------------------------ */

/* States of a block before the passes at temperature k. The blocks of k - 1 are in layout
 * CHAIN. */
static void fill(kr_sampler *s, int32_t k, int32_t b)
{
    const kr_annealing *a = s->annealing;
    const kr_point *point = &s->point[a->order[k]];
    kr_block *block = point->block[b];
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    if (k == 0) {
        for (int32_t l = 0; l < block->n_lanes && !kr_path_is_exact(point); l++) {
            kr_block_start_phase(block, point->target->terms, l, -1, block->rng);
        }
        kr_block_score(block, point->target->terms);
        kr_block_touch(block);
        return;
    }
    const kr_target *target = point->target;
    const double *slope = a->slope + (k - 1) % 2 * s->config.n_chains;
    const double change = target->path ? step_to(s, k) / target->beta : 0.0;
    const kr_point *from = &s->point[a->order[k - 1]];
    int32_t lanes = from->block[0]->n_lanes; /* of all blocks but the last */
    for (int32_t l = 0; l < block->n_lanes; l++) {
        int32_t parent = a->parent[block->first_chain + l];
        const kr_block *other = from->block[parent / lanes];
        const int32_t lane = parent % lanes;
        kr_block_copy_lane(block, l, other, lane);
        block->energy[l] = other->energy[lane] + (target->path ? change * slope[parent] : 0.0);
    }
    kr_block_touch(block);
}

/* Passes and measurement of a block at temperature k. */
static void move_block(kr_sampler *s, worker *w, int32_t k, int32_t b, const kr_chunk *todo,
                       int64_t draw)
{
    const kr_point *point = &s->point[s->annealing->order[k]];
    kr_block *block = point->block[b];
    double start = kr_clock_thread();
    fill(s, k, b);
    kr_schedule_clear(s, point, block, w->tally);
    kr_schedule_run(s, point, block, s->n_steps + draw * s->config.every, s->config.every,
                    w->scratch, w->tally, w->cpu_update);
    kr_advance_measure(s, point, block, draw, w->tally, w->scratch);
    double *slope = s->annealing->slope + k % 2 * s->config.n_chains + block->first_chain;
    if (point->target->path) {
        double own[KR_LANES_MAX];
        kr_path_slope(point->target->path, block, own);
        memcpy(slope, own, (size_t)block->n_lanes * sizeof *slope);
    } else {
        memcpy(slope, block->energy, (size_t)block->n_lanes * sizeof *slope);
    }
    if (todo->is_audited && draw + 1 == todo->n_draws) {
        w->audit = fmax(w->audit, kr_advance_audit(point, block));
    }
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    w->cpu += kr_clock_thread() - start;
}

static void run_draws(kr_sampler *s, worker *w, const kr_chunk *todo)
{
    for (int64_t draw = 0; draw < todo->n_draws; draw++) {
        for (int32_t k = 0; k < s->config.n_points; k++) {
#pragma omp single
            {
                double start = kr_clock_thread();
                choose(s, k, draw);
                w->cpu += kr_clock_thread() - start;
            }
#pragma omp for schedule(dynamic, 1)
            for (int32_t b = 0; b < s->n_blocks; b++) {
                move_block(s, w, k, b, todo, draw);
            }
        }
    }
}

void kr_annealing_run(kr_sampler *s, kr_chunk *todo)
{
    double cpu = 0.0, audit = 0.0;
#pragma omp parallel num_threads(s->config.n_threads) reduction(+ : cpu) reduction(max : audit)
    {
        worker w = { .scratch = kr_thread_scratch(s) };
        run_draws(s, &w, todo);
        cpu += w.cpu;
        audit = fmax(audit, w.audit);
        for (int32_t u = 0; u < s->config.n_updates; u++) {
#pragma omp atomic
            s->cpu_update[u] += w.cpu_update[u];
        }
    }
    s->cpu_sample += cpu;
    todo->audit = audit;
    todo->bad_density = -1;
}

const double *kr_sampler_annealing(const kr_sampler *s, int64_t draw, int row)
{
    return s->annealing
               ? s->annealing->record + (draw * KR_ANNEALING_ROWS + row) * s->config.n_points
               : NULL;
}
