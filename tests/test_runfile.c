/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_runfile.c - run files: what is read, and what is refused at which place. */
#include "own_files.h"

#include "base/runfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static kr_runfile *parse(const char *text, kr_error *err)
{
    return kr_runfile_parse("run.yaml", text, strlen(text), err);
}

static void nodes_know_their_places(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_runfile *file = parse("# a run\n"
                             "model: {name: potts, q: 20}\n"
                             "updates:\n"
                             "  - {name: \"heat_bath\", sweeps: 5}\n",
                             &err);
    assert_non_null(file);
    const kr_node *q = kr_node_get(kr_node_get(file->root, "model"), "q");
    assert_string_equal(q->text, "20");
    assert_int_equal(q->line, 2);
    assert_int_equal(q->column, 25);
    assert_false(q->is_quoted);
    assert_null(q->origin);
    const kr_node *updates = kr_node_get(file->root, "updates");
    assert_int_equal(updates->kind, KR_NODE_LIST);
    const kr_node *name = kr_node_get(updates->child[0], "name");
    assert_true(name->is_quoted);
    assert_int_equal(name->line, 4);
    assert_int_equal(name->column, 12);
    assert_null(kr_node_get(file->root, "beta"));
    assert_null(kr_node_get(q, "beta"));
    assert_null(kr_node_get(NULL, "beta"));
    kr_runfile_free(file);
}

static void line_ends_and_byte_order_marks_of_all_systems_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = { ("\xEF\xBB\xBF"
                                          "a: 1\nb: 2\n"),
                                         "a: 1\r\nb: 2\r\n", "a: 1\rb: 2",
                                         "---\r\na: 1\nb: 2\n..." };
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        kr_error err = { 0 };
        kr_runfile *file = parse(texts[k], &err);
        if (!file) {
            fail_msg("text %zu: %s", k, err.text);
        }
        assert_int_equal(file->root->n, 2);
        assert_string_equal(kr_node_get(file->root, "b")->text, "2");
        assert_int_equal(kr_node_get(file->root, "b")->column, 4);
        assert_int_equal(kr_node_get(file->root, "b")->line, k == 3 ? 3 : 2);
        kr_runfile_free(file);
    }
}

typedef struct refusal {
    const char *text, *want; /* want: part of the message */
    int line, column;        /* 0: the whole file */
} refusal;

static const refusal refusals[] = {
    /* nothing there, or not a map */
    { "", "empty, want a map of keys", 0, 0 },
    { "# only a comment\n", "empty, want a map", 0, 0 },
    { "---\n", "empty, want a map", 0, 0 },
    { "   \n\n", "empty, want a map", 0, 0 },
    { "- 1\n- 2\n", "a list where a map of keys is wanted", 1, 1 },
    { "\n42\n", "a single value where a map of keys is wanted", 2, 1 },
    { "\"\"\n", "text in quotes where a map of keys is wanted", 1, 1 },
    /* one document */
    { "a: 1\n---\nb: 2\n", "second document, want one", 2, 1 },
    { "a: 1\n...\nb: 2\n", "text after the end of the document", 3, 1 },
    { "a: 1\n...\n---\n", "second document", 3, 1 },
    { "[a]\nb: 1\n", "text after the end of the document", 2, 1 },
    /* anchors, aliases, tags, merge keys */
    { "a: &x 1\n", "anchor \"&x\" is not taken", 1, 4 },
    { "a: &x {b: 1}\n", "anchor \"&x\" is not taken", 1, 4 },
    { "a: &x [1]\n", "anchor \"&x\" is not taken", 1, 4 },
    { "&x a: 1\n", "anchor \"&x\" is not taken", 1, 1 },
    { "a: 1\nb: *a\n", "alias \"*a\" is not taken, want the value itself", 2, 4 },
    { "*a : 1\n", "alias \"*a\" is not taken", 1, 1 },
    { "a: !!int 1\n", "tag \"tag:yaml.org,2002:int\" is not taken", 1, 4 },
    { "a: !mine [1]\n", "tag \"!mine\" is not taken", 1, 4 },
    { "a: ! x\n", "tag \"!\" is not taken", 1, 4 },
    { "!t a: 1\n", "tag \"!t\" is not taken", 1, 1 },
    { "a: !x!y z\n", "(tags are not taken)", 1, 4 },
    { "a: !<x\n", "(tags are not taken)", 1, 4 },
    { "a: *\n", "(anchors are not taken)", 1, 4 },
    { "a: & 1\n", "(anchors are not taken)", 1, 4 },
    { "%TAG ! tag:x,2000:\n---\na: 1\n", "%TAG is not taken", 1, 1 },
    { "%YAML 3.0\n---\na: 1\n", "other YAML version, want 1.1 or 1.2", 1, 1 },
    { "%beta: 1\n", "line that begins with \"%\"", 1, 1 },
    { "a: {b: 1}\nc:\n  <<: 1\n", "merge key \"<<\" is not taken", 3, 3 },
    /* keys */
    { "a: 1\nb: 2\na: 3\n", "key \"a\" appears twice, first on line 1", 3, 1 },
    { "a: {b: 1, c: 2, b: 3}\n", "key \"b\" appears twice, first on line 1", 1, 17 },
    { "a: 1\n\"a\": 3\n", "key \"a\" appears twice, first on line 1", 2, 1 },
    { "b: 1\na: 1\na: 1\nb: 1\n", "key \"a\" appears twice, first on line 2", 3, 1 },
    { "? [a]\n: 1\n", "list or map as a key, want a word", 1, 3 },
    { "{a: 1}: 1\n", "list or map as a key, want a word", 1, 1 },
    { "\"\": 1\n", "empty key, want a word", 1, 1 },
    { "a: {: 1}\n", "nothing here, want a value", 1, 5 },
    { "model\nbeta: 1\n", "unexpected \":\"", 2, 5 },
    { "beta: 1\nmodel\n", "key without a value, want \"key: value\"", 2, 1 },
    { "a: b: c\n", "unexpected \":\"", 1, 5 },
    /* indentation */
    { "a: 1\n\tb: 2\n", "tab in the indentation, want spaces", 2, 1 },
    { "a:\n\tb: 2\n", "tab in the indentation, want spaces", 2, 1 },
    { "a: 1\n  b: 2\n", "unexpected \":\"", 2, 4 },
    { "a:\n    b: 1\n  c: 2\n", "want the next key where the first key", 3, 3 },
    { "a:\n  - 1\n b: 1\n", "want the next key where the first key", 3, 2 },
    { "a:\n  - 1\n  b: 1\n", "want the next \"-\" where the first", 3, 3 },
    { "a: - 1\n", "unexpected \"-\"", 1, 4 },
    /* brackets and quotes */
    { "a: [1, 2\n", "\"[\" without an end, want a closing \"]\"", 1, 4 },
    { "a: {b: 1\n\n\n", "\"{\" without an end, want a closing \"}\"", 1, 4 },
    { "a: [1, 2\nb: 3\n", "\"[\" of line 1 is still open, want \",\" or \"]\"", 2, 2 },
    { "a: {b: 1]\n", "\"{\" of line 1 is still open, want \",\" or \"}\"", 1, 9 },
    { "a: ]\n", "nothing here, want a value", 1, 4 },
    { "a: [1,, 2]\n", "nothing here, want a value", 1, 7 },
    { "a: \"x\nb: 1\n", "quote without an end, want a closing quote", 1, 4 },
    { "a: 'x\n", "quote without an end, want a closing quote", 1, 4 },
    { "a: \"x\n---\n", "quote without an end on this page", 1, 4 },
    { "a: \"x\\q\"\n", "unknown escape after \"\\\"", 1, 6 },
    { "a: \"\\xZZ\"\n", "escape without its hexadecimal digits", 1, 7 },
    { "a: \"\\uD800\"\n", "escape that names no character", 1, 7 },
    { "a: \"x\\0y\"\n", "text with a NUL character inside", 1, 4 },
    { "a: @x\n", "value that begins with \"@\", want quotes", 1, 4 },
    { "a: `x`\n", "value that begins with \"`\", want quotes", 1, 4 },
    { "a: %x\n", "value that begins with \"%\", want quotes", 1, 4 },
    { "a: |x\n  y\n", "text behind \"|\" or \">\"", 1, 5 },
    /* bytes */
    { "a: 1\nb: \xFF\n", "byte 0xff is not UTF-8", 2, 4 },
    { "a: \xC3\xA9\xC3\n", "byte 0xc3 is not UTF-8", 1, 5 },
    { "a: \xE2\x82\xAC\xED\xA0\x80\n", "byte 0xed is not UTF-8", 1, 5 },
    { "\xFF\xFE"
      "a",
      "byte 0xff is not UTF-8", 1, 1 },
    { "a: \x1B[31m\n", "character U+001B is not allowed", 1, 4 },
    { "a: 1\n\x7F", "character U+007F is not allowed", 2, 1 },
    { "a: \xEF\xBB\xBF\n", "character U+FEFF is not allowed", 1, 4 },
    { "\xEF\xBB\xBF\xEF\xBB\xBF"
      "a: 1\n",
      "character U+FEFF is not allowed", 1, 1 },
};

static void bad_run_files_are_refused_at_their_place(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof refusals / sizeof refusals[0]; k++) {
        const refusal *r = &refusals[k];
        kr_error err = { 0 };
        kr_runfile *file = parse(r->text, &err);
        char place[64] = "run.yaml: ";
        if (r->line) {
            snprintf(place, sizeof place, "run.yaml:%d:%d: ", r->line, r->column);
        }
        if (file || err.status != KR_EPARSE || !strstr(err.text, r->want) ||
            strncmp(err.text, place, strlen(place)) != 0) {
            fail_msg("row %zu \"%s\": %d \"%s\", want \"%s%s\"", k, r->text, err.status,
                     err.text, place, r->want);
        }
    }
}

static void a_message_shows_the_line_with_a_caret(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_null(parse("seed: 1\nmodel: {name: *x}\n", &err));
    assert_string_equal(err.text,
                        "run.yaml:2:15: alias \"*x\" is not taken, want the value itself\n"
                        "    model: {name: *x}\n"
                        "                  ^");
}

static void the_caret_lines_up_behind_tabs_and_accents(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_null(parse("\xC3\xA9:\t*x\n", &err));
    assert_string_equal(err.text, "run.yaml:1:4: alias \"*x\" is not taken, want the value "
                                  "itself\n    \xC3\xA9:\t*x\n      \t^");
}

static void a_nul_byte_is_refused_where_it_stands(void **state)
{
    (void)state;
    static const char text[] = "a: 1\nb: \0 2\n";
    kr_error err = { 0 };
    assert_null(kr_runfile_parse("run.yaml", text, sizeof text - 1, &err));
    assert_string_equal(err.text,
                        "run.yaml:2:4: character U+0000 is not allowed in a run file\n"
                        "    b: \n       ^");
}

static void long_lines_and_paths_are_cut_around_the_caret(void **state)
{
    (void)state;
    char text[3000] = "a: [", path[600];
    for (int k = 0; k < 400; k++) {
        strcat(text, "\xE2\x82\xAC,");
    }
    strcat(text, "*here, ");
    for (int k = 0; k < 400; k++) {
        strcat(text, "1,");
    }
    memset(path, 'p', sizeof path);
    memcpy(path + sizeof path - 10, "/run.yaml", 10);
    kr_error err = { 0 };
    assert_null(kr_runfile_parse(path, text, strlen(text), &err));
    assert_non_null(strstr(err.text, "/run.yaml:1:805: alias \"*here\" is not taken"));
    const char *line = strstr(err.text, "\n    ...");
    const char *caret = strrchr(err.text, '\n');
    assert_non_null(line);
    assert_int_equal(caret - line > 80, 1);
    assert_memory_equal(caret - 3, "...", 3);
    const char *here = strstr(line, "*here");
    int column = 0; /* characters before *here on the line shown */
    for (const char *p = line + 1; p < here; p++) {
        column += ((unsigned char)*p & 0xC0) != 0x80;
    }
    assert_int_equal(strlen(caret + 1) - 1, column);
    assert_int_equal(caret[1 + column], '^');
}

static void messages_carry_no_control_characters(void **state)
{
    (void)state;
    kr_error err = { 0 };
    assert_null(parse("\"a\\e[2J\": 1\n\"a\\e[2J\": 1\n# \x1B[2J\n", &err));
    assert_null(strchr(err.text, 0x1B));
    kr_error second = { 0 };
    assert_null(parse("\"a\\e[2J\": 1\n\"a\\e[2J\": 1\n", &second));
    assert_non_null(strstr(second.text, "key \"a?[2J\" appears twice, first on line 1"));
}

static void nested(char *text, size_t size, int levels)
{
    memset(text, 0, size);
    strcpy(text, "a: ");
    memset(text + 3, '[', (size_t)levels);
    memset(text + 3 + levels, ']', (size_t)levels);
}

static void thirty_two_levels_are_read_and_one_more_refused(void **state)
{
    (void)state;
    char text[100];
    kr_error err = { 0 };
    nested(text, sizeof text, 31); /* and the root */
    kr_runfile *file = parse(text, &err);
    assert_non_null(file);
    kr_runfile_free(file);
    nested(text, sizeof text, 32);
    assert_null(parse(text, &err));
    assert_non_null(strstr(err.text, "run.yaml:1:35: more than 32 levels of lists and maps"));
}

static void a_mebibyte_is_read_and_one_byte_more_refused(void **state)
{
    (void)state;
    size_t size = KR_RUNFILE_BYTES_MAX;
    char *text = malloc(size + 2);
    assert_non_null(text);
    memset(text, '#', size + 1);
    memcpy(text, "a: 1\n", 5);
    text[size + 1] = '\0';
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("run.yaml", text, size, &err);
    assert_non_null(file);
    kr_runfile_free(file);
    assert_null(kr_runfile_parse("run.yaml", text, size + 1, &err));
    assert_string_equal(err.text, "run.yaml: 1048577 bytes, want at most 1048576");
    free(text);
}

/* Many keys of one map must not cost their square. */
static void a_file_of_keys_alone_is_read_at_once(void **state)
{
    (void)state;
    kr_text text = { 0 };
    kr_error err = { 0 };
    for (int k = 0; k < 100000; k++) {
        assert_ok(kr_text_add(&text, &err, "k%05d: 1\n", k % 99999), &err);
    }
    assert_null(kr_runfile_parse("run.yaml", text.data, text.length, &err));
    assert_non_null(strstr(err.text, "run.yaml:100000:1: key \"k00000\" appears twice, first on"
                                     " line 1\n"));
    kr_text_clear(&text);
}

static void one_line_of_a_mebibyte_is_refused_at_once(void **state)
{
    (void)state;
    size_t size = KR_RUNFILE_BYTES_MAX;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '[', size);
    kr_error err = { 0 };
    assert_null(kr_runfile_parse("run.yaml", text, size, &err));
    assert_non_null(strstr(err.text, "run.yaml:1:33: more than 32 levels"));
    free(text);
}

static void load_reads_files_and_gives_the_reason_when_it_cannot(void **state)
{
    (void)state;
    char folder[48], path[64], want[256];
    make_own_folder(folder, sizeof folder, "runfile", 1);
    kr_error err = { 0 };
    snprintf(path, sizeof path, "%s/run.yaml", folder);
    assert_null(kr_runfile_load(path, &err));
    snprintf(want, sizeof want, "%s: cannot open: %s", path, strerror(ENOENT));
    assert_int_equal(err.status, KR_EIO);
    assert_string_equal(err.text, want);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs("seed: 7\n", stream) >= 0 && fclose(stream) == 0);
    kr_runfile *file = kr_runfile_load(path, &err);
    assert_non_null(file);
    assert_string_equal(kr_node_get(file->root, "seed")->text, "7");
    assert_string_equal(file->path, path);
    kr_runfile_free(file);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void load_refuses_what_is_no_regular_file_without_waiting(void **state)
{
    (void)state;
    char folder[48], path[64], want[256];
    make_own_folder(folder, sizeof folder, "runfile", 2);
    kr_error directory = { 0 }, pipe_err = { 0 }, device = { 0 };
    assert_null(kr_runfile_load(folder, &directory));
    snprintf(want, sizeof want, "%s: cannot read: %s", folder, strerror(EISDIR));
    assert_string_equal(directory.text, want);
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(5); /* a reader that waits for the pipe dies here */
    assert_null(kr_runfile_load(path, &pipe_err));
    alarm(0);
    snprintf(want, sizeof want, "%s: a pipe, socket or device, want a regular file", path);
    assert_string_equal(pipe_err.text, want);
    assert_int_equal(pipe_err.status, KR_EIO);
    assert_null(kr_runfile_load("/dev/zero", &device));
    assert_int_equal(device.status, KR_EIO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void load_refuses_a_file_beyond_its_limit(void **state)
{
    (void)state;
    char path[48];
    name_own(path, sizeof path, "runfile", 3);
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 32), 0); /* sparse */
    close(fd);
    kr_error err = { 0 };
    assert_null(kr_runfile_load(path, &err));
    assert_non_null(strstr(err.text, ": more than 1048576 bytes"));
    assert_int_equal(unlink(path), 0);
}

static void fail_names_the_file_alone_without_a_node(void **state)
{
    (void)state;
    kr_error err = { 0 }, bare = { 0 };
    kr_runfile *file = parse("a: 1\n", &err);
    assert_int_equal(kr_runfile_fail(file, NULL, &err, KR_EUNSUP, "wolff with a field"),
                     KR_EUNSUP);
    assert_string_equal(err.text, "run.yaml: wolff with a field");
    kr_runfile_fail(NULL, NULL, &bare, KR_EPARSE, "q = %d", 1);
    assert_string_equal(bare.text, "q = 1");
    kr_runfile_free(file);
}

static void fail_shortens_the_message_and_keeps_the_excerpt(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_runfile *file = parse("a: 1\n", &err);
    assert_non_null(file);
    char text[2000];
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    kr_runfile_fail(file, file->root->child[0], &err, KR_EPARSE, "%s", text);
    assert_true(strlen(err.text) < sizeof err.text);
    assert_non_null(strstr(err.text, "mmm...\n    a: 1\n       ^"));
    kr_runfile_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(line_ends_and_byte_order_marks_of_all_systems_are_read),
        cmocka_unit_test(bad_run_files_are_refused_at_their_place),
        cmocka_unit_test(a_message_shows_the_line_with_a_caret),
        cmocka_unit_test(the_caret_lines_up_behind_tabs_and_accents),
        cmocka_unit_test(a_nul_byte_is_refused_where_it_stands),
        cmocka_unit_test(long_lines_and_paths_are_cut_around_the_caret),
        cmocka_unit_test(messages_carry_no_control_characters),
        cmocka_unit_test(thirty_two_levels_are_read_and_one_more_refused),
        cmocka_unit_test(a_mebibyte_is_read_and_one_byte_more_refused),
        cmocka_unit_test(a_file_of_keys_alone_is_read_at_once),
        cmocka_unit_test(one_line_of_a_mebibyte_is_refused_at_once),
        cmocka_unit_test(load_reads_files_and_gives_the_reason_when_it_cannot),
        cmocka_unit_test(load_refuses_what_is_no_regular_file_without_waiting),
        cmocka_unit_test(load_refuses_a_file_beyond_its_limit),
        cmocka_unit_test(fail_names_the_file_alone_without_a_node),
        cmocka_unit_test(fail_shortens_the_message_and_keeps_the_excerpt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
