/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/critical_plan.c - pilots, the plan that follows from them, and measuring.
 *
 * A pilot runs until its second half is many tau_int long. Large boxes get more of the time:
 * they say most of the critical value, and small ones, which say the corrections, are cheap.
 * CPU times of the pilots become numbers of steps, in plan.yaml; each size that is done
 * corrects those that have not begun. */
#include "base/memory.h"
#include "study/critical_private.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define PILOT_STEPS       300
#define PILOT_TAUS        15.0 /* length of either half of a pilot chain, in tau_int */
#define PILOT_MOST        0.04 /* of the time of the study, for a size */
#define SETTLE_TAUS       20.0 /* of measuring */
#define DRAWS_MOST        4096 /* of a chain */
#define SHARE_POWER       1.0  /* near the best for fits with and without corrections */
#define SHARE_POWER_FIRST 2.5  /* where phases coexist: small sizes say most in a time */
#define RACE              1    /* size at which local moves may take the place of clusters */
#define SLOW              50.0 /* tau_int in steps from which that is tried */
#define CROSSINGS         40   /* of a barrier, so that its balance is known */
#define BUDGET_USED       0.92 /* the rest is for fits and figures */
#define RATE_LEAST        0.5  /* CPU time per step over that of the pilot, as it is believed */
#define RATE_MOST         2.0
#define REST_LEAST        0.5 /* how much longer or shorter a size may become */
#define REST_MOST         2.5
#define MOVE              0.15 /* largest relative change of xi/L or the cumulant by a move */

void kr_critical_file(const kr_critical *study, int32_t side, char path[KR_STUDY_PATH])
{
    char name[64];
    snprintf(name, sizeof name, "L%04d.h5", side);
    kr_study_name(&study->base, name, path);
}

static double budget(const kr_critical *study)
{
    return 60.0 * study->minutes * study->base.options->n_threads;
}

/* ---- pilots -------------------------------------------------------------------------------
 */

/* One attempt: cost, tau_int and values of a size at a place. */
static int try_pilot(kr_critical *study, kr_critical_size *s, int64_t steps, double *cpu_s,
                     bool *is_finished, kr_error *err)
{
    kr_study_task task = { .side = s->side,
                           .value = &s->at,
                           .n_values = 1,
                           .updates = study->base.updates,
                           .thermalize = steps / 2,
                           .measure = steps / 2,
                           .every = s->every,
                           .chains = KR_CRITICAL_CHAINS,
                           .stream = 100 + s->side };
    kr_critical_draws draws;
    double ess, fastest;
    kr_study_name(&study->base, "pilot.h5", task.output);
    KR_TRY(kr_study_execute(&study->base, &task, false, is_finished, cpu_s, err));
    if (!*is_finished) {
        return KR_OK;
    }
    KR_TRY(kr_critical_draws_load(&study->base, task.output, s->side, 0, s->at, &draws, err));
    int status = kr_critical_tau(&draws, &s->tau, &fastest, err);
    status =
        status == KR_OK ? kr_critical_evaluate(&draws, s->at, &s->data, &ess, err) : status;
    status =
        status == KR_OK ? kr_critical_coexist(study, &draws, &s->coexistence, err) : status;
    s->tau *= (double)s->every;
    const int64_t every = (int64_t)(fastest * (double)s->every);
    s->every = every < 1 ? 1 : every;
    kr_critical_draws_clear(&draws);
    return status;
}

static int pilot(kr_critical *study, kr_critical_size *s, bool *is_finished, kr_error *err)
{
    const double most = PILOT_MOST * budget(study);
    int64_t steps = PILOT_STEPS;
    s->every = 1;
    for (;;) {
        double cpu_s = 0.0;
        const int64_t every = s->every;
        KR_TRY(try_pilot(study, s, steps, &cpu_s, is_finished, err));
        study->pilot_cpu_s += cpu_s;
        if (!*is_finished) {
            return KR_OK;
        }
        s->cpu_per_step = cpu_s / (double)((steps + study->base.adapt) * KR_CRITICAL_CHAINS);
        const bool is_long = 0.5 * (double)steps > PILOT_TAUS * s->tau;
        if ((is_long && s->every <= 2 * every) || 4.0 * cpu_s > most) {
            break;
        }
        steps *= is_long ? 1 : 4; /* once more where draws were so near that they cost most */
        s->every = every < s->every ? s->every : every;
    }
    kr_study_say(&study->base,
                 "critical: size %d at %.7g: tau_int %.3g steps, %.3g us per step of a "
                 "chain\n",
                 s->side, s->at, s->tau, 1e6 * s->cpu_per_step);
    return KR_OK;
}

/* The next size starts where this one and the one before agree, as far as lines hold. */
static double next_place(const kr_critical *study, int32_t k)
{
    const int which = study->base.has_ratio ? KR_SCALING_RATIO : KR_SCALING_BINDER;
    const kr_critical_size *s = &study->size[k];
    if (k == 0) {
        return s->at;
    }
    kr_scaling_size before = study->size[k - 1].data;
    before.value[which] += before.value[which + 1] * (s->at - study->size[k - 1].at);
    double by = kr_critical_crossing(&before, &s->data, which);
    const double most = MOVE * fabs(s->data.value[which] / s->data.value[which + 1]);
    by = isfinite(by) ? by : 0.0;
    const double at = s->at + fmax(-most, fmin(most, by));
    return fmax(study->base.low, fmin(study->base.high, at));
}

/* ---- the plan -----------------------------------------------------------------------------
 */

static int write_plan(const kr_critical *study, kr_error *err)
{
    char path[KR_STUDY_PATH], number[4][KR_NUMBER_MAX];
    kr_text text = { 0 };
    kr_study_name(&study->base, "plan.yaml", path);
    int status =
        kr_text_add(&text, err,
                    "# What the pilots of kramers critical decided; the same command goes on.\n"
                    "# cpu_per_step: of a chain, seconds; tau: of the slowest column, steps; "
                    "cpu_s: measured, 0: "
                    "not yet\nsizes:\n");
    for (int32_t k = 0; k < study->n_sizes && status == KR_OK; k++) {
        const kr_critical_size *s = &study->size[k];
        status = kr_text_add(
            &text, err,
            "  - {side: %d, at: %s, thermalize: %lld, every: %lld, measure: %lld, tau: %s, "
            "cpu_per_step: %s, cpu_s: %s}\n",
            s->side, kr_number_format(s->at, number[0]), (long long)s->thermalize,
            (long long)s->every, (long long)s->measure, kr_number_format(s->tau, number[1]),
            kr_number_format(s->cpu_per_step, number[2]),
            kr_number_format(s->cpu_s, number[3]));
    }
    status =
        status == KR_OK
            ? kr_text_add(&text, err, "updates: \"%s\"\nscan_cpu_s: %s\npilot_cpu_s: %s\n",
                          study->base.updates, kr_number_format(study->scan_cpu_s, number[0]),
                          kr_number_format(study->pilot_cpu_s, number[1]))
            : status;
    status = status == KR_OK ? kr_study_write(path, &text, err) : status;
    kr_text_clear(&text);
    return status;
}

static int read_size(const kr_runfile *file, const kr_node *item, kr_critical_size *s,
                     kr_error *err)
{
    int64_t side = 0;
    const struct {
        const char *key;
        int64_t *integer;
        double *real;
    } part[] = { { "side", &side, NULL },
                 { "at", NULL, &s->at },
                 { "thermalize", &s->thermalize, NULL },
                 { "every", &s->every, NULL },
                 { "measure", &s->measure, NULL },
                 { "tau", NULL, &s->tau },
                 { "cpu_per_step", NULL, &s->cpu_per_step },
                 { "cpu_s", NULL, &s->cpu_s } };
    for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
        const kr_node *node = kr_node_get(item, part[k].key);
        if (!node) {
            return kr_runfile_fail(file, item, err, KR_EMISMATCH,
                                   "the plan lacks \"%s\" of size %d; --overwrite begins anew",
                                   part[k].key, s->side);
        }
        KR_TRY(part[k].real ? kr_node_real(file, node, part[k].key, part[k].real, err)
                            : kr_node_integer(file, node, part[k].key, part[k].integer, err));
    }
    return side == s->side && s->every >= 1 && s->measure >= s->every && s->thermalize >= 0
               ? KR_OK
               : kr_runfile_fail(file, item, err, KR_EMISMATCH,
                                 "the plan has side %lld, every %lld, measure %lld here, want "
                                 "side %d; --overwrite begins anew",
                                 (long long)side, (long long)s->every, (long long)s->measure,
                                 s->side);
}

static int read_plan(kr_critical *study, const char *path, kr_error *err)
{
    kr_runfile *file = kr_runfile_load(path, err);
    if (!file) {
        return err->status;
    }
    const kr_node *sizes = kr_node_get(file->root, "sizes");
    int status = sizes && sizes->kind == KR_NODE_LIST && sizes->n == study->n_sizes
                     ? KR_OK
                     : kr_runfile_fail(file, sizes, err, KR_EMISMATCH,
                                       "the plan is one of other sizes; --overwrite begins "
                                       "anew");
    for (int32_t k = 0; k < study->n_sizes && status == KR_OK; k++) {
        const kr_node *item = sizes->child[k];
        status = item->kind == KR_NODE_MAP
                     ? read_size(file, item, &study->size[k], err)
                     : kr_runfile_fail(file, item, err, KR_EPARSE, "want a map of a size");
    }
    const kr_node *updates = kr_node_get(file->root, "updates");
    if (status == KR_OK && updates && updates->kind == KR_NODE_SCALAR) {
        snprintf(study->base.updates, sizeof study->base.updates, "%s", updates->text);
        kr_study_find_start(&study->base);
    }
    const kr_node *scan = kr_node_get(file->root, "scan_cpu_s");
    const kr_node *pilots = kr_node_get(file->root, "pilot_cpu_s");
    if (status == KR_OK && scan && pilots) {
        status = kr_node_real(file, scan, "scan_cpu_s", &study->scan_cpu_s, err);
        status = status == KR_OK
                     ? kr_node_real(file, pilots, "pilot_cpu_s", &study->pilot_cpu_s, err)
                     : status;
    }
    kr_runfile_free(file);
    return status;
}

/* Clusters do not help across a barrier, where fast local moves may cost less. Decided once, by
 * CPU time per independent draw of one size. */
static int race(kr_critical *study, kr_critical_size *s, bool *is_finished, kr_error *err)
{
    char clusters[sizeof study->base.updates];
    kr_critical_size other = *s;
    if (study->base.has_updates || s->tau < SLOW ||
        strstr(study->base.updates, "wolff") == NULL ||
        !kr_study_takes(&study->base, "[heat_bath]")) {
        return KR_OK;
    }
    memcpy(clusters, study->base.updates, sizeof clusters);
    snprintf(study->base.updates, sizeof study->base.updates, "[heat_bath]");
    kr_study_find_start(&study->base);
    KR_TRY(pilot(study, &other, is_finished, err));
    if (!*is_finished) {
        return KR_OK;
    }
    const double a = s->tau * s->cpu_per_step, b = other.tau * other.cpu_per_step;
    kr_study_say(&study->base,
                 "critical: tau_int of %s %.3g ms, of heat_bath %.3g ms of a chain\n", clusters,
                 1e3 * a, 1e3 * b);
    if (b < a) {
        *s = other;
    } else {
        memcpy(study->base.updates, clusters, sizeof clusters);
        kr_study_find_start(&study->base);
    }
    return KR_OK;
}

/* Two phases, known well enough to say where they are in balance. */
static bool is_balanced(const kr_critical *study, const kr_critical_size *s)
{
    const kr_coexistence *c = &s->coexistence;
    return c->has_peaks && c->n_crossings >= CROSSINGS &&
           c->at_weight.value > study->base.low && c->at_weight.value < study->base.high;
}

/* All sizes where the largest two agree, or where two phases are in balance: that hardly moves
 * with the size. Balance is measured where the ordered phases together are as likely as the
 * other: crossings are most frequent there, and the error of a ratio of weights is sqrt(2/(rate
 * of crossings x time)). Where each phase weighs the same, n ordered ones against one, they are
 * rarer by (n + 1)/(2 sqrt n), for the barrier lies half way. */
void kr_critical_place(kr_critical *study, double at)
{
    double balance = NAN, gap = NAN; /* per site, of the other phase over the ordered one */
    for (int32_t k = 0; k < study->n_sizes; k++) {
        kr_critical_size *s = &study->size[k];
        const kr_coexistence *c = &s->coexistence;
        if (is_balanced(study, s)) {
            balance = c->at_weight.value;
            gap = c->gap.value / s->n_sites;
            gap = c->order_low.value > c->order_high.value ? gap : -gap;
        }
        s->at =
            isfinite(balance) ? balance - log(study->base.n_ordered) / (gap * s->n_sites) : at;
    }
}

/* About so many steps: at least some tau_int, whole draws, not too many. */
static void set_measure(kr_critical_size *s, int64_t measure)
{
    const int64_t least = (int64_t)ceil(4.0 * s->tau) + 8 * s->every;
    s->measure = measure > least ? measure : least;
    const int64_t every = s->measure / DRAWS_MOST;
    s->every = every > s->every ? every : s->every;
    s->measure -= s->measure % s->every;
}

static void share_time(kr_critical *study)
{
    const double left = BUDGET_USED * budget(study) - study->scan_cpu_s - study->pilot_cpu_s;
    double all = 0.0, power = SHARE_POWER;
    for (int32_t k = 0; k < study->n_sizes; k++) {
        power = is_balanced(study, &study->size[k]) ? SHARE_POWER_FIRST : power;
    }
    for (int32_t k = 0; k < study->n_sizes; k++) {
        all += pow(study->size[k].side, power);
    }
    for (int32_t k = 0; k < study->n_sizes; k++) {
        kr_critical_size *s = &study->size[k];
        const double steps = fmax(left, 0.3 * budget(study)) * pow(s->side, power) / all /
                             (s->cpu_per_step * KR_CRITICAL_CHAINS);
        s->thermalize = (int64_t)ceil(SETTLE_TAUS * s->tau) + 20;
        set_measure(s, (int64_t)steps - s->thermalize - study->base.adapt);
    }
}

int kr_critical_plan(kr_critical *study, bool *is_finished, kr_error *err)
{
    char path[KR_STUDY_PATH];
    double at = NAN;
    bool was_local = strstr(study->base.updates, "wolff") == NULL;
    kr_study_name(&study->base, "plan.yaml", path);
    *is_finished = true;
    if (access(path, F_OK) == 0) {
        return read_plan(study, path, err);
    }
    KR_TRY(kr_critical_search(study, &at, is_finished, err));
    for (int32_t k = 0; k < study->n_sizes && *is_finished; k++) {
        study->size[k].at = at;
        KR_TRY(pilot(study, &study->size[k], is_finished, err));
        if (*is_finished && k == RACE) {
            KR_TRY(race(study, &study->size[k], is_finished, err));
            if (strcmp(study->base.updates, "[heat_bath]") == 0 && !was_local) {
                k = -1; /* costs of the sizes before are those of other updates */
                at = study->size[0].at;
                was_local = true;
                continue;
            }
        }
        at = *is_finished ? next_place(study, k) : at;
    }
    if (!*is_finished) {
        return KR_OK;
    }
    kr_critical_place(study, at);
    share_time(study);
    return write_plan(study, err);
}

/* ---- measuring ----------------------------------------------------------------------------
 */

static double expected_cpu_s(const kr_critical *study, const kr_critical_size *s)
{
    return s->cpu_per_step * (double)(s->thermalize + study->base.adapt + s->measure) *
           KR_CRITICAL_CHAINS;
}

/* A size that has not begun yet. */
static bool is_fresh(const kr_critical *study, const kr_critical_size *s)
{
    char path[KR_STUDY_PATH], restart[KR_STUDY_PATH + 16];
    kr_critical_file(study, s->side, path);
    snprintf(restart, sizeof restart, "%s.restart", path);
    return access(path, F_OK) != 0 && access(restart, F_OK) != 0;
}

/* Pilots are short, so their CPU time per step is uncertain, mostly too high: the sizes that
 * have not begun share what those before have really left. The plan is written before they do,
 * so that a study that is stopped goes on with the same numbers. */
static int share_rest(kr_critical *study, int32_t next, kr_error *err)
{
    double planned = 0.0, used = 0.0, rest = 0.0;
    for (int32_t k = 0; k < study->n_sizes; k++) {
        const double expected = expected_cpu_s(study, &study->size[k]);
        if (k >= next) {
            rest += expected;
        } else if (isfinite(study->size[k].cpu_s)) {
            planned += expected;
            used += study->size[k].cpu_s;
        }
    }
    if (!(planned > 0.0 && used > 0.0) || !is_fresh(study, &study->size[next])) {
        return KR_OK;
    }
    const double rate = fmax(RATE_LEAST, fmin(RATE_MOST, used / planned));
    const double left = BUDGET_USED * budget(study) - study->scan_cpu_s - study->pilot_cpu_s -
                        study->measure_cpu_s;
    const double factor = fmax(REST_LEAST, fmin(REST_MOST, left / (rest * rate)));
    for (int32_t k = next; k < study->n_sizes; k++) {
        kr_critical_size *s = &study->size[k];
        set_measure(s, (int64_t)(factor * (double)s->measure));
    }
    return write_plan(study, err);
}

/* Measures a size; what that cost is kept in the plan. */
static int execute(kr_critical *study, const kr_study_task *task, kr_critical_size *s,
                   bool *is_finished, kr_error *err)
{
    const double known = s->cpu_s;
    s->cpu_s = 0.0;
    KR_TRY(kr_study_execute(&study->base, task, true, is_finished, &s->cpu_s, err));
    s->cpu_s = known > 0.0 ? known : isfinite(s->cpu_s) ? s->cpu_s : 0.0;
    study->measure_cpu_s += s->cpu_s;
    return *is_finished && !(known > 0.0) ? write_plan(study, err) : KR_OK;
}

int kr_critical_measure(kr_critical *study, bool *is_finished, kr_error *err)
{
    *is_finished = true;
    for (int32_t k = 0; k < study->n_sizes && *is_finished; k++) {
        kr_critical_size *s = &study->size[k];
        if (k > 0) {
            KR_TRY(share_rest(study, k, err));
        }
        kr_study_task task = { .side = s->side,
                               .value = &s->at,
                               .n_values = 1,
                               .updates = study->base.updates,
                               .thermalize = s->thermalize,
                               .measure = s->measure,
                               .every = s->every,
                               .chains = KR_CRITICAL_CHAINS,
                               .stream = 100000 + s->side };
        kr_critical_file(study, s->side, task.output);
        if (access(task.output, F_OK) != 0) {
            kr_study_say(&study->base,
                         "critical: measuring size %d at %.8g, %.3g CPU seconds\n", s->side,
                         s->at, expected_cpu_s(study, s));
        }
        KR_TRY(execute(study, &task, s, is_finished, err));
    }
    return KR_OK;
}
