/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_tempering.c - replica exchange and isoenergetic cluster moves on spin glasses
 * whose energies and overlap moments are known by enumeration. */
#include "kr_glass.h"

/* Couplings: reference table spin_glass_couplings.csv, ea2d_4x4_pm1_seed3 and
 * ea3d_3x3x3_pm1_seed31. */
static const char square[] =
    "0 1 -1\n0 4 -1\n1 2 1\n1 5 1\n2 3 -1\n2 6 -1\n3 0 1\n3 7 1\n4 5 -1\n4 8 -1\n"
    "5 6 1\n5 9 1\n6 7 1\n6 10 -1\n7 4 -1\n7 11 -1\n8 9 1\n8 12 -1\n9 10 -1\n"
    "9 13 -1\n10 11 -1\n10 14 1\n11 8 -1\n11 15 1\n12 13 1\n12 0 1\n13 14 1\n"
    "13 1 1\n14 15 1\n14 2 -1\n15 12 1\n15 3 -1\n";

static const char cube[] =
    "0 1 -1\n0 3 1\n0 9 -1\n1 2 1\n1 4 -1\n1 10 -1\n2 0 -1\n2 5 -1\n2 11 -1\n"
    "3 4 -1\n3 6 -1\n3 12 -1\n4 5 -1\n4 7 -1\n4 13 -1\n5 3 1\n5 8 1\n5 14 -1\n"
    "6 7 -1\n6 0 -1\n6 15 -1\n7 8 1\n7 1 1\n7 16 -1\n8 6 -1\n8 2 1\n8 17 1\n"
    "9 10 1\n9 12 -1\n9 18 -1\n10 11 -1\n10 13 1\n10 19 -1\n11 9 -1\n11 14 -1\n"
    "11 20 1\n12 13 -1\n12 15 -1\n12 21 -1\n13 14 1\n13 16 -1\n13 22 -1\n"
    "14 12 1\n14 17 -1\n14 23 -1\n15 16 1\n15 9 1\n15 24 -1\n16 17 1\n16 10 -1\n"
    "16 25 1\n17 15 -1\n17 11 1\n17 26 1\n18 19 1\n18 21 1\n18 0 1\n19 20 1\n"
    "19 22 1\n19 1 -1\n20 18 -1\n20 23 1\n20 2 -1\n21 22 1\n21 24 -1\n21 3 -1\n"
    "22 23 -1\n22 25 -1\n22 4 1\n23 21 -1\n23 26 1\n23 5 1\n24 25 1\n24 18 -1\n"
    "24 6 -1\n25 26 1\n25 19 -1\n25 7 1\n26 24 1\n26 20 1\n26 8 -1\n";

typedef struct row {
    double beta, want[GLASS_N]; /* 0: not compared */
} row;

static void check(const char *name, const char *couplings, const char *size, const char *betas,
                  const row *rows, int n_rows)
{
    char yaml[1024];
    static const char *const what[] = { "e", "q", "|q|", "q^2", "q^4" };
    FILE *out = fopen("physics_tempering.couplings", "w");
    assert_non_null(out);
    fputs(couplings, out);
    fclose(out);
    snprintf(yaml, sizeof yaml,
             "model: {name: ising, disorder: {kind: file, file: physics_tempering.couplings}}\n"
             "lattice: {name: hypercubic, size: %s}\nbeta: %s\nchains: 64\nseed: 8\n"
             "phases: {thermalize: 400, measure: 6000, every: 3}\n"
             "updates: [heat_bath, houdayer]\nobservables: [energy, overlap]\n"
             "tempering: {}\n",
             size, betas);
    glass *g = glass_run(yaml);
    assert_true(g->round_trips > 100.0);
    for (int r = 0; r < n_rows; r++) {
        int32_t p = 0;
        while (g->beta[p] != rows[r].beta) {
            p++;
        }
        for (int k = 0; k < 5; k++) {
            double mean, error, want = rows[r].want[k];
            glass_mean(g->pair[k][p], g->n_pairs, &mean, &error);
            if (k == GLASS_OVERLAP) { /* 0 by symmetry */
                assert_within_sigma(mean, error, 0.0, 4.6);
                continue;
            }
            print_message("# %s beta %g %s: %.5f(%.0e) exact %.5f z %+.2f\n", name,
                          rows[r].beta, what[k], mean, error, want, (mean - want) / error);
            assert_true(error <= 0.01 * fabs(want));
            assert_within_sigma(mean, error, want, 4.6);
        }
    }
    free(g);
    remove("physics_tempering.couplings");
}

/* Exact values: reference table spin_glass_exact.csv. */
static void small_glasses_have_their_exact_energies_and_overlaps(void **state)
{
    (void)state;
    static const row of_square[] = {
        { 0.5, { -0.941374788374403, 0, 0.3639846128283, 0.1953489187032, 0.08774934669856 } },
        { 1.0, { -1.43006113035397, 0, 0.8867127483575, 0.8217048264192, 0.7442575721448 } },
        { 2.0, { -1.49890573170174, 0, 0.9982313119202, 0.9969429210403, 0.9952044355465 } },
    };
    static const row of_cube[] = {
        { 0.5, { -1.50389439333181, 0, 0.408097272377, 0.2207415696497, 0.09089325768135 } },
        { 0.9, { -1.76922620164225, 0, 0.6198310697623, 0.4606867942227, 0.3160530592516 } },
        { 2.0, { -1.88619092100943, 0, 0.9855916933277, 0.979541041222, 0.973811790989 } },
    };
    check("4x4", square, "[4, 4]", "[0.2, 0.35, 0.5, 0.75, 1.0, 1.4, 2.0]", of_square, 3);
    check("3x3x3", cube, "[3, 3, 3]", "[0.2, 0.35, 0.5, 0.7, 0.9, 1.3, 2.0]", of_cube, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_glasses_have_their_exact_energies_and_overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
