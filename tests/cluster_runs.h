/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/cluster_runs.h - energies of long runs of a cluster update on larger lattices. */
#ifndef KR_CLUSTER_RUNS_H
#define KR_CLUSTER_RUNS_H

#include "kr_system.h"
#include "sampled.h"

/* Mean energy per site from 50 blocks of `n` sweeps of one chain, after one block. */
static inline void cluster_energy(const char *update, const char *yaml, const kr_system *s,
                                  double beta, int n, double *mean, double *error)
{
    enum { BLOCKS = 50 };
    kr_target target = { .lattice = s->lattice, .terms = s->terms, .beta = beta };
    sampled u = sampled_alloc(update, yaml, &target, NULL, 1);
    kr_block *block = sampled_block(s->terms, 1, 77);
    double sum = 0.0, sum2 = 0.0;
    for (int b = -1; b < BLOCKS; b++) {
        double e = 0.0;
        for (int k = 0; k < n; k++) {
            sampled_sweep(&u, block);
            e += block->energy[0] / (n * (double)s->terms->n_sites);
        }
        sum += b >= 0 ? e : 0.0;
        sum2 += b >= 0 ? e * e : 0.0;
    }
    assert_true(kr_block_audit(block, s->terms) <= 1e-9);
    *mean = sum / BLOCKS;
    *error = sqrt((sum2 / BLOCKS - *mean * *mean) / (BLOCKS - 1));
    kr_block_free(block);
    sampled_free(&u);
}

/* The critical Ising torus against ising2d_torus_kaufman.csv, to 1e-3. */
static inline void cluster_matches_kaufman(const char *update, const char *yaml, int side,
                                           int n)
{
    char size[32];
    double mean, error, want = side == 16 ? -1.4530648528134770628 : -1.4239383898330108794;
    (void)snprintf(size, sizeof size, "size=%d,%d", side, side);
    kr_system s = system_alloc("ising", "", "hypercubic", size);
    cluster_energy(update, yaml, &s, 0.44068679350977151262, n, &mean, &error);
    system_free(&s);
    assert_true(error < 1e-3 * fabs(want));
    assert_within_sigma(mean, error, want, 4.0);
}

#endif
