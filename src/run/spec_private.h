/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_private.h - shared by the files that build a kr_spec: spec.c (points, whole),
 * spec_fields.c (descriptor tables), spec_densities.c, spec_entries.c (updates, observables),
 * spec_path.c, spec_start.c, spec_tempering.c, spec_training.c, spec_memory.c. */
#ifndef KR_RUN_SPEC_PRIVATE_H
#define KR_RUN_SPEC_PRIVATE_H

#include "run/plugs.h"
#include "run/spec.h"

typedef struct kr_phases_params {
    int64_t thermalize, adapt, measure, every;
} kr_phases_params;

typedef struct kr_top_training { /* with the key that names phases of the model */
    kr_training_params params;
    char phases[KR_TEXT_MAX]; /* of a list: empty */
} kr_top_training;

typedef struct kr_top_params {
    int64_t chains, seed;
    double beta;
    char start[KR_TEXT_MAX];
    kr_phases_params phases;
    kr_top_training training;
    kr_output_params output;
} kr_top_params;

/* Keys of the root that are not in the table of kr_spec_fields. */
#define KR_TOP_OTHERS                                                                          \
    "model|lattice|updates|densities|observables|histograms|tempering|multicanonical|"         \
    "population_annealing|path|stop|critical|phase"

/* Table of the section `multicanonical` without `betas`, which has a parser of its own. */
extern const kr_field kr_spec_flat_fields[];

/* Table of an entry of `histograms` without its `name`. */
extern const kr_field kr_spec_histogram_fields[];

/* Parses the keys of kr_spec_fields; a `start` that is a map and `training.phases` that is a
 * list leave the empty text. */
int kr_spec_parse_top(const kr_runfile *file, kr_top_params *t, kr_error *err);

/* The schedule's own keys of an update: an int64_t `sweeps`. */
const kr_field *kr_spec_entry_fields(void);

/* Keys of `start` where it is a map: a text `file`. */
const kr_field *kr_spec_start_fields(void);

/* Keys of a density beside those of its plug: the texts of kr_density_files. */
const kr_field *kr_spec_density_fields(void);

/* Where the node at path was written in the run file, a relative path in it is meant from the
 * folder of that file: it is replaced by the path from here. */
int kr_spec_resolve(kr_runfile *file, const char *path, const kr_node *node, kr_error *err);

/* Inserts every default of a table that the map at path does not have. */
int kr_spec_fill_defaults(kr_runfile *file, const char *path, const kr_node *map,
                          const kr_field *fields, kr_error *err);
/* Finds a plug by the name in its map (or by the bare word). */
int kr_spec_find_plug(const kr_runfile *file, const kr_node *map, kr_plug_kind kind,
                      const void **plug, kr_error *err);
/* Parses a plug's own fields into freshly allocated params (kr_free). */
int kr_spec_parse_params(const kr_runfile *file, const kr_node *map, const char *kind,
                         const char *name, const kr_field *fields, size_t size,
                         const char *others, void **params, kr_error *err);
/* The real number at a path such as "random_field.strength" in params, or NULL. */
const double *kr_spec_number(const kr_field *fields, const void *params, const char *path);
/* Gives the targets slopes along a parameter of the model; node: for messages. */
int kr_spec_build_slopes(kr_spec *spec, const kr_node *node, const char *parameter,
                         kr_error *err);
void kr_spec_clear_slopes(kr_spec *spec);
/* A required section of the root. */
int kr_spec_section(const kr_runfile *file, const char *key, kr_node_kind kind, kr_node **node,
                    kr_error *err);

/* Refuses (KR_ERANGE, with both figures) what this machine's memory cannot hold, before
 * anything large is taken. n_systems counts the points with model parameters of their own. */
int kr_spec_check_memory(const kr_spec *spec, const kr_node *lattice_map, double n_points,
                         double n_systems, kr_error *err);

/* spec_training.c: before the defaults of the root; when the densities are known. */
int kr_spec_training_defaults(kr_spec *spec, kr_error *err);
int kr_spec_finish_training(kr_spec *spec, kr_error *err);

/* spec_flat.c: before the defaults of the root; when the points are built. */
int kr_spec_flat_defaults(kr_runfile *file, kr_error *err);
int kr_spec_parse_flat(kr_spec *spec, kr_error *err);

/* spec_stop.c: the section `stop`, off when it is absent or null; before the defaults of the
 * root: the latest end of measure. */
extern const kr_field kr_spec_stop_fields[];
extern const kr_field kr_spec_critical_fields[]; /* spec_critical.c */
extern const kr_field kr_spec_phase_fields[];    /* spec_phase.c */
/* Sides of a study ascend, or KR_EINVAL. */
int kr_spec_check_sizes(const kr_runfile *file, const kr_node *section, const char *name,
                        const kr_list *sizes, kr_error *err);
int kr_spec_parse_stop(kr_spec *spec, kr_error *err);

/* spec_path.c: the section `path`, off when it is absent or null. The point of the model is
 * there and becomes those of the path. */
extern const kr_field kr_spec_path_fields[];
int kr_spec_parse_path(kr_spec *spec, kr_error *err);

/* training.phases: which phases of the model walkers are seeded in. */
int kr_spec_parse_phases(kr_spec *spec, const char *text, kr_error *err);
/* Where the chains start: a word, a state, or a file of configurations. */
int kr_spec_parse_start(kr_spec *spec, const char *text, kr_error *err);
/* spec_annealing.c: the same for the section `population_annealing`. */
int kr_spec_annealing_defaults(kr_runfile *file, kr_error *err);
int kr_spec_parse_annealing(kr_spec *spec, kr_error *err);

/* spec_conditional.c: weights that are polynomials in numbers become those of a point.
 * KR_EMISMATCH: another model, no such number, or outside of the range. Warns at point 0 of
 * other parameters of the model. */
int kr_spec_fix_stored(kr_spec *spec, int32_t point, struct kr_stored *stored, kr_error *err);
int kr_spec_parse_densities(kr_spec *spec, kr_error *err);
void kr_spec_clear_densities(kr_spec *spec);
int kr_spec_parse_updates(kr_spec *spec, kr_error *err);
int kr_spec_parse_observables(kr_spec *spec, kr_error *err);
int kr_spec_parse_histograms(kr_spec *spec, kr_error *err);
/* The section `tempering`, off when it is absent or null. The points are there already. */
int kr_spec_parse_tempering(kr_spec *spec, kr_error *err);

#endif
