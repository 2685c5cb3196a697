/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/exchange.c - replica exchange between two temperatures.
 *
 * Configurations change places, temperatures stay: so the densities, the tables of the updates
 * and the observables of a slot go on unchanged. Source: Swendsen, Wang, Phys. Rev. Lett. 57,
 * 2607 (1986); Hukushima, Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996). Threads: pure given both
 * blocks and the stream. */
#include "update/exchange.h"

#include "base/rng.h"
#include "model/block.h"

#include <math.h>

uint64_t kr_exchange_draw(int32_t n_lanes, const double *energy_a, double beta_a,
                          const double *energy_b, double beta_b, kr_rng *rng)
{
    uint64_t accepted = 0;
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        double log_ratio = (beta_b - beta_a) * (energy_b[lane] - energy_a[lane]);
        if (kr_rng_bernoulli(rng, exp(log_ratio))) {
            accepted |= UINT64_C(1) << lane;
        }
    }
    return accepted;
}

uint64_t kr_exchange_offer(kr_block *a, double beta_a, kr_block *b, double beta_b, kr_rng *rng)
{
    uint64_t accepted = kr_exchange_draw(a->n_lanes, a->energy, beta_a, b->energy, beta_b, rng);
    kr_block_swap(a, b, accepted);
    return accepted;
}
