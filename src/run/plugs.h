/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/plugs.h - plugs of the registry by kind and name. Threads: pure. */
#ifndef KR_RUN_PLUGS_H
#define KR_RUN_PLUGS_H

#include "base/runfile.h"
#include "run/registry.h"

typedef enum kr_plug_kind {
    KR_PLUG_MODEL,
    KR_PLUG_LATTICE,
    KR_PLUG_DENSITY,
    KR_PLUG_UPDATE,
    KR_PLUG_OBSERVABLE,
    KR_PLUG_KINDS,
} kr_plug_kind;

/* What every plug has, whatever its kind. */
typedef struct kr_plug_head {
    const void *plug;
    const char *name, *doc, *source;
    const kr_field *fields; /* may be NULL */
} kr_plug_head;

const char *kr_plug_kind_name(kr_plug_kind kind); /* "model" */
/* False when index is past the end. */
bool kr_plug_head_at(kr_plug_kind kind, int32_t index, kr_plug_head *head);
const void *kr_plug_find(kr_plug_kind kind, const char *name);    /* NULL when unknown */
const char *kr_plug_nearest(kr_plug_kind kind, const char *name); /* NULL when none is near */
/* "a, b, c" appended to text. */
int kr_plug_list(kr_plug_kind kind, kr_text *text, kr_error *err);

#endif
