/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/mass.h - a mass for every site, from the spread of the chains.
 *
 * Momenta are N(0, 1) and site i moves by sigma_i times its momentum: the mass is 1/sigma_i^2.
 * sigma is measured in windows, each twice as long as the one before, which forgets what was
 * seen before it; s^2 over n states is drawn to a small value as n/(n + 5) s^2 + 5/(n + 5) 1e-3
 * w^2, w the start width of the model. Source: Carpenter et al., J. Stat. Softw. 76, 1 (2017)
 * and the Stan reference manual, chapter MCMC sampling, where w = 1. */
#ifndef KR_UPDATE_MASS_H
#define KR_UPDATE_MASS_H

#include "kramers_plug.h"

typedef struct kr_mass {
    size_t n_sites;
    double width;         /* w */
    double *sigma;        /* (n_sites) owns */
    kr_moments in_window; /* of the states of the window so far; owns */
} kr_mass;

/* init: sigma = 1. */
int kr_mass_init(kr_mass *mass, int32_t n_sites, double width, kr_error *err);
void kr_mass_clear(kr_mass *mass);
int kr_mass_declare(kr_mass *mass, kr_state *table, kr_error *err);
/* After a draw of the chains. True when a window ends: then sigma is new, and *factor is the
 * largest ratio of an old one to its new one, by which a step can grow and be as stable. */
bool kr_mass_learn(kr_mass *mass, const kr_tuning *seen, double *factor);

#endif
