/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/exchange.h - replica exchange between two temperatures. */
#ifndef KR_UPDATE_EXCHANGE_H
#define KR_UPDATE_EXCHANGE_H

#include "kramers_plug.h"

/* Offers the exchange of chain l of block a, at beta_a, with chain l of block b, at beta_b, for
 * every lane l: accepted with min(1, exp((beta_b - beta_a)(E_b - E_a))), which leaves the
 * product of both Boltzmann laws of one Hamiltonian invariant (detailed balance). Accepted
 * lanes are exchanged (kr_block_swap); returns them, bit l = lane l. The blocks have equally
 * many lanes. Threads: pure given both blocks and the stream. Source: Swendsen, Wang, Phys.
 * Rev. Lett. 57, 2607 (1986); Hukushima, Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996). */
uint64_t kr_exchange_offer(kr_block *a, double beta_a, kr_block *b, double beta_b, kr_rng *rng);
/* The same without the exchange itself; energies (n_lanes) of either side, or of a path of
 * actions t and the slopes dS/dt in their place. */
uint64_t kr_exchange_draw(int32_t n_lanes, const double *energy_a, double beta_a,
                          const double *energy_b, double beta_b, kr_rng *rng);

#endif
