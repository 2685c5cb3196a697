/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/chain_fixture.h - an update that proposes from a density, on a small system in a field.
 */
#ifndef KR_CHAIN_FIXTURE_H
#define KR_CHAIN_FIXTURE_H

#include "chain_density.h"
#include "sampled.h"

typedef struct fixture {
    tiny *system;
    kr_target target;
    kr_density_plug plug;
    kr_density density;
    sampled update;
    kr_block *block;
} fixture;

static inline int chain_setup(void **state, const char *update, const char *params)
{
    fixture *f = calloc(1, sizeof *f);
    f->system = sampled_system("ising", "{field: 0.2}", "{size: [3, 2]}");
    f->target = (kr_target){ f->system->lattice, f->system->terms, 0.3 };
    f->plug = chain_density_plug();
    f->density = (kr_density){
        .plug = &f->plug, .self = f->plug.alloc(&f->target, NULL, NULL), .index = 3, .epoch = 5
    };
    f->update = sampled_alloc(update, params, &f->target, &f->density, 16);
    f->block = sampled_block(f->system->terms, 16, 30);
    *state = f;
    return 0;
}

static inline int chain_teardown(void **state)
{
    fixture *f = *state;
    kr_block_free(f->block);
    sampled_free(&f->update);
    f->plug.free(f->density.self);
    tiny_free(f->system);
    free(f);
    return 0;
}

#endif
