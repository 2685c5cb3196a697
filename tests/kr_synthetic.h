/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_synthetic.h - result files with known statistics for the tests of the analysis: two
 * phases, each with correlated Gaussian noise, visited in dwells of known mean length. */
#ifndef KR_SYNTHETIC_H
#define KR_SYNTHETIC_H

#include "base/memory.h"
#include "base/rng.h"
#include "io/results.h"

#include <math.h>
#include <stdio.h>

typedef struct kr_synthetic {
    const char *title;
    int64_t n_chains, n_draws, n_points;
    double dwell;        /* mean draws in a phase; infinite: every chain stays where it began */
    double ar;           /* correlation of the noise from draw to draw */
    double energy_shift; /* moves the energies off the exact value in the file */
    double acceptance;   /* of the independence update */
    double log_z_gap;    /* between the two estimates of log Z */
    bool has_nan, is_frozen;
    int64_t n_still; /* the first chains keep one energy though sites change */
    enum syn_still { SYN_SAME, SYN_APART, SYN_CYCLE, SYN_FREE } still; /* how: see syn_hold */
    bool is_coupled;     /* chain 2k + 1 repeats chain 2k, and the file says so */
    bool has_ladder;     /* the points are the slots of a ladder */
    double round_trips;  /* of that ladder */
    bool has_samples;    /* means of independent samples of the density, as follows */
    double between;      /* weight of the samples that are in no phase */
    double sample_shift; /* of energies and of the weight of phase ordered, off the law */
    double inverse, inverse_square, tail_index; /* of their weights */
} kr_synthetic;

enum { SYN_SITES = 256 };

typedef struct syn_chain {
    int phase;
    double noise[2];
} syn_chain;

/* Variables of a draw, in this order. */
enum {
    SYN_ENERGY,
    SYN_ORDER,
    SYN_ORDER2,
    SYN_IN_ORDERED,
    SYN_IN_DISORDERED,
    SYN_SWITCHES,
    SYN_ATTEMPTED,
    SYN_ACCEPTED,
    SYN_CHANGED,
    SYN_ATTEMPTED_LOCAL,
    SYN_ACCEPTED_LOCAL,
    SYN_CHANGED_LOCAL,
    SYN_LOG_W,
    SYN_LP,
    SYN_N
};

static void syn_draw(const kr_synthetic *f, syn_chain *c, kr_rng *rng, double beta, double *out)
{
    bool is_switch = !isinf(f->dwell) && kr_rng_bernoulli(rng, 1.0 / f->dwell);
    c->phase = is_switch ? 1 - c->phase : c->phase;
    for (int k = 0; k < 2; k++) {
        c->noise[k] = f->ar * c->noise[k] + sqrt(1.0 - f->ar * f->ar) * kr_rng_normal(rng);
    }
    if (f->is_frozen) {
        c->noise[0] = c->noise[1] = 0.0;
    }
    double energy = (c->phase ? -0.8 : -1.6) * beta + 0.03 * c->noise[0] + f->energy_shift;
    double order = (c->phase ? 0.15 : 0.9) + 0.03 * c->noise[1];
    bool is_accepted = kr_rng_bernoulli(rng, f->acceptance) && !f->is_frozen;
    double log_w = 900.0 + 0.3 * kr_rng_normal(rng);
    out[SYN_ENERGY] = round(energy * SYN_SITES) / SYN_SITES;
    out[SYN_ORDER] = order;
    out[SYN_ORDER2] = order * order;
    out[SYN_IN_ORDERED] = c->phase == 0;
    out[SYN_IN_DISORDERED] = c->phase == 1;
    out[SYN_SWITCHES] = is_switch;
    out[SYN_ATTEMPTED] = 1.0;
    out[SYN_ACCEPTED] = is_accepted;
    out[SYN_CHANGED] = is_accepted ? 200.0 : 0.0;
    out[SYN_ATTEMPTED_LOCAL] = SYN_SITES;
    out[SYN_ACCEPTED_LOCAL] = f->is_frozen ? 0.0 : 100.0;
    out[SYN_CHANGED_LOCAL] = out[SYN_ACCEPTED_LOCAL];
    out[SYN_LOG_W] = log_w;
}

/* A chain that keeps one energy: the same as the others of its kind (SYN_SAME) or another
 * (SYN_APART), with every single-site move accepted (SYN_FREE) and nothing else changing
 * either (SYN_CYCLE). */
static void syn_hold(const kr_synthetic *f, int64_t chain, double *out)
{
    out[SYN_ENERGY] = -1.2 + (f->still == SYN_APART ? 0.01 * (double)chain : 0.0);
    if (f->still == SYN_CYCLE || f->still == SYN_FREE) {
        out[SYN_ACCEPTED_LOCAL] = out[SYN_CHANGED_LOCAL] = SYN_SITES;
    }
    for (int k = SYN_ORDER; f->still == SYN_CYCLE && k <= SYN_SWITCHES; k++) {
        out[k] = 0.0;
    }
}

static int syn_constant(kr_results *r, const char *name, const char *dims, const double *values,
                        kr_error *err)
{
    int index;
    KR_TRY(kr_results_variable(r, "constant_data", name, KR_F64, dims, "1", "", &index, err));
    return kr_results_put(r, index, values, err);
}

static int syn_samples(const kr_synthetic *f, kr_results *r, const char *dims, kr_error *err)
{
    const struct {
        const char *name;
        double value;
    } row[] = { { "bridge_q_net", 0.49 },
                { "bridge_q_net_error", 0.1 },
                { "inverse_q_net", f->inverse },
                { "inverse_square_q_net", f->inverse_square },
                { "tail_index_q_net", f->tail_index },
                { "mean_log_w_q_net", 899.91 },
                { "mean_log_w_q_net_error", 0.001 },
                { "energy_per_site_q_net", -1.2 + f->sample_shift },
                { "energy_per_site_q_net_error", 0.001 },
                { "in_ordered_q_net", 0.5 - f->between / 2.0 + f->sample_shift },
                { "in_ordered_q_net_error", 0.001 },
                { "drawn_in_ordered_q_net", 0.5 },
                { "in_disordered_q_net", 0.5 - f->between / 2.0 - f->sample_shift },
                { "in_disordered_q_net_error", 0.001 },
                { "drawn_in_disordered_q_net", 0.5 } };
    for (size_t k = 0; f->has_samples && k < sizeof row / sizeof *row; k++) {
        KR_TRY(syn_constant(r, row[k].name, dims, &row[k].value, err));
    }
    int epoch = -1;
    if (f->has_samples) {
        KR_TRY(kr_results_variable(r, "sample_stats", "epoch", KR_F64, "draw", "1", "", &epoch,
                                   err));
    }
    for (int64_t t = 0; f->has_samples && t < f->n_draws; t++) {
        KR_TRY(kr_results_append(r, epoch, &(double){ 1.0 }, err));
    }
    return KR_OK;
}

static int syn_constants(const kr_synthetic *f, kr_results *r, const double *beta,
                         kr_error *err)
{
    enum { POINTS_MAX = 16 };
    const char *dims = f->n_points > 1 ? "point" : "";
    double energy[POINTS_MAX], value[POINTS_MAX];
    if (f->n_points > 1) {
        KR_TRY(kr_results_dim(r, "constant_data", "point", f->n_points, NULL, err));
        KR_TRY(kr_results_attr_text(r, "constant_data", "", "scanned", "beta", err));
    }
    KR_TRY(syn_constant(r, "beta", dims, beta, err));
    for (int p = 0; p < f->n_points; p++) {
        energy[p] = -1.2 * beta[p];
    }
    KR_TRY(syn_constant(r, "exact_energy_per_site", dims, energy, err));
    const char *const name[] = { "ess_q_net",     "log_z_q_net", "log_z_q_net_error",
                                 "max_share_net", "n_q_net",     "exact_log_z" };
    /* log w of chain states ~ N(900, 0.09): log Z = -log <1/w> = 900 - 0.045 */
    const double number[] = { 0.91, 899.955 + f->log_z_gap, 0.001, 0.0004, 65536.0, 899.955 };
    for (int k = 0; k < 6; k++) {
        for (int p = 0; p < f->n_points; p++) {
            value[p] = number[k];
        }
        KR_TRY(syn_constant(r, name[k], dims, value, err));
    }
    KR_TRY(syn_samples(f, r, dims, err));
    if (f->has_ladder) {
        const char *const slot[] = { "ladder", "slot", "round_trips", "flow_from_cold" };
        for (int k = 0; k < 4; k++) {
            for (int p = 0; p < f->n_points; p++) {
                const double of[] = { 0.0, p, f->round_trips,
                                      (double)p / (double)(f->n_points - 1) };
                value[p] = of[k];
            }
            KR_TRY(syn_constant(r, slot[k], dims, value, err));
        }
        KR_TRY(kr_results_attr_real(r, "constant_data", "", "exchange_every", 2.0, err));
    }
    const char *const cost[] = { "sample_cpu_s",   "train_cpu_s", "certificate_cpu_s",
                                 "wall_s",         "threads",     "cpu_s_independence",
                                 "cpu_s_heat_bath" };
    const double seconds[] = { 12.5, 60.25, 1.5, 40.0, 2.0, 9.0, 3.25 };
    for (int k = 0; k < 7; k++) {
        int index;
        KR_TRY(kr_results_variable(r, "cost", cost[k], KR_F64, "", "s", "", &index, err));
        KR_TRY(kr_results_put(r, index, &seconds[k], err));
    }
    return KR_OK;
}

static int syn_declare(const kr_synthetic *f, kr_results *r, int index[SYN_N], kr_error *err)
{
    static const char *const name[SYN_N] = { "energy_per_site",
                                             "magnetization_per_site",
                                             "magnetization_squared",
                                             "in_ordered",
                                             "in_disordered",
                                             "phase_switches",
                                             "attempted_independence",
                                             "accepted_independence",
                                             "changed_independence",
                                             "attempted_heat_bath",
                                             "accepted_heat_bath",
                                             "changed_heat_bath",
                                             "log_w_net",
                                             "lp" };
    const char *dims = f->n_points > 1 ? "chain draw point" : "chain draw";
    for (int g = 0; g < 2; g++) {
        const char *group = g ? "sample_stats" : "posterior";
        KR_TRY(kr_results_dim(r, group, "chain", f->n_chains, NULL, err));
        KR_TRY(kr_results_dim(r, group, "draw", 0, NULL, err));
        if (f->n_points > 1) {
            KR_TRY(kr_results_dim(r, group, "point", f->n_points, NULL, err));
        }
    }
    for (int k = 0; k < SYN_N; k++) {
        const char *group = k < SYN_ATTEMPTED ? "posterior" : "sample_stats";
        KR_TRY(kr_results_variable(r, group, name[k], KR_F64, dims, k == SYN_ENERGY ? "J" : "1",
                                   "", &index[k], err));
    }
    KR_TRY(kr_results_attr_text(r, "", "", "title", f->title, err));
    KR_TRY(kr_results_attr_text(r, "", "", "run_id", "0123abcd", err));
    KR_TRY(kr_results_attr_text(r, "", "", "kramers_version", "0.1.0", err));
    KR_TRY(kr_results_attr_real(r, "posterior", "", "n_sites", SYN_SITES, err));
    KR_TRY(kr_results_attr_real(r, "posterior", "", "every", 10.0, err));
    if (f->is_coupled) {
        KR_TRY(kr_results_attr_real(r, "posterior", "", "chains_coupled", 2.0, err));
    }
    KR_TRY(kr_results_attr_text(r, "sample_stats", "attempted_independence", "density", "net",
                                err));
    KR_TRY(kr_results_attr_text(r, "posterior", "", "derived_specific_heat",
                                "variance energy_per_site 2 1 | 1 | specific heat", err));
    return kr_results_attr_text(r, "posterior", "", "derived_binder",
                                "binder magnetization_squared 0 0 | 1 | Binder cumulant", err);
}

static int syn_fill(const kr_synthetic *f, kr_results *r, const double *beta,
                    const int index[SYN_N], kr_error *err)
{
    int64_t lanes = f->n_chains * f->n_points;
    kr_rng rng;
    kr_rng_seed(&rng, 77, 0, KR_PURPOSE_TEST);
    syn_chain *chain = kr_alloc((size_t)lanes, sizeof *chain, err);
    double *slab = kr_alloc((size_t)lanes * SYN_N, sizeof *slab, err), draw[SYN_N];
    int status = chain && slab ? KR_OK : KR_ENOMEM;
    for (int64_t l = 0; l < lanes && status == KR_OK; l++) {
        chain[l].phase = (int)(l / f->n_points % 2);
        chain[l].noise[0] = kr_rng_normal(&rng);
        chain[l].noise[1] = kr_rng_normal(&rng);
    }
    for (int64_t t = 0; t < f->n_draws && status == KR_OK; t++) {
        for (int64_t l = 0; l < lanes; l++) { /* slab order: chain, point */
            syn_draw(f, &chain[l], &rng, beta[l % f->n_points], draw);
            if (l / f->n_points < f->n_still) {
                syn_hold(f, l / f->n_points, draw);
            }
            draw[SYN_LP] = -beta[l % f->n_points] * SYN_SITES * draw[SYN_ENERGY];
            bool is_copy = f->is_coupled && l / f->n_points % 2;
            for (int k = 0; k < SYN_N; k++) {
                slab[k * lanes + l] = is_copy ? slab[k * lanes + l - f->n_points] : draw[k];
            }
        }
        if (f->has_nan && t == 12) {
            slab[SYN_ENERGY * lanes] = NAN;
        }
        for (int k = 0; k < SYN_N && status == KR_OK; k++) {
            status = kr_results_append(r, index[k], slab + k * lanes, err);
        }
    }
    kr_free(slab);
    kr_free(chain);
    return status;
}

/* Writes the file; beta = 1, 1.1, 1.2, ... */
static int kr_synthetic_write(const kr_synthetic *f, const char *path, kr_error *err)
{
    double beta[16];
    int index[SYN_N];
    for (int p = 0; p < 16; p++) {
        beta[p] = 1.0 + 0.1 * p;
    }
    kr_results *r = kr_results_alloc(err);
    if (!r) {
        return KR_ENOMEM;
    }
    int status = syn_declare(f, r, index, err);
    if (status == KR_OK) {
        status = syn_constants(f, r, beta, err);
    }
    if (status == KR_OK) {
        status = syn_fill(f, r, beta, index, err);
    }
    if (status == KR_OK) {
        status = kr_results_write_part(r, path, err);
    }
    kr_results_free(r);
    return status;
}

#endif
