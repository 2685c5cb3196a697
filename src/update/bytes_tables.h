/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/bytes_tables.h - derives the tables of the engine of one byte per spin from the terms
 * of a model. */
#ifndef KR_UPDATE_BYTES_TABLES_H
#define KR_UPDATE_BYTES_TABLES_H

#include "update/bytes_kernels.h"

/* Chooses the rule and its fold, fills all tables. fold is borrowed by the job, owned by the
 * caller from then on, also after a failure. Cost: O(sites 2^slots) exponentials with a table
 * for every site, else O(bonds). Errors: KR_EUNSUP with the reason, KR_ENOMEM. */
int kr_bytes_job_init(kr_bytes_job *job, const kr_update_setting *setting, kr_local_kind kind,
                      kr_fold **fold, kr_error *err);
void kr_bytes_job_clear(kr_bytes_job *job);

/* Parts of the above in other files. */
int kr_bytes_sum_fill(kr_bytes_job *job, kr_error *err);
int kr_bytes_potts_fill(kr_bytes_job *job, kr_error *err);
/* Room for n_thresholds sets of n_tables tables of 16 classes. */
int kr_bytes_thresholds_alloc(kr_bytes_job *job, int32_t n_thresholds, int32_t n_tables,
                              kr_error *err);
/* Threshold t of a class. */
void kr_bytes_thresholds_set(kr_bytes_job *job, int32_t t, int32_t class, double p);

#endif
