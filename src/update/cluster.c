/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster.c - bond probabilities of reflected clusters, and how to grow them.
 *
 * Source: Wolff, Phys. Rev. Lett. 62, 361 (1989); for transpositions of Potts states: Wang,
 * Swendsen, Kotecky, Phys. Rev. Lett. 63, 109 (1989). */
#include "update/cluster.h"

#include "base/memory.h"
#include "update/cluster_box.h"

#include <math.h>
#include <string.h>

/* Lists the states of each class of two or more; returns the number of classes. */
static int32_t list_classes(kr_clusters *clusters)
{
    const kr_terms *terms = clusters->terms;
    int32_t n_classes = 0, n_members = 0;
    for (int32_t a = 0; a < terms->q; a++) {
        clusters->class_of[a] = -1;
    }
    for (int32_t a = 0; a < terms->q; a++) {
        int32_t begin = n_members;
        for (int32_t b = a; b < terms->q && clusters->class_of[a] < 0; b++) {
            if (terms->pair_class[b] == terms->pair_class[a]) {
                clusters->member[n_members++] = b;
            }
        }
        if (n_members - begin < 2) {
            n_members = begin;
            continue;
        }
        for (int32_t m = begin; m < n_members; m++) {
            clusters->class_of[clusters->member[m]] = n_classes;
        }
        clusters->classes[n_classes++] =
            (kr_state_class){ .begin = begin, .n = n_members - begin };
    }
    return n_classes;
}

/* One bias for all bonds of the class: couplings that differ in sign only. */
static void set_growth(const kr_clusters *clusters, kr_state_class *class)
{
    int32_t n = clusters->couplings.n;
    const double *value = clusters->couplings.value;
    class->has_opposite = false;
    bool is_one_bias = n > 0;
    for (int32_t c = 0; c < n; c++) {
        class->has_opposite |= value[c] * class->D < 0.0;
        is_one_bias &= fabs(value[c]) == fabs(value[0]);
    }
    class->is_one_bias = is_one_bias;
    class->coin = kr_coin_of(n > 0 ? fmax(class->p_equal[0], class->p_opposite[0]) : 0.0);
}

/* Equal degree of all sites. */
static void set_degree(kr_clusters *clusters)
{
    const kr_terms *terms = clusters->terms;
    int64_t z = terms->n_sites > 0 ? terms->neighbor_begin[1] : 0;
    for (int32_t i = 0; i < terms->n_sites && z > 0; i++) {
        z = terms->neighbor_begin[i + 1] - terms->neighbor_begin[i] == z ? z : 0;
    }
    clusters->degree = (int32_t)z;
}

static void set_bit_box(kr_bit_box *box, const kr_lattice *lattice, const kr_terms *terms)
{
    kr_box found;
    memset(box, 0, sizeof *box);
    if (!kr_box_find(&found, lattice, terms) || found.dim < 2 || found.dim > 3) {
        return;
    }
    for (int32_t d = 0, step = 1; d < found.dim; step *= found.extent[d++]) {
        int32_t side = found.extent[d];
        if (side < 2 || (side & (side - 1)) != 0 || !found.is_periodic[d]) {
            return;
        }
        box->step[d] = step;
        box->mask[d] = (side - 1) * step;
    }
    box->dim = found.dim;
}

static bool is_local_uniform(const kr_terms *terms)
{
    size_t q = (size_t)terms->q;
    for (size_t k = q; k < (size_t)terms->n_sites * q; k++) {
        if (terms->local[k] != terms->local[k - q]) {
            return false;
        }
    }
    return true;
}

int kr_clusters_init(kr_clusters *clusters, const kr_target *target, kr_error *err)
{
    const kr_terms *terms = target->terms;
    size_t q = (size_t)terms->q;
    memset(clusters, 0, sizeof *clusters);
    clusters->terms = terms;
    clusters->beta = target->beta;
    KR_TRY(kr_couplings_init(&clusters->couplings, terms, err));
    clusters->classes = kr_alloc(q / 2 + 1, sizeof *clusters->classes, err);
    clusters->class_of = kr_alloc(q, sizeof *clusters->class_of, err);
    clusters->member = kr_alloc(q, sizeof *clusters->member, err);
    if (!clusters->classes || !clusters->class_of || !clusters->member) {
        kr_clusters_clear(clusters);
        return KR_ENOMEM;
    }
    clusters->n_classes = list_classes(clusters);
    int32_t n = clusters->couplings.n;
    clusters->p = kr_alloc((size_t)clusters->n_classes * 2 * (size_t)n, sizeof(double), err);
    if (!clusters->p) {
        kr_clusters_clear(clusters);
        return KR_ENOMEM;
    }
    double *p = clusters->p;
    for (int32_t k = 0; k < clusters->n_classes; k++) {
        kr_state_class *class = &clusters->classes[k];
        size_t a = (size_t)clusters->member[class->begin];
        size_t b = (size_t)clusters->member[class->begin + 1];
        class->D = terms->V[a * q + b] - terms->V[a * q + a];
        class->p_equal = p;
        class->p_opposite = p + n;
        for (int32_t c = 0; c < n; c++) {
            double d = clusters->couplings.value[c] * class->D;
            p[c] = -expm1(-target->beta * fmax(0.0, d));
            p[n + c] = -expm1(-target->beta * fmax(0.0, -d));
        }
        set_growth(clusters, class);
        p += 2 * n;
    }
    set_degree(clusters);
    set_bit_box(&clusters->bit_box, target->lattice, terms);
    clusters->has_uniform_local = is_local_uniform(terms);
    return KR_OK;
}

void kr_clusters_clear(kr_clusters *clusters)
{
    kr_couplings_clear(&clusters->couplings);
    kr_free(clusters->classes);
    kr_free(clusters->class_of);
    kr_free(clusters->member);
    kr_free(clusters->p);
    memset(clusters, 0, sizeof *clusters);
}

bool kr_clusters_supported(const kr_target *target, const char *name, kr_error *why)
{
    const kr_terms *terms = target->terms;
    if (!(target->beta >= 0.0)) {
        kr_fail(why, KR_EUNSUP,
                "%s: beta = %g, want >= 0; turn the sign of the couplings instead", name,
                target->beta);
        return false;
    }
    if (!terms->is_pair) {
        kr_fail(why, KR_EUNSUP,
                "%s: model has terms of more than two sites or of unequal "
                "tables, want one pair table",
                name);
        return false;
    }
    for (int32_t a = 0; a < terms->q; a++) {
        for (int32_t b = 0; b < a; b++) {
            if (terms->pair_class[a] == terms->pair_class[b]) {
                return true;
            }
        }
    }
    kr_fail(why, KR_EUNSUP,
            "%s: no two of the %d states are interchangeable in the pair "
            "energy, want a model with such a symmetry",
            name, terms->q);
    return false;
}
