/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_sheet.c - the same table as text and as HTML; what HTML has to escape. */
#include "kr_test.h"

#include "analysis/sheet.h"

static const kr_heading columns[] = { { "name", -6, KR_HEADING_BREAK },
                                      { "long head", 5, KR_HEADING_CUT_HEAD },
                                      { "x<y", 4, KR_HEADING_TIGHT } };

/* A section that stays empty, then one with a table and a note; caller frees. */
static char *written(bool is_html)
{
    char *text = NULL;
    size_t size = 0;
    kr_sheet sheet = { .out = open_memstream(&text, &size), .is_html = is_html };
    kr_sheet_section(&sheet, "Empty");
    kr_sheet_section(&sheet, "Full");
    kr_sheet_table(&sheet, "title", columns, 3);
    kr_sheet_cell(&sheet, "a");
    kr_sheet_cell(&sheet, "1");
    kr_sheet_cell(&sheet, "2");
    kr_sheet_row(&sheet);
    kr_sheet_cell(&sheet, "too long");
    kr_sheet_cell(&sheet, "3");
    kr_sheet_row(&sheet);
    kr_sheet_end(&sheet);
    kr_sheet_note(&sheet, "one\ntwo");
    kr_sheet_section(&sheet, NULL);
    fclose(sheet.out);
    return text;
}

static void text_has_columns_of_their_widths(void **state)
{
    (void)state;
    char *text = written(false);
    assert_string_equal(text, "\ntitle\n"
                              "name   long  x<y\n"
                              "a          1   2\n"
                              "too long\n"
                              "           3\n"
                              "one\ntwo\n");
    free(text);
}

static void html_has_the_same_cells_and_no_empty_section(void **state)
{
    (void)state;
    char *text = written(true);
    assert_string_equal(
        text,
        "<section>\n<h2>Full</h2>\n<div class=\"table\"><table>\n<caption>title</caption>\n"
        "<thead><tr><th scope=\"col\" class=\"left\">name</th><th scope=\"col\">long head</th>"
        "<th scope=\"col\">x&lt;y</th></tr></thead>\n<tbody>\n"
        "<tr><th scope=\"row\" class=\"left\">a</th><td>1</td><td>2</td></tr>\n"
        "<tr><th scope=\"row\" class=\"left\">too long</th><td>3</td><td></td></tr>\n"
        "</tbody></table></div>\n<p class=\"note\">one\ntwo</p>\n</section>\n");
    free(text);
}

static void markup_and_stray_bytes_are_escaped(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    kr_sheet_escape(out, "<a href=\"x\" b='y'>&amp;\x01\xff\xc3\xa9");
    fclose(out);
    assert_string_equal(text, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;??\xc3\xa9");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_columns_of_their_widths),
        cmocka_unit_test(html_has_the_same_cells_and_no_empty_section),
        cmocka_unit_test(markup_and_stray_bytes_are_escaped),
    };
    return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
