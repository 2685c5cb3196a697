/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/reader.c - result files for analysis: one assembled file or the parts of a live run. */
#include "base/memory.h"
#include "io/h5.h"
#include "io/results.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kr_reader {
    char **path; /* (n_files) */
    hid_t *file; /* (n_files) */
    int n_files;
    void **pool; /* (n_pool) texts and lists handed out */
    size_t n_pool;
};

/* Hands p over to the reader; NULL (p freed) when memory is short. */
static void *keep(kr_reader *reader, void *p)
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

kr_reader *kr_reader_open(const char *path, kr_error *err)
{
    kr_reader *reader = kr_alloc(1, sizeof *reader, err);
    if (!reader) {
        return NULL;
    }
    bool is_missing = access(path, F_OK) < 0 && errno == ENOENT;
    int status = is_missing ? list_parts(reader, path, err) : add_path(reader, "", path, err);
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
    if (status != KR_OK) {
        kr_reader_close(reader);
        return NULL;
    }
    return reader;
}

/* ---- names ---- */

/* The group, variable or dim in one of the files; negative when absent. */
static hid_t open_object(const kr_reader *reader, int f, const char *group, const char *name)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "/%s%s%s", group, group[0] && name[0] ? "/" : "", name);
    return n < (int)sizeof path ? H5Oopen(reader->file[f], path, H5P_DEFAULT) : -1;
}

/* Collects names end to end ("a\0b\0"), then turns them into a list. */
typedef struct names {
    char *text;
    size_t length, n;
    bool failed;
} names;

static void add_name(names *all, const char *name)
{
    size_t size = strlen(name) + 1;
    char *grown =
        all->failed ? NULL : kr_grow(all->text, all->length, all->length + size, 1, NULL);
    if (!grown) {
        all->failed = true;
        return;
    }
    memcpy(grown + all->length, name, size);
    all->text = grown;
    all->length += size;
    all->n++;
}

/* NULL-terminated list owned by the reader. */
static const char *const *keep_names(kr_reader *reader, names *all)
{
    const char **list = NULL;
    size_t head = (all->n + 1) * sizeof *list;
    if (!all->failed) {
        list = keep(reader, kr_alloc(head + all->length, 1, NULL));
    }
    if (list) {
        char *text = (char *)list + head;
        for (size_t k = 0, from = 0; k < all->n; k++) {
            size_t size = strlen(all->text + from) + 1;
            list[k] = memcpy(text + from, all->text + from, size);
            from += size;
        }
    }
    kr_free(all->text);
    return list;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    (void)info;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object >= 0 && H5Iget_type(object) == H5I_DATASET && H5DSis_scale(object) <= 0) {
        add_name(data, name);
    }
    H5Oclose(object);
    return 0;
}

const char *const *kr_reader_variables(kr_reader *reader, const char *group)
{
    names all = { NULL, 0, 0, false };
    kr_h5_quiet quiet = kr_h5_silence();
    hid_t object = open_object(reader, reader->n_files - 1, group, "");
    bool found = object >= 0 && H5Iget_type(object) == H5I_GROUP;
    hsize_t from = 0;
    if (found &&
        H5Literate(object, H5_INDEX_CRT_ORDER, H5_ITER_INC, &from, visit_link, &all) < 0) {
        from = 0; /* a file of others without creation order */
        all.length = all.n = 0;
        H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, &from, visit_link, &all);
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
    add_name(data, name);
    return 0;
}

const char *const *kr_reader_attrs(kr_reader *reader, const char *group, const char *variable)
{
    names all = { NULL, 0, 0, false };
    kr_h5_quiet quiet = kr_h5_silence();
    hid_t object = open_object(reader, reader->n_files - 1, group, variable);
    hsize_t from = 0;
    if (object >= 0) {
        H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &from, visit_attr, &all);
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
    hid_t object = open_object(reader, reader->n_files - 1, group, variable);
    *attr = object >= 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
    *type = *attr >= 0 ? H5Aget_type(*attr) : -1;
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
        text = keep(reader, read_text(attr, type));
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

/* ---- values ---- */

typedef struct shape {
    int n_dims, axis; /* axis: the growing one or -1 */
    hsize_t extent[KR_DIMS_MAX];
} shape;

/* Opens a numeric dataset of one file; negative with KR_EIO. */
static hid_t open_values(const kr_reader *reader, int f, const char *group, const char *name,
                         shape *s, kr_error *err)
{
    hid_t dataset = open_object(reader, f, group, name);
    if (dataset < 0 || H5Iget_type(dataset) != H5I_DATASET) {
        H5Oclose(dataset);
        kr_fail(err, KR_EIO, "%s: no variable %s/%s", reader->path[f], group, name);
        return -1;
    }
    hsize_t most[H5S_MAX_RANK], extent[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    H5T_class_t class = H5Tget_class(type);
    s->n_dims = H5Sget_simple_extent_ndims(space);
    s->axis = -1;
    bool ok = (class == H5T_FLOAT || class == H5T_INTEGER) && s->n_dims >= 0 &&
              s->n_dims <= KR_DIMS_MAX && H5Sget_simple_extent_type(space) != H5S_NULL &&
              H5Sget_simple_extent_dims(space, extent, most) >= 0;
    for (int k = 0; ok && k < s->n_dims; k++) {
        s->extent[k] = extent[k];
        s->axis = most[k] == H5S_UNLIMITED ? k : s->axis;
    }
    H5Tclose(type);
    H5Sclose(space);
    if (!ok) {
        H5Oclose(dataset);
        kr_fail(err, KR_EIO, "%s: %s/%s is not an array of numbers", reader->path[f], group,
                name);
        return -1;
    }
    return dataset;
}

/* The dims of a dataset are found from the scales of its group, each of which lists the
 * datasets it is attached to. (The list of scales at the dataset lies in a heap without
 * checksum, where damage can send HDF5 1.10.8 into an endless loop.) */
typedef struct scale_user {
    hobj_ref_t dataset;
    unsigned axis;
} scale_user;
typedef struct scale_search {
    haddr_t dataset;
    char name[KR_DIMS_MAX][256];
} scale_search;

static hid_t user_type(void)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(scale_user));
    if (type >= 0 &&
        (H5Tinsert(type, "dataset", HOFFSET(scale_user, dataset), H5T_STD_REF_OBJ) < 0 ||
         H5Tinsert(type, "dimension", HOFFSET(scale_user, axis), H5T_NATIVE_UINT) < 0)) {
        H5Tclose(type);
        type = -1;
    }
    return type;
}

/* Notes the name of a scale at each axis where the dataset uses it. */
static void note_scale(hid_t scale, const char *name, scale_search *search)
{
    hid_t attr = H5Aopen(scale, "REFERENCE_LIST", H5P_DEFAULT), type = user_type();
    hid_t space = attr >= 0 ? H5Aget_space(attr) : -1;
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : 0;
    scale_user *users = n > 0 ? kr_alloc((size_t)n, sizeof *users, NULL) : NULL;
    if (users && H5Aread(attr, type, users) >= 0) {
        for (hssize_t k = 0; k < n; k++) {
            if (users[k].dataset == search->dataset && users[k].axis < KR_DIMS_MAX) {
                snprintf(search->name[users[k].axis], sizeof search->name[0], "%s", name);
            }
        }
    }
    kr_free(users);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attr);
}

static herr_t visit_scale(hid_t group, const char *name, const H5L_info_t *info, void *search)
{
    (void)info;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object >= 0 && H5Iget_type(object) == H5I_DATASET && H5DSis_scale(object) > 0) {
        note_scale(object, name, search);
    }
    H5Oclose(object);
    return 0;
}

/* "chain draw": names of the scales on each axis; a coordinate's own name; "?" without one. */
static const char *read_dims(kr_reader *reader, hid_t dataset, const char *group,
                             const char *name, int n_dims)
{
    scale_search search = { .dataset = HADDR_UNDEF };
    size_t size = strlen(name) + sizeof search.name + KR_DIMS_MAX;
    char *dims = keep(reader, kr_alloc(size, 1, NULL));
    if (dims && H5DSis_scale(dataset) > 0) {
        snprintf(dims, size, "%s", name);
        return dims;
    }
    H5O_info_t info;
    hid_t folder = open_object(reader, reader->n_files - 1, group, "");
    hsize_t from = 0;
    if (dims && n_dims > 0 && H5Oget_info(dataset, &info) >= 0) {
        search.dataset = info.addr;
        H5Literate(folder, H5_INDEX_NAME, H5_ITER_INC, &from, visit_scale, &search);
    }
    H5Oclose(folder);
    for (int k = 0; dims && k < n_dims; k++) {
        size_t length = strlen(dims);
        snprintf(dims + length, size - length, "%s%s", k ? " " : "",
                 search.name[k][0] ? search.name[k] : "?");
    }
    return dims;
}

/* Shape of the whole: growing extents add up, the others must agree. */
static int join_shapes(kr_reader *reader, const char *group, const char *name, shape *total,
                       const char **dims, kr_error *err)
{
    int last = reader->n_files - 1;
    hid_t dataset = open_values(reader, last, group, name, total, err);
    if (dataset < 0) {
        return KR_EIO;
    }
    *dims = read_dims(reader, dataset, group, name, total->n_dims);
    H5Oclose(dataset);
    if (!*dims) {
        return kr_fail(err, KR_ENOMEM, "memory: could not name the dims of %s/%s", group, name);
    }
    for (int f = 0; f < last && total->axis >= 0; f++) {
        shape s;
        dataset = open_values(reader, f, group, name, &s, err);
        if (dataset < 0) {
            return KR_EIO;
        }
        H5Oclose(dataset);
        bool same = s.n_dims == total->n_dims && s.axis == total->axis;
        for (int k = 0; same && k < s.n_dims; k++) {
            same = k == s.axis || s.extent[k] == total->extent[k];
        }
        if (!same) {
            return kr_fail(err, KR_EIO, "%s: %s/%s has another shape than in %s",
                           reader->path[f], group, name, reader->path[last]);
        }
        total->extent[s.axis] += s.extent[s.axis];
    }
    return KR_OK;
}

/* Reads one file into its place in the whole; *from moves along the growing axis. */
static int read_file(const kr_reader *reader, int f, const char *group, const char *name,
                     const shape *total, hsize_t *from, double *values, kr_error *err)
{
    shape s;
    hid_t dataset = open_values(reader, f, group, name, &s, err);
    if (dataset < 0) {
        return KR_EIO;
    }
    hsize_t start[KR_DIMS_MAX] = { 0 };
    hid_t memory =
        s.n_dims ? H5Screate_simple(s.n_dims, total->extent, NULL) : H5Screate(H5S_SCALAR);
    bool ok = memory >= 0, is_empty = s.axis >= 0 && s.extent[s.axis] == 0;
    if (s.axis >= 0 && !is_empty) {
        start[s.axis] = *from;
        *from += s.extent[s.axis];
        ok =
            ok && H5Sselect_hyperslab(memory, H5S_SELECT_SET, start, NULL, s.extent, NULL) >= 0;
    }
    ok = ok && (is_empty ||
                H5Dread(dataset, H5T_NATIVE_DOUBLE, memory, H5S_ALL, H5P_DEFAULT, values) >= 0);
    int status = KR_OK;
    if (!ok) {
        char what[600];
        snprintf(what, sizeof what, "%.250s/%.250s is damaged", group, name);
        status = kr_h5_fail(err, reader->path[f], what);
    }
    H5Sclose(memory);
    H5Oclose(dataset);
    return status;
}

static double *read_values(kr_reader *reader, const char *group, const char *name, shape *total,
                           const char **dims, kr_error *err)
{
    if (join_shapes(reader, group, name, total, dims, err) != KR_OK) {
        return NULL;
    }
    size_t count = 1;
    for (int k = 0; k < total->n_dims; k++) {
        size_t extent = (size_t)total->extent[k];
        if (extent > 0 && count > SIZE_MAX / 64 / extent) {
            kr_fail(err, KR_EIO, "%s: %s/%s does not fit an address space",
                    reader->path[reader->n_files - 1], group, name);
            return NULL;
        }
        count *= extent;
    }
    double *values = kr_alloc(count, sizeof *values, err);
    hsize_t from = 0;
    int first = total->axis >= 0 ? 0 : reader->n_files - 1;
    for (int f = first; values && f < reader->n_files; f++) {
        if (read_file(reader, f, group, name, total, &from, values, err) != KR_OK) {
            kr_free(values);
            values = NULL;
        }
    }
    return values;
}

double *kr_reader_read(kr_reader *reader, const char *group, const char *name, int *n_dims,
                       int64_t shape_out[KR_DIMS_MAX], const char **dims, kr_error *err)
{
    shape total;
    const char *names_of_dims = NULL;
    kr_h5_quiet quiet = kr_h5_silence();
    double *values = read_values(reader, group, name, &total, &names_of_dims, err);
    kr_h5_restore(quiet);
    for (int k = 0; values && k < total.n_dims; k++) {
        shape_out[k] = (int64_t)total.extent[k];
    }
    if (values) {
        *n_dims = total.n_dims;
    }
    if (values && dims) {
        *dims = names_of_dims;
    }
    return values;
}
