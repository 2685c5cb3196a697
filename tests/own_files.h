/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/own_files.h - names and folders of a test process. */
#ifndef KR_OWN_FILES_H
#define KR_OWN_FILES_H

#include "kr_test.h"

#include <sys/stat.h>
#include <unistd.h>

/* A name in the working folder that no other process uses: stem, process, number. */
static inline void name_own(char *path, size_t size, const char *stem, int number)
{
    snprintf(path, size, "%s-%ld-%d", stem, (long)getpid(), number);
}

static inline void make_own_folder(char *path, size_t size, const char *stem, int number)
{
    name_own(path, size, stem, number);
    assert_int_equal(mkdir(path, 0700), 0);
}

#endif
