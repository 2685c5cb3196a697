/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_real.c - which candidates a real-valued model has.
 *
 * Hybrid Monte Carlo with trajectories of several lengths, Langevin and Metropolis steps,
 * cluster moves of the signs beside them, replica exchange in temperature where HMC alone is
 * slow, population annealing from a free field (angles: from infinite temperature, where HMC is
 * slow), and the density that needs no training. The steps are tuned while chains
 * thermalize. */
#include "study/compare_private.h"

#define TEMPERING_STEP   1.2 /* deviations of S between neighbors: acceptance 0.4 */
#define ANNEALING_STEP   1.0
#define ANNEALING_PASSES 3
#define ANNEALING_TUNING 16 /* runs of a population that the steps are tuned in */
#define PATH_POINTS      16
#define POPULATION       1024

static int edit_updates(const kr_compare *study, kr_runfile *file, const char *more,
                        kr_error *err)
{
    (void)study;
    return kr_edit_set(file, err, "updates=[%s]", more);
}

static const struct {
    kr_compare_kind kind;
    const char *name, *updates, *needs; /* update that must take the model, or NULL */
} schedules[] = {
    { KR_COMPARE_LOCAL, "hmc x 5", "{name: hmc, steps: 5}", NULL },
    { KR_COMPARE_LOCAL, "hmc x 10", "{name: hmc, steps: 10}", NULL },
    { KR_COMPARE_LOCAL, "hmc x 20", "{name: hmc, steps: 20}", NULL },
    { KR_COMPARE_LOCAL, "hmc omelyan x 5", "{name: hmc, steps: 5, integrator: omelyan}", NULL },
    { KR_COMPARE_LOCAL, "hmc fourier x 5", "{name: hmc, steps: 5, mass: fourier}", NULL },
    { KR_COMPARE_LOCAL, "hmc fourier x 5 + symmetry",
      "{name: hmc, steps: 5, mass: fourier}, symmetry", "symmetry" },
    { KR_COMPARE_LOCAL, "mala", "mala", NULL },
    { KR_COMPARE_LOCAL, "metropolis", "metropolis", NULL },
    { KR_COMPARE_CLUSTER, "metropolis + wolff", "metropolis, wolff", "wolff" },
    { KR_COMPARE_CLUSTER, "hmc x 5 + wolff", "{name: hmc, steps: 5}, wolff", "wolff" },
    { KR_COMPARE_CLUSTER, "hmc fourier x 5 + wolff",
      "{name: hmc, steps: 5, mass: fourier}, wolff", "wolff" },
    { KR_COMPARE_CLUSTER, "metropolis + swendsen_wang", "metropolis, swendsen_wang",
      "swendsen_wang" },
};

const char *const kr_compare_real_names =
    "hmc x 5, hmc x 10, hmc x 20, hmc omelyan x 5, hmc fourier x 5, hmc fourier x 5 + "
    "symmetry, mala, metropolis, "
    "metropolis + wolff, hmc x "
    "5 "
    "+ wolff, metropolis + swendsen_wang, tempering, population_annealing, as scheduled";

static int edit_tempering(const kr_compare *study, kr_runfile *file, const char *more,
                          kr_error *err)
{
    (void)more;
    KR_TRY(kr_compare_set_ladder(study, file, false, TEMPERING_STEP, err));
    KR_TRY(kr_edit_set(file, err, "tempering={ladder: auto, pilot: 400, iterations: 4}"));
    return kr_edit_set(file, err, "updates=[{name: hmc, steps: 10}]");
}

static int edit_annealing(const kr_compare *study, kr_runfile *file, const char *more,
                          kr_error *err)
{
    (void)more;
    const long long chains = (long long)study->spec->config.n_chains;
    KR_TRY(kr_compare_set_ladder(study, file, true, ANNEALING_STEP, err));
    KR_TRY(kr_edit_set(file, err, "chains=%lld", chains < POPULATION ? POPULATION : chains));
    KR_TRY(kr_edit_set(file, err, "start=random"));
    KR_TRY(kr_edit_set(file, err, "phases={thermalize: %d, every: %d, measure: 1000}",
                       ANNEALING_TUNING * ANNEALING_PASSES, ANNEALING_PASSES));
    KR_TRY(kr_compare_set_observables(study, file, false, false, err));
    KR_TRY(kr_edit_set(file, err, "population_annealing={}"));
    return kr_edit_set(file, err, "updates=[{name: hmc, steps: 5}]");
}

/* Population annealing that begins with samples of a free field. */
static int edit_path(const kr_compare *study, kr_runfile *file, const char *more, kr_error *err)
{
    (void)more;
    const long long chains = (long long)study->spec->config.n_chains;
    KR_TRY(kr_edit_set(file, err, "chains=%lld", chains < POPULATION ? POPULATION : chains));
    KR_TRY(kr_edit_set(file, err, "start=random"));
    KR_TRY(kr_edit_set(file, err, "phases={thermalize: %d, every: %d, measure: 1000}",
                       ANNEALING_TUNING * ANNEALING_PASSES, ANNEALING_PASSES));
    KR_TRY(kr_compare_set_observables(study, file, false, false, err));
    KR_TRY(kr_edit_set(file, err, "path={points: %d}", PATH_POINTS));
    KR_TRY(kr_edit_set(file, err, "population_annealing={}"));
    return kr_edit_set(file, err, "updates=[{name: hmc, steps: 5%s}]",
                       study->spec->target[0].terms->action->quartic ? ", mass: fourier" : "");
}

static int ladders(kr_compare *study, kr_error *err)
{
    const kr_compare_scan *scan = &study->scan;
    const kr_compare_task task = { .every = ANNEALING_PASSES,
                                   .thermalize = ANNEALING_TUNING * ANNEALING_PASSES };
    const bool has_path = !study->spec->target[0].terms->action->is_angle;
    if (kr_compare_scan_hot(scan) == scan->n - 1) {
        char why[160];
        snprintf(why, sizeof why, "hmc is fast at this temperature (tau_int = %.2g passes)",
                 scan->tau[scan->n - 1]);
        kr_compare_leave_out(study, KR_COMPARE_TEMPERING, "tempering", why);
        if (!has_path) {
            kr_compare_leave_out(study, KR_COMPARE_ANNEALING, "population_annealing", why);
            return KR_OK;
        }
    } else {
        KR_TRY(kr_compare_candidate(study, KR_COMPARE_TEMPERING, "tempering", edit_tempering,
                                    NULL, (kr_compare_task){ .every = 0 }, err));
    }
    return kr_compare_candidate(study, KR_COMPARE_ANNEALING, "population_annealing",
                                has_path ? edit_path : edit_annealing, NULL, task, err);
}

int kr_compare_real_candidates(kr_compare *study, kr_error *err)
{
    for (size_t k = 0; k < sizeof schedules / sizeof *schedules; k++) {
        kr_error why = { 0 };
        if (schedules[k].needs && !kr_compare_takes(study, schedules[k].needs, &why)) {
            kr_compare_leave_out(study, schedules[k].kind, schedules[k].name, why.text);
            continue;
        }
        KR_TRY(kr_compare_candidate(study, schedules[k].kind, schedules[k].name, edit_updates,
                                    schedules[k].updates, (kr_compare_task){ .every = 0 },
                                    err));
    }
    return ladders(study, err);
}
