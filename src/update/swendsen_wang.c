/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/swendsen_wang.c - the whole lattice is cut into clusters, each gets a new state.
 *
 * Form fortuin_kasteleyn (Potts, all J >= 0): a bond between equal states is kept with
 * probability 1 - exp(-beta J v), v = V[a][b] - V[a][a]. Given the bonds the states of the
 * clusters are independent with weights exp(-beta sum_{i in C} local[i][k]) and are drawn from
 * that law, so any field is exact.
 * Form reflection (any pair model): a random exchange R = (a b) of interchangeable states,
 * bonds as in update/cluster.h among sites in a or b, each cluster reflected with probability
 * e^{-beta U'} / (e^{-beta U} + e^{-beta U'}) of its single-site energies. Couplings of any
 * sign.
 * Sums over colors of a cluster stand for the ghost spin of a field, summed out.
 * Without a field and with all J >= 0 clusters of equal states get any state alike, so that the
 * structure factor at k = 0 has the mean sum |C|^2/N given the bonds: an improved estimator.
 * Source: Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987); Fortuin, Kasteleyn, Physica 57, 536
 * (1972); Edwards, Sokal, Phys. Rev. D 38, 2009 (1988); reflection: Wang, Swendsen, Kotecky,
 * Phys. Rev. Lett. 63, 109 (1989); improved estimator: Sweeny, Phys. Rev. B 27, 4445 (1983).
 * Threads: pure given block, scratch and tally. */
#include "base/memory.h"
#include "model/terms.h"
#include "update/cluster.h"
#include "update/cluster_bits.h"
#include "update/cluster_graph.h"
#include "update/embedded.h"

enum { FORM_AUTO, FORM_FORTUIN_KASTELEYN, FORM_REFLECTION };

typedef struct swendsen_wang_params {
    int32_t form;
} swendsen_wang_params;

/* Boxes with one coupling and a uniform field go to the bit kernel, the rest bond by bond. */
typedef struct swendsen_wang {
    kr_clusters clusters;
    const kr_bits *kernel; /* NULL: graph is used */
    kr_bits_plan bits;
    kr_graph_plan graph;
    kr_embedded embedded; /* of real variables, else its action is NULL */
    bool has_means;       /* of the structure factor */
} swendsen_wang;

/* KR_OK when the random-cluster form applies. */
static int check_random_cluster(const kr_terms *terms, kr_error *why)
{
    if (!terms->is_pair || !terms->is_potts) {
        return kr_fail(why, KR_EUNSUP,
                       "swendsen_wang: model is not of Potts form J (c - v delta), want it for "
                       "form fortuin_kasteleyn");
    }
    for (int32_t i = 0; i < terms->n_sites; i++) {
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            if (!(terms->J[k] >= 0.0)) {
                return kr_fail(
                    why, KR_EUNSUP,
                    "swendsen_wang: coupling %g between sites %d and %d, want J >= 0 "
                    "for form fortuin_kasteleyn (form reflection takes any sign)",
                    terms->J[k], i, terms->neighbor[k]);
            }
        }
    }
    return KR_OK;
}

static bool swendsen_wang_supports(const kr_target *target, const void *params, kr_error *why)
{
    const swendsen_wang_params *p = params;
    kr_embedded embedded;
    if (target->terms->action) {
        return kr_embedded_init(&embedded, "swendsen_wang", target, why) == KR_OK;
    }
    if (!kr_clusters_supported(target, "swendsen_wang", why)) {
        return false;
    }
    return p->form != FORM_FORTUIN_KASTELEYN ||
           check_random_cluster(target->terms, why) == KR_OK;
}

static void swendsen_wang_free(void *self)
{
    swendsen_wang *w = self;
    if (w && !w->embedded.action) {
        kr_graph_plan_clear(&w->graph);
        kr_bits_plan_clear(&w->bits);
        kr_clusters_clear(&w->clusters);
    }
    kr_free(w);
}

/* True when the bit kernel takes the target; then box is set. */
static bool takes_bits(const swendsen_wang *w, const kr_target *target, bool is_reflection,
                       kr_box *box)
{
    return !is_reflection && w->clusters.couplings.n == 1 &&
           (!target->terms->has_local || w->clusters.has_uniform_local) &&
           kr_box_find(box, target->lattice, target->terms);
}

static int plan_bits(swendsen_wang *w, const kr_update_setting *setting, const kr_box *box,
                     kr_error *err)
{
    const kr_target *target = setting->target;
    double beta_local[KR_STATES_MAX];
    const kr_terms *terms = target->terms;
    for (int32_t a = 0; a < terms->q; a++) {
        beta_local[a] = target->beta * terms->local[a];
    }
    w->kernel = kr_bits_of(setting->isa);
    return kr_bits_plan_init(&w->bits, box, terms->q, w->clusters.classes[0].p_equal[0],
                             terms->has_local ? beta_local : NULL, err);
}

static void *swendsen_wang_alloc(const kr_update_setting *setting, const void *params,
                                 kr_error *err)
{
    const kr_target *target = setting->target;
    const swendsen_wang_params *p = params;
    swendsen_wang *w = kr_alloc(1, sizeof *w, err);
    if (!w) {
        return NULL;
    }
    if (target->terms->action) {
        if (kr_embedded_init(&w->embedded, "swendsen_wang", target, err) != KR_OK) {
            kr_free(w);
            return NULL;
        }
        return w;
    }
    bool is_reflection = p->form == FORM_REFLECTION ||
                         (p->form == FORM_AUTO && check_random_cluster(target->terms, NULL));
    kr_box box;
    w->has_means = kr_terms_has_clusters(target->terms);
    int status = kr_clusters_init(&w->clusters, target, err);
    if (status == KR_OK && takes_bits(w, target, is_reflection, &box)) {
        status = plan_bits(w, setting, &box, err);
    } else if (status == KR_OK) {
        status = kr_graph_plan_init(&w->graph, &w->clusters, is_reflection, err);
    }
    if (status != KR_OK) {
        swendsen_wang_free(w);
        return NULL;
    }
    return w;
}

static size_t swendsen_wang_scratch_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    const swendsen_wang *w = self;
    if (w->embedded.action) {
        return kr_embedded_bytes(&w->embedded);
    }
    return w->kernel ? kr_bits_bytes(&w->bits) : kr_graph_bytes(&w->graph);
}

/* Energy from the number of equal bonds; integers stay exact. */
static double energy_of(const swendsen_wang *w, int64_t n_equal, const uint8_t *s)
{
    const kr_terms *terms = w->clusters.terms;
    const int64_t n_bonds = terms->neighbor_begin[terms->n_sites] / 2;
    double sum = terms->J[0] *
                 (terms->V[0] * (double)n_equal + terms->V[1] * (double)(n_bonds - n_equal));
    for (int32_t a = 0; a < terms->q && terms->has_local; a++) {
        int32_t n = 0;
        for (int32_t i = 0; i < terms->n_sites; i++) {
            n += s[i] == a;
        }
        sum += terms->local[a] * n;
    }
    return sum;
}

/* n steps of one chain. */
static void swendsen_wang_chain(const swendsen_wang *w, int64_t n, kr_block *block,
                                int32_t lane, void *scratch, kr_tally *tally)
{
    uint8_t *s = block->state + (size_t)lane * (size_t)block->n_sites;
    kr_means *means = w->has_means ? tally->means : NULL;
    kr_cluster_counts counts = { .is_sized = means != NULL };
    if (w->kernel) {
        w->kernel->steps(&w->bits, n, s, scratch, block->rng, &counts);
        block->energy[lane] = energy_of(w, counts.equal_bonds, s);
    } else {
        block->energy[lane] = kr_graph_steps(&w->graph, n, s, scratch, block->rng, &counts);
    }
    tally->attempted[lane] += counts.clusters;
    tally->accepted[lane] += counts.accepted;
    tally->changed[lane] += counts.changed;
    if (means) {
        means->n[lane] += n;
        means->sum[lane][0] += counts.squares / block->n_sites;
    }
    if (counts.changed > 0) {
        kr_block_touch(block);
    }
}

/* Sweeps of a block of real variables; energies at the end, from scratch. */
static void sweep_real(const swendsen_wang *w, kr_block *block, int64_t n_sweeps, void *scratch,
                       kr_tally *tally)
{
    const kr_action *action = w->embedded.action;
    for (int64_t k = 0; k < n_sweeps; k++) {
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            kr_embedded_swendsen_wang(&w->embedded, block, lane, scratch, tally);
        }
    }
    action->energy(action->self, block->n_lanes, block->phi, (size_t)block->stride,
                   block->energy);
    kr_block_touch(block);
}

/* A chain alone in its block stays in the kernel's form between sweeps; several take turns,
 * because they share a stream. */
static void swendsen_wang_sweep(const void *self, kr_block *block, int64_t n_sweeps,
                                void *scratch, kr_tally *tally)
{
    const int64_t n_calls = block->n_lanes == 1 ? 1 : n_sweeps;
    if (((const swendsen_wang *)self)->embedded.action) {
        sweep_real(self, block, n_sweeps, scratch, tally);
        return;
    }
    for (int64_t k = 0; k < n_calls; k++) {
        for (int32_t lane = 0; lane < block->n_lanes; lane++) {
            swendsen_wang_chain(self, n_sweeps / n_calls, block, lane, scratch, tally);
        }
    }
}

static const char *swendsen_wang_engine(const void *self)
{
    const swendsen_wang *w = self;
    return w->embedded.action ? "embedded" : w->kernel ? "bits" : "graph";
}

static const kr_field fields[] = {
    { .name = "form",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(swendsen_wang_params, form),
      .fallback = "auto",
      .choices = "auto|fortuin_kasteleyn|reflection",
      .doc = "fortuin_kasteleyn draws every cluster anew (Potts, J >= 0), reflection exchanges "
             "two states (any pair model), auto takes the first that applies" },
    KR_FIELD_END,
};

const kr_update_plug kr_update_swendsen_wang = {
    .name = "swendsen_wang",
    .doc =
        "cuts the lattice into clusters by random bonds and gives each a new state; attempts "
        "are clusters, accepted those that changed; with two_point measured their sizes give "
        "structure_zero of Potts ferromagnets without a field as well",
    .source = "Swendsen, Wang, Phys. Rev. Lett. 58, 86 (1987)",
    .fields = fields,
    .params_size = sizeof(swendsen_wang_params),
    .flags = KR_UPDATE_IRREDUCIBLE_ONE_CLASS | KR_UPDATE_CLUSTERS,
    .layouts = KR_LAYOUT_CHAIN | KR_LAYOUT_REAL,
    .supports = swendsen_wang_supports,
    .alloc = swendsen_wang_alloc,
    .free = swendsen_wang_free,
    .scratch_bytes = swendsen_wang_scratch_bytes,
    .engine = swendsen_wang_engine,
    .sweep = swendsen_wang_sweep,
};
