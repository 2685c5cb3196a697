/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/progress.c - progress with time left, on the messages stream. */
#include "run/progress.h"

#include "io/files.h"

#include <unistd.h>

void kr_progress_init(kr_progress *p, kr_progress_mode mode, FILE *out,
                      const kr_sampler *sampler)
{
    double now = kr_files_clock();
    *p = (kr_progress){ .mode = out ? mode : KR_PROGRESS_NEVER,
                        .out = out,
                        .sampler = sampler,
                        .started = now,
                        .shown = now,
                        .stage = kr_sampler_stage(sampler),
                        .stage_started = now };
    int64_t planned;
    p->is_terminal = out && isatty(fileno(out));
    kr_sampler_progress(sampler, &p->stage_from, &planned);
}

static void print_json(const kr_progress *p, int64_t done, int64_t planned, double left)
{
    fprintf(p->out, "{\"phase\": \"%s\", \"done\": %lld, \"planned\": %lld, \"seconds_left\": ",
            kr_sampler_stage_name(p->stage), (long long)done, (long long)planned);
    if (left >= 0.0) {
        fprintf(p->out, "%.1f}\n", left);
    } else {
        fputs("null}\n", p->out);
    }
}

static void print_text(const kr_progress *p, int64_t done, int64_t planned, double left)
{
    char training[64] = "";
    kr_training_row row;
    if (p->stage == KR_STAGE_ADAPT && kr_sampler_training_row(p->sampler, 0, 0, &row)) {
        if (row.is_forward > 0.0) {
            snprintf(training, sizeof training, ", forward KL, loss %.3f", row.loss);
        } else {
            snprintf(training, sizeof training, ", reverse KL, ESS %.3f", row.ess);
        }
    }
    fprintf(p->out, "%s%-10s %3.0f %%  %lld of %lld%s", p->is_terminal ? "\r\033[K" : "",
            kr_sampler_stage_name(p->stage),
            planned ? 100.0 * (double)done / (double)planned : 100.0, (long long)done,
            (long long)planned, training);
    if (left >= 0.0) {
        fprintf(p->out, ", %s%.0f s left", p->stage == KR_STAGE_ADAPT ? "at most " : "", left);
    }
    fputs(p->is_terminal ? "" : "\n", p->out);
}

void kr_progress_show(kr_progress *p)
{
    if (p->mode == KR_PROGRESS_NEVER) {
        return;
    }
    double now = kr_files_clock();
    double interval = p->mode == KR_PROGRESS_JSON ? 1.0 : p->is_terminal ? 0.25 : 10.0;
    int64_t done, planned;
    kr_stage stage = kr_sampler_stage(p->sampler);
    kr_sampler_progress(p->sampler, &done, &planned);
    if (stage != p->stage) {
        p->stage = stage;
        p->stage_started = now;
        p->stage_from = done;
    } else if (now - p->shown < interval) {
        return;
    }
    double rate = (double)(done - p->stage_from) / (now - p->stage_started);
    double left = rate > 0.0 ? (double)(planned - done) / rate : -1.0;
    if (p->mode == KR_PROGRESS_JSON) {
        print_json(p, done, planned, left);
    } else {
        print_text(p, done, planned, left);
    }
    fflush(p->out);
    p->shown = now;
    p->is_shown = true;
}

void kr_progress_end(kr_progress *p)
{
    if (p->mode == KR_PROGRESS_AUTO && p->is_terminal && p->is_shown) {
        fputs("\r\033[K", p->out);
        fflush(p->out);
    }
}
