/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_anchor.h - ln Z and free energies of reweighting, absolute where something
 * in the files tells ln Z itself. Threads: serial only. */
#ifndef KR_ANALYSIS_REWEIGHT_ANCHOR_H
#define KR_ANALYSIS_REWEIGHT_ANCHOR_H

#include "analysis/reweight_data.h"

/* Finds the anchors and the reference of a solved set of points. Taken are q^N at beta = 0,
 * where the draws reach that far, and ln Z of densities from their own samples at points of
 * canonical runs, where the weights carry a mean: a tail k below 0.7, the heaviest sample below
 * a tenth, 100 samples' worth. Errors: KR_ENOMEM. */
int kr_reweight_anchors(const kr_reweight_data *d, const kr_multihist *m, kr_reweighting *r,
                        kr_error *err);

/* Ratio, log_z, free energy of target t with errors, from log_z (n_blocks + 1): what the draws
 * say there, with all of them and without each block. Anchors count by the inverse of their
 * variance at the target, that of the ratio in between included; their own errors are
 * independent of the draws. */
void kr_reweight_log_z(kr_reweighting *r, int64_t t, const double *log_z);

#endif
