/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/local.c - chooses the engine of a local update and hands the calls on to it. */
#include "update/local.h"

#include "base/memory.h"
#include "model/fold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct local {
    const kr_engine *engine;
    void *self;
    char reason[512]; /* "" unless auto took the reference */
} local;

enum { ENGINE_AUTO, ENGINE_BITS, ENGINE_BYTES, ENGINE_REF };

/* Spins of a block that a vector holds on average. */
static int32_t elements(const kr_engine *engine, const void *self, int32_t n_lanes)
{
    const kr_fold *fold = engine->fold(self);
    return (int32_t)((int64_t)fold->n_sites * n_lanes / fold->n_vectors);
}

#ifdef KR_RNG_ENUMERATE /* a vector of draws is no branch: enumeration runs the reference */
#define ENGINE_CHOICES "auto"
static const kr_engine *const engines[] = { NULL, NULL };
#else
#define ENGINE_CHOICES "auto|bits|bytes|ref"
static const kr_engine *const engines[] = { &kr_engine_bits, &kr_engine_bytes };
#endif

const kr_field kr_local_table[] = {
    { .name = "order",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_local_params, order),
      .fallback = "auto",
      .choices = "auto|sequential|checkerboard|random",
      .doc =
          "order of the sites in a sweep: by number, color by color (no two neighbors share a "
          "color), or a site drawn anew for each attempt; auto is the engine's own" },
    { .name = "engine",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(kr_local_params, engine),
      .fallback = "auto",
      .choices = ENGINE_CHOICES,
      .doc = "one bit per spin (two states), one byte per spin (few classes of local fields), "
             "or the scalar reference; auto takes the first that fits the system" },
    KR_FIELD_END
};

static void add_reason(local *l, const char *engine, const char *why)
{
    size_t n = strlen(l->reason);
    snprintf(l->reason + n, sizeof l->reason - n, "%s%s: %s", n ? "; " : "", engine, why);
}

/* Tries the vector engines; l->engine stays NULL when none fits. */
static int try_vectors(local *l, const kr_update_setting *setting,
                       const kr_local_params *params, kr_local_kind kind, kr_error *err)
{
    bool is_auto = params->engine == ENGINE_AUTO;
    for (int k = 0; k < (setting->lane_beta ? 1 : 2) && !l->engine; k++) {
        if (!engines[k] || (!is_auto && params->engine != k + ENGINE_BITS)) {
            continue;
        }
        kr_error why = { 0 };
        void *self = engines[k]->alloc(setting, kind, params, &why);
        int32_t n = self ? elements(engines[k], self, setting->n_lanes) : 0;
        if (self && is_auto && n < engines[k]->min_elements) {
            engines[k]->free(self);
            kr_fail(&why, KR_EUNSUP,
                    "a vector would hold %d spin%s, want %d (more chains, or sides divisible "
                    "by higher powers of two)",
                    n, n == 1 ? "" : "s", engines[k]->min_elements);
            add_reason(l, engines[k]->name, why.text);
        } else if (self) {
            l->engine = engines[k];
            l->self = self;
        } else if (!is_auto || why.status != KR_EUNSUP) {
            return kr_fail(err, why.status, "engine %s: %s", engines[k]->name, why.text);
        } else {
            add_reason(l, engines[k]->name, why.text);
        }
    }
    return KR_OK;
}

static int choose(local *l, const kr_update_setting *setting, const kr_local_params *params,
                  kr_local_kind kind, const kr_engine *ref, kr_error *err)
{
    if (setting->target->terms->action) {
        if (params->engine != ENGINE_AUTO || params->order > KR_ORDER_SEQUENTIAL) {
            return kr_fail(err, KR_EUNSUP,
                           "real variables are visited in the order of the sites by an engine "
                           "of their own, want engine auto and order auto or sequential");
        }
        l->engine = &kr_engine_real;
        l->self = kr_engine_real.alloc(setting, kind, params, err);
        return l->self ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
    }
    bool is_by_color = params->order == KR_ORDER_AUTO || params->order == KR_ORDER_CHECKERBOARD;
    if (params->engine != ENGINE_REF && is_by_color) {
        KR_TRY(try_vectors(l, setting, params, kind, err));
    } else if (params->engine == ENGINE_AUTO) {
        add_reason(l, "bits, bytes",
                   "they visit the sites color by color, want order auto or "
                   "checkerboard");
    }
    if (!l->engine && params->engine != ENGINE_AUTO && params->engine != ENGINE_REF) {
        return kr_fail(err, KR_EUNSUP,
                       "engine %s visits the sites color by color, want order auto or "
                       "checkerboard",
                       params->engine == ENGINE_BITS ? "bits" : "bytes");
    }
    if (!l->engine && setting->lane_beta) {
        return kr_fail(err, KR_EUNSUP, "chains of several temperatures: %s, want engine bits",
                       l->reason[0] ? l->reason : "another engine or order");
    }
    if (!l->engine) {
        l->engine = ref;
        l->self = ref->alloc(setting, kind, params, err);
    }
    return l->self ? KR_OK : KR_ENOMEM;
}

void *kr_local_alloc(const kr_update_setting *setting, const kr_local_params *params,
                     kr_local_kind kind, const kr_engine *ref, kr_error *err)
{
    local *l = kr_alloc(1, sizeof *l, err);
    if (l && choose(l, setting, params, kind, ref, err) != KR_OK) {
        kr_free(l);
        return NULL;
    }
    return l;
}

void kr_local_free(void *self)
{
    local *l = self;
    if (l) {
        l->engine->free(l->self);
        kr_free(l);
    }
}

const kr_fold *kr_local_fold(const void *self)
{
    const local *l = self;
    return l->engine->fold ? l->engine->fold(l->self) : NULL;
}

size_t kr_local_scratch_bytes(const void *self, int32_t n_lanes)
{
    const local *l = self;
    return l->engine->scratch_bytes ? l->engine->scratch_bytes(l->self, n_lanes) : 0;
}

void kr_local_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                    kr_tally *tally)
{
    const local *l = self;
    l->engine->sweep(l->self, block, n_sweeps, scratch, tally);
}

void kr_local_tune(void *self, const kr_tuning *seen)
{
    const local *l = self;
    if (l->engine->tune) {
        l->engine->tune(l->self, seen);
    }
}

int kr_local_declare(void *self, kr_state *table, kr_error *err)
{
    const local *l = self;
    return l->engine->declare ? l->engine->declare(l->self, table, err) : KR_OK;
}

double kr_local_tuned(const void *self)
{
    const local *l = self;
    return l->engine->tuned ? l->engine->tuned(l->self) : NAN;
}

const char *kr_local_engine(const void *self)
{
    return ((const local *)self)->engine->name;
}

const char *kr_local_reason(const void *self)
{
    const local *l = self;
    return l->engine->fold || !l->reason[0] ? NULL : l->reason;
}
