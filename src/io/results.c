/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/results.c - schema and buffers of a result set; write.c puts them into files. */
#include "io/results.h"

#include "base/memory.h"
#include "io/h5.h"
#include "io/schema.h"

#include <string.h>

#define IMAGE_BYTES ((size_t)256 << 20)

static char *copy_text(const char *text, kr_error *err)
{
    size_t size = strlen(text) + 1;
    char *copy = kr_alloc(size, 1, err);
    if (copy) {
        memcpy(copy, text, size);
    }
    return copy;
}

/* Room for one more element in an array of *n; grows by powers of two. */
static int reserve(void **array, int n, size_t size, kr_error *err)
{
    if (n == 0 || (n & (n - 1)) == 0) {
        void *grown = kr_grow(*array, (size_t)n, n ? 2 * (size_t)n : 1, size, err);
        if (!grown) {
            return KR_ENOMEM;
        }
        *array = grown;
    }
    return KR_OK;
}

kr_results *kr_results_alloc(kr_error *err)
{
    kr_results *r = kr_alloc(1, sizeof *r, err);
    if (!r) {
        return NULL;
    }
    r->image_bytes = IMAGE_BYTES;
    r->groups = kr_alloc(1, sizeof *r->groups, err);
    if (!r->groups || !(r->groups[0] = copy_text("", err))) {
        kr_results_free(r);
        return NULL;
    }
    r->n_groups = 1;
    return r;
}

void kr_results_free(kr_results *r)
{
    if (!r) {
        return;
    }
    for (int a = 0; a < r->n_attrs; a++) {
        kr_free(r->attrs[a].variable);
        kr_free(r->attrs[a].name);
        kr_free(r->attrs[a].text);
    }
    for (int v = 0; v < r->n_variables; v++) {
        kr_free(r->variables[v].name);
        kr_free(r->variables[v].data);
    }
    for (int d = 0; d < r->n_dims; d++) {
        kr_free(r->dims[d].name);
        kr_free(r->dims[d].values);
    }
    for (int g = 0; g < r->n_groups; g++) {
        kr_free(r->groups[g]);
    }
    kr_free(r->attrs);
    kr_free(r->variables);
    kr_free(r->dims);
    kr_free(r->groups);
    kr_free(r);
}

void kr_results_skip_cleanup(void)
{
    H5dont_atexit();
}

void kr_results_image_limit(kr_results *r, size_t bytes)
{
    r->image_bytes = bytes;
}

static int check_word(const char *what, const char *word, const char *also, kr_error *err)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    bool is_word = word[0] != '\0' && !(word[0] >= '0' && word[0] <= '9');
    for (const char *c = word; *c; c++) {
        is_word = is_word && (strchr(letters, *c) || strchr(also, *c));
    }
    return is_word ? KR_OK
                   : kr_fail(err, KR_EINVAL,
                             "results: %s name '%s', want a word of letters, digits and '_'",
                             what, word);
}

static int find_group(const kr_results *r, const char *group)
{
    for (int g = 0; g < r->n_groups; g++) {
        if (strcmp(r->groups[g], group) == 0) {
            return g;
        }
    }
    return -1;
}

/* Index of the group, made when new. */
static int need_group(kr_results *r, const char *group, int *index, kr_error *err)
{
    *index = find_group(r, group);
    if (*index >= 0) {
        return KR_OK;
    }
    KR_TRY(check_word("group", group, "", err));
    KR_TRY(reserve((void **)&r->groups, r->n_groups, sizeof *r->groups, err));
    char *copy = copy_text(group, err);
    if (!copy) {
        return KR_ENOMEM;
    }
    *index = r->n_groups;
    r->groups[r->n_groups++] = copy;
    return KR_OK;
}

int kr_results_find_dim(const kr_results *r, int group, const char *name, size_t length)
{
    for (int d = 0; d < r->n_dims; d++) {
        const char *have = r->dims[d].name;
        if (r->dims[d].group == group && strlen(have) == length &&
            memcmp(have, name, length) == 0) {
            return d;
        }
    }
    return -1;
}

int kr_results_find(const kr_results *r, int group, const char *name)
{
    for (int v = 0; v < r->n_variables; v++) {
        if (r->variables[v].group == group && strcmp(r->variables[v].name, name) == 0) {
            return v;
        }
    }
    return -1;
}

int kr_results_dim(kr_results *r, const char *group, const char *dim, int64_t length,
                   const double *values, kr_error *err)
{
    int g;
    KR_TRY(check_word("dim", dim, "", err));
    KR_TRY(need_group(r, group, &g, err));
    if (g == 0) {
        return kr_fail(err, KR_EINVAL, "results: dim %s in the root, want it in a group", dim);
    }
    if (kr_results_find_dim(r, g, dim, strlen(dim)) >= 0 || kr_results_find(r, g, dim) >= 0) {
        return kr_fail(err, KR_EINVAL, "results: %s/%s declared twice", group, dim);
    }
    if (length < 0 || (length == 0 && values)) {
        return kr_fail(err, KR_EINVAL, "results: dim %s/%s has length %lld%s, want >= 1", group,
                       dim, (long long)length, values ? " and values" : "");
    }
    KR_TRY(reserve((void **)&r->dims, r->n_dims, sizeof *r->dims, err));
    kr_result_dim made = { .group = g, .length = length, .variable = -1 };
    made.name = copy_text(dim, err);
    if (values) {
        made.values = kr_alloc((size_t)length, sizeof *values, err);
    }
    if (!made.name || (values && !made.values)) {
        kr_free(made.name);
        kr_free(made.values);
        return KR_ENOMEM;
    }
    if (values) {
        memcpy(made.values, values, (size_t)length * sizeof *values);
    }
    r->dims[r->n_dims++] = made;
    return KR_OK;
}

int kr_results_continue(kr_results *r, const char *group, const char *dim, int64_t start,
                        kr_error *err)
{
    int g = find_group(r, group), d = g < 0 ? -1 : kr_results_find_dim(r, g, dim, strlen(dim));
    if (d < 0 || r->dims[d].length != 0 || start < 0) {
        return kr_fail(err, KR_EINVAL, "results: %s/%s from %lld, want a growing dim and >= 0",
                       group, dim, (long long)start);
    }
    r->dims[d].start = start;
    return KR_OK;
}

/* Fills n_dims, dim, axis, outer, inner, slab_bytes from the names. */
static int parse_dims(const kr_results *r, const char *dims, kr_result_variable *v,
                      kr_error *err)
{
    size_t count[2] = { 1, 1 }; /* before and after the growing axis */
    v->axis = -1;
    for (const char *c = dims + strspn(dims, " "); *c; c += strspn(c, " ")) {
        size_t length = strcspn(c, " ");
        int d = kr_results_find_dim(r, v->group, c, length);
        if (d < 0 || v->n_dims == KR_DIMS_MAX) {
            return kr_fail(err, KR_EINVAL, "results: %s/%s on dims '%s': %.*s is %s",
                           r->groups[v->group], v->name, dims, (int)length, c,
                           d < 0 ? "not a dim of the group" : "one too many");
        }
        for (int k = 0; k < v->n_dims; k++) {
            if (v->dim[k] == d || (r->dims[v->dim[k]].length == 0 && r->dims[d].length == 0)) {
                return kr_fail(err, KR_EINVAL,
                               "results: %s/%s on dims '%s', want each once and one growing",
                               r->groups[v->group], v->name, dims);
            }
        }
        size_t extent = (size_t)r->dims[d].length, *product = &count[v->axis >= 0];
        if (extent == 0) {
            v->axis = v->n_dims;
        } else if (*product > (SIZE_MAX >> 20) / extent) {
            return kr_fail(err, KR_ERANGE, "results: %s/%s does not fit an address space",
                           r->groups[v->group], v->name);
        } else {
            *product *= extent;
        }
        v->dim[v->n_dims++] = d;
        c += length;
    }
    v->outer = count[0];
    v->inner = count[1];
    if (v->outer > (SIZE_MAX >> 20) / v->inner) {
        return kr_fail(err, KR_ERANGE, "results: %s/%s does not fit an address space",
                       r->groups[v->group], v->name);
    }
    v->slab_bytes = v->outer * v->inner * kr_h5_size(v->dtype);
    return KR_OK;
}

/* Name and dims into a variable whose group and dtype are set. */
static int fill_variable(kr_results *r, const char *name, const char *dims,
                         kr_result_variable *v, kr_error *err)
{
    v->name = copy_text(name, err);
    if (!v->name) {
        return KR_ENOMEM;
    }
    KR_TRY(parse_dims(r, dims, v, err));
    int d = kr_results_find_dim(r, v->group, name, strlen(name));
    if (kr_results_find(r, v->group, name) >= 0 || (d >= 0 && r->dims[d].values)) {
        return kr_fail(err, KR_EINVAL, "results: %s/%s declared twice", r->groups[v->group],
                       name);
    }
    if (d >= 0 && (v->n_dims != 1 || v->dim[0] != d)) {
        return kr_fail(err, KR_EINVAL,
                       "results: %s/%s on dims '%s' bears the name of a dim, want dims '%s'",
                       r->groups[v->group], name, dims, name);
    }
    return reserve((void **)&r->variables, r->n_variables, sizeof *r->variables, err);
}

int kr_results_variable(kr_results *r, const char *group, const char *name, kr_dtype dtype,
                        const char *dims, const char *unit, const char *doc, int *index,
                        kr_error *err)
{
    kr_result_variable made = { .dtype = dtype };
    KR_TRY(check_word("variable", name, "", err));
    KR_TRY(need_group(r, group, &made.group, err));
    int status = fill_variable(r, name, dims, &made, err);
    if (status != KR_OK) {
        kr_free(made.name);
        return status;
    }
    int d = kr_results_find_dim(r, made.group, name, strlen(name));
    if (d >= 0) {
        r->dims[d].variable = r->n_variables;
    }
    if (index) {
        *index = r->n_variables;
    }
    r->variables[r->n_variables++] = made;
    if (unit && unit[0]) {
        KR_TRY(kr_results_attr_text(r, group, name, "units", unit, err));
    }
    if (doc && doc[0]) {
        KR_TRY(kr_results_attr_text(r, group, name, "long_name", doc, err));
    }
    return KR_OK;
}

/* The attribute, made when new, with neither text nor number yet. */
static int need_attr(kr_results *r, const char *group, const char *variable, const char *name,
                     kr_result_attr **attr, kr_error *err)
{
    int g;
    KR_TRY(check_word("attribute", name, ".", err));
    KR_TRY(need_group(r, group, &g, err));
    if (variable[0] && kr_results_find(r, g, variable) < 0 &&
        kr_results_find_dim(r, g, variable, strlen(variable)) < 0) {
        return kr_fail(err, KR_EINVAL, "results: attribute %s of %s/%s, want it declared first",
                       name, group, variable);
    }
    for (int a = 0; a < r->n_attrs; a++) {
        *attr = &r->attrs[a];
        if ((*attr)->group == g && strcmp((*attr)->variable, variable) == 0 &&
            strcmp((*attr)->name, name) == 0) {
            return KR_OK;
        }
    }
    KR_TRY(reserve((void **)&r->attrs, r->n_attrs, sizeof *r->attrs, err));
    kr_result_attr made = { .group = g };
    made.variable = copy_text(variable, err);
    made.name = copy_text(name, err);
    if (!made.variable || !made.name) {
        kr_free(made.variable);
        kr_free(made.name);
        return KR_ENOMEM;
    }
    *attr = &r->attrs[r->n_attrs++];
    **attr = made;
    return KR_OK;
}

int kr_results_attr_text(kr_results *r, const char *group, const char *variable,
                         const char *name, const char *value, kr_error *err)
{
    char *copy = copy_text(value, err);
    if (!copy) {
        return KR_ENOMEM;
    }
    kr_result_attr *attr;
    int status = need_attr(r, group, variable, name, &attr, err);
    if (status != KR_OK) {
        kr_free(copy);
        return status;
    }
    kr_free(attr->text);
    attr->text = copy;
    return KR_OK;
}

int kr_results_attr_real(kr_results *r, const char *group, const char *variable,
                         const char *name, double value, kr_error *err)
{
    kr_result_attr *attr;
    KR_TRY(need_attr(r, group, variable, name, &attr, err));
    kr_free(attr->text);
    attr->text = NULL;
    attr->real = value;
    return KR_OK;
}

static int check_index(const kr_results *r, int index, bool growing, kr_error *err)
{
    if (index < 0 || index >= r->n_variables) {
        return kr_fail(err, KR_EINVAL, "results: variable %d, want 0..%d", index,
                       r->n_variables - 1);
    }
    const kr_result_variable *v = &r->variables[index];
    if ((v->axis >= 0) != growing) {
        return kr_fail(err, KR_EINVAL, "results: %s/%s %s a growing dim, want it %s",
                       r->groups[v->group], v->name, growing ? "lacks" : "has",
                       growing ? "put" : "appended");
    }
    return KR_OK;
}

/* Room for one more slab. */
static int reserve_slab(kr_result_variable *v, kr_error *err)
{
    if (v->n < v->capacity) {
        return KR_OK;
    }
    size_t capacity = v->capacity + v->capacity / 2 + 1;
    if (v->slab_bytes > SIZE_MAX / 2 / capacity) {
        return kr_fail(err, KR_ENOMEM, "results: buffer of %s does not fit an address space",
                       v->name);
    }
    unsigned char *grown =
        kr_grow(v->data, v->n * v->slab_bytes, capacity * v->slab_bytes, 1, err);
    if (!grown) {
        return KR_ENOMEM;
    }
    v->data = grown;
    v->capacity = capacity;
    return KR_OK;
}

int kr_results_put(kr_results *r, int index, const void *values, kr_error *err)
{
    KR_TRY(check_index(r, index, false, err));
    kr_result_variable *v = &r->variables[index];
    v->n = 0;
    KR_TRY(reserve_slab(v, err));
    memcpy(v->data, values, v->slab_bytes);
    v->n = 1;
    return KR_OK;
}

int kr_results_append(kr_results *r, int index, const void *slab, kr_error *err)
{
    KR_TRY(check_index(r, index, true, err));
    kr_result_variable *v = &r->variables[index];
    KR_TRY(reserve_slab(v, err));
    memcpy(v->data + v->n * v->slab_bytes, slab, v->slab_bytes);
    v->n++;
    return KR_OK;
}

int64_t kr_results_buffered(const kr_results *r, int index)
{
    bool grows = index >= 0 && index < r->n_variables && r->variables[index].axis >= 0;
    return grows ? (int64_t)r->variables[index].n : 0;
}

size_t kr_results_buffered_bytes(const kr_results *r)
{
    size_t bytes = 0;
    for (int v = 0; v < r->n_variables; v++) {
        bytes += r->variables[v].axis >= 0 ? r->variables[v].n * r->variables[v].slab_bytes : 0;
    }
    return bytes;
}
