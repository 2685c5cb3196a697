/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/runfile.c - run files: reading, and messages with source line and caret. */
#include "base/runfile.h"

#include "base/memory.h"
#include "base/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- messages ---- */

#define SHOWN_MAX  72 /* characters of the source line */
#define PATH_SHOWN 200

/* Start of a line of the source, counting lines as libyaml does; NULL when there is none. */
static const char *find_line(const char *source, int32_t line)
{
    for (const char *p = source; line > 1; p++) {
        const unsigned char *s = (const unsigned char *)p;
        if (!*p) {
            return NULL;
        }
        int n = *p == '\n' || (*p == '\r' && p[1] != '\n')                       ? 1
                : s[0] == 0xC2 && s[1] == 0x85                                   ? 2
                : s[0] == 0xE2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9) ? 3
                                                                                 : 0;
        line -= n > 0;
        p += n > 1 ? n - 1 : 0;
        source = p + 1;
    }
    return source;
}

/* Bytes of the character at p, a stray byte counting as one character. */
static size_t character(const char *p)
{
    uint32_t code;
    size_t n = kr_text_decode(p, strnlen(p, 4), &code);
    return n ? n : 1;
}

typedef struct excerpt {
    char text[4 * SHOWN_MAX + 16], caret[SHOWN_MAX + 16];
} excerpt;

/* The source line around a column, cut with "..." where it is long, and the blanks that put a
 * caret under the column; tabs stay tabs in both so that they line up. */
static void cut_line(const char *line, int32_t column, excerpt *out)
{
    int32_t length = 0;
    for (const char *p = line; *p && *p != '\n' && *p != '\r'; p += character(p)) {
        length++;
    }
    int32_t at = column - 1 < length ? column - 1 : length, begin = 0, end = length;
    if (length > SHOWN_MAX) {
        begin = at - SHOWN_MAX / 2 > 0 ? at - SHOWN_MAX / 2 : 0;
        end = begin + SHOWN_MAX < length ? begin + SHOWN_MAX : length;
        begin = end - SHOWN_MAX;
    }
    size_t n_text = 0, n_caret = 0;
    for (int k = 0; begin > 0 && k < 3; k++) {
        out->text[n_text++] = '.';
        out->caret[n_caret++] = ' ';
    }
    int32_t i = 0;
    for (const char *p = line; i < end; i++) {
        size_t n = character(p);
        if (i >= begin) {
            memcpy(out->text + n_text, p, n);
            n_text += n;
        }
        if (i >= begin && i < at) {
            out->caret[n_caret++] = *p == '\t' ? '\t' : ' ';
        }
        p += n;
    }
    for (int k = 0; end < length && k < 3; k++) {
        out->text[n_text++] = '.';
    }
    out->text[n_text] = out->caret[n_caret] = '\0';
    kr_text_tame(out->text, true);
}

static const char *shown_path(const kr_runfile *file)
{
    size_t length = strlen(file->path);
    return length > PATH_SHOWN ? file->path + length - PATH_SHOWN : file->path;
}

int kr_runfile_fail(const kr_runfile *file, const kr_node *node, kr_error *err, int status,
                    const char *format, ...)
{
    char message[sizeof err->text], place[KR_ELIDE_MAX + 64] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    kr_text_tame(message, false);
    const char *origin = node ? node->origin : NULL, *line = NULL;
    if (origin) {
        char seen[KR_ELIDE_MAX];
        snprintf(place, sizeof place, "%s: ", kr_text_elide(seen, origin));
    } else if (file && file->path && node && node->line > 0) {
        snprintf(place, sizeof place, "%s:%d:%d: ", shown_path(file), (int)node->line,
                 (int)node->column);
        line = file->source ? find_line(file->source, node->line) : NULL;
    } else if (file && file->path) {
        snprintf(place, sizeof place, "%s: ", shown_path(file));
    }
    if (!line) {
        return kr_fail(err, status, "%s%s", place, message);
    }
    excerpt cut;
    cut_line(line, node->column, &cut);
    /* the message gives way, never the excerpt */
    size_t room = sizeof err->text - strlen(place) - strlen(cut.text) - strlen(cut.caret) - 16;
    if (strlen(message) > room) {
        memcpy(message + room - 3, "...", 4);
        kr_text_tame(message, false);
    }
    return kr_fail(err, status, "%s%s\n    %s\n    %s^", place, message, cut.text, cut.caret);
}

/* ---- reading ---- */

static char *copy_text(const char *text, size_t length, kr_error *err)
{
    char *copy = kr_alloc(length + 1, 1, err);
    if (copy && length) {
        memcpy(copy, text, length);
    }
    return copy;
}

void kr_runfile_free(kr_runfile *file)
{
    if (!file) {
        return;
    }
    for (kr_node *node = file->pool; node;) {
        kr_node *next = node->next;
        kr_free(node->child);
        kr_free(node->key);
        kr_free(node);
        node = next;
    }
    kr_free(file->source);
    kr_free(file->path);
    kr_free(file);
}

static bool is_null(const kr_node *node)
{
    return !node || (node->kind == KR_NODE_SCALAR && !node->is_quoted && !node->text[0]);
}

static int read_root(kr_runfile *file, size_t length, kr_error *err)
{
    KR_TRY(kr_tree_read(file, NULL, file->source, length, &file->root, err));
    if (is_null(file->root)) {
        return kr_runfile_fail(file, NULL, err, KR_EPARSE, "empty, want a map of keys");
    }
    if (file->root->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, file->root, err, KR_EPARSE,
                               "%s where a map of keys is wanted, as in \"seed: 1\"",
                               kr_node_describe(file->root));
    }
    return KR_OK;
}

kr_runfile *kr_runfile_parse(const char *path, const char *text, size_t length, kr_error *err)
{
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* byte order mark */
        text += 3;
        length -= 3;
    }
    kr_runfile *file = kr_alloc(1, sizeof *file, err);
    if (!file) {
        return NULL;
    }
    file->path = copy_text(path, strlen(path), err);
    int status = file->path ? KR_OK : KR_ENOMEM;
    if (status == KR_OK) {
        kr_text_tame(file->path, false);
        if (length > KR_RUNFILE_BYTES_MAX) {
            status = kr_runfile_fail(file, NULL, err, KR_EPARSE, "%zu bytes, want at most %d",
                                     length, KR_RUNFILE_BYTES_MAX);
        }
    }
    if (status == KR_OK) {
        file->source = copy_text(text, length, err);
        status = file->source ? read_root(file, length, err) : KR_ENOMEM;
    }
    if (status != KR_OK) {
        kr_runfile_free(file);
        return NULL;
    }
    return file;
}

/* Reads up to size bytes; *length tells how many there were. */
static int read_bytes(int fd, const char *path, char *data, size_t size, size_t *length,
                      kr_error *err)
{
    *length = 0;
    while (*length < size) {
        ssize_t n = read(fd, data + *length, size - *length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return kr_fail(err, KR_EIO, "%s: cannot read: %s", path, strerror(errno));
        }
        if (n == 0) {
            break;
        }
        *length += (size_t)n;
    }
    return KR_OK;
}

static int open_regular(const char *path, int *fd, kr_error *err)
{
    /* O_NONBLOCK: a pipe without a writer opens at once, to be refused below */
    do {
        *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    } while (*fd < 0 && errno == EINTR);
    struct stat status;
    if (*fd < 0 || fstat(*fd, &status) != 0) {
        return kr_fail(err, KR_EIO, "%s: cannot open: %s", path, strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        return kr_fail(err, KR_EIO, "%s: cannot read: %s", path, strerror(EISDIR));
    }
    if (!S_ISREG(status.st_mode)) {
        return kr_fail(err, KR_EIO, "%s: a pipe, socket or device, want a regular file", path);
    }
    return KR_OK;
}

kr_runfile *kr_runfile_load(const char *path, kr_error *err)
{
    size_t size = KR_RUNFILE_BYTES_MAX + 8, length = 0; /* more than allowed is seen as such */
    char *data = kr_alloc(size, 1, err);
    if (!data) {
        return NULL;
    }
    int fd = -1;
    int status = open_regular(path, &fd, err);
    if (status == KR_OK) {
        status = read_bytes(fd, path, data, size, &length, err);
    }
    if (fd >= 0) {
        close(fd); /* read only: nothing can be lost */
    }
    if (status == KR_OK && length == size) {
        status = kr_fail(err, KR_EPARSE, "%s: more than %d bytes, want at most that", path,
                         KR_RUNFILE_BYTES_MAX);
    }
    kr_runfile *file = status == KR_OK ? kr_runfile_parse(path, data, length, err) : NULL;
    kr_free(data);
    return file;
}

kr_node *kr_runfile_value(kr_runfile *file, const char *origin, const char *text, kr_error *err)
{
    kr_node model = { .origin = NULL };
    /* a node outside the tree keeps the copy of the origin alive */
    kr_node *keeper = kr_node_alloc(file, KR_NODE_SCALAR, &model, origin, strlen(origin), err);
    kr_node *value = NULL;
    if (!keeper || kr_tree_read(file, keeper->text, text, strlen(text), &value, err) != KR_OK) {
        return NULL;
    }
    model.origin = keeper->text;
    return value ? value : kr_node_alloc(file, KR_NODE_SCALAR, &model, "", 0, err);
}
