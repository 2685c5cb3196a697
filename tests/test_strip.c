/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_strip.c - partition functions by transfer over a frontier. */
#include "kr_system.h"
#include "model/exact.h"

/* clang-format off: one row per line, as in the sources */
static const struct {
    const char *model, *fields, *lattice, *size;
    double beta, log_z, energy, specific_heat;
} rows[] = {
    /* reference/ising2d_small_field.csv, ising3d_small.csv,
       ising_other_lattices_small.csv, potts2d_small.csv */
    { "ising", "field=0", "hypercubic", "size=5,5 boundary=periodic", 0.3, 19.84208973361967,
      -0.772658565376865, 0.3984425914911651 },
    { "ising", "field=0.05", "hypercubic", "size=5,5 boundary=periodic", 0.3, 19.8601536786508,
      -0.7839894581263983, 0.413319560460186 },
    { "ising", "field=0", "hypercubic", "size=5,5 boundary=periodic", 0.44068679350977151262,
      23.88629877918291, -1.536719516534508, 0.9012001858236614 },
    { "ising", "field=0.05", "hypercubic", "size=5,5 boundary=periodic", 0.44068679350977151262,
      23.99258477018979, -1.572001889173756, 0.9089099926190118 },
    { "ising", "field=0", "hypercubic", "size=5,5 boundary=periodic", -0.44, 22.46280256998182,
      0.9125267719064689, 0.2825167762276055 },
    { "ising", "field=0.05", "hypercubic", "size=5,5 boundary=periodic", -0.44,
      22.46429332355961, 0.9126451418991369, 0.2825020890161264 },
    { "ising", "field=0", "hypercubic", "size=6,6 boundary=periodic", 0.3, 28.50406713538707,
      -0.7376994093429304, 0.3582199390124775 },
    { "ising", "field=0.05", "hypercubic", "size=6,6 boundary=periodic", 0.3, 28.53164312980428,
      -0.75067834646944, 0.3781890894608027 },
    { "ising", "field=0", "hypercubic", "size=6,6 boundary=periodic", 0.44068679350977151262,
      34.11154105498625, -1.516873124567831, 0.9965818189202413 },
    { "ising", "field=0.05", "hypercubic", "size=6,6 boundary=periodic", 0.44068679350977151262,
      34.31649184473858, -1.568184980516867, 0.9973642779814342 },
    { "ising", "field=0", "hypercubic", "size=6,6 boundary=periodic", -0.44, 34.07408067434418,
      1.513339004078698, 0.9989812660607417 },
    { "ising", "field=0.05", "hypercubic", "size=6,6 boundary=periodic", -0.44,
      34.07531703853628, 1.51318682868096, 0.9989369628918531 },
    { "ising", "field=0", "hypercubic", "size=8,8 boundary=periodic", 0.44068679350977151262,
      60.14178078906915, -1.491589107439707, 1.145559239894409 },
    { "ising", "field=0.05", "hypercubic", "size=8,8 boundary=periodic", 0.44068679350977151262,
      60.6885432561653, -1.575928815413604, 1.096326907814031 },
    { "ising", "field=0", "hypercubic", "size=5,5 boundary=open", 0.3, 19.23368704382289,
      -0.5365296181926759, 0.1955762882302604 },
    { "ising", "field=0.05", "hypercubic", "size=5,5 boundary=open", 0.3, 19.24384948101465,
      -0.5415159185022647, 0.2005544680277376 },
    { "ising", "field=0", "hypercubic", "size=5,5 boundary=open", 0.44068679350977151262,
      21.70407445351915, -0.8802755950149421, 0.5171605116052377 },
    { "ising", "field=0.05", "hypercubic", "size=5,5 boundary=open", 0.44068679350977151262,
      21.753740813777, -0.9003373748775153, 0.5481595984208248 },
    { "ising", "field=0", "hypercubic", "size=5,5 boundary=open", -0.44, 21.68897596344313,
      0.8784470305401433, 0.5153561618098805 },
    { "ising", "field=0.05", "hypercubic", "size=5,5 boundary=open", -0.44, 21.6906332419609,
      0.8785071645959169, 0.5151348878063205 },
    { "ising", "field=0", "hypercubic", "size=6,6 boundary=open", 0.3, 27.82144609979826,
      -0.5634263004617976, 0.2090762943653532 },
    { "ising", "field=0.05", "hypercubic", "size=6,6 boundary=open", 0.3, 27.83774040630841,
      -0.5693608682757295, 0.2157157378831978 },
    { "ising", "field=0", "hypercubic", "size=6,6 boundary=open", 0.44068679350977151262,
      31.58736569847486, -0.9401636206565479, 0.5810716307097933 },
    { "ising", "field=0.05", "hypercubic", "size=6,6 boundary=open", 0.44068679350977151262,
      31.68084221519081, -0.9694773914305245, 0.6320760069937485 },
    { "ising", "field=0", "hypercubic", "size=6,6 boundary=open", -0.44, 31.56414595948205,
      0.9381092711428766, 0.5789366516383835 },
    { "ising", "field=0.05", "hypercubic", "size=6,6 boundary=open", -0.44, 31.56638844993185,
      0.9381383798136808, 0.5786666088253051 },
    { "ising", "field=0", "hypercubic", "size=8,8 boundary=open", 0.44068679350977151262,
      56.92444220301921, -1.022841579173022, 0.684925282274209 },
    { "ising", "field=0.05", "hypercubic", "size=8,8 boundary=open", 0.44068679350977151262,
      57.17623180714985, -1.075196271660019, 0.7884364255585098 },
    { "ising", "field=0", "hypercubic", "size=3,3,3 boundary=periodic", 0.22165462,
      21.67619313448073, -1.434443915548458, 0.7854308573664588 },
    { "ising", "field=0", "hypercubic", "size=3,3,3 boundary=open", 0.22165462,
      20.13377707373095, -0.5111727527075543, 0.1522092838903524 },
    { "ising", "field=0", "triangular", "size=4,5", 0.2, 15.65978727650776, -1.200607072108895,
      0.5138343699407986 },
    { "ising", "field=0", "triangular", "size=4,5", 0.27465307216702742285, 18.23145908012901,
      -2.224619397896311, 0.8574515276291672 },
    { "ising", "field=0", "triangular", "size=4,5", 0.6, 36.70844247310029, -2.990676062155434,
      0.0413490152845507 },
    { "ising", "field=0", "triangular", "size=4,5", -0.3, 15.78857872429773, 0.549888386536822,
      0.09907972027683084 },
    { "ising", "field=0", "triangular", "size=4,5", -1.0, 26.89239762668416, 0.9394421378742763,
      0.2118699087952657 },
    { "ising", "field=0", "triangular", "size=3,6", 0.2, 14.18512103053814, -1.250010296191783,
      0.4880030924236362 },
    { "ising", "field=0", "triangular", "size=3,6", 0.27465307216702742285, 16.51583956062817,
      -2.203362702715426, 0.8267283021025523 },
    { "ising", "field=0", "triangular", "size=3,6", 0.6, 33.10692886310441, -2.990652963918587,
      0.04156769169232213 },
    { "ising", "field=0", "triangular", "size=3,6", -0.3, 14.24192244640584, 0.5769651292371056,
      0.11790529296618 },
    { "ising", "field=0", "triangular", "size=3,6", -1.0, 24.88393885711721, 0.9713822939149787,
      0.117183039079542 },
    { "potts", "q=2", "hypercubic", "size=4,4", 0.88137358701954302523, 29.62389285106797,
      -1.782811893819159, 0.7832668259289094 },
    { "potts", "q=3", "hypercubic", "size=4,4", 1.005052538742381009, 34.17260813782421,
      -1.710062275504798, 1.511881241901605 },
    { "potts", "q=4", "hypercubic", "size=4,4", 1.0986122886681096914, 37.49893178715903,
      -1.680868888387713, 2.17797773916779 },
    { "potts", "q=3", "hypercubic", "size=5,5", 1.005052538742381009, 52.80114560169328,
      -1.688825397923618, 1.804676895034052 },
    { "potts", "q=4", "hypercubic", "size=5,5", 1.0986122886681096914, 57.83268349105549,
      -1.656304589331135, 2.677536409613838 },
    { "potts", "q=3", "hypercubic", "size=6,6", 1.005052538742381009, 75.57195180016544,
      -1.673735868806216, 2.059953072139494 },
};
/* clang-format on */

static void boxes_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        kr_error err = { 0 };
        kr_exact x;
        kr_system s =
            system_alloc(rows[k].model, rows[k].fields, rows[k].lattice, rows[k].size);
        kr_target target = system_target(&s, rows[k].beta);
        assert_ok(kr_exact_strip(&target, &x, &err), &err);
        assert_close(x.log_z, rows[k].log_z, 1e-13);
        assert_close(x.energy_per_site, rows[k].energy, 1e-13);
        assert_close(x.specific_heat, rows[k].specific_heat, 1e-12);
        system_free(&s);
    }
}

static void assert_equals_enumeration(const kr_target *target)
{
    kr_error err = { 0 };
    kr_exact x, want;
    assert_ok(kr_exact_strip(target, &x, &err), &err);
    assert_ok(kr_exact_enumerate(target, &want, &err), &err);
    assert_close(x.log_z, want.log_z, 1e-13);
    assert_close(x.energy_per_site, want.energy_per_site, 1e-12);
    assert_close(x.specific_heat, want.specific_heat, 1e-11);
}

static void every_boundary_and_disorder_equals_enumeration(void **state)
{
    (void)state;
    const char *boxes[] = { "size=4,3 boundary=antiperiodic",
                            "size=5,2 boundary=open",
                            "size=2,5 boundary=open,periodic",
                            "size=3,2,2",
                            "size=7 boundary=antiperiodic",
                            "size=3,4 boundary=periodic,antiperiodic",
                            "size=1,1",
                            "size=2" };
    const char *models[] = { "J=-0.7", "field=0.3",
                             "disorder.kind=gaussian random_field.kind=gaussian",
                             "disorder.kind=pm1 disorder.seed=9" };
    for (size_t k = 0; k < sizeof boxes / sizeof *boxes; k++) {
        for (size_t j = 0; j < sizeof models / sizeof *models; j++) {
            kr_system s = system_alloc("ising", models[j], "hypercubic", boxes[k]);
            for (double beta = -0.5; beta < 3.0; beta += 0.8) {
                kr_target target = system_target(&s, beta);
                assert_equals_enumeration(&target);
            }
            system_free(&s);
        }
    }
}

/* Any bonds at all: sites far apart stay in the frontier for long. */
static void complete_graph_with_general_tables_equals_enumeration(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_lattice *chain = system_lattice("hypercubic", "size=8", &err);
    for (int with_local = 0; with_local < 2; with_local++) {
        kr_terms *terms = kr_terms_alloc_empty(8, 3, &err);
        const double V[] = { 0.3, -1, 0.2, -1, 0.7, 0.4, 0.2, 0.4, -0.9 };
        int32_t table;
        assert_ok(kr_terms_add_table(terms, 2, V, &table, &err), &err);
        for (int32_t i = 0; i < 8; i++) {
            for (int32_t j = 0; j < i; j++) {
                const int32_t sites[] = { i, j };
                assert_ok(kr_terms_add(terms, table, sites, cos(7.0 * i + j), &err), &err);
            }
            terms->local[3 * i + 1] = with_local * sin(i);
        }
        assert_ok(kr_terms_finish(terms, &err), &err);
        kr_target target = { chain, terms, 0.8 };
        assert_equals_enumeration(&target);
        kr_terms_free(terms);
    }
    kr_lattice_free(chain);
}

static void long_strips_equal_the_closed_form(void **state)
{
    (void)state;
    const char *boxes[] = { "size=5,60", "size=60,5", "size=3,500" };
    for (int k = 0; k < 3; k++) {
        kr_error err = { 0 };
        kr_exact x, want;
        kr_system s = system_alloc("ising", "", "hypercubic", boxes[k]);
        kr_target target = system_target(&s, 0.44);
        assert_ok(kr_exact_strip(&target, &x, &err), &err);
        assert_ok(kr_exact_kaufman(&target, &want, &err), &err);
        assert_close(x.log_z, want.log_z, 1e-13);
        assert_close(x.energy_per_site, want.energy_per_site, 1e-13);
        assert_close(x.specific_heat, want.specific_heat, 1e-12);
        system_free(&s);
    }
}

static void frontier_is_counted_along_the_best_direction(void **state)
{
    (void)state;
    const struct {
        const char *fields, *size;
        double n_states;
    } cases[] = {
        { "", "size=4,4", 128 },                        /* 2 L - 1: the first site is fixed */
        { "", "size=4,4 boundary=open", 16 },           /* L */
        { "field=0.1", "size=4,4", 256 },               /* 2 L */
        { "", "size=30,4", 128 },                       /* the long side runs slowest */
        { "", "size=4,30 boundary=open", 16 },          /* */
        { "", "size=8,8 boundary=periodic,open", 256 }, /* the open side runs slowest */
        { "", "size=50", 2 },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        kr_error err = { 0 };
        double n_states;
        kr_system s = system_alloc("ising", cases[k].fields, "hypercubic", cases[k].size);
        kr_target target = system_target(&s, 1.0);
        assert_ok(kr_exact_strip_states(&target, &n_states, &err), &err);
        assert_true(n_states == cases[k].n_states);
        system_free(&s);
    }
}

static void what_it_cannot_do_is_refused_with_the_figure(void **state)
{
    (void)state;
    const struct {
        const char *size, *reason;
        double beta;
    } cases[] = { { "size=16,16", "2^31", 0.4 }, { "size=8,8", "span", 50.0 } };
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        kr_exact x;
        kr_system s = system_alloc("ising", "", "hypercubic", cases[k].size);
        kr_target target = system_target(&s, cases[k].beta);
        assert_int_equal(kr_exact_strip(&target, &x, &err), KR_EUNSUP);
        assert_non_null(strstr(err.text, cases[k].reason));
        system_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_have_their_exact_values),
        cmocka_unit_test(every_boundary_and_disorder_equals_enumeration),
        cmocka_unit_test(complete_graph_with_general_tables_equals_enumeration),
        cmocka_unit_test(long_strips_equal_the_closed_form),
        cmocka_unit_test(frontier_is_counted_along_the_best_direction),
        cmocka_unit_test(what_it_cannot_do_is_refused_with_the_figure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
