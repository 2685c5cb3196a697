/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/explain.c - the commands `explain` and `list`: the registries and descriptor tables read
 * out. */
#include "base/field.h"
#include "run/cli.h"
#include "run/density_files.h"
#include "run/plugs.h"
#include "run/spec.h"
#include "run/spec_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The sections of a run file that name plugs, in the order of kr_plug_kind; `explain` takes the
 * plural and the name of the kind. */
static const struct {
    const char *plural, *key, *doc;
} sections[] = {
    { "models", "model", "map {name: ..., its own keys}" },
    { "lattices", "lattice", "map {name: ..., its own keys}" },
    { "densities", "densities",
      "map of names to {name: ..., its own keys}, for learned proposals" },
    { "updates", "updates",
      "list of {name: ..., sweeps: 1, its own keys}, one pass of which is a step" },
    { "observables", "observables", "list of names" },
};

/* Words wrapped to 92 columns, from the column of the indent on; further lines begin there. */
static void print_words(int indent, const char *text)
{
    int column = indent;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column > indent && column + n + 1 > 92) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%s%.*s", column > indent ? " " : "", n, text);
        column += n + (column > indent);
        text += n;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_wrapped(int indent, const char *text)
{
    printf("%*s", indent, "");
    print_words(indent, text);
}

/* Whole numbers in full; the largest that doubles count by ones as 2^53. */
static void print_bound(const kr_field *f, double x)
{
    if (x == 0x1p53) {
        fputs("2^53", stdout);
    } else {
        bool is_whole =
            (f->type == KR_TYPE_INT || f->type == KR_TYPE_INT_LIST) && fabs(x) < 1e10;
        printf(is_whole ? "%.0f" : "%g", x);
    }
}

static void print_field(const kr_field *f, int indent)
{
    static const char *const type[] = { "true | false",    "integer",
                                        "number",          "text",
                                        "choice",          "list of integers",
                                        "list of choices", "map" };
    printf("%*s%s: %s", indent, "", f->name,
           f->choices && f->type == KR_TYPE_CHOICE ? f->choices : type[f->type]);
    if (f->type == KR_TYPE_CHOICE_LIST) {
        printf(" %s", f->choices);
    }
    if ((f->type == KR_TYPE_INT || f->type == KR_TYPE_REAL || f->type == KR_TYPE_INT_LIST) &&
        (f->min < f->max)) {
        putchar(' ');
        print_bound(f, f->min);
        fputs(f->flags & KR_FIELD_OPEN_MIN ? " < .. " : "..", stdout);
        print_bound(f, f->max);
    }
    if (f->unit && *f->unit && strcmp(f->unit, "1") != 0) {
        printf(" [%s]", f->unit);
    }
    if (f->type != KR_TYPE_MAP) {
        printf("%s%s", f->fallback ? ", default " : ", required",
               f->fallback ? (*f->fallback ? f->fallback : "\"\"") : "");
    }
    puts(f->flags & KR_FIELD_SCAN ? "; a list here makes points" : "");
    if (f->doc) {
        print_wrapped(indent + 4, f->doc);
    }
    for (const kr_field *s = f->sub; s && s->name; s++) {
        print_field(s, indent + 4);
    }
}

static void print_plug(kr_plug_kind kind, const kr_plug_head *head)
{
    printf("%s %s\n", kr_plug_kind_name(kind), head->name);
    print_wrapped(4, head->doc);
    if (head->source) {
        printf("    source:\n");
        print_wrapped(8, head->source);
    }
    if (kind == KR_PLUG_MODEL) {
        const kr_fact *fact = ((const kr_model_plug *)head->plug)->facts;
        for (; fact && fact->lattice; fact++) {
            printf("    %s on %s%s%s: %.12g (%s)\n", fact->quantity, fact->lattice,
                   fact->params && *fact->params ? ", " : "", fact->params ? fact->params : "",
                   fact->value, fact->source);
        }
    }
    const kr_field *common = kind == KR_PLUG_UPDATE ? kr_spec_entry_fields() : NULL;
    common = kind == KR_PLUG_DENSITY &&
                     ((const kr_density_plug *)head->plug)->flags & KR_DENSITY_TRAINABLE
                 ? kr_spec_density_fields()
                 : common;
    if ((head->fields && head->fields->name) || common) {
        puts("    keys:");
    }
    if (kind == KR_PLUG_UPDATE &&
        ((const kr_update_plug *)head->plug)->flags & KR_UPDATE_NEEDS_DENSITY) {
        puts("        density: text, required");
        print_wrapped(12, "name of an entry of the section densities");
    }
    for (const kr_field *f = common; f && f->name; f++) {
        print_field(f, 8);
    }
    for (const kr_field *f = head->fields; f && f->name; f++) {
        print_field(f, 8);
    }
}

/* Prints every field of that name in a table and its sub-tables; returns how many. */
static int explain_field(const char *where, const kr_field *fields, const char *word)
{
    int n = 0;
    for (const kr_field *f = fields; f && f->name; f++) {
        char inner[KR_TEXT_MAX];
        snprintf(inner, sizeof inner, "%s%s%s", where, *where ? "." : "", f->name);
        if (strcmp(f->name, word) == 0 || strcmp(inner, word) == 0) {
            printf("key %s\n", inner);
            print_field(f, 4);
            n++;
        }
        if (f->sub) {
            n += explain_field(inner, f->sub, word);
        }
    }
    return n;
}

/* "updates" and below it the names there are */
static void print_kind(int kind)
{
    kr_plug_head head;
    printf("%s\n", sections[kind].plural);
    for (int32_t k = 0; kr_plug_head_at((kr_plug_kind)kind, k, &head); k++) {
        printf("  %-16s ", head.name);
        print_words(19, head.doc);
    }
}

static int explain_kind(const char *word)
{
    int n = 0;
    for (int kind = 0; kind < KR_PLUG_KINDS; kind++) {
        if (strcmp(word, sections[kind].plural) == 0 ||
            strcmp(word, kr_plug_kind_name((kr_plug_kind)kind)) == 0) {
            printf("key %s\n    %s: %s\n", sections[kind].key, sections[kind].key,
                   sections[kind].doc);
            print_kind(kind);
            puts("kramers explain NAME tells more about each.");
            n++;
        }
    }
    return n;
}

static int explain_word(const char *word)
{
    int n = explain_kind(word);
    if (strcmp(word, "betas") == 0) { /* a list of numbers: told by its section */
        word = "multicanonical";
    }
    kr_plug_head head;
    for (const kr_command *c = kr_cli_commands; c->name; c++) {
        if (strcmp(c->name, word) == 0) {
            printf("command kramers %s %s\n", c->name, c->arguments);
            print_wrapped(4, c->doc);
            printf("    options: kramers %s --help\n", c->name);
            n++;
        }
    }
    for (int kind = 0; kind < KR_PLUG_KINDS; kind++) {
        for (int32_t k = 0; kr_plug_head_at((kr_plug_kind)kind, k, &head); k++) {
            char where[2 * KR_TEXT_MAX];
            if (strcmp(head.name, word) == 0) {
                print_plug((kr_plug_kind)kind, &head);
                n++;
            }
            snprintf(where, sizeof where, "%s %s", kr_plug_kind_name((kr_plug_kind)kind),
                     head.name);
            n += explain_field(where, head.fields, word);
        }
    }
    n += explain_field("updates", kr_spec_entry_fields(), word);
    n += explain_field("densities", kr_spec_density_fields(), word);
    n += explain_field("start", kr_spec_start_fields(), word);
    n += explain_field("", kr_spec_optional_fields(), word);
    return n + explain_field("", kr_spec_fields(), word);
}

/* Nearest known word for a typing error. */
static const char *nearest(const char *word)
{
    const char *names[256];
    size_t n = 0;
    kr_plug_head head;
    for (const kr_command *c = kr_cli_commands; c->name && n < 256; c++) {
        names[n++] = c->name;
    }
    for (int kind = 0; kind < KR_PLUG_KINDS; kind++) {
        if (n < 256) {
            names[n++] = sections[kind].plural;
        }
        for (int32_t k = 0; n < 256 && kr_plug_head_at((kr_plug_kind)kind, k, &head); k++) {
            names[n++] = head.name;
        }
    }
    for (const kr_field *f = kr_spec_fields(); f->name && n < 256; f++) {
        names[n++] = f->name;
    }
    for (const kr_field *f = kr_spec_optional_fields(); f->name && n < 256; f++) {
        names[n++] = f->name;
    }
    return kr_field_nearest(word, names, n);
}

static int wants_help(int argc, char **argv, const char *usage, const char *doc)
{
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-?") == 0) {
            printf("Usage: kramers %s\n", usage);
            print_wrapped(0, doc);
            return 1;
        }
    }
    return 0;
}

/* No word of the program has a slash or ends so. */
static bool is_path(const char *word)
{
    const size_t n = strlen(word);
    return strchr(word, '/') || (n >= 4 && strcmp(word + n - 4, ".krd") == 0);
}

/* A word of this program, else a density file of that name. */
static int explain_argument(const char *word)
{
    kr_error err = { 0 };
    if (explain_word(word) > 0) {
        return KR_EXIT_DONE;
    }
    if (!is_path(word) && access(word, F_OK) != 0) {
        const char *near = nearest(word);
        fprintf(stderr, "kramers: explain: unknown word \"%s\"%s%s%s\n", word,
                near ? "; did you mean \"" : ", see kramers explain", near ? near : "",
                near ? "\"?" : "");
        return KR_EXIT_USAGE;
    }
    if (kr_density_files_show(word, stdout, &err) != KR_OK) {
        fprintf(stderr, "kramers: %s\n", err.text);
        return KR_EXIT_USAGE;
    }
    return KR_EXIT_DONE;
}

int kr_cli_explain(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    (void)stop;
    if (wants_help(
            argc, argv, "explain [WORD|FILE ...]",
            "What a model, lattice, update, density, observable, key or command is, with "
            "its keys, ranges and defaults, or what a density file holds; without a word: all "
            "keys of a run file.")) {
        return KR_EXIT_DONE;
    }
    if (argc == 1) {
        puts("A run file is a YAML map with the keys\n");
        for (int kind = 0; kind < KR_PLUG_KINDS; kind++) {
            printf("    %s: %s\n", sections[kind].key, sections[kind].doc);
            printf("        kramers list %s\n", sections[kind].plural);
        }
        for (const kr_field *f = kr_spec_fields(); f->name; f++) {
            print_field(f, 4);
        }
        for (const kr_field *f = kr_spec_optional_fields(); f->name; f++) {
            print_field(f, 4);
        }
        puts("\nbeta and the numbers that `kramers explain MODEL` marks may be a list or "
             "{from, to, "
             "count};\ntheir product is the points. kramers explain WORD tells about a plug, a "
             "key "
             "or a command.");
        return KR_EXIT_DONE;
    }
    for (int k = 1; k < argc; k++) {
        int status = explain_argument(argv[k]);
        if (status != KR_EXIT_DONE) {
            return status;
        }
    }
    return KR_EXIT_DONE;
}

int kr_cli_list(int argc, char **argv, const volatile sig_atomic_t *stop)
{
    (void)stop;
    if (wants_help(argc, argv, "list [models|lattices|updates|densities|observables]",
                   "The names that a run file may use, with what each is.")) {
        return KR_EXIT_DONE;
    }
    if (argc > 2) {
        fprintf(stderr, "kramers: list: one argument too many: \"%s\"\n", argv[2]);
        return KR_EXIT_USAGE;
    }
    int n_shown = 0;
    for (int kind = 0; kind < KR_PLUG_KINDS; kind++) {
        if (argc == 2 && strcmp(argv[1], sections[kind].plural) != 0) {
            continue;
        }
        fputs(n_shown++ ? "\n" : "", stdout);
        print_kind(kind);
    }
    if (n_shown == 0) {
        fprintf(stderr,
                "kramers: list: \"%s\", want models, lattices, updates, densities or "
                "observables\n",
                argv[1]);
        return KR_EXIT_USAGE;
    }
    return KR_EXIT_DONE;
}
