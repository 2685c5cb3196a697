/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/tree.c - YAML text to nodes through the events of libyaml.
 *
 * Events rather than documents: anchors, tags and depth are refused where they appear, before
 * anything is built from them. libyaml's syntax errors are put in plain words, at the place
 * where the reader has to change something. */
#include "base/tree.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    kr_runfile *file;
    yaml_parser_t parser;
    const char *origin;
    int level;
    kr_error *err;
} reader;

static kr_node place_of(const reader *r, yaml_mark_t mark)
{
    return (kr_node){ .origin = r->origin,
                      .line = (int32_t)mark.line + 1,
                      .column = (int32_t)mark.column + 1 };
}

/* ---- syntax errors of libyaml in plain words ---- */

typedef struct wording {
    const char *problem; /* of libyaml */
    bool is_at_context;  /* where the construct begins, not where it broke */
    const char *words;
} wording;

static const wording wordings[] = {
    { "mapping values are not allowed in this context", false,
      "unexpected \":\", want one key per line at one indentation, or quotes around a value "
      "that "
      "contains \": \"" },
    { "could not find expected ':'", true, "key without a value, want \"key: value\"" },
    { "did not find expected key", false,
      "unexpected text or indentation, want the next key where the first key of this map "
      "stands" },
    { "did not find expected '-' indicator", false,
      "unexpected text or indentation, want the next \"-\" where the first \"-\" of this list "
      "stands" },
    { "did not find expected node content", false, "nothing here, want a value" },
    { "found unexpected end of stream", true, "quote without an end, want a closing quote" },
    { "found unexpected document indicator", true,
      "quote without an end on this page, want a closing quote" },
    { "found unknown escape character", false,
      "unknown escape after \"\\\", want single quotes around text with backslashes" },
    { "did not find expected hexdecimal number", false,
      "escape without its hexadecimal digits, want \\xNN or \\uNNNN" },
    { "found invalid Unicode character escape code", false,
      "escape that names no character, want a code point" },
    { "found a tab character that violates indentation", false,
      "tab in the indentation, want spaces" },
    { "found a tab character where an indentation space is expected", false,
      "tab in the indentation, want spaces" },
    { "did not find expected <document start>", false,
      "text after the end of the document, want one map of keys" },
    { "block sequence entries are not allowed in this context", false,
      "unexpected \"-\", want a list on lines of its own, or [a, b]" },
    { "mapping keys are not allowed in this context", false,
      "unexpected \"?\", want \"key: value\"" },
    { "found incompatible YAML document", false, "other YAML version, want 1.1 or 1.2" },
    { "did not find expected comment or line break", false,
      "text behind \"|\" or \">\", want it on the next line" },
    { "did not find expected alphabetic or numeric character", true,
      "value that begins with \"&\" or \"*\", want quotes around it (anchors are not taken)" },
    { "did not find expected tag URI", true,
      "value that begins with \"!\", want quotes around it (tags are not taken)" },
    { "did not find expected whitespace or line break", true,
      "value that begins with \"!\" or \"%\", want quotes around it (tags are not taken)" },
    { "found undefined tag handle", false,
      "value that begins with \"!\", want quotes around it (tags are not taken)" },
    { "did not find the expected '>'", true,
      "value that begins with \"!\", want quotes around it (tags are not taken)" },
    { "found unexpected non-alphabetical character", true,
      "line that begins with \"%\", want quotes around a value" },
    { "could not find expected directive name", true,
      "line that begins with \"%\", want quotes around a value" },
    { "found unknown directive name", true,
      "line that begins with \"%\", want quotes around a value" },
};

static int refuse_token(const reader *r, yaml_mark_t mark)
{
    kr_node place = place_of(r, mark);
    /* libyaml keeps what it has not consumed in its buffer: the culprit stands first */
    char c = (char)*r->parser.buffer.pointer;
    if (c == '\t') {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "tab in the indentation, want spaces");
    }
    return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                           "value that begins with \"%c\", want quotes around it", c);
}

/* At the bracket when the text ends with it open, else where a comma or its end is wanted. */
static int refuse_open_bracket(const reader *r, const char *problem)
{
    const yaml_parser_t *p = &r->parser;
    bool is_list = strstr(problem, "]") != NULL;
    const char *open = is_list ? "[" : "{", *closing = is_list ? "]" : "}";
    if (p->buffer.pointer[0] == '\0' && p->problem_mark.index >= p->mark.index) {
        kr_node place = place_of(r, p->context_mark);
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "\"%s\" without an end, want a closing \"%s\"", open, closing);
    }
    kr_node place = place_of(r, p->problem_mark);
    return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                           "\"%s\" of line %d is still open, want \",\" or \"%s\"", open,
                           (int)p->context_mark.line + 1, closing);
}

static int refuse_syntax(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "unreadable YAML";
    if (p->error == YAML_MEMORY_ERROR) {
        return kr_fail(r->err, KR_ENOMEM, "memory: none left to read YAML");
    }
    if (strcmp(problem, "found character that cannot start any token") == 0) {
        return refuse_token(r, p->problem_mark);
    }
    if (p->context && strstr(p->context, "flow") &&
        strstr(problem, "did not find expected ','")) {
        return refuse_open_bracket(r, problem);
    }
    for (size_t k = 0; k < sizeof wordings / sizeof wordings[0]; k++) {
        if (strcmp(problem, wordings[k].problem) == 0) {
            bool has_context = wordings[k].is_at_context && p->context;
            kr_node place = place_of(r, has_context ? p->context_mark : p->problem_mark);
            return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE, "%s", wordings[k].words);
        }
    }
    kr_node place = place_of(r, p->problem_mark);
    return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE, "not YAML: %s", problem);
}

/* ---- bytes ---- */

/* What libyaml would refuse at a byte offset is refused here at a place. */
static int check_bytes(const reader *r, const char *text, size_t length)
{
    kr_node place = { .origin = r->origin, .line = 1, .column = 1 };
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t code = 0;
        n = kr_text_decode(text + i, length - i, &code);
        if (n == 0) {
            return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                                   "byte 0x%02x is not UTF-8",
                                   (unsigned)(unsigned char)text[i]);
        }
        if (!kr_text_is_printable(code)) {
            return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                                   "character U+%04X is not allowed in a run file",
                                   (unsigned)code);
        }
        bool is_break = code == '\n' || code == 0x85 || code == 0x2028 || code == 0x2029 ||
                        (code == '\r' && !(i + 1 < length && text[i + 1] == '\n'));
        place.column = is_break ? 1 : place.column + 1;
        place.line += is_break;
    }
    return KR_OK;
}

/* ---- events to nodes ---- */

static int next_event(reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? KR_OK : refuse_syntax(r);
}

static int refuse_extras(const reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        anchor = event->data.alias.anchor;
        break;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    kr_node place = place_of(r, event->start_mark);
    char seen[KR_CLIP_MAX];
    if (anchor) {
        bool is_alias = event->type == YAML_ALIAS_EVENT;
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "%s \"%s%s\" is not taken, want the value itself",
                               is_alias ? "alias" : "anchor", is_alias ? "*" : "&",
                               kr_text_clip(seen, (const char *)anchor));
    }
    if (tag) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "tag \"%s\" is not taken, want the value itself",
                               kr_text_clip(seen, (const char *)tag));
    }
    return KR_OK;
}

static int read_scalar(reader *r, const yaml_event_t *event, kr_node **node)
{
    kr_node place = place_of(r, event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (strlen(text) != length) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "text with a NUL character inside, want text without");
    }
    *node = kr_node_alloc(r->file, KR_NODE_SCALAR, &place, text, length, r->err);
    if (!*node) {
        return KR_ENOMEM;
    }
    (*node)->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return KR_OK;
}

static int check_key(reader *r, const yaml_event_t *event)
{
    kr_node place = place_of(r, event->start_mark);
    KR_TRY(refuse_extras(r, event));
    if (event->type != YAML_SCALAR_EVENT) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "list or map as a key, want a word");
    }
    if (event->data.scalar.length == 0) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE, "empty key, want a word");
    }
    if (event->data.scalar.length > KR_KEY_BYTES_MAX) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "key of %zu bytes, want at most %d", event->data.scalar.length,
                               KR_KEY_BYTES_MAX);
    }
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        strcmp((const char *)event->data.scalar.value, "<<") == 0) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "merge key \"<<\" is not taken, want the keys themselves");
    }
    return KR_OK;
}

static int by_text_then_place(const void *a, const void *b)
{
    const kr_node *x = *(kr_node *const *)a, *y = *(kr_node *const *)b;
    int order = strcmp(x->text, y->text);
    if (order) {
        return order;
    }
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : (x->column > y->column) - (x->column < y->column);
}

/* Sorted, so that a map of any size costs n log n. */
static int refuse_duplicates(const reader *r, const kr_node *map)
{
    size_t n = (size_t)map->n;
    kr_node **sorted = kr_alloc(n, sizeof *sorted, r->err);
    if (!sorted) {
        return KR_ENOMEM;
    }
    if (n) {
        memcpy(sorted, map->key, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_text_then_place);
    }
    const kr_node *again = NULL, *first = NULL;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0) {
            bool is_earlier =
                !again || sorted[i]->line < again->line ||
                (sorted[i]->line == again->line && sorted[i]->column < again->column);
            if (is_earlier) {
                again = sorted[i];
                first = sorted[i - 1];
            }
        }
    }
    kr_free(sorted);
    char seen[KR_CLIP_MAX];
    return again ? kr_runfile_fail(r->file, again, r->err, KR_EPARSE,
                                   "key \"%s\" appears twice, first on line %d",
                                   kr_text_clip(seen, again->text), (int)first->line)
                 : KR_OK;
}

static int read_children(reader *r, kr_node *parent);

/* The node of an event that begins one. */
static int read_node(reader *r, const yaml_event_t *event, kr_node **node)
{
    KR_TRY(refuse_extras(r, event));
    if (event->type == YAML_SCALAR_EVENT) {
        return read_scalar(r, event, node);
    }
    kr_node place = place_of(r, event->start_mark);
    if (++r->level > KR_RUNFILE_LEVELS_MAX) {
        return kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                               "more than %d levels of lists and maps", KR_RUNFILE_LEVELS_MAX);
    }
    kr_node_kind kind = event->type == YAML_MAPPING_START_EVENT ? KR_NODE_MAP : KR_NODE_LIST;
    *node = kr_node_alloc(r->file, kind, &place, NULL, 0, r->err);
    if (!*node) {
        return KR_ENOMEM;
    }
    KR_TRY(read_children(r, *node));
    r->level--;
    return kind == KR_NODE_MAP ? refuse_duplicates(r, *node) : KR_OK;
}

static bool is_end(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
}

/* recursion: at most KR_RUNFILE_LEVELS_MAX deep */
static int read_children(reader *r, kr_node *parent)
{
    for (;;) {
        yaml_event_t event;
        kr_node *key = NULL, *child = NULL;
        KR_TRY(next_event(r, &event));
        bool is_done = is_end(&event);
        int status = KR_OK;
        if (!is_done && parent->kind == KR_NODE_MAP) {
            status = check_key(r, &event);
            status = status ? status : read_scalar(r, &event, &key);
            yaml_event_delete(&event);
            KR_TRY(status);
            KR_TRY(next_event(r, &event));
        }
        if (!is_done) {
            status = read_node(r, &event, &child);
            status = status ? status : kr_node_append(parent, key, child, r->err);
        }
        yaml_event_delete(&event);
        if (status || is_done) {
            return status;
        }
    }
}

static int read_document(reader *r, kr_node **root)
{
    int n_documents = 0;
    for (;;) {
        yaml_event_t event;
        KR_TRY(next_event(r, &event));
        kr_node place = place_of(r, event.start_mark);
        yaml_event_type_t type = event.type;
        int status = KR_OK;
        if (type == YAML_DOCUMENT_START_EVENT && ++n_documents > 1) {
            status = kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                                     "second document, want one");
        } else if (type == YAML_DOCUMENT_START_EVENT &&
                   event.data.document_start.tag_directives.start !=
                       event.data.document_start.tag_directives.end) {
            status = kr_runfile_fail(r->file, &place, r->err, KR_EPARSE,
                                     "%%TAG is not taken, want no tags");
        } else if (type == YAML_ALIAS_EVENT || type == YAML_SCALAR_EVENT ||
                   type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) {
            status = read_node(r, &event, root);
        }
        yaml_event_delete(&event);
        if (status || type == YAML_STREAM_END_EVENT) {
            return status;
        }
    }
}

int kr_tree_read(kr_runfile *file, const char *origin, const char *text, size_t length,
                 kr_node **root, kr_error *err)
{
    reader r = { .file = file, .origin = origin, .err = err };
    *root = NULL;
    KR_TRY(check_bytes(&r, text, length));
    if (!yaml_parser_initialize(&r.parser)) {
        return kr_fail(err, KR_ENOMEM, "memory: none left to read YAML");
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    int status = read_document(&r, root);
    yaml_parser_delete(&r.parser);
    return status;
}
