/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase.h - classifiers of two phases, trained far from the transition: what they say in
 * between, beside the Binder cumulant of the same draws.
 *
 * The run file says the model, the shape of the box and one number with a range (beta, or a
 * real parameter of the model). Every size is measured at all values of the range, chains
 * independent, draws a tau_int of the slowest point apart. The outer parts of the range
 * (`share` of it at either end) are called ordered and disordered, by <|m|>; half of the chains
 * trains there, the other half, at all values, gives the curves. Two classifiers: (a) logistic
 * regression on |m|, m^2, the conjugate per site and S(k_min), (b) a convolutional network
 * (study/phase_net.h). Training is repeated with half of the training window left out at one
 * side, then at the other: a place that moves with that is one of the windows, not of the
 * model. After Carrasquilla, Melko, Nature Physics 13, 431 (2017), arXiv:1605.01735.
 *
 * Every measurement is an ordinary result file with configurations in the folder of the study;
 * the same command goes on after a stop. Nothing reads a clock; training is serial. */
#ifndef KR_STUDY_PHASE_H
#define KR_STUDY_PHASE_H

#include "study/study.h"

/* Runs the study and prints on out. Takes the file. *is_finished: false when it was stopped.
 * JSON, one object; numbers with errors are {"value", "error"}; null: does not apply:
 *   {"kramers", "run_file", "folder", "model", "lattice", "parameter", "points": values of the
 *    parameter, "windows": [{"low", "high"}] highest and lowest value trained on at the low and
 *    high side, the first of which gives the curves, "ordered_side": "low" | "high", "known" |
 *    null, "known_source",
 *    "classifiers": [{"name": "logistic" | "network", "limit": {"value", "error",
 *      "statistical", "window": by other windows, "cut": without the smallest size, "chi2",
 *      "p", "z": by error, "z_statistical"} in many sizes, "half": of each size, [{"size",
 *      "value", "error", "windows": [value]}], "crossings": [{"sizes", "value", "error"}],
 *      "steepens": growth exponent of the slope, "train": {"accuracy", "cross_entropy"},
 *      "test": of the other chains at the same values, "curves": [{"size", "p": [], "error":
 *      []}], "r2": {"abs_magnetization", "conjugate", "all": features, "..._within": about the
 *      means of the values} of the logit, largest size, "weights": [{"feature", "weight"}] per
 *      standard deviation, of the largest size | null, "shown": {"ordered", "domains",
 *      "checkerboard", "random"}: P(ordered) of made-up configurations | null}],
 *    "network_note": why there is no network | null,
 *    "binder": {"value", "error", "z": largest two sizes, "crossings", "curves"},
 *    "agreement": {"all", "gap"}: share of draws that both put on the same side,
 *    "sizes": [{"size", "n_sites", "every", "thermalize", "tau_int": steps, "draws"}],
 *    "says": [sentence], "cost": {"pilot_cpu_s", "measure_cpu_s", "train_cpu_s", "wall_s"}}
 * Errors: KR_EPARSE, KR_ERANGE, KR_EINVAL, KR_EUNSUP run file; KR_EMISMATCH the folder holds
 * another study; KR_EIO; KR_ENOMEM. Serial only. */
int kr_phase_run(kr_runfile *file, const kr_study_options *options, FILE *out,
                 bool *is_finished, kr_error *err);

#endif
