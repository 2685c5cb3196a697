/* SPDX-License-Identifier: GPL-3.0-or-later
 * observable/checks.h - what several observables ask of a model and of lists of sites. */
#ifndef KR_OBSERVABLE_CHECKS_H
#define KR_OBSERVABLE_CHECKS_H

#include "kramers_plug.h"

/* "discrete states", "angles" or "real numbers": the variables of a model, for messages. */
const char *kr_kind_of(const kr_terms *terms);
/* Different sites of 0..n_sites - 1, or none. Errors: KR_EUNSUP, name (of the observable) and
 * the site. Pure. */
int kr_check_sites(const char *name, const kr_list *sites, int32_t n_sites, kr_error *err);

#endif
