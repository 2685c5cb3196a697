/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema.h - which variable of the result file holds which number of a sampler. */
#ifndef KR_RUN_SCHEMA_H
#define KR_RUN_SCHEMA_H

#include "io/results.h"
#include "run/spec.h"

typedef struct kr_counts { /* slabs handed to the results so far, in all parts */
    int64_t measured, warmup, training, configurations;
} kr_counts;

#define KR_SCHEMA_SLOTS    5 /* variables of a temperature slot */
#define KR_SCHEMA_TOTALS   6 /* of the cost */
#define KR_SCHEMA_TRAINING 8

typedef struct kr_schema {
    kr_results *results;
    const kr_spec *spec; /* borrowed */
    kr_sampler *sampler; /* borrowed */
    int *series[2];      /* variable of each column: measured, warmup */
    int epoch[2];
    int training[KR_SCHEMA_TRAINING]; /* step, then the fields of kr_training_row */
    int configuration, configuration_draw;
    int total[KR_SCHEMA_TOTALS], update_cost[KR_UPDATES_MAX], exchange_cost;
    double pilot_cpu_s;        /* spent before the run */
    int slot[KR_SCHEMA_SLOTS]; /* replica exchange */
    int *certificate;          /* (kr_schema_certificates) */
    int annealing[KR_ANNEALING_ROWS];
    int step[KR_UPDATES_MAX];            /* that updates were tuned to, where they were */
    int scale[KR_UPDATES_MAX];           /* the same, of every site */
    int flat[5];                         /* variables of the group density_of_states */
    int histogram[KR_HISTOGRAMS_MAX][5]; /* variables of the groups histogram_COLUMN */
    int n_variables;
    uint8_t *group_of; /* 0 fixed, 1 measured, 2 warmup, 3 training, 4 configurations */
    kr_counts counts;
} kr_schema;

/* Declares all groups and variables and puts the constants (couplings' scalars, exact values).
 */
int kr_schema_init(kr_schema *schema, const kr_spec *spec, kr_sampler *sampler, kr_error *err);
void kr_schema_clear(kr_schema *schema);
/* Appends what the last advance made. */
int kr_schema_collect(kr_schema *schema, kr_error *err);
/* Appends the present configurations of all chains as those of the last measured draw. */
int kr_schema_collect_configurations(kr_schema *schema, kr_error *err);
/* Puts certificates and cost as they are now. */
int kr_schema_put_final(kr_schema *schema, double wall_s, kr_error *err);
/* A constant of every point in the group constant_data; values (n_points) or NULL: to be put
 * later under *index (NULL allowed). */
int kr_schema_constant(kr_schema *schema, const char *name, const char *unit, const char *doc,
                       const double *values, int *index, kr_error *err);
/* The same of every site, (n_points, n_sites), after the dim `site` was declared. */
int kr_schema_site_constant(kr_schema *schema, const char *name, const char *unit,
                            const char *doc, int *index, kr_error *err);
/* An action has no unit: "1" for what is measured in J, but for angles, whose energy it is. */
const char *kr_schema_unit(const kr_schema *schema, const char *unit);
/* A number of the group cost, to be put later under *index. */
int kr_schema_cost(kr_schema *schema, const char *name, const char *unit, int *index,
                   kr_error *err);
/* schema_cost.c: CPU times, wall time, threads; the same as they are now. */
int kr_schema_add_cost(kr_schema *schema, kr_error *err);
int kr_schema_put_cost(kr_schema *schema, double wall_s, kr_error *err);
/* schema_exact.c: exact values where enumeration, a narrow strip or Kaufman gives them. */
int kr_schema_exact(kr_schema *schema, kr_error *err);
/* schema_certificates.c: what the independent samples of each density say, in constant_data;
 * how many variables that is, adding them, and putting them as they are now. */
size_t kr_schema_certificates(const kr_schema *schema);
int kr_schema_add_certificates(kr_schema *schema, kr_error *err);
int kr_schema_put_certificates(kr_schema *schema, kr_error *err);
/* schema_tuning.c: steps and scales that updates were tuned to, in constant_data; as they are
 * now. */
int kr_schema_add_tuning(kr_schema *schema, kr_error *err);
int kr_schema_put_tuning(kr_schema *schema, kr_error *err);
/* schema_slots.c: variables of the slots, nothing without replica exchange; the same as they
 * are now. */
int kr_schema_add_slots(kr_schema *schema, kr_error *err);
int kr_schema_put_slots(kr_schema *schema, kr_error *err);
/* After counts were loaded: new draws are numbered from them on. */
int kr_schema_continue(kr_schema *schema, kr_error *err);
/* limit[v] for kr_results_assemble; owned by the caller (kr_free). */
int64_t *kr_schema_limits(const kr_schema *schema, kr_error *err);

/* A series of all chains in the statistics of the measured draws (kind 1) or of warm-up (2). */
int kr_schema_series(kr_schema *schema, int kind, const char *name, const char *doc, int *index,
                     kr_error *err);
/* A variable of the measured draws in sample_stats, without chains. */
int kr_schema_draw_variable(kr_schema *schema, const char *name, const char *dims,
                            const char *doc, int *index, kr_error *err);
/* schema_training.c: the group adaptation, nothing without densities; appends the last step. */
int kr_schema_add_training(kr_schema *schema, kr_error *err);
int kr_schema_collect_training(kr_schema *schema, kr_error *err);
/* A variable of the group adaptation. */
int kr_schema_training_variable(kr_schema *schema, const char *name, kr_dtype dtype,
                                const char *dims, const char *unit, const char *doc, int *index,
                                kr_error *err);
/* schema_derived.c: attributes that say how derived quantities follow from the columns. */
int kr_schema_add_derived(kr_schema *schema, kr_error *err);

/* schema_annealing.c: numbers of each run; nothing without population annealing. */
int kr_schema_add_annealing(kr_schema *schema, kr_error *err);
int kr_schema_collect_annealing(kr_schema *schema, int64_t draw, kr_error *err);

/* schema_path.c: the slope dS/dt as a series of that kind, and what the path begins with;
 * nothing without a path. */
int kr_schema_add_path(kr_schema *schema, int kind, kr_error *err);

/* schema_flat.c: the group density_of_states; nothing without multicanonical weights. */
int kr_schema_add_flat(kr_schema *schema, kr_error *err);
int kr_schema_put_flat(kr_schema *schema, kr_error *err);

/* schema_stop.c: how measuring ended, or how far it is, in one line without its end; false
 * without a target error. The same and its numbers as attributes, as they are now. */
bool kr_schema_tell_stop(const kr_sampler *sampler, const kr_spec *spec, char *text,
                         size_t size);
int kr_schema_put_stop(kr_schema *schema, kr_error *err);

/* schema_histograms.c: groups of the histograms; the same as they are now. */
int kr_schema_add_histograms(kr_schema *schema, kr_error *err);
int kr_schema_put_histograms(kr_schema *schema, kr_error *err);

#endif
