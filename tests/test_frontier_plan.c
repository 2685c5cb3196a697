/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_frontier_plan.c - drawing orders, windows and shared networks. */
#include "kr_system.h"

#include "density/frontier_plan.h"
#include "plan_digest.h"

typedef struct planned {
    kr_system s;
    kr_target target;
    kr_frontier_plan plan;
} planned;

/* radius > 0: levels; else raster with a window */
static planned plan_of(const char *model, const char *fields, const char *lattice,
                       const char *size, int64_t window, double radius)
{
    kr_error err = { 0 };
    planned p = { .s = system_alloc(model, fields, lattice, size) };
    p.target = (kr_target){ .lattice = p.s.lattice, .terms = p.s.terms, .beta = 0.4 };
    assert_ok(radius > 0.0 ? kr_frontier_plan_levels(&p.plan, &p.target, radius, &err)
                           : kr_frontier_plan_raster(&p.plan, &p.target, window, &err),
              &err);
    return p;
}

static void drop(planned *p)
{
    kr_frontier_plan_clear(&p->plan);
    system_free(&p->s);
}

static int32_t n_seen(const kr_frontier_plan *plan, int32_t i)
{
    return (int32_t)(plan->begin[i + 1] - plan->begin[i]);
}

/* By the definition, from the bond list. */
static bool is_frontier(const planned *p, int32_t i, int32_t j)
{
    const int32_t *rank = p->plan.rank;
    bool touches_later = false;
    for (int64_t b = 0; b < p->s.lattice->n_bonds; b++) {
        const int32_t *pair = p->s.lattice->bond + 2 * b;
        touches_later |= (pair[0] == j && rank[pair[1]] > rank[i]) ||
                         (pair[1] == j && rank[pair[0]] > rank[i]);
    }
    return rank[j] < rank[i] && touches_later;
}

static bool has_later_neighbor(const planned *p, int32_t i)
{
    bool has = false;
    for (int64_t b = 0; b < p->s.lattice->n_bonds; b++) {
        const int32_t *pair = p->s.lattice->bond + 2 * b;
        has |= pair[0] == i && p->plan.rank[pair[1]] > p->plan.rank[i];
        has |= pair[1] == i && p->plan.rank[pair[0]] > p->plan.rank[i];
    }
    return has;
}

/* Every site once; inputs are frontier sites, each once; no network where none is needed. */
static void check_plan(const planned *p)
{
    const kr_frontier_plan *plan = &p->plan;
    for (int32_t t = 0; t < plan->n_sites; t++) {
        assert_int_equal(plan->rank[plan->order[t]], t);
    }
    for (int32_t i = 0; i < plan->n_sites; i++) {
        assert_int_equal(plan->net[i] >= 0, has_later_neighbor(p, i));
        for (int64_t k = plan->begin[i]; k < plan->begin[i + 1]; k++) {
            assert_true(is_frontier(p, i, plan->site[k]));
            for (int64_t m = plan->begin[i]; m < k; m++) {
                assert_int_not_equal(plan->site[m], plan->site[k]);
            }
        }
        if (plan->net[i] >= 0) {
            assert_int_equal(plan->net[plan->owner[plan->net[i]]], plan->net[i]);
            assert_int_equal(n_seen(plan, i), n_seen(plan, plan->owner[plan->net[i]]));
        } else {
            assert_int_equal(n_seen(plan, i), 0);
        }
    }
}

static void plans_keep_their_promises_on_every_lattice(void **state)
{
    (void)state;
    static const char *const where[][2] = {
        { "hypercubic", "size=8,4" }, { "hypercubic", "size=6,6 boundary=open" },
        { "hypercubic", "size=5,6" }, { "hypercubic", "size=4,4,4" },
        { "hypercubic", "size=12" },  { "triangular", "size=4,6" },
        { "honeycomb", "size=4,4" },  { "kagome", "size=4,2" },
        { "complete", "size=9" },
    };
    for (size_t k = 0; k < sizeof where / sizeof *where; k++) {
        for (int32_t v = 0; v < 4; v++) {
            planned p = plan_of("ising", "", where[k][0], where[k][1], v, v == 3 ? 2.3 : 0.0);
            check_plan(&p);
            drop(&p);
        }
    }
}

static void window_zero_sees_all_of_the_frontier(void **state)
{
    (void)state;
    planned p = plan_of("ising", "", "hypercubic", "size=5,4", 0, 0.0);
    double sum = 0.0;
    for (int32_t i = 0; i < p.plan.n_sites; i++) {
        int32_t n = 0;
        for (int32_t j = 0; j < p.plan.n_sites; j++) {
            n += is_frontier(&p, i, j);
        }
        assert_int_equal(n_seen(&p.plan, i), p.plan.net[i] < 0 ? 0 : n);
        sum += n;
    }
    assert_true(kr_frontier_plan_count(&p.target) == sum);
    drop(&p);
}

/* On 16 x 16, window 3: at (x, y) far from seam and sides the row above is seen at offsets 1, 2
 * (0 touches no later site than this), the own row at -1, -2, -3; one network serves all such
 * sites. */
static void sites_far_from_the_seam_share_one_network(void **state)
{
    (void)state;
    planned p = plan_of("ising", "", "hypercubic", "size=16,16", 3, 0.0);
    const int32_t bulk = 8 * 16 + 8;
    for (int32_t y = 4; y < 12; y++) {
        for (int32_t x = 3; x < 13; x++) {
            assert_int_equal(p.plan.net[y * 16 + x], p.plan.net[bulk]);
        }
    }
    assert_int_equal(n_seen(&p.plan, bulk), 2 + 3);
    assert_int_not_equal(p.plan.net[bulk], p.plan.net[3 * 16 + 8]); /* sees two rows more */
    drop(&p);
}

static void disorder_and_open_ends_keep_networks_apart(void **state)
{
    (void)state;
    planned glass = plan_of("ising", "disorder.kind=gaussian disorder.seed=1", "hypercubic",
                            "size=8,8", 2, 0.0);
    int32_t n_with = 0;
    for (int32_t i = 0; i < 64; i++) {
        n_with += glass.plan.net[i] >= 0;
    }
    assert_int_equal(glass.plan.n_nets, n_with);
    drop(&glass);
    planned open = plan_of("ising", "", "hypercubic", "size=64 boundary=open", 3, 0.0);
    /* the chain: the sites next to both ends (0 has none before it, 63 needs none), the bulk */
    assert_int_equal(open.plan.net[5], open.plan.net[40]);
    assert_int_not_equal(open.plan.net[5], open.plan.net[61]);
    drop(&open);
}

/* 8 x 8: 1 site, then spacings 4, 2, 1: 3, 12, 48 sites; of the last 48 those with x + y even
 * come first, the others touch only drawn sites. */
static void levels_go_from_coarse_to_fine_and_end_with_half_the_sites_closed(void **state)
{
    (void)state;
    planned p = plan_of("ising", "", "hypercubic", "size=8,8", 0, 4.3);
    assert_int_equal(p.plan.order[0], 0);
    for (int32_t t = 0; t < 64; t++) {
        const int32_t x = p.plan.order[t] % 8, y = p.plan.order[t] / 8;
        const int32_t both = x | y;
        assert_int_equal(both % 8 == 0, t < 1);
        assert_int_equal(both % 4 == 0, t < 4);
        assert_int_equal(both % 2 == 0, t < 16);
        assert_int_equal((x + y) % 2 == 0, t < 32);
        assert_int_equal(p.plan.net[p.plan.order[t]] < 0, t >= 32);
    }
    drop(&p);
}

/* The finest level on 64 x 64: one network for all sites (odd, odd) away from the seam; and the
 * number of networks grows with the levels, not with the sites. */
static void one_network_serves_a_level(void **state)
{
    (void)state;
    planned p = plan_of("ising", "", "hypercubic", "size=64,64", 0, 3.2);
    const int32_t bulk = 31 * 64 + 31;
    for (int32_t y = 9; y < 55; y += 2) {
        for (int32_t x = 9; x < 55; x += 2) {
            assert_int_equal(p.plan.net[y * 64 + x], p.plan.net[bulk]);
        }
    }
    planned twice = plan_of("ising", "", "hypercubic", "size=128,128", 0, 3.2);
    assert_true(p.plan.n_nets < 64 * 64 / 10);
    assert_true(twice.plan.n_nets - p.plan.n_nets < 100);
    drop(&twice);
    drop(&p);
}

/* From the version whose insertion sort ordered the inputs. */
static void weights_of_older_files_still_fit(void **state)
{
    (void)state;
    static const struct {
        const char *model, *fields, *size;
        int64_t window;
        double radius;
        uint64_t digest;
    } row[] = {
        { "ising", "", "size=32,32", 6, 0.0, UINT64_C(0xcd1005762f2c69df) },
        { "ising", "", "size=12,12,12", 5, 0.0, UINT64_C(0x8fc6fe78f318b85a) },
        { "ising", "field=0.5", "size=9,8 boundary=open", 0, 0.0,
          UINT64_C(0x796e1b3f427b4901) },
        { "ising", "", "size=32,32", 0, 4.3, UINT64_C(0xca89d87f021d085a) },
        { "potts", "q=3", "size=8,8,8 boundary=open", 0, 3.2, UINT64_C(0x26792b4fc73ea19a) },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        planned p = plan_of(row[k].model, row[k].fields, "hypercubic", row[k].size,
                            row[k].window, row[k].radius);
        assert_int_equal(plan_digest(&p.plan), row[k].digest);
        drop(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_keep_their_promises_on_every_lattice),
        cmocka_unit_test(window_zero_sees_all_of_the_frontier),
        cmocka_unit_test(sites_far_from_the_seam_share_one_network),
        cmocka_unit_test(disorder_and_open_ends_keep_networks_apart),
        cmocka_unit_test(levels_go_from_coarse_to_fine_and_end_with_half_the_sites_closed),
        cmocka_unit_test(one_network_serves_a_level),
        cmocka_unit_test(weights_of_older_files_still_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
