/* SPDX-License-Identifier: GPL-3.0-or-later
 * io/files.c - the files of one run: names, lock, parts folder. */
#include "io/files.h"

#include "base/memory.h"
#include "io/results.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *join(const char *a, const char *b, kr_error *err)
{
    size_t n = strlen(a) + strlen(b) + 1;
    char *text = kr_alloc(n, 1, err);
    if (text) {
        snprintf(text, n, "%s%s", a, b);
    }
    return text;
}

char *kr_files_copy(const char *text, kr_error *err)
{
    return join(text, "", err);
}

int kr_files_init(kr_files *files, const char *output, kr_error *err)
{
    *files = (kr_files){ .lock = -1 };
    files->output = join(output, "", err);
    files->folder = join(output, ".parts", err);
    files->restart = join(output, ".restart", err);
    files->previous = join(output, ".restart.previous", err);
    return files->output && files->folder && files->restart && files->previous ? KR_OK
                                                                               : KR_ENOMEM;
}

void kr_files_clear(kr_files *files)
{
    kr_free(files->output);
    kr_free(files->folder);
    kr_free(files->restart);
    kr_free(files->previous);
    *files = (kr_files){ .lock = -1 };
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* The folder that was locked is still the one of that name: a run that ends removes its own. */
static bool is_current(const kr_files *files)
{
    struct stat mine, named;
    return fstat(files->lock, &mine) == 0 && stat(files->folder, &named) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

static int take_lock(kr_files *files, kr_error *err)
{
    do {
        kr_files_unlock(files);
        if (mkdir(files->folder, 0777) != 0 && errno != EEXIST) {
            return kr_fail(err, KR_EIO, "%s: cannot make the folder: %s", files->folder,
                           strerror(errno));
        }
        files->lock = open(files->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (files->lock < 0 && errno != ENOENT) {
            return kr_fail(err, KR_EIO, "%s: cannot open the folder: %s", files->folder,
                           strerror(errno));
        }
        if (files->lock >= 0 && flock(files->lock, LOCK_EX | LOCK_NB) != 0) {
            kr_files_unlock(files);
            return kr_fail(err, KR_EIO, "%s: another process is writing this run",
                           files->output);
        }
    } while (files->lock < 0 || !is_current(files));
    return KR_OK;
}

static int check_unused(const kr_files *files, kr_error *err)
{
    if (exists(files->restart) || exists(files->previous)) {
        return kr_fail(err, KR_EPARSE,
                       "%s: an unfinished run of this name exists, want `kramers resume %s` or "
                       "--overwrite",
                       files->output, files->output);
    }
    return KR_OK;
}

bool kr_files_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return *a && *b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* A mistyped name must not cost a run file or the data of another program. */
static int check_is_result(const char *path, kr_error *err)
{
    kr_reader *reader = kr_reader_open(path, NULL);
    const char *version;
    bool is_result = reader && kr_reader_attr_text(reader, "", "", "kramers_version", &version);
    kr_reader_close(reader);
    return is_result ? KR_OK
                     : kr_fail(err, KR_EPARSE,
                               "%s: exists and is no result file of kramers, which alone "
                               "--overwrite replaces; want another -o",
                               path);
}

static int check_folder(const char *path, kr_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = join(slash ? path : ".", "", err);
    if (!folder) {
        return KR_ENOMEM;
    }
    if (slash) {
        folder[slash - path + 1] = '\0';
    }
    int status = access(folder, W_OK | X_OK) == 0
                     ? KR_OK
                     : kr_fail(err, KR_EPARSE, "%s: cannot write to the folder: %s", path,
                               strerror(errno));
    kr_free(folder);
    return status;
}

int kr_files_check_replace(const char *path, bool overwrite, kr_error *err)
{
    struct stat info;
    if (!*path) {
        return kr_fail(err, KR_EPARSE, "output: no name, want one such as NAME.h5");
    }
    KR_TRY(check_folder(path, err));
    if (stat(path, &info) != 0) {
        return KR_OK;
    }
    if (!S_ISREG(info.st_mode)) {
        return kr_fail(err, KR_EPARSE, "%s: a folder, pipe or device, want a regular file",
                       path);
    }
    return overwrite ? check_is_result(path, err)
                     : kr_fail(err, KR_EPARSE,
                               "%s: the output exists, want another -o or --overwrite", path);
}

int kr_files_check_new(const kr_files *files, bool overwrite, kr_error *err)
{
    KR_TRY(kr_files_check_replace(files->output, overwrite, err));
    if (!overwrite) {
        KR_TRY(check_unused(files, err));
    }
    return KR_OK;
}

int kr_files_claim(kr_files *files, bool overwrite, kr_error *err)
{
    KR_TRY(kr_files_check_new(files, overwrite, err));
    KR_TRY(take_lock(files, err));
    int status = kr_files_check_new(files, overwrite, err); /* by a run that just ended */
    if (status != KR_OK) {
        kr_files_release(files);
    }
    return status;
}

int kr_files_remove_old(const kr_files *files, kr_error *err)
{
    KR_TRY(kr_files_drop_parts(files, 0, err));
    const char *const old[] = { files->output, files->restart, files->previous };
    for (int k = 0; k < 3; k++) {
        if (unlink(old[k]) != 0 && errno != ENOENT) {
            return kr_fail(err, KR_EIO, "%s: cannot remove: %s", old[k], strerror(errno));
        }
    }
    return KR_OK;
}

int kr_files_check_restart(const kr_files *files, kr_error *err)
{
    if (exists(files->restart) || exists(files->previous)) {
        return KR_OK;
    }
    return kr_fail(err, KR_EPARSE, "%s: no restart file beside it, want %s", files->output,
                   files->restart);
}

int kr_files_reclaim(kr_files *files, kr_error *err)
{
    KR_TRY(kr_files_check_restart(files, err));
    return take_lock(files, err);
}

bool kr_files_is_locked(const kr_files *files)
{
    int folder = open(files->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return false;
    }
    bool is_locked = flock(folder, LOCK_EX | LOCK_NB) != 0;
    close(folder);
    return is_locked;
}

void kr_files_unlock(kr_files *files)
{
    if (files->lock >= 0) {
        close(files->lock);
        files->lock = -1;
    }
}

void kr_files_release(kr_files *files)
{
    if (files->lock >= 0) {
        rmdir(files->folder); /* fails when parts are in it, as it should */
        kr_files_unlock(files);
    }
}

char *kr_files_part(const kr_files *files, int64_t n, kr_error *err)
{
    char name[48];
    snprintf(name, sizeof name, "/part-%06lld.h5", (long long)n);
    return join(files->folder, name, err);
}

/* Number of a part, 0 for temporary files, -1 for what is not ours. */
static long long part_number(const char *name)
{
    long long n = -1;
    int end = 0;
    if (sscanf(name, "part-%lld.h5%n", &n, &end) != 1 || end == 0) {
        return -1;
    }
    return name[end] == '\0' ? n : strcmp(name + end, ".tmp") == 0 ? 0 : -1;
}

int kr_files_drop_parts(const kr_files *files, int64_t n, kr_error *err)
{
    DIR *folder = opendir(files->folder);
    if (!folder) {
        return kr_fail(err, KR_EIO, "%s: cannot list the folder: %s", files->folder,
                       strerror(errno));
    }
    int status = KR_OK;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        long long number = part_number(entry->d_name);
        if (number < 0 || (number > 0 && number <= n)) {
            continue;
        }
        if (unlinkat(dirfd(folder), entry->d_name, 0) != 0) {
            status = kr_fail(err, KR_EIO, "%s/%s: cannot remove: %s", files->folder,
                             entry->d_name, strerror(errno));
        }
    }
    closedir(folder);
    return status;
}

void kr_files_finish(kr_files *files)
{
    if (files->lock < 0) {
        return;
    }
    kr_files_drop_parts(files, 0, NULL);
    unlink(files->previous);
    kr_files_release(files); /* last: from then on the name is free for others */
}

double kr_files_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
