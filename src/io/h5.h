/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/h5.h - the HDF5 calls of io in one place: quiet errors, types, datasets with the filters
 * and dimension scales that netCDF-4 readers want, whole files put in place atomically.
 *
 * Every file is bound to the 1.10 format: its metadata and, through fletcher32, its data carry
 * checksums. HDF5 reports a write error late (at flush) or never, and may crash at exit after
 * one, so files are built in memory and written by us; only very large ones go through its own
 * driver. Private to io. Serial only. */
#ifndef KR_IO_H5_H
#define KR_IO_H5_H

#include "kramers_plug.h"

#include <hdf5.h>
#include <hdf5_hl.h>

/* HDF5 prints its error stack unless told otherwise: silence it for the time of a call and give
 * the caller's setting back. */
typedef struct kr_h5_quiet {
    H5E_auto2_t print;
    void *data;
} kr_h5_quiet;
kr_h5_quiet kr_h5_silence(void);
void kr_h5_restore(kr_h5_quiet quiet);

/* KR_EIO "PATH: what: deepest message of HDF5". Returns KR_EIO. */
int kr_h5_fail(kr_error *err, const char *path, const char *what);

hid_t kr_h5_memory_type(kr_dtype dtype);
hid_t kr_h5_file_type(kr_dtype dtype); /* little endian */
size_t kr_h5_size(kr_dtype dtype);     /* bytes of a value */

/* Bytes of a file built in memory; left over when HDF5 has closed it. */
typedef struct kr_h5_image {
    unsigned char *data; /* owned by the holder from the close on; free() */
    size_t capacity;
} kr_h5_image;
/* New file, in memory (image, which must outlive the close) or, when image is NULL, at path.
 * Negative with KR_EIO. */
hid_t kr_h5_create(const char *path, kr_h5_image *image, kr_error *err);
/* Existing file, read only. Negative with KR_EIO: missing, not HDF5, truncated. */
hid_t kr_h5_open(const char *path, kr_error *err);
/* Negative on failure (see kr_h5_fail). Link creation order is tracked. */
hid_t kr_h5_group(hid_t file, const char *name);
/* Dataset with chunks of about 256 KiB, shuffle, deflate, fletcher32, fill value NaN for reals;
 * scalars are compact. axis: the unlimited one or -1. Negative on failure. */
hid_t kr_h5_dataset(hid_t group, const char *name, kr_dtype dtype, int n_dims,
                    const hsize_t *extent, int axis);
/* Slabs per chunk of a dataset whose slabs have these bytes. */
hsize_t kr_h5_chunk_slabs(size_t slab_bytes);
int kr_h5_attr_text(hid_t object, const char *name, const char *value); /* negative: failure */
int kr_h5_attr_real(hid_t object, const char *name, double value);

/* Writes the image of a closed file to path, fsync. Errors: KR_EIO with errno text. */
int kr_h5_write_image(const kr_h5_image *image, const char *path, kr_error *err);
/* Enough room for bytes in the folder of path and under the file-size limit? Else KR_EIO. */
int kr_h5_check_room(const char *path, uint64_t bytes, kr_error *err);
/* fsync of a file or folder (some file systems know no fsync of folders: no error). */
int kr_h5_sync(const char *path, kr_error *err);
/* Renames temporary to path, fsync of the folder. */
int kr_h5_replace(const char *temporary, const char *path, kr_error *err);

#endif
