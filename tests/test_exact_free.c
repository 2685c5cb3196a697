/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_exact_free.c - free lattice fields. */
#include "kr_system.h"
#include "model/exact.h"

/* clang-format off: one row per line, as in the source */
static const struct {
    int L;
    double m2, log_z, phi_2, chi;
} rows[] = {
    /* reference/phi4_free_field.csv */
    { 2, 0.1, 0.98383331364636, 1.3264077085215, 5 },
    { 2, 1, -0.41859042940341, 0.18888888888889, 0.5 },
    { 3, 0.5, -0.75127221419164, 0.20879120879121, 1 },
    { 4, 0.1, -0.070213550495046, 0.44210534481093, 5 },
    { 6, 0.5, -3.9706527263803, 0.16146366342445, 1 },
    { 8, 0.1, -2.2555433393045, 0.25474997158982, 5 },
    { 12, 0.1, -5.3637463889871, 0.23262053411715, 5 },
    { 12, 0.5, -16.013529477934, 0.15815049641105, 1 },
    { 12, 1, -26.15416565725, 0.12702597489735, 0.5 },
};
/* clang-format on */

static void tori_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        kr_error err = { 0 };
        kr_exact x;
        char fields[64], size[32];
        snprintf(fields, sizeof fields, "m2=%g", rows[k].m2);
        snprintf(size, sizeof size, "size=%d,%d", rows[k].L, rows[k].L);
        kr_system s = system_alloc("phi4", fields, "hypercubic", size);
        kr_target target = system_target(&s, 1.0);
        assert_ok(kr_exact_free(&target, 1e12, &x, &err), &err);
        assert_close(x.log_z, rows[k].log_z, 1e-12);
        assert_close(x.phi_squared, rows[k].phi_2, 1e-12);
        assert_close(x.susceptibility, rows[k].chi, 1e-12);
        assert_close(x.energy_per_site, 0.5, 1e-13);
        assert_close(x.binder, 0.0, 1e-13);
        system_free(&s);
    }
}

/* The same integrals by the transfer matrix, with a field, at another beta. */
static void chains_equal_the_transfer_matrix(void **state)
{
    (void)state;
    const char *const boundary[] = { "size=7 boundary=periodic", "size=7 boundary=open",
                                     "size=7 boundary=antiperiodic" };
    for (int k = 0; k < 3; k++) {
        kr_error err = { 0 };
        kr_exact x, y;
        kr_system s = system_alloc("phi4", "m2=0.4 field=0.6", "hypercubic", boundary[k]);
        kr_target target = system_target(&s, 1.7);
        assert_ok(kr_exact_free(&target, 1e12, &x, &err), &err);
        assert_ok(kr_exact_chain(&target, 1e12, &y, &err), &err);
        const double pairs[][2] = { { x.log_z, y.log_z },
                                    { x.energy_per_site, y.energy_per_site },
                                    { x.specific_heat, y.specific_heat },
                                    { x.magnetization, y.magnetization },
                                    { x.abs_magnetization, y.abs_magnetization },
                                    { x.magnetization_squared, y.magnetization_squared },
                                    { x.magnetization_fourth, y.magnetization_fourth },
                                    { x.susceptibility, y.susceptibility },
                                    { x.binder, y.binder },
                                    { x.phi_squared, y.phi_squared },
                                    { x.phi_fourth, y.phi_fourth },
                                    { x.neighbor_product, y.neighbor_product } };
        for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
            assert_close(pairs[p][0], pairs[p][1], 1e-8);
        }
        system_free(&s);
    }
}

static void interacting_fields_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", "size=4");
    kr_target target = system_target(&s, 1.0);
    assert_int_equal(kr_exact_free(&target, 1e12, &x, &err), KR_EUNSUP);
    assert_non_null(strstr(err.text, "want a quadratic action"));
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tori_have_their_exact_values),
        cmocka_unit_test(chains_equal_the_transfer_matrix),
        cmocka_unit_test(interacting_fields_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
