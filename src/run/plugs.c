/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/plugs.c - plugs of the registry by kind and name. */
#include "run/plugs.h"

#include "base/field.h"

#include <string.h>

#define NAMES_MAX 64

const char *kr_plug_kind_name(kr_plug_kind kind)
{
    static const char *const name[] = { "model", "lattice", "density", "update", "observable" };
    return name[kind];
}

/* The five plug structs begin alike: name, doc, source, fields. */
#define HEAD(plugs)                                                                            \
    if (plugs[index]) {                                                                        \
        *head = (kr_plug_head){ plugs[index], plugs[index]->name, plugs[index]->doc,           \
                                plugs[index]->source, plugs[index]->fields };                  \
        return true;                                                                           \
    }                                                                                          \
    return false

bool kr_plug_head_at(kr_plug_kind kind, int32_t index, kr_plug_head *head)
{
    switch (kind) {
    case KR_PLUG_MODEL:
        HEAD(kr_registry_models);
    case KR_PLUG_LATTICE:
        HEAD(kr_registry_lattices);
    case KR_PLUG_DENSITY:
        HEAD(kr_registry_densities);
    case KR_PLUG_UPDATE:
        HEAD(kr_registry_updates);
    case KR_PLUG_OBSERVABLE:
        HEAD(kr_registry_observables);
    case KR_PLUG_KINDS:
        break;
    }
    return false;
}

const void *kr_plug_find(kr_plug_kind kind, const char *name)
{
    kr_plug_head head;
    for (int32_t k = 0; kr_plug_head_at(kind, k, &head); k++) {
        if (strcmp(head.name, name) == 0) {
            return head.plug;
        }
    }
    return NULL;
}

const char *kr_plug_nearest(kr_plug_kind kind, const char *name)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    kr_plug_head head;
    for (int32_t k = 0; n < NAMES_MAX && kr_plug_head_at(kind, k, &head); k++) {
        names[n++] = head.name;
    }
    return kr_field_nearest(name, names, n);
}

int kr_plug_list(kr_plug_kind kind, kr_text *text, kr_error *err)
{
    kr_plug_head head;
    for (int32_t k = 0; kr_plug_head_at(kind, k, &head); k++) {
        KR_TRY(kr_text_add(text, err, "%s%s", k ? ", " : "", head.name));
    }
    return KR_OK;
}
