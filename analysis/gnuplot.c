/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/gnuplot.c - a gnuplot script with its data file, and running it.
 *
 * Titles and paths come from files: they are written in single quotes, where gnuplot
 * substitutes nothing, and names in the script start with "./", since gnuplot runs "<..." and
 * "|...". */
#include "analysis/gnuplot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

const char *kr_gnuplot_color(int k)
{
    static const char *const color[KR_COLORS] = { "#0072B2", "#E69F00", "#009E73", "#D55E00",
                                                  "#56B4E9", "#CC79A7", "#F0E442" };
    return color[k % KR_COLORS];
}

static FILE *open_beside(const kr_gnuplot *g, const char *ending, kr_error *err)
{
    char path[KR_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s%s", g->prefix, ending);
    FILE *file = fopen(path, "w");
    if (!file) {
        kr_fail(err, KR_EIO, "%s: %s", path, strerror(errno));
    }
    return file;
}

static void write_terminal(kr_gnuplot *g, const char *ending, int width, int height)
{
    if (strcmp(ending, ".svg") == 0) {
        fprintf(g->script, "set terminal svg size %d,%d font 'sans,12' background 'white'\n",
                width, height);
    } else if (strcmp(ending, ".pdf") == 0) {
        fprintf(g->script, "set terminal pdfcairo size %.2f,%.2f font 'sans,9'\n",
                width / 110.0, height / 110.0);
    } else {
        fprintf(g->script,
                "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
                "    set terminal pngcairo size %d,%d font 'sans,10'\n"
                "} else {\n    set terminal png truecolor size %d,%d\n}\n",
                width, height, width, height);
    }
    fputs("set output ", g->script);
    char output[KR_PATH_MAX];
    snprintf(output, sizeof output, "./%s%s", g->name, ending);
    kr_gnuplot_text(g, output, sizeof output);
    snprintf(output, sizeof output, "./%s.dat", g->name);
    fputs("\ndata = ", g->script);
    kr_gnuplot_text(g, output, sizeof output);
    fputs("\nset datafile missing 'nan'\nset tics nomirror out\nset border 3\n"
          "set style fill solid\n",
          g->script);
}

int kr_gnuplot_open(kr_gnuplot *g, const char *figure, int width, int height, kr_error *err)
{
    *g = (kr_gnuplot){ .name = g->prefix };
    const char *slash = strrchr(figure, '/'), *ending = strrchr(figure, '.');
    bool is_known = ending && ending > (slash ? slash + 1 : figure) &&
                    (strcmp(ending, ".svg") == 0 || strcmp(ending, ".png") == 0 ||
                     strcmp(ending, ".pdf") == 0);
    if (!is_known) {
        return kr_fail(err, KR_EUNSUP, "figure %s: unknown ending, want .svg, .png or .pdf",
                       figure);
    }
    if (strlen(figure) >= KR_PATH_MAX - 8 || strpbrk(figure, "\n\r")) {
        return kr_fail(err, KR_EUNSUP, "figure: path too long or holds a line break");
    }
    snprintf(g->prefix, sizeof g->prefix, "%.*s", (int)(ending - figure), figure);
    g->name = strrchr(g->prefix, '/') ? strrchr(g->prefix, '/') + 1 : g->prefix;
    g->script = open_beside(g, ".gp", err);
    g->data = g->script ? open_beside(g, ".dat", err) : NULL;
    if (!g->data) {
        kr_gnuplot_close(g);
        return KR_EIO;
    }
    write_terminal(g, ending, width, height);
    return KR_OK;
}

int kr_gnuplot_block(kr_gnuplot *g, const char *comment)
{
    fprintf(g->data, "%s# %s\n", g->n_blocks ? "\n\n" : "", comment);
    return g->n_blocks++;
}

void kr_gnuplot_text(kr_gnuplot *g, const char *text, size_t max)
{
    fputc('\'', g->script);
    for (size_t k = 0; text[k] && k < max; k++) {
        unsigned char c = (unsigned char)text[k];
        if (c == '\'') {
            fputs("''", g->script);
        } else {
            fputc(c < 0x20 || c == 0x7f ? ' ' : c, g->script);
        }
    }
    fputc('\'', g->script);
}

double kr_gnuplot_step(double range, int n_max)
{
    double least = range / n_max, power = pow(10.0, floor(log10(least)));
    double digit = least / power;
    return power * (digit <= 1.0 ? 1.0 : digit <= 2.0 ? 2.0 : digit <= 5.0 ? 5.0 : 10.0);
}

bool kr_gnuplot_exists(void)
{
    char program[KR_PATH_MAX];
    const char *path = getenv("PATH");
    while (path && *path) {
        const int n = (int)strcspn(path, ":");
        snprintf(program, sizeof program, "%.*s/gnuplot", n, path);
        if (n > 0 && access(program, X_OK) == 0) {
            return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

extern char **environ;

/* gnuplot in the folder of the figure (its own `cd`, quotes doubled), its messages into the
 * pipe. Returns an errno. */
static int spawn(const char *folder, char *script, const int ends[2], pid_t *child)
{
    char program[] = "gnuplot", no_settings[] = "-d", expression[] = "-e";
    char change[2 * KR_PATH_MAX + 8] = "cd '";
    size_t n = strlen(change);
    for (const char *c = folder; *c && n < sizeof change - 4; c++) {
        change[n++] = *c;
        if (*c == '\'') {
            change[n++] = '\'';
        }
    }
    change[n] = '\'';
    /* -d: no start-up file */
    char *const arguments[] = { program, no_settings, expression, change, script, NULL };
    posix_spawn_file_actions_t actions;
    int status = posix_spawn_file_actions_init(&actions);
    if (status == 0) {
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        status = posix_spawnp(child, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    return status;
}

/* First line gnuplot said that is not its echo of the script. */
static void read_message(int messages, char *text, size_t size)
{
    char buffer[4096];
    size_t used = 0;
    ssize_t n;
    while ((n = read(messages, buffer + used, sizeof buffer - 1 - used)) != 0) {
        if (n < 0 && errno != EINTR) {
            break;
        }
        used += n > 0 ? (size_t)n : 0;
        if (used == sizeof buffer - 1) { /* keep the pipe empty, keep the end */
            memmove(buffer, buffer + used / 2, used - used / 2);
            used -= used / 2;
        }
    }
    buffer[used] = '\0';
    const char *line = strstr(buffer, "line ");
    line = line ? line : buffer + strspn(buffer, "\n ");
    snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static int run_gnuplot(const kr_gnuplot *g, kr_error *err)
{
    char folder[KR_PATH_MAX], script[KR_PATH_MAX + 8], message[512];
    int ends[2], exit_status = 0;
    snprintf(folder, sizeof folder, "%.*s", (int)(g->name - g->prefix), g->prefix);
    snprintf(script, sizeof script, "./%s.gp", g->name);
    if (pipe(ends) != 0) {
        return kr_fail(err, KR_EIO, "gnuplot: no pipe: %s", strerror(errno));
    }
    pid_t child = 0;
    int failure = spawn(folder[0] ? folder : ".", script, ends, &child);
    close(ends[1]);
    if (failure != 0) {
        close(ends[0]);
        return failure == ENOENT
                   ? kr_fail(
                         err, KR_EIO,
                         "gnuplot: not found, want it installed; script and data are %s.gp, "
                         ".dat",
                         g->prefix)
                   : kr_fail(err, KR_EIO, "gnuplot: could not be started: %s",
                             strerror(failure));
    }
    read_message(ends[0], message, sizeof message);
    close(ends[0]);
    while (waitpid(child, &exit_status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(exit_status) || WEXITSTATUS(exit_status) != 0) {
        return kr_fail(err, KR_EIO, "gnuplot: failed on %s.gp: %s", g->prefix, message);
    }
    return KR_OK;
}

int kr_gnuplot_draw(kr_gnuplot *g, kr_error *err)
{
    bool is_bad = ferror(g->script) || ferror(g->data);
    is_bad = fclose(g->script) != 0 || is_bad;
    is_bad = fclose(g->data) != 0 || is_bad;
    g->script = g->data = NULL;
    if (is_bad) {
        return kr_fail(err, KR_EIO, "%s.gp: could not be written", g->prefix);
    }
    return run_gnuplot(g, err);
}

void kr_gnuplot_discard(const kr_gnuplot *g)
{
    static const char *const ending[] = { ".gp", ".dat" };
    for (int k = 0; k < 2; k++) {
        char path[KR_PATH_MAX + 8];
        snprintf(path, sizeof path, "%s%s", g->prefix, ending[k]);
        unlink(path);
    }
}

void kr_gnuplot_close(kr_gnuplot *g)
{
    if (g->script) {
        fclose(g->script);
    }
    if (g->data) {
        fclose(g->data);
    }
    g->script = g->data = NULL;
}
