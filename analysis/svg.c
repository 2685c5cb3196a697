/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/svg.c - figures as parts of an HTML page. */
#include "analysis/svg.h"

#include "analysis/sheet.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>

/* Whole file with a NUL at its end; owned by the caller (kr_free). */
static char *read_file(const char *path, kr_error *err)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    char *text = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
        rewind(file);
    }
    if (size < 0) {
        kr_fail(err, KR_EIO, "%s: %s", path, strerror(errno));
    } else {
        text = kr_alloc((size_t)size + 1, 1, err);
    }
    if (text && fread(text, 1, (size_t)size, file) != (size_t)size) {
        kr_fail(err, KR_EIO, "%s: could not be read", path);
        kr_free(text);
        text = NULL;
    }
    if (text) {
        text[size] = '\0';
    }
    if (file) {
        fclose(file);
    }
    return text;
}

/* Bytes up to and with the begin of a name of this figure, 0 when none begins here. */
static size_t name_at(const char *text)
{
    static const char *const before[] = { " id=\"", " id='", "href=\"#", "href='#", "url(#" };
    for (size_t k = 0; k < sizeof before / sizeof *before; k++) {
        const size_t n = strlen(before[k]);
        if (strncmp(text, before[k], n) == 0) {
            return n;
        }
    }
    return 0;
}

/* Inside of tags only: what figures say is text. */
static void write_renamed(const char *text, const char *prefix, FILE *out)
{
    bool in_tag = false;
    for (; *text; text++) {
        const size_t n = in_tag ? name_at(text) : 0;
        in_tag = *text == '<' || (in_tag && *text != '>');
        if (n > 0) {
            fwrite(text, 1, n, out);
            fprintf(out, "%s-", prefix);
            text += n - 1;
        } else {
            fputc(*text, out);
        }
    }
}

int kr_svg_inline(const char *path, const char *prefix, const char *label, FILE *out,
                  kr_error *err)
{
    char *text = read_file(path, err);
    if (!text) {
        return err && err->status ? err->status : KR_EIO;
    }
    /* the head, then what comes after gnuplot's own title and description */
    const char *begin = strstr(text, "<svg"), *head_end = begin ? strchr(begin, '>') : NULL;
    const char *body = head_end ? strstr(head_end, "</desc>") : NULL;
    char *end = head_end ? strstr(head_end, "</svg>") : NULL;
    int status = KR_OK;
    if (!end) {
        status = kr_fail(err, KR_EUNSUP, "%s: no figure in it, want an SVG file", path);
    } else {
        *end = '\0';
        fputs("<svg role=\"img\" aria-label=\"", out);
        kr_sheet_escape(out, label);
        fprintf(out, "\"%.*s>", (int)(head_end - begin) - 4, begin + 4);
        write_renamed(body ? body + strlen("</desc>") : head_end + 1, prefix, out);
        fputs("</svg>\n", out);
    }
    kr_free(text);
    return status;
}
