/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/rotors.c - plane rotators: from the bonds of a lattice, choice of kernels. */
#include "model/rotors.h"

#include "base/isa.h"
#include "base/memory.h"
#include "model/action.h"
#include "model/quartic.h"

#include <math.h>

typedef struct rotor_action {
    kr_rotors data;
    const kr_rotors_kernels *kernels;
} rotor_action;

static void free_self(void *self)
{
    rotor_action *a = self;
    kr_quartic_clear(&a->data.bonds);
    kr_free(a);
}

static void energy(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                   double *out)
{
    const rotor_action *a = self;
    a->kernels->energy(&a->data, n_lanes, phi, stride, out);
}

static void add_gradient(const void *self, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out)
{
    const rotor_action *a = self;
    a->kernels->add_gradient(&a->data, n_lanes, phi, stride, scale, out);
}

static void change(const void *self, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *out)
{
    const rotor_action *a = self;
    a->kernels->change(&a->data, i, n_lanes, phi, stride, value, out);
}

static const kr_rotors_kernels *kernels(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_rotors_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_rotors_kernels_avx2
                                : &kr_rotors_kernels_portable;
#else
    (void)isa;
    return &kr_rotors_kernels_portable;
#endif
}

void kr_rotors_use(kr_action *action, kr_isa isa)
{
    ((rotor_action *)action->self)->kernels = kernels(isa);
}

int kr_terms_take_rotors(kr_terms *terms, const kr_lattice *lattice, double J, double field,
                         kr_error *err)
{
    if (!isfinite(J) || !isfinite(field)) {
        return kr_fail(err, KR_ERANGE, "rotators: J = %g, field = %g, want finite numbers", J,
                       field);
    }
    rotor_action *self = kr_alloc(1, sizeof *self, err);
    if (!self) {
        return KR_ENOMEM;
    }
    /* a bond of kinetic weight J/2 couples by J */
    if (kr_quartic_init(&self->data.bonds, lattice, 0.5 * J, err) != KR_OK) {
        kr_free(self);
        return KR_ENOMEM;
    }
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        self->data.bonds.linear[i] = field;
    }
    self->data.J = J;
    self->data.field = field;
    self->kernels = kernels(KR_ISA_BEST);
    return kr_terms_take_action(terms,
                                &(kr_action){ .n_sites = lattice->n_sites,
                                              .self = self,
                                              .free = free_self,
                                              .energy = energy,
                                              .add_gradient = add_gradient,
                                              .change = change,
                                              .rotors = &self->data,
                                              .is_even = field == 0.0,
                                              .neighbor_begin = self->data.bonds.neighbor_begin,
                                              .neighbor = self->data.bonds.neighbor,
                                              .coupling = self->data.bonds.coupling,
                                              .linear = self->data.bonds.linear,
                                              .is_angle = true,
                                              .start_width = 1.0 },
                                err);
}
