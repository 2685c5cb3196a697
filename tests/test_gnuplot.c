/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_gnuplot.c - scripts, quoting, running gnuplot. Tests that draw are skipped where
 * gnuplot is missing. */
#include "kr_test.h"

#include "analysis/gnuplot.h"

#include <unistd.h>

static bool has_gnuplot(void)
{
    const char *path = getenv("PATH");
    char folders[8192], *rest = NULL;
    snprintf(folders, sizeof folders, "%s", path ? path : "");
    for (char *folder = strtok_r(folders, ":", &rest); folder;
         folder = strtok_r(NULL, ":", &rest)) {
        char program[8300];
        snprintf(program, sizeof program, "%s/gnuplot", folder);
        if (access(program, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

static char *content(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void unknown_endings_are_refused_before_anything_is_written(void **state)
{
    (void)state;
    const char *const figure[] = { "g_bad.gif", "g_bad", ".svg", "folder/.png" };
    for (int k = 0; k < 4; k++) {
        kr_gnuplot g;
        kr_error err = { 0 };
        assert_int_equal(kr_gnuplot_open(&g, figure[k], 800, 600, &err), KR_EUNSUP);
        assert_non_null(strstr(err.text, "want .svg, .png or .pdf"));
    }
    assert_int_not_equal(access("g_bad.gp", F_OK), 0);
    kr_gnuplot g;
    kr_error err = { 0 };
    assert_int_equal(kr_gnuplot_open(&g, "no-such-folder/x.svg", 800, 600, &err), KR_EIO);
}

static void text_is_quoted_so_that_nothing_is_run(void **state)
{
    (void)state;
    kr_gnuplot g;
    kr_error err = { 0 };
    assert_ok(kr_gnuplot_open(&g, "g_quote.svg", 300, 200, &err), &err);
    fputs("print ", g.script);
    kr_gnuplot_text(&g, "it's `touch g_ran`\n@x", 100);
    fputs("\nplot x title ", g.script);
    kr_gnuplot_text(&g, "`touch g_ran` 'q'", 100);
    fputc('\n', g.script);
    if (has_gnuplot()) {
        assert_ok(kr_gnuplot_draw(&g, &err), &err);
        assert_non_null(strstr(content("g_quote.svg"), "</svg>"));
    }
    kr_gnuplot_close(&g);
    assert_non_null(strstr(content("g_quote.gp"), "print 'it''s `touch g_ran` @x'"));
    assert_int_not_equal(access("g_ran", F_OK), 0);
}

static void a_name_that_gnuplot_would_run_is_a_file(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    kr_gnuplot g;
    kr_error err = { 0 };
    assert_ok(kr_gnuplot_open(&g, "|touch g_ran;.svg", 300, 200, &err), &err);
    kr_gnuplot_block(&g, "one");
    fputs("1 1\n2 4\n", g.data);
    fputs("plot data index 0 using 1:2 with lines\n", g.script);
    assert_ok(kr_gnuplot_draw(&g, &err), &err);
    assert_int_equal(access("|touch g_ran;.svg", F_OK), 0);
    assert_int_not_equal(access("g_ran", F_OK), 0);
    unlink("|touch g_ran;.svg");
    kr_gnuplot_discard(&g);
}

static void a_failing_script_stays_and_is_explained(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    kr_gnuplot g;
    kr_error err = { 0 };
    assert_ok(kr_gnuplot_open(&g, "g_fail.svg", 300, 200, &err), &err);
    fputs("this is no command\n", g.script);
    assert_int_equal(kr_gnuplot_draw(&g, &err), KR_EIO);
    assert_non_null(strstr(err.text, "gnuplot: failed on g_fail.gp"));
    assert_non_null(strstr(err.text, "invalid command"));
    assert_int_equal(access("g_fail.gp", F_OK), 0);
    kr_gnuplot_discard(&g);
    assert_int_not_equal(access("g_fail.gp", F_OK), 0);
}

static void missing_gnuplot_is_named(void **state)
{
    (void)state;
    char path[8192];
    snprintf(path, sizeof path, "%s", getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", "/nonexistent", 1);
    kr_gnuplot g;
    kr_error err = { 0 };
    assert_ok(kr_gnuplot_open(&g, "g_none.svg", 300, 200, &err), &err);
    int status = kr_gnuplot_draw(&g, &err);
    setenv("PATH", path, 1);
    assert_int_equal(status, KR_EIO);
    assert_non_null(strstr(err.text, "gnuplot: not found"));
    assert_non_null(strstr(err.text, "g_none.gp"));
}

static void tics_are_round_and_few(void **state)
{
    (void)state;
    assert_close(kr_gnuplot_step(1.0, 5), 0.2, 1e-14);
    assert_close(kr_gnuplot_step(2000.0, 5), 500.0, 1e-14);
    assert_close(kr_gnuplot_step(0.93, 4), 0.5, 1e-14);
    assert_close(kr_gnuplot_step(70.0, 10), 10.0, 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_endings_are_refused_before_anything_is_written),
        cmocka_unit_test(text_is_quoted_so_that_nothing_is_run),
        cmocka_unit_test(a_name_that_gnuplot_would_run_is_a_file),
        cmocka_unit_test(a_failing_script_stays_and_is_explained),
        cmocka_unit_test(missing_gnuplot_is_named),
        cmocka_unit_test(tics_are_round_and_few),
    };
    return cmocka_run_group_tests_name("gnuplot", tests, NULL, NULL);
}
