/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/cluster.c - bond probabilities and growth of reflected clusters.
 *
 * Source: Wolff, Phys. Rev. Lett. 62, 361 (1989); for transpositions of Potts states: Wang,
 * Swendsen, Kotecky, Phys. Rev. Lett. 63, 109 (1989). */
#include "update/cluster.h"

#include "base/memory.h"

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
        p += 2 * n;
    }
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

size_t kr_growth_bytes(int32_t n_sites)
{
    return (size_t)n_sites * (sizeof(int32_t) + 1);
}

kr_growth kr_growth_begin(void *scratch, int32_t n_sites)
{
    kr_growth growth = { .list = scratch };
    growth.mark = (uint8_t *)(growth.list + n_sites);
    memset(growth.mark, 0, (size_t)n_sites);
    return growth;
}

/* kernel: the list is also the queue of sites whose bonds are still to be drawn. Each bond is
 * drawn at most once, from the end that is worked off first. */
int32_t kr_cluster_reflect(const kr_clusters *clusters, const kr_state_class *class, int32_t a,
                           int32_t b, int32_t seed, uint8_t *s, const kr_growth *growth,
                           kr_rng *rng, double *delta)
{
    const int64_t *restrict begin = clusters->terms->neighbor_begin;
    const int32_t *restrict neighbor = clusters->terms->neighbor;
    const int32_t *restrict of = clusters->couplings.of;
    const double *restrict J = clusters->terms->J;
    int32_t *restrict list = growth->list;
    uint8_t *restrict mark = growth->mark;
    int32_t n = 0;
    double sum = 0.0; /* of couplings, in units of D */
    list[n++] = seed;
    mark[seed] = 1;
    for (int32_t done = 0; done < n; done++) {
        int32_t i = list[done];
        uint8_t old = s[i], image = (uint8_t)(a + b - old);
        for (int64_t k = begin[i]; k < begin[i + 1]; k++) {
            int32_t j = neighbor[k];
            const double *p;
            if (s[j] == old) {
                sum += J[k];
                p = class->p_equal;
            } else if (s[j] == image) {
                sum -= J[k];
                p = class->p_opposite;
            } else {
                continue;
            }
            if (!mark[j] && kr_rng_bernoulli(rng, p[of[k]])) {
                mark[j] = 1;
                list[n++] = j;
            }
        }
        s[i] = image;
    }
    *delta += sum * class->D;
    return n;
}

void kr_cluster_undo(int32_t a, int32_t b, uint8_t *s, const kr_growth *growth, int32_t size)
{
    for (int32_t m = 0; m < size; m++) {
        uint8_t *site = &s[growth->list[m]];
        *site = (uint8_t)(a + b - *site);
    }
}

double kr_cluster_field(const kr_terms *terms, int32_t a, int32_t b, const uint8_t *s,
                        const kr_growth *growth, int32_t size)
{
    double sum = 0.0;
    for (int32_t m = 0; m < size; m++) {
        int32_t i = growth->list[m];
        const double *local = terms->local + (size_t)i * (size_t)terms->q;
        sum += local[s[i]] - local[a + b - s[i]];
    }
    return sum;
}
