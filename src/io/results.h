/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/results.h - the science file: schema, closed parts, assembly, reading (DESIGN: netCDF-4
 * compatible HDF5, dims chain, draw, point).
 *
 * A result set is a list of variables, each in a group, with fixed dims and, for series, one
 * growing dim (draw or epoch). Draws are buffered in memory; kr_results_write_part writes
 * everything buffered as one closed file; kr_results_assemble joins parts into the science
 * file. io knows names and arrays, no physics. Serial only. */
#ifndef KR_IO_RESULTS_H
#define KR_IO_RESULTS_H

#include "kramers_plug.h"

#define KR_DIMS_MAX 6

typedef struct kr_results kr_results;

/* Dims are declared per group before the variables that use them. A coordinate variable of the
 * dim's name is written: values (length) or NULL for 0, 1, 2, ... length 0 = the growing dim.
 */
kr_results *kr_results_alloc(kr_error *err);
void kr_results_free(kr_results *results);
/* group "" is the root. Attributes: text or double. */
int kr_results_attr_text(kr_results *r, const char *group, const char *variable,
                         const char *name, const char *value, kr_error *err);
int kr_results_attr_real(kr_results *r, const char *group, const char *variable,
                         const char *name, double value, kr_error *err);
int kr_results_dim(kr_results *r, const char *group, const char *dim, int64_t length,
                   const double *values, kr_error *err);
/* dims: names separated by spaces, in order, e.g. "chain draw point"; "" is a scalar. Returns
 * the variable's index in *index. dtype as stored; values are passed as that type. */
int kr_results_variable(kr_results *r, const char *group, const char *name, kr_dtype dtype,
                        const char *dims, const char *unit, const char *doc, int *index,
                        kr_error *err);
/* Fixed variables (no growing dim): whole value at once. */
int kr_results_put(kr_results *r, int index, const void *values, kr_error *err);
/* One step along the growing dim for one variable: the slab of all its other dims, in order. */
int kr_results_append(kr_results *r, int index, const void *slab, kr_error *err);
/* Slabs of the growing dim of a variable buffered and not yet written / its total so far. */
int64_t kr_results_buffered(const kr_results *r, int index);
size_t kr_results_buffered_bytes(const kr_results *r);

/* Writes buffered slabs of all variables (and all fixed variables) as a closed file: temporary
 * name, fsync, rename, fsync of the folder; then the buffers are empty. Errors: KR_EIO with
 * path and cause; the buffers stay. */
int kr_results_write_part(kr_results *r, const char *path, kr_error *err);
/* Joins the files in order (each the schema of r) into path, atomically. limit[v] slabs of
 * variable v are taken (later ones are ignored: every draw exists exactly once); limit NULL =
 * all. */
int kr_results_assemble(const kr_results *r, const char *const *parts, int n_parts,
                        const int64_t *limit, const char *path, kr_error *err);

/* ---- reading, for analysis ---- */
typedef struct kr_reader kr_reader; /* one assembled file, or the ordered parts of a live run */
kr_reader *kr_reader_open(const char *path,
                          kr_error *err); /* NAME.h5; falls back to NAME.h5.parts */
void kr_reader_close(kr_reader *reader);
/* Names of the variables of a group, NULL-terminated, owned by the reader; NULL when no group.
 */
const char *const *kr_reader_variables(kr_reader *reader, const char *group);
/* Whole variable as double; shape (n_dims) filled; *dims the names separated by spaces, owned
 * by the reader. Caller frees with kr_free. NULL with KR_EIO. */
double *kr_reader_read(kr_reader *reader, const char *group, const char *name, int *n_dims,
                       int64_t shape[KR_DIMS_MAX], const char **dims, kr_error *err);
/* Attributes; false when absent. Text is owned by the reader. */
bool kr_reader_attr_text(kr_reader *reader, const char *group, const char *variable,
                         const char *name, const char **value);
bool kr_reader_attr_real(kr_reader *reader, const char *group, const char *variable,
                         const char *name, double *value);
/* Names of attributes of a group or variable (variable "" = the group), NULL-terminated. */
const char *const *kr_reader_attrs(kr_reader *reader, const char *group, const char *variable);

#endif
