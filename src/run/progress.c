/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/progress.c - progress with time left, on the messages stream. */
#include "run/progress.h"

#include "io/files.h"

#include <math.h>
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

/* What is shown of a stage. */
typedef struct kr_news {
    int64_t done, planned;
    double
        expected; /* steps at the end, as it looks; planned unless an error is to be reached */
    double left;  /* seconds until then; negative: not known */
    bool has_target;
    kr_stop_report target;
} kr_news;

static void print_number(FILE *out, const char *key, const char *format, double x)
{
    fprintf(out, ", \"%s\": ", key);
    if (isfinite(x)) {
        fprintf(out, format, x);
    } else {
        fputs("null", out);
    }
}

static void print_json(const kr_progress *p, const kr_news *news)
{
    fprintf(p->out, "{\"phase\": \"%s\", \"done\": %lld, \"planned\": %lld",
            kr_sampler_stage_name(p->stage), (long long)news->done, (long long)news->planned);
    print_number(p->out, "seconds_left", "%.1f", news->left >= 0.0 ? news->left : NAN);
    if (news->has_target) {
        print_number(p->out, "error", "%.4g", news->target.error);
        print_number(p->out, "wanted", "%.4g", news->target.wanted);
        print_number(p->out, "expected", "%.0f", news->target.expected);
    }
    fputs("}\n", p->out);
}

static void print_text(const kr_progress *p, const kr_news *news)
{
    char more[96] = "";
    kr_training_row row;
    const bool is_early = news->expected < (double)news->planned;
    if (p->stage == KR_STAGE_ADAPT && kr_sampler_training_row(p->sampler, 0, 0, &row)) {
        if (row.is_forward > 0.0) {
            snprintf(more, sizeof more, ", forward KL, loss %.3f", row.loss);
        } else {
            snprintf(more, sizeof more, ", reverse KL, ESS %.3f", row.ess);
        }
    } else if (news->has_target) {
        snprintf(more, sizeof more, ", error %.2g, wanted %.2g", news->target.error,
                 news->target.wanted);
    }
    fprintf(p->out, "%s%-10s %3.0f %%  %lld of %s%.0f%s", p->is_terminal ? "\r\033[K" : "",
            kr_sampler_stage_name(p->stage),
            news->expected > 0.0 ? 100.0 * (double)news->done / news->expected : 100.0,
            (long long)news->done,
            is_early           ? "about "
            : news->has_target ? "at most "
                               : "",
            news->expected, more);
    if (news->left >= 0.0) {
        const bool is_bound = p->stage == KR_STAGE_ADAPT || (news->has_target && !is_early);
        fprintf(p->out, ", %s%.0f s left", is_bound ? "at most " : "", news->left);
    }
    fputs(p->is_terminal ? "" : "\n", p->out);
}

void kr_progress_show(kr_progress *p)
{
    kr_news news = { .left = -1.0 };
    if (p->mode == KR_PROGRESS_NEVER) {
        return;
    }
    double now = kr_files_clock();
    double interval = p->mode == KR_PROGRESS_JSON ? 1.0 : p->is_terminal ? 0.25 : 10.0;
    kr_stage stage = kr_sampler_stage(p->sampler);
    kr_sampler_progress(p->sampler, &news.done, &news.planned);
    if (stage != p->stage) {
        p->stage = stage;
        p->stage_started = now;
        p->stage_from = news.done;
    } else if (now - p->shown < interval) {
        return;
    }
    news.expected = (double)news.planned;
    news.has_target = stage == KR_STAGE_MEASURE && kr_sampler_stop(p->sampler, &news.target) &&
                      !news.target.is_reached;
    if (news.has_target && news.target.expected < news.expected) {
        news.expected = fmax(news.target.expected, (double)news.done);
    }
    double rate = (double)(news.done - p->stage_from) / (now - p->stage_started);
    if (rate > 0.0) {
        news.left = (news.expected - (double)news.done) / rate;
    }
    if (p->mode == KR_PROGRESS_JSON) {
        print_json(p, &news);
    } else {
        print_text(p, &news);
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
