/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_node.c - nodes of a run file: writing that reads back, ranges to scan. */
#include "kr_test.h"

#include "base/runfile.h"

static kr_runfile *parse(const char *text)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("run.yaml", text, strlen(text), &err);
    if (!file) {
        fail_msg("%s", err.text);
    }
    return file;
}

/* ---- writing ---- */

static void assert_same_tree(const kr_node *x, const kr_node *y)
{
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->n, y->n);
    assert_true(x->kind != KR_NODE_SCALAR || strcmp(x->text, y->text) == 0);
    /* quotes may only be added around what is no bare word anyway */
    assert_true(x->is_quoted == y->is_quoted ||
                (!x->is_quoted && x->text[0] && !kr_text_is_plain(x->text)));
    for (int32_t i = 0; i < x->n; i++) {
        if (x->kind == KR_NODE_MAP) {
            assert_string_equal(x->key[i]->text, y->key[i]->text);
        }
        assert_same_tree(x->child[i], y->child[i]);
    }
}

static const char *const documents[] = {
    "a: 1\n",
    "{}\n",
    "{a: [], b: {}, c: '', d: , e: ~, f: \"12\", g: 12, h: 1e6, i: .5}\n",
    ("model: {name: potts, q: 20}\nlattice: {size: [16, 16]}\nupdates:\n  - {name: heat_bath}\n"
     "  - {name: independence, density: net, deep: {x: [1, {y: [2, [3, []]]}]}}\n"),
    "a:\n- - - x\n    - y\n  - z\n-\n- \n- {}\n- []\n- [[]]\n- b:\n    - c\n  d: e\n",
    "a: b, c\nb: x]\nc: don't\nd: 'it''s: #1'\ne: \"tab\\t nl\\n nul\\x01 q\\\" b\\\\\"\n",
    "a: |\n  first line\n  second line\nb: >-\n  folded\n  text\n\n  more\nc: two\n  lines\n",
    "a: plain\n\n  with a break\nb: http://x.org/y?z=1\n\"quoted key: x\": 1\nq w: 2\n",
    "\xC3\xA9: \xE2\x82\xAC 5\nb: \"\\u2028\\x85\\xA0\\uFEFF\\U0001F600\"\n\"\\n\": 1\n",
    "b: ---\nc: ...x\nd: -x\ne: --x\nf: \"---\"\ng: '...'\nh: '- x'\ni: '? x'\n",
    "a: [null, true, no, '', 'true', 0x10, 1_000, =, <, a-b, a/b, 50%, a@b, x y  z]\n",
};

static void what_is_written_reads_back_as_the_same_tree(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof documents / sizeof documents[0]; k++) {
        kr_error err = { 0 };
        kr_text once = { 0 }, twice = { 0 };
        kr_runfile *file = parse(documents[k]);
        assert_ok(kr_node_write(file->root, 0, &once, &err), &err);
        kr_runfile *again = parse(once.data);
        assert_same_tree(file->root, again->root);
        assert_ok(kr_node_write(again->root, 0, &twice, &err), &err);
        assert_string_equal(once.data, twice.data);
        kr_text_clear(&once);
        kr_text_clear(&twice);
        kr_runfile_free(again);
        kr_runfile_free(file);
    }
}

static void written_text_has_one_form(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_text text = { 0 };
    kr_runfile *file =
        parse("{ beta: 0.440,   model: {name: 'potts' },\n updates: [{name: a, n: "
              "1}, [b, {c: d}]], size: [16,16], x: {}, y: }");
    assert_ok(kr_node_write(file->root, 2, &text, &err), &err);
    assert_string_equal(text.data, "  beta: 0.440\n"
                                   "  model:\n"
                                   "    name: \"potts\"\n"
                                   "  updates:\n"
                                   "    - name: a\n"
                                   "      n: 1\n"
                                   "    - - b\n"
                                   "      - c: d\n"
                                   "  size: [16, 16]\n"
                                   "  x: {}\n"
                                   "  y:\n");
    kr_text_clear(&text);
    kr_runfile_free(file);
}

/* ---- numbers at their place ---- */

static void numbers_of_nodes_fail_at_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        int status;
    } row[] = {
        { "q: 4x", "run.yaml:1:4: q = 4x is only half a number", KR_EPARSE },
        { "q: \"4\"",
          "run.yaml:1:4: q = \"4\" is text in quotes, want an integer without quotes",
          KR_EPARSE },
        { "q: [4]", "run.yaml:1:4: q is a list, want an integer", KR_EPARSE },
        { "q: {a: 4}", "run.yaml:1:4: q is a map, want an integer", KR_EPARSE },
        { "q:", "q is no value, want an integer", KR_EPARSE },
        { "q: ''", "q = \"\" is text in quotes", KR_EPARSE },
        { "q: 1e99", "run.yaml:1:4: q = 1e99 is beyond 64 bits", KR_ERANGE },
        { "q: 2.5", "run.yaml:1:4: q = 2.5 is not whole", KR_EPARSE },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error err = { 0 };
        int64_t value = 7;
        kr_runfile *file = parse(row[k].text);
        int status = kr_node_integer(file, file->root->child[0], "q", &value, &err);
        if (status != row[k].status || !strstr(err.text, row[k].want) || value != 7) {
            fail_msg("\"%s\": %d \"%s\", want \"%s\"", row[k].text, status, err.text,
                     row[k].want);
        }
        kr_runfile_free(file);
    }
}

/* ---- scans ---- */

static void assert_scan(const char *text, const char *const *want, int32_t n_want)
{
    kr_error err = { 0 };
    kr_runfile *file = parse(text);
    kr_node **value = NULL;
    int32_t n = 0;
    assert_ok(kr_node_scan(file, file->root->child[0], "beta", &value, &n, &err), &err);
    assert_int_equal(n, n_want);
    for (int32_t i = 0; i < n; i++) {
        assert_int_equal(value[i]->kind, KR_NODE_SCALAR);
        assert_string_equal(value[i]->text, want[i]);
        assert_int_equal(value[i]->line, 1);
    }
    kr_runfile_free(file);
}

static void a_scan_gives_its_points_in_order(void **state)
{
    (void)state;
    assert_scan("beta: 0.44", (const char *const[]){ "0.44" }, 1);
    assert_scan("beta: [0.4, 0.5, 1e-1]", (const char *const[]){ "0.4", "0.5", "1e-1" }, 3);
    assert_scan("beta: {from: 0, to: 1, count: 5}",
                (const char *const[]){ "0", "0.25", "0.5", "0.75", "1" }, 5);
    assert_scan("beta: {count: 4, to: -1, from: 0.5}",
                (const char *const[]){ "0.5", "0", "-0.5", "-1" }, 4);
    assert_scan("q: {from: 2, to: 8, count: 3}", (const char *const[]){ "2", "5", "8" }, 3);
    assert_scan("beta: {from: 0.4, to: 0.4, count: 1}", (const char *const[]){ "0.4" }, 1);
    assert_scan("beta: {from: -1e308, to: 1.5e308, count: 2e0}",
                (const char *const[]){ "-1e308", "1.5e308" }, 2);
}

/* How the points of a run are made: one node in the place of the scan, then the scan back. */
static void a_point_can_stand_in_for_its_scan(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_runfile *file = parse("beta: [0.4, 0.5]\nseed: 1");
    kr_node **slot = kr_node_slot(file->root, "beta"), *scan = *slot, **value = NULL;
    int32_t n = 0;
    double beta = 0.0;
    assert_null(kr_node_slot(file->root, "bet"));
    assert_ok(kr_node_scan(file, scan, "beta", &value, &n, &err), &err);
    *slot = value[1];
    assert_ok(kr_node_real(file, kr_node_get(file->root, "beta"), "beta", &beta, &err), &err);
    assert_true(n == 2 && beta == 0.5);
    *slot = scan;
    assert_int_equal(kr_node_get(file->root, "beta")->kind, KR_NODE_LIST);
    kr_node *key = kr_node_alloc(file, KR_NODE_SCALAR, scan, "seed", 4, &err);
    assert_ok(kr_node_put(file->root, key, value[0], &err), &err);
    assert_int_equal(file->root->n, 2);
    assert_string_equal(kr_node_get(file->root, "seed")->text, "0.4");
    kr_runfile_free(file);
}

static void a_range_has_exact_ends_and_equal_steps(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_runfile *file = parse("beta: {from: 0.1, to: 1.7e0, count: 10000}");
    kr_node **value = NULL;
    int32_t n = 0;
    assert_ok(kr_node_scan(file, file->root->child[0], "beta", &value, &n, &err), &err);
    assert_int_equal(n, 10000);
    assert_string_equal(value[0]->text, "0.1");
    assert_string_equal(value[9999]->text, "1.7e0");
    double before = 0.0, x = 0.0;
    for (int32_t i = 0; i < n; i++) {
        assert_ok(kr_number_real(value[i]->text, &x, &err), &err);
        assert_close(x, 0.1 + 1.6 * i / 9999.0, 1e-15);
        assert_true(i == 0 || x > before);
        before = x;
    }
    kr_runfile_free(file);
}

static void a_range_as_wide_as_doubles_stays_finite(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_runfile *file = parse("beta: {from: -1.7e308, to: 1.7e308, count: 9}");
    kr_node **value = NULL;
    int32_t n = 0;
    double x = 1.0;
    assert_ok(kr_node_scan(file, file->root->child[0], "beta", &value, &n, &err), &err);
    assert_ok(kr_number_real(value[4]->text, &x, &err), &err);
    assert_true(x == 0.0);
    assert_ok(kr_number_real(value[6]->text, &x, &err), &err);
    assert_close(x / 1.7e308, 0.5, 1e-15);
    kr_runfile_free(file);
}

static void bad_scans_are_refused_at_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        int column;
    } row[] = {
        { "beta: []", "beta is a list of 0 values, want 1..10000", 7 },
        { "beta: [1, [2]]", "beta is a list, want a number", 11 },
        { "beta: [1, x]", "beta = x is not a number", 11 },
        { "beta: [1, \"2\"]", "beta = \"2\" is text in quotes", 11 },
        { "beta: {}", "beta lacks \"from\", want a number or {from:, to:, count:}", 7 },
        { "beta: {from: 1, to: 2}", "beta lacks \"count\"", 7 },
        { "beta: {from: 1, count: 2}", "beta lacks \"to\"", 7 },
        { "beta: {from: 1, to: 2, count: 3, step: 1}", "unknown key \"step\" in the range",
          34 },
        { "beta: {from: a, to: 2, count: 3}", "beta.from = a is not a number", 14 },
        { "beta: {from: 0, to: [2], count: 3}", "beta.to is a list", 21 },
        { "beta: {from: 0, to: 1, count: 0}", "beta.count = 0, want an integer in 1..10000",
          31 },
        { "beta: {from: 0, to: 1, count: -3}", "beta.count = -3, want", 31 },
        { "beta: {from: 0, to: 1, count: 10001}", "beta.count = 10001, want", 31 },
        { "beta: {from: 0, to: 1, count: 2.5}", "beta.count = 2.5 is not whole", 31 },
        { "beta: {from: 0, to: 1, count: 1}", "beta.count = 1 with two different ends", 31 },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error err = { 0 };
        kr_runfile *file = parse(row[k].text);
        kr_node **value = NULL;
        int32_t n = 0;
        int status = kr_node_scan(file, file->root->child[0], "beta", &value, &n, &err);
        char place[64];
        snprintf(place, sizeof place, "run.yaml:1:%d: ", row[k].column);
        if (status == KR_OK || strncmp(err.text, place, strlen(place)) != 0 ||
            !strstr(err.text, row[k].want)) {
            fail_msg("\"%s\": %d \"%s\", want \"%s%s\"", row[k].text, status, err.text, place,
                     row[k].want);
        }
        kr_runfile_free(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_as_the_same_tree),
        cmocka_unit_test(written_text_has_one_form),
        cmocka_unit_test(numbers_of_nodes_fail_at_their_place),
        cmocka_unit_test(a_scan_gives_its_points_in_order),
        cmocka_unit_test(a_point_can_stand_in_for_its_scan),
        cmocka_unit_test(a_range_has_exact_ends_and_equal_steps),
        cmocka_unit_test(a_range_as_wide_as_doubles_stays_finite),
        cmocka_unit_test(bad_scans_are_refused_at_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
