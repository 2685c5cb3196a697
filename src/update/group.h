/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/group.h - random symmetries of the Hamiltonian, applied to whole configurations. */
#ifndef KR_UPDATE_GROUP_H
#define KR_UPDATE_GROUP_H

#include "kramers_plug.h"

/* Lattice symmetries that leave the terms invariant and the classes of states that all energies
 * treat alike. */
typedef struct kr_group kr_group;

/* False when no symmetry but the identity is usable. The terms decide, not the lattice: random
 * couplings leave none of its symmetries. Pure. */
bool kr_group_is_usable(const kr_target *target);
/* The terms are borrowed. NULL with KR_ENOMEM. */
kr_group *kr_group_alloc(const kr_target *target, kr_error *err);
void kr_group_free(kr_group *group);
size_t kr_group_scratch_bytes(const kr_group *group);
/* g = g_1^{k_1} g_2^{k_2} ... with the usable generators g_m and each k_m uniform, times a
 * uniform permutation of the states within each class, applied to a configuration whose sites
 * lie `step` bytes apart. Returns the moved copy (n_sites, contiguous) in scratch. Pure. */
const uint8_t *kr_group_draw(const kr_group *group, const uint8_t *state, size_t step,
                             uint8_t *scratch, kr_rng *rng);
/* False when the states are all that the group exchanges: no site goes anywhere. Pure. */
bool kr_group_moves_sites(const kr_group *group);
/* image (n) = g(site) (n) for such a g without its permutation of the states. O(n). Pure. */
void kr_group_draw_images(const kr_group *group, int32_t n, const int32_t *site, int32_t *image,
                          kr_rng *rng);
/* Marks (1 in is_marked, n_sites) all places that such images of the marked sites can have, the
 * sites themselves included. O(n_sites) per generator. Pure. */
void kr_group_spread(const kr_group *group, uint8_t *is_marked);

#endif
