/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/main.c - the program: standard files, memory limit, signals, then the command line. The
 * only file with a mutable global: the flag that a signal handler may touch. */
#include "io/results.h"
#include "run/cli.h"

#include <fcntl.h>
#include <gsl/gsl_errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

/* The first signal asks for a clean stop; the handler is gone for the second. */
static void on_signal(int number)
{
    stop = number;
}

/* A closed stdin, stdout or stderr would give its number to the next file that is opened, and
 * messages would go into the data. Opened for reading, so that writing there still fails. */
static void fill_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

/* Bytes of data the process has mapped; 0 when unknown. */
static double mapped_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long data = 0;
    if (file) {
        if (fscanf(file, "%*d %*d %*d %*d %*d %ld", &data) != 1) {
            data = 0;
        }
        fclose(file);
    }
    return (double)data * (double)sysconf(_SC_PAGESIZE);
}

/* Beyond 7/8 of the memory of the machine (the system needs some) an allocation shall fail,
 * with a message, instead of the process being killed when it touches what it was given. A
 * sanitizer that has mapped far more already goes without. */
static void limit_memory(void)
{
    struct rlimit limit;
    double memory = 0.875 * (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (memory < 1e6 || mapped_bytes() > memory / 2.0 || getrlimit(RLIMIT_DATA, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur == RLIM_INFINITY || (double)limit.rlim_cur > memory) {
        limit.rlim_cur = (rlim_t)memory;
        setrlimit(RLIMIT_DATA, &limit);
    }
}

/* Large blocks go back to the system when they are freed. glibc would keep up to 32 MiB each
 * once one of that size was freed, and an analysis, which works in blocks of that size, would
 * grow with every column. */
static void return_memory(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

int main(int argc, char **argv)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU };
    fill_standard_files();
    limit_memory();
    return_memory();
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    for (size_t k = 0; k < sizeof signals / sizeof *signals; k++) {
        sigaction(signals[k], &action, NULL);
    }
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    gsl_set_error_handler_off();
    kr_results_skip_cleanup();
    return kr_cli_main(argc, argv, &stop);
}
