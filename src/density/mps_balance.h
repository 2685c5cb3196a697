/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps_balance.h - weights that make typical rows large in what is approximated.
 *
 * B_r(s_r) is approximated with small absolute errors (density/mps_rows.h). In the cold the
 * rows that occur are not those with the largest B_r, which suit the rows below alone: their
 * B_r is smaller by orders of magnitude and gets lost. So what is approximated is phi_r B_r,
 * with a chain phi_r(s) = prod_x g_x(s_x) k_x(s_x, s_x+1) that is divided out exactly when the
 * row is drawn. It moves the squares (phi_r B_r)^2, the weights of the errors, toward the pair
 * marginals of the rows that occur. These come from samples at smaller values of beta, stage by
 * stage.
 */
#ifndef KR_DENSITY_MPS_BALANCE_H
#define KR_DENSITY_MPS_BALANCE_H

#include "density/mps_rows.h"

/* pair (width - 1, q, q): the marginals of neighbors in the normalized squares of the chain of
 * row y, of the legs of the row or of the first row. Errors: KR_ENOMEM. */
int kr_mps_balance_pairs(const kr_mps_rows *rows, int32_t y, bool of_first, double *pair,
                         kr_error *err);
/* Adds to the logarithms site (width, q), pair (width - 1, q, q) of a chain what brings squares
 * with the marginals `have` halfway to `want`; floor is added to every probability. */
void kr_mps_balance_move(int32_t width, int32_t q, const double *want, const double *have,
                         double floor, double *site, double *pair);

#endif
