/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/reader.h - what reading names and reading values share. Private to io. */
#ifndef KR_IO_READER_H
#define KR_IO_READER_H

#include "io/h5.h"
#include "io/results.h"

struct kr_reader {
    char **path; /* (n_files) */
    hid_t *file; /* (n_files) */
    int n_files;
    void **pool; /* (n_pool) texts and lists handed out */
    size_t n_pool;
    char *damage; /* what could not be read though it is there, the first of it; or "" */
};

/* Hands p over to the reader; NULL (p freed) when memory is short. */
void *kr_reader_keep(kr_reader *reader, void *p);
#define KR_READER_DAMAGE 1024 /* bytes of damage */
/* Notes that a group or variable of a file is damaged. */
void kr_reader_blame(const kr_reader *reader, int f, const char *group, const char *name);
/* The group, variable or dim in one of the files; negative when absent, or damaged. */
hid_t kr_reader_object(const kr_reader *reader, int f, const char *group, const char *name);

#endif
