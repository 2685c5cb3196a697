/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical.c - the study of a transition from run file to result. */
#include "base/memory.h"
#include "io/files.h"
#include "study/critical_private.h"

#include <unistd.h>

#define HEAD "# A study of kramers critical.\n"

/* What the study is of: the system, and what the section `critical` says. */
static int describe(const kr_critical *study, kr_text *text, kr_error *err)
{
    char number[2][KR_NUMBER_MAX];
    KR_TRY(kr_text_add(text, err, "%s%s", HEAD, study->base.text.data));
    KR_TRY(kr_text_add(text, err, "critical:\n  minutes: %s\n  omega: %s\n  sizes: [",
                       kr_number_format(study->minutes, number[0]),
                       kr_number_format(study->omega, number[1])));
    for (int32_t k = 0; k < study->n_sizes; k++) {
        KR_TRY(kr_text_add(text, err, "%s%d", k ? ", " : "", study->size[k].side));
    }
    return kr_text_add(text, err, "]\n");
}

/* Pilots have done their work. */
static void remove_pilots(const kr_critical *study)
{
    char path[KR_STUDY_PATH];
    kr_study_name(&study->base, "pilot.h5", path);
    unlink(path);
    kr_study_name(&study->base, "pilot.h5.restart", path);
    unlink(path);
}

static void clear(kr_critical *study)
{
    kr_study_clear(&study->base);
    kr_free(study);
}

/* The system, and what the section says; takes the file. */
static int load(kr_critical *study, kr_runfile *file, kr_error *err)
{
    kr_critical_params params;
    const int status = kr_spec_parse_critical(file, &params, err);
    if (status != KR_OK) {
        kr_runfile_free(file);
        return status;
    }
    study->minutes = params.minutes;
    study->omega = params.omega;
    KR_TRY(kr_study_load(&study->base, file, &params.sizes, KR_STUDY_SIZES, err));
    _Static_assert(KR_STUDY_SIZES <= KR_SCALING_SIZES, "as many sizes as fits take");
    study->n_sizes = study->base.n_sizes;
    for (int32_t k = 0; k < study->n_sizes; k++) {
        study->size[k].side = study->base.side[k];
        study->size[k].n_sites = study->base.n_sites[k];
    }
    return KR_OK;
}

static int open_folder(kr_critical *study, kr_error *err)
{
    kr_text text = { 0 };
    int status = describe(study, &text, err);
    status = status == KR_OK ? kr_study_open_folder(&study->base, &text, err) : status;
    kr_text_clear(&text);
    return status;
}

static int work(kr_critical *study, kr_runfile *file, FILE *out, bool *is_finished,
                kr_error *err)
{
    kr_error why = { 0 };
    *is_finished = true;
    KR_TRY(load(study, file, err));
    KR_TRY(open_folder(study, err));
    KR_TRY(kr_critical_plan(study, is_finished, err));
    if (*is_finished) {
        remove_pilots(study);
        KR_TRY(kr_critical_measure(study, is_finished, err));
    }
    if (!*is_finished) {
        return KR_OK;
    }
    KR_TRY(kr_critical_judge(study, err));
    if (kr_critical_plot(study, &why) != KR_OK) {
        kr_study_say(&study->base, "kramers: figures: %s\n", why.text);
    }
    if (study->base.options->is_json) {
        return kr_critical_print_json(study, out, err);
    }
    kr_critical_print(study, out);
    return KR_OK;
}

int kr_critical_run(kr_runfile *file, const kr_study_options *options, FILE *out,
                    bool *is_finished, kr_error *err)
{
    kr_critical *study = kr_alloc(1, sizeof *study, err);
    if (!study) {
        kr_runfile_free(file);
        return KR_ENOMEM;
    }
    study->base.name = "critical";
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
