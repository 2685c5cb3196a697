/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/sampler_subject.h - a sampler from run-file text, with its state table. */
#ifndef KR_SAMPLER_SUBJECT_H
#define KR_SAMPLER_SUBJECT_H

#include "kr_test.h"

#include "base/state.h"
#include "run/spec.h"

typedef struct subject {
    kr_spec *spec;
    kr_sampler *sampler;
    kr_state *table;
} subject;

static inline kr_spec *parse(const char *yaml)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    if (!spec) {
        fail_msg("%s", err.text);
    }
    return spec;
}

static inline subject open_spec(kr_spec *spec, int32_t n_threads)
{
    kr_error err = { 0 };
    spec->config.n_threads = n_threads;
    subject s = { spec, kr_sampler_alloc(&spec->config, &err), kr_state_alloc(&err) };
    if (!s.sampler || !s.table) {
        fail_msg("%s", err.text);
    }
    assert_ok(kr_sampler_declare(s.sampler, s.table, &err), &err);
    return s;
}

static inline subject open_subject(const char *yaml, int32_t n_threads)
{
    return open_spec(parse(yaml), n_threads);
}

static inline void close_subject(subject *s)
{
    kr_state_free(s->table);
    kr_sampler_free(s->sampler);
    kr_spec_free(s->spec);
}

#endif
