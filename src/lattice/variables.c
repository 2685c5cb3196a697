/* SPDX-License-Identifier: GPL-3.0-or-later
 * lattice/variables.c - sites without bonds: the variables of densities that know no lattice.
 */
#include "lattice/lattice.h"

typedef struct params {
    int64_t size;
} params;

static const kr_field fields[] = { { .name = "size",
                                     .type = KR_TYPE_INT,
                                     .offset = offsetof(params, size),
                                     .min = 1,
                                     .max = 1048576,
                                     .unit = "variables",
                                     .doc = "number of variables N" },
                                   KR_FIELD_END };

static int fill(const void *parameters, kr_lattice *lattice, kr_error *err)
{
    const params *p = parameters;
    if (p->size < 1 || p->size > 1048576) {
        return kr_fail(err, KR_ERANGE, "variables: size = %lld, want 1..1048576",
                       (long long)p->size);
    }
    lattice->dim = 1;
    lattice->extent[0] = lattice->n_sites = (int32_t)p->size;
    return KR_OK;
}

const kr_lattice_plug kr_lattice_variables = {
    .name = "variables",
    .doc = "variables without bonds, for models that are densities of numbers",
    .source = "no lattice at all",
    .fields = fields,
    .params_size = sizeof(params),
    .fill = fill,
};
