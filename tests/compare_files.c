/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/compare_files.c - compare_files A.h5 B.h5: every dataset outside the group `cost` equal
 * in name, type class, shape and bytes. Exit status 0 equal, 1 different (the first differences
 * are named), 2 unreadable. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    hid_t other;
    int n_sets, n_different;
} comparison;

/* The whole dataset in native memory order; NULL when unreadable. */
static void *read_all(hid_t set, size_t *bytes, hsize_t shape[8], int *rank)
{
    hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    hid_t native = H5Tget_native_type(type, H5T_DIR_ASCEND);
    *rank = H5Sget_simple_extent_dims(space, shape, NULL);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    *bytes = (size_t)(n < 0 ? 0 : n) * H5Tget_size(native);
    void *data = malloc(*bytes + 1);
    if (!data || n < 0 ||
        (n > 0 && H5Dread(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)) {
        free(data);
        data = NULL;
    }
    H5Tclose(native);
    H5Tclose(type);
    H5Sclose(space);
    return data;
}

static int differ(hid_t a, hid_t b)
{
    hsize_t shape_a[8] = { 0 }, shape_b[8] = { 0 };
    int rank_a, rank_b;
    size_t bytes_a, bytes_b;
    void *x = read_all(a, &bytes_a, shape_a, &rank_a),
         *y = read_all(b, &bytes_b, shape_b, &rank_b);
    int is_different = !x || !y || rank_a != rank_b || bytes_a != bytes_b ||
                       memcmp(shape_a, shape_b, sizeof shape_a) != 0 ||
                       memcmp(x, y, bytes_a) != 0;
    free(x);
    free(y);
    return is_different;
}

static herr_t visit(hid_t object, const char *name, const H5O_info_t *info, void *context)
{
    comparison *c = context;
    (void)object;
    if (info->type != H5O_TYPE_DATASET || strncmp(name, "cost/", 5) == 0) {
        return 0;
    }
    hid_t a = H5Dopen2(object, name, H5P_DEFAULT), b = H5Dopen2(c->other, name, H5P_DEFAULT);
    c->n_sets++;
    if (a < 0 || b < 0 || differ(a, b)) {
        c->n_different++;
        printf("different: %s%s\n", name, b < 0 ? " (missing)" : "");
    }
    H5Dclose(a);
    H5Dclose(b);
    return 0;
}

static int compare(hid_t a, hid_t b)
{
    comparison c = { .other = b };
    if (H5Ovisit2(a, H5_INDEX_NAME, H5_ITER_INC, visit, &c, H5O_INFO_BASIC) < 0) {
        return -1;
    }
    printf("%d datasets compared, %d different\n", c.n_sets, c.n_different);
    return c.n_sets > 0 && c.n_different == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: compare_files A.h5 B.h5\n", stderr);
        return 2;
    }
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t a = H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t b = H5Fopen(argv[2], H5F_ACC_RDONLY, H5P_DEFAULT);
    if (a < 0 || b < 0) {
        fprintf(stderr, "cannot open %s\n", a < 0 ? argv[1] : argv[2]);
        return 2;
    }
    int forth = compare(a, b), back = compare(b, a);
    H5Fclose(a);
    H5Fclose(b);
    return forth < 0 || back < 0 ? 2 : forth || back;
}
