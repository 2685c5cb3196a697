/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_real_subject.h - a density of real numbers on a target, and how tests use it. */
#ifndef KR_REAL_SUBJECT_H
#define KR_REAL_SUBJECT_H

#include "kr_system.h"

#include "base/memory.h"
#include "base/normals.h"
#include "density/density.h"

enum { LANES = KR_LANES_MAX };

typedef struct real_subject {
    const kr_density_plug *plug;
    kr_system system;
    kr_density density;
    double beta;
    size_t n, n_weights;
    void *scratch;
    _Alignas(16) char params[1024];
    char label[256];
} real_subject;

/* The failure names the case. */
#define require(s, condition, ...)                                                             \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            print_error("%s\n", (s)->label);                                                   \
            fail_msg(__VA_ARGS__);                                                             \
        }                                                                                      \
    } while (0)

static inline void *get(size_t count, size_t size)
{
    void *p = kr_alloc(count, size, NULL);
    assert_non_null(p);
    return p;
}

static inline kr_flow const *flow_of(const real_subject *s)
{
    return s->plug->flow;
}

/* Scratch with garbage, as a caller may have it. */
static inline void *poisoned(const real_subject *s)
{
    memset(s->scratch, 0xff, kr_density_scratch(&s->density, LANES));
    return s->scratch;
}

static inline void prepare(real_subject *s)
{
    kr_error err = { 0 };
    assert_ok(s->plug->prepare(s->density.self, s->beta, &err), &err);
}

/* Fresh weights, moved by normals of this width, rounded so that steps of 2^-13 are exact. */
static inline void randomize(real_subject *s, uint64_t seed, double width)
{
    kr_rng rng;
    double z[KR_NORMALS];
    float *w = s->plug->weights(s->density.self);
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    s->plug->init(s->density.self, &rng);
    for (size_t k = 0; k < s->n_weights; k++) {
        if (k % KR_NORMALS == 0) {
            kr_normals(&rng, KR_NORMALS, z);
        }
        w[k] = (float)(rint(0x1p14 * ((double)w[k] + width * z[k % KR_NORMALS])) * 0x1p-14);
    }
    prepare(s);
}

/* False: the density does not support the system. params holds a variant of its fields. */
static inline bool real_subject_make(real_subject *s, const kr_density_plug *plug)
{
    kr_error err = { 0 };
    const kr_target target = system_target(&s->system, s->beta);
    s->plug = plug;
    s->n = (size_t)s->system.terms->n_sites;
    if (!plug->supports(&target, s->params, &err)) {
        assert_true(err.text[0] != '\0');
        return false;
    }
    void *self = plug->alloc(&target, s->params, &err);
    if (!self) {
        fail_msg("%s: %s", s->label, err.text);
    }
    s->density = (kr_density){ plug, self, 0, (int32_t)s->n, 0 };
    s->n_weights = plug->n_weights(self);
    s->scratch = get(kr_density_scratch(&s->density, LANES), 1);
    return true;
}

static inline void real_subject_clear(real_subject *s)
{
    kr_free(s->scratch);
    if (s->density.self) {
        s->plug->free(s->density.self);
    }
    system_free(&s->system);
}

/* Configurations about as wide as samples of the density are. */
static inline void draw(const real_subject *s, uint64_t seed, int32_t n_lanes, double *phi,
                        double *log_q)
{
    kr_rng rng;
    kr_rng_seed(&rng, seed, 1, KR_PURPOSE_TEST);
    kr_density_sample(&s->density, n_lanes, phi, log_q, &rng, poisoned(s));
}

#endif
