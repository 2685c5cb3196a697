/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical.h - finds the transition of a model by itself: where, of which order, with
 * which exponents.
 *
 * The run file says the model, the shape of the box and one number with a range to search
 * (beta, or any real parameter of the model). 1. A scan of the smallest size finds the largest
 * fluctuations of the order parameter; scans of pairs of sizes then find where xi/L crosses. 2.
 * A pilot of every size, from small to large, finds tau_int and cost, and moves the parameter
 * to where neighboring sizes agree. 3. Every size is measured there, for its share of the
 * time. 4. Draws of all sizes, reweighted to one value of the parameter, enter one correlated
 * fit of the scaling forms (stats/scaling.h), repeated at the value that it finds. Where
 * energies show two phases with a barrier that grows with the size, the transition is of first
 * order, and coexistence is extrapolated instead (stats/coexistence.h).
 *
 * Every measurement is an ordinary result file, made from a run file that a user could have
 * written, in the folder of the study; plan.yaml there holds what the pilots decided, so that
 * the same command goes on after a stop. How long sizes are measured is decided from CPU times
 * of the pilots, once; from then on nothing reads a clock. */
#ifndef KR_STUDY_CRITICAL_H
#define KR_STUDY_CRITICAL_H

#include "study/study.h"

/* Runs the study and prints on out. Takes the file. *is_finished: false when it was stopped.
 * JSON, one object; numbers with errors are {"value", "error"}, of fits also "spread", the part
 * of the error that is the choice of the fit; null: does not apply:
 *   {"kramers", "run_file", "folder", "model", "lattice", "parameter", "order": "continuous" |
 *    "first" | "unclear", "evidence": [sentence], "critical": {"value", "error", "spread",
 *    "known" | null, "known_source", "z"},
 *    "exponents": {"nu", "gamma_over_nu", "beta_over_nu", "omega"}, "binder", "xi_over_l": at
 *    the transition, "best_p": of the fits,
 *    "fits": [{"ratio": "binder" | "xi_over_l", "least_size", "corrected", "chi2", "n_data",
 * "n_parameters", "p", "weight", "critical", "critical_error"}], "first_order":
 * {"equal_weight", "equal_height", "peak": limits of many sizes, "latent_heat": jump of the
 * conjugate per site, "conjugate_low", "conjugate_high", "interface_tension", "n_ordered", "p":
 * of equal_weight} | null, "sizes": [{"size", "n_sites", "at", "draws", "tau_int": steps,
 * "cpu_s", "binder", "xi_over_l", "abs_magnetization", "susceptibility": at the transition,
 *       "coexistence": {"at_weight", "at_height", "barrier", "gap", "at_peak", "crossings"}}],
 *    "cost": {"scan_cpu_s", "pilot_cpu_s", "measure_cpu_s", "wall_s"}, "advice": sentence}
 * Errors: KR_EPARSE, KR_ERANGE, KR_EINVAL, KR_EUNSUP run file; KR_EMISMATCH the folder holds
 * another study; KR_EIO; KR_ENOMEM. Serial only. */
int kr_critical_run(kr_runfile *file, const kr_study_options *options, FILE *out,
                    bool *is_finished, kr_error *err);

#endif
