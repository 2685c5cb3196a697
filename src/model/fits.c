/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/fits.c - whether a plug can work on a target. */
#include "model/fits.h"

static bool is_of_kind(const kr_target *target, bool takes_real, bool takes_states,
                       const char *kind, const char *name, kr_error *why)
{
    const bool is_real = target->terms->action != NULL;
    if (is_real ? takes_real : takes_states) {
        return true;
    }
    kr_fail(why, KR_EUNSUP, "%s %s is for models of %s, but the variables of this one are %s",
            kind, name, is_real ? "discrete states" : "real variables",
            is_real ? "real numbers" : "discrete states");
    return false;
}

static bool takes_layouts(const kr_target *target, unsigned layouts, const char *kind,
                          const char *name, kr_error *why)
{
    return is_of_kind(target, layouts & KR_LAYOUT_REAL, layouts & KR_LAYOUT_ANY, kind, name,
                      why);
}

bool kr_update_fits(const kr_update_plug *plug, const kr_target *target, const void *params,
                    kr_error *why)
{
    return takes_layouts(target, plug->layouts, "update", plug->name, why) &&
           (!plug->supports || plug->supports(target, params, why));
}

bool kr_density_fits(const kr_density_plug *plug, const kr_target *target, const void *params,
                     kr_error *why)
{
    const bool is_real = plug->flags & KR_DENSITY_REAL;
    return is_of_kind(target, is_real, !is_real, "density", plug->name, why) &&
           plug->supports(target, params, why);
}

bool kr_observable_fits(const kr_observable_plug *plug, const kr_target *target,
                        const void *params, kr_error *why)
{
    return takes_layouts(target, plug->layouts, "observable", plug->name, why) &&
           (!plug->supports || plug->supports(target, params, why));
}
