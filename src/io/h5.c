/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/h5.c - the HDF5 calls of io in one place. */
#include "io/h5.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK_BYTES     ((size_t)256 << 10)
#define CHUNK_BYTES_MAX ((size_t)1 << 20)
#define DEFLATE_LEVEL   4
#define IMAGE_STEP      ((size_t)1 << 20)

kr_h5_quiet kr_h5_silence(void)
{
    kr_h5_quiet quiet = { NULL, NULL };
    H5Eget_auto2(H5E_DEFAULT, &quiet.print, &quiet.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return quiet;
}

void kr_h5_restore(kr_h5_quiet quiet)
{
    H5Eset_auto2(H5E_DEFAULT, quiet.print, quiet.data);
}

static herr_t first_message(unsigned n, const H5E_error2_t *error, void *text)
{
    (void)n;
    *(const char **)text = error->desc;
    return 1; /* stops the walk */
}

int kr_h5_fail(kr_error *err, const char *path, const char *what)
{
    const char *text = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_message, &text);
    return text && text[0] ? kr_fail(err, KR_EIO, "%s: %s: %s", path, what, text)
                           : kr_fail(err, KR_EIO, "%s: %s", path, what);
}

hid_t kr_h5_memory_type(kr_dtype dtype)
{
    switch (dtype) {
    case KR_U8:
        return H5T_NATIVE_UINT8;
    case KR_I32:
        return H5T_NATIVE_INT32;
    case KR_U32:
        return H5T_NATIVE_UINT32;
    case KR_I64:
        return H5T_NATIVE_INT64;
    case KR_U64:
        return H5T_NATIVE_UINT64;
    case KR_F32:
        return H5T_NATIVE_FLOAT;
    default:
        return H5T_NATIVE_DOUBLE;
    }
}

hid_t kr_h5_file_type(kr_dtype dtype)
{
    switch (dtype) {
    case KR_U8:
        return H5T_STD_U8LE;
    case KR_I32:
        return H5T_STD_I32LE;
    case KR_U32:
        return H5T_STD_U32LE;
    case KR_I64:
        return H5T_STD_I64LE;
    case KR_U64:
        return H5T_STD_U64LE;
    case KR_F32:
        return H5T_IEEE_F32LE;
    default:
        return H5T_IEEE_F64LE;
    }
}

size_t kr_h5_size(kr_dtype dtype)
{
    return H5Tget_size(kr_h5_file_type(dtype));
}

/* What the core driver asks of the holder of an image. HDF5 offers a copy of the image of an
 * open file as well, but clears a flag in it without renewing the checksum (1.10.8), so that
 * the copy cannot be opened; we keep the memory when the file is closed instead. */
static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *holder)
{
    (void)op;
    kr_h5_image *image = holder;
    image->data = malloc(size);
    image->capacity = image->data ? size : 0;
    return image->data;
}

static void *image_realloc(void *data, size_t size, H5FD_file_image_op_t op, void *holder)
{
    (void)op;
    kr_h5_image *image = holder;
    void *grown = realloc(data, size);
    if (grown) {
        image->data = grown;
        image->capacity = size;
    }
    return grown;
}

static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t op,
                        void *holder)
{
    (void)op;
    (void)holder;
    return memcpy(to, from, size);
}

static herr_t image_keep(void *data, H5FD_file_image_op_t op, void *holder)
{
    (void)data;
    (void)op;
    (void)holder;
    return 0;
}

static void *same_holder(void *holder)
{
    return holder;
}

static herr_t leave_holder(void *holder)
{
    (void)holder;
    return 0;
}

/* Access list bound to the 1.10 format, without locks: our files are closed for good. */
static hid_t access_list(kr_h5_image *image)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    if (list < 0) {
        return list;
    }
    bool ok = H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0;
#if H5_VERSION_GE(1, 10, 7)
    ok = ok && H5Pset_file_locking(list, false, true) >= 0;
#endif
    if (ok && image) {
        H5FD_file_image_callbacks_t callbacks = { image_malloc, image_copy,  image_realloc,
                                                  image_keep,   same_holder, leave_holder,
                                                  image };
        ok = H5Pset_fapl_core(list, IMAGE_STEP, false) >= 0 &&
             H5Pset_file_image_callbacks(list, &callbacks) >= 0;
    }
    if (!ok) {
        H5Pclose(list);
        return -1;
    }
    return list;
}

hid_t kr_h5_create(const char *path, kr_h5_image *image, kr_error *err)
{
    hid_t access = access_list(image), creation = H5Pcreate(H5P_FILE_CREATE), file = -1;
    if (access >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >=
            0) {
        file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    }
    if (file < 0) {
        kr_h5_fail(err, path, "could not create");
    }
    H5Pclose(creation);
    H5Pclose(access);
    return file;
}

hid_t kr_h5_open(const char *path, kr_error *err)
{
    static const unsigned char magic[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
    unsigned char head[sizeof magic];
    /* O_NONBLOCK: a pipe without a writer opens at once and turns out empty */
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        kr_fail(err, KR_EIO, "%s: could not open: %s", path, strerror(errno));
        return -1;
    }
    ssize_t n_read = read(descriptor, head, sizeof head);
    int cause = errno;
    close(descriptor);
    if (n_read < 0) {
        kr_fail(err, KR_EIO, "%s: could not read: %s", path, strerror(cause));
        return -1;
    }
    if (n_read != (ssize_t)sizeof head || memcmp(head, magic, sizeof magic) != 0) {
        kr_fail(err, KR_EIO, "%s: not an HDF5 file", path);
        return -1;
    }
    hid_t access = access_list(NULL), file = -1;
    if (access >= 0) {
        file = H5Fopen(path, H5F_ACC_RDONLY, access);
    }
    if (file < 0) {
        kr_h5_fail(err, path, "truncated or damaged");
    }
    H5Pclose(access);
    return file;
}

hid_t kr_h5_group(hid_t file, const char *name)
{
    hid_t list = H5Pcreate(H5P_GROUP_CREATE), group = -1;
    if (list >= 0 && H5Pset_obj_track_times(list, false) >= 0 &&
        H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0) {
        group = H5Gcreate2(file, name, H5P_DEFAULT, list, H5P_DEFAULT);
    }
    H5Pclose(list);
    return group;
}

hsize_t kr_h5_chunk_slabs(size_t slab_bytes)
{
    return slab_bytes < CHUNK_BYTES ? CHUNK_BYTES / slab_bytes : 1;
}

/* Whole slabs while they are small, else the leading dims are cut until a chunk fits. */
static void choose_chunk(int n_dims, const hsize_t *extent, int axis, size_t size,
                         hsize_t *chunk)
{
    size_t bytes = size;
    for (int k = 0; k < n_dims; k++) {
        chunk[k] = k == axis ? 1 : extent[k];
        bytes *= (size_t)chunk[k];
    }
    if (axis >= 0) {
        hsize_t slabs = kr_h5_chunk_slabs(bytes);
        chunk[axis] = extent[axis] < slabs ? (extent[axis] ? extent[axis] : 1) : slabs;
    }
    for (int k = 0; k < n_dims && bytes > CHUNK_BYTES_MAX; k++) {
        size_t rest = bytes / (size_t)chunk[k];
        hsize_t fit = rest < CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX / rest : 1;
        chunk[k] = fit < chunk[k] ? fit : chunk[k];
        bytes = rest * (size_t)chunk[k];
    }
}

/* Creation list of a dataset; negative on failure. */
static hid_t dataset_list(kr_dtype dtype, int n_dims, const hsize_t *extent, int axis)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (list < 0) {
        return list;
    }
    size_t size = kr_h5_size(dtype);
    const float nan32 = NAN;
    const double nan64 = NAN;
    bool ok = H5Pset_obj_track_times(list, false) >= 0;
    if (dtype == KR_F64) {
        ok = ok && H5Pset_fill_value(list, H5T_NATIVE_DOUBLE, &nan64) >= 0;
    } else if (dtype == KR_F32) {
        ok = ok && H5Pset_fill_value(list, H5T_NATIVE_FLOAT, &nan32) >= 0;
    }
    if (n_dims == 0) {
        /* in the object header, which has a checksum */
        ok = ok && H5Pset_layout(list, H5D_COMPACT) >= 0;
    } else {
        hsize_t chunk[H5S_MAX_RANK];
        choose_chunk(n_dims, extent, axis, size, chunk);
        ok = ok && H5Pset_chunk(list, n_dims, chunk) >= 0;
        ok = ok && (size == 1 || H5Pset_shuffle(list) >= 0);
        ok = ok && H5Pset_deflate(list, DEFLATE_LEVEL) >= 0 && H5Pset_fletcher32(list) >= 0;
    }
    if (!ok) {
        H5Pclose(list);
        return -1;
    }
    return list;
}

hid_t kr_h5_dataset(hid_t group, const char *name, kr_dtype dtype, int n_dims,
                    const hsize_t *extent, int axis)
{
    hsize_t most[H5S_MAX_RANK];
    for (int k = 0; k < n_dims; k++) {
        most[k] = k == axis ? H5S_UNLIMITED : extent[k];
    }
    hid_t space = n_dims ? H5Screate_simple(n_dims, extent, most) : H5Screate(H5S_SCALAR);
    hid_t list = dataset_list(dtype, n_dims, extent, axis), dataset = -1;
    if (space >= 0 && list >= 0) {
        dataset = H5Dcreate2(group, name, kr_h5_file_type(dtype), space, H5P_DEFAULT, list,
                             H5P_DEFAULT);
    }
    H5Pclose(list);
    H5Sclose(space);
    return dataset;
}

static int write_attr(hid_t object, const char *name, hid_t type, hid_t memory_type,
                      const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int status = attr < 0 || H5Awrite(attr, memory_type, value) < 0 ? -1 : 0;
    if (attr >= 0 && H5Aclose(attr) < 0) {
        status = -1;
    }
    H5Sclose(space);
    return status;
}

int kr_h5_attr_text(hid_t object, const char *name, const char *value)
{
    size_t length = strlen(value);
    hid_t type = H5Tcopy(H5T_C_S1);
    int status = -1;
    if (type >= 0 && H5Tset_size(type, length ? length : 1) >= 0 &&
        H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) {
        status = write_attr(object, name, type, type, value);
    }
    H5Tclose(type);
    return status;
}

int kr_h5_attr_real(hid_t object, const char *name, double value)
{
    return write_attr(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

static int write_all(int descriptor, const unsigned char *data, size_t n)
{
    while (n > 0) {
        ssize_t written = write(descriptor, data, n);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return -1;
        }
        data += written;
        n -= (size_t)written;
    }
    return 0;
}

/* Length of the file: the end-of-file address in its superblock (HDF5 File Format Specification
 * 3.0, II.A, versions 2 and 3: 8 bytes at 28); 0 when that cannot be. */
static size_t image_size(const kr_h5_image *image)
{
    uint64_t size = 0;
    if (image->data && image->capacity >= 48 && image->data[8] >= 2 && image->data[9] == 8) {
        for (int k = 7; k >= 0; k--) {
            size = size << 8 | image->data[28 + k];
        }
    }
    return size <= image->capacity ? (size_t)size : 0;
}

int kr_h5_write_image(const kr_h5_image *image, const char *path, kr_error *err)
{
    size_t size = image_size(image);
    if (size == 0) {
        return kr_fail(err, KR_ESANITY, "%s: HDF5 left no whole file in memory", path);
    }
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return kr_fail(err, KR_EIO, "%s: could not create: %s", path, strerror(errno));
    }
    int status = KR_OK;
    if (write_all(descriptor, image->data, size) < 0) {
        status = kr_fail(err, KR_EIO, "%s: could not write %zu bytes: %s", path, size,
                         strerror(errno));
    } else if (fsync(descriptor) < 0) {
        status = kr_fail(err, KR_EIO, "%s: could not sync: %s", path, strerror(errno));
    }
    if (close(descriptor) < 0 && status == KR_OK) {
        status = kr_fail(err, KR_EIO, "%s: could not close: %s", path, strerror(errno));
    }
    return status;
}

/* The folder of path, "." when it names none; owned by the caller. */
static char *folder_of(const char *path, kr_error *err)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + (slash == path) : 1;
    char *folder = kr_alloc(length + 1, 1, err);
    if (folder) {
        memcpy(folder, slash ? path : ".", length);
    }
    return folder;
}

int kr_h5_check_room(const char *path, uint64_t bytes, kr_error *err)
{
    char *folder = folder_of(path, err);
    if (!folder) {
        return KR_ENOMEM;
    }
    struct statvfs disk;
    struct rlimit limit;
    uint64_t room = UINT64_MAX;
    if (statvfs(folder, &disk) == 0 && disk.f_blocks > 0) {
        room = (uint64_t)disk.f_bavail * (uint64_t)disk.f_frsize;
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < room) {
        room = limit.rlim_cur;
    }
    kr_free(folder);
    return bytes <= room
               ? KR_OK
               : kr_fail(err, KR_EIO, "%s: needs about %llu bytes, room for %llu is left", path,
                         (unsigned long long)bytes, (unsigned long long)room);
}

int kr_h5_sync(const char *path, kr_error *err)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return kr_fail(err, KR_EIO, "%s: could not open: %s", path, strerror(errno));
    }
    int status = KR_OK;
    if (fsync(descriptor) < 0 && errno != EINVAL) {
        status = kr_fail(err, KR_EIO, "%s: could not sync: %s", path, strerror(errno));
    }
    close(descriptor);
    return status;
}

int kr_h5_replace(const char *temporary, const char *path, kr_error *err)
{
    char *folder = folder_of(path, err);
    if (!folder) {
        return KR_ENOMEM;
    }
    int status = KR_OK;
    if (rename(temporary, path) < 0) {
        status = kr_fail(err, KR_EIO, "%s: could not rename to %s: %s", temporary, path,
                         strerror(errno));
    } else {
        status = kr_h5_sync(folder, err);
    }
    kr_free(folder);
    return status;
}
