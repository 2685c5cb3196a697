/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/error.c - the one place where error messages are set. */
#include "kramers_plug.h"

#include <stdarg.h>
#include <stdio.h>

int kr_fail(kr_error *err, int status, const char *format, ...)
{
    if (err && err->status == KR_OK) {
        va_list arguments;
        va_start(arguments, format);
        err->status = status;
        vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
    }
    return status;
}
