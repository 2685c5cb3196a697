/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/chain.h - quartic actions whose sites form chains or one ring, in the order of the
 * chain; for model/exact_chain.c. Threads: pure. */
#ifndef KR_MODEL_CHAIN_H
#define KR_MODEL_CHAIN_H

#include "kramers_plug.h"

typedef struct kr_chain_site {
    double square, linear;
    double coupling; /* to the next site */
    double bonds;    /* signed lattice bonds to it, over n_bonds */
    int32_t power;   /* of a factor here, 0: none */
} kr_chain_site;

typedef struct kr_chain {
    double beta, quartic;
    int32_t n;
    bool is_ring;        /* the last site is coupled to the first */
    bool has_bonds;      /* every lattice bond joins neighbors of the chain */
    kr_chain_site *site; /* (n) in the order of the chain; owns */
    double low, high;    /* where the variables are */
    double most_work;    /* multiplications */
    double origin;       /* energy of a step, subtracted from it */
} kr_chain;

/* Errors: KR_EUNSUP with the reason; clear also after an error. */
int kr_chain_init(kr_chain *c, const kr_target *target, kr_error *err);
void kr_chain_clear(kr_chain *c);
/* Sites in the order of the chain and their places in it, (n_sites) each: paths from their
 * ends, one after the other, or one ring. Errors: KR_EUNSUP. */
int kr_chain_find_order(const kr_quartic *a, int32_t *order, int32_t *place, bool *is_ring,
                        kr_error *err);
/* Fills low and high: beyond them no variable has a share of its weight above 1e-20. */
int kr_chain_find_range(kr_chain *c, kr_error *err);
/* The part of S with variable i alone. */
double kr_chain_potential(const kr_chain *c, int32_t i, double x);
/* Sites and the coupling after them are equal. */
bool kr_chain_is_same(const kr_chain *c, int32_t i, int32_t j);

#endif
