/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase.c - a study of classifiers from run file to result. */
#include "base/memory.h"
#include "io/files.h"
#include "study/phase_private.h"

/* What the study is of: the system, its points, and what the section `phase` says. */
static int describe(const kr_phase_study *study, kr_text *text, kr_error *err)
{
    const kr_phase_params *p = &study->params;
    char number[4][KR_NUMBER_MAX];
    KR_TRY(kr_text_add(text, err, "# A study of kramers phase.\n%sphase:\n  sizes: [",
                       study->base.text.data));
    for (int32_t k = 0; k < study->n_sizes; k++) {
        KR_TRY(kr_text_add(text, err, "%s%d", k ? ", " : "", study->size[k].side));
    }
    return kr_text_add(
        text, err,
        "]\n  share: %s\n  chains: %lld\n  draws: %lld\n  filters: %lld\n  hidden: %lld\n"
        "  epochs: %lld\n  batch: %lld\n  rate: %s\n  ridge: %s\n  nu: %s\n",
        kr_number_format(p->share, number[0]), (long long)p->chains, (long long)p->draws,
        (long long)p->filters, (long long)p->hidden, (long long)p->epochs, (long long)p->batch,
        kr_number_format(p->rate, number[1]), kr_number_format(p->ridge, number[2]),
        kr_number_format(p->nu, number[3]));
}

/* The system, and what the section says; takes the file. */
static int load(kr_phase_study *study, kr_runfile *file, kr_error *err)
{
    const int status = kr_spec_parse_phase(file, &study->params, err);
    if (status != KR_OK) {
        kr_runfile_free(file);
        return status;
    }
    KR_TRY(kr_study_load(&study->base, file, &study->params.sizes, 4, err));
    study->n_sizes = study->base.n_sizes;
    if (study->n_sizes > KR_PHASE_SIZES) {
        return kr_fail(err, KR_ERANGE, "%s: phase.sizes: %d entries, want 3..%d",
                       study->base.path, study->n_sizes, KR_PHASE_SIZES);
    }
    study->size = kr_alloc((size_t)study->n_sizes, sizeof *study->size, err);
    if (!study->size) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < study->n_sizes; k++) {
        study->size[k].side = study->base.side[k];
        study->size[k].n_sites = study->base.n_sites[k];
    }
    return kr_phase_prepare(study, err);
}

static int open_folder(kr_phase_study *study, kr_error *err)
{
    kr_text text = { 0 };
    int status = describe(study, &text, err);
    status = status == KR_OK ? kr_study_open_folder(&study->base, &text, err) : status;
    kr_text_clear(&text);
    return status;
}

static void say_windows(const kr_phase_study *study)
{
    const double *at = study->at;
    const char *name = kr_study_parameter(&study->base);
    kr_study_say(&study->base,
                 "phase: trains at %s = %.6g..%.6g and %.6g..%.6g (%d and %d of %d points); "
                 "nothing between is trained on\n",
                 name, at[0], at[study->window[0][0]], at[study->window[0][1]],
                 at[study->n_points - 1], study->window[0][0] + 1,
                 study->n_points - study->window[0][1], study->n_points);
    if (!study->has_net) {
        kr_study_say(&study->base, "phase: no network, logistic regression only: %s\n",
                     study->note);
    }
}

/* One size: measured, read, trained on. */
static int work_size(kr_phase_study *study, int32_t k, bool *is_finished, kr_error *err)
{
    kr_phase_data data = { 0 };
    KR_TRY(kr_phase_measure(study, k, is_finished, err));
    if (!*is_finished) {
        return KR_OK;
    }
    int status = kr_phase_load(study, k, &data, err);
    status = status == KR_OK ? kr_phase_train(study, k, &data, is_finished, err) : status;
    kr_phase_data_clear(&data);
    return status;
}

static int work(kr_phase_study *study, kr_runfile *file, FILE *out, bool *is_finished,
                kr_error *err)
{
    kr_error why = { 0 };
    *is_finished = true;
    KR_TRY(load(study, file, err));
    KR_TRY(open_folder(study, err));
    say_windows(study);
    for (int32_t k = 0; k < study->n_sizes && *is_finished; k++) {
        KR_TRY(work_size(study, k, is_finished, err));
    }
    if (!*is_finished) {
        return KR_OK;
    }
    KR_TRY(kr_phase_judge(study, err));
    kr_phase_say(study);
    if (kr_phase_plot(study, &why) != KR_OK) {
        kr_study_say(&study->base, "kramers: figures: %s\n", why.text);
    }
    if (study->base.options->is_json) {
        kr_phase_print_json(study, out);
    } else {
        kr_phase_print(study, out);
    }
    return KR_OK;
}

static void clear(kr_phase_study *study)
{
    for (int32_t k = 0; study->size && k < study->n_sizes; k++) {
        for (int32_t p = 0; p < KR_PHASE_POINTS; p++) {
            kr_critical_draws_clear(&study->size[k].draws[p]);
        }
    }
    kr_free(study->size);
    kr_study_clear(&study->base);
    kr_free(study);
}

int kr_phase_run(kr_runfile *file, const kr_study_options *options, FILE *out,
                 bool *is_finished, kr_error *err)
{
    kr_phase_study *study = kr_alloc(1, sizeof *study, err);
    if (!study) {
        kr_runfile_free(file);
        return KR_ENOMEM;
    }
    study->base.name = "phase";
    study->base.options = options;
    study->base.lock = -1;
    study->begun = kr_files_clock();
    const int status = work(study, file, out, is_finished, err);
    if (status != KR_OK) {
        kr_study_blame(&study->base, err);
    }
    clear(study);
    return status;
}
