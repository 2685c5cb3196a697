/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/files.h - the files of one run: names, lock, parts folder. Serial only. */
#ifndef KR_IO_FILES_H
#define KR_IO_FILES_H

#include "kramers_plug.h"

typedef struct kr_files {
    char *output;   /* NAME.h5 */
    char *folder;   /* NAME.h5.parts */
    char *restart;  /* NAME.h5.restart */
    char *previous; /* NAME.h5.restart.previous */
    int lock;       /* descriptor, or -1 */
} kr_files;

int kr_files_init(kr_files *files, const char *output, kr_error *err);
void kr_files_clear(kr_files *files);
/* May a result file be written at path? Refuses (KR_EPARSE) an empty name, a folder that cannot
 * be written to, anything that is no regular file, a file that exists unless overwrite, and
 * then still one that is no result file of ours. Changes nothing. */
int kr_files_check_replace(const char *path, bool overwrite, kr_error *err);
/* Both exist and are one file, whatever their names. */
bool kr_files_is_same(const char *a, const char *b);
/* For a new run: the same of its output, and refuses, unless overwrite, an unfinished run of
 * that name. Changes nothing. */
int kr_files_check_new(const kr_files *files, bool overwrite, kr_error *err);
/* The same, then makes the folder and locks it (KR_EIO when locked). Removes nothing. */
int kr_files_claim(kr_files *files, bool overwrite, kr_error *err);
/* Removes what an earlier run of this name left. After a claim. */
int kr_files_remove_old(const kr_files *files, kr_error *err);
/* For a resume: a restart file must exist (KR_EPARSE); makes the folder when missing; locks. */
int kr_files_reclaim(kr_files *files, kr_error *err);
int kr_files_check_restart(const kr_files *files, kr_error *err);
bool kr_files_is_locked(const kr_files *files); /* by another process */
void kr_files_unlock(kr_files *files);
/* After a refusal: unlocks, and removes the folder when it is empty. */
void kr_files_release(kr_files *files);
/* Path of part n (from 1), owned by the caller (kr_free). */
char *kr_files_part(const kr_files *files, int64_t n, kr_error *err);
char *kr_files_copy(const char *text, kr_error *err);
/* Removes parts with numbers above n and temporary files. */
int kr_files_drop_parts(const kr_files *files, int64_t n, kr_error *err);
/* Removes all parts and the folder, and the previous restart file. */
void kr_files_finish(kr_files *files);
/* Monotonic seconds. */
double kr_files_clock(void);

#endif
