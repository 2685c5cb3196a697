/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/reader.c - result files for analysis: one assembled file or the parts of a live run. */
#include "io/reader.h"
#include "base/memory.h"
#include "io/h5.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *kr_reader_keep(kr_reader *reader, void *p)
{
    size_t n = reader->n_pool;
    if (p && (n & (n - 1)) == 0) { /* grows by powers of two */
        void *grown = kr_grow(reader->pool, n, n ? 2 * n : 1, sizeof *reader->pool, NULL);
        if (!grown) {
            kr_free(p);
            return NULL;
        }
        reader->pool = grown;
    }
    if (p) {
        reader->pool[reader->n_pool++] = p;
    }
    return p;
}

void kr_reader_close(kr_reader *reader)
{
    if (!reader) {
        return;
    }
    kr_h5_quiet quiet = kr_h5_silence();
    for (int f = 0; f < reader->n_files; f++) {
        if (reader->file && reader->file[f] > 0) {
            H5Fclose(reader->file[f]);
        }
        kr_free(reader->path[f]);
    }
    kr_h5_restore(quiet);
    for (size_t p = 0; p < reader->n_pool; p++) {
        kr_free(reader->pool[p]);
    }
    kr_free(reader->damage);
    kr_free(reader->pool);
    kr_free(reader->file);
    kr_free(reader->path);
    kr_free(reader);
}

/* ---- opening ---- */

static int add_path(kr_reader *reader, const char *folder, const char *name, kr_error *err)
{
    size_t n = (size_t)reader->n_files, size = strlen(folder) + strlen(name) + 2;
    char **grown = kr_grow(reader->path, n, n + 1, sizeof *grown, err);
    if (!grown) {
        return KR_ENOMEM;
    }
    reader->path = grown;
    char *path = kr_alloc(size, 1, err);
    if (!path) {
        return KR_ENOMEM;
    }
    snprintf(path, size, "%s%s%s", folder, folder[0] ? "/" : "", name);
    reader->path[reader->n_files++] = path;
    return KR_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_part(const char *name)
{
    size_t n = strlen(name);
    return n > 8 && memcmp(name, "part-", 5) == 0 && memcmp(name + n - 3, ".h5", 3) == 0;
}

/* Paths of PATH.parts/part-*.h5 in order. */
static int list_parts(kr_reader *reader, const char *path, kr_error *err)
{
    size_t size = strlen(path) + sizeof ".parts";
    char *folder = kr_alloc(size, 1, err);
    if (!folder) {
        return KR_ENOMEM;
    }
    snprintf(folder, size, "%s.parts", path);
    int status = KR_OK;
    DIR *list = opendir(folder);
    for (struct dirent *entry; list && status == KR_OK && (entry = readdir(list));) {
        if (is_part(entry->d_name)) {
            status = add_path(reader, folder, entry->d_name, err);
        }
    }
    if (list) {
        closedir(list);
    }
    if (status == KR_OK && reader->n_files == 0) {
        status = kr_fail(err, KR_EIO,
                         list ? "%s: no such file, and %s holds no part"
                              : "%s: no such file, nor its parts %s",
                         path, folder);
    }
    if (reader->n_files > 1) {
        qsort(reader->path, (size_t)reader->n_files, sizeof *reader->path, compare_texts);
    }
    kr_free(folder);
    return status;
}

/* Minor versions add things, major ones change them. A file that names none may be of others.
 */
static int check_format(kr_reader *reader, kr_error *err)
{
    const char *format;
    int major;
    if (kr_reader_attr_text(reader, "", "", "Conventions", &format) &&
        sscanf(format, "kramers-%d", &major) == 1 && major > KR_RESULTS_FORMAT) {
        return kr_fail(err, KR_EIO, "%s: format %.60s, want kramers-%d: a newer build wrote it",
                       reader->path[reader->n_files - 1], format, KR_RESULTS_FORMAT);
    }
    return KR_OK;
}

kr_reader *kr_reader_open(const char *path, kr_error *err)
{
    kr_reader *reader = kr_alloc(1, sizeof *reader, err);
    if (!reader) {
        return NULL;
    }
    bool is_missing = access(path, F_OK) < 0 && errno == ENOENT;
    int status = is_missing ? list_parts(reader, path, err) : add_path(reader, "", path, err);
    if (status == KR_OK) {
        reader->damage = kr_alloc(KR_READER_DAMAGE, 1, err);
        status = reader->damage ? KR_OK : KR_ENOMEM;
    }
    if (status == KR_OK) {
        reader->file = kr_alloc((size_t)reader->n_files, sizeof *reader->file, err);
        status = reader->file ? KR_OK : KR_ENOMEM;
    }
    kr_h5_quiet quiet = kr_h5_silence();
    for (int f = 0; status == KR_OK && f < reader->n_files; f++) {
        reader->file[f] = kr_h5_open(reader->path[f], err);
        status = reader->file[f] < 0 ? KR_EIO : KR_OK;
    }
    kr_h5_restore(quiet);
    status = status == KR_OK ? check_format(reader, err) : status;
    if (status != KR_OK) {
        kr_reader_close(reader);
        return NULL;
    }
    return reader;
}

/* ---- names ---- */

void kr_reader_blame(const kr_reader *reader, int f, const char *group, const char *name)
{
    if (!reader->damage[0]) {
        snprintf(reader->damage, KR_READER_DAMAGE, "%.400s: %.250s%s%.250s is damaged",
                 reader->path[f], group[0] || name[0] ? group : "the root",
                 group[0] && name[0] ? "/" : "", name);
    }
}

const char *kr_reader_damage(const kr_reader *reader)
{
    return reader->damage[0] ? reader->damage : NULL;
}

/* Whether an object that cannot be opened should be there. */
static bool is_linked(hid_t file, const char *group, const char *name)
{
    htri_t is_there = group[0] ? H5Lexists(file, group, H5P_DEFAULT) : 1;
    if (is_there > 0 && name[0]) {
        char path[1024];
        snprintf(path, sizeof path, "/%s%s%s", group, group[0] ? "/" : "", name);
        is_there = H5Lexists(file, path, H5P_DEFAULT);
    }
    return is_there != 0;
}

hid_t kr_reader_object(const kr_reader *reader, int f, const char *group, const char *name)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "/%s%s%s", group, group[0] && name[0] ? "/" : "", name);
    if (n >= (int)sizeof path) {
        return -1;
    }
    hid_t object = H5Oopen(reader->file[f], path, H5P_DEFAULT);
    if (object < 0 && is_linked(reader->file[f], group, name)) {
        kr_reader_blame(reader, f, group, name);
    }
    return object;
}

/* HDF5 1.10.8 crashes where it sorts the links of a large group itself and one of them is
 * damaged (it frees a table that it has not filled), so names come in the order of the file and
 * are sorted here. */
typedef struct entry {
    int64_t order; /* of creation, where the file tells it */
    char *name;    /* owns */
} entry;

typedef struct names {
    entry *list; /* owns */
    size_t n, bytes;
    bool failed;
} names;

static void add_name(names *all, const char *name, int64_t order)
{
    const size_t size = strlen(name) + 1;
    char *copy = all->failed ? NULL : kr_alloc(size, 1, NULL);
    entry *grown = copy ? kr_grow(all->list, all->n, all->n + 1, sizeof *grown, NULL) : NULL;
    if (!grown) {
        kr_free(copy);
        all->failed = true;
        return;
    }
    memcpy(copy, name, size);
    all->list = grown;
    all->list[all->n++] = (entry){ order, copy };
    all->bytes += size;
}

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->order != y->order ? (x->order > y->order) - (x->order < y->order)
                                : strcmp(x->name, y->name);
}

/* NULL-terminated list owned by the reader. */
static const char *const *keep_names(kr_reader *reader, names *all)
{
    const char **list = NULL;
    const size_t head = (all->n + 1) * sizeof *list;
    if (!all->failed) {
        list = kr_reader_keep(reader, kr_alloc(head + all->bytes, 1, NULL));
    }
    if (all->n > 1) {
        qsort(all->list, all->n, sizeof *all->list, compare_entries);
    }
    char *text = (char *)list + head;
    for (size_t k = 0; k < all->n; k++) {
        const size_t size = strlen(all->list[k].name) + 1;
        if (list) {
            list[k] = memcpy(text, all->list[k].name, size);
            text += size;
        }
        kr_free(all->list[k].name);
    }
    kr_free(all->list);
    return list;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) {
        return -1; /* a list without it would be taken for whole */
    }
    if (H5Iget_type(object) == H5I_DATASET && H5DSis_scale(object) <= 0) {
        add_name(data, name, info->corder_valid ? info->corder : 0);
    }
    H5Oclose(object);
    return 0;
}

const char *const *kr_reader_variables(kr_reader *reader, const char *group)
{
    names all = { NULL, 0, 0, false };
    kr_h5_quiet quiet = kr_h5_silence();
    hid_t object = kr_reader_object(reader, reader->n_files - 1, group, "");
    bool found = object >= 0 && H5Iget_type(object) == H5I_GROUP;
    hsize_t from = 0;
    if (found &&
        H5Literate(object, H5_INDEX_NAME, H5_ITER_NATIVE, &from, visit_link, &all) < 0) {
        kr_reader_blame(reader, reader->n_files - 1, group, "");
    }
    H5Oclose(object);
    kr_h5_restore(quiet);
    return found ? keep_names(reader, &all) : NULL;
}

static herr_t visit_attr(hid_t object, const char *name, const H5A_info_t *info, void *data)
{
    static const char *const bookkeeping[] = {
        "CLASS",         "NAME",          "DIMENSION_LIST",      "REFERENCE_LIST",
        "_NCProperties", "_Netcdf4Dimid", "_Netcdf4Coordinates", NULL
    };
    (void)object;
    (void)info;
    for (int k = 0; bookkeeping[k]; k++) {
        if (strcmp(name, bookkeeping[k]) == 0) {
            return 0;
        }
    }
    add_name(data, name, 0);
    return 0;
}

const char *const *kr_reader_attrs(kr_reader *reader, const char *group, const char *variable)
{
    names all = { NULL, 0, 0, false };
    kr_h5_quiet quiet = kr_h5_silence();
    hid_t object = kr_reader_object(reader, reader->n_files - 1, group, variable);
    hsize_t from = 0;
    if (object >= 0 &&
        H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &from, visit_attr, &all) < 0) {
        kr_reader_blame(reader, reader->n_files - 1, group, variable);
    }
    bool found = object >= 0;
    H5Oclose(object);
    kr_h5_restore(quiet);
    return found ? keep_names(reader, &all) : NULL;
}

/* ---- attributes ---- */

/* Opens the attribute and its type; false (nothing open) when absent. */
static bool open_attr(const kr_reader *reader, const char *group, const char *variable,
                      const char *name, hid_t *attr, hid_t *type)
{
    hid_t object = kr_reader_object(reader, reader->n_files - 1, group, variable);
    const htri_t is_there = object >= 0 ? H5Aexists(object, name) : 0;
    *attr = is_there > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
    *type = *attr >= 0 ? H5Aget_type(*attr) : -1;
    if (is_there < 0 || (is_there > 0 && *type < 0)) {
        kr_reader_blame(reader, reader->n_files - 1, group, variable);
    }
    H5Oclose(object);
    if (*attr >= 0 && *type < 0) {
        H5Aclose(*attr);
    }
    return *attr >= 0 && *type >= 0;
}

static char *read_text(hid_t attr, hid_t type)
{
    hid_t space = H5Aget_space(attr);
    bool is_single = H5Sget_simple_extent_npoints(space) == 1;
    H5Sclose(space);
    if (!is_single || H5Tget_class(type) != H5T_STRING) {
        return NULL;
    }
    if (H5Tis_variable_str(type) > 0) {
        char *text = NULL, *copy = NULL;
        if (H5Aread(attr, type, &text) >= 0 && text) {
            copy = kr_alloc(strlen(text) + 1, 1, NULL);
            if (copy) {
                memcpy(copy, text, strlen(text) + 1);
            }
            H5free_memory(text);
        }
        return copy;
    }
    char *text = kr_alloc(H5Tget_size(type) + 1, 1, NULL);
    if (text && H5Aread(attr, type, text) < 0) {
        kr_free(text);
        text = NULL;
    }
    return text;
}

bool kr_reader_attr_text(kr_reader *reader, const char *group, const char *variable,
                         const char *name, const char **value)
{
    kr_h5_quiet quiet = kr_h5_silence();
    hid_t attr, type;
    char *text = NULL;
    if (open_attr(reader, group, variable, name, &attr, &type)) {
        text = kr_reader_keep(reader, read_text(attr, type));
        H5Tclose(type);
        H5Aclose(attr);
    }
    kr_h5_restore(quiet);
    if (text) {
        *value = text;
    }
    return text != NULL;
}

bool kr_reader_attr_real(kr_reader *reader, const char *group, const char *variable,
                         const char *name, double *value)
{
    kr_h5_quiet quiet = kr_h5_silence();
    hid_t attr, type;
    bool ok = false;
    if (open_attr(reader, group, variable, name, &attr, &type)) {
        hid_t space = H5Aget_space(attr);
        H5T_class_t class = H5Tget_class(type);
        ok = (class == H5T_FLOAT || class == H5T_INTEGER) &&
             H5Sget_simple_extent_npoints(space) == 1 &&
             H5Aread(attr, H5T_NATIVE_DOUBLE, value) >= 0;
        H5Sclose(space);
        H5Tclose(type);
        H5Aclose(attr);
    }
    kr_h5_restore(quiet);
    return ok;
}
