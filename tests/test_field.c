/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_field.c - maps into structs by table: values, defaults, refusals. */
#include "kr_test.h"

#include "base/field.h"

#include <float.h>

typedef struct disorder {
    int32_t kind;
    int64_t seed;
    double strength;
} disorder;

typedef struct potts {
    int64_t q;
    double J, field;
    bool is_dilute;
    char file[KR_TEXT_MAX];
    int32_t start;
    kr_list size, boundary, sites;
    disorder disorder;
} potts;

static const kr_field disorder_fields[] = { { .name = "kind",
                                              .type = KR_TYPE_CHOICE,
                                              .offset = offsetof(disorder, kind),
                                              .fallback = "none",
                                              .choices = "none|pm1|gaussian" },
                                            { .name = "seed",
                                              .type = KR_TYPE_INT,
                                              .offset = offsetof(disorder, seed),
                                              .fallback = "7",
                                              .flags = KR_FIELD_MAY_CHANGE },
                                            { .name = "strength",
                                              .type = KR_TYPE_REAL,
                                              .offset = offsetof(disorder, strength),
                                              .fallback = "1",
                                              .min = 0,
                                              .max = INFINITY,
                                              .flags = KR_FIELD_OPEN_MIN },
                                            KR_FIELD_END };

static const kr_field potts_fields[] = {
    { .name = "q", .type = KR_TYPE_INT, .offset = offsetof(potts, q), .min = 2, .max = 32 },
    { .name = "J",
      .type = KR_TYPE_REAL,
      .offset = offsetof(potts, J),
      .fallback = "1",
      .flags = KR_FIELD_SCAN },
    { .name = "field",
      .type = KR_TYPE_REAL,
      .offset = offsetof(potts, field),
      .fallback = "0.5",
      .min = 0,
      .max = 10,
      .flags = KR_FIELD_SCAN | KR_FIELD_OPEN_MIN },
    { .name = "is_dilute",
      .type = KR_TYPE_BOOL,
      .offset = offsetof(potts, is_dilute),
      .fallback = "false" },
    { .name = "file", .type = KR_TYPE_TEXT, .offset = offsetof(potts, file), .fallback = "" },
    { .name = "start",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(potts, start),
      .fallback = "random",
      .choices = "random|ordered|mixed" },
    { .name = "size",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(potts, size),
      .fallback = "[16, 16]",
      .min = 1,
      .max = 4096 },
    { .name = "boundary",
      .type = KR_TYPE_CHOICE_LIST,
      .offset = offsetof(potts, boundary),
      .fallback = "periodic",
      .choices = "periodic|open|antiperiodic" },
    { .name = "sites",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(potts, sites),
      .fallback = "[]" },
    { .name = "disorder",
      .type = KR_TYPE_MAP,
      .offset = offsetof(potts, disorder),
      .fallback = "{}",
      .sub = disorder_fields },
    KR_FIELD_END
};

static int parse(const char *text, potts *params, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse("run.yaml", text, strlen(text), err);
    if (!file) {
        return KR_EPARSE;
    }
    int status =
        kr_field_parse(file, file->root, "model potts", potts_fields, "name|beta", params, err);
    kr_runfile_free(file);
    return status;
}

static void missing_keys_take_their_defaults(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    memset(&p, 0xA5, sizeof p);
    assert_ok(parse("name: potts\nq: 3\nbeta: [1, 2]\n", &p, &err), &err);
    assert_int_equal(p.q, 3);
    assert_true(p.J == 1.0 && p.field == 0.5);
    assert_false(p.is_dilute);
    assert_string_equal(p.file, "");
    assert_int_equal(p.start, 0);
    assert_int_equal(p.size.n, 2);
    assert_true(p.size.integer[0] == 16 && p.size.integer[1] == 16 && p.size.integer[2] == 0);
    assert_true(p.boundary.n == 1 && p.boundary.integer[0] == 0 && p.sites.n == 0);
    assert_int_equal(p.disorder.kind, 0);
    assert_int_equal(p.disorder.seed, 7);
    assert_true(p.disorder.strength == 1.0);
}

static void given_keys_are_read_by_type(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    assert_ok(parse("q: 2e0\nJ: -1.5\nfield: 10\nis_dilute: true\nfile: 'a b.txt'\n"
                    "start: mixed\nsize: 8\nboundary: [open, \"periodic\"]\nsites: [3, -4]\n"
                    "disorder: {kind: pm1, strength: .25}\n",
                    &p, &err),
              &err);
    assert_int_equal(p.q, 2);
    assert_true(p.J == -1.5 && p.field == 10.0 && p.is_dilute);
    assert_string_equal(p.file, "a b.txt");
    assert_int_equal(p.start, 2);
    assert_true(p.size.n == 1 && p.size.integer[0] == 8);
    assert_true(p.boundary.n == 2 && p.boundary.integer[0] == 1 && p.boundary.integer[1] == 0);
    assert_true(p.sites.n == 2 && p.sites.integer[1] == -4);
    assert_true(p.disorder.kind == 1 && p.disorder.seed == 7 && p.disorder.strength == 0.25);
}

static const struct {
    const char *text, *want;
    int status, column;
} refusals[] = {
    /* keys */
    { "q: 3\nlattise: 1",
      "unknown key \"lattise\" in model potts; known keys: q, J, field, "
      "is_dilute, file, start, size, boundary, sites, disorder, name, beta",
      KR_EPARSE, 1 },
    { "q: 3\nfeild: 1", "unknown key \"feild\" in model potts; did you mean \"field\"?",
      KR_EPARSE, 1 },
    { "q: 3\nbetta: 1", "unknown key \"betta\" in model potts; did you mean \"beta\"?",
      KR_EPARSE, 1 },
    { "q: 3\ndisorder: {sed: 1}",
      "unknown key \"sed\" in disorder of model potts; did you mean \"seed\"?", KR_EPARSE, 12 },
    { "\nJ: 1", "key \"q\" is missing in model potts, want an integer in 2..32", KR_EPARSE, 1 },
    /* integers */
    { "\nq: 1", "model potts: q = 1, want an integer in 2..32", KR_ERANGE, 4 },
    { "\nq: 33", "model potts: q = 33, want an integer in 2..32", KR_ERANGE, 4 },
    { "\nq: -3", "q = -3, want an integer in 2..32", KR_ERANGE, 4 },
    { "\nq: 2.5", "q = 2.5 is not whole, want an integer", KR_EPARSE, 4 },
    { "\nq: 3x", "q = 3x is only half a number", KR_EPARSE, 4 },
    { "\nq: 010", "q = 010 begins with 0 (octal is not read)", KR_EPARSE, 4 },
    { "\nq: 1_0", "q = 1_0 has a '_' in it", KR_EPARSE, 4 },
    { "\nq: three", "q = three is not a number, want an integer", KR_EPARSE, 4 },
    { "\nq: '3'", "q = \"3\" is text in quotes, want an integer without quotes", KR_EPARSE, 4 },
    { "\nq:", "q is no value, want an integer", KR_EPARSE, 3 },
    { "\nq: [3]", "q is a list, want an integer", KR_EPARSE, 4 },
    { "\nq: {a: 3}", "q is a map, want an integer", KR_EPARSE, 4 },
    { "\nq: 99999999999999999999", "is beyond 64 bits", KR_ERANGE, 4 },
    /* reals */
    { "q: 3\nJ: .inf", "J = .inf is not finite, want a finite number", KR_EPARSE, 4 },
    { "q: 3\nJ: nan", "J = nan is not finite", KR_EPARSE, 4 },
    { "q: 3\nJ: 1e999", "J = 1e999 is too large, want a finite number", KR_ERANGE, 4 },
    { "q: 3\nJ: 0,5", "J = 0,5 has a ',' in it, want a number with a decimal point", KR_EPARSE,
      4 },
    { "q: 3\nJ: 0.44x", "J = 0.44x is only half a number: \"x\" is left over", KR_EPARSE, 4 },
    { "q: 3\nfield: 0", "field = 0, want a number > 0 and <= 10", KR_ERANGE, 8 },
    { "q: 3\nfield: 10.0001", "field = 10.0001, want a number > 0 and <= 10", KR_ERANGE, 8 },
    { "q: 3\nfield: [0.1, 0.2]", "field does not take a list here, want a single number",
      KR_EPARSE, 8 },
    { "q: 3\nJ: {from: 0, to: 1, count: 2}", "J does not take a map here", KR_EPARSE, 4 },
    { "q: 3\ndisorder: {strength: 0}",
      "disorder of model potts: strength = 0, want a number > 0", KR_ERANGE, 22 },
    { "q: 3\ndisorder: {strength: -1}", "strength = -1, want a number > 0", KR_ERANGE, 22 },
    /* booleans */
    { "q: 3\nis_dilute: yes", "is_dilute = yes, want true or false", KR_EPARSE, 12 },
    { "q: 3\nis_dilute: off", "is_dilute = off, want true or false", KR_EPARSE, 12 },
    { "q: 3\nis_dilute: True", "is_dilute = True, want true or false", KR_EPARSE, 12 },
    { "q: 3\nis_dilute: 1", "is_dilute = 1, want true or false", KR_EPARSE, 12 },
    { "q: 3\nis_dilute: 'true'", "is_dilute is text in quotes, want true or false", KR_EPARSE,
      12 },
    { "q: 3\nis_dilute: [true]", "is_dilute is a list, want true or false", KR_EPARSE, 12 },
    { "q: 3\nis_dilute:", "is_dilute is no value, want true or false", KR_EPARSE, 11 },
    /* text */
    { "q: 3\nfile:", "file is no value, want text of at most 255 bytes", KR_EPARSE, 6 },
    { "q: 3\nfile: ~", "file is no value, want text", KR_EPARSE, 7 },
    { "q: 3\nfile: null", "file is no value, want text", KR_EPARSE, 7 },
    { "q: 3\nfile: [a]", "file is a list, want text", KR_EPARSE, 7 },
    /* choices */
    { "q: 3\nstart: orderd",
      "start = \"orderd\", want one of random, ordered, mixed; did you mean \"ordered\"?",
      KR_EPARSE, 8 },
    { "q: 3\nstart: cold", "start = \"cold\", want one of random, ordered, mixed", KR_EPARSE,
      8 },
    { "q: 3\nstart: 1", "start = \"1\", want one of random, ordered, mixed", KR_EPARSE, 8 },
    { "q: 3\nstart: [mixed]", "start is a list, want one of random", KR_EPARSE, 8 },
    { "q: 3\nstart:", "start is no value, want one of random", KR_EPARSE, 7 },
    { "q: 3\nstart: ''", "start is text in quotes, want one of random", KR_EPARSE, 8 },
    { "q: 3\ndisorder: {kind: gauss}",
      "kind = \"gauss\", want one of none, pm1, gaussian; did you "
      "mean \"gaussian\"?",
      KR_EPARSE, 18 },
    /* lists */
    { "q: 3\nsize: []", "size is a list of 0 entries, want 1..16", KR_ERANGE, 7 },
    { "q: 3\nsize: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
      "size is a list of 17 entries, want 1..16", KR_ERANGE, 7 },
    { "q: 3\nsize: [16, 0]", "size = 0, want an integer in 1..4096 or a list of them",
      KR_ERANGE, 12 },
    { "q: 3\nsize: [16, 4097]", "size = 4097, want an integer in 1..4096", KR_ERANGE, 12 },
    { "q: 3\nsize: [16, [4]]", "size is a list, want an integer", KR_EPARSE, 12 },
    { "q: 3\nsize: 16x16", "size = 16x16 is only half a number", KR_EPARSE, 7 },
    { "q: 3\nsize: {x: 16}", "size is a map, want an integer in 1..4096 or a list of them",
      KR_EPARSE, 7 },
    { "q: 3\nboundary: [open, closed]", "boundary = \"closed\", want one of periodic, open",
      KR_EPARSE, 18 },
    { "q: 3\nboundary: anti", "did you mean \"antiperiodic\"?", KR_EPARSE, 11 },
    /* maps */
    { "q: 3\ndisorder: pm1",
      "disorder is a single value, want a map of the keys kind, seed, "
      "strength",
      KR_EPARSE, 11 },
    { "q: 3\ndisorder: [pm1]", "disorder is a list, want a map of the keys", KR_EPARSE, 11 },
    { "q: 3\ndisorder:", "disorder is no value, want a map of the keys", KR_EPARSE, 10 },
};

static void bad_values_are_refused_at_their_place(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof refusals / sizeof refusals[0]; k++) {
        kr_error err = { 0 };
        potts p;
        int status = parse(refusals[k].text, &p, &err);
        char place[64];
        snprintf(place, sizeof place, "run.yaml:2:%d: ", refusals[k].column);
        if (status != refusals[k].status || err.status != status ||
            strncmp(err.text, place, strlen(place)) != 0 ||
            !strstr(err.text, refusals[k].want)) {
            fail_msg("row %zu \"%s\": %d \"%s\", want %d \"%s%s\"", k, refusals[k].text, status,
                     err.text, refusals[k].status, place, refusals[k].want);
        }
    }
}

static void a_text_of_255_bytes_fits_and_one_more_does_not(void **state)
{
    (void)state;
    for (int length = 255; length <= 256; length++) {
        char text[400] = "q: 3\nfile: ";
        memset(text + 11, 'f', (size_t)length);
        kr_error err = { 0 };
        potts p;
        int status = parse(text, &p, &err);
        assert_int_equal(status, length == 255 ? KR_OK : KR_EPARSE);
        assert_true(length == 255 ? strlen(p.file) == 255
                                  : strstr(err.text, "file is text of 256 bytes") != NULL);
    }
}

static void limits_of_integers_are_exact_beyond_doubles(void **state)
{
    (void)state;
    const kr_field fields[] = { { .name = "n",
                                  .type = KR_TYPE_INT,
                                  .min = -0x1p53,
                                  .max = 0x1p53,
                                  .flags = KR_FIELD_OPEN_MIN },
                                KR_FIELD_END };
    static const struct {
        const char *text;
        int status;
    } row[] = {
        { "n: 9007199254740992", KR_OK },      { "n: 9007199254740993", KR_ERANGE },
        { "n: -9007199254740991", KR_OK },     { "n: -9007199254740992", KR_ERANGE },
        { "n: -9007199254740993", KR_ERANGE }, { "n: 9223372036854775807", KR_ERANGE },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error err = { 0 };
        int64_t n;
        kr_runfile *file = kr_runfile_parse("run.yaml", row[k].text, strlen(row[k].text), &err);
        assert_int_equal(kr_field_parse(file, file->root, "x", fields, NULL, &n, &err),
                         row[k].status);
        kr_runfile_free(file);
    }
}

static void no_map_means_every_key_is_missing(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    assert_int_equal(kr_field_parse(NULL, NULL, "model potts", potts_fields, NULL, &p, &err),
                     KR_EPARSE);
    assert_string_equal(err.text,
                        "key \"q\" is missing in model potts, want an integer in 2..32");
    disorder d;
    err = (kr_error){ 0 };
    assert_ok(kr_field_parse(NULL, NULL, "disorder", disorder_fields, NULL, &d, &err), &err);
    assert_int_equal(d.seed, 7);
}

static void a_list_where_a_map_is_wanted_is_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    kr_runfile *file = kr_runfile_parse("run.yaml", "model: [1]", 10, &err);
    assert_int_equal(
        kr_field_parse(file, file->root->child[0], "model potts", potts_fields, NULL, &p, &err),
        KR_EPARSE);
    assert_non_null(
        strstr(err.text, "run.yaml:1:8: model potts is a list, want a map of keys\n"));
    kr_runfile_free(file);
}

static void a_bad_default_names_itself(void **state)
{
    (void)state;
    const kr_field fields[] = {
        { .name = "n", .type = KR_TYPE_INT, .fallback = "0", .min = 1, .max = 3 }, KR_FIELD_END
    };
    kr_error err = { 0 };
    int64_t n;
    assert_int_equal(kr_field_defaults(fields, &n, &err), KR_ERANGE);
    assert_string_equal(err.text, "default of n: defaults: n = 0, want an integer in 1..3");
}

static void defaults_leave_required_fields_zero(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    memset(&p, 0xA5, sizeof p);
    assert_ok(kr_field_defaults(potts_fields, &p, &err), &err);
    assert_int_equal(p.q, 0);
    assert_true(p.J == 1.0 && p.disorder.seed == 7 && p.size.n == 2);
}

static void what_is_written_reads_back_as_the_same_struct(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p, back;
    memset(&p, 0, sizeof p);
    memset(&back, 0, sizeof back);
    assert_ok(parse("q: 31\nJ: -0.30000000000000004\nfield: 4.9406564584124654e-324\n"
                    "is_dilute: true\nfile: \"# a: 'b' \\\"c\\\\ \\n \\x01 \xC3\xA9\"\n"
                    "size: [3, 4, 5]\nboundary: [open, antiperiodic]\n"
                    "disorder: {kind: gaussian, seed: -9223372036854775808}\n",
                    &p, &err),
              &err);
    kr_text text = { 0 };
    assert_ok(kr_field_write(potts_fields, &p, 0, &text, &err), &err);
    assert_ok(parse(text.data, &back, &err), &err);
    assert_memory_equal(&p, &back, sizeof p);
    kr_text_clear(&text);
}

static void written_fields_have_one_form(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    kr_text text = { 0 };
    assert_ok(parse("q: 3\nfile: '12'\n", &p, &err), &err);
    assert_ok(kr_field_write(potts_fields, &p, 2, &text, &err), &err);
    assert_string_equal(text.data, "  q: 3\n"
                                   "  J: 1\n"
                                   "  field: 0.5\n"
                                   "  is_dilute: false\n"
                                   "  file: \"12\"\n"
                                   "  start: random\n"
                                   "  size: [16, 16]\n"
                                   "  boundary: [periodic]\n"
                                   "  sites: []\n"
                                   "  disorder:\n"
                                   "    kind: none\n"
                                   "    seed: 7\n"
                                   "    strength: 1\n");
    kr_text_clear(&text);
}

static void format_returns_the_length_needed(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts p;
    char text[8];
    assert_ok(parse("q: 3\nJ: 0.1\n", &p, &err), &err);
    assert_int_equal(kr_field_format(&potts_fields[1], &p, text, sizeof text), 3);
    assert_string_equal(text, "0.1");
    assert_int_equal(kr_field_format(&potts_fields[6], &p, text, 4), 8);
    assert_string_equal(text, "[16");
    char map[64];
    kr_field_format(&potts_fields[9], &p, map, sizeof map);
    assert_string_equal(map, "{kind: none, seed: 7, strength: 1}");
}

static void values_no_run_file_can_hold_are_not_written(void **state)
{
    (void)state;
    potts p;
    kr_error none = { 0 };
    static const char *const want[] = { "J = nan, want a finite number",
                                        "start = choice 3, want 0..2",
                                        "size has 17 entries, want 0..16", "is not UTF-8",
                                        "file has no end within 256 bytes" };
    for (int k = 0; k < 5; k++) {
        assert_ok(parse("q: 3", &p, &none), &none);
        p.J = k == 0 ? NAN : 1.0;
        p.start = k == 1 ? 3 : 0;
        p.size.n = k == 2 ? 17 : 1;
        p.file[0] = (char)(k == 3 ? 0xFF : 0);
        memset(p.file, k == 4 ? 'x' : p.file[0], k == 4 ? KR_TEXT_MAX : 1);
        kr_error err = { 0 };
        kr_text text = { 0 };
        assert_int_equal(kr_field_write(potts_fields, &p, 0, &text, &err), KR_EINVAL);
        assert_non_null(strstr(err.text, want[k]));
        kr_text_clear(&text);
    }
}

static void compare_names_what_a_resume_may_not_change(void **state)
{
    (void)state;
    kr_error err = { 0 };
    potts a, b;
    assert_ok(parse("q: 3", &a, &err), &err);
    assert_ok(parse("q: 3\ndisorder: {seed: 8}", &b, &err), &err);
    assert_ok(kr_field_compare(potts_fields, "model potts", "out.h5", &a, "run.yaml", &b, &err),
              &err);
    b.disorder.strength = 0.1;
    assert_int_equal(
        kr_field_compare(potts_fields, "model potts", "out.h5", &a, "run.yaml", &b, &err),
        KR_EMISMATCH);
    assert_string_equal(err.text,
                        "disorder of model potts: strength = 0.1 in run.yaml, 1 in out.h5");
}

static void choose_finds_a_name_or_says_which_there_are(void **state)
{
    (void)state;
    static const char *const names[] = { "ising", "potts", "clock" };
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("run.yaml", "model: pots\nother: clock", 24, &err);
    int32_t index = -1;
    assert_ok(kr_field_choose(file, file->root->child[1], "other", names, 3, &index, &err),
              &err);
    assert_int_equal(index, 2);
    assert_int_equal(
        kr_field_choose(file, file->root->child[0], "model", names, 3, &index, &err),
        KR_EPARSE);
    assert_string_equal(err.text, "run.yaml:1:8: model = \"pots\", want one of ising, potts, "
                                  "clock; did you mean \"potts\"?\n"
                                  "    model: pots\n"
                                  "           ^");
    kr_runfile_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_keys_take_their_defaults),
        cmocka_unit_test(given_keys_are_read_by_type),
        cmocka_unit_test(bad_values_are_refused_at_their_place),
        cmocka_unit_test(a_text_of_255_bytes_fits_and_one_more_does_not),
        cmocka_unit_test(limits_of_integers_are_exact_beyond_doubles),
        cmocka_unit_test(no_map_means_every_key_is_missing),
        cmocka_unit_test(a_list_where_a_map_is_wanted_is_refused),
        cmocka_unit_test(a_bad_default_names_itself),
        cmocka_unit_test(defaults_leave_required_fields_zero),
        cmocka_unit_test(what_is_written_reads_back_as_the_same_struct),
        cmocka_unit_test(written_fields_have_one_form),
        cmocka_unit_test(format_returns_the_length_needed),
        cmocka_unit_test(values_no_run_file_can_hold_are_not_written),
        cmocka_unit_test(compare_names_what_a_resume_may_not_change),
        cmocka_unit_test(choose_finds_a_name_or_says_which_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
