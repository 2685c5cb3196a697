/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_phase.c - the section `phase` of a run file: sizes, data and training of the
 * classifiers of a transition (study/phase.h); runs do not read it. */
#include "base/field.h"
#include "run/spec_private.h"

#define OF(member) offsetof(kr_phase_params, member)

const kr_field kr_spec_phase_fields[] = {
    { "sizes", KR_TYPE_INT_LIST, OF(sizes), "[]", 2, 65536, .unit = "sites",
      .doc = "smallest sides of the boxes, which have the shape of lattice.size; []: the four "
             "smallest of `critical`" },
    { "share", KR_TYPE_REAL, OF(share), "0.25", 0.05, 0.45, .unit = "1",
      .doc = "part of the range at either end that is trained on; what lies between never is" },
    { "chains", KR_TYPE_INT, OF(chains), "32", 8, 128, .unit = "1",
      .doc = "independent chains of a point, an even number: the first half trains, the other "
             "half gives the curves and their errors" },
    { "draws", KR_TYPE_INT, OF(draws), "32", 4, 4096, .unit = "1",
      .doc = "configurations of a chain, a tau_int of the slowest point apart" },
    { "filters", KR_TYPE_INT, OF(filters), "8", 0, 32, .unit = "1",
      .doc = "filters of the convolution; 0: no network" },
    { "hidden", KR_TYPE_INT, OF(hidden), "8", 0, 64, .unit = "1",
      .doc = "units between the pooled filters and the output; 0: none, then the network can "
             "only add up what it sees locally" },
    { "epochs", KR_TYPE_INT, OF(epochs), "10", 1, 1000, .unit = "1",
      .doc = "passes over the training configurations" },
    { "batch", KR_TYPE_INT, OF(batch), "32", 1, 4096, .unit = "1",
      .doc = "configurations of a step of Adam" },
    { "rate", KR_TYPE_REAL, OF(rate), "0.01", 1e-6, 1, .unit = "1",
      .doc = "step size of Adam; falls to a tenth of it" },
    { "ridge", KR_TYPE_REAL, OF(ridge), "1e-3", 1e-9, 1, .unit = "1",
      .doc = "half of it times the sum of squared weights is added to the mean cross entropy, "
             "so that weights stay finite where the training draws are separable" },
    { "nu", KR_TYPE_REAL, OF(nu), "1", 0.1, 10, .unit = "1",
      .doc = "sizes are extrapolated in L^(-1/nu); 1 of Ising in two dimensions, 5/6 of "
             "three-state Potts, 0.63 of Ising in three; 1/dimension: first order" },
    KR_FIELD_END,
};

int kr_spec_parse_phase(kr_runfile *file, kr_phase_params *params, kr_error *err)
{
    const kr_node *section = kr_node_get(file->root, "phase");
    if (section && kr_node_is_null(section)) {
        section = NULL;
    }
    if (section && section->kind != KR_NODE_MAP) {
        return kr_runfile_fail(file, section, err, KR_EPARSE,
                               "phase is %s, want a map, e.g. {sizes: [16, 24, 32], share: "
                               "0.25}",
                               kr_node_describe(section));
    }
    KR_TRY(kr_field_parse(file, section, "phase", kr_spec_phase_fields, NULL, params, err));
    if (params->chains % 2) {
        return kr_runfile_fail(file, kr_node_get(section, "chains"), err, KR_EINVAL,
                               "phase.chains: %lld, want an even number: one half trains",
                               (long long)params->chains);
    }
    return kr_spec_check_sizes(file, section, "phase", &params->sizes, err);
}
