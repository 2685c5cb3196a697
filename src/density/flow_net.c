/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_net.c - networks of coupling layers: who sees whom, weights, order of a pass. */
#include "density/flow_net.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/flow.h"
#include "density/flow_orbits.h"

#include <math.h>
#include <string.h>

#define L     KR_FLOW_LANES
#define ROUND 8 /* rows of numbers, to whole vectors */

const kr_net_kernels *kr_net_kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_net_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_net_kernels_avx2
                                : &kr_net_kernels_portable;
#else
    (void)isa;
    return &kr_net_kernels_portable;
#endif
}

/* ---- who sees whom --------------------------------------------------------------------------
 */

/* Displacement of a tap; taps t and n - 1 - t are opposite. */
static void tap_of(const kr_lattice *lattice, int32_t t, int32_t by[KR_DIM_MAX])
{
    memset(by, 0, KR_DIM_MAX * sizeof *by);
    for (int32_t d = 0; d < lattice->dim; d++) {
        by[d] = t % 3 - 1;
        t /= 3;
    }
}

/* Places by site, -1 elsewhere; sites NULL: all are places. */
static void fill_places(int32_t n_sites, const int32_t *sites, int32_t n, int32_t *place)
{
    for (int32_t i = 0; i < n_sites; i++) {
        place[i] = sites ? -1 : i;
    }
    for (int32_t k = 0; sites && k < n; k++) {
        place[sites[k]] = k;
    }
}

/* table (n, n_taps): place of the site at each tap of each of the sites. */
static void fill_table(const kr_lattice *lattice, const int32_t *sites, int32_t n,
                       int32_t n_taps, bool is_reversed, const int32_t *place, int32_t *table)
{
    for (int32_t k = 0; k < n; k++) {
        for (int32_t t = 0; t < n_taps; t++) {
            int32_t by[KR_DIM_MAX], other;
            tap_of(lattice, is_reversed ? n_taps - 1 - t : t, by);
            other = kr_orbits_site(lattice, sites ? sites[k] : k, by);
            table[(size_t)k * (size_t)n_taps + (size_t)t] = other < 0 ? -1 : place[other];
        }
    }
}

static size_t length_of(const kr_net_part *p)
{
    return (size_t)p->n_shells * (size_t)p->c_in;
}

static int32_t shell_of(const kr_net_plan *plan, int32_t t)
{
    int32_t by[KR_DIM_MAX], squares = 0;
    tap_of(plan->lattice, t, by);
    for (int32_t d = 0; d < plan->lattice->dim; d++) {
        squares += by[d] * by[d];
    }
    return squares;
}

/* Each tap is a shell, or all of the same distance are. */
static void fill_shells(const kr_net_plan *plan, kr_net_part *p)
{
    const bool is_shared = plan->has_shells && plan->lattice;
    int32_t n = 0;
    p->n_shells = is_shared ? plan->lattice->dim + 1 : p->n_taps;
    for (int32_t s = 0; s < p->n_shells; s++) {
        p->first[s] = n;
        for (int32_t t = 0; t < p->n_taps; t++) {
            if ((is_shared ? shell_of(plan, t) : t) == s) {
                p->tap[n++] = t;
            }
        }
    }
    p->first[p->n_shells] = n;
}

static int init_part(kr_net_part *p, const kr_net_plan *plan, const int32_t *in,
                     const int32_t *out, int32_t *place, kr_error *err)
{
    const size_t taps = (size_t)p->n_taps;
    p->row = (length_of(p) + ROUND - 1) / ROUND * ROUND;
    p->sees = kr_alloc((size_t)p->n_out * taps, sizeof *p->sees, err);
    p->seen_by = kr_alloc((size_t)p->n_in * taps, sizeof *p->seen_by, err);
    if (!p->sees || !p->seen_by) {
        return KR_ENOMEM;
    }
    if (plan->lattice) { /* dense: the one place, 0 */
        fill_places(plan->n_sites, in, p->n_in, place);
        fill_table(plan->lattice, out, p->n_out, p->n_taps, false, place, p->sees);
        fill_places(plan->n_sites, out, p->n_out, place);
        fill_table(plan->lattice, in, p->n_in, p->n_taps, true, place, p->seen_by);
    }
    return KR_OK;
}

static void shape_parts(kr_net *net, const kr_net_plan *plan)
{
    const bool is_conv = plan->lattice != NULL;
    const int32_t each[] = { plan->n_odd, plan->n_even };
    int32_t taps = 1;
    for (int32_t d = 0; is_conv && d < plan->lattice->dim; d++) {
        taps *= 3;
    }
    for (int k = 0; k < KR_NET_PARTS; k++) {
        const int32_t channels = k >= KR_NET_ODD ? each[k - KR_NET_ODD] : plan->n_hidden;
        const int32_t places = k >= KR_NET_ODD ? plan->n_mapped : plan->n_sites;
        net->part[k] = (kr_net_part){
            .n_in = !is_conv            ? 1
                    : k == KR_NET_FIRST ? plan->n_frozen
                                        : plan->n_sites,
            .n_out = is_conv ? places : 1,
            .n_taps = taps,
            .c_in = k != KR_NET_FIRST ? plan->n_hidden
                    : is_conv         ? plan->n_seen
                                      : plan->n_seen * plan->n_frozen,
            .c_out = is_conv || k < KR_NET_ODD ? channels : channels * plan->n_mapped,
            .has_bias = !plan->is_even || k == KR_NET_EVEN,
        };
        fill_shells(plan, &net->part[k]);
    }
}

static size_t numbers_out(const kr_net_part *p)
{
    return (size_t)p->n_out * (size_t)p->c_out * L;
}

static size_t numbers_in(const kr_net_part *p)
{
    return (size_t)p->n_in * (size_t)p->c_in * L;
}

int kr_net_init(kr_net *net, const kr_net_plan *plan, kr_error *err)
{
    int32_t *place = kr_alloc((size_t)plan->n_sites, sizeof *place, err);
    int status = place ? KR_OK : KR_ENOMEM;
    size_t room = 0;
    *net = (kr_net){ .is_even = plan->is_even };
    shape_parts(net, plan);
    for (int k = 0; status == KR_OK && k < KR_NET_PARTS; k++) {
        kr_net_part *p = &net->part[k];
        status = init_part(p, plan, k == KR_NET_FIRST ? plan->frozen : NULL,
                           k >= KR_NET_ODD ? plan->mapped : NULL, place, err);
        const size_t out = (size_t)p->c_out, biases = p->has_bias ? out : 0;
        const size_t matrix = length_of(p) * out;
        const size_t gathered = 2 * p->row + (size_t)p->n_shells * out;
        p->first_weight = net->n_weights;
        p->first_number = net->n_numbers;
        net->n_weights += matrix + biases;
        net->n_numbers += (p->row * out + biases + ROUND - 1) / ROUND * ROUND;
        net->n_visits += (double)p->n_out * (double)(matrix + biases);
        net->n_scratch += numbers_out(p) * (k < KR_NET_ODD ? 2 : 1);
        room = gathered > room ? gathered : room;
    }
    net->n_scratch += 2 * numbers_in(&net->part[KR_NET_FIRST]) +
                      2 * numbers_in(&net->part[KR_NET_EVEN]) + room * L;
    kr_free(place);
    return status;
}

void kr_net_clear(kr_net *net)
{
    for (int k = 0; k < KR_NET_PARTS; k++) {
        kr_free(net->part[k].sees);
        kr_free(net->part[k].seen_by);
    }
}

/* ---- weights --------------------------------------------------------------------------------
 */

/* Sums of inputs of width 1 have width 1; the first biases spread the bends over that range. */
void kr_net_fresh(const kr_net *net, kr_rng *rng, float *weights)
{
    memset(weights, 0, net->n_weights * sizeof *weights);
    for (int k = KR_NET_FIRST; k < KR_NET_ODD; k++) {
        const kr_net_part *p = &net->part[k];
        const size_t length = length_of(p), n = length * (size_t)p->c_out;
        const double spread = sqrt((double)p->n_taps * (double)p->c_in);
        float *w = weights + p->first_weight;
        for (size_t i = 0; i < n; i++) {
            w[i] = (float)(kr_rng_normal(rng) / spread);
        }
        for (int32_t o = 0; k == KR_NET_FIRST && p->has_bias && o < p->c_out; o++) {
            w[n + (size_t)o] = (float)kr_rng_normal(rng);
        }
    }
}

void kr_net_load(const kr_net *net, const float *weights, double *w)
{
    for (int k = 0; k < KR_NET_PARTS; k++) {
        const kr_net_part *p = &net->part[k];
        const size_t length = length_of(p), rows = (size_t)p->c_out;
        const float *from = weights + p->first_weight;
        double *to = w + p->first_number;
        for (size_t o = 0; o < rows; o++) {
            for (size_t i = 0; i < p->row; i++) {
                to[o * p->row + i] = i < length ? (double)from[o * length + i] : 0.0;
            }
        }
        for (size_t o = 0; p->has_bias && o < rows; o++) {
            to[rows * p->row + o] = (double)from[rows * length + o];
        }
    }
}

void kr_net_chain(const kr_net *net, const double *gradient, float *out)
{
    for (int k = 0; k < KR_NET_PARTS; k++) {
        const kr_net_part *p = &net->part[k];
        const size_t length = length_of(p), rows = (size_t)p->c_out;
        const double *from = gradient + p->first_number;
        float *to = out + p->first_weight;
        for (size_t o = 0; o < rows; o++) {
            for (size_t i = 0; i < length; i++) {
                to[o * length + i] += (float)from[o * p->row + i];
            }
        }
        for (size_t o = 0; p->has_bias && o < rows; o++) {
            to[rows * length + o] += (float)from[rows * p->row + o];
        }
    }
}

/* ---- passes ---------------------------------------------------------------------------------
 */

static double *take(double **scratch, size_t n)
{
    double *p = *scratch;
    *scratch += n;
    return p;
}

kr_net_pass kr_net_open(const kr_net *net, double *scratch)
{
    const kr_net_part *part = net->part;
    kr_net_pass pass;
    pass.in = take(&scratch, numbers_in(&part[KR_NET_FIRST]));
    pass.bar_in = take(&scratch, numbers_in(&part[KR_NET_FIRST]));
    for (int k = 0; k < 2; k++) {
        pass.hidden[k] = take(&scratch, numbers_out(&part[k]));
        pass.bar[k] = take(&scratch, numbers_out(&part[k]));
    }
    pass.squares = take(&scratch, numbers_in(&part[KR_NET_EVEN]));
    pass.squares = net->is_even ? pass.squares : pass.hidden[1];
    pass.bar_even = take(&scratch, numbers_in(&part[KR_NET_EVEN]));
    pass.odd = take(&scratch, numbers_out(&part[KR_NET_ODD]));
    pass.even = take(&scratch, numbers_out(&part[KR_NET_EVEN]));
    pass.room = scratch;
    return pass;
}

void kr_net_forward(const kr_net *net, const kr_net_kernels *k, const double *w,
                    const kr_net_pass *pass)
{
    const kr_net_part *p = net->part;
    const size_t n = numbers_in(&p[KR_NET_EVEN]) / L;
    k->forward(&p[0], w + p[0].first_number, pass->in, true, pass->room, pass->hidden[0]);
    k->forward(&p[1], w + p[1].first_number, pass->hidden[0], true, pass->room,
               pass->hidden[1]);
    if (net->is_even) {
        k->square(n, pass->hidden[1], pass->squares);
    }
    k->forward(&p[2], w + p[2].first_number, pass->hidden[1], false, pass->room, pass->odd);
    k->forward(&p[3], w + p[3].first_number, pass->squares, false, pass->room, pass->even);
}

/* bar: of the inputs of a part, to be filled in */
static void pull_part(const kr_net *net, const kr_net_kernels *k, int which, const double *w,
                      const double *out_bar, const double *in, double *bar,
                      const kr_net_pass *pass, double *gradient)
{
    const kr_net_part *p = &net->part[which];
    if (gradient) {
        k->gradient(p, out_bar, in, pass->room, gradient + p->first_number);
    }
    k->backward(p, w + p->first_number, out_bar, pass->room, bar);
}

void kr_net_pull(const kr_net *net, const kr_net_kernels *k, const double *w,
                 const kr_net_pass *pass, double *gradient)
{
    const size_t n = numbers_in(&net->part[KR_NET_EVEN]) / L;
    pull_part(net, k, KR_NET_ODD, w, pass->odd, pass->hidden[1], pass->bar[1], pass, gradient);
    pull_part(net, k, KR_NET_EVEN, w, pass->even, pass->squares, pass->bar_even, pass,
              gradient);
    if (net->is_even) {
        k->add_square(n, pass->hidden[1], pass->bar_even, pass->bar[1]);
    } else {
        for (size_t i = 0; i < n * L; i++) {
            pass->bar[1][i] += pass->bar_even[i];
        }
    }
    k->damp(numbers_out(&net->part[1]) / L, pass->hidden[1], pass->bar[1]);
    pull_part(net, k, KR_NET_SECOND, w, pass->bar[1], pass->hidden[0], pass->bar[0], pass,
              gradient);
    k->damp(numbers_out(&net->part[0]) / L, pass->hidden[0], pass->bar[0]);
    pull_part(net, k, KR_NET_FIRST, w, pass->bar[0], pass->in, pass->bar_in, pass, gradient);
}
