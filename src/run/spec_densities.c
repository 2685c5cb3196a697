/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_densities.c - the section `densities` of a run file, and the density files that it
 * starts from. */
#include "base/field.h"
#include "base/memory.h"
#include "density/stored.h"
#include "model/fits.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

static bool is_identifier(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && n <= 32 && text[n] == '\0' && (text[0] < '0' || text[0] > '9');
}

void kr_spec_density_path(const char *pattern, int32_t point, char *path, size_t size)
{
    const char *star = strchr(pattern, '*');
    if (star) {
        snprintf(path, size, "%.*s%04d%s", (int)(star - pattern), pattern, point, star + 1);
    } else {
        snprintf(path, size, "%s", pattern);
    }
}

/* ---- start: {file: ...} ------------------------------------------------------------------ */

static int read_start(kr_spec *spec, const kr_density_entry *entry, const char *pattern,
                      int32_t point, kr_stored **stored, kr_error *err)
{
    char path[2 * KR_TEXT_MAX];
    kr_error why = { 0 };
    kr_spec_density_path(pattern, point, path, sizeof path);
    *stored = kr_stored_load(path, &why);
    if (!*stored) {
        return kr_fail(err, why.status, "%s", why.text);
    }
    if (kr_stored_check(*stored, entry->plug, entry->params, spec->target[point].terms, &why) !=
            KR_OK ||
        kr_spec_fix_stored(spec, point, *stored, &why) != KR_OK) {
        return kr_fail(err, why.status, "%s: %s", path, why.text);
    }
    return KR_OK;
}

/* The first point alone reads a file of all, unless it holds other weights for each; the others
 * are checked against it. */
static int read_starts(kr_spec *spec, int32_t d, kr_error *err)
{
    kr_density_files *files = &spec->density_files[d];
    kr_density_entry *entry = &spec->density[d];
    bool is_many = strchr(files->start, '*') != NULL;
    files->stored = kr_alloc((size_t)spec->config.n_points, sizeof(kr_stored *), err);
    if (!files->stored) {
        return KR_ENOMEM;
    }
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        if (is_many || p == 0 || files->stored[0]->scan.n_axes > 0) {
            KR_TRY(read_start(spec, entry, files->start, p, &files->stored[p], err));
        } else { /* points share lattice, plug and the kind of model: the structure is left */
            kr_error why = { 0 };
            files->stored[p] = files->stored[0];
            if (spec->target[p].terms != spec->target[p - 1].terms &&
                kr_stored_check(files->stored[0], entry->plug, entry->params,
                                spec->target[p].terms, &why) != KR_OK) {
                return kr_fail(err, why.status, "%s: point %d: %s", files->start, p, why.text);
            }
        }
    }
    entry->start = (const kr_stored *const *)files->stored;
    return KR_OK;
}

static int parse_start(kr_spec *spec, int32_t d, const char *path, const kr_node *map,
                       kr_error *err)
{
    kr_density_files *files = &spec->density_files[d];
    const kr_node *node = kr_node_get(map, "start");
    char inner[3 * KR_TEXT_MAX];
    kr_error why = { 0 };
    if (!node || kr_node_is_null(node)) {
        return KR_OK;
    }
    const kr_node *file = kr_node_get(node, "file");
    snprintf(inner, sizeof inner, "%s.start.file", path);
    KR_TRY(file ? kr_spec_resolve(spec->file, inner, file, err) : KR_OK);
    KR_TRY(kr_field_parse(spec->file, node, "start", kr_spec_density_fields()[0].sub, NULL,
                          files->start, err));
    file = kr_node_get(node, "file");
    if (!files->start[0]) {
        return kr_runfile_fail(spec->file, file, err, KR_EPARSE,
                               "start: file is empty, want the path of a density file");
    }
    if (!(spec->density[d].plug->flags & KR_DENSITY_TRAINABLE)) {
        return kr_runfile_fail(spec->file, node, err, KR_EUNSUP,
                               "density %s has no weights, so there is nothing to start from",
                               spec->density[d].plug->name);
    }
    /* the weights of a restart file are in it */
    return spec->is_saved || read_starts(spec, d, &why) == KR_OK
               ? KR_OK
               : kr_runfile_fail(spec->file, file, err, why.status, "%s", why.text);
}

/* ---- save ------------------------------------------------------------------------------- */

static int check_save(const kr_spec *spec, int32_t d, const kr_node *node, kr_error *err)
{
    const char *save = spec->density_files[d].save;
    const char *star = strchr(save, '*'), *slash = strrchr(save, '/');
    if (!(spec->density[d].plug->flags & KR_DENSITY_TRAINABLE)) {
        return kr_runfile_fail(spec->file, node, err, KR_EUNSUP,
                               "density %s has no weights, so there is nothing to save",
                               spec->density[d].plug->name);
    }
    const bool is_one = spec->config.n_points == 1 || spec->config.training.conditional > 0;
    if (star ? strchr(star + 1, '*') || (slash && star < slash) : !is_one) {
        return kr_runfile_fail(spec->file, node, err, KR_EINVAL,
                               "save: \"%s\" for %d point%s, want a name with one * in it, "
                               "which becomes the number of the point, as in net-*.krd",
                               save, spec->config.n_points,
                               spec->config.n_points > 1 ? "s" : "");
    }
    for (int32_t e = 0; e < d; e++) {
        if (strcmp(save, spec->density_files[e].save) == 0) {
            return kr_runfile_fail(spec->file, node, err, KR_EINVAL,
                                   "save: \"%s\" for %s and %s, want a file for each", save,
                                   spec->density[e].name, spec->density[d].name);
        }
    }
    return KR_OK;
}

static int parse_save(kr_spec *spec, int32_t d, const char *path, const kr_node *map,
                      kr_error *err)
{
    char inner[3 * KR_TEXT_MAX], others[512] = "name|start";
    const kr_node *node = kr_node_get(map, "save");
    for (const kr_field *f = spec->density[d].plug->fields; f && f->name; f++) {
        snprintf(others + strlen(others), sizeof others - strlen(others), "|%s", f->name);
    }
    snprintf(inner, sizeof inner, "%s.save", path);
    KR_TRY(node ? kr_spec_resolve(spec->file, inner, node, err) : KR_OK);
    KR_TRY(kr_field_parse(spec->file, map, "density", kr_spec_density_fields() + 1, others,
                          &spec->density_files[d], err));
    return spec->density_files[d].save[0] ? check_save(spec, d, kr_node_get(map, "save"), err)
                                          : KR_OK;
}

/* ---- the section ------------------------------------------------------------------------ */

static int parse_density(kr_spec *spec, const char *name, const kr_node *item, kr_error *err)
{
    kr_runfile *file = spec->file;
    int32_t d = spec->config.n_densities;
    kr_density_entry *entry = &spec->density[d];
    const void *plug;
    void *params;
    char path[2 * KR_TEXT_MAX];
    KR_TRY(kr_spec_find_plug(file, item, KR_PLUG_DENSITY, &plug, err));
    entry->plug = plug;
    snprintf(entry->name, sizeof entry->name, "%s", name);
    snprintf(path, sizeof path, "densities.%s", name);
    if (item->kind == KR_NODE_MAP) {
        KR_TRY(kr_spec_fill_defaults(file, path, item, entry->plug->fields, err));
    }
    KR_TRY(kr_spec_parse_params(file, item, "density", entry->plug->name, entry->plug->fields,
                                entry->plug->params_size, "name|start|save", &params, err));
    entry->params = params;
    spec->config.n_densities++;
    kr_error why = { 0 };
    if (!kr_density_fits(entry->plug, &spec->target[0], params, &why)) {
        return kr_runfile_fail(file, item, err, KR_EUNSUP, "density %s: %s", entry->name,
                               why.text);
    }
    if (item->kind != KR_NODE_MAP) {
        return KR_OK;
    }
    KR_TRY(parse_start(spec, d, path, item, err));
    return parse_save(spec, d, path, item, err);
}

int kr_spec_parse_densities(kr_spec *spec, kr_error *err)
{
    kr_runfile *file = spec->file;
    const kr_node *map = kr_node_get(file->root, "densities");
    if (!map) {
        return KR_OK;
    }
    if (map->kind != KR_NODE_MAP || map->n > KR_DENSITIES_MAX) {
        return kr_runfile_fail(
            file, map, err, KR_EPARSE,
            "densities: want a map of at most %d names, e.g. {net: {name: frontier}}",
            KR_DENSITIES_MAX);
    }
    for (int32_t k = 0; k < map->n; k++) {
        if (!is_identifier(map->key[k]->text)) {
            return kr_runfile_fail(
                file, map->key[k], err, KR_EPARSE,
                "densities: \"%s\" is no name, want letters, digits and _, at most 32",
                map->key[k]->text);
        }
        KR_TRY(parse_density(spec, map->key[k]->text, map->child[k], err));
    }
    return KR_OK;
}

void kr_spec_clear_densities(kr_spec *spec)
{
    for (int32_t d = 0; d < KR_DENSITIES_MAX; d++) {
        kr_density_files *files = &spec->density_files[d];
        for (int32_t p = 0; files->stored && p < spec->config.n_points; p++) {
            if (p == 0 || files->stored[p] != files->stored[0]) {
                kr_stored_free(files->stored[p]);
            }
        }
        kr_free(files->stored);
        kr_free((void *)(uintptr_t)spec->density[d].params);
    }
}
