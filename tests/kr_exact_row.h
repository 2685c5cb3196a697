/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/kr_exact_row.h - rows of exact values that an enumeration has to reproduce. */
#ifndef KR_EXACT_ROW_H
#define KR_EXACT_ROW_H

#include "kr_system.h"
#include "model/exact.h"

typedef struct exact_row {
    const char *model, *lattice; /* fields, as in kr_system.h */
    double beta;
    /* log Z, energy, specific heat, m, |m|, m^2, m^4, Binder, susceptibility; NAN = not known
     */
    double value[9];
} exact_row;

/* Twelve digits for sums of positive terms, relative to the larger of 1 and the value. */
static inline void assert_exact_row(const char *model, const char *lattice,
                                    const exact_row *row)
{
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc(model, row->model, lattice, row->lattice);
    kr_target target = system_target(&s, row->beta);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    const double got[9] = { x.log_z,
                            x.energy_per_site,
                            x.specific_heat,
                            x.magnetization,
                            x.abs_magnetization,
                            x.magnetization_squared,
                            x.magnetization_fourth,
                            x.binder,
                            x.susceptibility };
    for (int k = 0; k < 9; k++) {
        if (!isnan(row->value[k])) {
            assert_close(got[k], row->value[k], 1e-12);
        }
    }
    system_free(&s);
}

#endif
