/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/progress.h - progress with time left, on the messages stream. */
#ifndef KR_RUN_PROGRESS_H
#define KR_RUN_PROGRESS_H

#include "run/run.h"

typedef struct kr_progress {
    kr_progress_mode mode;
    FILE *out;
    const kr_sampler *sampler;
    bool is_terminal, is_shown;
    double started, shown; /* clock */
    kr_stage stage;
    double stage_started;
    int64_t stage_from;
} kr_progress;

void kr_progress_init(kr_progress *progress, kr_progress_mode mode, FILE *out,
                      const kr_sampler *sampler);
/* Prints when enough time has passed: one line rewritten on a terminal, a line every 10 s and
 * at each new phase elsewhere, one JSON object per line and second in json mode. */
void kr_progress_show(kr_progress *progress);
void kr_progress_end(kr_progress *progress);

#endif
