/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_critical.c - the section `critical` of a run file: sizes and budget of the search
 * for a transition (study/critical.h); runs do not read it. */
#include "base/field.h"
#include "run/spec_private.h"

const kr_field kr_spec_critical_fields[] = {
    { .name = "sizes",
      .type = KR_TYPE_INT_LIST,
      .offset = offsetof(kr_critical_params, sizes),
      .fallback = "[]",
      .min = 2,
      .max = 65536,
      .unit = "sites",
      .doc = "smallest sides of the boxes, which have the shape of lattice.size; []: a default "
             "for the dimension" },
    { "minutes", KR_TYPE_REAL, offsetof(kr_critical_params, minutes), "5", 0.05, 1e5,
      .unit = "min", .doc = "wall time of the whole study, about, on the threads that it has" },
    { "omega", KR_TYPE_REAL, offsetof(kr_critical_params, omega), "0", 0, 10, .unit = "1",
      .doc =
          "exponent of corrections to scaling where it is known (within 5 %), as 0.83 of the "
          "Ising class in three dimensions; 0: not known" },
    KR_FIELD_END,
};

int kr_spec_check_sizes(const kr_runfile *file, const kr_node *section, const char *name,
                        const kr_list *sizes, kr_error *err)
{
    for (int32_t k = 1; k < sizes->n; k++) {
        if (sizes->integer[k] <= sizes->integer[k - 1]) {
            return kr_runfile_fail(file, kr_node_get(section, "sizes"), err, KR_EINVAL,
                                   "%s.sizes: %lld after %lld, want ascending sides", name,
                                   (long long)sizes->integer[k],
                                   (long long)sizes->integer[k - 1]);
        }
    }
    return KR_OK;
}

int kr_spec_parse_critical(kr_runfile *file, kr_critical_params *params, kr_error *err)
{
    const kr_node *section = kr_node_get(file->root, "critical");
    if (section && kr_node_is_null(section)) {
        section = NULL;
    }
    if (section && section->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, section, err, KR_EPARSE,
                               "critical is %s, want a map, e.g. {sizes: [16, 32, 64], "
                               "minutes: 5}",
                               kr_node_describe(section));
    }
    KR_TRY(
        kr_field_parse(file, section, "critical", kr_spec_critical_fields, NULL, params, err));
    return kr_spec_check_sizes(file, section, "critical", &params->sizes, err);
}
