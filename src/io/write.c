/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/write.c - result sets into files: closed parts and their assembly.
 *
 * Both write the whole schema anew and then fill in the series, from the buffers or from other
 * files (copying whole groups would leave dangling references to the dims). */
#include "base/memory.h"
#include "io/h5.h"
#include "io/results.h"
#include "io/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct writer {
    const kr_results *r;
    const char *path;
    char *temporary;
    bool in_memory, is_part;
    int64_t *length; /* (n_dims); -1 = a growing one not known yet */
    kr_h5_image image;
    hid_t file;
    hid_t *group, *scale, *data; /* (n_groups), (n_dims), (n_variables); one block */
    unsigned char *batch;        /* a chunk row of any variable */
} writer;

static void clear_writer(writer *w)
{
    free(w->image.data);
    kr_free(w->temporary);
    kr_free(w->length);
    kr_free(w->group);
    kr_free(w->batch);
}

static size_t batch_slabs(const kr_result_variable *v)
{
    return (size_t)kr_h5_chunk_slabs(v->slab_bytes);
}

static int init_writer(writer *w, const kr_results *r, const char *path, kr_error *err)
{
    *w = (writer){ .r = r, .path = path, .file = -1 };
    size_t n = strlen(path), most = 1;
    int n_ids = r->n_groups + r->n_dims + r->n_variables;
    for (int v = 0; v < r->n_variables; v++) {
        size_t bytes = batch_slabs(&r->variables[v]) * r->variables[v].slab_bytes;
        most = r->variables[v].axis >= 0 && bytes > most ? bytes : most;
    }
    w->temporary = kr_alloc(n + 5, 1, err);
    w->length = kr_alloc((size_t)r->n_dims, sizeof *w->length, err);
    w->group = kr_alloc((size_t)n_ids, sizeof *w->group, err);
    w->batch = kr_alloc(most, 1, err);
    if (!w->temporary || !w->length || !w->group || !w->batch) {
        clear_writer(w);
        return KR_ENOMEM;
    }
    memcpy(w->temporary, path, n);
    memcpy(w->temporary + n, ".tmp", 5);
    w->scale = w->group + r->n_groups;
    w->data = w->scale + r->n_dims;
    for (int k = 0; k < n_ids; k++) {
        w->group[k] = -1;
    }
    for (int d = 0; d < r->n_dims; d++) {
        w->length[d] = r->dims[d].length ? r->dims[d].length : -1;
    }
    return KR_OK;
}

/* A variable has n slabs; all variables on its growing dim must agree. */
static int set_length(writer *w, const kr_result_variable *v, int64_t n, kr_error *err)
{
    int d = v->dim[v->axis];
    if (w->length[d] >= 0 && w->length[d] != n) {
        return kr_fail(err, KR_EINVAL, "%s: %s/%s has %lld slabs, others on %s have %lld",
                       w->path, w->r->groups[v->group], v->name, (long long)n,
                       w->r->dims[d].name, (long long)w->length[d]);
    }
    w->length[d] = n;
    return KR_OK;
}

static int fail_at(const writer *w, int group, const char *name, kr_error *err)
{
    char what[600];
    snprintf(what, sizeof what, "could not write %.250s/%.250s", w->r->groups[group], name);
    return kr_h5_fail(err, w->path, what);
}

/* ---- schema ---- */

static hid_t create_variable(const writer *w, const kr_result_variable *v)
{
    hsize_t extent[KR_DIMS_MAX];
    for (int k = 0; k < v->n_dims; k++) {
        extent[k] = (hsize_t)w->length[v->dim[k]];
    }
    return kr_h5_dataset(w->group[v->group], v->name, v->dtype, v->n_dims, extent, v->axis);
}

/* Coordinate start, start + 1, ... */
static int write_count(hid_t dataset, int64_t start, int64_t length)
{
    int64_t number[4096];
    hsize_t from = 0, n = 0;
    hid_t space = H5Dget_space(dataset);
    bool ok = space >= 0;
    for (; ok && from < (hsize_t)length; from += n) {
        n = (hsize_t)length - from < 4096 ? (hsize_t)length - from : 4096;
        for (hsize_t k = 0; k < n; k++) {
            number[k] = start + (int64_t)(from + k);
        }
        hid_t memory = H5Screate_simple(1, &n, NULL);
        ok = memory >= 0 &&
             H5Sselect_hyperslab(space, H5S_SELECT_SET, &from, NULL, &n, NULL) >= 0 &&
             H5Dwrite(dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, number) >= 0;
        H5Sclose(memory);
    }
    H5Sclose(space);
    return ok ? 0 : -1;
}

static int write_dim(writer *w, int d, kr_error *err)
{
    const kr_result_dim *dim = &w->r->dims[d];
    hid_t id;
    bool ok = true;
    if (dim->variable >= 0) {
        id = w->data[dim->variable] = create_variable(w, &w->r->variables[dim->variable]);
    } else {
        hsize_t extent = (hsize_t)w->length[d];
        id = w->scale[d] =
            kr_h5_dataset(w->group[dim->group], dim->name, dim->values ? KR_F64 : KR_I64, 1,
                          &extent, dim->length == 0 ? 0 : -1);
        if (id >= 0 && dim->values) {
            ok = H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, dim->values) >=
                 0;
        } else if (id >= 0) {
            ok = write_count(id, w->is_part ? dim->start : 0, w->length[d]) >= 0;
        }
    }
    ok = ok && id >= 0 && H5DSset_scale(id, dim->name) >= 0;
    return ok ? KR_OK : fail_at(w, dim->group, dim->name, err);
}

static int write_variable(writer *w, int index, kr_error *err)
{
    const kr_result_variable *v = &w->r->variables[index];
    bool ok = true;
    if (w->data[index] < 0) { /* else it is a coordinate and exists already */
        w->data[index] = create_variable(w, v);
        ok = w->data[index] >= 0;
        for (int k = 0; ok && k < v->n_dims; k++) {
            int holder = w->r->dims[v->dim[k]].variable;
            hid_t scale = holder >= 0 ? w->data[holder] : w->scale[v->dim[k]];
            ok = H5DSattach_scale(w->data[index], scale, (unsigned)k) >= 0;
        }
    }
    if (ok && v->axis < 0) {
        ok = H5Dwrite(w->data[index], kr_h5_memory_type(v->dtype), H5S_ALL, H5S_ALL,
                      H5P_DEFAULT, v->data) >= 0;
    }
    return ok ? KR_OK : fail_at(w, v->group, v->name, err);
}

static int write_attr(writer *w, const kr_result_attr *attr, kr_error *err)
{
    const kr_results *r = w->r;
    hid_t object = w->group[attr->group];
    if (attr->variable[0]) {
        int v = kr_results_find(r, attr->group, attr->variable);
        object = v >= 0 ? w->data[v]
                        : w->scale[kr_results_find_dim(r, attr->group, attr->variable,
                                                       strlen(attr->variable))];
    }
    int status = attr->text ? kr_h5_attr_text(object, attr->name, attr->text)
                            : kr_h5_attr_real(object, attr->name, attr->real);
    return status >= 0 ? KR_OK : fail_at(w, attr->group, attr->name, err);
}

static int write_schema(writer *w, kr_error *err)
{
    const kr_results *r = w->r;
    for (int g = 0; g < r->n_groups; g++) {
        w->group[g] =
            g ? kr_h5_group(w->file, r->groups[g]) : H5Gopen2(w->file, "/", H5P_DEFAULT);
        if (w->group[g] < 0) {
            return fail_at(w, g, "", err);
        }
    }
    for (int d = 0; d < r->n_dims; d++) {
        KR_TRY(write_dim(w, d, err));
    }
    for (int v = 0; v < r->n_variables; v++) {
        KR_TRY(write_variable(w, v, err));
    }
    for (int a = 0; a < r->n_attrs; a++) {
        KR_TRY(write_attr(w, &r->attrs[a], err));
    }
    return KR_OK;
}

/* ---- opening and closing ---- */

/* Creates the file with its schema; lengths are set. known_bytes: size of the same data in
 * other files, 0 = unknown. */
static int open_writer(writer *w, uint64_t known_bytes, kr_error *err)
{
    const kr_results *r = w->r;
    double bytes = 65536.0;
    for (int d = 0; d < r->n_dims; d++) {
        w->length[d] = w->length[d] < 0 ? 0 : w->length[d]; /* no variable grows on it */
    }
    for (int k = 0; k < r->n_variables; k++) {
        const kr_result_variable *v = &r->variables[k];
        if (v->axis < 0 && v->n == 0) {
            return kr_fail(err, KR_EINVAL, "%s: %s/%s has no value", w->path,
                           r->groups[v->group], v->name);
        }
        double n = v->axis < 0 ? 1.0 : (double)w->length[v->dim[v->axis]];
        bytes += n * (double)v->slab_bytes;
    }
    w->in_memory = bytes <= (double)r->image_bytes;
    if (!w->in_memory) {
        bytes = known_bytes && (double)known_bytes < bytes ? (double)known_bytes : bytes;
        KR_TRY(kr_h5_check_room(w->temporary, (uint64_t)bytes, err));
    }
    w->file = kr_h5_create(w->temporary, w->in_memory ? &w->image : NULL, err);
    return w->file < 0 ? KR_EIO : write_schema(w, err);
}

/* Closes all ids but the file; true when every close succeeded. */
static bool close_objects(writer *w)
{
    int n_ids = w->r->n_groups + w->r->n_dims + w->r->n_variables;
    bool ok = true;
    for (int k = n_ids - 1; k >= 0; k--) {
        if (w->group[k] >= 0) {
            ok = H5Oclose(w->group[k]) >= 0 && ok;
            w->group[k] = -1;
        }
    }
    return ok;
}

/* Puts the file in place when status is KR_OK, else removes what is there. */
static int finish_writer(writer *w, int status, kr_error *err)
{
    bool was_created = w->file >= 0;
    if (!close_objects(w) && status == KR_OK) {
        status = kr_h5_fail(err, w->path, "could not write");
    }
    if (status == KR_OK && !w->in_memory && H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0) {
        status = kr_h5_fail(err, w->path, "could not write");
    }
    if (was_created && H5Fclose(w->file) < 0 && status == KR_OK) {
        status = kr_h5_fail(err, w->path, "could not close");
    }
    if (status == KR_OK) {
        status = w->in_memory ? kr_h5_write_image(&w->image, w->temporary, err)
                              : kr_h5_sync(w->temporary, err);
    }
    if (status == KR_OK) {
        status = kr_h5_replace(w->temporary, w->path, err);
    }
    if (status != KR_OK && was_created) {
        unlink(w->temporary);
    }
    return status;
}

/* ---- slabs ---- */

/* Selects n slabs from position from in the file space of a variable's dataset and returns it;
 * *memory gets a space of that shape. Negative on failure. */
static hid_t select_slabs(const writer *w, const kr_result_variable *v, hid_t dataset,
                          size_t from, size_t n, hid_t *memory)
{
    hsize_t start[KR_DIMS_MAX], count[KR_DIMS_MAX];
    for (int k = 0; k < v->n_dims; k++) {
        start[k] = k == v->axis ? from : 0;
        count[k] = k == v->axis ? n : (hsize_t)w->length[v->dim[k]];
    }
    hid_t space = H5Dget_space(dataset);
    *memory = H5Screate_simple(v->n_dims, count, NULL);
    if (space >= 0 && (*memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL,
                                                          count, NULL) < 0)) {
        H5Sclose(space);
        space = -1;
    }
    return space;
}

/* Reads or writes n slabs in the order of the file, between memory and position from. */
static int move_slabs(const writer *w, const kr_result_variable *v, hid_t dataset, size_t from,
                      size_t n, void *into, const void *out_of, const char *path, kr_error *err)
{
    hid_t memory, space = select_slabs(w, v, dataset, from, n, &memory);
    hid_t type = kr_h5_memory_type(v->dtype);
    herr_t done = -1;
    if (space >= 0) {
        done = into ? H5Dread(dataset, type, memory, space, H5P_DEFAULT, into)
                    : H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, out_of);
    }
    int status = KR_OK;
    if (done < 0) { /* before the next call of HDF5 clears its messages */
        char what[600];
        snprintf(what, sizeof what, "could not %s %.250s/%.250s", into ? "read" : "write",
                 w->r->groups[v->group], v->name);
        status = kr_h5_fail(err, path, what);
    }
    H5Sclose(memory);
    H5Sclose(space);
    return status;
}

/* Buffered slabs lie one after the other; in the file the growing axis is between others. */
static int write_buffer(writer *w, int index, kr_error *err)
{
    const kr_result_variable *v = &w->r->variables[index];
    size_t row = v->slab_bytes / v->outer;
    for (size_t from = 0, n; from < v->n; from += n) {
        n = v->n - from < batch_slabs(v) ? v->n - from : batch_slabs(v);
        const unsigned char *slabs = v->data + from * v->slab_bytes;
        for (size_t s = 0; v->outer > 1 && s < n; s++) {
            for (size_t o = 0; o < v->outer; o++) {
                memcpy(w->batch + (o * n + s) * row, slabs + (s * v->outer + o) * row, row);
            }
        }
        KR_TRY(move_slabs(w, v, w->data[index], from, n, NULL, v->outer > 1 ? w->batch : slabs,
                          w->path, err));
    }
    return KR_OK;
}

int kr_results_write_part(kr_results *r, const char *path, kr_error *err)
{
    writer w;
    KR_TRY(init_writer(&w, r, path, err));
    w.is_part = true;
    kr_h5_quiet quiet = kr_h5_silence();
    int status = KR_OK;
    for (int k = 0; k < r->n_variables && status == KR_OK; k++) {
        const kr_result_variable *v = &r->variables[k];
        status = v->axis < 0 ? KR_OK : set_length(&w, v, (int64_t)v->n, err);
    }
    status = status == KR_OK ? open_writer(&w, 0, err) : status;
    for (int k = 0; k < r->n_variables && status == KR_OK; k++) {
        status = r->variables[k].axis < 0 ? KR_OK : write_buffer(&w, k, err);
    }
    status = finish_writer(&w, status, err);
    for (int d = 0; d < r->n_dims && status == KR_OK; d++) {
        r->dims[d].start += r->dims[d].length == 0 ? w.length[d] : 0;
    }
    for (int k = 0; k < r->n_variables && status == KR_OK; k++) {
        r->variables[k].n = r->variables[k].axis < 0 ? r->variables[k].n : 0;
    }
    clear_writer(&w);
    kr_h5_restore(quiet);
    return status;
}

/* ---- assembly ---- */

/* Opens the dataset of a variable in another file of the same schema; *n gets its slabs. */
static int open_source(const writer *w, const kr_result_variable *v, hid_t file,
                       const char *path, hid_t *dataset, int64_t *n, kr_error *err)
{
    char name[600];
    snprintf(name, sizeof name, "%.250s/%.250s", w->r->groups[v->group], v->name);
    *dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (*dataset < 0) {
        return kr_fail(err, KR_EMISMATCH, "%s: %s is missing", path, name);
    }
    hsize_t extent[H5S_MAX_RANK];
    hid_t space = H5Dget_space(*dataset), type = H5Dget_type(*dataset);
    bool same = H5Sget_simple_extent_ndims(space) == v->n_dims &&
                H5Tequal(type, kr_h5_file_type(v->dtype)) > 0 &&
                H5Sget_simple_extent_dims(space, extent, NULL) >= 0;
    for (int k = 0; same && k < v->n_dims; k++) {
        same = k == v->axis || extent[k] == (hsize_t)w->length[v->dim[k]];
    }
    *n = same ? (int64_t)extent[v->axis] : 0;
    H5Tclose(type);
    H5Sclose(space);
    if (!same) {
        H5Dclose(*dataset);
        return kr_fail(err, KR_EMISMATCH, "%s: %s has another shape or type", path, name);
    }
    return KR_OK;
}

/* Adds the slabs that a file holds to total (n_variables) and its size to *bytes. */
static int scan_source(const writer *w, const char *path, int64_t *total, uint64_t *bytes,
                       kr_error *err)
{
    hid_t file = kr_h5_open(path, err), dataset;
    if (file < 0) {
        return KR_EIO;
    }
    int status = KR_OK;
    for (int k = 0; k < w->r->n_variables && status == KR_OK; k++) {
        int64_t n;
        if (w->r->variables[k].axis >= 0) {
            status = open_source(w, &w->r->variables[k], file, path, &dataset, &n, err);
        }
        if (w->r->variables[k].axis >= 0 && status == KR_OK) {
            total[k] += n;
            H5Dclose(dataset);
        }
    }
    H5Fclose(file);
    struct stat info;
    *bytes += stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
    return status;
}

/* Appends the slabs of one variable in a file at position *at, up to the length wanted. */
static int copy_variable(writer *w, int index, hid_t file, const char *path, int64_t *at,
                         kr_error *err)
{
    const kr_result_variable *v = &w->r->variables[index];
    int64_t n_there, room = w->length[v->dim[v->axis]] - *at;
    hid_t dataset;
    KR_TRY(open_source(w, v, file, path, &dataset, &n_there, err));
    size_t n = (size_t)(n_there < room ? n_there : room), row = batch_slabs(v);
    int status = KR_OK;
    for (size_t from = 0, step; from < n && status == KR_OK; from += step) {
        step = row - (size_t)*at % row; /* up to the end of a chunk */
        step = n - from < step ? n - from : step;
        status = move_slabs(w, v, dataset, from, step, w->batch, NULL, path, err);
        if (status == KR_OK) {
            status = move_slabs(w, v, w->data[index], (size_t)*at, step, NULL, w->batch,
                                w->path, err);
        }
        *at += (int64_t)step;
    }
    H5Dclose(dataset);
    return status;
}

static int copy_source(writer *w, const char *path, int64_t *at, kr_error *err)
{
    hid_t file = kr_h5_open(path, err);
    if (file < 0) {
        return KR_EIO;
    }
    int status = KR_OK;
    for (int k = 0; k < w->r->n_variables && status == KR_OK; k++) {
        if (w->r->variables[k].axis >= 0) {
            status = copy_variable(w, k, file, path, &at[k], err);
        }
    }
    H5Fclose(file);
    return status;
}

/* Lengths of the growing dims from what the files hold and the limits. */
static int set_limits(writer *w, const int64_t *total, const int64_t *limit, kr_error *err)
{
    for (int k = 0; k < w->r->n_variables; k++) {
        const kr_result_variable *v = &w->r->variables[k];
        if (v->axis < 0) {
            continue;
        }
        int64_t want = limit && limit[k] >= 0 ? limit[k] : total[k];
        if (want > total[k]) {
            return kr_fail(err, KR_EIO, "%s: the parts hold %lld slabs of %s/%s, want %lld",
                           w->path, (long long)total[k], w->r->groups[v->group], v->name,
                           (long long)want);
        }
        KR_TRY(set_length(w, v, want, err));
    }
    return KR_OK;
}

int kr_results_assemble(const kr_results *r, const char *const *parts, int n_parts,
                        const int64_t *limit, const char *path, kr_error *err)
{
    writer w;
    uint64_t bytes = 0;
    int64_t *count = kr_alloc(2 * (size_t)r->n_variables, sizeof *count, err);
    if (!count) {
        return KR_ENOMEM;
    }
    int status = init_writer(&w, r, path, err);
    if (status != KR_OK) {
        kr_free(count);
        return status;
    }
    kr_h5_quiet quiet = kr_h5_silence();
    for (int p = 0; p < n_parts && status == KR_OK; p++) {
        status = scan_source(&w, parts[p], count, &bytes, err);
    }
    status = status == KR_OK ? set_limits(&w, count, limit, err) : status;
    status = status == KR_OK ? open_writer(&w, bytes, err) : status;
    for (int p = 0; p < n_parts && status == KR_OK; p++) {
        status = copy_source(&w, parts[p], count + r->n_variables, err);
    }
    status = finish_writer(&w, status, err);
    clear_writer(&w);
    kr_h5_restore(quiet);
    kr_free(count);
    return status;
}
