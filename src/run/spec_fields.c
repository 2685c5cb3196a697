/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_fields.c - descriptor tables of the run file's own keys, and how plugs'
 * tables are applied to its maps. */
#include "base/field.h"
#include "base/memory.h"
#include "density/scan.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MAX 9007199254740992.0 /* 2^53 */

static const kr_field phases_fields[] = {
    { "thermalize", KR_TYPE_INT, offsetof(kr_phases_params, thermalize), "1000", 0, STEPS_MAX,
      .unit = "steps",
      .doc = "discarded at the start, and again after every training; rounded up to draws" },
    { "adapt", KR_TYPE_INT, offsetof(kr_phases_params, adapt), "2000", 0, 1e9, .unit = "steps",
      .doc =
          "training steps at most; the phase ends early on training.target_ess or max_work" },
    { "measure", KR_TYPE_INT, offsetof(kr_phases_params, measure), "10000", 1, STEPS_MAX,
      .unit = "steps", .doc = "steps that enter the estimates; draws = measure / every",
      .flags = KR_FIELD_MAY_CHANGE },
    { "every", KR_TYPE_INT, offsetof(kr_phases_params, every), "10", 1, 1e9, .unit = "steps",
      .doc = "steps per draw" },
    KR_FIELD_END,
};

static const kr_field training_fields[] = {
    { "target_ess", KR_TYPE_REAL, offsetof(kr_training_params, target_ess), "0.95", 0, 1,
      .unit = "1",
      .doc = "stop training when the running effective sample fraction reaches it" },
    { "samples", KR_TYPE_INT, offsetof(kr_training_params, samples), "0", 0, 1e15,
      .unit = "samples",
      .doc = "independent samples wanted of each point: training begins to end when more of it "
             "would cost more work than it saves for them; 0: only target_ess and max_work "
             "end it" },
    { "max_work", KR_TYPE_REAL, offsetof(kr_training_params, max_work), "60", 0, 1e9,
      .unit = "nominal CPU-seconds", .flags = KR_FIELD_OPEN_MIN,
      .doc =
          "stop training after this much counted work; a nominal second is 2e10 weight visits "
          "(q = 2), 4e9 (q > 2) or 2e9 (real variables), whatever the clock says" },
    { "batch", KR_TYPE_INT, offsetof(kr_training_params, batch), "auto", 16, KR_BATCH_MAX,
      .unit = "states",
      .doc = "walkers, and samples of a training step; auto: 256, of real variables 64" },
    { "rate", KR_TYPE_REAL, offsetof(kr_training_params, rate), "0.005", 0, 1, .unit = "1",
      .flags = KR_FIELD_OPEN_MIN, .doc = "step size of Adam at the start of training" },
    { "reverse_rate", KR_TYPE_REAL, offsetof(kr_training_params, reverse_rate), "auto", 0, 1,
      .unit = "1", .flags = KR_FIELD_OPEN_MIN,
      .doc = "step size at the start of reverse KL, where it follows forward KL or weights "
             "from a file; auto: 0.01 "
             "where networks are shared among sites, else 0.0005, of real variables 0.005" },
    { "forward", KR_TYPE_REAL, offsetof(kr_training_params, forward), "auto", 0, 1, .unit = "1",
      .doc = "share of the budget spent on forward KL where phases are known; auto: 0.2 where "
             "networks are shared among sites, 0.05 of real variables, else 1" },
    { "conditional", KR_TYPE_INT, offsetof(kr_training_params, conditional), "0", 0,
      KR_SCAN_DEGREE_MAX, .unit = "1",
      .doc = "one set of weights for all points of a scan, polynomials of this degree in the "
             "scanned numbers, beta and couplings alike; 0: each point trains its own" },
    { "walkers", KR_TYPE_REAL, offsetof(kr_training_params, walkers), "auto", 0, 1, .unit = "1",
      .doc = "share of the batch that walkers make after the forward part; auto: 0.25, of real "
             "variables 0" },
    { "anneal_from", KR_TYPE_REAL, offsetof(kr_training_params, anneal_from), "0.3", 0, 1,
      .unit = "beta", .doc = "first beta of annealed training where no phase is known" },
    { "min_acceptance", KR_TYPE_REAL, offsetof(kr_training_params, min_acceptance), "0.02", 0,
      1, .unit = "1", .doc = "train again when the acceptance over 256 draws stays below" },
    { "max_retrainings", KR_TYPE_INT, offsetof(kr_training_params, max_retrainings), "2", 0,
      1000, .unit = "1", .doc = "how often training may resume during measure" },
    { "certificate", KR_TYPE_INT, offsetof(kr_training_params, certificate), "65536", 64, 1e9,
      .unit = "samples", .doc = "independent samples for ESS_q and log Z after each training" },
    { "phases", KR_TYPE_TEXT, offsetof(kr_top_training, phases), "all", 0, 0, .unit = "",
      .doc = "phases of the model that walkers of forward KL are seeded in, by turns, and kept "
             "in: all, or a list such as [up]" },
    { "while_measuring", KR_TYPE_CHOICE, offsetof(kr_training_params, while_measuring), "none",
      .choices = "none|alternating",
      .doc = "none: weights are frozen while measuring; alternating: two groups of chains move "
             "by turns, a turn being the steps of a draw, each under weights learned from the "
             "frozen ones on the present states of the resting group: exact, memoryless; no "
             "retraining then" },
    { "turn_steps", KR_TYPE_INT, offsetof(kr_training_params, turn_steps), "10", 1, 1e6,
      .unit = "steps", .doc = "steps of forward KL before each turn, with alternating" },
    { "turn_rate", KR_TYPE_REAL, offsetof(kr_training_params, turn_rate), "0.005", 0, 1,
      .unit = "1", .flags = KR_FIELD_OPEN_MIN, .doc = "step size of Adam in these" },
    KR_FIELD_END,
};

static const kr_field configurations_fields[] = {
    { "every", KR_TYPE_INT, 0, "0", 0, 1e9, .unit = "draws",
      .doc =
          "store the configurations of all chains at every so many measured draws; 0 = never" },
    KR_FIELD_END,
};

static const kr_field output_fields[] = {
    { "checkpoint", KR_TYPE_REAL, offsetof(kr_output_params, checkpoint), "30", 0.1, 86400,
      .unit = "s", .flags = KR_FIELD_MAY_CHANGE,
      .doc = "seconds between restart files and closed parts of the output" },
    { "configurations", KR_TYPE_MAP, offsetof(kr_output_params, configurations), "{}", 0, 0,
      .sub = configurations_fields, .doc = "stored configurations" },
    KR_FIELD_END,
};

/* `start` as a map. */
static const kr_field start_fields[] = {
    { "file", KR_TYPE_TEXT, 0, NULL, 0, 0, .unit = "",
      .doc = "text file of configurations: states 0..q-1 apart by white space, n_sites per "
             "configuration in site order (coordinate 0 fastest), # starts a comment; chain c "
             "takes configuration c mod their number; a relative path is meant from the folder "
             "of the run file" },
    KR_FIELD_END,
};

static const kr_field density_start_fields[] = {
    { "file", KR_TYPE_TEXT, 0, NULL, 0, 0, .unit = "",
      .doc =
          "density file to take the weights from, trained at another beta, field or disorder "
          "maybe; plug, its keys, states and coupled pairs must agree. With phases.adapt: 0 "
          "they are used as they are, else reverse KL goes on from them. Densities multilevel, "
          "frontier with a window, and the flows split_coupling, realnvp and rq_spline with "
          "convolutions start from a lattice of another size too, and train like fresh ones "
          "from there. One file serves all points, unless a * in its name stands for the "
          "number of the point. Weights saved under training.conditional become those of "
          "the points here, which must lie in the range of the training. A relative "
          "path is meant from the folder of the run file; resume does not need the file" },
    KR_FIELD_END,
};

static const kr_field density_table[] = {
    { "start", KR_TYPE_MAP, offsetof(kr_density_files, start), "null", 0, 0,
      .sub = density_start_fields, .doc = "weights to start from; null or absent: fresh ones" },
    { "save", KR_TYPE_TEXT, offsetof(kr_density_files, save), "", 0, 0, .unit = "",
      .doc =
          "density file that the weights are written to when they are frozen, and again with "
          "their ESS_q; with several points a * in its name becomes the number of the point "
          "(0000, 0001, ... in their order in the result file); with training.conditional a "
          "name without * is one file for all points and any point between. A relative path is "
          "meant "
          "from the folder of the run file" },
    KR_FIELD_END,
};

static const kr_field top_table[] = {
    { "beta", KR_TYPE_REAL, offsetof(kr_top_params, beta), NULL, 0, 1e6, .unit = "1/J",
      .flags = KR_FIELD_SCAN,
      .doc = "inverse temperature; a list or {from, to, count} makes points" },
    { "chains", KR_TYPE_INT, offsetof(kr_top_params, chains), "64", 1, 1048576, .unit = "1",
      .doc = "independent chains per point" },
    { "seed", KR_TYPE_INT, offsetof(kr_top_params, seed), "1", 0, STEPS_MAX, .unit = "1",
      .doc = "keys every random stream: same seed, same samples, for any number of threads" },
    { "start", KR_TYPE_TEXT, offsetof(kr_top_params, start), "random", 0, 0, .unit = "",
      .sub = start_fields,
      .doc = "random | ordered | mixed (the known phases by turns) | a state number; or a map "
             "with the key `file`" },
    { "phases", KR_TYPE_MAP, offsetof(kr_top_params, phases), "{}", 0, 0, .sub = phases_fields,
      .doc = "lengths of the declared phases; one step is one pass of all updates" },
    { "training", KR_TYPE_MAP, offsetof(kr_top_params, training), "{}", 0, 0,
      .sub = training_fields, .doc = "adaptation of the densities, in the phase `adapt` only" },
    { "output", KR_TYPE_MAP, offsetof(kr_top_params, output), "{}", 0, 0, .sub = output_fields,
      .doc = "what is written, and how often" },
    KR_FIELD_END,
};

static const kr_field tempering_fields[] = {
    { "every", KR_TYPE_INT, offsetof(kr_tempering_params, every), "1", 1, 1e9, .unit = "steps",
      .doc = "steps between offers of exchange, to even and odd pairs of neighbors by turns" },
    { "ladder", KR_TYPE_CHOICE, offsetof(kr_tempering_params, ladder), "given",
      .choices = "given|auto|flow",
      .doc = "given: the temperatures of beta; auto: a pilot moves the inner ones to equal "
             "acceptance of all neighbors; flow: to the least round-trip time (Katzgraber, "
             "Trebst, Huse, Troyer, J. Stat. Mech. P03018 (2006))" },
    { "pilot", KR_TYPE_INT, offsetof(kr_tempering_params, pilot), "1000", 2, 1e9,
      .unit = "steps",
      .doc = "length of each iteration of the pilot, the first half discarded; with flow each "
             "later one takes twice as many" },
    { "iterations", KR_TYPE_INT, offsetof(kr_tempering_params, iterations), "6", 1, 20,
      .unit = "1", .doc = "iterations of the pilot, before the run and not part of it" },
    { "found", KR_TYPE_TEXT, offsetof(kr_tempering_params, found), "", 0, 0, .unit = "",
      .doc = "written into the output by a pilot: how the ladder that is given now was found" },
    KR_FIELD_END,
};

static const kr_field annealing_fields[] = { KR_FIELD_END };

static const kr_field optional_table[] = {
    { "tempering", KR_TYPE_MAP, 0, "null", 0, 0, .sub = tempering_fields,
      .doc = "replica exchange; null or absent: off. Points that differ in beta only are the "
             "temperature slots of a ladder" },
    { "multicanonical", KR_TYPE_MAP, 0, "null", 0, 0, .sub = kr_spec_flat_fields,
      .doc = "null or absent: off. The chains visit all energies from..to evenly, with weights "
             "learned in "
             "the phase adapt; estimates at beta are weighted means; `betas: [...]` (a list or "
             "{from, to, count}) are further temperatures reported by summary" },
    { "histograms", KR_TYPE_MAP, 0, "null", 0, 0, .sub = kr_spec_histogram_fields,
      .doc = "a list; null or absent: none. Columns of observables, e.g. "
             "[magnetization_per_site, {name: energy_per_site, bins: 20}]: shares of the "
             "measured draws with errors, in the group histogram_NAME" },
    { "population_annealing", KR_TYPE_MAP, 0, "null", 0, 0, .sub = annealing_fields,
      .doc = "population annealing; null or absent: off. {} makes the temperatures of beta, "
             "best from 0 on, those of annealing runs: a draw is a run, phases.every the "
             "passes of the updates at each temperature, the chains are the population" },
    { "stop", KR_TYPE_MAP, 0, "null", 0, 0, .sub = kr_spec_stop_fields,
      .doc =
          "null or absent: off. Measuring ends when the error of a mean is small enough, at "
          "all points, together with its own uncertainty; decided at 100 draws of each chain "
          "and whenever they have grown by a tenth, never by the clock" },
    { "critical", KR_TYPE_MAP, 0, "null", 0, 0, .sub = kr_spec_critical_fields,
      .doc = "sizes and time of `kramers critical`; runs do not read it" },
    { "phase", KR_TYPE_MAP, 0, "null", 0, 0, .sub = kr_spec_phase_fields,
      .doc = "sizes, training and networks of `kramers phase`; runs do not read it" },
    { "path", KR_TYPE_MAP, 0, "null", 0, 0, .sub = kr_spec_path_fields,
      .doc =
          "a path of actions of real variables, S_t = (1 - t) R + t S from a free field R to "
          "the action of the model; null or absent: off. Its points take the place of "
          "temperatures; log Z at t = 1 is absolute. `t: [...]` (a list or {from, to, count}) "
          "gives the points, 0 and 1 among them; else a pilot finds them" },
    KR_FIELD_END,
};

static const kr_field entry_table[] = {
    { "sweeps", KR_TYPE_INT, 0, "1", 1, 1e6, .unit = "1", .doc = "sweeps per step" },
    KR_FIELD_END,
};

const kr_field *kr_spec_fields(void)
{
    return top_table;
}

const kr_field *kr_spec_optional_fields(void)
{
    return optional_table;
}

const kr_field *kr_spec_entry_fields(void)
{
    return entry_table;
}

const kr_field *kr_spec_density_fields(void)
{
    return density_table;
}

const kr_field *kr_spec_start_fields(void)
{
    return start_fields;
}

/* A node of another kind than the table knows gives way to the empty text. */
static kr_node *hide(kr_node **slot, kr_node_kind kind, kr_node *empty)
{
    kr_node *node = slot ? *slot : NULL;
    if (node && node->kind == kind) {
        *slot = empty;
    }
    return node;
}

int kr_spec_parse_top(const kr_runfile *file, kr_top_params *t, kr_error *err)
{
    char none[] = "";
    kr_node empty = { .kind = KR_NODE_SCALAR, .is_quoted = true, .text = none };
    kr_node **start_slot = kr_node_slot(file->root, "start");
    kr_node **phases_slot = kr_node_slot(kr_node_get(file->root, "training"), "phases");
    kr_node *start = hide(start_slot, KR_NODE_MAP, &empty);
    kr_node *phases = hide(phases_slot, KR_NODE_LIST, &empty);
    int status = kr_field_parse(file, file->root, "the run file", kr_spec_fields(),
                                KR_TOP_OTHERS, t, err);
    if (start_slot) {
        *start_slot = start;
    }
    if (phases_slot) {
        *phases_slot = phases;
    }
    return status;
}

int kr_spec_fill_defaults(kr_runfile *file, const char *path, const kr_node *map,
                          const kr_field *fields, kr_error *err)
{
    for (const kr_field *f = fields; f && f->name; f++) {
        char assignment[3 * KR_TEXT_MAX], inner[2 * KR_TEXT_MAX];
        snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", f->name);
        const kr_node *child = map ? kr_node_get(map, f->name) : NULL;
        if (!child && f->fallback) {
            bool is_text = f->type == KR_TYPE_TEXT;
            snprintf(assignment, sizeof assignment, is_text ? "%s=\"%s\"" : "%s=%s", inner,
                     f->fallback);
            KR_TRY(kr_runfile_set(file, assignment, err));
        }
        if (f->type == KR_TYPE_MAP && (!child || child->kind == KR_NODE_MAP)) {
            KR_TRY(kr_spec_fill_defaults(file, inner, child, f->sub, err));
        }
    }
    return KR_OK;
}

/* The `name` of a plug's map. */
static int plug_name(const kr_runfile *file, const kr_node *map, const char *what,
                     const char **name, kr_error *err)
{
    if (map->kind == KR_NODE_SCALAR) {
        *name = map->text;
        return KR_OK;
    }
    if (map->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, map, err, KR_EPARSE,
                               "%s: want a map with a name, e.g. {name: ...}", what);
    }
    const kr_node *node = kr_node_get(map, "name");
    if (!node || node->kind != KR_NODE_SCALAR) {
        return kr_runfile_fail(file, node ? node : map, err, KR_EPARSE, "%s: name is missing",
                               what);
    }
    *name = node->text;
    return KR_OK;
}

static const kr_node *name_node(const kr_node *map)
{
    return map->kind == KR_NODE_MAP ? kr_node_get(map, "name") : map;
}

int kr_spec_find_plug(const kr_runfile *file, const kr_node *map, kr_plug_kind kind,
                      const void **plug, kr_error *err)
{
    const char *name = NULL;
    KR_TRY(plug_name(file, map, kr_plug_kind_name(kind), &name, err));
    *plug = kr_plug_find(kind, name);
    if (*plug) {
        return KR_OK;
    }
    const char *near = kr_plug_nearest(kind, name);
    kr_text known = { 0 };
    KR_TRY(kr_plug_list(kind, &known, err));
    int status = near ? kr_runfile_fail(file, name_node(map), err, KR_EPARSE,
                                        "unknown %s \"%s\"; did you mean \"%s\"?",
                                        kr_plug_kind_name(kind), name, near)
                      : kr_runfile_fail(file, name_node(map), err, KR_EPARSE,
                                        "unknown %s \"%s\", want one of: %s",
                                        kr_plug_kind_name(kind), name, known.data);
    kr_text_clear(&known);
    return status;
}

int kr_spec_parse_params(const kr_runfile *file, const kr_node *map, const char *kind,
                         const char *name, const kr_field *fields, size_t size,
                         const char *others, void **params, kr_error *err)
{
    static const kr_field no_fields[] = { KR_FIELD_END };
    char what[2 * KR_NAME_MAX];
    snprintf(what, sizeof what, "%s %s", kind, name);
    *params = kr_alloc(size ? size : 1, 1, err);
    if (!*params) {
        return KR_ENOMEM;
    }
    return kr_field_parse(file, map->kind == KR_NODE_MAP ? map : NULL, what,
                          fields ? fields : no_fields, others, *params, err);
}

/* Keys of the root: of the table, or with a parser of their own. */
static bool is_top_key(const char *word)
{
    const char *others = KR_TOP_OTHERS;
    size_t n = strlen(word);
    for (const kr_field *f = kr_spec_fields(); f->name; f++) {
        if (strcmp(f->name, word) == 0) {
            return true;
        }
    }
    for (const char *at = others; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, word, n) == 0 && (at[n] == '|' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

int kr_spec_section(const kr_runfile *file, const char *key, kr_node_kind kind, kr_node **node,
                    kr_error *err)
{
    *node = kr_node_get(file->root, key);
    for (int32_t k = 0; !*node && k < file->root->n; k++) { /* a misspelled section? */
        const char *word = file->root->key[k]->text;
        if (!is_top_key(word) && kr_field_nearest(word, &key, 1)) {
            return kr_runfile_fail(file, file->root->key[k], err, KR_EPARSE,
                                   "unknown key \"%s\"; did you mean \"%s\"?", word, key);
        }
    }
    if (!*node) {
        return kr_runfile_fail(file, file->root, err, KR_EPARSE, "key \"%s\" is missing", key);
    }
    if ((*node)->kind != kind) {
        const char *want = kind == KR_NODE_LIST ? "a list, e.g. [{name: ...}]" : "a map";
        if (strcmp(key, "model") == 0 || strcmp(key, "lattice") == 0) {
            want = "a map with a name, e.g. {name: ...}";
        }
        return kr_runfile_fail(file, *node, err, KR_EPARSE, "%s is %s, want %s", key,
                               kr_node_describe(*node), want);
    }
    return KR_OK;
}
