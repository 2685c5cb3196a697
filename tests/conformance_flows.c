/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_flows.c - what every registered density of real numbers owes.
 *
 * Subtests are made at run time: each claim for each density, over small lattice fields and
 * variants of all parameters, with weights moved away from their start. A new plug is covered
 * without a change here. */
#include "flow_derivative.h"

#include "base/isa.h"
#include "density/scan.h"
#include "kr_variants.h"
#include "run/registry.h"

enum { VARIANTS_MAX = 64, SIDE_MAX = 8 };

typedef struct case_of { /* a system */
    const char *model, *lattice, *size;
    double beta;
    bool is_tiny; /* one or two sites: quadrature */
} case_of;

static const case_of cases[] = {
    { "m2=1 lambda=0.5 ends=zero", "hypercubic", "size=1 boundary=open", 1.0, true },
    { "m2=-1 lambda=1 field=0.3 ends=zero", "hypercubic", "size=1 boundary=open", 1.0, true },
    { "m2=0.5 lambda=0.7", "hypercubic", "size=2", 1.0, true },
    { "m2=-1 lambda=1 field=0.25", "hypercubic", "size=2 boundary=open", 0.8, true },
    { "convention=pnas a=0.2 ends=zero", "hypercubic", "size=5 boundary=open", 4.0, false },
    { "m2=-1 lambda=0.5 field=0.25", "hypercubic", "size=8", 1.5, false },
    { "m2=-4 lambda=6.975", "hypercubic", "size=2,2", 1.0, false },
    { "m2=-4 lambda=6.975", "hypercubic", "size=4,4", 1.0, false },
    { "m2=1 lambda=1 field=-0.5", "hypercubic", "size=4,2", 1.0, false },
    { "m2=1 lambda=1", "hypercubic", "size=3,2 boundary=open", 1.0, false },
    { "m2=-1 lambda=1 field=0.2", "hypercubic", "size=2,2,2 boundary=open", 1.0, false },
    { "m2=1 lambda=1", "hypercubic", "size=4 boundary=antiperiodic", 1.0, false },
    { "m2=0.3 lambda=2", "triangular", "size=3,3", 1.0, false },
};
enum { N_CASES = sizeof cases / sizeof *cases };

typedef struct claim {
    const char *text;
    void (*test)(real_subject *s, const case_of *c);
} claim;

typedef struct subtest {
    const claim *claim;
    const kr_density_plug *density;
} subtest;

/* ---- maps ------------------------------------------------------------------------------- */

static void forward_and_inverse_undo_each_other(real_subject *s, const case_of *c)
{
    (void)c;
    double *phi = numbers(s), *z = numbers(s), there[LANES], back[LANES], log_q[LANES];
    if (flow_of(s)->forward) {
        draw(s, 3, LANES, phi, log_q);
        memcpy(z, phi, s->n * LANES * sizeof *z);
        flow_of(s)->inverse(s->density.self, LANES, z, back, poisoned(s));
        flow_of(s)->forward(s->density.self, LANES, z, there, poisoned(s));
        require(s, largest_difference(phi, z, s->n * LANES) <= 1e-10, "phi is off by %g",
                largest_difference(phi, z, s->n * LANES));
        require(s, largest_difference(there, back, LANES) <= 1e-10, "ln J is off by %g",
                largest_difference(there, back, LANES));
    }
    kr_free(z);
    kr_free(phi);
}

/* ln |det A|, A (n, n) row-major, by elimination with pivots. */
static double log_abs_det(size_t n, double *A)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t i = k; i < n; i++) {
            best = fabs(A[i * n + k]) > fabs(A[best * n + k]) ? i : best;
        }
        for (size_t j = 0; j < n; j++) {
            const double swap = A[k * n + j];
            A[k * n + j] = A[best * n + j];
            A[best * n + j] = swap;
        }
        sum += log(fabs(A[k * n + k]));
        for (size_t i = k + 1; i < n; i++) {
            const double factor = A[i * n + k] / A[k * n + k];
            for (size_t j = k; j < n; j++) {
                A[i * n + j] -= factor * A[k * n + j];
            }
        }
    }
    return sum;
}

/* Lanes 0..3: z +- h, z +- 2 h along a direction; fourth order. */
static void log_jacobian_is_that_of_the_map(real_subject *s, const case_of *c)
{
    (void)c;
    const double h = 1e-4;
    double *phi = numbers(s), *x = numbers(s), *A = get(s->n * s->n, sizeof *A);
    double log_q[LANES], log_j[LANES], at_z[LANES];
    if (flow_of(s)->forward && s->n <= SIDE_MAX) {
        draw(s, 4, 16, phi, log_q);
        flow_of(s)->inverse(s->density.self, 16, phi, log_j, poisoned(s));
        for (size_t j = 0; j < s->n; j++) {
            for (size_t i = 0; i < s->n * 16; i++) {
                const size_t lane = i % 16;
                const double step[4] = { -2.0 * h, -h, h, 2.0 * h };
                x[i] = phi[i - lane] + (lane < 4 && i / 16 == j ? step[lane] : 0.0);
            }
            flow_of(s)->forward(s->density.self, 16, x, at_z, poisoned(s));
            for (size_t i = 0; i < s->n; i++) {
                const double *at = x + i * 16;
                A[i * s->n + j] = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * h);
            }
        }
        const double want = log_abs_det(s->n, A);
        require(s, fabs(log_j[0] - want) <= 1e-6, "ln J = %.10g, of finite differences %.10g",
                log_j[0], want);
    }
    kr_free(A);
    kr_free(x);
    kr_free(phi);
}

/* ---- scores ----------------------------------------------------------------------------- */

static void scores_at_the_draw_are_those_of_evaluation(real_subject *s, const case_of *c)
{
    (void)c;
    double *phi = numbers(s), at_draw[LANES], again[LANES];
    for (int32_t n = 1; n <= LANES; n += 21) {
        draw(s, 5, n, phi, at_draw);
        kr_density_log_q(&s->density, n, phi, again, poisoned(s));
        for (int32_t l = 0; l < n; l++) {
            const double bound = 1e-12 * (fabs(at_draw[l]) + (double)s->n);
            require(s, fabs(at_draw[l] - again[l]) <= bound,
                    "lane %d of %d: log q %.17g at the draw, %.17g of the sample", l, n,
                    at_draw[l], again[l]);
        }
    }
    kr_free(phi);
}

/* Lanes 4k..4k+3 of x: phi of lane 0 with site i + k moved by -2h, -h, h, 2h. */
static void slope_is_the_derivative(real_subject *s, const case_of *c)
{
    (void)c;
    const double h = 1e-4;
    double *phi = numbers(s), *x = numbers(s), *slope = numbers(s), log_q[LANES];
    comparisons all = { 0, 0 };
    draw(s, 6, LANES, phi, log_q);
    flow_of(s)->log_q(s->density.self, LANES, phi, log_q, slope, poisoned(s));
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->n * LANES; k++) {
            const double step[4] = { -2.0 * h, -h, h, 2.0 * h };
            const size_t lane = k % LANES;
            x[k] = phi[k - lane + lane / 4] + (k / LANES == i ? step[lane % 4] : 0.0);
        }
        kr_density_log_q(&s->density, LANES, x, log_q, poisoned(s));
        for (size_t l = 0; l < 16; l++) {
            const double *at = log_q + 4 * l;
            const double want = (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * h);
            const double kink = fabs(at[3] - at[2] - at[1] + at[0]) / h;
            require(s, is_derivative(s, &all, slope[i * LANES + l], want, fabs(want), kink),
                    "site %zu: slope %.10g, of finite differences %.10g", i,
                    slope[i * LANES + l], want);
        }
    }
    kr_free(slope);
    kr_free(x);
    kr_free(phi);
}

/* ---- gradients -------------------------------------------------------------------------- */

/* Richardson over the steps 2^-12 and 2^-13, both exact in float32; kink: how much the two
 * sides differ. */
static double derivative(real_subject *s, size_t k, int32_t n, const double *phi,
                         const double *z, const double *coefficient, double *kink)
{
    float *w = s->plug->weights(s->density.self), old = w[k];
    double slope[2];
    *kink = -2.0 * loss(s, n, phi, z, coefficient);
    for (int level = 0; level < 2; level++) {
        const double h = level ? 0x1p-13 : 0x1p-12;
        double side[2];
        for (int sign = 0; sign < 2; sign++) {
            w[k] = (float)((double)old + (sign ? h : -h));
            prepare(s);
            side[sign] = loss(s, n, phi, z, coefficient);
            *kink += level ? 0.0 : side[sign];
        }
        slope[level] = (side[1] - side[0]) / (2.0 * h);
    }
    *kink = fabs(*kink) * 0x1p12;
    w[k] = old;
    prepare(s);
    return (4.0 * slope[1] - slope[0]) / 3.0;
}

/* At most 100 weights, evenly, the last one among them. */
static size_t next_weight(const real_subject *s, size_t k)
{
    const size_t step = 1 + s->n_weights / 100;
    return k + step < s->n_weights || k + 1 == s->n_weights ? k + step : s->n_weights - 1;
}

static void gradient_is_the_derivative(real_subject *s, const case_of *c)
{
    (void)c;
    enum { N = 21 };
    double *phi = numbers(s), log_q[LANES], coefficient[LANES], scored[LANES], kink;
    comparisons all = { 0, 0 };
    float *gradient = get(s->n_weights, sizeof *gradient);
    set_coefficients(coefficient);
    draw(s, 7, N, phi, log_q);
    kr_density_grad(&s->density, N, phi, coefficient, gradient, scored, poisoned(s));
    for (size_t k = 0; k < s->n_weights; k = next_weight(s, k)) {
        const double want = derivative(s, k, N, phi, NULL, coefficient, &kink);
        require(s, is_derivative(s, &all, (double)gradient[k], want, fabs(want), kink),
                "weight %zu: gradient %.10g, of finite differences %.10g", k,
                (double)gradient[k], want);
    }
    kr_free(gradient);
    kr_free(phi);
}

/* At fixed z the derivative of log q + beta S is the path gradient plus the score term. */
static void path_gradient_and_score_are_the_whole(real_subject *s, const case_of *c)
{
    (void)c;
    enum { N = 16 };
    double *phi = numbers(s), *z = numbers(s), log_q[LANES], coefficient[LANES], log_j[LANES];
    double again[LANES];
    double kink;
    comparisons all = { 0, 0 };
    float *path = get(s->n_weights, sizeof *path), *score = get(s->n_weights, sizeof *score);
    kr_rng rng;
    set_coefficients(coefficient);
    if (flow_of(s)->forward && s->n_weights > 0) {
        kr_rng_seed(&rng, 8, 0, 0);
        kr_density_path(&s->density, s->system.terms->action, s->beta, N, phi, log_q,
                        coefficient, path, &rng, poisoned(s));
        memcpy(z, phi, s->n * N * sizeof *z);
        flow_of(s)->inverse(s->density.self, N, z, log_j, poisoned(s));
        kr_density_log_q(&s->density, N, phi, again, poisoned(s));
        require(s, largest_difference(again, log_q, N) <= 1e-10, "log q is off by %g",
                largest_difference(again, log_q, N));
        kr_density_grad(&s->density, N, phi, coefficient, score, NULL, poisoned(s));
        for (size_t k = 0; k < s->n_weights; k = next_weight(s, k)) {
            const double want = derivative(s, k, N, NULL, z, coefficient, &kink);
            const double sum = (double)path[k] + (double)score[k];
            const double size = fabs((double)path[k]) + fabs((double)score[k]);
            require(s, is_derivative(s, &all, sum, want, size, kink),
                    "weight %zu: path and score %.10g, of finite differences %.10g", k, sum,
                    want);
        }
    }
    kr_free(score);
    kr_free(path);
    kr_free(z);
    kr_free(phi);
}

/* ---- quadrature ------------------------------------------------------------------------- */

/* Sums of q, q phi_0, q phi_0^2 over a grid of one or two dimensions, by the trapezoid rule,
 * which converges exponentially for what falls off at both ends. */
static void integrate(const real_subject *s, double reach, int32_t n_points, double sum[3])
{
    const double step = 2.0 * reach / (n_points - 1);
    const int64_t n_all = s->n == 1 ? n_points : (int64_t)n_points * n_points;
    double *phi = numbers(s), log_q[LANES];
    sum[0] = sum[1] = sum[2] = 0.0;
    for (int64_t first = 0; first < n_all; first += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            const int64_t at = first + (int64_t)l;
            phi[l] = -reach + step * (double)(at % n_points);
            if (s->n == 2) {
                phi[LANES + l] = -reach + step * (double)(at / n_points);
            }
        }
        kr_density_log_q(&s->density, LANES, phi, log_q, poisoned(s));
        for (int64_t l = 0; l < LANES && first + l < n_all; l++) {
            const double q = exp(log_q[l]) * pow(step, (double)s->n);
            sum[0] += q;
            sum[1] += q * phi[l];
            sum[2] += q * phi[l] * phi[l];
        }
    }
    kr_free(phi);
}

/* Splines have a piecewise smooth density, for which the rule is of second order or so. */
static void integral_is_one(real_subject *s, const case_of *c)
{
    double sum[3];
    if (c->is_tiny) {
        integrate(s, 12.0, s->n == 1 ? 20001 : 601, sum);
        const double bound = strcmp(s->plug->name, "rq_spline") == 0 ? 1e-4 : 1e-8;
        require(s, fabs(sum[0] - 1.0) <= bound, "integral of q - 1 = %g", sum[0] - 1.0);
    }
}

static void samples_have_the_moments_of_the_density(real_subject *s, const case_of *c)
{
    enum { BATCHES = 400 };
    double *phi = numbers(s), log_q[LANES], sum[3], moment[5] = { 0.0 };
    kr_rng rng;
    kr_rng_seed(&rng, 9, 2, KR_PURPOSE_TEST);
    for (int b = 0; c->is_tiny && b < BATCHES; b++) {
        kr_density_sample(&s->density, LANES, phi, log_q, &rng, poisoned(s));
        for (int l = 0; l < LANES; l++) {
            for (int k = 1; k < 5; k++) {
                moment[k] += pow(phi[l], k) / (BATCHES * LANES);
            }
        }
    }
    if (c->is_tiny) {
        const double n = BATCHES * LANES;
        integrate(s, 12.0, s->n == 1 ? 20001 : 601, sum);
        const double error1 = sqrt((moment[2] - moment[1] * moment[1]) / n);
        const double error2 = sqrt((moment[4] - moment[2] * moment[2]) / n);
        require(s, fabs(moment[1] - sum[1]) <= 4.6 * error1, "mean %g +- %g, want %g",
                moment[1], error1, sum[1]);
        require(s, fabs(moment[2] - sum[2]) <= 4.6 * error2, "square %g +- %g, want %g",
                moment[2], error2, sum[2]);
    }
    kr_free(phi);
}

/* ---- weights that are polynomials in a coupling -------------------------------------------
 */

/* Weights of theta at the middle of the left half: T = 1, -1/2, -1/2, exact in float32. */
static void take_polynomial(real_subject *s, const kr_scan *scan, const float *theta,
                            float *value)
{
    kr_scan_values(scan, (const double[1]){ 0.25 }, value);
    kr_scan_weights(scan, value, theta, s->n_weights, s->plug->weights(s->density.self));
    prepare(s);
}

static double loss_of(real_subject *s, const kr_scan *scan, const float *theta, int32_t n,
                      const double *phi, const double *coefficient)
{
    float value[KR_SCAN_TERMS_MAX];
    take_polynomial(s, scan, theta, value);
    return loss(s, n, phi, NULL, coefficient);
}

/* Every coefficient of some weights, as gradient_is_the_derivative has it of the weights. */
static void check_coefficients(real_subject *s, const kr_scan *scan, float *theta)
{
    enum { N = 21 };
    const size_t n = s->n_weights, n_all = n * (size_t)scan->n_terms;
    double *phi = numbers(s), log_q[LANES], coefficient[LANES];
    float *gradient = get(n, sizeof *gradient), *spread = get(n_all, sizeof *spread);
    float value[KR_SCAN_TERMS_MAX];
    comparisons all = { 0, 0 };
    set_coefficients(coefficient);
    take_polynomial(s, scan, theta, value);
    draw(s, 7, N, phi, log_q);
    kr_density_grad(&s->density, N, phi, coefficient, gradient, log_q, poisoned(s));
    kr_scan_spread(scan, value, 1.0f, gradient, n, spread);
    for (size_t k = 0; k < n_all; k += 1 + n_all / 60) {
        const float old = theta[k];
        double slope[2], kink = -2.0 * loss_of(s, scan, theta, N, phi, coefficient);
        for (int level = 0; level < 2; level++) {
            const double h = (level ? 0x1p-13 : 0x1p-12) * (k < n ? 1.0 : 2.0); /* |T| = 1/2 */
            double side[2];
            for (int sign = 0; sign < 2; sign++) {
                theta[k] = (float)((double)old + (sign ? h : -h));
                side[sign] = loss_of(s, scan, theta, N, phi, coefficient);
                kink += level ? 0.0 : side[sign];
            }
            slope[level] = (side[1] - side[0]) / (2.0 * h);
        }
        theta[k] = old;
        const double want = (4.0 * slope[1] - slope[0]) / 3.0;
        require(s,
                is_derivative(s, &all, (double)spread[k], want, 2.0 * fabs(want),
                              fabs(kink) * 0x1p12),
                "coefficient %zu of weight %zu: gradient %.10g, of finite differences %.10g",
                k / n, k % n, (double)spread[k], want);
    }
    take_polynomial(s, scan, theta, value);
    kr_free(spread);
    kr_free(gradient);
    kr_free(phi);
}

static void polynomials_in_a_coupling_keep_all_this(real_subject *s, const case_of *c)
{
    const double from = 0.0, to = 1.0;
    kr_error err = { 0 };
    kr_scan scan;
    assert_ok(kr_scan_init(&scan, 2, 1, &from, &to, &err), &err);
    if (s->n_weights == 0) {
        return;
    }
    const size_t n = s->n_weights;
    float *theta = get(3 * n, sizeof *theta);
    kr_rng rng;
    kr_rng_seed(&rng, 12, 0, KR_PURPOSE_TEST);
    memcpy(theta, s->plug->weights(s->density.self), n * sizeof *theta);
    for (size_t i = n; i < 3 * n; i++) {
        theta[i] = (float)(rint(0x1p14 * 0.01 * kr_rng_normal(&rng)) * 0x1p-14);
    }
    check_coefficients(s, &scan, theta);
    scores_at_the_draw_are_those_of_evaluation(s, c);
    integral_is_one(s, c);
    kr_free(theta);
}

/* ---- bits ------------------------------------------------------------------------------- */

static void lanes_do_not_know_each_other(real_subject *s, const case_of *c)
{
    (void)c;
    static const int32_t lanes[] = { 1, 17, 64 };
    double *phi = numbers(s), *x = numbers(s), *slope = numbers(s), *other = numbers(s);
    double log_q[LANES], again[LANES];
    draw(s, 10, LANES, phi, log_q);
    flow_of(s)->log_q(s->density.self, LANES, phi, log_q, slope, poisoned(s));
    for (int k = 0; k < 3; k++) {
        const size_t n = (size_t)lanes[k], stride = kr_lanes_pad(n);
        for (size_t i = 0; i < s->n; i++) {
            for (size_t l = 0; l < stride; l++) { /* lane 5 goes to the last one */
                x[i * stride + l] =
                    l == n - 1 ? phi[i * LANES + 5] : 0.75 * phi[i * LANES + (l + 7) % LANES];
            }
        }
        flow_of(s)->log_q(s->density.self, lanes[k], x, again, other, poisoned(s));
        require(s, again[n - 1] == log_q[5], "log q %.17g of lane 5 of 64, %.17g of %d",
                log_q[5], again[n - 1], lanes[k]);
        for (size_t i = 0; i < s->n; i++) {
            require(s, other[i * stride + n - 1] == slope[i * LANES + 5],
                    "slope at site %zu depends on the lane, %d lanes", i, lanes[k]);
        }
    }
    kr_free(other);
    kr_free(slope);
    kr_free(x);
    kr_free(phi);
}

static void instruction_sets_give_the_same_bits(real_subject *s, const case_of *c)
{
    (void)c;
    enum { N = 33, STRIDE = 48 };
    double *phi[2] = { numbers(s), numbers(s) }, log_q[2][LANES], coefficient[LANES];
    float *gradient[2] = { get(s->n_weights, sizeof(float)), get(s->n_weights, sizeof(float)) };
    set_coefficients(coefficient);
    for (int isa = KR_ISA_BEST; s->plug->use && isa <= KR_ISA_AVX512; isa++) {
        const int k = isa != KR_ISA_BEST;
        if (!kr_isa_runs((kr_isa)isa)) {
            continue;
        }
        s->plug->use(s->density.self, (kr_isa)isa);
        memset(gradient[k], 0, s->n_weights * sizeof(float));
        draw(s, 11, N, phi[k], log_q[k]);
        kr_density_grad(&s->density, N, phi[k], coefficient, gradient[k], log_q[k],
                        poisoned(s));
        require(s, memcmp(phi[0], phi[k], s->n * STRIDE * sizeof(double)) == 0,
                "samples by %s differ", kr_isa_text((kr_isa)isa));
        require(s, memcmp(log_q[0], log_q[k], N * sizeof(double)) == 0, "log q by %s differs",
                kr_isa_text((kr_isa)isa));
        require(s, memcmp(gradient[0], gradient[k], s->n_weights * sizeof(float)) == 0,
                "gradient by %s differs", kr_isa_text((kr_isa)isa));
    }
    for (int k = 0; k < 2; k++) {
        kr_free(gradient[k]);
        kr_free(phi[k]);
    }
}

/* Into itself; none to tell is an answer too, of which adoption makes an error. */
static void its_own_networks_can_be_taken_over(real_subject *s, const case_of *c)
{
    (void)c;
    kr_error err = { 0 };
    kr_adopted count = { 0, 0, 0 };
    if (!s->plug->networks) {
        return;
    }
    void *self = s->density.self;
    const size_t n = s->plug->networks(self, NULL), n_weights = s->n_weights;
    int64_t *networks = get(n + 1, sizeof *networks);
    float *weights = get(n_weights, sizeof *weights), *own = s->plug->weights(self);
    memcpy(weights, own, n_weights * sizeof *own);
    require(s, s->plug->networks(self, networks) == n, "another number of them");
    const int status = s->plug->adopt(self, networks, n, weights, n_weights, &count, &err);
    if (n > 0) {
        assert_ok(status, &err);
        require(s, count.n_fresh == 0, "%lld rows are new", (long long)count.n_fresh);
        for (size_t k = 0; k < n_weights; k++) {
            require(s, own[k] == weights[k], "weight %zu of %zu: %g, want %g", k, n_weights,
                    (double)own[k], (double)weights[k]);
        }
    } else {
        require(s, status == KR_EMISMATCH, "status %d, want that nothing is taken", status);
    }
    kr_free(weights);
    kr_free(networks);
}

static const claim claims[] = {
    { "its own networks can be taken over", its_own_networks_can_be_taken_over },
    { "forward and inverse undo each other", forward_and_inverse_undo_each_other },
    { "ln J is that of the map", log_jacobian_is_that_of_the_map },
    { "scores at the draw are those of evaluation",
      scores_at_the_draw_are_those_of_evaluation },
    { "slope is the derivative", slope_is_the_derivative },
    { "gradient is the derivative", gradient_is_the_derivative },
    { "path gradient and score are the whole", path_gradient_and_score_are_the_whole },
    { "integral is one", integral_is_one },
    { "polynomials in a coupling keep all this", polynomials_in_a_coupling_keep_all_this },
    { "samples have the moments of the density", samples_have_the_moments_of_the_density },
    { "lanes do not know each other", lanes_do_not_know_each_other },
    { "instruction sets give the same bits", instruction_sets_give_the_same_bits },
};
enum { N_CLAIMS = sizeof claims / sizeof *claims };

/* One case with one variant; false when there is no such variant. */
static bool test_case(const subtest *t, int32_t k, int32_t variant, int32_t *n_tested)
{
    const case_of *c = &cases[k];
    char change[128];
    real_subject s = { .beta = c->beta };
    assert_true(t->density->params_size <= sizeof s.params);
    const int found = kr_variant(t->density->fields, s.params, t->density->params_size, variant,
                                 change, sizeof change);
    if (found <= 0) {
        return found == 0;
    }
    s.system = system_alloc("phi4", c->model, c->lattice, c->size);
    snprintf(s.label, sizeof s.label, "%s (%s), phi4 %s, %s %s", t->density->name, change,
             c->model, c->lattice, c->size);
    if (real_subject_make(&s, t->density)) {
        if (s.n_weights > 0) {
            randomize(&s, 1, 0.01);
        }
        t->claim->test(&s, c);
        (*n_tested)++;
    }
    real_subject_clear(&s);
    return true;
}

/* All cases with the defaults; every variant with one case, by turns. */
static void test_claim(void **state)
{
    const subtest *t = *state;
    int32_t n_tested = 0;
    for (int32_t k = 0; k < N_CASES; k++) {
        test_case(t, k, 0, &n_tested);
    }
    for (int32_t v = 1; v < VARIANTS_MAX && test_case(t, v % N_CASES, v, &n_tested); v++) {
    }
    assert_true(n_tested > 0);
}

int main(void)
{
    struct CMUnitTest tests[64 * N_CLAIMS];
    static subtest all[64 * N_CLAIMS];
    static char name[64 * N_CLAIMS][128];
    size_t n = 0;
    for (const kr_density_plug *const *d = kr_registry_densities; *d; d++) {
        for (size_t k = 0; (*d)->flags & KR_DENSITY_REAL && k < N_CLAIMS; k++, n++) {
            all[n] = (subtest){ &claims[k], *d };
            snprintf(name[n], sizeof name[n], "%s: %s", (*d)->name, claims[k].text);
            tests[n] = (struct CMUnitTest){ .name = name[n],
                                            .test_func = test_claim,
                                            .initial_state = &all[n] };
        }
    }
    return _cmocka_run_group_tests("flows", tests, n, NULL, NULL);
}
