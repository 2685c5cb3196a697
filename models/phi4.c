/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/phi4.c - lattice phi^4 theory, in the conventions that are in use.
 *
 * The field is that of the source of the convention, and so are S, log Z and all means:
 *   canonical  S = sum_<ij> (phi_i - phi_j)^2 + sum_i (m2 phi_i^2 + lambda phi_i^4)
 *              Albergo, Kanwar, Shanahan, Phys. Rev. D 100, 034515 (2019)
 *   half       half of it: Gerdes, de Haan, Rainone, Bondesan, Cheng, SciPost Phys. 15, 238
 *              (2023)
 *   kappa      S = -2 kappa sum_<ij> phi_i phi_j + sum_i ((1 - 2 lambda) phi_i^2
 *              + lambda phi_i^4): Nicoli et al., Phys. Rev. Lett. 126, 032001 (2021)
 *   normflow   S = kappa/2 sum (phi_i - phi_j)^2 + sum (m2/2 phi_i^2 + lambda phi_i^4)
 *   schaich    S = 1/2 sum (phi_i - phi_j)^2 + sum (m2/2 phi_i^2 + lambda/4 phi_i^4)
 *              Schaich, Loinaz, Phys. Rev. D 79, 056008 (2009)
 *   pnas       U = aN/2 sum (phi_i - phi_j)^2 + 1/(aN) sum ((1 - phi_i^2)^2/4 + b phi_i), the
 *              stochastic Allen-Cahn chain of N sites: Gabrie, Rotskoff, Vanden-Eijnden, PNAS
 *              119 (2022), with zero ends
 * All but pnas have -field sum_i phi_i beside. The weight is exp(-beta S). With ends: zero the
 * sites at open ends have neighbors outside the lattice where phi = 0. */
#include "kramers_plug.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct params {
    int32_t convention, ends;
    double m2, lambda, field, kappa, a, b;
} params;

enum { CANONICAL, HALF, KAPPA, NORMFLOW, SCHAICH, PNAS };
enum { ENDS_FREE, ENDS_ZERO };
static const char *const names[] = {
    "canonical", "half", "kappa", "normflow", "schaich", "pnas"
};

#define REAL(member, low, high, text)                                                          \
    {                                                                                          \
        .name = #member, .type = KR_TYPE_REAL, .offset = offsetof(params, member),             \
        .fallback = "0", .min = (low), .max = (high), .unit = "1", .flags = KR_FIELD_SCAN,     \
        .doc = (text)                                                                          \
    }

static const kr_field fields[] = {
    { .name = "convention",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(params, convention),
      .fallback = "canonical",
      .choices = "canonical|half|kappa|normflow|schaich|pnas",
      .doc = "whose action: canonical sum (D phi)^2 + m2 phi^2 + lambda phi^4; half of it; "
             "kappa -2 kappa phi phi + (1 - 2 lambda) phi^2 + lambda phi^4; normflow kappa/2 "
             "(D phi)^2 + m2/2 phi^2 + lambda phi^4; schaich 1/2 (D phi)^2 + m2/2 phi^2 + "
             "lambda/4 phi^4; pnas aN/2 (D phi)^2 + ((1 - phi^2)^2/4 + b phi)/(aN)" },
    REAL(m2, -1e6, 1e6, "squared mass; not for kappa, pnas"),
    REAL(lambda, -1e6, 1e6, "coupling of phi^4, not negative; not for pnas"),
    REAL(field, -1e6, 1e6, "h of -h phi; not for pnas"),
    REAL(kappa, -1e6, 1e6, "hopping parameter; kappa, normflow"),
    REAL(a, 0, 1e6, "lattice spacing; pnas"),
    REAL(b, -1e6, 1e6, "field of +b phi/(aN); pnas"),
    { .name = "ends",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(params, ends),
      .fallback = "free",
      .choices = "free|zero",
      .doc = "of open directions: free, or phi = 0 beyond them (Dirichlet)" },
    KR_FIELD_END
};

/* S = sum kinetic (phi_i - phi_j)^2 + sum (square phi^2 + quartic phi^4 - linear phi) +
 * constant; kappa has no (phi_i - phi_j)^2, so its hopping counts as half. */
typedef struct form {
    double kinetic, square, quartic, linear, constant;
} form;

static form form_of(const params *p, int32_t n_sites)
{
    const double aN = p->a * n_sites;
    switch (p->convention) {
    case HALF:
        return (form){ 0.5, 0.5 * p->m2, 0.5 * p->lambda, p->field, 0.0 };
    case KAPPA:
        return (form){ p->kappa, 1.0 - 2.0 * p->lambda, p->lambda, p->field, 0.0 };
    case NORMFLOW:
        return (form){ 0.5 * p->kappa, 0.5 * p->m2, p->lambda, p->field, 0.0 };
    case SCHAICH:
        return (form){ 0.5, 0.5 * p->m2, 0.25 * p->lambda, p->field, 0.0 };
    case PNAS:
        return (form){ 0.5 * aN, -0.5 / aN, 0.25 / aN, -p->b / aN, 0.25 / p->a };
    default:
        return (form){ 1.0, p->m2, p->lambda, p->field, 0.0 };
    }
}

/* Keys that the convention does not read are mistakes. */
static int check(const params *p, kr_error *err)
{
    const bool is_pnas = p->convention == PNAS;
    const struct {
        const char *key;
        double value;
        bool is_read;
    } keys[] = {
        { "m2", p->m2, !is_pnas && p->convention != KAPPA },
        { "lambda", p->lambda, !is_pnas },
        { "field", p->field, !is_pnas },
        { "kappa", p->kappa, p->convention == KAPPA || p->convention == NORMFLOW },
        { "a", p->a, is_pnas },
        { "b", p->b, is_pnas },
    };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        if (keys[k].value != 0.0 && !keys[k].is_read) {
            return kr_fail(err, KR_EINVAL, "%s = %g: convention %s does not read it",
                           keys[k].key, keys[k].value, names[p->convention]);
        }
    }
    if (p->lambda < 0.0) {
        return kr_fail(err, KR_ERANGE,
                       "lambda = %g: the action is unbounded below, want lambda >= 0",
                       p->lambda);
    }
    if (is_pnas && p->a == 0.0) {
        return kr_fail(err, KR_ERANGE, "a = 0, want the lattice spacing, > 0");
    }
    return p->convention == NORMFLOW && p->kappa <= 0.0
               ? kr_fail(err, KR_ERANGE, "kappa = %g, want > 0", p->kappa)
               : KR_OK;
}

/* Neighbors of a site that lie beyond open ends. */
static int32_t n_outside(const kr_lattice *lattice, int32_t i)
{
    int32_t n = 0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        const int32_t extent = lattice->extent[d], x = i % extent;
        n += lattice->is_periodic[d] ? 0 : (x == 0) + (x == extent - 1);
        i /= extent;
    }
    return n;
}

/* phi = 0 beyond ends says nothing where there are none. */
static int check_ends(const params *p, const kr_lattice *lattice, kr_error *err)
{
    bool is_open = false;
    if (p->ends == ENDS_FREE) {
        return KR_OK;
    }
    if (strcmp(lattice->name, "hypercubic") != 0) {
        return kr_fail(err, KR_EUNSUP, "ends: zero on lattice %s, want lattice hypercubic",
                       lattice->name);
    }
    for (int32_t d = 0; d < lattice->dim; d++) {
        is_open = is_open || !lattice->is_periodic[d];
    }
    return is_open ? KR_OK
                   : kr_fail(err, KR_EUNSUP,
                             "ends: zero on a lattice without open ends, want boundary: open "
                             "along some direction, or ends: free");
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    const params *p = parameters;
    KR_TRY(check(p, err));
    KR_TRY(check_ends(p, lattice, err));
    const form f = form_of(p, lattice->n_sites);
    kr_quartic action;
    KR_TRY(kr_quartic_init(&action, lattice, f.kinetic, err));
    action.quartic = f.quartic;
    action.constant = f.constant;
    double slope = 0.0; /* of the potential of a uniform field, in phi^2, per site */
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        const double bonds = action.square[i]; /* kinetic times the neighbors */
        if (p->convention == KAPPA) {
            action.square[i] = 0.0;
            slope -= bonds / lattice->n_sites;
        } else if (p->ends == ENDS_ZERO) {
            action.square[i] += f.kinetic * n_outside(lattice, i);
        }
        action.square[i] += f.square;
        action.linear[i] = f.linear;
    }
    slope += f.square;
    KR_TRY(kr_terms_take_quartic(terms, &action, err));
    if (!(slope < 0.0)) {
        return KR_OK;
    }
    const double minimum = sqrt(-0.5 * slope / f.quartic);
    KR_TRY(kr_terms_add_real_phase(terms, "minus", -INFINITY, -0.3 * minimum, -minimum, err));
    return kr_terms_add_real_phase(terms, "plus", 0.3 * minimum, INFINITY, minimum, err);
}

/* With psi = phi/scale the weight is that of the canonical action, up to a constant. */
static void describe(const void *parameters, const kr_lattice *lattice, double beta,
                     char text[KR_TEXT_MAX])
{
    const params *p = parameters;
    form f = form_of(p, lattice->n_sites);
    if (p->convention == KAPPA) {
        f.square -= 2.0 * lattice->dim * f.kinetic;
    }
    const double scale = 1.0 / sqrt(beta * f.kinetic);
    const double shift = lattice->n_sites * log(scale) - beta * f.constant;
    text[0] = '\0';
    if (isfinite(scale)) {
        snprintf(text, KR_TEXT_MAX,
                 "canonical form: m2 = %.10g, lambda = %.10g, h = %.10g of psi = phi/%.10g; "
                 "log Z = canonical log Z %+.10g",
                 beta * f.square * scale * scale, beta * f.quartic * pow(scale, 4),
                 beta * f.linear * scale, scale, shift);
    }
}

static const kr_fact facts[] = {
    { "hypercubic 2D", "kappa_c", "convention kappa, lambda = 0.022", 0.27088,
      "data card of the ensembles phi4-critical-configs, as read" },
    { .lattice = NULL }
};

const kr_model_plug kr_model_phi4 = {
    .name = "phi4",
    .doc = "lattice phi^4 theory, real field",
    .source = "Montvay, Münster, Quantum Fields on a Lattice (1994)",
    .fields = fields,
    .params_size = sizeof(params),
    .build = build,
    .describe = describe,
    .facts = facts,
};
