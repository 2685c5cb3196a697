/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/trajectory.h - reversible integrators that keep volume, for chains in vector lanes.
 *
 * Hamilton's equations of pi^2/2 + beta S in the variables psi of phi = V (sigma psi) + const,
 * V and sigma those of the Gaussian next to exp(-beta S), of phi = sigma psi with a scale for
 * every site, or in phi itself. In psi all modes of a nearly Gaussian field have periods alike
 * (Fourier acceleration). omelyan is the
 * second-order scheme of least error norm: two forces a step. Source: Duane, Kennedy,
 * Pendleton, Roweth, Phys. Lett. B 195, 216 (1987); Omelyan, Mryglod, Folk, Comput. Phys.
 * Commun. 151, 272 (2003); acceleration: Batrouni et al., Phys. Rev. D 32, 2736 (1985); Duane,
 * Kenway, Pendleton, Roweth, Phys. Lett. B 176, 143 (1986). */
#ifndef KR_UPDATE_TRAJECTORY_H
#define KR_UPDATE_TRAJECTORY_H

#include "density/flow_modes.h"
#include "update/real_kernels.h"

enum { KR_LEAPFROG, KR_OMELYAN };

typedef struct kr_trajectory {
    const kr_action *action;
    const kr_real_kernels *kernels;
    double beta;
    int64_t steps;
    int32_t integrator;
    const kr_flow_modes *modes; /* NULL: in phi itself; borrowed */
    const double *sigma; /* (n_sites) without modes: phi = sigma psi; NULL: 1; borrowed */
    const kr_flow_kernels *transform;
} kr_trajectory;

typedef struct kr_phase_space {
    double *phi, *pi;      /* (n_sites, KR_LANES_PAD) */
    double *work, *second; /* the same, with modes only; work with sigma too */
} kr_phase_space;

/* Moves a group of chains by t->steps steps. Cost: steps forces, 2 steps with omelyan; with
 * modes as many pairs of transforms. */
void kr_trajectory_run(const kr_trajectory *t, const kr_phase_space *x, double step);

#endif
