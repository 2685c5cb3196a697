/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/compare_study.h - comparisons written by hand, for the tests of judge and verdict. */
#ifndef KR_COMPARE_STUDY_H
#define KR_COMPARE_STUDY_H

#include "study/compare_private.h"

/* Energy, order parameter and one phase. */
static inline kr_compare *study_begin(void)
{
    kr_compare *study = calloc(1, sizeof *study);
    static const char *const name[] = { "energy_per_site", "magnetization_per_site", "in_up" };
    for (int k = 0; k < 3; k++) {
        kr_compare_column *c = &study->column[study->n_columns++];
        c->exact = NAN;
        c->is_phase = k == 2;
        snprintf(c->name, sizeof c->name, "%s", name[k]);
    }
    return study;
}

/* A candidate with the same cost c for all, means 0, 0, 1/2 with error 0.01. */
static inline kr_compare_row *study_add(kr_compare *study, const char *name,
                                        kr_compare_kind kind, double set_up, double cost)
{
    kr_compare_row *row = &study->row[study->n_rows++];
    *row = (kr_compare_row){ .kind = kind,
                             .status = KR_COMPARE_NOT_RESOLVED,
                             .set_up_cpu_s = set_up,
                             .train_cpu_s = kind == KR_COMPARE_LEARNED ? set_up : 0.0 };
    snprintf(row->name, sizeof row->name, "%s", name);
    for (int k = 0; k < 3; k++) {
        row->value[k] = (kr_compare_value){ .is_measured = true,
                                            .is_resolved = true,
                                            .mean = k == 2 ? 0.5 : 0.0,
                                            .error = 0.01,
                                            .least = -1.0,
                                            .most = 1.0,
                                            .low = -0.5,
                                            .high = 0.5,
                                            .tau = 1.0,
                                            .cost = k == 0 ? cost : 0.5 * cost,
                                            .cost_error = 0.01 * cost };
    }
    return row;
}

/* Leaves order parameter and phase of a row unresolved: its cost is a lower bound. */
static inline void study_stick(kr_compare_row *row)
{
    for (int k = 1; k < 3; k++) {
        row->value[k].is_resolved = false;
        row->value[k].why = "chains disagree (R-hat)";
        row->value[k].cost = row->value[0].cost;
    }
}

static inline const kr_compare_row *study_row(const kr_compare *study, const char *name)
{
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (strcmp(study->row[r].name, name) == 0) {
            return &study->row[r];
        }
    }
    return NULL;
}

#endif
