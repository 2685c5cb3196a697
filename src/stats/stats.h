/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/stats.h - errors of correlated data, convergence, goodness of fit. All functions are
 * pure; series are (n_chains, n_draws) row-major, double. */
#ifndef KR_STATS_STATS_H
#define KR_STATS_STATS_H

#include "kramers_plug.h"

typedef struct kr_estimate {
    double mean, error;            /* over all chains; standard error of the mean */
    double tau_int, tau_int_error; /* in draws; white noise has 0.5 */
    double ess;                    /* n / (2 tau_int), at most n^2 / 2 */
    double r_hat;                  /* kr_r_hat_split, or that of ranks where it is asked for */
    double ess_bulk, ess_tail;     /* kr_rank_estimate; NaN where that was not asked for */
    int64_t n;                     /* values used */
    int64_t window;                /* lags summed */
    bool is_constant;              /* all values equal: error 0, tau_int 0.5 */
    bool is_window_closed; /* false: correlated over half a chain, error is a lower bound */
} kr_estimate;

/* n values of which nothing is known: all numbers NaN. */
kr_estimate kr_estimate_unknown(int64_t n);

/* Mean of correlated data by the Gamma method over replicas with one common mean, automatic
 * window with S = 1.5, autocovariance corrected for its bias (Wolff, CPC 156, 143 (2004),
 * sections 3.1 to 3.3; tau_int_error is his eq. (42)).
 *   series    (n_chains, n_draws), finite
 *   estimate  filled
 * Chains that disagree correlate over any lag, so their spread enters the error. Negative
 * correlation gives tau_int < 0.5; then the window follows the sum of |rho|. When the summed
 * autocovariance is not positive, the error is that of independent values.
 * Errors: KR_EINVAL below 4 draws per chain, for a value that is not finite or squares that
 * overflow; KR_ENOMEM.
 * Cost: O(n window) up to 64 lags, else one FFT per chain. */
int kr_gamma_estimate(const double *series, int64_t n_chains, int64_t n_draws,
                      kr_estimate *estimate, kr_error *err);

/* Split R-hat: every chain is cut in two halves, sqrt(pooled / within variance) (Gelman et al.,
 * Bayesian Data Analysis, 3rd ed. (2013), section 11.4). NaN when all values are equal or there
 * are fewer than 4 draws; infinite when every half is constant but they differ. */
double kr_r_hat_split(const double *series, int64_t n_chains, int64_t n_draws);

/* What ranks say about a series: R-hat of their normal scores, or of those of the distances
 * from the median where that is larger; ESS of the scores, and of being in the lower or upper
 * 5 %, the smaller one (Vehtari et al., Bayesian Anal. 16, 667 (2021)). All NaN where all
 * values are equal or a chain has less than 4 draws; R-hat is infinite where every half of a
 * chain is constant, but they differ. */
typedef struct kr_rank_estimate {
    double r_hat, ess_bulk, ess_tail;
} kr_rank_estimate;
/* series (n_chains, n_draws). Of more than 2^22 values every second, third, ... draw is taken,
 * and ESS is that of these. Cost: a sort of the values and two FFT per chain and ESS. Errors:
 * KR_EINVAL for a value that is not finite; KR_ENOMEM. */
int kr_rank_estimate_chains(const double *series, int64_t n_chains, int64_t n_draws,
                            kr_rank_estimate *estimate, kr_error *err);

/* Blocked jackknife of f(means of n_columns series). Every chain is cut into bins of about
 * `bin` draws (never fewer; all draws are used), each bin is left out once; *value is corrected
 * for bias of order 1/n.
 *   column   [n_columns] series of shape (n_chains, n_draws)
 *   bin      >= 1; about 10 tau_int is right
 *   f        gets (n_columns) means and the context
 * Errors: KR_EINVAL with fewer than 8 bins overall; KR_ENOMEM. Not finite f gives NaN. */
int kr_jackknife(const double *const *column, int n_columns, int64_t n_chains, int64_t n_draws,
                 int64_t bin, double (*f)(const double *mean, const void *context),
                 const void *context, double *value, double *error, kr_error *err);
/* Bin length for kr_jackknife: ceil(10 tau_int), at least 1, but short enough that min_bins
 * bins remain (or one draw per bin). */
int64_t kr_jackknife_bin(double tau_int, int64_t n_chains, int64_t n_draws, int64_t min_bins);

/* Importance weights log w: log of the mean weight, its standard error
 * sqrt((1/ess - 1)/n), ESS fraction (sum w)^2 / (n sum w^2), share of the largest weight in the
 * sum. NaN for n = 0, for a weight that is NaN or infinite, and when all weights are 0; the
 * error is NaN for n = 1. */
typedef struct kr_weights_summary {
    double log_mean, log_mean_error, ess, max_share;
    int64_t n;
    double mean_log, mean_log_error; /* of log w itself: a lower bound of the log of the mean */
    /* With Z = <w>, samples of q and of p = q w/Z must agree in <w/(w + Z)>_q = <Z/(w + Z)>_p
     * (Bennett, J. Comput. Phys. 22, 245 (1976)): both are means of bounded numbers, where
     * <1/w>_p may have no error to speak of. The left side, and the error of its distance from
     * the right one that these samples make, that of Z included. */
    double bridge, bridge_error;
    /* <Z/w>_q and <(Z/w)^2>_q: <(Z/w)^2>_p and <(Z/w)^3>_p, whose distribution over p decides
     * what the error of <1/w>_p is worth. Samples of p may never meet the states with large
     * 1/w; those of q do, as often as they matter, for <Z/w>_p is their share in q. */
    double inverse, inverse_square;
} kr_weights_summary;
void kr_weights_summarize(const double *log_w, int64_t n, kr_weights_summary *summary);

/* What importance weights w = p/q of n samples of q say about the chain that proposes from q
 * and accepts with min(1, w'/w). lambda(w) = E_q[(1 - w'/w)_+] is the probability that a
 * proposal is rejected at weight w, and these are the eigenvalues of that chain (Liu, Stat.
 * Comput. 6, 113 (1996)). */
typedef struct kr_weights_spectrum {
    double acceptance; /* mean of 1 - lambda over p */
    double tau_int;    /* in proposals: mean of 1/(1 - lambda) over p, less 1/2. That of every
                          quantity whose mean at a given weight is 0 and whose square does not
                          depend on it */
    double holding;    /* proposals for which the heaviest sample stays, in the mean */
    double tail_index; /* k of the generalized Pareto law of the upper tail: moments of order
                          1/k and above do not exist; from 0.7 on no mean can be trusted.
                          Vehtari et al., J. Mach. Learn. Res. 25, 72 (2024); fit: Zhang,
                          Stephens, Technometrics 51, 316 (2009). NaN with fewer than 5
                          distinct weights there, or a relative variance of all weights
                          below 0.05 (ESS above 95 %): then no mean rests on the tail */
} kr_weights_spectrum;
/* log_w (n) is overwritten. A weight may be 0 (-inf). NaN for
 * n = 0, where all are 0, and where one is NaN or infinite. Cost: n log n. */
void kr_weights_analyze(double *log_w, int64_t n, kr_weights_spectrum *spectrum);

/* Histograms of energies e_min + k width taken under weights w = exp(log_w), in independent
 * groups. visits (n_groups, n_bins + 2): the first and last entry lie below and above. */
typedef struct kr_dos {
    int64_t n_groups, n_bins;
    double e_min, width;
    const double *log_w;  /* (n_bins); borrowed */
    const double *visits; /* borrowed */
    double log_states;    /* log of the number of all states; NaN: unknown */
} kr_dos;
/* log g (n_bins), filled, and its error by the jackknife over groups. All g together sum to the
 * number of states; where that is unknown the largest is 1. -inf and NaN for energies that no
 * group visited; the error is NaN where a single group did. Errors: KR_ENOMEM. */
int kr_dos_estimate(const kr_dos *dos, double *log_g, double *error, kr_error *err);

/* Two phases: beta where the peaks of P(E) = g(E) exp(-beta E), averaged over 2 % of the bins,
 * are equally high, and ln(P_max/P_min) there; energies of the peaks. */
typedef struct kr_barrier {
    double beta, beta_error, height, height_error, energy_low, energy_high;
} kr_barrier;
/* beta: where the search begins. All NaN when P(E) has one peak, its peaks are
 * nearer than a tenth of the energies, or there are fewer than 32 bins. Errors: KR_ENOMEM. */
int kr_dos_barrier(const kr_dos *dos, double beta, kr_barrier *barrier, kr_error *err);

/* Shares (n_entries) of a histogram counted in independent groups, count (n_groups, n_entries),
 * and their standard errors, from the spread of the groups: NaN with fewer than two that
 * counted anything. Shares are NaN when nothing was counted. */
void kr_shares_estimate(const int64_t *count, int64_t n_groups, int64_t n_entries,
                        double *share, double *error);

/* Upper tail probability of chi^2 with k degrees of freedom (GSL); NaN for k <= 0. */
double kr_chi2_p(double chi2, double k);
/* chi^2 statistic of observed counts against expected ones. Cells with expected < min_expected
 * are pooled; a pool still below it joins the smallest other cell. Cells with expected = 0 do
 * not count, but an observation in one makes the statistic infinite. *dof gets the number of
 * cells left minus one. */
double kr_chi2_statistic(const int64_t *observed, const double *expected, size_t n,
                         double min_expected, double *dof);
/* Bound of max |z| for n simultaneous values: 3.9, 4.6, 4.9, 5.3 at 1, 20, 100, 1000, linear in
 * log n between and beyond. */
double kr_z_limit(int64_t n);

#endif
