/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_clock.c - clock model: exact values, its relatives, order parameter. */
#include "kr_system.h"
#include "model/exact.h"

typedef struct clock_row {
    const char *model, *lattice;
    double beta;
    double value[6]; /* log Z, energy, specific heat, |m|, |m|^2, |m|^4 */
} clock_row;

/* clang-format off: one row per line, as in the source */
static const clock_row rows[] = {
    /* reference/clock_small.csv, about 13 digits */
    { "q=3",
      "size=2,2",
      0.5,
      { 5.6299398867656, -1.3294416420243, 0.683686748017, 0.81719185058277, 0.72387909204036,
        0.64036315211683 } },
    { "q=3",
      "size=2,2",
      0.9,
      { 8.3538101476769, -1.917549677048, 0.392935393148, 0.97807508932876, 0.9656891327861,
        0.95392270448759 } },
    { "q=3",
      "size=2,2",
      1.2,
      { 10.7076964723162, -1.9863091680078, 0.118866962623, 0.99639299210029, 0.99429672945712,
        0.99227549230488 } },
    { "q=3",
      "size=3,3",
      0.5,
      { 11.6149417407575, -1.0188200340628, 0.967476565659, 0.67458963923006, 0.5185977209735,
        0.37443509004827 } },
    { "q=3",
      "size=3,3",
      0.9,
      { 17.4003406634029, -1.9240053884352, 0.432990835732, 0.97922652311628, 0.96405352184494,
        0.94348668665027 } },
    { "q=3",
      "size=3,3",
      1.2,
      { 22.7132312344059, -1.9898110760555, 0.0941667315784, 0.99741843286817, 0.9953452523504,
        0.99228285224742 } },
    { "q=4",
      "size=2,2",
      0.5,
      { 6.59528400961982, -1.0726872079816, 0.537385308492, 0.75274471158562, 0.62029084059133,
        0.47479810349315 } },
    { "q=4",
      "size=2,2",
      0.9,
      { 8.8912024217687, -1.7159146903697, 0.798002757792, 0.92989519643728, 0.88205846588907,
        0.82124526281095 } },
    { "q=4",
      "size=2,2",
      1.2,
      { 11.0828195750589, -1.9056379655352, 0.51936818733, 0.97731094957932, 0.96072551070425,
        0.93891876243367 } },
    { "q=4",
      "size=3,3",
      0.5,
      { 13.9149694936446, -0.74700691694912, 0.567909267255, 0.58419042373208, 0.38795716894375,
        0.21038506351106 } },
    { "q=4",
      "size=3,3",
      0.9,
      { 18.3130085466074, -1.6404828303603, 1.23177211869, 0.8985353517146, 0.82396721627888,
        0.72180843036694 } },
    { "q=4",
      "size=3,3",
      1.2,
      { 23.1753900268908, -1.9065580110707, 0.615232755571, 0.97559429146708, 0.95542320005516,
        0.92431425167047 } },
    { "q=6",
      "size=2,2",
      0.5,
      { 8.18765244406715, -1.0113251226561, 0.44735664707, 0.74083305622698, 0.59629082686789,
        0.4310222029997 } },
    { "q=6",
      "size=2,2",
      0.9,
      { 10.2602562620337, -1.5096654766379, 0.628365099681, 0.88468716109537, 0.79775862821889,
        0.67055043349698 } },
    { "q=6",
      "size=2,2",
      1.2,
      { 12.1868415761951, -1.6850423235738, 0.641142675509, 0.92891575843306, 0.86968610766777,
        0.77595211124408 } },
    { "q=6",
      "size=3,3",
      0.5,
      { 17.5393014371781, -0.71552262233555, 0.491997996509, 0.5741576458669, 0.37354647861035,
        0.19162297770614 } },
    { "q=6",
      "size=3,3",
      0.9,
      { 21.4277489488724, -1.3752057475148, 0.855439167508, 0.82326186816172, 0.69194568989877,
        0.50899324789339 } },
    { "q=6",
      "size=3,3",
      1.2,
      { 25.4803138158617, -1.602276535386, 0.8036136175, 0.89336742357253, 0.8036205578468,
        0.66173945918386 } },
};
/* clang-format on */

static kr_exact enumerate(const char *model, const char *fields, const char *lattice,
                          const char *size, double beta)
{
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = system_alloc(model, fields, lattice, size);
    kr_target target = system_target(&s, beta);
    assert_ok(kr_exact_enumerate(&target, &x, &err), &err);
    system_free(&s);
    return x;
}

static void small_tori_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        kr_exact x =
            enumerate("clock", rows[k].model, "hypercubic", rows[k].lattice, rows[k].beta);
        const double got[6] = {
            x.log_z,         x.energy_per_site,       x.specific_heat,
            x.magnetization, x.magnetization_squared, x.magnetization_fourth
        };
        for (int v = 0; v < 6; v++) {
            assert_close(got[v], rows[k].value[v], 1e-11);
        }
    }
}

static void two_states_are_ising_spins(void **state)
{
    (void)state;
    kr_exact clock = enumerate("clock", "q=2 J=-0.7 field=0.3", "triangular", "size=3,3", 0.9);
    kr_exact ising = enumerate("ising", "J=-0.7 field=0.3", "triangular", "size=3,3", 0.9);
    assert_close(clock.log_z, ising.log_z, 1e-13);
    assert_close(clock.magnetization, ising.abs_magnetization, 1e-13);
}

/* cos = (3 delta - 1)/2 */
static void three_states_are_a_potts_model(void **state)
{
    (void)state;
    const double beta = 0.67;
    kr_exact clock = enumerate("clock", "q=3", "honeycomb", "size=2,2", beta);
    kr_exact potts = enumerate("potts", "q=3 J=1.5", "honeycomb", "size=2,2", beta);
    assert_close(clock.log_z, potts.log_z - 0.5 * beta * 12.0, 1e-13);
    assert_close(clock.specific_heat, potts.specific_heat, 1e-12);
}

static void four_states_are_two_ising_models(void **state)
{
    (void)state;
    const double beta = 0.88;
    kr_exact clock = enumerate("clock", "q=4", "kagome", "size=2,2 boundary=open", beta);
    kr_exact ising = enumerate("ising", "J=1", "kagome", "size=2,2 boundary=open", beta / 2.0);
    assert_close(clock.log_z, 2.0 * ising.log_z, 1e-13);
    assert_close(clock.magnetization_squared, ising.magnetization_squared, 1e-12);
}

static void energies_are_exact_where_cosines_are_rational(void **state)
{
    (void)state;
    const char *fields[] = { "q=2", "q=4" };
    for (int k = 0; k < 2; k++) {
        kr_system s = system_alloc("clock", fields[k], "hypercubic", "size=3,3");
        assert_true(s.terms->is_integer);
        system_free(&s);
    }
    kr_system three = system_alloc("clock", "q=3", "hypercubic", "size=3,3");
    assert_true(three.terms->is_potts);
    system_free(&three);
    kr_system six = system_alloc("clock", "q=6", "hypercubic", "size=3,3");
    const double row[] = { -1.0, -0.5, 0.5, 1.0, 0.5, -0.5 };
    for (int a = 0; a < 6; a++) {
        for (int b = 0; b < 6; b++) {
            assert_close(six.terms->V[6 * a + b], row[(b - a + 6) % 6], 0.0);
        }
    }
    system_free(&six);
}

static void order_parameter_is_the_length_of_the_mean_vector(void **state)
{
    (void)state;
    kr_system s = system_alloc("clock", "q=8", "hypercubic", "size=4,4");
    const int64_t turned[8] = { 0, 0, 0, 16 }, quarter[8] = { 8, 0, 8 },
                  all[8] = { 4, 0, 4, 0, 4, 0, 4, 0 };
    assert_close(kr_terms_order(s.terms, turned), 1.0, 1e-15);
    assert_close(kr_terms_order(s.terms, quarter), sqrt(0.5), 1e-15);
    assert_close(kr_terms_moment(s.terms, 0, turned), -sqrt(0.5), 1e-15);
    assert_close(kr_terms_moment(s.terms, 1, turned), sqrt(0.5), 1e-15);
    assert_close(kr_terms_order(s.terms, all), 0.0, 1e-15);
    assert_int_equal(kr_terms_phase(s.terms, kr_terms_order(s.terms, turned)), 1);
    assert_int_equal(kr_terms_phase(s.terms, kr_terms_order(s.terms, all)), 0);
    system_free(&s);
}

static void antiperiodic_boundaries_need_an_even_number_of_states(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system s =
        system_try("clock", "q=5", "hypercubic", "size=4,4 boundary=antiperiodic", &err);
    assert_null(s.terms);
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "want an even q"));
    system_free(&s);
    s = system_alloc("clock", "q=6", "hypercubic", "size=4,4 boundary=antiperiodic");
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_tori_have_their_exact_values),
        cmocka_unit_test(two_states_are_ising_spins),
        cmocka_unit_test(three_states_are_a_potts_model),
        cmocka_unit_test(four_states_are_two_ising_models),
        cmocka_unit_test(energies_are_exact_where_cosines_are_rational),
        cmocka_unit_test(order_parameter_is_the_length_of_the_mean_vector),
        cmocka_unit_test(antiperiodic_boundaries_need_an_even_number_of_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
