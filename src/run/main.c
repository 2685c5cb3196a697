/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/main.c - the program: signals, then the command line. The only file with a mutable
 * global: the flag that a signal handler may touch. */
#include "io/results.h"
#include "run/cli.h"

#include <gsl/gsl_errno.h>
#include <stddef.h>

static volatile sig_atomic_t stop;

/* The first signal asks for a clean stop; the handler is gone for the second. */
static void on_signal(int number)
{
    stop = number;
}

int main(int argc, char **argv)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU };
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
