/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/frontier_grow.c - networks described without the size of the lattice, and taken over
 * from a density of another lattice.
 *
 * Networks that sites share are told apart by keys (frontier_plan.h) that do not depend on the
 * size of the lattice, so most networks of a small lattice are wanted on a large one too. Where
 * the large one has a pattern or a level that the small one lacks, it begins with the network
 * of the most similar key: near a critical point levels look alike (scale invariance), and
 * networks of seams or of other fields differ little from their neighbors. */
#include "density/frontier.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    VERSION = 1,
    HEADER = 8, /* version, form, q, hidden, dim, open directions, networks, numbers in all */
};

/* Differences of keys, in units of one input that only one of two networks has. */
#define LEVEL_COST     0.5
#define COUPLINGS_COST 1.0

typedef struct record { /* a network in a table */
    int64_t level, bonds, couplings, n_inputs;
    const int64_t *ends, *local, *code;
    size_t begin; /* its first weight */
} record;

typedef struct list {
    record *item; /* (n) owns */
    size_t n, n_ends, q, n_weights;
} list;

static void write_header(const kr_frontier *self, int64_t out[HEADER])
{
    const int64_t header[HEADER] = {
        VERSION,        self->form,      self->q,           self->hidden,
        self->plan.dim, self->plan.open, self->plan.n_nets, HEADER + (int64_t)self->plan.n_key,
    };
    memcpy(out, header, sizeof header);
}

size_t kr_frontier_networks(const void *object, int64_t *out)
{
    const kr_frontier *self = object;
    if (!self->plan.key) {
        return 0;
    }
    if (out) {
        write_header(self, out);
        memcpy(out + HEADER, self->plan.key, self->plan.n_key * sizeof *out);
    }
    return HEADER + self->plan.n_key;
}

/* ---- reading a table ----------------------------------------------------------------------
 */

/* "0, 2" for the bits of a mask, "none" without any. */
static const char *directions(int64_t mask, char text[64])
{
    size_t n = 0;
    snprintf(text, 64, "none");
    for (int d = 0; d < 8; d++) {
        if (mask >> d & 1) {
            n += (size_t)snprintf(text + n, 64 - n, "%s%d", n ? ", " : "", d);
        }
    }
    return text;
}

/* What both tables must agree in. */
static int check_header(const kr_frontier *self, const int64_t *table, size_t n, kr_error *err)
{
    static const char *const name[] = { "version", "form", "q", "hidden", "dimensions" };
    int64_t want[HEADER];
    char seen[64], wanted[64];
    write_header(self, want);
    if (n < HEADER || table[HEADER - 1] != (int64_t)n || table[6] < 1 ||
        table[6] > (int64_t)n) {
        return kr_fail(err, KR_EMISMATCH, "table of networks: %zu numbers, want %lld", n,
                       n < HEADER ? (long long)HEADER : (long long)table[HEADER - 1]);
    }
    for (int k = 0; k < 5; k++) {
        if (table[k] != want[k]) {
            return kr_fail(err, KR_EMISMATCH, "networks for %s %lld, want %lld", name[k],
                           (long long)table[k], (long long)want[k]);
        }
    }
    if (table[5] != want[5]) {
        return kr_fail(err, KR_EMISMATCH,
                       "networks for open boundaries in directions: %s, want: %s",
                       directions(table[5], seen), directions(want[5], wanted));
    }
    return KR_OK;
}

static bool is_record(const record *r, const list *l)
{
    bool is_good = r->level >= 0 && r->level < 32;
    for (size_t k = 0; k < l->n_ends; k++) {
        is_good = is_good && r->ends[k] >= 0;
    }
    for (size_t a = 0; a < l->q; a++) {
        double x;
        memcpy(&x, r->local + a, sizeof x);
        is_good = is_good && isfinite(x);
    }
    for (int64_t k = 1; is_good && k < r->n_inputs; k++) {
        is_good = r->code[k - 1] < r->code[k];
    }
    return is_good;
}

/* The next record of a table; false when there is none or it makes no sense. */
static bool read_record(const int64_t **next, const int64_t *end, const list *l, record *r)
{
    const size_t head = 4 + l->n_ends + l->q;
    const int64_t *at = *next;
    if ((size_t)(end - at) < head) {
        return false;
    }
    r->level = at[0];
    r->ends = at + 1;
    r->bonds = at[1 + l->n_ends];
    r->couplings = at[2 + l->n_ends];
    r->local = at + 3 + l->n_ends;
    r->n_inputs = at[head - 1];
    r->code = at + head;
    if (r->n_inputs < 0 || r->n_inputs > end - r->code) {
        return false;
    }
    *next = r->code + r->n_inputs;
    return is_record(r, l);
}

/* Fills l from a table whose header is good. */
static int read_list(const kr_frontier *self, const int64_t *table, list *l, kr_error *err)
{
    const int64_t *next = table + HEADER, *end = table + table[HEADER - 1];
    l->n = (size_t)table[6];
    l->n_ends = 2 * (size_t)__builtin_popcountll((unsigned long long)table[5]);
    l->q = (size_t)self->q;
    l->n_weights = 0;
    l->item = kr_alloc(l->n, sizeof *l->item, err);
    if (!l->item) {
        return KR_ENOMEM;
    }
    for (size_t k = 0; k < l->n; k++) {
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        if (!read_record(&next, end, l, l->item + k)) {
            return kr_fail(err, KR_EMISMATCH,
                           "table of networks: network %zu of %zu makes no sense", k, l->n);
        }
        l->item[k].begin = l->n_weights;
        kr_frontier_net_arrays(self, (size_t)l->item[k].n_inputs, l->n_weights, array,
                               &l->n_weights);
    }
    return next == end ? KR_OK
                       : kr_fail(err, KR_EMISMATCH,
                                 "table of networks: %lld numbers after the last network",
                                 (long long)(end - next));
}

/* ---- likeness -----------------------------------------------------------------------------
 */

static int64_t count_common(const record *a, const record *b)
{
    int64_t n = 0, i = 0, j = 0;
    while (i < a->n_inputs && j < b->n_inputs) {
        n += a->code[i] == b->code[j];
        const bool is_behind = a->code[i] <= b->code[j];
        j += a->code[i] >= b->code[j];
        i += is_behind;
    }
    return n;
}

static bool is_same(const list *l, const record *a, const record *b)
{
    return a->level == b->level && a->bonds == b->bonds && a->couplings == b->couplings &&
           a->n_inputs == b->n_inputs &&
           memcmp(a->ends, b->ends, l->n_ends * sizeof *a->ends) == 0 &&
           memcmp(a->local, b->local, l->q * sizeof *a->local) == 0 &&
           memcmp(a->code, b->code, (size_t)a->n_inputs * sizeof *a->code) == 0;
}

/* Without the inputs: 0 when all else is the same. Other bonds are no likeness; nor is the
 * finest level one of the others, where no bond leads to a site drawn before. */
static double distance(const list *l, const record *a, const record *b)
{
    double sum = 0.0, field = 0.0;
    if (a->bonds != b->bonds || (a->level == 0) != (b->level == 0)) {
        return INFINITY;
    }
    for (size_t k = 0; k < l->n_ends; k++) {
        sum += fabs((double)a->ends[k] - (double)b->ends[k]);
    }
    for (size_t s = 0; s < l->q; s++) {
        double x, y;
        memcpy(&x, a->local + s, sizeof x);
        memcpy(&y, b->local + s, sizeof y);
        field += fabs(x - y);
    }
    return sum + field / (1.0 + field) + (a->couplings == b->couplings ? 0.0 : COUPLINGS_COST) +
           LEVEL_COST * fabs((double)a->level - (double)b->level);
}

/* The network of the list most like r, NULL when none has an input in common. */
static const record *find_nearest(const list *l, const record *r)
{
    const record *best = NULL;
    double least = INFINITY;
    for (size_t k = 0; k < l->n; k++) {
        const record *other = l->item + k;
        double cost = distance(l, r, other);
        if (cost + fabs((double)r->n_inputs - (double)other->n_inputs) >= least) {
            continue;
        }
        const int64_t n_common = count_common(r, other);
        cost += (double)(r->n_inputs + other->n_inputs - 2 * n_common);
        if (cost < least && (n_common > 0 || r->n_inputs == 0)) {
            best = other;
            least = cost;
        }
    }
    return best;
}

/* ---- copying ------------------------------------------------------------------------------
 */

static void copy_rows(const kr_frontier_array *to, size_t row, const kr_frontier_array *from,
                      size_t from_row, size_t n_rows, float *weights, const float *source)
{
    for (size_t k = 0; k < n_rows; k++) {
        memcpy(weights + to->begin + (row + k) * to->pitch,
               source + from->begin + (from_row + k) * from->pitch,
               to->columns * sizeof *weights);
    }
}

static void copy_column(const kr_frontier_array *to, size_t column,
                        const kr_frontier_array *from, size_t from_column, float *weights,
                        const float *source)
{
    for (size_t r = 0; r < to->rows; r++) {
        weights[to->begin + r * to->pitch + column] =
            source[from->begin + r * from->pitch + from_column];
    }
}

/* Weights of the inputs: a column each for two states, else n_rows rows each. */
static void copy_inputs(const kr_frontier *self, const record *r, const kr_frontier_array *to,
                        const record *other, const kr_frontier_array *from, const float *source)
{
    const size_t n_rows = self->form == KR_FRONTIER_STATES ? (size_t)self->q : 1;
    const bool in_columns = self->q == 2;
    for (size_t k = 0; k < to->rows; k++) {
        memset(self->weights + to->begin + k * to->pitch, 0,
               to->columns * sizeof *self->weights);
    }
    for (int64_t i = 0, j = 0; i < r->n_inputs && j < other->n_inputs;) {
        if (r->code[i] == other->code[j] && in_columns) {
            copy_column(to, (size_t)i, from, (size_t)j, self->weights, source);
        } else if (r->code[i] == other->code[j]) {
            copy_rows(to, (size_t)i * n_rows, from, (size_t)j * n_rows, n_rows, self->weights,
                      source);
        }
        const bool is_behind = r->code[i] <= other->code[j];
        j += r->code[i] >= other->code[j];
        i += is_behind;
    }
    if (self->form == KR_FRONTIER_BIASED) {
        copy_column(to, (size_t)r->n_inputs, from, (size_t)other->n_inputs, self->weights,
                    source);
    }
}

static void copy_network(kr_frontier *self, const record *r, const record *other,
                         const float *source)
{
    kr_frontier_array to[KR_FRONTIER_ARRAYS], from[KR_FRONTIER_ARRAYS];
    size_t end;
    const int n = kr_frontier_net_arrays(self, (size_t)r->n_inputs, r->begin, to, &end);
    kr_frontier_net_arrays(self, (size_t)other->n_inputs, other->begin, from, &end);
    for (int k = 0; k < n; k++) {
        if (to[k].name[0] == 'W' && r->n_inputs > 0) {
            copy_inputs(self, r, to + k, other, from + k, source);
        } else if (to[k].columns == from[k].columns) {
            copy_rows(to + k, 0, from + k, 0, to[k].rows, self->weights, source);
        }
    }
}

/* The weights are those of the table, and its padding is zero. */
static int check_weights(const kr_frontier *self, const list *l, const float *weights,
                         size_t n_weights, kr_error *err)
{
    if (l->n_weights != n_weights) {
        return kr_fail(err, KR_EMISMATCH, "n_weights = %zu, want %zu for its table of networks",
                       n_weights, l->n_weights);
    }
    for (size_t k = 0, at = 0, end; k < l->n; k++) {
        kr_frontier_array array[KR_FRONTIER_ARRAYS];
        const int n =
            kr_frontier_net_arrays(self, (size_t)l->item[k].n_inputs, at, array, &end);
        for (; at < end; at++) {
            bool is_used = false;
            for (int a = 0; a < n; a++) {
                const size_t in = at - array[a].begin;
                is_used =
                    is_used || (at >= array[a].begin && in < array[a].rows * array[a].pitch &&
                                in % array[a].pitch < array[a].columns);
            }
            if (!is_used && weights[at] != 0.0f) {
                return kr_fail(err, KR_EMISMATCH, "weight %zu is padding and %g, want 0", at,
                               (double)weights[at]);
            }
        }
    }
    return KR_OK;
}

static int adopt_all(kr_frontier *self, const list *own, const list *theirs,
                     const float *weights, kr_adopted *count, kr_error *err)
{
    *count = (kr_adopted){ 0, 0, 0 };
    for (size_t k = 0; k < own->n; k++) {
        const record *r = own->item + k, *other = find_nearest(theirs, r);
        if (other) {
            copy_network(self, r, other, weights);
        }
        const bool is_equal = other && is_same(own, r, other);
        count->n_same += is_equal;
        count->n_near += other && !is_equal;
        count->n_fresh += !other;
    }
    return count->n_same + count->n_near > 0
               ? KR_OK
               : kr_fail(err, KR_EMISMATCH,
                         "none of %zu networks is like one of the %zu networks there", own->n,
                         theirs->n);
}

int kr_frontier_adopt(void *object, const int64_t *networks, size_t n_networks,
                      const float *weights, size_t n_weights, kr_adopted *count, kr_error *err)
{
    kr_frontier *self = object;
    list own = { .item = NULL }, theirs = { .item = NULL };
    const size_t n = kr_frontier_networks(self, NULL);
    int64_t *table = kr_alloc(n, sizeof *table, err);
    int status = table ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && n == 0) {
        status = kr_fail(err, KR_EMISMATCH,
                         "every site has a network of its own, want shared "
                         "ones");
    }
    if (status == KR_OK) {
        kr_frontier_networks(self, table);
        status = check_header(self, networks, n_networks, err);
    }
    if (status == KR_OK) {
        status = read_list(self, networks, &theirs, err);
    }
    if (status == KR_OK) {
        status = check_weights(self, &theirs, weights, n_weights, err);
    }
    if (status == KR_OK) {
        status = read_list(self, table, &own, err);
    }
    if (status == KR_OK) {
        status = adopt_all(self, &own, &theirs, weights, count, err);
    }
    kr_free(own.item);
    kr_free(theirs.item);
    kr_free(table);
    return status;
}
