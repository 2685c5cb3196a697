/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/study_model.c - what a model says of its transition: whether its order parameter is
 * one, how many phases a symmetry makes, a value from the literature. */
#include "base/memory.h"
#include "model/terms.h"
#include "study/study.h"

#include <math.h>
#include <string.h>

/* Ordered phases that a symmetry of the model takes into each other. */
static double count_ordered(const kr_terms *terms)
{
    int32_t most = 1;
    if (terms->action) {
        return terms->action->is_even ? 2.0 : 1.0;
    }
    if (terms->order == KR_ORDER_POTTS || terms->order == KR_ORDER_VECTOR) {
        return terms->has_local ? 1.0 : terms->q;
    }
    for (int32_t a = 0; a < terms->q; a++) {
        int32_t n = 0;
        for (int32_t b = 0; b < terms->q; b++) {
            n += terms->state_class[a] == terms->state_class[b] && terms->value[a] != 0.0;
        }
        most = n > most ? n : most;
    }
    return most;
}

/* Couplings and local energies are the same everywhere. */
static bool is_uniform(const kr_terms *terms)
{
    for (int64_t t = 1; t < terms->n_terms; t++) {
        if (terms->coupling[t] != terms->coupling[0]) {
            return false;
        }
    }
    for (int64_t k = terms->q; k < (int64_t)terms->n_sites * terms->q; k++) {
        if (terms->local[k] != terms->local[k - terms->q]) {
            return false;
        }
    }
    return true;
}

/* Whether states that agree everywhere lie below the mean of all states. */
static bool favors_order(const kr_terms *terms)
{
    double least = INFINITY, mean = 0.0;
    uint8_t *state = kr_alloc((size_t)terms->n_sites, 1, NULL);
    for (int32_t a = 0; state && a < terms->q; a++) {
        memset(state, a, (size_t)terms->n_sites);
        least = fmin(least, kr_terms_energy(terms, state, 1));
    }
    for (int64_t t = 0; t < terms->n_terms; t++) {
        const int32_t table = terms->term_table[t];
        const size_t from = terms->table_begin[table], to = terms->table_begin[table + 1];
        double sum = 0.0;
        for (size_t k = from; k < to; k++) {
            sum += terms->table[k];
        }
        mean += terms->coupling[t] * sum / (double)(to - from);
    }
    for (int64_t k = 0; k < (int64_t)terms->n_sites * terms->q; k++) {
        mean += terms->local[k] / terms->q;
    }
    kr_free(state);
    return least < mean;
}

/* What the order parameter of the model says nothing of. */
int kr_study_check_order(kr_study *study, kr_error *err)
{
    const kr_spec *spec = study->spec;
    const kr_terms *terms = spec->target[spec->config.n_points / 2].terms;
    const kr_node *model = kr_node_get(study->written->root, "model");
    const kr_terms *first = spec->target[0].terms;
    const kr_terms *last = spec->target[spec->config.n_points - 1].terms;
    /* a field that is searched breaks the symmetry everywhere but at zero */
    study->n_ordered =
        fmin(count_ordered(terms), fmin(count_ordered(first), count_ordered(last)));
    if (study->n_dims == 2 && ((terms->action && terms->action->is_angle) ||
                               (terms->order == KR_ORDER_VECTOR && terms->q > 4))) {
        return kr_runfile_fail(
            study->written, model, err, KR_EUNSUP,
            "%s: the transitions of this model in two dimensions are those of "
            "Kosterlitz and Thouless, which have no 1/nu to fit",
            study->name);
    }
    if (!terms->action && !is_uniform(terms)) {
        return kr_runfile_fail(study->written, model, err, KR_EUNSUP,
                               "%s: the couplings or fields differ from site to site; one "
                               "sample of a disorder says "
                               "nothing of the mean over samples",
                               study->name);
    }
    if (!terms->action && !favors_order(terms)) {
        return kr_runfile_fail(study->written, model, err, KR_EUNSUP,
                               "%s: states that agree everywhere are no low ones, so the "
                               "magnetization is not the order parameter of this model",
                               study->name);
    }
    if (study->n_ordered < 2.0) {
        return kr_runfile_fail(study->written, model, err, KR_EUNSUP,
                               "%s: no symmetry of the model exchanges ordered phases (a field "
                               "breaks it), so nothing is there to be broken",
                               study->name);
    }
    return KR_OK;
}

/* Whether "q=3, J = 1" or "convention kappa, lambda = 0.022" is so in the run file. */
static bool holds(const kr_node *model, const char *params)
{
    char text[256];
    snprintf(text, sizeof text, "%s", params ? params : "");
    char *save = NULL;
    for (char *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
        char key[64], want[64];
        double a, b;
        if (sscanf(part, " %63[a-zA-Z0-9_.] %*[=] %63s", key, want) != 2 &&
            sscanf(part, " %63[a-zA-Z0-9_.] %63s", key, want) != 2) {
            return false;
        }
        const kr_node *node = kr_node_find(model, key, strlen(key));
        if (!node || node->kind != KR_NODE_SCALAR) {
            return false;
        }
        const bool is_number = kr_number_real(want, &a, NULL) == KR_OK &&
                               kr_number_real(node->text, &b, NULL) == KR_OK;
        if (is_number ? fabs(a - b) > 1e-12 * fabs(a) : strcmp(want, node->text) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether every number that a fact does not name, and the search does not move, is a default.
 */
static bool is_plain(const kr_study *study, const kr_node *model, const char *params)
{
    for (const kr_field *f = study->spec->model->fields; f && f->name; f++) {
        const kr_node *node = kr_node_get(model, f->name);
        const kr_node *kind = node ? kr_node_get(node, "kind") : NULL;
        double a, b;
        if (!node || (params && strstr(params, f->name)) ||
            strcmp(f->name, kr_study_parameter(study)) == 0) {
            continue;
        }
        if (kind ? strcmp(kind->text, "none") != 0
                 : node->kind == KR_NODE_SCALAR && f->fallback &&
                       strcmp(node->text, f->fallback) != 0 &&
                       !(kr_number_real(node->text, &a, NULL) == KR_OK &&
                         kr_number_real(f->fallback, &b, NULL) == KR_OK && a == b)) {
            return false;
        }
    }
    return true;
}

/* A literature value of the model for these parameters. */
void kr_study_find_known(kr_study *study)
{
    const kr_spec *spec = study->spec;
    char lattice[64], quantity[64];
    snprintf(lattice, sizeof lattice, "%s %dD", spec->lattice_plug->name, study->n_dims);
    snprintf(quantity, sizeof quantity, "%.60s_c", kr_study_parameter(study));
    const kr_node *model = kr_node_get(study->written->root, "model");
    study->known = NAN;
    if (!study->is_beta && spec->target[0].beta != 1.0) {
        return;
    }
    for (const kr_fact *f = spec->model->facts; f && f->lattice; f++) {
        if ((strcmp(f->lattice, lattice) == 0 ||
             strcmp(f->lattice, spec->lattice_plug->name) == 0) &&
            strcmp(f->quantity, quantity) == 0 && holds(model, f->params) &&
            is_plain(study, model, f->params)) {
            study->known = f->value;
            study->known_source = f->source;
        }
    }
}
