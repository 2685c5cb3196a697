/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_histograms.c - the list `histograms` of a run file. */
#include "base/field.h"
#include "run/spec_private.h"

#include <stdio.h>
#include <string.h>

const kr_field kr_spec_histogram_fields[] = {
    { "bins", KR_TYPE_INT, offsetof(kr_histogram_params, bins), "50", 2, 1000, .unit = "1",
      .doc = "equal parts of from..to" },
    { "from", KR_TYPE_REAL, offsetof(kr_histogram_params, from), "0", 0, 0, .unit = "",
      .doc = "lower end of the first bin; from = to = 0: both ends are what the second half of "
             "thermalize shows and a tenth more on either side" },
    { "to", KR_TYPE_REAL, offsetof(kr_histogram_params, to), "0", 0, 0, .unit = "",
      .doc = "upper end of the last bin" },
    KR_FIELD_END,
};

static int parse_one(kr_spec *spec, kr_node *item, int32_t k, kr_error *err)
{
    kr_runfile *file = spec->file;
    kr_histogram_params *params = &spec->histogram[k];
    const bool is_map = item->kind == KR_NODE_MAP;
    const kr_node *name = is_map ? kr_node_get(item, "name") : item;
    char path[64];
    if (!name || name->kind != KR_NODE_SCALAR) {
        return kr_runfile_fail(file, name ? name : item, err, KR_EPARSE,
                               "histogram: want the name of a column, or a map with it, e.g. "
                               "{name: magnetization_per_site, bins: 50}");
    }
    snprintf(path, sizeof path, "histograms.%d", k);
    if (is_map) {
        KR_TRY(kr_spec_fill_defaults(file, path, item, kr_spec_histogram_fields, err));
    }
    KR_TRY(kr_field_parse(file, is_map ? item : NULL, "histogram", kr_spec_histogram_fields,
                          "name", params, err));
    snprintf(params->column, sizeof params->column, "%s", name->text);
    for (int32_t before = 0; before < k; before++) {
        if (strcmp(spec->histogram[before].column, params->column) == 0) {
            return kr_runfile_fail(file, name, err, KR_EPARSE, "histogram %s is listed twice",
                                   params->column);
        }
    }
    return KR_OK;
}

int kr_spec_parse_histograms(kr_spec *spec, kr_error *err)
{
    kr_node *list = kr_node_get(spec->file->root, "histograms");
    if (!list || kr_node_is_null(list)) {
        return KR_OK;
    }
    if (list->kind != KR_NODE_LIST || list->n > KR_HISTOGRAMS_MAX) {
        return kr_runfile_fail(spec->file, list, err, KR_EPARSE,
                               "histograms: want a list of up to %d columns, e.g. "
                               "[magnetization_per_site]",
                               KR_HISTOGRAMS_MAX);
    }
    for (int32_t k = 0; k < list->n; k++) {
        KR_TRY(parse_one(spec, list->child[k], k, err));
    }
    spec->config.n_histograms = list->n;
    spec->config.histogram = spec->histogram;
    return KR_OK;
}
