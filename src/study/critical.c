/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical.c - the study of a transition from run file to result. */
#include "base/memory.h"
#include "io/files.h"
#include "study/critical_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "# A study of kramers critical.\n"

/* ---- the folder ---------------------------------------------------------------------------
 */

int kr_critical_write(const char *path, const kr_text *text, kr_error *err)
{
    char part[KR_CRITICAL_PATH + 16];
    snprintf(part, sizeof part, "%s.partial", path);
    FILE *out = fopen(part, "w");
    if (!out) {
        return kr_fail(err, KR_EIO, "%s: %s", part, strerror(errno));
    }
    bool is_bad = fwrite(text->data, 1, text->length, out) != text->length;
    is_bad = fclose(out) != 0 || is_bad;
    return is_bad || rename(part, path) != 0
               ? kr_fail(err, KR_EIO, "%s: %s", path, strerror(errno))
               : KR_OK;
}

/* What the study is of: the system, and what the section `critical` says. */
static int describe(const kr_critical *study, kr_text *text, kr_error *err)
{
    char number[2][KR_NUMBER_MAX];
    KR_TRY(kr_text_add(text, err, "%s%s", HEAD, study->text.data));
    KR_TRY(kr_text_add(text, err, "critical:\n  minutes: %s\n  omega: %s\n  sizes: [",
                       kr_number_format(study->minutes, number[0]),
                       kr_number_format(study->omega, number[1])));
    for (int32_t k = 0; k < study->n_sizes; k++) {
        KR_TRY(kr_text_add(text, err, "%s%d", k ? ", " : "", study->size[k].side));
    }
    return kr_text_add(text, err, "]\n");
}

/* Names that a study gives, and nothing else. */
static bool is_ours(const char *name)
{
    static const char *const fixed[] = { "plan.yaml", "plan.yaml.partial", "study.yaml",
                                         "study.yaml.partial" };
    static const char *const figure[] = { "crossing.", "collapse.", "coexistence." };
    static const char *const ending[] = { "svg", "gp", "dat" };
    int a = 0, n = 0;
    for (size_t k = 0; k < sizeof fixed / sizeof *fixed; k++) {
        if (strcmp(name, fixed[k]) == 0) {
            return true;
        }
    }
    for (size_t k = 0; k < sizeof figure / sizeof *figure; k++) {
        for (size_t e = 0; e < sizeof ending / sizeof *ending; e++) {
            const size_t length = strlen(figure[k]);
            if (strncmp(name, figure[k], length) == 0 &&
                strcmp(name + length, ending[e]) == 0) {
                return true;
            }
        }
    }
    if (sscanf(name, "L%d.h5%n", &a, &n) != 1 &&
        sscanf(name, "scan%*d_L%d.h5%n", &a, &n) != 1) {
        n = strncmp(name, "pilot.h5", 8) == 0 ? 8 : 0;
    }
    const char *rest = name + n;
    return n > 0 && (!*rest || strcmp(rest, ".restart") == 0 ||
                     strcmp(rest, ".restart.previous") == 0 || strcmp(rest, ".parts") == 0);
}

static bool is_part(const char *name)
{
    return strncmp(name, "part-", 5) == 0 || strcmp(name, "lock") == 0;
}

/* Removes the files of a study; anything else stays, and the folder with it. */
static void empty_folder(const char *folder, bool (*is_known)(const char *name))
{
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char path[KR_CRITICAL_PATH];
        struct stat info;
        snprintf(path, sizeof path, "%.3800s/%s", folder, e->d_name);
        if (!is_known(e->d_name) || lstat(path, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            empty_folder(path, is_part);
            rmdir(path);
        } else {
            unlink(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static bool is_study_file(const char *path)
{
    char line[sizeof HEAD] = "";
    FILE *in = fopen(path, "r");
    const bool is_ours = in && fgets(line, sizeof line, in) && strcmp(line, HEAD) == 0;
    if (in) {
        fclose(in);
    }
    return is_ours;
}

/* A folder that is there must be empty or hold a study, whose file is `path`. */
static int check_folder(const char *folder, const char *path, bool is_study, kr_error *err)
{
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return kr_fail(err, KR_EINVAL, "%s: exists and is none, want a folder (-o)", folder);
    }
    if (is_study) {
        return KR_OK;
    }
    if (access(path, F_OK) == 0) {
        return kr_fail(err, KR_EINVAL,
                       "%s: damaged, or not written by a study; want another folder (-o), or "
                       "this one removed",
                       path);
    }
    DIR *dir = opendir(folder);
    int n = 0;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        n += e->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return n == 0 ? KR_OK
                  : kr_fail(err, KR_EINVAL,
                            "%s: the folder holds other files and no study, want a new or an "
                            "empty folder (-o)",
                            folder);
}

/* The folder with study.yaml in it, which must be that of the same study. */
static int open_folder(kr_critical *study, kr_error *err)
{
    const char *folder = study->options->folder;
    char path[KR_CRITICAL_PATH];
    kr_text text = { 0 };
    kr_critical_name(study, "study.yaml", path);
    const bool is_study = is_study_file(path);
    if (mkdir(folder, 0777) != 0) {
        if (errno != EEXIST) {
            return kr_fail(err, KR_EINVAL, "%s: %s, want a folder (-o)", folder,
                           strerror(errno));
        }
        KR_TRY(check_folder(folder, path, is_study, err));
    }
    study->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (study->lock < 0 || flock(study->lock, LOCK_EX | LOCK_NB) != 0) {
        return kr_fail(err, KR_EINVAL, "%s: %s", folder,
                       errno == EWOULDBLOCK ? "another process works on this study"
                                            : strerror(errno));
    }
    KR_TRY(describe(study, &text, err));
    int status = KR_OK;
    if (is_study && study->options->overwrite) {
        empty_folder(folder, is_ours);
    } else if (is_study) {
        kr_error why = { 0 };
        kr_runfile *old = kr_runfile_load(path, &why);
        if (!old || strlen(old->source) != text.length ||
            memcmp(old->source, text.data, text.length) != 0) {
            status = kr_fail(err, KR_EMISMATCH,
                             "%s holds the study of another run file (study.yaml differs), "
                             "want another folder (-o) or --overwrite",
                             folder);
        }
        kr_runfile_free(old);
        kr_text_clear(&text);
        study->is_resumed = status == KR_OK;
        return status;
    }
    status = kr_critical_write(path, &text, err);
    kr_text_clear(&text);
    return status;
}

/* Pilots have done their work. */
static void remove_pilots(const kr_critical *study)
{
    char path[KR_CRITICAL_PATH];
    kr_critical_name(study, "pilot.h5", path);
    unlink(path);
    kr_critical_name(study, "pilot.h5.restart", path);
    unlink(path);
}

static void clear(kr_critical *study)
{
    if (study->lock >= 0) {
        close(study->lock);
    }
    kr_spec_free(study->spec);
    kr_runfile_free(study->own_written);
    kr_text_clear(&study->text);
    kr_free(study);
}

static int work(kr_critical *study, kr_runfile *file, FILE *out, bool *is_finished,
                kr_error *err)
{
    kr_error why = { 0 };
    *is_finished = true;
    KR_TRY(kr_critical_load(study, file, err));
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
        kr_critical_say(study, "kramers: figures: %s\n", why.text);
    }
    if (study->options->is_json) {
        return kr_critical_print_json(study, out, err);
    }
    kr_critical_print(study, out);
    return KR_OK;
}

int kr_critical_run(kr_runfile *file, const kr_critical_options *options, FILE *out,
                    bool *is_finished, kr_error *err)
{
    kr_critical *study = kr_alloc(1, sizeof *study, err);
    if (!study) {
        kr_runfile_free(file);
        return KR_ENOMEM;
    }
    study->options = options;
    study->lock = -1;
    study->begun = kr_files_clock();
    const int status = work(study, file, out, is_finished, err);
    if (status != KR_OK && study->is_resumed && err && !strstr(err->text, "--overwrite")) {
        const size_t n = strlen(err->text);
        snprintf(err->text + n, sizeof err->text - n,
                 "\n  %s holds an earlier part of this study; --overwrite begins anew",
                 options->folder);
    }
    clear(study);
    return status;
}
