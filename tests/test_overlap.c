/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_overlap.c - overlaps of replica pairs: known configurations, and a spin glass
 * whose moments are known. */
#include "kr_system.h"

#include "base/memory.h"
#include "model/block.h"

extern const kr_observable_plug kr_observable_overlap;

enum { OVERLAP, ABS, SQUARED, FOURTH, LINK, N_COLUMNS };

/* out: one row per pair of the given strings of states */
static void measure(const kr_system *s, int32_t n_lanes, const char *const *states, double *out)
{
    kr_error err = { 0 };
    kr_target target = system_target(s, 1.0);
    kr_block *block = kr_block_alloc(s->terms, n_lanes, 0, 0, &err);
    void *self = kr_observable_overlap.alloc(&target, NULL, n_lanes, &err);
    assert_true(block && self);
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        for (int32_t i = 0; i < block->n_sites; i++) {
            block->state[lane * block->n_sites + i] = (uint8_t)(states[lane][i] - '0');
        }
    }
    kr_observable_overlap.measure(self, block, out);
    kr_observable_overlap.free(self);
    kr_block_free(block);
}

static void ising_overlaps_are_mean_products(void **state)
{
    (void)state;
    kr_system s = system_alloc("ising", "J=1", "hypercubic", "size=5");
    const char *const lanes[] = { "01011", "01011", "00110", "11001", "01011", "11011" };
    double out[3 * N_COLUMNS];
    measure(&s, 6, lanes, out);
    assert_close(out[OVERLAP], 1.0, 0.0);
    assert_close(out[LINK], 1.0, 0.0);
    assert_close(out[N_COLUMNS + OVERLAP], -1.0, 0.0);
    assert_close(out[N_COLUMNS + LINK], 1.0, 0.0); /* flipping all spins keeps the links */
    const double *row = out + 2 * N_COLUMNS;       /* one spin of five differs: two links */
    assert_close(row[OVERLAP], 0.6, 1e-15);
    assert_close(row[SQUARED], 0.36, 1e-15);
    assert_close(row[FOURTH], 0.1296, 1e-15);
    assert_close(row[LINK], 0.2, 1e-15);
    system_free(&s);
}

static void potts_overlaps_count_equal_states(void **state)
{
    (void)state;
    kr_system s = system_alloc("potts", "q=3", "hypercubic", "size=4 boundary=open");
    const char *const lanes[] = { "0120", "1201", "0120", "0110" };
    double out[2 * N_COLUMNS];
    measure(&s, 4, lanes, out);
    assert_close(out[OVERLAP], -0.5, 1e-15);
    assert_close(out[ABS], 0.5, 1e-15);
    assert_close(out[LINK], 0.25, 1e-15);
    assert_close(out[N_COLUMNS + OVERLAP], (3.0 - 0.5) / 4.0, 1e-15);
    assert_close(out[N_COLUMNS + LINK], (1.0 - 0.5 - 0.5) / 3.0, 1e-15);
    system_free(&s);
}

/* reference/spin_glass_couplings.csv, instance sk_N8_seed108, in the order of pairs */
static const double couplings[] = {
    0.443513875934034,   0.475398807093226,   -0.237976408844022,  0.214795045423721,
    0.083616717892803,   0.186890292095112,   -0.0952114557933687, 0.254829323322479,
    -0.0387830370530364, 0.11969266344285,    0.213823068074756,   0.350944546880502,
    -0.109605470813636,  0.230213145344163,   0.205915324449934,   0.709516368847508,
    -0.0251304116605006, -0.638717733995008,  0.662089029086006,   -0.345350945313084,
    -0.377006336268682,  -0.308373514470855,  0.250037502165971,   -0.38970173594749,
    0.104613106594988,   -0.0718642755628893, -0.181477330171861,  -1.04886584527329
};

enum { N_STATES = 256, CHUNK = KR_LANES_MAX / 2 };

/* Means over all pairs of states with these weights. */
static void pair_means(const kr_system *s, const double *weight, double mean[N_COLUMNS])
{
    static char text[N_STATES][9];
    for (int x = 0; x < N_STATES; x++) {
        for (int i = 0; i < 8; i++) {
            text[x][i] = (char)('0' + (x >> i & 1));
        }
    }
    for (int pair = 0; pair < N_STATES * N_STATES; pair += CHUNK) {
        const char *lanes[2 * CHUNK];
        double out[CHUNK * N_COLUMNS];
        for (int l = 0; l < CHUNK; l++) {
            lanes[2 * l] = text[(pair + l) / N_STATES];
            lanes[2 * l + 1] = text[(pair + l) % N_STATES];
        }
        measure(s, 2 * CHUNK, lanes, out);
        for (int k = 0; k < CHUNK * N_COLUMNS; k++) {
            int l = pair + k / N_COLUMNS;
            mean[k % N_COLUMNS] += weight[l / N_STATES] * weight[l % N_STATES] * out[k];
        }
    }
}

static void spin_glass_moments_are_exact(void **state)
{
    (void)state;
    /* reference/spin_glass_exact.csv: beta, log Z, energy, |q|, q^2, q^4 */
    const double want[][6] = { { 0.5, 6.06568489891759, -0.262366319325133, 0.3219677961717,
                                 0.1661781964319, 0.07108826921074 },
                               { 1, 7.60020569664708, -0.490108019818329, 0.4901484500461,
                                 0.329574359131, 0.2063349596823 },
                               { 2, 12.3578987687486, -0.649013891220816, 0.7331526111757,
                                 0.599692938823, 0.4779892436134 } };
    kr_system s = system_alloc("ising", "J=1", "complete", "size=8 weight=1");
    for (int t = 0; t < 28; t++) {
        s.terms->coupling[t] = couplings[t];
    }
    for (int k = 0; k < 3; k++) {
        double weight[N_STATES], z = 0.0, mean[N_COLUMNS] = { 0 };
        for (int x = 0; x < N_STATES; x++) {
            uint8_t spins[8];
            for (int i = 0; i < 8; i++) {
                spins[i] = (uint8_t)(x >> i & 1);
            }
            weight[x] = exp(-want[k][0] * kr_terms_energy(s.terms, spins, 1));
            z += weight[x];
        }
        for (int x = 0; x < N_STATES; x++) {
            weight[x] /= z;
        }
        pair_means(&s, weight, mean);
        assert_close(log(z), want[k][1], 1e-12);
        assert_close(mean[OVERLAP], 0.0, 1e-12);
        assert_close(mean[ABS], want[k][3], 1e-11);
        assert_close(mean[SQUARED], want[k][4], 1e-11);
        assert_close(mean[FOURTH], want[k][5], 1e-11);
    }
    system_free(&s);
}

static void lattices_without_bonds_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system s = system_alloc("ising", "J=1", "hypercubic", "size=1");
    kr_target target = system_target(&s, 1.0);
    assert_false(kr_observable_overlap.supports(&target, NULL, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ising_overlaps_are_mean_products),
        cmocka_unit_test(potts_overlaps_count_equal_states),
        cmocka_unit_test(spin_glass_moments_are_exact),
        cmocka_unit_test(lattices_without_bonds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
