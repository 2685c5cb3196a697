/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_start.c - where the chains start: the key `start` of a run file, and the file of
 * configurations it may name; where walkers of the training start. */
#include "base/field.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/rows.h"
#include "model/terms.h"
#include "run/spec_private.h"

#include <string.h>

/* ---- a file of configurations ---------------------------------------------------------------
 */

typedef struct configurations {
    int32_t n_sites, q;
    int64_t max; /* configurations to keep; the others are only checked */
    bool is_real;
    size_t each; /* bytes of a site's state */
    char *state;
    size_t n, capacity; /* states kept */
    int64_t n_read;     /* states in the file */
} configurations;

static int keep(configurations *c, const void *state, kr_error *err)
{
    size_t most = (size_t)c->max * (size_t)c->n_sites;
    if (c->n == c->capacity) {
        size_t capacity = 2 * c->capacity + (size_t)c->n_sites;
        capacity = capacity < most ? capacity : most;
        char *grown = kr_grow(c->state, c->capacity, capacity, c->each, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        c->state = grown;
        c->capacity = capacity;
    }
    memcpy(c->state + c->n++ * c->each, state, c->each);
    return KR_OK;
}

static int read_state(kr_rows *in, configurations *c, bool is_kept, kr_error *err)
{
    uint8_t a;
    double x;
    if (c->is_real) {
        KR_TRY(kr_rows_real(in, 0, &x, err));
    } else {
        KR_TRY(kr_rows_state(in, 0, c->q, &a, err));
    }
    return is_kept ? keep(c, c->is_real ? (const void *)&x : &a, err) : KR_OK;
}

static int read_states(kr_rows *in, configurations *c, kr_error *err)
{
    bool more;
    int64_t most = c->max * c->n_sites;
    KR_TRY(kr_rows_word(in, &more, err));
    while (more) {
        KR_TRY(read_state(in, c, c->n_read++ < most, err));
        KR_TRY(kr_rows_word(in, &more, err));
    }
    if (c->n_read == 0) {
        return kr_rows_fail(in, err,
                            "end of file, want %d states for each configuration, one per site",
                            c->n_sites);
    }
    if (c->n_read % c->n_sites) {
        return kr_rows_fail(in, err,
                            "end of file after %lld states, want a multiple of %d: one state "
                            "per site for each configuration",
                            (long long)c->n_read, c->n_sites);
    }
    return KR_OK;
}

static int read_file(kr_spec *spec, const char *path, kr_error *err)
{
    const kr_terms *terms = spec->target[0].terms;
    configurations c = { .n_sites = terms->n_sites,
                         .q = terms->q,
                         .is_real = terms->action != NULL,
                         .each = terms->action ? sizeof(double) : 1,
                         .max = spec->config.n_chains };
    kr_rows in;
    KR_TRY(kr_rows_open(&in, path, "configurations", err));
    int status = read_states(&in, &c, err);
    kr_rows_close(&in);
    spec->start_states = c.state;
    spec->config.start_states = c.state;
    spec->config.n_start_states = (int64_t)(c.n / (size_t)c.n_sites);
    KR_TRY(status);
    int64_t n = c.n_read / c.n_sites;
    return n > c.max ? kr_text_add(&spec->warnings, err,
                                   "start: %lld configurations for %lld chains, the last %lld "
                                   "start no chain\n",
                                   (long long)n, (long long)c.max, (long long)(n - c.max))
                     : KR_OK;
}

static int parse_map(kr_spec *spec, const kr_node *map, kr_error *err)
{
    char path[KR_TEXT_MAX];
    kr_error cause = { 0 };
    KR_TRY(kr_field_parse(spec->file, map, "start", kr_spec_start_fields(), NULL, path, err));
    spec->config.start = KR_START_RANDOM; /* for a moment, if the chains come from elsewhere */
    if (spec->is_saved || read_file(spec, path, &cause) == KR_OK) {
        return KR_OK;
    }
    return kr_runfile_fail(spec->file, kr_node_get(map, "file"), err, cause.status, "%s",
                           cause.text);
}

/* ---- the key ------------------------------------------------------------------------------
 */

int kr_spec_parse_start(kr_spec *spec, const char *text, kr_error *err)
{
    static const struct {
        const char *word;
        int32_t start;
    } words[] = { { "random", KR_START_RANDOM },
                  { "ordered", KR_START_ORDERED },
                  { "mixed", KR_START_MIXED } };
    const kr_node *node = kr_node_get(spec->file->root, "start");
    if (node && node->kind == KR_NODE_MAP) {
        return parse_map(spec, node, err);
    }
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        if (strcmp(text, words[k].word) == 0) {
            spec->config.start = words[k].start;
            return KR_OK;
        }
    }
    int64_t state;
    if (spec->target[0].terms->action) {
        spec->config.start = KR_START_VALUE;
        return kr_number_real(text, &spec->config.start_value, NULL) == KR_OK
                   ? KR_OK
                   : kr_runfile_fail(spec->file, node, err, KR_ERANGE,
                                     "start: \"%s\", want random, ordered, mixed, a number "
                                     "or {file: PATH}",
                                     text);
    }
    if (kr_number_integer(text, &state, NULL) != KR_OK || state < 0 ||
        state >= spec->target[0].terms->q) {
        return kr_runfile_fail(
            spec->file, node, err, KR_ERANGE,
            "start: \"%s\", want random, ordered, mixed, a state number 0..%d or {file: PATH}",
            text, spec->target[0].terms->q - 1);
    }
    spec->config.start = (int32_t)state;
    return KR_OK;
}

/* ---- training.phases ----------------------------------------------------------------------
 */

static int add_phase(kr_spec *spec, const kr_node *node, const char *name, kr_error *err)
{
    const kr_terms *terms = spec->target[0].terms;
    const char *names[KR_PHASES_MAX] = { 0 };
    char list[KR_PHASES_MAX * 26];
    for (int32_t p = 0; p < terms->n_phases; p++) {
        names[p] = terms->phase[p].name;
        if (strcmp(names[p], name) == 0) {
            spec->config.training.phases |= UINT32_C(1) << p;
            return KR_OK;
        }
    }
    size_t n = (size_t)terms->n_phases;
    const char *known = n ? kr_names_join(names, n, list, sizeof list) : "none";
    if (strcmp(name, "all") == 0) {
        return kr_runfile_fail(
            spec->file, node, err, KR_EPARSE,
            "training.phases: \"all\" in a list, want phases: all, or a list "
            "of phases of the model, which has %s",
            known);
    }
    const char *near = kr_field_nearest(name, names, n);
    return kr_runfile_fail(
        spec->file, node, err, KR_EPARSE,
        "training.phases: unknown phase \"%s\"%s%s%s, want all, or a list of "
        "phases of the model, which has %s",
        name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", known);
}

int kr_spec_parse_phases(kr_spec *spec, const char *text, kr_error *err)
{
    const kr_node *node = kr_node_get(kr_node_get(spec->file->root, "training"), "phases");
    if (!node || node->kind != KR_NODE_LIST) {
        return strcmp(text, "all") == 0 ? KR_OK : add_phase(spec, node, text, err);
    }
    if (node->n == 0) {
        return kr_runfile_fail(spec->file, node, err, KR_ERANGE,
                               "training.phases: no phase in the list, want all or one at "
                               "least");
    }
    for (int32_t k = 0; k < node->n; k++) {
        const kr_node *item = node->child[k];
        if (item->kind != KR_NODE_SCALAR) {
            return kr_runfile_fail(spec->file, item, err, KR_EPARSE,
                                   "training.phases: an entry is %s, want the name of a phase",
                                   kr_node_describe(item));
        }
        KR_TRY(add_phase(spec, item, item->text, err));
    }
    return KR_OK;
}
