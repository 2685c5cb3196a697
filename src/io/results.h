/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/results.h - the result file: schema, closed parts, assembly, reading (DESIGN: netCDF-4
 * compatible HDF5, dims chain, draw, point).
 *
 * A result set is a list of variables, each in a group, with fixed dims and, for series, one
 * growing dim (draw or epoch). Draws are buffered in memory; kr_results_write_part writes
 * everything buffered as one closed file; kr_results_assemble joins parts into the science
 * file. io knows names and arrays, no physics. Serial only. */
#ifndef KR_IO_RESULTS_H
#define KR_IO_RESULTS_H

#include "kramers_plug.h"

#define KR_DIMS_MAX       6
#define KR_RESULTS_FORMAT 1 /* major version in the attribute Conventions, "kramers-1.0" */

typedef struct kr_results kr_results;

/* For main() of a program, before anything else of io: HDF5 then skips its clean-up at exit,
 * which crashes after a write that failed and complains after reading a damaged file. A library
 * that shares HDF5 with others leaves it. */
void kr_results_skip_cleanup(void);

kr_results *kr_results_alloc(kr_error *err);
void kr_results_free(kr_results *results);

/* Names of groups, dims, variables and attributes are words of letters, digits and '_' (an
 * attribute's also with '.'). Group "" is the root; it takes attributes and scalars only,
 * because groups below it would inherit its dims. All text is copied. Errors of the schema:
 * KR_EINVAL. */

/* Dims are declared per group before the variables that use them. A coordinate variable of the
 * dim's name is written: values (length) or NULL for 0, 1, 2, ... length 0 = the growing dim. A
 * variable "draw" with dims "draw" takes the place of the coordinate 0, 1, 2, ... and is
 * appended like any other (thinned series: the true draw number). */
int kr_results_dim(kr_results *r, const char *group, const char *dim, int64_t length,
                   const double *values, kr_error *err);
/* dims: names separated by spaces, in order, e.g. "chain draw point"; "" is a scalar. At most
 * one of them grows. Returns the variable's index in *index (0, 1, 2, ... in the order of the
 * calls). dtype as stored; values are passed as that type. unit and doc become the attributes
 * "units" and "long_name" (NULL or "" = none); write a unit as a symbol ("s", "J"): readers
 * take words such as "seconds" for dates. */
int kr_results_variable(kr_results *r, const char *group, const char *name, kr_dtype dtype,
                        const char *dims, const char *unit, const char *doc, int *index,
                        kr_error *err);
/* Attributes, text or double; variable "" = the group. Variable or dim must be declared before.
 * Setting one again replaces it. */
int kr_results_attr_text(kr_results *r, const char *group, const char *variable,
                         const char *name, const char *value, kr_error *err);
int kr_results_attr_real(kr_results *r, const char *group, const char *variable,
                         const char *name, double value, kr_error *err);
/* Fixed variables (no growing dim): whole value at once; again = replaced. Each must have a
 * value before a file is written. */
int kr_results_put(kr_results *r, int index, const void *values, kr_error *err);
/* One step along the growing dim for one variable: the slab of all its other dims, in order. */
int kr_results_append(kr_results *r, int index, const void *slab, kr_error *err);
/* Slabs of a variable appended and not yet written; bytes of all of them. */
int64_t kr_results_buffered(const kr_results *r, int index);
size_t kr_results_buffered_bytes(const kr_results *r);
/* Number that the next slab of a growing dim bears in the coordinate 0, 1, 2, ... of parts: for
 * a resumed run, whose first draws are in files already. Assembled files number anew from 0. */
int kr_results_continue(kr_results *r, const char *group, const char *dim, int64_t start,
                        kr_error *err);
/* Files estimated above this size (default 256 MiB) are written through HDF5's own file driver,
 * smaller ones are built in memory and written by us. */
void kr_results_image_limit(kr_results *r, size_t bytes);

/* Writes buffered slabs of all variables (and all fixed variables) as a closed file: temporary
 * name, fsync, rename, fsync of the folder; then the buffers are empty. A dim without buffered
 * slabs is there with length 0. Errors: KR_EIO with path and cause; KR_EINVAL when variables on
 * one growing dim differ in slabs or a fixed one has no value. The buffers stay and no file is
 * left behind. Equal content gives equal bytes. */
int kr_results_write_part(kr_results *r, const char *path, kr_error *err);
/* Joins the files in order (each with the schema of r; an assembled file is one as well, and
 * path itself may be among them) into path, atomically; attributes and fixed variables are
 * those of r now. limit (number of variables): limit[v] slabs of variable v are taken (later
 * ones are ignored: every draw exists exactly once), a negative one = all; limit NULL = all of
 * all. Memory: bounded by the image limit, at most a few slabs beyond it. Errors: KR_EIO;
 * KR_EIO when files hold fewer slabs than the limit; KR_EMISMATCH another schema; KR_EINVAL
 * variables of one dim with different limits. An existing path stays as it was on error. */
int kr_results_assemble(const kr_results *r, const char *const *parts, int n_parts,
                        const int64_t *limit, const char *path, kr_error *err);

/* ---- reading, for analysis ---- */
typedef struct kr_reader kr_reader; /* one assembled file, or the ordered parts of a live run */

/* Opens NAME.h5; when it is missing, NAME.h5.parts/part-*.h5 in the order of their names,
 * joined along the growing dims (fixed variables and attributes are those of the last part).
 * NULL with KR_EIO: missing, not HDF5, truncated, damaged, of a newer format. */
kr_reader *kr_reader_open(const char *path, kr_error *err);
void kr_reader_close(kr_reader *reader);
/* Lists and attributes have no error of their own: what of them was there but could not be read
 * so far, as a message; NULL: nothing. */
const char *kr_reader_damage(const kr_reader *reader);
/* Names of the variables of a group in the order of their declaration, without the coordinates
 * of dims; NULL-terminated, owned by the reader; NULL when no group. */
const char *const *kr_reader_variables(kr_reader *reader, const char *group);
/* Whole variable (or coordinate, by the dim's name) as double; n_dims and shape are filled;
 * *dims (NULL allowed) the names separated by spaces, owned by the reader. Caller frees with
 * kr_free. NULL with KR_EIO: absent, damaged, not numbers. */
double *kr_reader_read(kr_reader *reader, const char *group, const char *name, int *n_dims,
                       int64_t shape[KR_DIMS_MAX], const char **dims, kr_error *err);
/* A variable that is read in pieces. */
typedef struct kr_pieces {
    kr_reader *reader; /* borrowed */
    char group[256], name[256];
    int n_dims, axis; /* axis: along which pieces are cut */
    bool grows;       /* over the files of a run that goes on */
    int64_t shape[KR_DIMS_MAX];
    int64_t chunk;    /* steps along the axis that lie together in the file */
    const char *dims; /* names separated by spaces; owned by the reader */
    int64_t *begin;   /* (files + 1) where each begins along the axis; owns */
} kr_pieces;
/* axis: a dim, or -1 for the growing one (of fixed variables the first); parts of a run are
 * always cut along the growing one. Close it also after an error. Errors: as of kr_reader_read.
 */
int kr_pieces_open(kr_reader *reader, const char *group, const char *name, int axis,
                   kr_pieces *pieces, kr_error *err);
void kr_pieces_close(kr_pieces *pieces);
/* n steps along the axis, from the given one on: values of the shape with n in its place. */
int kr_pieces_read(const kr_pieces *pieces, int64_t from, int64_t n, double *values,
                   kr_error *err);
/* Attributes (variable "" = of the group); false when absent or of the other kind. Text is
 * owned by the reader. */
bool kr_reader_attr_text(kr_reader *reader, const char *group, const char *variable,
                         const char *name, const char **value);
bool kr_reader_attr_real(kr_reader *reader, const char *group, const char *variable,
                         const char *name, double *value);
/* Names of attributes of a group or variable (variable "" = the group), NULL-terminated,
 * without those that HDF5 and netCDF keep for dims; owned by the reader; NULL when there is no
 * such object. */
const char *const *kr_reader_attrs(kr_reader *reader, const char *group, const char *variable);

#endif
