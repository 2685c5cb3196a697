/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare.c - the comparison as a whole: load, measure, judge, print. */
#include "base/memory.h"
#include "study/compare_private.h"

#include <math.h>

#define PACKAGES_MAX 8

/* ---- energy counters -------------------------------------------------------------------- */

typedef struct joules {
    int32_t n;
    double first[PACKAGES_MAX], range[PACKAGES_MAX]; /* microjoules */
} joules;

/* Number in a file of one package's counter; NaN where there is none to read. */
static double read_counter(int32_t package, const char *name)
{
    char path[128];
    double value = NAN;
    snprintf(path, sizeof path, "/sys/class/powercap/intel-rapl:%d/%s", package, name);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%lf", &value) != 1) {
            value = NAN;
        }
        fclose(file);
    }
    return value;
}

static void open_joules(joules *j)
{
    for (j->n = 0; j->n < PACKAGES_MAX; j->n++) {
        j->first[j->n] = read_counter(j->n, "energy_uj");
        j->range[j->n] = read_counter(j->n, "max_energy_range_uj");
        if (!isfinite(j->first[j->n])) {
            return;
        }
    }
}

/* Counters wrap; more than once in a study is not told. */
static double read_joules(const joules *j)
{
    double sum = 0.0;
    for (int32_t k = 0; k < j->n; k++) {
        double d = read_counter(k, "energy_uj") - j->first[k];
        sum += d < 0.0 ? d + j->range[k] : d;
    }
    return j->n > 0 ? 1e-6 * sum : NAN;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* A table without a row compares nothing. */
static int check_rows(const kr_compare *study, kr_error *err)
{
    int32_t n = 0;
    for (int32_t r = 0; r < study->n_rows; r++) {
        n += study->row[r].status != KR_COMPARE_LEFT_OUT;
    }
    return n > 0 || study->is_stopped
               ? KR_OK
               : kr_fail(err, KR_EUNSUP,
                         "compare: --without leaves none of %d candidates, want one or more",
                         study->n_rows);
}

static int run(kr_compare *study, kr_runfile *file, FILE *out, kr_error *err)
{
    const kr_compare_options *options = study->options;
    joules counters;
    open_joules(&counters);
    KR_TRY(kr_compare_load(study, file, err));
    KR_TRY(kr_compare_check_without(study, err));
    int status = kr_compare_candidates(study, err);
    study->is_stopped = kr_compare_must_stop(study);
    KR_TRY(status);
    KR_TRY(check_rows(study, err));
    study->energy_j = read_joules(&counters);
    kr_compare_judge(study);
    if (options->is_json) {
        kr_compare_print_json(study, out);
    } else {
        kr_compare_print(study, out);
    }
    return options->figure ? kr_compare_plot(study, options->figure, err) : KR_OK;
}

int kr_compare_run(kr_runfile *file, const kr_compare_options *options, FILE *out,
                   bool *is_stopped, kr_error *err)
{
    *is_stopped = false;
    kr_compare *study = kr_alloc(1, sizeof *study, err);
    if (!study) {
        kr_runfile_free(file);
        return KR_ENOMEM;
    }
    study->options = options;
    study->energy_j = NAN;
    int status = run(study, file, out, err);
    *is_stopped = study->is_stopped;
    kr_spec_free(study->spec);
    kr_text_clear(&study->text);
    kr_free(study);
    return status;
}
