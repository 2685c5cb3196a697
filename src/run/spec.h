/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec.h - a run file turned into lattices, terms and a sampler's configuration. */
#ifndef KR_RUN_SPEC_H
#define KR_RUN_SPEC_H

#include "base/runfile.h"
#include "sampler/sampler.h"

#define KR_POINTS_MAX      4096
#define KR_OBSERVABLES_MAX 16
#define KR_DENSITIES_MAX   8

typedef struct kr_output_params {
    double checkpoint; /* seconds between restart files */
    struct {
        int64_t every; /* draws between stored configurations, 0 = none */
    } configurations;
} kr_output_params;

typedef enum kr_ladder_kind { KR_LADDER_GIVEN, KR_LADDER_AUTO, KR_LADDER_FLOW } kr_ladder_kind;

typedef struct kr_tempering_params {
    int64_t every;  /* steps between offers of exchange */
    int32_t ladder; /* kr_ladder_kind */
    int64_t pilot, iterations;
    char found[KR_TEXT_MAX]; /* how a ladder that is given now was found */
} kr_tempering_params;

typedef struct kr_path_params { /* section `path` */
    int32_t from, center;
    int64_t points, pilot, iterations;
    char found[KR_TEXT_MAX];
} kr_path_params;

/* Files of a density; a * in their names stands for the number of the point, four digits. */
typedef struct kr_density_files {
    char start[KR_TEXT_MAX], save[KR_TEXT_MAX]; /* empty: none */
    struct kr_stored **stored; /* (n_points) read from start, one of all where it has no *;
                                  owns */
} kr_density_files;

typedef struct kr_critical_params { /* section `critical`; runs do not read it */
    kr_list sizes;
    double minutes, omega;
} kr_critical_params;
/* The section, or its defaults. Errors: KR_EPARSE, KR_ERANGE, KR_EINVAL with the place. */
int kr_spec_parse_critical(kr_runfile *file, kr_critical_params *params, kr_error *err);

typedef struct kr_phase_params { /* section `phase`; runs do not read it */
    kr_list sizes;
    double share, rate, ridge, nu;
    int64_t chains, draws, filters, hidden, epochs, batch;
} kr_phase_params;
/* As kr_spec_parse_critical. */
int kr_spec_parse_phase(kr_runfile *file, kr_phase_params *params, kr_error *err);

#define KR_SPEC_UNKNOWN_REACH                                                                  \
    "no update of this schedule is known to reach every state by itself; add heat_bath, or "   \
    "hmc where variables are real, unless you know better\n"

#define KR_AUTOMATIC 4 /* keys of `training` whose default depends on the densities */

typedef struct kr_spec {
    kr_runfile *file; /* with every default filled in; owns */
    const kr_model_plug *model;
    const kr_lattice_plug *lattice_plug;
    void *lattice_params;
    kr_lattice *lattice;
    void **model_params; /* (n_points) */
    kr_target *target;   /* (n_points) */
    kr_terms **terms;    /* (n_points) */
    int32_t n_axes;
    kr_axis axis[KR_AXES_MAX];
    kr_schedule_entry update[KR_UPDATES_MAX];
    kr_density_entry density[KR_DENSITIES_MAX];
    kr_density_files density_files[KR_DENSITIES_MAX];
    kr_observable_entry observable[KR_OBSERVABLES_MAX];
    kr_histogram_params histogram[KR_HISTOGRAMS_MAX];
    kr_sampler_config config;
    void *start_states;           /* read from the start file, else NULL; owns */
    bool is_saved;                /* the chains come from a restart file */
    kr_slope *slope;              /* (n_points) or NULL; owns */
    const kr_terms **slope_terms; /* (2 n_points) made for them, or NULL; owns */
    kr_output_params output;
    bool is_automatic[KR_AUTOMATIC];
    bool has_tempering;
    kr_tempering_params tempering;
    struct kr_path *path;             /* of which the points are, or NULL; owns */
    struct kr_free_field *free_field; /* owns */
    kr_terms *end;                    /* of the model, on a path; owns */
    kr_path_params path_params;
    bool has_pilot;   /* the points of the path are to be moved before the run */
    int32_t n_betas;  /* multicanonical.betas */
    double *betas;    /* owns */
    int32_t reach;    /* of the schedule: 2 every state, 1 not known, 0 cluster moves only; what
                         blocks reach the sampler tells */
    kr_text warnings; /* lines for the user; may be empty */
} kr_spec;

/* Path of the density file of a point: * becomes its number. */
void kr_spec_density_path(const char *pattern, int32_t point, char *path, size_t size);

/* Takes the file (freed with the spec, also on failure). NULL with KR_EPARSE, KR_ERANGE,
 * KR_EUNSUP or KR_ENOMEM and a message that names the place. */
kr_spec *kr_spec_alloc(kr_runfile *file, kr_error *err);
/* The same for the run file that a restart file holds: the chains come from there too, so that
 * a start file is not read again. Their start in the config is not the one of the run. */
kr_spec *kr_spec_alloc_saved(kr_runfile *file, kr_error *err);
void kr_spec_free(kr_spec *spec);
/* kr_sampler_alloc of the configuration of the spec or one made from it; a message that begins
 * with the path of an entry ("updates.0: ") gets its place in the run file. */
kr_sampler *kr_spec_sampler(const kr_spec *spec, const kr_sampler_config *config,
                            kr_error *err);
/* The resolved run file as text. */
int kr_spec_write(const kr_spec *spec, kr_text *text, kr_error *err);
/* A digest of bonds, couplings and local energies, for the comparison at a resume. */
uint64_t kr_spec_digest(const kr_spec *spec);
/* Bytes that a run takes, roughly, when its sampler has been made in this process: counted for
 * lattice, terms, chains and draws, or what the process holds now where that is more. */
double kr_spec_memory(const kr_spec *spec);
/* Top-level table and those of its maps, for explain. */
const kr_field *kr_spec_fields(void);
/* The same for sections that are off unless they are there. */
const kr_field *kr_spec_optional_fields(void);

#endif
