/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_report.c - the page of files that have little or nothing to say, or odd text.
 * Where gnuplot is missing the pages say so and are checked all the same. */
#include "kr_synthetic.h"
#include "kr_test.h"

#include "analysis/analysis.h"
#include "analysis/svg.h"

#include <unistd.h>

static const kr_synthetic plain = { .title = "<b>&\"'</b>",
                                    .n_chains = 4,
                                    .n_draws = 200,
                                    .n_points = 1,
                                    .dwell = 5,
                                    .ar = 0.5,
                                    .acceptance = 0.5 };

/* Whole file; caller frees. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    return text;
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word)) {
        n++;
    }
    return n;
}

/* The page of a file, closed as it was opened; caller frees. */
static char *page_of(const kr_synthetic *f, const char *path)
{
    static const char *const tag[] = { "section", "table", "thead",  "tbody",   "tr", "ul",
                                       "li",      "svg",   "figure", "details", "p",  "div" };
    char made[4096];
    kr_error err = { 0 };
    assert_ok(kr_synthetic_write(f, path, &err), &err);
    assert_ok(kr_report_write(path, "rp_page.html", true, "1.2.3", made, &err), &err);
    assert_string_equal(made, "rp_page.html");
    char *text = read_text(made);
    unlink(made);
    for (size_t k = 0; k < sizeof tag / sizeof *tag; k++) {
        char open[2][16], close[16];
        snprintf(open[0], sizeof open[0], "<%s>", tag[k]);
        snprintf(open[1], sizeof open[1], "<%s ", tag[k]);
        snprintf(close, sizeof close, "</%s>", tag[k]);
        assert_int_equal(count(text, open[0]) + count(text, open[1]), count(text, close));
    }
    assert_non_null(strstr(text, "</html>"));
    return text;
}

static void text_of_a_file_is_no_markup(void **state)
{
    (void)state;
    char *text = page_of(&plain, "rp_plain.h5");
    assert_null(strstr(text, "<b>&\""));
    assert_non_null(strstr(text, "<h1>&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;, beta = 1</h1>"));
    free(text);
}

static void names_in_figures_do_not_clash(void **state)
{
    (void)state;
    char *text = page_of(&plain, "rp_plain.h5");
    if (!strstr(text, "gnuplot was not found")) {
        assert_true(count(text, "<svg") >= 4);
        assert_int_equal(count(text, "id=\"trace-gnuplot_canvas\""), 1);
        assert_int_equal(count(text, "id=\"histogram-gnuplot_canvas\""), 1);
        assert_null(strstr(text, "id=\"gnuplot"));
        assert_null(strstr(text, "href='#gp"));
        assert_null(strstr(text, "url(#gp"));
    }
    assert_int_not_equal(access("rp_page.html.partial", F_OK), 0);
    free(text);
}

static void names_are_changed_in_tags_only(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    kr_error err = { 0 };
    FILE *file = fopen("rp_figure.svg", "w");
    assert_non_null(file);
    fputs("<?xml version='1.0'?>\n<svg width=\"8\">\n<desc>d</desc><g id=\"a\"><use "
          "href='#b'/><text clip=\"url(#c)\"> id=\"t\"</text></g></svg>\n",
          file);
    fclose(file);
    FILE *out = open_memstream(&text, &size);
    assert_ok(kr_svg_inline("rp_figure.svg", "k", "a \"b\"", out, &err), &err);
    fclose(out);
    assert_string_equal(text, "<svg role=\"img\" aria-label=\"a &quot;b&quot;\" width=\"8\"><g "
                              "id=\"k-a\"><use href='#k-b'/><text clip=\"url(#k-c)\"> "
                              "id=\"t\"</text></g></svg>\n");
    free(text);
}

static void pages_of_files_that_say_little_tell_what_is_missing(void **state)
{
    (void)state;
    kr_synthetic list[] = { plain, plain, plain, plain, plain, plain };
    static const char *const want[] = { "No draws yet",  "Fewer than 4 draws per chain",
                                        "Not converged", "not usable",
                                        "stuck chains",  "3 points" };
    list[0].n_draws = 0;
    list[1].n_draws = 1;
    list[2].n_chains = 1;
    list[3].has_nan = true;
    list[4].is_frozen = true;
    list[4].dwell = INFINITY;
    list[5].n_points = 3;
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        char *text = page_of(&list[k], "rp_odd.h5");
        assert_non_null(strstr(text, want[k]));
        free(text);
    }
}

static void a_file_without_draws_of_anything_gives_its_run_file(void **state)
{
    (void)state;
    static const char run_file[] = "beta: 1 # <&>\n";
    kr_error err = { 0 };
    char made[4096];
    for (int has_file = 1; has_file >= 0; has_file--) {
        kr_results *r = kr_results_alloc(&err);
        assert_non_null(r);
        if (has_file) {
            assert_ok(kr_results_attr_text(r, "", "", "run_file", run_file, &err), &err);
        }
        assert_ok(kr_results_write_part(r, "rp_bare.h5", &err), &err);
        kr_results_free(r);
        assert_int_equal(kr_report_write("rp_bare.h5", "rp_bare.html", true, "1", made, &err),
                         has_file ? KR_OK : KR_EUNSUP);
    }
    assert_non_null(strstr(err.text, "want a result file"));
    char *text = read_text("rp_bare.html");
    assert_non_null(strstr(text, "No estimates"));
    assert_non_null(strstr(text, "beta: 1 # &lt;&amp;&gt;"));
    free(text);
    unlink("rp_bare.html");
}

static void only_reports_are_replaced(void **state)
{
    (void)state;
    char made[4096];
    kr_error err = { 0 };
    assert_ok(kr_synthetic_write(&plain, "rp_keep.h5", &err), &err);
    unlink("rp_keep-report.html");
    assert_ok(kr_report_write("rp_keep.h5", NULL, false, "1", made, &err), &err);
    assert_string_equal(made, "rp_keep-report.html");
    assert_int_equal(kr_report_write("rp_keep.h5", NULL, false, "1", made, &err), KR_EPARSE);
    assert_non_null(strstr(err.text, "--overwrite"));
    err = (kr_error){ 0 };
    assert_int_equal(kr_report_write("rp_keep.h5", "rp_keep.h5", true, "1", made, &err),
                     KR_EPARSE);
    assert_non_null(strstr(err.text, "is no report"));
    err = (kr_error){ 0 };
    assert_int_equal(kr_report_write("rp_keep.h5", "rp_none/a.html", true, "1", made, &err),
                     KR_EPARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_a_file_is_no_markup),
        cmocka_unit_test(names_in_figures_do_not_clash),
        cmocka_unit_test(names_are_changed_in_tags_only),
        cmocka_unit_test(pages_of_files_that_say_little_tell_what_is_missing),
        cmocka_unit_test(a_file_without_draws_of_anything_gives_its_run_file),
        cmocka_unit_test(only_reports_are_replaced),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
