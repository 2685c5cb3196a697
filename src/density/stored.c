/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/stored.c - densities in files; stored.h says what they hold. */
#include "density/stored.h"

#include "base/field.h"
#include "base/memory.h"
#include "base/state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char kind[] = "kramers density";

static const char *const text_row[KR_STORED_TEXTS] = {
    "plug", "fields", "model", "model_fields", "lattice", "lattice_fields", "program",
};

/* ---- what weights depend on -------------------------------------------------------------- */

typedef struct digest {
    uint64_t value;
    unsigned char bytes[4096]; /* numbers in little endian, to be hashed together */
    size_t used;
} digest;

static void digest_add(digest *d, int64_t number)
{
    for (int k = 0; k < 8; k++) {
        d->bytes[d->used++] = (unsigned char)((uint64_t)number >> (8 * k));
    }
    if (d->used == sizeof d->bytes) {
        d->value = kr_state_hash(d->bytes, d->used, d->value);
        d->used = 0;
    }
}

uint64_t kr_stored_structure(const kr_terms *terms)
{
    digest d = { 0 };
    digest_add(&d, terms->n_sites);
    digest_add(&d, terms->is_pair);
    for (int32_t i = 0; terms->is_pair && i < terms->n_sites; i++) {
        digest_add(&d, -1); /* no site: a list ends here */
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            digest_add(&d, terms->neighbor[k]);
        }
    }
    const kr_quartic *field = terms->action ? terms->action->quartic : NULL;
    for (int32_t i = 0; field && i < terms->n_sites; i++) {
        digest_add(&d, -1);
        for (int64_t k = field->neighbor_begin[i]; k < field->neighbor_begin[i + 1]; k++) {
            digest_add(&d, field->neighbor[k]);
        }
    }
    for (int64_t t = 0; !terms->is_pair && t < terms->n_terms; t++) {
        digest_add(&d, -1);
        for (int64_t k = terms->term_begin[t]; k < terms->term_begin[t + 1]; k++) {
            digest_add(&d, terms->term_site[k]);
        }
    }
    return kr_state_hash(d.bytes, d.used, d.value);
}

static int add_field(const kr_field *field, const void *params, kr_text *text, kr_error *err)
{
    int length = kr_field_format(field, params, NULL, 0);
    if (length < 0) {
        return kr_fail(err, KR_EINVAL, "%s: a value no file can hold", field->name);
    }
    char *value = kr_alloc((size_t)length + 1, 1, err);
    if (!value) {
        return KR_ENOMEM;
    }
    kr_field_format(field, params, value, (size_t)length + 1);
    int status = kr_text_add(text, err, "%s: %s\n", field->name, value);
    kr_free(value);
    return status;
}

int kr_stored_write_fields(const kr_field *fields, const void *params, kr_text *text,
                           kr_error *err)
{
    KR_TRY(kr_text_add(text, err, "%s", "")); /* no fields: the empty text, not NULL */
    for (const kr_field *f = fields; f && f->name; f++) {
        KR_TRY(add_field(f, params, text, err));
    }
    return KR_OK;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A row of bytes as text; what is no text cannot be compared or shown. */
static char *read_text(const kr_arrays *file, const char *path, const char *row, kr_error *err)
{
    size_t n;
    char *bytes = kr_arrays_copy(file, row, KR_U8, &n, err);
    char *text = bytes ? kr_alloc(n + 1, 1, err) : NULL;
    bool is_text = true;
    for (size_t k = 0, size; text && is_text && k < n; k += size) {
        uint32_t code;
        size = kr_text_decode(bytes + k, n - k, &code);
        is_text = size > 0 && code != 0 && kr_text_is_printable(code);
    }
    if (text && !is_text) {
        kr_fail(err, KR_EIO, "%s: row \"%s\" is no text", path, row);
        kr_free(text);
        text = NULL;
    }
    if (text && n) {
        memcpy(text, bytes, n);
    }
    kr_free(bytes);
    return text;
}

/* A row that holds one number. */
static int read_number(const kr_arrays *file, const char *path, const char *row, kr_dtype dtype,
                       void *value, kr_error *err)
{
    size_t n;
    void *bytes = kr_arrays_copy(file, row, dtype, &n, err);
    int status = bytes ? KR_OK : err && err->status ? err->status : KR_EIO;
    if (bytes && n != 1) {
        status = kr_fail(err, KR_EMISMATCH, "%s: row \"%s\" holds %zu numbers, want 1", path,
                         row, n);
    } else if (bytes) {
        memcpy(value, bytes, kr_state_dtype_size(dtype));
    }
    kr_free(bytes);
    return status;
}

/* What the weights are polynomials in. */
static int read_scan(const kr_arrays *file, const char *path, kr_stored *s, kr_error *err)
{
    size_t n_from = 0, n_to = 0;
    int64_t degree = 0;
    int32_t n_lines = 0;
    kr_error why = { 0 };
    if (!kr_arrays_has(file, "scan_degree")) {
        return KR_OK;
    }
    KR_TRY(read_number(file, path, "scan_degree", KR_I64, &degree, err));
    s->axes = read_text(file, path, "scan_axes", err);
    double *from = s->axes ? kr_arrays_copy(file, "scan_from", KR_F64, &n_from, err) : NULL;
    double *to = from ? kr_arrays_copy(file, "scan_to", KR_F64, &n_to, err) : NULL;
    int status = to ? KR_OK : err && err->status ? err->status : KR_EIO;
    for (const char *c = s->axes; c && *c; c++) {
        n_lines += *c == '\n';
    }
    if (status == KR_OK &&
        (degree < 1 || degree > KR_SCAN_DEGREE_MAX || n_from < 1 || n_from != n_to ||
         n_from > KR_SCAN_AXES_MAX || n_from != (size_t)n_lines ||
         kr_scan_init(&s->scan, (int32_t)degree, (int32_t)n_from, from, to, &why) != KR_OK ||
         s->n_weights % (size_t)s->scan.n_terms != 0)) {
        status = kr_fail(err, KR_EMISMATCH,
                         "%s: polynomials of degree %" PRId64 " in %zu numbers make no sense",
                         path, degree, n_from);
    }
    kr_free(from);
    kr_free(to);
    return status;
}

/* Kind and version come first: what else is there depends on them. */
static int read_kind(const kr_arrays *file, const char *path, kr_error *err)
{
    int64_t version = 0;
    char seen[KR_CLIP_MAX];
    if (!kr_arrays_has(file, "kind")) {
        return kr_fail(err, KR_EMISMATCH, "%s: %s, want a density file", path,
                       kr_arrays_has(file, "run_file") ? "the restart file of a run"
                                                       : "no density file");
    }
    char *text = read_text(file, path, "kind", err);
    if (!text) {
        return KR_EIO;
    }
    bool is_density = strcmp(text, kind) == 0;
    kr_text_clip(seen, text);
    kr_free(text);
    if (!is_density) {
        return kr_fail(err, KR_EMISMATCH, "%s: kind \"%s\", want \"%s\"", path, seen, kind);
    }
    KR_TRY(read_number(file, path, "version", KR_I64, &version, err));
    if (version < 1 || version > KR_STORED_VERSION) {
        return kr_fail(err, KR_EMISMATCH, "%s: version %" PRId64 " of density files, want %s%d",
                       path, version, KR_STORED_VERSION > 1 ? "1.." : "", KR_STORED_VERSION);
    }
    return KR_OK;
}

static int check_numbers(const kr_stored *s, const char *path, kr_error *err)
{
    const struct {
        const char *name;
        double value;
        bool is_good;
    } row[] = {
        { "n_sites", (double)s->n_sites, s->n_sites >= 1 && s->n_sites <= INT32_MAX },
        { "q", (double)s->q, s->q == 0 || (s->q >= 2 && s->q <= KR_STATES_MAX) },
        { "beta", s->beta, isfinite(s->beta) },
        { "steps", (double)s->steps, s->steps >= 0 },
        { "flow_steps", (double)s->flow_steps, s->flow_steps >= 0 },
        { "work", s->work, isfinite(s->work) && s->work >= 0.0 },
        { "ess_q", s->ess_q, isnan(s->ess_q) || (s->ess_q >= 0.0 && s->ess_q <= 1.000001) },
        { "n_q", s->n_q, isnan(s->n_q) || (isfinite(s->n_q) && s->n_q >= 0.0) },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        if (!row[k].is_good) {
            return kr_fail(err, KR_EMISMATCH, "%s: %s = %g makes no sense", path, row[k].name,
                           row[k].value);
        }
    }
    for (size_t k = 0; k < s->n_weights; k++) {
        if (!isfinite(s->weights[k])) {
            return kr_fail(err, KR_EMISMATCH,
                           "%s: weight %zu of %zu is %g, want finite numbers", path, k,
                           s->n_weights, (double)s->weights[k]);
        }
    }
    return KR_OK;
}

static int read_rows(const kr_arrays *file, const char *path, kr_stored *s, kr_error *err)
{
    KR_TRY(read_kind(file, path, err));
    for (int k = 0; k < KR_STORED_TEXTS; k++) {
        s->text[k] = read_text(file, path, text_row[k], err);
        if (!s->text[k]) {
            return err && err->status ? err->status : KR_EIO;
        }
    }
    KR_TRY(read_number(file, path, "n_sites", KR_I64, &s->n_sites, err));
    KR_TRY(read_number(file, path, "q", KR_I64, &s->q, err));
    KR_TRY(read_number(file, path, "structure", KR_U64, &s->structure, err));
    KR_TRY(read_number(file, path, "beta", KR_F64, &s->beta, err));
    KR_TRY(read_number(file, path, "steps", KR_I64, &s->steps, err));
    KR_TRY(read_number(file, path, "work", KR_F64, &s->work, err));
    KR_TRY(read_number(file, path, "ess_q", KR_F64, &s->ess_q, err));
    KR_TRY(read_number(file, path, "n_q", KR_F64, &s->n_q, err));
    if (kr_arrays_has(file, "flow_steps")) {
        KR_TRY(read_number(file, path, "flow_steps", KR_I64, &s->flow_steps, err));
    }
    s->weights = kr_arrays_copy(file, "weights", KR_F32, &s->n_weights, err);
    if (!s->weights) {
        return err && err->status ? err->status : KR_EIO;
    }
    if (kr_arrays_has(file, "networks")) {
        s->networks = kr_arrays_copy(file, "networks", KR_I64, &s->n_networks, err);
        if (!s->networks) {
            return err && err->status ? err->status : KR_EIO;
        }
    }
    KR_TRY(read_scan(file, path, s, err));
    return check_numbers(s, path, err);
}

kr_stored *kr_stored_load(const char *path, kr_error *err)
{
    kr_error inner = { 0 };
    kr_arrays *file = kr_arrays_open(path, &inner);
    kr_stored *s = file ? kr_alloc(1, sizeof *s, &inner) : NULL;
    if (s) {
        s->path = kr_alloc(strlen(path) + 1, 1, &inner);
    }
    if (!s || !s->path || read_rows(file, path, s, &inner) != KR_OK) {
        kr_stored_free(s);
        s = NULL;
        kr_fail(err, inner.status, "%s", inner.text);
    } else {
        memcpy(s->path, path, strlen(path) + 1);
    }
    kr_arrays_close(file);
    return s;
}

void kr_stored_free(kr_stored *s)
{
    if (s) {
        kr_free(s->networks);
        kr_free(s->axes);
        for (int k = 0; k < KR_STORED_TEXTS; k++) {
            kr_free(s->text[k]);
        }
        kr_free(s->path);
        kr_free(s->weights);
        kr_free(s);
    }
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Rows borrow, and saving does not write to them. */
static int add_row(kr_state *table, const char *name, kr_dtype dtype, size_t n,
                   const void *data, kr_error *err)
{
    return kr_state_add(table, name, dtype, n, (void *)(uintptr_t)data, err);
}

static int declare(kr_state *table, const kr_stored *s, const int64_t *version,
                   const int64_t *degree, kr_error *err)
{
    KR_TRY(add_row(table, "kind", KR_U8, sizeof kind - 1, kind, err));
    KR_TRY(add_row(table, "version", KR_I64, 1, version, err));
    for (int k = 0; k < KR_STORED_TEXTS; k++) {
        KR_TRY(add_row(table, text_row[k], KR_U8, strlen(s->text[k]), s->text[k], err));
    }
    KR_TRY(add_row(table, "n_sites", KR_I64, 1, &s->n_sites, err));
    KR_TRY(add_row(table, "q", KR_I64, 1, &s->q, err));
    KR_TRY(add_row(table, "structure", KR_U64, 1, &s->structure, err));
    KR_TRY(add_row(table, "beta", KR_F64, 1, &s->beta, err));
    KR_TRY(add_row(table, "steps", KR_I64, 1, &s->steps, err));
    KR_TRY(add_row(table, "work", KR_F64, 1, &s->work, err));
    KR_TRY(add_row(table, "ess_q", KR_F64, 1, &s->ess_q, err));
    KR_TRY(add_row(table, "n_q", KR_F64, 1, &s->n_q, err));
    if (s->flow_steps > 0) {
        KR_TRY(add_row(table, "flow_steps", KR_I64, 1, &s->flow_steps, err));
    }
    if (s->n_networks > 0) {
        KR_TRY(add_row(table, "networks", KR_I64, s->n_networks, s->networks, err));
    }
    if (s->scan.degree > 0) {
        const size_t n = (size_t)s->scan.n_axes;
        KR_TRY(add_row(table, "scan_axes", KR_U8, strlen(s->axes), s->axes, err));
        KR_TRY(add_row(table, "scan_degree", KR_I64, 1, degree, err));
        KR_TRY(add_row(table, "scan_from", KR_F64, n, s->scan.from, err));
        KR_TRY(add_row(table, "scan_to", KR_F64, n, s->scan.to, err));
    }
    return add_row(table, "weights", KR_F32, s->n_weights, s->weights, err);
}

int kr_stored_save(const kr_stored *s, const char *path, kr_error *err)
{
    const int64_t version = s->scan.degree > 0 ? KR_STORED_VERSION : 1, degree = s->scan.degree;
    kr_state *table = kr_state_alloc(err);
    if (!table) {
        return KR_ENOMEM;
    }
    int status = declare(table, s, &version, &degree, err);
    if (status == KR_OK) {
        status = kr_state_save(table, path, NULL, err);
    }
    kr_state_free(table);
    return status;
}

/* ---- polynomials -------------------------------------------------------------------------
 */

int kr_stored_fix(kr_stored *s, const double *at, kr_error *err)
{
    float value[KR_SCAN_TERMS_MAX];
    const size_t n = s->n_weights / (size_t)s->scan.n_terms;
    float *weights = kr_alloc(n, sizeof *weights, err);
    if (!weights) {
        return KR_ENOMEM;
    }
    kr_scan_values(&s->scan, at, value);
    kr_scan_weights(&s->scan, value, s->weights, n, weights);
    kr_free(s->weights);
    s->weights = weights;
    s->n_weights = n;
    s->scan.degree = 0;
    return KR_OK;
}

void kr_stored_axis(const kr_stored *s, int32_t a, char *path, size_t size)
{
    const char *line = s->axes;
    for (int32_t k = 0; k < a; k++) {
        line = strchr(line, '\n') + 1;
    }
    snprintf(path, size, "%.*s", (int)strcspn(line, "\n"), line);
}

/* ---- do the weights fit? ----------------------------------------------------------------- */

/* Value in the line "name: value" of fields, with its length; NULL when there is none. */
static const char *find_field(const char *fields, const char *name, size_t *length)
{
    size_t n = strlen(name);
    for (const char *line = fields; *line;) {
        size_t size = strcspn(line, "\n");
        if (size > n + 1 && strncmp(line, name, n) == 0 && line[n] == ':' &&
            line[n + 1] == ' ') {
            *length = size - n - 2;
            return line + n + 2;
        }
        line += size + (line[size] == '\n');
    }
    return NULL;
}

static int check_field(const kr_stored *s, const kr_field *field, const void *params,
                       kr_error *err)
{
    kr_text want = { 0 };
    char seen[KR_CLIP_MAX], wanted[KR_CLIP_MAX], value[KR_TEXT_MAX];
    size_t n = 0, skip = strlen(field->name) + 2;
    KR_TRY(add_field(field, params, &want, err));
    const char *have = find_field(s->text[KR_STORED_FIELDS], field->name, &n);
    bool is_same =
        have && n + skip + 1 == want.length && strncmp(have, want.data + skip, n) == 0;
    want.data[want.length - 1] = '\0'; /* its line break */
    kr_text_clip(wanted, want.data + skip);
    kr_text_clear(&want);
    if (is_same) {
        return KR_OK;
    }
    snprintf(value, sizeof value, "%.*s", (int)n, have ? have : "");
    return have ? kr_fail(err, KR_EMISMATCH, "%s = %s, want %s", field->name,
                          kr_text_clip(seen, value), wanted)
                : kr_fail(err, KR_EMISMATCH, "%s is missing, want %s", field->name, wanted);
}

int kr_stored_check(const kr_stored *s, const kr_density_plug *plug, const void *params,
                    const kr_terms *terms, kr_error *err)
{
    char seen[KR_CLIP_MAX];
    if (strcmp(s->text[KR_STORED_PLUG], plug->name) != 0) {
        return kr_fail(err, KR_EMISMATCH, "density %s, want %s",
                       kr_text_clip(seen, s->text[KR_STORED_PLUG]), plug->name);
    }
    for (const kr_field *f = plug->fields; f && f->name; f++) {
        KR_TRY(check_field(s, f, params, err));
    }
    if (s->q != terms->q) {
        return kr_fail(err, KR_EMISMATCH, "q = %" PRId64 ", want %d", s->q, terms->q);
    }
    if (plug->adopt && s->n_networks > 0) {
        return KR_OK; /* kr_stored_grow has the last word where the lattice is another one */
    }
    if (s->n_sites != terms->n_sites) {
        return kr_fail(err, KR_EMISMATCH,
                       "n_sites = %" PRId64 ", want %d (no shared networks are in the file)",
                       s->n_sites, terms->n_sites);
    }
    uint64_t structure = kr_stored_structure(terms);
    if (s->structure != structure) {
        return kr_fail(err, KR_EMISMATCH,
                       "structure = %016" PRIx64 ", want %016" PRIx64
                       ": other pairs of sites are coupled there",
                       s->structure, structure);
    }
    return KR_OK;
}

int kr_stored_apply(const kr_stored *s, const kr_density_plug *plug, void *self, kr_error *err)
{
    size_t n = plug->n_weights(self);
    if (s->n_weights != n) {
        return kr_fail(err, KR_EMISMATCH,
                       "n_weights = %zu, want %zu (states that a field tells apart, and those "
                       "that none does, have networks of their own)",
                       s->n_weights, n);
    }
    for (size_t k = 0; plug->is_padding && k < n; k++) {
        if (s->weights[k] != 0.0f && plug->is_padding(self, k)) {
            return kr_fail(err, KR_EMISMATCH, "weight %zu is padding and %g, want 0", k,
                           (double)s->weights[k]);
        }
    }
    memcpy(plug->weights(self), s->weights, n * sizeof *s->weights);
    return KR_OK;
}

bool kr_stored_is_same(const kr_stored *s, const kr_terms *terms)
{
    return s->n_sites == terms->n_sites && s->structure == kr_stored_structure(terms);
}

int kr_stored_grow(const kr_stored *s, const kr_density_plug *plug, void *self,
                   kr_adopted *count, kr_error *err)
{
    return plug->adopt(self, s->networks, s->n_networks, s->weights, s->n_weights, count, err);
}
