/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/fits.h - whether a plug can work on a target: states or real variables, then what the
 * plug itself has to say. */
#ifndef KR_MODEL_FITS_H
#define KR_MODEL_FITS_H

#include "kramers_plug.h"

/* False with KR_EUNSUP in why. Pure. */
bool kr_update_fits(const kr_update_plug *plug, const kr_target *target, const void *params,
                    kr_error *why);
bool kr_density_fits(const kr_density_plug *plug, const kr_target *target, const void *params,
                     kr_error *why);
bool kr_observable_fits(const kr_observable_plug *plug, const kr_target *target,
                        const void *params, kr_error *why);

#endif
