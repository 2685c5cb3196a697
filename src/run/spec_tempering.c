/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_tempering.c - the section `tempering` of a run file: replica exchange. */
#include "base/field.h"
#include "base/memory.h"
#include "model/path.h"
#include "run/spec_private.h"

#include <stdlib.h>
#include <string.h>

/* Temperature of a point, and which Hamiltonian it belongs to. */
typedef struct rung {
    double beta;
    int32_t system;
} rung;

static int compare_rungs(const void *a, const void *b)
{
    const rung *x = a, *y = b;
    int by_system = (x->system > y->system) - (x->system < y->system);
    return by_system ? by_system : (x->beta > y->beta) - (x->beta < y->beta);
}

/* Every Hamiltonian has two temperatures or more; that they differ was checked before. */
static int check_ladders(const kr_spec *spec, const kr_node *section, kr_error *err)
{
    int32_t n = spec->config.n_points;
    rung *r = kr_alloc((size_t)n, sizeof *r, err);
    if (!r) {
        return KR_ENOMEM;
    }
    for (int32_t p = 0; p < n; p++) {
        r[p].beta = kr_target_rung(&spec->target[p]);
        while (kr_target_ladder(&spec->target[r[p].system]) !=
               kr_target_ladder(&spec->target[p])) {
            r[p].system++;
        }
    }
    qsort(r, (size_t)n, sizeof *r, compare_rungs);
    int status = KR_OK;
    for (int32_t p = 0; p < n && status == KR_OK; p++) {
        bool has_next = p + 1 < n && r[p + 1].system == r[p].system;
        bool is_first = p == 0 || r[p - 1].system != r[p].system;
        if (is_first && !has_next) {
            char text[KR_NUMBER_MAX];
            kr_number_format(r[p].beta, text);
            status = kr_runfile_fail(
                spec->file, section, err, KR_EINVAL,
                "tempering: the ladder has one temperature, beta = %s, want two or more: a "
                "list or {from, to, count} for beta",
                text);
        }
    }
    kr_free(r);
    return status;
}

/* A pilot moves no learned proposals: they would have to be trained at every trial ladder. */
static int check_pilot(const kr_spec *spec, const kr_node *section, kr_error *err)
{
    for (int32_t u = 0; u < spec->config.n_updates; u++) {
        if (!(spec->update[u].plug->flags & KR_UPDATE_NEEDS_DENSITY)) {
            return KR_OK;
        }
    }
    return kr_runfile_fail(spec->file, section, err, KR_EUNSUP,
                           "tempering: a ladder is found by updates without a density, and "
                           "there are none; add one or give the ladder");
}

int kr_spec_parse_tempering(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    const kr_field *f = kr_spec_optional_fields();
    const kr_node *section = kr_node_get(file->root, f->name);
    if (!section || kr_node_is_null(section)) {
        return KR_OK;
    }
    if (section->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, section, err, KR_EPARSE,
                               "tempering is %s, want a map, e.g. {ladder: given}",
                               kr_node_describe(section));
    }
    KR_TRY(kr_field_parse(file, section, "tempering", f->sub, NULL, &spec->tempering, err));
    KR_TRY(kr_spec_fill_defaults(file, f->name, section, f->sub, err));
    spec->has_tempering = true;
    spec->config.exchange_every = spec->tempering.every;
    KR_TRY(check_ladders(spec, section, err));
    return spec->tempering.ladder == KR_LADDER_GIVEN ? KR_OK : check_pilot(spec, section, err);
}
