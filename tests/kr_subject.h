/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_subject.h - a density on a target, and how tests use it. */
#ifndef KR_SUBJECT_H
#define KR_SUBJECT_H

#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/adam.h"

enum { LANES = KR_LANES_MAX };

/* A density on a target. */
typedef struct subject {
    const kr_density_plug *plug;
    const void *params;
    kr_target target;
    void *self;
    int32_t n_sites, q;
    size_t n_weights;
    int64_t n_states;     /* q^n_sites, or 0: too many to enumerate */
    const int32_t *order; /* (n_sites) site drawn at each place, or NULL: 0..N-1 */
    unsigned char *scratch;
    size_t scratch_size;
    char label[512];
} subject;

/* The failure names the case. */
#define require(s, condition, ...)                                                             \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            print_error("%s\n", (s)->label);                                                   \
            fail_msg(__VA_ARGS__);                                                             \
        }                                                                                      \
    } while (0)

/* ---- using a density --------------------------------------------------------------------- */

static inline int32_t stride_of(int32_t n_lanes)
{
    return (int32_t)kr_lanes_pad((size_t)n_lanes);
}

static inline void *get(size_t count, size_t size)
{
    void *p = kr_alloc(count, size, NULL);
    assert_non_null(p);
    return p;
}

/* borrows params and what the target points to */
static inline subject subject_alloc(const kr_density_plug *plug, const void *params,
                                    kr_target target)
{
    kr_error err = { 0 };
    subject s = { .plug = plug,
                  .params = params,
                  .target = target,
                  .n_sites = target.terms->n_sites,
                  .q = target.terms->q };
    s.self = plug->alloc(&s.target, params, &err);
    if (!s.self) {
        fail_msg("%s", err.text);
    }
    s.n_weights = plug->n_weights(s.self);
    s.order = plug->order ? plug->order(s.self) : NULL;
    s.scratch_size = plug->scratch_bytes(s.self, LANES);
    s.scratch = get(s.scratch_size, 1);
    return s;
}

static inline void subject_free(subject *s)
{
    kr_free(s->scratch);
    s->plug->free(s->self);
}

static inline int32_t site_at(const subject *s, int32_t place)
{
    return s->order ? s->order[place] : place;
}

static inline uint8_t *get_states(const subject *s)
{
    return get((size_t)s->n_sites * LANES, 1);
}

/* Scratch arrives full of NaNs: nothing may depend on what is in it. */
static inline void *poisoned(subject *s)
{
    memset(s->scratch, 0xff, s->scratch_size);
    return s->scratch;
}

static inline void evaluate(subject *s, int32_t k, int32_t n_lanes, const uint8_t *state,
                            double *log_q)
{
    s->plug->log_q_tail(s->self, k, n_lanes, state, log_q, poisoned(s));
}

static inline void draw_states(const subject *s, int32_t n_lanes, uint8_t *state, kr_rng *rng)
{
    for (int32_t i = 0; i < s->n_sites; i++) {
        for (int32_t l = 0; l < n_lanes; l++) {
            state[i * stride_of(n_lanes) + l] = (uint8_t)kr_rng_below(rng, (uint32_t)s->q);
        }
    }
}

/* Lanes get the states first, first + 1, ...; the site drawn first is the most significant
 * digit.
 */
static inline void number_states(const subject *s, int64_t first, int32_t n_lanes,
                                 uint8_t *state)
{
    for (int32_t l = 0; l < n_lanes; l++) {
        int64_t x = first + l;
        for (int32_t i = s->n_sites - 1; i >= 0; i--, x /= s->q) {
            state[site_at(s, i) * stride_of(n_lanes) + l] = (uint8_t)(x % s->q);
        }
    }
}

/* log q of all numbered states given the sites of places < k; owned by the caller. */
static inline double *evaluate_all(subject *s, int32_t k)
{
    double *log_q = get((size_t)s->n_states + LANES, sizeof *log_q);
    uint8_t *state = get_states(s);
    for (int64_t first = 0; first < s->n_states; first += LANES) {
        int64_t n = s->n_states - first < LANES ? s->n_states - first : LANES;
        number_states(s, first, (int32_t)n, state);
        evaluate(s, k, (int32_t)n, state, log_q + first);
    }
    kr_free(state);
    return log_q;
}

/* Fresh weights, then a few steps along random combinations of scores: weights of a size that
 * matters, in a way that leaves padding alone. Small enough that no probability reaches its
 * least value of about 2^-32, where it does not follow its logit any more. */
static inline void randomize(subject *s, uint64_t seed)
{
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    s->plug->init(s->self, &rng);
    kr_error err = { 0 };
    kr_adam adam;
    assert_ok(kr_adam_init(&adam, s->n_weights, &err), &err);
    float *gradient = get(s->n_weights, sizeof *gradient);
    uint8_t *state = get_states(s);
    double coefficient[LANES];
    for (int step = 0; step < 4; step++) {
        memset(gradient, 0, s->n_weights * sizeof *gradient);
        draw_states(s, LANES, state, &rng);
        for (int l = 0; l < LANES; l++) {
            coefficient[l] = kr_rng_normal(&rng);
        }
        s->plug->grad(s->self, LANES, state, coefficient, gradient, NULL, poisoned(s));
        assert_ok(kr_adam_step(&adam, s->plug->weights(s->self), gradient, 0.04, 0.0, &err),
                  &err);
    }
    kr_free(state);
    kr_free(gradient);
    kr_adam_clear(&adam);
}

static inline bool is_flip_invariant(const subject *s)
{
    const kr_terms *terms = s->target.terms;
    return terms->q == 2 && terms->state_class[0] == terms->state_class[1];
}

#endif
