/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/study_folder.c - the folder of a study: made, locked, known by its study.yaml, emptied
 * of nothing but the files of a study. */
#include "study/study.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int kr_study_write(const char *path, const kr_text *text, kr_error *err)
{
    char part[KR_STUDY_PATH + 16];
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

/* Names that a study gives, and nothing else. */
static bool is_ours(const char *name)
{
    static const char *const fixed[] = { "plan.yaml", "plan.yaml.partial", "study.yaml",
                                         "study.yaml.partial" };
    static const char *const figure[] = { "crossing.", "collapse.", "coexistence.", "phase." };
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
        sscanf(name, "scan%*d_L%d.h5%n", &a, &n) != 1 &&
        sscanf(name, "pilot_L%d.h5%n", &a, &n) != 1) {
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
        char path[KR_STUDY_PATH];
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

/* Whether a file begins with the same line as text. */
static bool is_study_file(const char *path, const char *text)
{
    char line[128] = "";
    FILE *in = fopen(path, "r");
    const bool is_ours =
        in && fgets(line, sizeof line, in) && *line && strncmp(line, text, strlen(line)) == 0;
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
        return kr_fail(err, KR_EINVAL, "%s: is no folder, want one or a free name (-o)", folder);
    }
    if (is_study) {
        return KR_OK;
    }
    if (access(path, F_OK) == 0) {
        return kr_fail(
            err, KR_EINVAL,
            "%s: damaged, or not written by such a study; want another folder (-o), or "
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

int kr_study_open_folder(kr_study *study, const kr_text *text, kr_error *err)
{
    const char *folder = study->options->folder;
    char path[KR_STUDY_PATH];
    kr_study_name(study, "study.yaml", path);
    const bool is_study = is_study_file(path, text->data);
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
    if (is_study && study->options->overwrite) {
        empty_folder(folder, is_ours);
    } else if (is_study) {
        kr_error why = { 0 };
        int status = KR_OK;
        kr_runfile *old = kr_runfile_load(path, &why);
        if (!old || strlen(old->source) != text->length ||
            memcmp(old->source, text->data, text->length) != 0) {
            status = kr_fail(err, KR_EMISMATCH,
                             "%s holds the study of another run file (study.yaml differs), "
                             "want another folder (-o) or --overwrite",
                             folder);
        }
        kr_runfile_free(old);
        study->is_resumed = status == KR_OK;
        return status;
    }
    return kr_study_write(path, text, err);
}

void kr_study_blame(const kr_study *study, kr_error *err)
{
    if (study->is_resumed && err && !strstr(err->text, "--overwrite")) {
        const size_t n = strlen(err->text);
        snprintf(err->text + n, sizeof err->text - n,
                 "\n  %s holds an earlier part of this study; --overwrite begins anew",
                 study->options->folder);
    }
}
