/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/edit.c - run files made from others by setting and removing keys. */
#include "study/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double kr_edit_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int kr_edit_set(kr_runfile *file, kr_error *err, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return kr_runfile_set(file, text, err);
}

int kr_edit_set_list(kr_runfile *file, const char *path, const double *x, int32_t n,
                     kr_error *err)
{
    kr_text text = { 0 };
    int status = kr_text_add(&text, err, "%s=[", path);
    for (int32_t k = 0; k < n && status == KR_OK; k++) {
        char number[KR_NUMBER_MAX];
        status = kr_text_add(&text, err, "%s%s", k ? ", " : "", kr_number_format(x[k], number));
    }
    status = status == KR_OK ? kr_text_add(&text, err, "]") : status;
    status = status == KR_OK ? kr_runfile_set(file, text.data, err) : status;
    kr_text_clear(&text);
    return status;
}

void kr_edit_drop(kr_runfile *file, const char *key)
{
    kr_node *root = file->root;
    for (int32_t k = 0; k < root->n; k++) {
        if (strcmp(root->key[k]->text, key) == 0) {
            for (int32_t next = k + 1; next < root->n; next++) {
                root->key[next - 1] = root->key[next];
                root->child[next - 1] = root->child[next];
            }
            root->n--;
            return;
        }
    }
}
