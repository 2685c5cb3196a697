/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_cluster_box.c - which targets are boxes with one coupling. */
#include "kr_system.h"

#include "update/cluster_box.h"

static bool is_box(const char *model, const char *model_set, const char *lattice,
                   const char *lattice_set, kr_box *box)
{
    kr_system s = system_alloc(model, model_set, lattice, lattice_set);
    bool found = kr_box_find(box, s.lattice, s.terms);
    system_free(&s);
    return found;
}

static void boxes_with_one_coupling_are_found(void **state)
{
    (void)state;
    kr_box box;
    assert_true(is_box("ising", "", "hypercubic", "size=5,3", &box));
    assert_int_equal(box.dim, 2);
    assert_int_equal(box.extent[0], 5);
    assert_true(box.is_periodic[1]);
    assert_true(is_box("ising", "", "hypercubic", "size=2,2,4", &box));
    assert_true(is_box("ising", "J=-1", "hypercubic", "size=4,1,3", &box));
    assert_true(is_box("potts", "q=3 field=0.5", "hypercubic", "size=4,4 boundary=open", &box));
    assert_false(box.is_periodic[0]);
    assert_true(is_box("ising", "", "hypercubic", "size=4,4 boundary=open,periodic", &box));
}

static void other_bonds_and_couplings_are_not(void **state)
{
    (void)state;
    kr_box box;
    assert_false(is_box("ising", "", "triangular", "size=4,4", &box));
    assert_false(is_box("ising", "", "hypercubic", "size=4,4 boundary=antiperiodic", &box));
    assert_false(
        is_box("ising", "disorder.kind=pm1 disorder.seed=3", "hypercubic", "size=4,4", &box));
    assert_false(is_box("ising", "disorder.kind=gaussian", "hypercubic", "size=4,4", &box));
    kr_system s = system_alloc("ising", "", "hypercubic", "size=4,4");
    assert_false(kr_box_find(&box, NULL, s.terms));
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_with_one_coupling_are_found),
        cmocka_unit_test(other_bonds_and_couplings_are_not),
    };
    return cmocka_run_group_tests_name("cluster box", tests, NULL, NULL);
}
