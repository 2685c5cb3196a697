/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/textbook.h - the loops a textbook would print, as rivals for the benchmark.
 *
 * Each is what a careful programmer writes by hand for one chain: one byte per site, a table of
 * neighbors, a number drawn where one is needed. They are correct and share nothing with the
 * updates they are measured against, the random stream apart. None of them keeps an energy.
 *
 * Common arguments: n_sites; state (n_sites) uint8, 0..q-1, changed in place; rng one stream.
 * beta_local (q) is beta times the single-site energy of each state, NULL = no field. Threads:
 * pure given their arguments. */
#ifndef KR_STUDY_TEXTBOOK_H
#define KR_STUDY_TEXTBOOK_H

#include "base/rng.h"

/* Neighbors of a periodic box (dim, extent[dim], coordinate 0 fastest): fills neighbor
 * (n_sites, 2 dim), the dim forward ones of a site first. Pure. */
void kr_textbook_neighbors(int32_t dim, const int32_t *extent, int32_t *neighbor);

/* One Wolff cluster of the q-state Potts model (q = 2: Ising) on a graph with z neighbors per
 * site: stack, last in first out, a number drawn for every equal neighbor.
 *   neighbor (n_sites, z); p = 1 - exp(-beta J) (Potts) or 1 - exp(-2 beta J) (Ising);
 *   stack, list (n_sites) scratch.
 * With a field the grown cluster is taken with min(1, exp(-change)) or put back. Returns the
 * number of sites changed. Source: Wolff, Phys. Rev. Lett. 62, 361 (1989). */
int32_t kr_textbook_wolff(int32_t n_sites, int32_t z, const int32_t *neighbor, int32_t q,
                          double p, const double *beta_local, uint8_t *state, int32_t *stack,
                          int32_t *list, kr_rng *rng);

/* One Swendsen-Wang step: bond after bond, union-find with path halving (Hoshen and Kopelman),
 * then a state per root, from the weights exp(-size beta_local[a]) when there is a field.
 *   neighbor (n_sites, z) with the z / 2 forward ones first; p as above;
 *   label, size (n_sites), color (n_sites) scratch.
 * Returns the number of clusters. Source: Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987);
 * Hoshen, Kopelman, Phys. Rev. B 14, 3438 (1976). */
int32_t kr_textbook_swendsen_wang(int32_t n_sites, int32_t z, const int32_t *neighbor,
                                  int32_t q, double p, const double *beta_local, uint8_t *state,
                                  int32_t *label, int32_t *size, uint8_t *color, kr_rng *rng);

/* One sweep in row order of the Ising model on a periodic n_x by n_y torus (sides >= 2), states
 * 0 and 1 standing for -1 and +1, coupling 1 and field h: heat bath, and Metropolis. The
 * probability is read from a table by the number of neighbors up. table: filled by
 * kr_textbook_table, thresholds on 64 random bits. */
typedef struct kr_textbook_rates {
    uint64_t heat_bath[5];     /* by neighbors up: state 1 */
    uint64_t metropolis[2][5]; /* by state and neighbors up: flip */
} kr_textbook_rates;

void kr_textbook_table(double beta, double h, kr_textbook_rates *rates);
void kr_textbook_heat_bath(int32_t n_x, int32_t n_y, const kr_textbook_rates *rates,
                           uint8_t *state, kr_rng *rng);
void kr_textbook_metropolis(int32_t n_x, int32_t n_y, const kr_textbook_rates *rates,
                            uint8_t *state, kr_rng *rng);

#endif
