/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_potts.c - the Potts model: exact values of small boxes, phases, refusals. */
#include "kr_exact_row.h"

/* clang-format off: one row per line pair, as in the source */
static const exact_row rows[] = {
    /* reference/potts2d_small.csv; |m| is mmax there */
    { "q=2",
      "size=2,2 boundary=periodic",
      1.0,
      { 8.797713747488151, -1.900412681424898, 0.3610959875477652, NAN, 0.9337091730054019, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=2,2 boundary=periodic",
      0.88137358701954302523,
      { 7.907520982752054, -1.848528137423857, 0.4039460879457619, NAN, 0.8992640687119285, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=2,2 boundary=periodic",
      1.0,
      { 9.315037691550438, -1.795786063148631, 0.7109238658603144, NAN, 0.8982983002578144, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=2,2 boundary=periodic",
      1.005052538742381009,
      { 9.35136692957686, -1.799352257196538, 0.7078303594156513, NAN, 0.900066938409424, NAN,
        NAN, NAN, NAN } },
    { "q=4",
      "size=2,2 boundary=periodic",
      1.0,
      { 9.720060272818872, -1.689871820840291, 1.023983523378647, NAN, 0.8628059617608507, NAN,
        NAN, NAN, NAN } },
    { "q=4",
      "size=2,2 boundary=periodic",
      1.0986122886681096914,
      { 10.40498984884123, -1.77906976744186, 0.9502520009209931, NAN, 0.9021317829457364, NAN,
        NAN, NAN, NAN } },
    { "q=10",
      "size=2,2 boundary=periodic",
      1.0,
      { 11.37530644311214, -1.144582239059116, 1.830463997156202, NAN, 0.6810747868789637, NAN,
        NAN, NAN, NAN } },
    { "q=10",
      "size=2,2 boundary=periodic",
      1.4260624389053681347,
      { 13.92828724757542, -1.776610834714384, 1.778675811809053, NAN, 0.917099491258867, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=2,3 boundary=periodic",
      1.0,
      { 12.87481310901992, -1.879063809876008, 0.4598201877425675, NAN, 0.9149385163930279, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=2,3 boundary=periodic",
      0.88137358701954302523,
      { 11.55948906027201, -1.812939469139376, 0.5132099743791853, NAN, 0.8673753446888274, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=2,3 boundary=periodic",
      1.0,
      { 13.48655748797209, -1.742300602314416, 0.9346813186178855, NAN, 0.8614981447205737, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=2,3 boundary=periodic",
      1.005052538742381009,
      { 13.53944698996823, -1.746990675851011, 0.9311797569638199, NAN, 0.8640698114726064, NAN,
        NAN, NAN, NAN } },
    { "q=4",
      "size=2,3 boundary=periodic",
      1.0,
      { 14.00216926693431, -1.597322109067206, 1.350754379966447, NAN, 0.8044612225569405, NAN,
        NAN, NAN, NAN } },
    { "q=4",
      "size=2,3 boundary=periodic",
      1.0986122886681096914,
      { 14.98400705409471, -1.716817856290284, 1.286312868528128, NAN, 0.8635729158377762, NAN,
        NAN, NAN, NAN } },
    { "q=10",
      "size=2,3 boundary=periodic",
      1.0,
      { 16.46645971759246, -0.8930372537585302, 1.711682116938515, NAN, 0.5306656360163721, NAN,
        NAN, NAN, NAN } },
    { "q=10",
      "size=2,3 boundary=periodic",
      1.4260624389053681347,
      { 19.81604535667315, -1.696512156002538, 2.684873806797022, NAN, 0.874783921327736, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=3,3 boundary=periodic",
      1.0,
      { 18.9251503708511, -1.883839232901984, 0.5196627062006081, NAN, 0.9259847779761567, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=3,3 boundary=periodic",
      0.88137358701954302523,
      { 16.95257568412022, -1.805623190765579, 0.6287361056464945, NAN, 0.8710719354735359, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=3,3 boundary=periodic",
      1.0,
      { 19.60985341053475, -1.736257883125346, 1.170997514517961, NAN, 0.8679156335801188, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=3,3 boundary=periodic",
      1.005052538742381009,
      { 19.68893973184678, -1.742122214653229, 1.162000342619726, NAN, 0.8711112404061081, NAN,
        NAN, NAN, NAN } },
    { "q=4",
      "size=3,3 boundary=periodic",
      1.0,
      { 20.23156616811575, -1.559718705161803, 1.828065924480039, NAN, 0.7957326098754165, NAN,
        NAN, NAN, NAN } },
    { "q=4",
      "size=3,3 boundary=periodic",
      1.0986122886681096914,
      { 21.68915602371162, -1.716879642275814, 1.619625530696457, NAN, 0.8740390855294819, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=3,3 boundary=open",
      1.0,
      { 13.89152450219067, -1.057353178532763, 0.4341905776234565, NAN, 0.648606366560556, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=3,3 boundary=open",
      0.88137358701954302523,
      { 12.79047069210009, -1.005039848640056, 0.345375493552531, NAN, 0.5843540088264911, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=3,3 boundary=open",
      1.0,
      { 15.48223420199592, -0.8434812917572811, 0.5551116877204238, NAN, 0.5300477692507149,
        NAN, NAN, NAN, NAN } },
    { "q=3",
      "size=3,3 boundary=open",
      1.005052538742381009,
      { 15.52065352332453, -0.8462896242427002, 0.5621732984993304, NAN, 0.5326080595994083,
        NAN, NAN, NAN, NAN } },
    { "q=4",
      "size=3,3 boundary=open",
      1.0,
      { 16.87460869210923, -0.6903940394175674, 0.5388730133051956, NAN, 0.4529842196558571,
        NAN, NAN, NAN, NAN } },
    { "q=4",
      "size=3,3 boundary=open",
      1.0986122886681096914,
      { 17.5116722322321, -0.746060790891532, 0.7116224446208708, NAN, 0.4971490591784984, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=3,4 boundary=periodic",
      1.0,
      { 25.01145479853687, -1.876875584246987, 0.5753474165098224, NAN, 0.9160100334486601, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=3,4 boundary=periodic",
      0.88137358701954302523,
      { 22.39721095784469, -1.789433558964123, 0.7057477811117602, NAN, 0.8484111320862579, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=3,4 boundary=periodic",
      1.0,
      { 25.81356439375789, -1.71116619048519, 1.349044103493937, NAN, 0.8436631668776837, NAN,
        NAN, NAN, NAN } },
    { "q=3",
      "size=3,4 boundary=periodic",
      1.005052538742381009,
      { 25.91751859938537, -1.717921520627599, 1.338393696495395, NAN, 0.8477130737370273, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=4,4 boundary=periodic",
      1.0,
      { 33.10536711873158, -1.877690144388718, 0.6055326572100551, NAN, 0.9189432674019721, NAN,
        NAN, NAN, NAN } },
    { "q=2",
      "size=4,4 boundary=periodic",
      0.88137358701954302523,
      { 29.62389285106797, -1.782811893819159, 0.7832668259289094, NAN, 0.8438604448134202, NAN,
        NAN, NAN, NAN } },
};
/* clang-format on */

static void small_boxes_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_exact_row("potts", "hypercubic", &rows[k]);
    }
}

static void phases_hold_their_starts_and_leave_a_gap(void **state)
{
    (void)state;
    kr_system s = system_alloc("potts", "q=20", "hypercubic", "size=16,16");
    int64_t count[20] = { 0 };
    count[7] = 256;
    assert_int_equal(kr_terms_phase(s.terms, kr_terms_order(s.terms, count)), 1);
    for (int a = 0; a < 20; a++) {
        count[a] = a < 16 ? 13 : 12;
    }
    assert_int_equal(kr_terms_phase(s.terms, kr_terms_order(s.terms, count)), 0);
    assert_int_equal(kr_terms_phase(s.terms, 0.45), -1);
    /* order of the ordered phase at the transition: reference/potts2d_transition_exact.csv */
    assert_int_equal(kr_terms_phase(s.terms, 0.941175906755920949), 1);
    assert_int_equal(s.terms->phase[0].start_state, KR_START_RANDOM);
    assert_int_equal(s.terms->phase[1].start_state, KR_START_ANY_ORDERED);
    system_free(&s);
}

static void field_lowers_state_zero_only(void **state)
{
    (void)state;
    kr_system s = system_alloc("potts", "q=4 field=0.25", "hypercubic", "size=2,2");
    uint8_t x[4] = { 3, 3, 3, 3 };
    assert_true(kr_terms_energy(s.terms, x, 1) == -8.0);
    memset(x, 0, 4);
    assert_true(kr_terms_energy(s.terms, x, 1) == -9.0);
    const int32_t want[] = { 0, 1, 1, 1 }, same[] = { 0, 0, 0, 0 };
    assert_memory_equal(s.terms->state_class, want, sizeof want);
    assert_memory_equal(s.terms->pair_class, same, sizeof same);
    assert_true(s.terms->is_potts);
    system_free(&s);
}

static void antiperiodic_boundary_is_refused_with_a_reason(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_system s =
        system_try("potts", "q=3", "hypercubic", "size=4,4 boundary=antiperiodic", &err);
    assert_null(s.terms);
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "antiperiodic"));
    system_free(&s);
}

static void facts_solve_their_equations(void **state)
{
    (void)state;
    for (const kr_fact *fact = system_model("potts")->facts; fact->lattice; fact++) {
        double q = strtod(fact->params + 2, NULL), v = exp(fact->value) - 1.0;
        if (strcmp(fact->lattice, "hypercubic 2D") == 0) {
            assert_close(v * v, q, 1e-14);
        } else if (strcmp(fact->lattice, "triangular") == 0) {
            assert_close(v * v * v + 3.0 * v * v, q, 1e-14);
        } else if (strcmp(fact->lattice, "honeycomb") == 0) {
            assert_close(v * v * v, 3.0 * q * v + q * q, 1e-14);
        } else { /* complete: the Ising model with half the coupling */
            assert_string_equal(fact->lattice, "complete");
            assert_close(fact->value, 2.0, 0.0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_boxes_have_their_exact_values),
        cmocka_unit_test(phases_hold_their_starts_and_leave_a_gap),
        cmocka_unit_test(field_lowers_state_zero_only),
        cmocka_unit_test(antiperiodic_boundary_is_refused_with_a_reason),
        cmocka_unit_test(facts_solve_their_equations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
