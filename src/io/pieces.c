/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/pieces.c - variables of result files: shape, names of dims, values, whole or in pieces. */
#include "base/memory.h"
#include "io/h5.h"
#include "io/reader.h"

#include <stdio.h>
#include <string.h>

typedef struct shape {
    int n_dims, axis; /* axis: the growing one or -1 */
    hsize_t extent[KR_DIMS_MAX];
} shape;

/* Opens a numeric dataset of one file; negative with KR_EIO. */
static hid_t open_values(const kr_reader *reader, int f, const char *group, const char *name,
                         shape *s, kr_error *err)
{
    hid_t dataset = kr_reader_object(reader, f, group, name);
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
    char *dims = kr_reader_keep(reader, kr_alloc(size, 1, NULL));
    if (dims && H5DSis_scale(dataset) > 0) {
        snprintf(dims, size, "%s", name);
        return dims;
    }
    H5O_info_t info;
    hid_t folder = kr_reader_object(reader, reader->n_files - 1, group, "");
    hsize_t from = 0;
    if (dims && n_dims > 0 && H5Oget_info(dataset, &info) >= 0) {
        search.dataset = info.addr;
        H5Literate(folder, H5_INDEX_NAME, H5_ITER_NATIVE, &from, visit_scale, &search);
    }
    H5Oclose(folder);
    for (int k = 0; dims && k < n_dims; k++) {
        size_t length = strlen(dims);
        snprintf(dims + length, size - length, "%s%s", k ? " " : "",
                 search.name[k][0] ? search.name[k] : "?");
    }
    return dims;
}

/* Whether file f of a joined variable has the shape of the others but for its length. */
static int check_shape(const kr_pieces *pieces, int f, const shape *s, kr_error *err)
{
    const kr_reader *reader = pieces->reader;
    bool same = s->n_dims == pieces->n_dims && s->axis == pieces->axis;
    for (int k = 0; same && k < s->n_dims; k++) {
        same = k == s->axis || s->extent[k] == (hsize_t)pieces->shape[k];
    }
    return same
               ? KR_OK
               : kr_fail(err, KR_EIO, "%s: %s/%s has another shape than in %s", reader->path[f],
                         pieces->group, pieces->name, reader->path[reader->n_files - 1]);
}

/* Where each file begins along the axis; the lengths add up. */
static int join_files(kr_pieces *pieces, kr_error *err)
{
    const kr_reader *reader = pieces->reader;
    const int last = reader->n_files - 1;
    const int64_t length = pieces->n_dims ? pieces->shape[pieces->axis] : 1;
    int64_t total = 0;
    pieces->begin = kr_alloc((size_t)reader->n_files + 1, sizeof *pieces->begin, err);
    if (!pieces->begin) {
        return KR_ENOMEM;
    }
    for (int f = 0; f < last && pieces->grows; f++) {
        shape s;
        hid_t dataset = open_values(reader, f, pieces->group, pieces->name, &s, err);
        if (dataset < 0) {
            return KR_EIO;
        }
        H5Oclose(dataset);
        KR_TRY(check_shape(pieces, f, &s, err));
        pieces->begin[f] = total;
        total += (int64_t)s.extent[s.axis];
    }
    pieces->begin[last] = total;
    pieces->begin[last + 1] = total + length;
    if (pieces->n_dims) {
        pieces->shape[pieces->axis] = total + length;
    }
    return KR_OK;
}

/* Steps along the axis that a chunk holds; 1 where there are no chunks. */
static int64_t chunk_steps(hid_t dataset, const kr_pieces *pieces)
{
    hsize_t chunk[H5S_MAX_RANK];
    hid_t list = H5Dget_create_plist(dataset);
    const bool is_chunked = list >= 0 && pieces->n_dims > 0 &&
                            H5Pget_layout(list) == H5D_CHUNKED &&
                            H5Pget_chunk(list, H5S_MAX_RANK, chunk) == pieces->n_dims;
    H5Pclose(list);
    return is_chunked ? (int64_t)chunk[pieces->axis] : 1;
}

/* Everything but the other files. */
static int describe(kr_pieces *pieces, int axis, kr_error *err)
{
    kr_reader *reader = pieces->reader;
    shape s;
    hid_t dataset =
        open_values(reader, reader->n_files - 1, pieces->group, pieces->name, &s, err);
    if (dataset < 0) {
        return KR_EIO;
    }
    size_t count = 1;
    pieces->n_dims = s.n_dims;
    pieces->grows = s.axis >= 0;
    pieces->axis = axis >= 0 && reader->n_files == 1 ? axis : pieces->grows ? s.axis : axis;
    pieces->axis = pieces->axis >= 0 && pieces->axis < s.n_dims ? pieces->axis : 0;
    for (int k = 0; k < s.n_dims; k++) {
        const size_t extent = (size_t)s.extent[k];
        pieces->shape[k] = (int64_t)extent;
        if (count > 0 && extent > 0 && count > SIZE_MAX / 64 / extent) {
            H5Oclose(dataset);
            return kr_fail(err, KR_EIO, "%s: %s/%s does not fit an address space",
                           reader->path[reader->n_files - 1], pieces->group, pieces->name);
        }
        count *= extent;
    }
    pieces->chunk = chunk_steps(dataset, pieces);
    pieces->dims = read_dims(reader, dataset, pieces->group, pieces->name, s.n_dims);
    H5Oclose(dataset);
    return pieces->dims ? KR_OK
                        : kr_fail(err, KR_ENOMEM, "memory: could not name the dims of %s/%s",
                                  pieces->group, pieces->name);
}

int kr_pieces_open(kr_reader *reader, const char *group, const char *name, int axis,
                   kr_pieces *pieces, kr_error *err)
{
    *pieces = (kr_pieces){ .reader = reader };
    const int n = snprintf(pieces->group, sizeof pieces->group, "%s", group);
    const int m = snprintf(pieces->name, sizeof pieces->name, "%s", name);
    if (n >= (int)sizeof pieces->group || m >= (int)sizeof pieces->name) {
        return kr_fail(err, KR_EIO, "%s: no variable %.100s/%.100s...",
                       reader->path[reader->n_files - 1], group, name);
    }
    kr_h5_quiet quiet = kr_h5_silence();
    int status = describe(pieces, axis, err);
    status = status == KR_OK ? join_files(pieces, err) : status;
    kr_h5_restore(quiet);
    return status;
}

void kr_pieces_close(kr_pieces *pieces)
{
    kr_free(pieces->begin);
    pieces->begin = NULL;
}

/* Steps from..to, counted in file f, into place at of n steps in memory. */
static int read_file(const kr_pieces *pieces, int f, int64_t from, int64_t to, int64_t at,
                     int64_t n, double *values, kr_error *err)
{
    const kr_reader *reader = pieces->reader;
    shape s;
    hid_t dataset = open_values(reader, f, pieces->group, pieces->name, &s, err);
    if (dataset < 0) {
        return KR_EIO;
    }
    hsize_t start[KR_DIMS_MAX] = { 0 }, extent[KR_DIMS_MAX], count[KR_DIMS_MAX];
    for (int k = 0; k < s.n_dims; k++) {
        const bool is_axis = k == pieces->axis;
        extent[k] = (hsize_t)(is_axis ? n : pieces->shape[k]);
        count[k] = is_axis ? (hsize_t)(to - from) : extent[k];
    }
    hid_t memory = s.n_dims ? H5Screate_simple(s.n_dims, extent, NULL) : H5Screate(H5S_SCALAR);
    hid_t space = H5Dget_space(dataset);
    bool ok = memory >= 0 && space >= 0;
    if (ok && s.n_dims) {
        start[pieces->axis] = (hsize_t)at;
        ok = H5Sselect_hyperslab(memory, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
        start[pieces->axis] = (hsize_t)from;
        ok = ok && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    }
    ok = ok && H5Dread(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values) >= 0;
    int status = KR_OK;
    if (!ok) {
        char what[600];
        snprintf(what, sizeof what, "%.250s/%.250s is damaged", pieces->group, pieces->name);
        status = kr_h5_fail(err, reader->path[f], what);
    }
    H5Sclose(space);
    H5Sclose(memory);
    H5Oclose(dataset);
    return status;
}

int kr_pieces_read(const kr_pieces *pieces, int64_t from, int64_t n, double *values,
                   kr_error *err)
{
    const int last = pieces->reader->n_files - 1;
    bool is_empty = n == 0;
    for (int k = 0; k < pieces->n_dims; k++) {
        is_empty = is_empty || (k != pieces->axis && pieces->shape[k] == 0);
    }
    int status = KR_OK;
    kr_h5_quiet quiet = kr_h5_silence();
    for (int f = pieces->grows ? 0 : last; !is_empty && f <= last && status == KR_OK; f++) {
        const int64_t begin = pieces->begin[f], end = pieces->begin[f + 1];
        const int64_t low = from > begin ? from : begin;
        const int64_t high = from + n < end ? from + n : end;
        if (low < high) {
            status =
                read_file(pieces, f, low - begin, high - begin, low - from, n, values, err);
        }
    }
    kr_h5_restore(quiet);
    return status;
}

double *kr_reader_read(kr_reader *reader, const char *group, const char *name, int *n_dims,
                       int64_t shape_out[KR_DIMS_MAX], const char **dims, kr_error *err)
{
    kr_pieces pieces;
    double *values = NULL;
    if (kr_pieces_open(reader, group, name, -1, &pieces, err) == KR_OK) {
        size_t count = 1;
        for (int k = 0; k < pieces.n_dims; k++) {
            count *= (size_t)pieces.shape[k];
        }
        values = kr_alloc(count, sizeof *values, err);
        const int64_t length = pieces.n_dims ? pieces.shape[pieces.axis] : 1;
        if (values && kr_pieces_read(&pieces, 0, length, values, err) != KR_OK) {
            kr_free(values);
            values = NULL;
        }
    }
    if (values) {
        *n_dims = pieces.n_dims;
        memcpy(shape_out, pieces.shape, (size_t)pieces.n_dims * sizeof *shape_out);
        if (dims) {
            *dims = pieces.dims;
        }
    }
    kr_pieces_close(&pieces);
    return values;
}
