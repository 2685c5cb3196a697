/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/density_files.h - densities of a run kept in files, and such a file in words. */
#ifndef KR_RUN_DENSITY_FILES_H
#define KR_RUN_DENSITY_FILES_H

#include "io/files.h"
#include "run/spec.h"

#include <stdio.h>

/* Before a run begins: each `save` has a folder that can be written to and would replace
 * nothing but the file it starts from or, with overwrite, another density file; none is a file
 * of the run. KR_EPARSE with the place in the run file. */
int kr_density_files_check(const kr_spec *spec, const kr_files *run, bool overwrite,
                           kr_error *err);
/* Writes the weights of every density that wants it, with ESS_q when the certificate is there.
 * KR_EIO, KR_ENOMEM. */
int kr_density_files_save(const kr_spec *spec, const kr_sampler *sampler, bool is_certified,
                          kr_error *err);
/* A line for every density that begins with networks of another lattice; messages may be NULL.
 */
void kr_density_files_tell(const kr_spec *spec, const kr_sampler *sampler, FILE *messages);
/* What a density file holds, on out. KR_EIO, KR_EMISMATCH. */
int kr_density_files_show(const char *path, FILE *out, kr_error *err);

#endif
