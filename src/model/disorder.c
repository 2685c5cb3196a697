/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/disorder.c - quenched couplings and fields: drawn from their own stream, or read.
 *
 * Draws take the bulk words of the stream itself, so a build whose kernels enumerate their
 * draws has the same couplings as the program. */
#include "base/memory.h"
#include "base/rng.h"
#include "base/rows.h"

#include <math.h>

#define VALUE_MAX 1e6 /* as of J and strength */

const kr_field kr_disorder_fields[] = {
    { .name = "kind",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_disorder, kind),
      .fallback = "none",
      .choices = "none|pm1|gaussian|file",
      .doc = "law of the values" },
    { .name = "seed",
      .type = KR_TYPE_INT,
      .offset = offsetof(kr_disorder, seed),
      .fallback = "1",
      .min = 0,
      .max = 0x1p53,
      .flags = KR_FIELD_SCAN,
      .doc = "seed of pm1 and gaussian values, independent of the seed of the run; a list is a "
             "set of samples" },
    { .name = "strength",
      .type = KR_TYPE_REAL,
      .offset = offsetof(kr_disorder, strength),
      .fallback = "1",
      .min = 0,
      .max = 1e6,
      .doc = "magnitude of pm1 values, standard deviation of gaussian ones, factor of values "
             "from a file" },
    { .name = "zero_sum",
      .type = KR_TYPE_BOOL,
      .offset = offsetof(kr_disorder, zero_sum),
      .fallback = "false",
      .doc = "shift the values so that they sum to zero" },
    { .name = "file",
      .type = KR_TYPE_TEXT,
      .offset = offsetof(kr_disorder, file),
      .fallback = "",
      .doc = "text file of values: one per line, or rows `i j J` (bonds), `i h` (sites)" },
    KR_FIELD_END
};

/* ---- drawing ------------------------------------------------------------------------------
 */

static uint64_t next_word(kr_rng *rng)
{
    if (rng->n_used >= KR_RNG_BUFFER) {
        kr_rng_refill(rng);
    }
    return rng->buffer[rng->n_used++];
}

static double next_symmetric(kr_rng *rng) /* uniform on [-1, 1) */
{
    return (double)(next_word(rng) >> 11) * 0x1p-52 - 1.0;
}

static double next_normal(kr_rng *rng) /* polar method, as kr_rng_normal */
{
    for (;;) {
        double x = next_symmetric(rng), y = next_symmetric(rng), r2 = x * x + y * y;
        if (r2 > 0.0 && r2 < 1.0) {
            return x * sqrt(-2.0 * log(r2) / r2);
        }
    }
}

static void draw(const kr_disorder *disorder, uint32_t purpose, int64_t n, double *value)
{
    kr_rng rng;
    kr_rng_seed(&rng, (uint64_t)disorder->seed, 0, purpose);
    for (int64_t k = 0; k < n; k++) {
        if (disorder->kind == KR_DISORDER_GAUSSIAN) {
            value[k] = disorder->strength * next_normal(&rng);
        } else {
            value[k] = next_word(&rng) >> 63 ? disorder->strength : -disorder->strength;
        }
    }
}

/* ---- reading ------------------------------------------------------------------------------
 */

/* Bonds by their smaller site, as linked lists in ascending order of bonds. */
typedef struct bond_lists {
    int64_t *first; /* (n_sites) -1 = none */
    int64_t *next;  /* (n_bonds) */
} bond_lists;

static int list_bonds(bond_lists *lists, const kr_lattice *lattice, kr_error *err)
{
    lists->first = kr_alloc((size_t)lattice->n_sites, sizeof *lists->first, err);
    lists->next = kr_alloc((size_t)lattice->n_bonds, sizeof *lists->next, err);
    if (!lists->first || !lists->next) {
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        lists->first[i] = -1;
    }
    for (int64_t b = lattice->n_bonds - 1; b >= 0; b--) {
        int32_t i = lattice->bond[2 * b], j = lattice->bond[2 * b + 1];
        int32_t low = i < j ? i : j;
        lists->next[b] = lists->first[low];
        lists->first[low] = b;
    }
    return KR_OK;
}

/* Place of a row `i j`: the first bond of the pair that has no value yet. */
static int find_bond(const kr_rows *in, const kr_lattice *lattice, const bond_lists *lists,
                     const uint8_t *seen, int64_t *place, kr_error *err)
{
    int32_t i, j;
    KR_TRY(kr_rows_site(in, 0, lattice->n_sites, &i, err));
    KR_TRY(kr_rows_site(in, 1, lattice->n_sites, &j, err));
    if (i == j) {
        return kr_rows_fail(in, err, "bond %d %d joins a site to itself, want two sites", i, j);
    }
    int32_t low = i < j ? i : j, high = i < j ? j : i;
    bool exists = false;
    for (int64_t b = lists->first[low]; b >= 0; b = lists->next[b]) {
        if (lattice->bond[2 * b] == high || lattice->bond[2 * b + 1] == high) {
            exists = true;
            if (!seen[b]) {
                *place = b;
                return KR_OK;
            }
        }
    }
    return kr_rows_fail(in, err, "bond %d %d %s", i, j,
                        exists ? "comes once more than the lattice has it"
                               : "is no bond of the lattice, want a pair of neighbors");
}

/* Place of the value on this line, the lines so far being `row`. */
static int find_place(const kr_rows *in, const kr_lattice *lattice, const bond_lists *lists,
                      const uint8_t *seen, int64_t row, int64_t n, int64_t *place,
                      kr_error *err)
{
    if (in->n_words == 1) {
        *place = row;
        return row < n ? KR_OK
                       : kr_rows_fail(in, err, "value %lld, want %lld values",
                                      (long long)row + 1, (long long)n);
    }
    if (lists) {
        return find_bond(in, lattice, lists, seen, place, err);
    }
    int32_t i;
    KR_TRY(kr_rows_site(in, 0, lattice->n_sites, &i, err));
    *place = i;
    return seen[i] ? kr_rows_fail(in, err, "site %d comes twice, want it once", i) : KR_OK;
}

static int read_rows(kr_rows *in, const kr_lattice *lattice, const bond_lists *lists, int64_t n,
                     uint8_t *seen, double *value, kr_error *err)
{
    int n_columns = 0, n_indexed = lists ? 3 : 2;
    bool more;
    int64_t row = 0;
    for (;; row++) {
        KR_TRY(kr_rows_next(in, &more, err));
        if (!more) {
            break;
        }
        n_columns = n_columns ? n_columns : in->n_words;
        if (in->n_words != n_columns || (n_columns != 1 && n_columns != n_indexed)) {
            return kr_rows_fail(in, err, "%d columns, want 1 or %d, the same in every row",
                                in->n_words, n_indexed);
        }
        int64_t place = row;
        KR_TRY(find_place(in, lattice, lists, seen, row, n, &place, err));
        KR_TRY(kr_rows_real(in, n_columns - 1, &value[place], err));
        if (fabs(value[place]) > VALUE_MAX) {
            return kr_rows_fail(in, err, "%.9g, want at most %g in size", value[place],
                                VALUE_MAX);
        }
        seen[place] = 1;
    }
    for (int64_t k = 0; k < n; k++) {
        if (!seen[k] && lists) {
            return kr_rows_fail(in, err, "end of file, want a value of bond %d %d",
                                lattice->bond[2 * k], lattice->bond[2 * k + 1]);
        }
        if (!seen[k]) {
            return kr_rows_fail(in, err, "end of file, want a value of site %lld",
                                (long long)k);
        }
    }
    return KR_OK;
}

static int read_file(const kr_disorder *disorder, const kr_lattice *lattice, bool of_bonds,
                     int64_t n, double *value, kr_error *err)
{
    bond_lists lists = { 0 };
    if (!disorder->file[0]) {
        return kr_fail(err, KR_EINVAL, "disorder: kind is file, want the key file with a path");
    }
    kr_rows in;
    KR_TRY(kr_rows_open(&in, disorder->file, "disorder", err));
    uint8_t *seen = kr_alloc((size_t)n, 1, err);
    int status = seen ? KR_OK : KR_ENOMEM;
    if (status == KR_OK && of_bonds) {
        status = list_bonds(&lists, lattice, err);
    }
    if (status == KR_OK) {
        status = read_rows(&in, lattice, of_bonds ? &lists : NULL, n, seen, value, err);
    }
    for (int64_t k = 0; status == KR_OK && k < n; k++) {
        value[k] *= disorder->strength;
    }
    kr_free(lists.next);
    kr_free(lists.first);
    kr_free(seen);
    kr_rows_close(&in);
    return status;
}

/* ---- both ---------------------------------------------------------------------------------
 */

static void shift_to_zero(int64_t n, double *value)
{
    double sum = 0.0;
    for (int64_t k = 0; k < n; k++) {
        sum += value[k];
    }
    for (int64_t k = 0; k < n; k++) {
        value[k] -= sum / (double)n;
    }
}

int kr_disorder_check(const kr_disorder *d, kr_error *err)
{
    if (d->kind != KR_DISORDER_FILE && d->file[0]) {
        return kr_fail(err, KR_EINVAL,
                       "disorder: file \"%s\" is given, but kind is not file, want kind: file",
                       d->file);
    }
    if (d->kind == KR_DISORDER_NONE && (d->strength != 1.0 || d->zero_sum)) {
        return kr_fail(err, KR_EINVAL,
                       "disorder: %s is given, but kind is none, want kind: pm1, gaussian or "
                       "file",
                       d->zero_sum ? "zero_sum" : "strength");
    }
    return KR_OK;
}

static int fill_values(const kr_disorder *disorder, const kr_lattice *lattice, bool of_bonds,
                       double *value, kr_error *err)
{
    int64_t n = of_bonds ? lattice->n_bonds : lattice->n_sites;
    KR_TRY(kr_disorder_check(disorder, err));
    if (disorder->kind == KR_DISORDER_NONE) {
        for (int64_t k = 0; k < n; k++) {
            value[k] = of_bonds ? 1.0 : 0.0;
        }
        return KR_OK;
    }
    if (disorder->kind == KR_DISORDER_FILE) {
        KR_TRY(read_file(disorder, lattice, of_bonds, n, value, err));
    } else {
        draw(disorder, of_bonds ? KR_PURPOSE_DISORDER_BONDS : KR_PURPOSE_DISORDER_SITES, n,
             value);
    }
    if (disorder->zero_sum) {
        shift_to_zero(n, value);
    }
    return KR_OK;
}

int kr_disorder_bonds(const kr_disorder *disorder, const kr_lattice *lattice, double *value,
                      kr_error *err)
{
    return fill_values(disorder, lattice, true, value, err);
}

int kr_disorder_sites(const kr_disorder *disorder, const kr_lattice *lattice, double *value,
                      kr_error *err)
{
    return fill_values(disorder, lattice, false, value, err);
}
