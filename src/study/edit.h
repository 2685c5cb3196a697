/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/edit.h - run files made from others by setting and removing keys: what a study runs is
 * what a user could have written. Threads: serial only. */
#ifndef KR_STUDY_EDIT_H
#define KR_STUDY_EDIT_H

#include "base/runfile.h"

/* kr_runfile_set of printed text; the value is parsed as YAML. */
int kr_edit_set(kr_runfile *file, kr_error *err, const char *format, ...) KR_PRINTF(3, 4);
int kr_edit_set_list(kr_runfile *file, const char *path, const double *x, int32_t n,
                     kr_error *err);
/* Removes a key of the root if it is there. */
void kr_edit_drop(kr_runfile *file, const char *key);
double kr_edit_clock(void); /* CPU-seconds of the process */

#endif
