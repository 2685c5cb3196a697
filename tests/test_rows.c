/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_rows.c - text files of columns: words, comments, lines in messages. */
#include "graph_file.h"

#include "base/rows.h"

static const char path[] = "test_rows_words.txt";

static void words_are_split_and_comments_left_out(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_rows rows;
    bool more;
    graph_write(path, "# head\n1 2\t3,4\r\n\n  5 # tail 6\n");
    assert_ok(kr_rows_open(&rows, path, "words", &err), &err);
    assert_ok(kr_rows_next(&rows, &more, &err), &err);
    assert_true(more);
    assert_int_equal(rows.n_words, 4);
    assert_string_equal(rows.word[3], "4");
    assert_int_equal(rows.line, 2);
    assert_ok(kr_rows_next(&rows, &more, &err), &err);
    assert_int_equal(rows.n_words, 1);
    assert_int_equal(rows.line, 4);
    assert_ok(kr_rows_next(&rows, &more, &err), &err);
    assert_false(more);
    kr_rows_close(&rows);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_rows rows;
    bool more;
    graph_write(path, "\xef\xbb\xbf"
                      "7 8\n");
    assert_ok(kr_rows_open(&rows, path, "words", &err), &err);
    assert_ok(kr_rows_next(&rows, &more, &err), &err);
    assert_string_equal(rows.word[0], "7");
    kr_rows_close(&rows);
    graph_write(path, "7\n");
    assert_ok(kr_rows_open(&rows, path, "words", &err), &err);
    assert_ok(kr_rows_next(&rows, &more, &err), &err);
    assert_string_equal(rows.word[0], "7");
    kr_rows_close(&rows);
}

static void words_beyond_the_last_are_counted(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_rows rows;
    bool more;
    graph_write(path, "0 1 2 3 4 5 6 7 8 9 10 11\n");
    assert_ok(kr_rows_open(&rows, path, "words", &err), &err);
    assert_ok(kr_rows_next(&rows, &more, &err), &err);
    assert_int_equal(rows.n_words, 12);
    assert_string_equal(rows.word[KR_ROWS_WORDS - 1], "7");
    kr_rows_close(&rows);
}

static void half_numbers_are_refused_with_their_line(void **state)
{
    (void)state;
    kr_rows rows;
    bool more;
    double x;
    int32_t i;
    graph_write(path, "0.5x nan 1e999 0x10 7 -1 1.5\n-2.5e1 3\n");
    assert_int_equal(kr_rows_open(&rows, path, "words", NULL), KR_OK);
    assert_int_equal(kr_rows_next(&rows, &more, NULL), KR_OK);
    for (int k = 0; k < 4; k++) {
        kr_error err = { 0 };
        assert_int_equal(kr_rows_real(&rows, k, &x, &err), KR_EPARSE);
        assert_non_null(strstr(err.text, "test_rows_words.txt:1: '"));
    }
    for (int k = 4; k < 7; k++) { /* 7 is out of range, the others are no sites */
        kr_error err = { 0 };
        assert_int_equal(kr_rows_site(&rows, k, 7, &i, &err), KR_EPARSE);
        assert_non_null(strstr(err.text, "want a site 0..6"));
    }
    assert_int_equal(kr_rows_next(&rows, &more, NULL), KR_OK);
    assert_int_equal(kr_rows_real(&rows, 0, &x, NULL), KR_OK);
    assert_close(x, -25.0, 0.0);
    assert_int_equal(kr_rows_site(&rows, 1, 7, &i, NULL), KR_OK);
    assert_int_equal(i, 3);
    kr_rows_close(&rows);
}

static void long_lines_are_refused(void **state)
{
    (void)state;
    char text[700];
    kr_error err = { 0 };
    kr_rows rows;
    bool more;
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    graph_write(path, text);
    assert_ok(kr_rows_open(&rows, path, "words", &err), &err);
    assert_int_equal(kr_rows_next(&rows, &more, &err), KR_EPARSE);
    assert_non_null(strstr(err.text, ":1: '111"));
    kr_rows_close(&rows);
}

static void words_come_from_lines_of_any_length(void **state)
{
    (void)state;
    enum { N = 3000 };
    char text[2 * N + 100];
    kr_error err = { 0 };
    kr_rows rows;
    bool more;
    uint8_t a;
    size_t used = (size_t)sprintf(text, "# 9 9\n\n");
    for (int k = 0; k < N; k++) {
        used += (size_t)sprintf(text + used, "%d%c", k % 3, k == 999 ? '\n' : ' ');
    }
    sprintf(text + used, "# 8\r\n2#x\n,1\n# tail\n");
    graph_write(path, text);
    assert_ok(kr_rows_open(&rows, path, "words", &err), &err);
    for (int k = 0; k < N + 2; k++) {
        assert_ok(kr_rows_word(&rows, &more, &err), &err);
        assert_true(more);
        assert_ok(kr_rows_state(&rows, 0, 3, &a, &err), &err);
        assert_int_equal(a, k == N ? 2 : k == N + 1 ? 1 : k % 3);
        assert_int_equal(rows.line, k < 1000 ? 3 : k < N ? 4 : k - N + 5);
    }
    assert_ok(kr_rows_word(&rows, &more, &err), &err);
    assert_false(more);
    assert_int_equal(rows.line, 7);
    kr_rows_close(&rows);
}

static void words_that_are_no_states_are_refused(void **state)
{
    (void)state;
    kr_rows rows;
    bool more;
    uint8_t a;
    graph_write(path, "3 -1 1.0 x +1 99999999999999999999\n");
    assert_int_equal(kr_rows_open(&rows, path, "words", NULL), KR_OK);
    for (int k = 0; k < 6; k++) {
        kr_error err = { 0 };
        assert_int_equal(kr_rows_word(&rows, &more, NULL), KR_OK);
        assert_int_equal(kr_rows_state(&rows, 0, 3, &a, &err), KR_EPARSE);
        assert_non_null(strstr(err.text, "want a state 0..2"));
    }
    kr_rows_close(&rows);
    char text[700];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    graph_write(path, text);
    assert_int_equal(kr_rows_open(&rows, path, "words", NULL), KR_OK);
    assert_int_equal(kr_rows_word(&rows, &more, NULL), KR_EPARSE);
    kr_rows_close(&rows);
}

static void folders_are_no_files(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_rows rows;
    assert_int_equal(kr_rows_open(&rows, ".", "words", &err), KR_EIO);
    assert_string_equal(err.text, ".: a folder, pipe or device, want a file of words");
}

static int teardown(void **state)
{
    (void)state;
    return remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_and_comments_left_out),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(words_beyond_the_last_are_counted),
        cmocka_unit_test(half_numbers_are_refused_with_their_line),
        cmocka_unit_test(long_lines_are_refused),
        cmocka_unit_test(words_come_from_lines_of_any_length),
        cmocka_unit_test(words_that_are_no_states_are_refused),
        cmocka_unit_test(folders_are_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
