/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/cli_exact.c - exact values of one point, as lines or as an object. */
#include "run/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void kr_cli_print_exact(const kr_spec *spec, int32_t p, const kr_exact *e, bool is_json)
{
    static const char *const name[] = { "log_z",
                                        "energy_per_site",
                                        "specific_heat",
                                        "magnetization_per_site",
                                        "abs_magnetization_per_site",
                                        "magnetization_squared",
                                        "magnetization_fourth",
                                        "susceptibility",
                                        "binder",
                                        "phi_squared",
                                        "phi_fourth",
                                        "neighbor_product" };
    const double value[] = { e->log_z,
                             e->energy_per_site,
                             e->specific_heat,
                             e->magnetization,
                             e->abs_magnetization,
                             e->magnetization_squared,
                             e->magnetization_fourth,
                             e->susceptibility,
                             e->binder,
                             e->phi_squared,
                             e->phi_fourth,
                             e->neighbor_product };
    if (is_json) {
        printf("%s  {\"method\": \"%s\", \"beta\": %.17g", p ? ",\n" : "", e->method,
               spec->target[p].beta);
    } else {
        printf("%s%-28s %s\n%-28s %.17g\n", p ? "\n" : "", "method", e->method, "beta",
               spec->target[p].beta);
    }
    for (int32_t a = 0; a < spec->n_axes; a++) {
        if (strcmp(spec->axis[a].path, "beta") != 0) {
            printf(is_json ? ", \"%s\": %.17g" : "%-28s %.17g\n", spec->axis[a].path,
                   spec->axis[a].value[p]);
        }
    }
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        if (isfinite(value[k])) {
            printf(is_json ? ", \"%s\": %.17g" : "%-28s %.15g\n", name[k], value[k]);
        } else if (is_json) {
            printf(", \"%s\": null", name[k]);
        }
    }
    printf(is_json ? "}" : "");
}
