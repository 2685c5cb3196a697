/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_text.c - growing text, UTF-8, words as YAML scalars. */
#include "kr_test.h"

#include "base/text.h"

static void text_grows_by_what_is_printed(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_text text = { 0 };
    for (int k = 0; k < 1000; k++) {
        assert_ok(kr_text_add(&text, &err, "%03d,", k), &err);
    }
    assert_int_equal(text.length, 4000);
    assert_int_equal(strlen(text.data), 4000);
    assert_memory_equal(text.data + 4 * 717, "717,", 4);
    kr_text_clear(&text);
    assert_null(text.data);
}

static void decode_takes_well_formed_utf8_alone(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        uint32_t code;
    } row[] = {
        { "A", 1, 0x41 },
        { "\xC3\xA9", 2, 0xE9 },
        { "\xE2\x82\xAC", 3, 0x20AC },
        { "\xF0\x9F\x98\x80", 4, 0x1F600 },
        { "\xF4\x8F\xBF\xBF", 4, 0x10FFFF },
        { "\x80", 0, 0 },             /* continuation alone */
        { "\xC0\xAF", 0, 0 },         /* overlong */
        { "\xE0\x80\xAF", 0, 0 },     /* overlong */
        { "\xF0\x80\x80\xAF", 0, 0 }, /* overlong */
        { "\xED\xA0\x80", 0, 0 },     /* surrogate */
        { "\xF4\x90\x80\x80", 0, 0 }, /* above U+10FFFF */
        { "\xE2\x82", 0, 0 },         /* cut short */
        { "\xE2\x41\x82", 0, 0 },     /* broken off */
        { "\xFF\xFE", 0, 0 },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        uint32_t code = 0;
        size_t n = kr_text_decode(row[k].bytes, strlen(row[k].bytes), &code);
        assert_int_equal(n, row[k].n);
        assert_true(n == 0 || code == row[k].code);
    }
}

static void assert_written(const char *word, kr_quote quote, const char *want)
{
    kr_error err = { 0 };
    kr_text text = { 0 };
    assert_ok(kr_text_add_scalar(&text, word, quote, &err), &err);
    assert_string_equal(text.data, want);
    kr_text_clear(&text);
}

static void words_are_quoted_where_they_would_be_misread(void **state)
{
    (void)state;
    assert_written("heat_bath", KR_QUOTE_SYNTAX, "heat_bath");
    assert_written("-1.5e-3", KR_QUOTE_SYNTAX, "-1.5e-3");
    assert_written("-1.5e-3", KR_QUOTE_WORDS, "\"-1.5e-3\"");
    assert_written("Yes", KR_QUOTE_WORDS, "\"Yes\"");
    assert_written("null", KR_QUOTE_WORDS, "\"null\"");
    assert_written("a", KR_QUOTE_ALWAYS, "\"a\"");
    assert_written("", KR_QUOTE_SYNTAX, "\"\"");
    assert_written("a: b", KR_QUOTE_SYNTAX, "\"a: b\"");
    assert_written("a #b", KR_QUOTE_SYNTAX, "\"a #b\"");
    assert_written("a, b", KR_QUOTE_SYNTAX, "\"a, b\"");
    assert_written("- a", KR_QUOTE_SYNTAX, "\"- a\"");
    assert_written("---", KR_QUOTE_SYNTAX, "\"---\"");
    assert_written(" a", KR_QUOTE_SYNTAX, "\" a\"");
    assert_written("a ", KR_QUOTE_SYNTAX, "\"a \"");
    assert_written("*a", KR_QUOTE_SYNTAX, "\"*a\"");
    assert_written("a\"b\\c\td\ne\x01", KR_QUOTE_SYNTAX, "\"a\\\"b\\\\c\\td\\ne\\x01\"");
    assert_written("\xC3\xA9t\xC3\xA9", KR_QUOTE_SYNTAX, "\xC3\xA9t\xC3\xA9");
    assert_written("a\xE2\x80\xA8"
                   "b\xC2\x85",
                   KR_QUOTE_SYNTAX, "\"a\\u2028b\\x85\"");
}

static void scalar_refuses_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_text text = { 0 };
    assert_int_equal(kr_text_add_scalar(&text, "ab\xFFq", KR_QUOTE_SYNTAX, &err), KR_EINVAL);
    assert_string_equal(err.text, "text \"ab?q\": byte 3 is not UTF-8");
    kr_text_clear(&text);
}

static void clip_cuts_between_characters_and_tames(void **state)
{
    (void)state;
    char out[KR_CLIP_MAX], word[200] = "";
    assert_string_equal(kr_text_clip(out, "a\x1B[31mb\n\t\xFF"), "a?[31mb???");
    for (int k = 0; k < 60; k++) {
        strcat(word, "\xE2\x82\xAC");
    }
    kr_text_clip(out, word);
    assert_int_equal(strlen(out), 60 + 3);
    assert_string_equal(out + 60, "...");
    memset(word, 'x', 63);
    word[63] = '\0';
    assert_string_equal(kr_text_clip(out, word), word);
}

static void elide_keeps_both_ends(void **state)
{
    (void)state;
    char out[KR_ELIDE_MAX], word[600];
    memset(word, 'x', sizeof word);
    word[KR_ELIDE_MAX - 1] = '\0';
    assert_string_equal(kr_text_elide(out, word), word);
    memset(word, 'x', sizeof word);
    memcpy(word, "--set a=", 8);
    strcpy(word + 480, ", last: 1}\n");
    kr_text_elide(out, word);
    assert_int_equal(strlen(out), KR_ELIDE_MAX - 1);
    assert_memory_equal(out, "--set a=xxx", 11);
    assert_non_null(strstr(out, "x ... x"));
    assert_string_equal(out + strlen(out) - 11, ", last: 1}?");
    word[0] = '\0';
    for (int k = 0; k < 150; k++) {
        strcat(word, "\xE2\x82\xAC");
    }
    kr_text_elide(out, word);
    assert_null(strchr(out, '?')); /* no character was cut */
    assert_true(strlen(out) > KR_ELIDE_MAX - 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_by_what_is_printed),
        cmocka_unit_test(decode_takes_well_formed_utf8_alone),
        cmocka_unit_test(words_are_quoted_where_they_would_be_misread),
        cmocka_unit_test(scalar_refuses_bytes_that_are_not_utf8),
        cmocka_unit_test(clip_cuts_between_characters_and_tames),
        cmocka_unit_test(elide_keeps_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
