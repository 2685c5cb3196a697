/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/stored.h - densities in files: trained weights with all that says what they are for.
 *
 * A density file is a file of named arrays (base/state.h), verified as a whole before use:
 * kind, version, name of the plug and its fields as text, n_sites, q, structure, model, lattice
 * and beta it was trained at, weights, steps, work and, once certified, ess_q with the number
 * of samples it is from. Rows that this version does not know are left alone.
 *
 * Weights that are polynomials in the scanned numbers of a run (density/scan.h) are one file
 * for all points, version 2: rows scan_axes (their paths as lines), scan_degree, scan_from,
 * scan_to; weights (n_terms, number of weights). kr_stored_fix makes plain weights of them at a
 * point.
 *
 * Weights fit another target when plug, fields, n_sites, q, structure and their number agree.
 * Where only n_sites and structure differ, densities whose sites share networks take over what
 * is alike: the row `networks` tells the networks apart without the size of the lattice.
 * beta, couplings, fields and the realization of disorder may differ: the networks stand on the
 * exact local field of the target they are given, so weights trained near by are a good start.
 */
#ifndef KR_DENSITY_STORED_H
#define KR_DENSITY_STORED_H

#include "base/text.h"
#include "density/scan.h"
#include "kramers_plug.h"

#define KR_STORED_VERSION 2 /* of plain weights 1 */

enum {
    KR_STORED_PLUG,
    KR_STORED_FIELDS, /* of the plug: lines "hidden: 32" */
    KR_STORED_MODEL,
    KR_STORED_MODEL_FIELDS,
    KR_STORED_LATTICE,
    KR_STORED_LATTICE_FIELDS,
    KR_STORED_PROGRAM, /* version of the program that wrote it */
    KR_STORED_TEXTS
};

typedef struct kr_stored {
    char *path;                  /* it was read from, for messages; owns */
    char *text[KR_STORED_TEXTS]; /* owns */
    int64_t n_sites, q;          /* q = 0: real variables */
    uint64_t structure;          /* kr_stored_structure of the terms */
    double beta;
    size_t n_weights; /* of all terms together */
    float *weights;   /* owns */
    kr_scan scan;     /* degree 0: plain weights */
    char *axes;       /* paths of the scanned numbers, lines; owns */
    size_t n_networks;
    int64_t *networks;  /* as plug->networks gave them, or NULL; owns */
    int64_t steps;      /* of training, all runs together */
    double work;        /* of them, in nominal CPU-seconds */
    int64_t flow_steps; /* kr_flow.n_steps of these weights, of a range the most; 0: none, or
                           not on record */
    double ess_q, n_q;  /* of the certificate; NaN: none yet */
} kr_stored;

/* Digest of which sites are coupled, not of how strongly: number of sites, neighbor lists or,
 * beyond pair models, the sites of every term. The same on every machine. Pure. */
uint64_t kr_stored_structure(const kr_terms *terms);
/* The fields of a plug as lines "name: value" appended to text. Pure. */
int kr_stored_write_fields(const kr_field *fields, const void *params, kr_text *text,
                           kr_error *err);

/* NULL (or KR_EIO, KR_EMISMATCH, KR_ENOMEM) with a message that begins with the path: not
 * readable, truncated, damaged, of another kind, of a newer version, a weight that is no finite
 * number. Serial only. */
kr_stored *kr_stored_load(const char *path, kr_error *err);
/* Writes path whole or not at all (kr_state_save). Serial only. */
int kr_stored_save(const kr_stored *stored, const char *path, kr_error *err);
void kr_stored_free(kr_stored *stored);

/* Plain weights at these scanned numbers (scan.n_axes) in the place of the polynomials; at is
 * inside of the range, see kr_stored_axis. KR_ENOMEM. Serial only. */
int kr_stored_fix(kr_stored *stored, const double *at, kr_error *err);
/* Path of axis a of the scan, at most size - 1 bytes of it. Pure. */
void kr_stored_axis(const kr_stored *stored, int32_t a, char *path, size_t size);

/* May the weights serve this density of this target? KR_EMISMATCH names the first key that
 * differs, the value seen and the value wanted. Pure. */
int kr_stored_check(const kr_stored *stored, const kr_density_plug *plug, const void *params,
                    const kr_terms *terms, kr_error *err);
/* Is the lattice the same, so that kr_stored_apply serves, or is it kr_stored_grow? Pure. */
bool kr_stored_is_same(const kr_stored *stored, const kr_terms *terms);
/* Copies the weights into an instance that passed kr_stored_check. KR_EMISMATCH: another number
 * of weights, or padding that is not zero; then nothing is copied. Serial only. */
int kr_stored_apply(const kr_stored *stored, const kr_density_plug *plug, void *self,
                    kr_error *err);
/* Takes over the networks that are alike into an instance with fresh weights that passed
 * kr_stored_check. KR_EMISMATCH as plug->adopt; then nothing is copied. Serial only. */
int kr_stored_grow(const kr_stored *stored, const kr_density_plug *plug, void *self,
                   kr_adopted *count, kr_error *err);

#endif
