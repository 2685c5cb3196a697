/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_stop.c - why measuring ended, where an error was to be reached. */
#include "run/schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends to a text. */
static void add(char *text, size_t size, const char *format, ...) KR_PRINTF(3, 4);
static void add(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

bool kr_schema_tell_stop(const kr_sampler *sampler, const kr_spec *spec, char *text,
                         size_t size)
{
    kr_stop_report r;
    const kr_sampler_config *c = &spec->config;
    const long long steps = (long long)(kr_sampler_draws(sampler) * c->every);
    const bool is_done = kr_sampler_stage(sampler) == KR_STAGE_DONE;
    if (!kr_sampler_stop(sampler, &r)) {
        return false;
    }
    snprintf(text, size,
             r.is_reached ? "stopped at step %lld: "
             : is_done    ? "max_steps reached first, at step %lld: "
                          : "at step %lld: ",
             steps);
    if (isnan(r.error)) {
        add(text, size, "error of %s not known, wanted ", c->stop.observable);
    } else {
        add(text, size, "error %.3g of %s, wanted ", r.error, c->stop.observable);
    }
    if (c->stop.relative > 0.0) {
        add(text, size, "%.3g of the mean %.6g", c->stop.relative, r.mean);
    } else {
        add(text, size, "%.3g", r.wanted);
    }
    for (int32_t a = 0; a < spec->n_axes && c->n_points > 1; a++) {
        add(text, size, "%s%s = %.8g", a ? ", " : ", at ", spec->axis[a].path,
            spec->axis[a].value[r.point]);
    }
    if (r.why) {
        add(text, size, "; %s", r.why);
    }
    return true;
}

int kr_schema_put_stop(kr_schema *s, kr_error *err)
{
    char text[4 * KR_TEXT_MAX];
    kr_stop_report r;
    if (!kr_sampler_stop(s->sampler, &r)) {
        return KR_OK;
    }
    kr_schema_tell_stop(s->sampler, s->spec, text, sizeof text);
    const struct {
        const char *name;
        double value;
    } number[] = {
        { "stop_error", r.error },
        { "stop_error_uncertainty", r.uncertainty },
        { "stop_wanted", r.wanted },
        { "stop_reached", r.is_reached },
    };
    KR_TRY(kr_results_attr_text(s->results, "posterior", "", "stop", text, err));
    KR_TRY(kr_results_attr_text(s->results, "posterior", "", "stop_observable",
                                s->spec->config.stop.observable, err));
    for (size_t k = 0; k < sizeof number / sizeof *number; k++) {
        KR_TRY(kr_results_attr_real(s->results, "posterior", "", number[k].name,
                                    number[k].value, err));
    }
    return KR_OK;
}
