/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/state.h - state tables and the binary files of named arrays made from them.
 *
 * File format (restart and density files), little endian: magic "KRARRAY1", u32 version, u32
 * number of rows, rows {name (u16 length + bytes), u8 dtype, u64 count, data}, then the
 * XXH3-128 of everything before it (low, then high 64 bits). The whole is verified before a
 * byte is used. */
#ifndef KR_BASE_STATE_H
#define KR_BASE_STATE_H

#include "kramers_plug.h"

#define KR_STATE_VERSION      1
#define KR_STATE_NAME_MAX     1024 /* bytes of a row's name, prefixes included */
#define KR_STATE_PREFIXES_MAX 16

/* Life cycle; alloc returns NULL with KR_ENOMEM. */
kr_state *kr_state_alloc(kr_error *err);
void kr_state_free(kr_state *table);
/* Rows added until the pop are named "prefix/name"; prefixes nest. A name that is there
 * already, empty or too long is KR_EINVAL, in kr_state_add too. */
int kr_state_push(kr_state *table, const char *prefix, kr_error *err);
void kr_state_pop(kr_state *table);
size_t kr_state_dtype_size(kr_dtype dtype);
size_t kr_state_bytes(const kr_state *table); /* of the file that a save would write */

/* Writes all rows to path.tmp, fsync, rename to path, fsync of the folder. When keep is not
 * NULL an existing path is first renamed to keep (same folder); a reader that finds no path
 * takes keep, for a kill between the two renames leaves only that. On error path.tmp is
 * removed and path is as before, unless the last fsync failed. Errors: KR_EIO with path and
 * cause. Serial only. */
int kr_state_save(const kr_state *table, const char *path, const char *keep, kr_error *err);
/* Verifies the file and fills every row of the table. Errors: KR_EIO unreadable, truncated or
 * checksum wrong; KR_EMISMATCH a row missing, of another type or length, or rows nobody asked
 * for. Nothing is filled on error. Cost: memory for the whole file. Serial only. */
int kr_state_load(const kr_state *table, const char *path, kr_error *err);
/* Verifies the file and returns a copy (owned by the caller, kr_free) of one row and its count.
 * NULL with KR_EIO, KR_EMISMATCH or KR_ENOMEM set. */
void *kr_state_peek(const char *path, const char *name, kr_dtype dtype, size_t *count,
                    kr_error *err);

/* A verified file held in memory, for rows whose names or lengths are not known beforehand;
 * rows nobody asks for are no error. open: NULL with KR_EIO or KR_ENOMEM. copy (owned by the
 * caller, kr_free): NULL with KR_EMISMATCH missing or of another type, KR_EIO, KR_ENOMEM. */
typedef struct kr_arrays kr_arrays;
kr_arrays *kr_arrays_open(const char *path, kr_error *err);
void kr_arrays_close(kr_arrays *file);
bool kr_arrays_has(const kr_arrays *file, const char *name);
void *kr_arrays_copy(const kr_arrays *file, const char *name, kr_dtype dtype, size_t *count,
                     kr_error *err);

/* XXH3 digest of bytes, chained through seed. */
uint64_t kr_state_hash(const void *data, size_t bytes, uint64_t seed);

#endif
