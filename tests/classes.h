/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/classes.h - an update with a density on a 4 x 4 Ising torus, its states counted by bond
 * energy and magnetization and compared with all 65 536 states by chi-squared. */
#ifndef KR_CLASSES_H
#define KR_CLASSES_H

#include "sampled.h"

enum { CLASSES = 17 * 17, CLASSES_DRAWS = 40000 };
#define CLASSES_BETA 0.3
#define CLASSES_MAX  4.6 /* deviation allowed, of some ten runs at once */

/* Class of a configuration whose sites are step bytes apart. */
static inline int classes_of(const uint8_t *state, size_t step)
{
    int up = 0, unequal = 0;
    for (size_t i = 0; i < 16; i++) {
        size_t right = i / 4 * 4 + (i + 1) % 4, below = (i + 4) % 16;
        up += state[i * step];
        unequal +=
            (state[i * step] != state[right * step]) + (state[i * step] != state[below * step]);
    }
    return unequal / 2 * 17 + up;
}

static inline void classes_law(const tiny *system, double *law)
{
    uint8_t state[16];
    double *one = tiny_law(system, CLASSES_BETA);
    memset(law, 0, CLASSES * sizeof *law);
    for (int64_t x = 0; x < system->n_states; x++) {
        tiny_decode(system, x, state, 1);
        law[classes_of(state, 1)] += one[x];
    }
    free(one);
}

static inline const kr_density_plug *classes_density(const char *name)
{
    int k = 0;
    while (strcmp(kr_registry_densities[k]->name, name) != 0) {
        k++;
    }
    return kr_registry_densities[k];
}

/* Fresh weights: the exact local field of the sites drawn before. Free with plug->free. */
static inline kr_density classes_fresh(const char *name, const kr_target *target)
{
    kr_error err = { 0 };
    const kr_density_plug *plug = classes_density(name);
    void *params = tiny_params(name, plug->fields, plug->params_size, "{}", &err);
    kr_density density = { .plug = plug, .epoch = 1 };
    density.self = plug->alloc(target, params, &err);
    free(params);
    if (!density.self) {
        fail_msg("%s", err.text);
    }
    if (plug->init) {
        kr_rng rng;
        kr_rng_seed(&rng, 8, 0, KR_PURPOSE_WEIGHTS);
        plug->init(density.self, &rng);
    }
    return density;
}

/* (chi^2 - k)/sqrt(2 k), k + 1 the classes with an expected count of 20 or more, the others
 * taken together. n_lanes chains, thin sweeps per draw. */
static inline double classes_run(const char *update, const char *yaml, int n_lanes, int thin,
                                 bool has_pool, uint64_t seed)
{
    kr_error err = { 0 };
    tiny *system = tiny_alloc(tiny_model("ising"), "{field: 0.1}", tiny_lattice("hypercubic"),
                              "{size: [4, 4]}", 65536, &err);
    assert_non_null(system);
    kr_target target = { system->lattice, system->terms, CLASSES_BETA };
    kr_density density = classes_fresh("frontier", &target);
    sampled s = sampled_alloc(update, yaml, &target, &density, n_lanes);
    kr_block *block = sampled_block(system->terms, n_lanes, seed);
    if (has_pool) {
        assert_ok(kr_block_add_pool(block, 0, &err), &err);
    }
    double count[CLASSES] = { 0 }, law[CLASSES];
    classes_law(system, law);
    int n_draws = CLASSES_DRAWS / n_lanes;
    for (int d = -20; d < n_draws; d++) {
        for (int k = 0; k < thin; k++) {
            sampled_sweep(&s, block);
        }
        for (int lane = 0; lane < n_lanes && d >= 0; lane++) {
            count[classes_of(block->state + lane, (size_t)block->stride)] += 1.0;
        }
    }
    assert_true(kr_block_audit(block, system->terms) <= 1e-9);
    double deviation =
        sampled_deviation(count, law, CLASSES, (double)n_draws * (double)n_lanes);
    kr_block_free(block);
    sampled_free(&s);
    density.plug->free(density.self);
    tiny_free(system);
    return deviation;
}

#endif
