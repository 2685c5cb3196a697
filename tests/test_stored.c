/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_stored.c - density files: what fits, and that nothing damaged is taken. */
#include "tiny.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/state.h"
#include "density/stored.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char path[] = "test_stored.krd";

typedef struct net { /* a density on a small system */
    tiny *system;
    const kr_density_plug *plug;
    void *params, *self;
} net;

static const kr_density_plug *plug_named(const char *name)
{
    for (int k = 0; kr_registry_densities[k]; k++) {
        if (strcmp(kr_registry_densities[k]->name, name) == 0) {
            return kr_registry_densities[k];
        }
    }
    fail_msg("no density %s", name);
    return NULL;
}

static net open_net(const char *density, const char *yaml, const char *model,
                    const char *model_yaml, const char *lattice_yaml)
{
    kr_error err = { 0 };
    net n = { .plug = plug_named(density) };
    n.system = tiny_alloc(tiny_model(model), model_yaml, tiny_lattice("hypercubic"),
                          lattice_yaml, 100000, &err);
    n.params = tiny_params(density, n.plug->fields, n.plug->params_size, yaml, &err);
    if (!n.system || !n.params) {
        fail_msg("%s", err.text);
    }
    kr_target target = { .lattice = n.system->lattice, .terms = n.system->terms, .beta = 0.4 };
    n.self = n.plug->alloc(&target, n.params, &err);
    if (!n.self) {
        fail_msg("%s", err.text);
    }
    kr_rng rng;
    kr_rng_seed(&rng, 7, 0, KR_PURPOSE_TEST);
    n.plug->init(n.self, &rng);
    return n;
}

static net ising_net(void)
{
    return open_net("frontier", "{hidden: 3}", "ising", "{}", "{size: [3, 3]}");
}

static void close_net(net *n)
{
    n->plug->free(n->self);
    free(n->params);
    tiny_free(n->system);
}

/* Saved by hand: the fields borrow. */
static kr_stored describe(net *n, kr_text *fields)
{
    static char empty[] = "", model[] = "ising", lattice[] = "hypercubic", version[] = "0.1.0";
    kr_error err = { 0 };
    assert_ok(kr_stored_write_fields(n->plug->fields, n->params, fields, &err), &err);
    return (kr_stored){ .text = { (char *)(uintptr_t)n->plug->name, fields->data, model, empty,
                                  lattice, empty, version },
                        .n_sites = n->system->terms->n_sites,
                        .q = n->system->terms->q,
                        .structure = kr_stored_structure(n->system->terms),
                        .beta = 0.4,
                        .n_weights = n->plug->n_weights(n->self),
                        .weights = n->plug->weights(n->self),
                        .steps = 12,
                        .work = 0.25,
                        .ess_q = NAN,
                        .n_q = NAN };
}

static void save(net *n, void (*change)(kr_stored *))
{
    kr_error err = { 0 };
    kr_text fields = { 0 };
    kr_stored s = describe(n, &fields);
    if (change) {
        change(&s);
    }
    assert_ok(kr_stored_save(&s, path, &err), &err);
    kr_text_clear(&fields);
}

static kr_stored *load(void)
{
    kr_error err = { 0 };
    kr_stored *s = kr_stored_load(path, &err);
    if (!s) {
        fail_msg("%s", err.text);
    }
    return s;
}

/* Loading fails with that message, which begins with the path. */
static void assert_refused(const char *want)
{
    kr_error err = { 0 };
    assert_null(kr_stored_load(path, &err));
    if (err.status == KR_OK || !strstr(err.text, want) ||
        strncmp(err.text, path, strlen(path)) != 0) {
        fail_msg("\"%s\", want \"%s\"", err.text, want);
    }
}

/* ---- what fits --------------------------------------------------------------------------- */

static void what_is_saved_loads_the_same(void **state)
{
    (void)state;
    kr_error err = { 0 };
    net n = ising_net(), other = ising_net();
    save(&n, NULL);
    memset(other.plug->weights(other.self), 0,
           other.plug->n_weights(other.self) * sizeof(float));
    kr_stored *s = load();
    assert_ok(kr_stored_check(s, other.plug, other.params, other.system->terms, &err), &err);
    assert_ok(kr_stored_apply(s, other.plug, other.self, &err), &err);
    assert_memory_equal(n.plug->weights(n.self), other.plug->weights(other.self),
                        n.plug->n_weights(n.self) * sizeof(float));
    assert_string_equal(s->text[KR_STORED_FIELDS], "hidden: 3\nwindow: 0\n");
    assert_true(s->steps == 12 && s->work == 0.25 && s->beta == 0.4 && isnan(s->ess_q));
    kr_stored_free(s);
    close_net(&n);
    close_net(&other);
}

static uint64_t structure(const char *model, const char *model_yaml, const char *lattice_yaml)
{
    net n = open_net("frontier", "{hidden: 1}", model, model_yaml, lattice_yaml);
    uint64_t digest = kr_stored_structure(n.system->terms);
    close_net(&n);
    return digest;
}

static void structure_is_of_pairs_not_of_couplings(void **state)
{
    (void)state;
    uint64_t torus = structure("ising", "{}", "{size: [3, 3]}");
    assert_true(torus == structure("ising", "{J: -0.3, field: 1}", "{size: [3, 3]}"));
    assert_true(torus == structure("ising", "{disorder: {kind: gaussian}}", "{size: [3, 3]}"));
    assert_true(torus != structure("ising", "{}", "{size: [3, 3], boundary: open}"));
    assert_true(torus != structure("ising", "{}", "{size: [9]}"));
    assert_true(structure("ising", "{}", "{size: [2, 6]}") !=
                structure("ising", "{}", "{size: [6, 2]}"));
}

static void assert_misfit(net n, const char *want)
{
    kr_error err = { 0 };
    kr_stored *s = load();
    int status = kr_stored_check(s, n.plug, n.params, n.system->terms, &err);
    status = status == KR_OK ? kr_stored_apply(s, n.plug, n.self, &err) : status;
    if (status != KR_EMISMATCH || !strstr(err.text, want)) {
        fail_msg("%d \"%s\", want \"%s\"", status, err.text, want);
    }
    kr_stored_free(s);
    close_net(&n);
}

static void misfits_are_told_with_key_and_values(void **state)
{
    (void)state;
    net n = ising_net();
    save(&n, NULL);
    close_net(&n);
    assert_misfit(open_net("made", "{hidden: 3}", "ising", "{}", "{size: [3, 3]}"),
                  "density frontier, want made");
    assert_misfit(open_net("frontier", "{hidden: 4}", "ising", "{}", "{size: [3, 3]}"),
                  "hidden = 3, want 4");
    assert_misfit(open_net("frontier", "{hidden: 3}", "ising", "{}", "{size: [3, 4]}"),
                  "n_sites = 9, want 12");
    assert_misfit(open_net("frontier", "{hidden: 3}", "potts", "{q: 3}", "{size: [3, 3]}"),
                  "q = 2, want 3");
    assert_misfit(
        open_net("frontier", "{hidden: 3}", "ising", "{}", "{size: [3, 3], boundary: open}"),
        "structure = ");
    assert_misfit(open_net("frontier", "{hidden: 3}", "ising", "{field: 1}", "{size: [3, 3]}"),
                  "n_weights = ");
}

static void add_field(kr_stored *s)
{
    static char fields[] = "hiddenmost: 3\nhidden: 33\n";
    s->text[KR_STORED_FIELDS] = fields;
}

static void lose_field(kr_stored *s)
{
    static char fields[] = "hide: 3\n";
    s->text[KR_STORED_FIELDS] = fields;
}

static void fields_are_compared_as_a_whole(void **state)
{
    (void)state;
    net n = ising_net();
    save(&n, add_field);
    assert_misfit(ising_net(), "hidden = 33, want 3");
    save(&n, lose_field);
    assert_misfit(ising_net(), "hidden is missing, want 3");
    close_net(&n);
}

/* Every weight in its turn: padding must be zero, the others may be anything. */
static void padding_that_is_not_zero_is_refused(void **state)
{
    (void)state;
    static const char *const model[] = { "ising", "potts", "blume_capel" };
    static const char *const density[] = { "frontier", "made" };
    for (int k = 0; k < 6; k++) {
        const char *fields = k / 2 ? "{q: 3}" : "{}";
        net n = open_net(density[k % 2], "{hidden: 3}", model[k / 2],
                         k / 2 == 1 ? fields : "{}", "{size: [3, 3]}");
        kr_error err = { 0 };
        kr_text text = { 0 };
        kr_stored s = describe(&n, &text);
        float *copy = calloc(s.n_weights, sizeof *copy);
        size_t n_padding = 0;
        memcpy(copy, s.weights, s.n_weights * sizeof *copy);
        s.weights = copy;
        for (size_t w = 0; w < s.n_weights; w++) {
            float old = copy[w];
            copy[w] = 1.0f;
            bool is_refused = kr_stored_apply(&s, n.plug, n.self, &err) != KR_OK;
            assert_true(is_refused == n.plug->is_padding(n.self, w));
            n_padding += is_refused;
            copy[w] = old;
        }
        assert_true(n_padding > 0 && n_padding < s.n_weights);
        assert_non_null(strstr(err.text, "is padding and 1, want 0"));
        free(copy);
        kr_text_clear(&text);
        close_net(&n);
    }
}

/* ---- what is no density file ------------------------------------------------------------- */

static void put_nan(kr_stored *s)
{
    s->weights[5] = NAN;
}

static void put_infinity(kr_stored *s)
{
    s->weights[s->n_weights - 1] = -INFINITY;
}

static void put_no_beta(kr_stored *s)
{
    s->beta = INFINITY;
}

static void put_no_text(kr_stored *s)
{
    static char text[] = "hyper\x1b[2J";
    s->text[KR_STORED_LATTICE] = text;
}

static void numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    static void (*const change[])(kr_stored *) = { put_nan, put_infinity, put_no_beta,
                                                   put_no_text };
    static const char *const want[] = { "weight 5 of ", "is -inf", "beta = inf",
                                        "\"lattice\" is no text" };
    for (int k = 0; k < 4; k++) {
        net n = ising_net();
        save(&n, change[k]);
        assert_refused(want[k]);
        close_net(&n);
    }
}

/* A file of named arrays with one text and one number. */
static void save_arrays(const char *row, const char *text, int64_t version)
{
    kr_error err = { 0 };
    kr_state *table = kr_state_alloc(&err);
    assert_ok(kr_state_add(table, row, KR_U8, strlen(text), (void *)(uintptr_t)text, &err),
              &err);
    assert_ok(kr_state_add(table, "version", KR_I64, 1, &version, &err), &err);
    assert_ok(kr_state_save(table, path, NULL, &err), &err);
    kr_state_free(table);
}

static void files_of_another_kind_are_refused(void **state)
{
    (void)state;
    save_arrays("run_file", "model: {name: ising}", 1);
    assert_refused("the restart file of a run, want a density file");
    save_arrays("data", "", 1);
    assert_refused("no density file, want a density file");
    save_arrays("kind", "kramers lattice", 1);
    assert_refused("kind \"kramers lattice\", want \"kramers density\"");
    save_arrays("kind", "kramers density", KR_STORED_VERSION + 1);
    assert_refused("version 3 of density files, want 1..2");
    save_arrays("kind", "kramers density", KR_STORED_VERSION);
    assert_refused("row \"plug\" is missing");
    assert_int_equal(unlink(path), 0);
    assert_refused("cannot open");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused("no regular file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused("no regular file");
    assert_int_equal(unlink(path), 0);
}

/* ---- damage ------------------------------------------------------------------------------ */

static size_t read_file(unsigned char **data)
{
    struct stat info;
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(stat(path, &info), 0);
    *data = malloc((size_t)info.st_size);
    assert_int_equal(fread(*data, 1, (size_t)info.st_size, stream), info.st_size);
    fclose(stream);
    return (size_t)info.st_size;
}

/* In place: some file systems flush a file that is truncated to be written anew. */
static void write_file(const unsigned char *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, length, 0), length);
    assert_int_equal(ftruncate(fd, (off_t)length), 0);
    close(fd);
}

static unsigned char *small_file(size_t *length)
{
    unsigned char *data;
    net n = ising_net();
    save(&n, NULL);
    close_net(&n);
    *length = read_file(&data);
    return data;
}

static void no_truncation_is_taken(void **state)
{
    (void)state;
    size_t length;
    unsigned char *data = small_file(&length);
    for (size_t n = length; n-- > 0;) {
        kr_error err = { 0 };
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_null(kr_stored_load(path, &err));
        assert_int_equal(err.status, KR_EIO);
    }
    free(data);
}

static void no_changed_byte_is_taken(void **state)
{
    (void)state;
    size_t length;
    unsigned char *data = small_file(&length);
    kr_rng rng;
    kr_rng_seed(&rng, 20261127, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < 2000; k++) {
        kr_error err = { 0 };
        size_t at = kr_rng_below(&rng, (uint32_t)length);
        unsigned char change = (unsigned char)(1 + kr_rng_below(&rng, 255));
        data[at] ^= change;
        write_file(data, length);
        kr_stored *s = kr_stored_load(path, &err);
        if (s) {
            fail_msg("byte %zu changed by %u is taken", at, change);
        }
        data[at] ^= change;
    }
    free(data);
}

/* With a checksum that holds: refused, or else numbers that do no harm. */
static void no_forged_byte_does_harm(void **state)
{
    (void)state;
    size_t length, n_taken = 0, n_refused = 0;
    unsigned char *data = small_file(&length);
    net n = ising_net();
    kr_rng rng;
    kr_rng_seed(&rng, 20261128, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < 4000; k++) {
        kr_error err = { 0 };
        size_t at = kr_rng_below(&rng, (uint32_t)(length - 16));
        unsigned char change = (unsigned char)(1 + kr_rng_below(&rng, 255));
        data[at] ^= change;
        XXH128_hash_t hash = XXH3_128bits(data, length - 16);
        memcpy(data + length - 16, &hash.low64, 8); /* little endian hosts only */
        memcpy(data + length - 8, &hash.high64, 8);
        write_file(data, length);
        kr_stored *s = kr_stored_load(path, &err);
        bool is_taken = s &&
                        kr_stored_check(s, n.plug, n.params, n.system->terms, &err) == KR_OK &&
                        kr_stored_apply(s, n.plug, n.self, &err) == KR_OK;
        for (size_t w = 0; is_taken && w < s->n_weights; w++) {
            assert_true(isfinite(s->weights[w]));
        }
        assert_true(is_taken || (err.status != KR_OK && err.text[0] != '\0'));
        n_taken += is_taken;
        n_refused += !is_taken;
        kr_stored_free(s);
        data[at] ^= change;
    }
    assert_true(n_taken > 400 && n_refused > 400);
    close_net(&n);
    free(data);
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* Polynomials come back with what they are in, and become the weights of a point. */
static void polynomials_become_the_weights_of_a_point(void **state)
{
    (void)state;
    static char axes[] = "beta\nmodel.field\n";
    kr_error err = { 0 };
    kr_text fields = { 0 };
    const double from[2] = { 0.3, 0.0 }, to[2] = { 0.5, 1.0 };
    char name[KR_TEXT_MAX];
    net n = ising_net();
    kr_stored s = describe(&n, &fields);
    const size_t n_weights = s.n_weights;
    float *theta = kr_alloc(3 * n_weights, sizeof *theta, &err);
    assert_non_null(theta);
    for (size_t k = 0; k < 3 * n_weights; k++) {
        theta[k] = s.weights[k % n_weights] * (float)(1 + k / n_weights);
    }
    assert_ok(kr_scan_init(&s.scan, 1, 2, from, to, &err), &err);
    s.axes = axes;
    s.weights = theta;
    s.n_weights = 3 * n_weights;
    assert_ok(kr_stored_save(&s, path, &err), &err);
    kr_stored *back = kr_stored_load(path, &err);
    if (!back) {
        fail_msg("%s", err.text);
    }
    kr_stored_axis(back, 1, name, sizeof name);
    assert_string_equal(name, "model.field");
    assert_int_equal(back->scan.n_terms, 3);
    assert_int_not_equal(kr_stored_apply(back, n.plug, n.self, &err), KR_OK);
    /* the second term is that of the field: w (1 + 2 x_2 + 3 x_1) */
    assert_ok(kr_stored_fix(back, (const double[2]){ 0.5, 0.25 }, &err), &err);
    assert_int_equal(back->n_weights, n_weights);
    for (size_t k = 0; k < n_weights; k++) {
        assert_close((double)back->weights[k], 3.0 * (double)theta[k], 1e-6);
    }
    assert_ok(kr_stored_apply(back, n.plug, n.self, &err), &err);
    kr_stored_free(back);
    static char one[] = "beta\n"; /* two numbers, one name */
    s.axes = one;
    assert_ok(kr_stored_save(&s, path, &err), &err);
    assert_refused("make no sense");
    kr_free(theta);
    kr_text_clear(&fields);
    close_net(&n);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_loads_the_same),
        cmocka_unit_test(structure_is_of_pairs_not_of_couplings),
        cmocka_unit_test(misfits_are_told_with_key_and_values),
        cmocka_unit_test(fields_are_compared_as_a_whole),
        cmocka_unit_test(padding_that_is_not_zero_is_refused),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(polynomials_become_the_weights_of_a_point),
        cmocka_unit_test(files_of_another_kind_are_refused),
        cmocka_unit_test(no_truncation_is_taken),
        cmocka_unit_test(no_changed_byte_is_taken),
        cmocka_unit_test(no_forged_byte_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
