/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/local.h - what heat bath and Metropolis share: order of visits, choice of an engine.
 *
 * An engine is one way to run the same law: class of local field -> threshold.
 *   bits   one bit per spin: Ising with few classes of local fields (engine_bits.c)
 *   bytes  one byte per spin: few-class pair models and tables per site (engine_bytes.c)
 *   ref    the scalar reference of each update: any model of states, any order of visits
 *   real   real variables, chains in vector lanes (engine_real.c)
 * bits and bytes work on folded blocks (model/fold.h), color by color, all sites of a color at
 * once; they cannot be enumerated draw by draw and are tested in law. */
#ifndef KR_UPDATE_LOCAL_H
#define KR_UPDATE_LOCAL_H

#include "kramers_plug.h"

typedef enum kr_local_kind { KR_LOCAL_HEAT_BATH, KR_LOCAL_METROPOLIS } kr_local_kind;

enum { KR_ORDER_AUTO, KR_ORDER_SEQUENTIAL, KR_ORDER_CHECKERBOARD, KR_ORDER_RANDOM };

typedef struct kr_local_params {
    int32_t order;  /* KR_ORDER_* */
    int32_t engine; /* auto | bits | bytes | ref */
} kr_local_params;

extern const kr_field kr_local_table[];

typedef struct kr_engine {
    const char *name;
    /* In auto: fewest spins in a vector that make it worth while. */
    int32_t min_elements;
    /* NULL with KR_EUNSUP when it cannot run this system: the reason after the engine's name.
     */
    void *(*alloc)(const kr_update_setting *setting, kr_local_kind kind,
                   const kr_local_params *params, kr_error *err);
    void (*free)(void *self);
    const kr_fold *(*fold)(const void *self); /* NULL: layout CHAIN */
    size_t (*scratch_bytes)(const void *self, int32_t n_lanes);
    void (*sweep)(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                  kr_tally *tally);
    /* As in kr_update_plug; NULL: the engine learns nothing. */
    void (*tune)(void *self, const kr_tuning *seen);
    int (*declare)(void *self, kr_state *table, kr_error *err);
    double (*tuned)(const void *self);
} kr_engine;

extern const kr_engine kr_engine_bits, kr_engine_bytes, kr_engine_real;

/* Members of the update plugs. ref: the scalar engine of this update; real variables have the
 * engine real instead. */
void *kr_local_alloc(const kr_update_setting *setting, const kr_local_params *params,
                     kr_local_kind kind, const kr_engine *ref, kr_error *err);
void kr_local_free(void *self);
const kr_fold *kr_local_fold(const void *self);
size_t kr_local_scratch_bytes(const void *self, int32_t n_lanes);
void kr_local_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                    kr_tally *tally);
void kr_local_tune(void *self, const kr_tuning *seen);
int kr_local_declare(void *self, kr_state *table, kr_error *err);
double kr_local_tuned(const void *self);
/* Name of the engine at work. */
const char *kr_local_engine(const void *self);
/* Why auto took the reference, a reason per vector engine; NULL where it did not. */
const char *kr_local_reason(const void *self);

#endif
