/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_kaufman.c - the Ising torus in closed form. */
#include "kr_system.h"
#include "model/exact.h"

/* clang-format off: one row per line, as in the source */
static const struct {
    int L, M;
    double beta, log_z, energy, specific_heat;
} rows[] = {
    /* reference/ising2d_torus_kaufman.csv */
    { 2, 2, 0.2, 3.1050286384008239269, -0.85184512262479770588, 0.17965513808874063926 },
    { 2, 2, 0.44, 4.3773664905252900178, -1.6956249246770977175, 0.40427823280790053437 },
    { 2, 2, 0.44068679350977151262, 4.3820266346738816123, -1.6970562748477140586,
      0.40394608794576191038 },
    { 2, 2, 0.5, 4.7977137474881507952, -1.8008253628497964518, 0.36109598754776516599 },
    { 3, 3, 0.2, 6.6697446043141075545, -0.5380991112078457069, 0.15191256354426938249 },
    { 3, 3, 0.44, 9.0102609410574743703, -1.6090179015882990468, 0.62959331826888755512 },
    { 3, 3, 0.44068679350977151262, 9.0202134009443347936, -1.6112463815311582662,
      0.6287361056464945294 },
    { 3, 3, 0.5, 9.9251503708511034994, -1.7676784658039681156, 0.51966270620060805529 },
    { 9, 9, 0.2, 59.497049786202302501, -0.42826726119548785465, 0.097734996828863824002 },
    { 9, 9, 0.44, 75.863913744724110704, -1.4787974284213701552, 1.2099662119330719679 },
    { 9, 9, 0.44068679350977151262, 75.946298792801992687, -1.4830762449910184767,
      1.2060827039900209446 },
    { 9, 9, 0.5, 83.783006724703439215, -1.7454888564577080726, 0.71998869931413248974 },
    { 16, 16, 0.2, 188.0398879559831692, -0.42822883871170159254, 0.097652199902251993954 },
    { 16, 16, 0.44, 238.38724720423961234, -1.4477434648277285843, 1.5059886025415226045 },
    { 16, 16, 0.44068679350977151262, 238.6422566351328865, -1.4530648528134770628,
      1.4987049594000261016 },
    { 16, 16, 0.5, 263.29621043402121762, -1.7455306689909190951, 0.72550876773656415436 },
    { 32, 32, 0.2, 752.15955177095787018, -0.42822883324034807015, 0.097652177588479799614 },
    { 32, 32, 0.44, 951.6421264092632411, -1.427090607709772895, 1.8615219679154036374 },
    { 32, 32, 0.44068679350977151262, 952.64807954854280205, -1.4336584661462482776,
      1.846767590039558889 },
    { 32, 32, 0.5, 1051.1049876145168406, -1.7455645270345736123, 0.72487397819868378076 },
    { 64, 64, 0.2, 3008.6382070838314805, -0.42822883324034805783, 0.097652177588479695168 },
    { 64, 64, 0.44, 3804.6775594439912373, -1.4161212788304277644, 2.2204979816209606105 },
    { 64, 64, 0.44068679350977151262, 3808.6722834198092389, -1.4239383898330108794,
      2.1922113931405710731 },
    { 64, 64, 0.5, 4202.3405079789426231, -1.7455645753125222153, 0.72487144860516334619 },
    { 128, 128, 0.2, 12034.552828335325922, -0.42822883324034805783, 0.097652177588479695168 },
    { 128, 128, 0.44, 15216.852171724162994, -1.4099960287008870425, 2.5853347457933649255 },
    { 128, 128, 0.44068679350977151262, 15232.769323338784149, -1.4190762720849852469,
      2.5363313351086028773 },
    { 128, 128, 0.5, 16807.282590374089505, -1.7455645753125539646, 0.72487144860157392778 },
    { 2, 4, 0.2, 6.0447170024174387354, -0.64859446917449267713, 0.14832651462257476499 },
    { 2, 4, 0.44, 8.1933518191347587274, -1.5610519500763012735, 0.57207512925504481037 },
    { 2, 4, 0.44068679350977151262, 8.2019343511942220079, -1.5630781478860524224,
      0.57203459964618425231 },
    { 2, 4, 0.5, 8.9812225690776837839, -1.7134756254766457702, 0.53295838357975090679 },
    { 3, 4, 0.2, 8.8601826033188169684, -0.496005025271426329, 0.13514882868207057504 },
    { 3, 4, 0.44, 11.807725945372806514, -1.5763657148436039112, 0.70668928164156031595 },
    { 3, 4, 0.44068679350977151262, 11.820727913610178488, -1.5788671179282457086,
      0.70574778111176023707 },
    { 3, 4, 0.5, 13.011454798536869335, -1.7537511684939749758, 0.57534741650982235582 },
    { 8, 16, 0.2, 94.020118540570109731, -0.42829788926011608901, 0.097781453030655458313 },
    { 8, 16, 0.44, 119.58874069928064556, -1.4522307201563441172, 1.3092998116214132297 },
    { 8, 16, 0.44068679350977151262, 119.71660949934000704, -1.4568639873806683642,
      1.306877418656380194 },
    { 8, 16, 0.5, 132.00545557926877401, -1.7420676005849423485, 0.75678037033744343844 },
    { 5, 10, 0.2, 36.732351194157292399, -0.4317045483070250981, 0.1012658854218892667 },
    { 5, 10, 0.44, 47.155314344248091021, -1.4776058343012716245, 1.0670395653628710841 },
    { 5, 10, 0.44068679350977151262, 47.206119749238481053, -1.481383008803792904,
      1.065761893821999976 },
    { 5, 10, 0.5, 52.011206135468565367, -1.7341262720939651605, 0.75683353375926105485 },
    { 16, 32, 0.2, 376.07977589872181469, -0.42822883597575715353, 0.097652188743630316994 },
    { 16, 32, 0.44, 476.21345704349683888, -1.4298046954092685996, 1.6615554690246536515 },
    { 16, 32, 0.44068679350977151262, 476.71726531999305119, -1.435680804066571604,
      1.6562810902827308802 },
    { 16, 32, 0.5, 525.89964358336509345, -1.7454518413652644285, 0.72764948319210552371 },
    { 32, 64, 0.2, 1504.3191035419157403, -0.42822883324034806399, 0.097652177588479747391 },
    { 32, 64, 0.44, 1902.7295377791113681, -1.4178531932481552554, 2.0124592966421407473 },
    { 32, 64, 0.44068679350977151262, 1904.7288314876991923, -1.424964240596261334,
      2.0022014006536454551 },
    { 32, 64, 0.5, 2101.5168284073367491, -1.7455644869445554812, 0.72487627725499935365 },
    { 16, 16, 0.44, 238.387247, NAN, NAN }, /* reference/README.md */
};
/* clang-format on */

static kr_exact solve(const kr_system *s, double beta)
{
    kr_error err = { 0 };
    kr_exact x;
    kr_target target = system_target(s, beta);
    assert_ok(kr_exact_kaufman(&target, &x, &err), &err);
    return x;
}

static kr_exact kaufman(const char *model, const char *text, int L, int M, double beta)
{
    char size[64];
    snprintf(size, sizeof size, "size=%d,%d", L, M);
    kr_system s = system_alloc(model, text, "hypercubic", size);
    kr_exact x = solve(&s, beta);
    system_free(&s);
    return x;
}

static void tori_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        kr_exact x = kaufman("ising", "", rows[k].L, rows[k].M, rows[k].beta);
        if (isnan(rows[k].energy)) {
            assert_true(fabs(x.log_z - rows[k].log_z) < 5e-7);
            continue;
        }
        assert_close(x.log_z, rows[k].log_z, 2e-14);
        assert_close(x.energy_per_site, rows[k].energy, 1e-13);
        assert_close(x.specific_heat, rows[k].specific_heat, 1e-12);
    }
}

/* Central difference of fourth order. */
static double slope(const double f[5], double h)
{
    return (f[0] - 8.0 * f[1] + 8.0 * f[3] - f[4]) / (12.0 * h);
}

static void derivatives_agree_with_differences_on_large_tori(void **state)
{
    (void)state;
    const double n = 512.0 * 512.0, h = 1e-4;
    const double betas[] = { 0.05, 0.43, 0.44068679350977151262, 0.445, 1.5 };
    kr_system s = system_alloc("ising", "", "hypercubic", "size=512,512");
    for (int k = 0; k < 5; k++) {
        double log_z[5], energy[5];
        kr_exact middle = { 0 };
        for (int j = 0; j < 5; j++) {
            kr_exact x = solve(&s, betas[k] + (j - 2) * h);
            log_z[j] = x.log_z / n;
            energy[j] = x.energy_per_site;
            middle = j == 2 ? x : middle;
        }
        double heat = -betas[k] * betas[k] * slope(energy, h);
        /* at the critical point ln Z varies on the scale 1/L, ten steps: the differences
         * themselves are good to the tolerances below */
        assert_close(middle.energy_per_site, -slope(log_z, h), 1e-6);
        assert_close(middle.specific_heat, heat, 1e-3);
    }
    system_free(&s);
}

static void large_critical_torus_tends_to_onsager(void **state)
{
    (void)state;
    /* corrections to -sqrt 2 fall as 1/L; specific heat grows as (8/pi) K^2 ln L */
    double beta = 0.44068679350977151262, e[3], c[3];
    for (int k = 0; k < 3; k++) {
        kr_exact x = kaufman("ising", "", 64 << k, 64 << k, beta);
        e[k] = x.energy_per_site + 1.41421356237309504880;
        c[k] = x.specific_heat;
    }
    assert_close(e[0] / e[1], 2.0, 1e-4);
    assert_close(e[1] / e[2], 2.0, 1e-4);
    assert_close(c[2] - c[1], 8.0 / M_PI * beta * beta * M_LN2, 1e-3);
}

static void extreme_couplings_stay_finite(void **state)
{
    (void)state;
    kr_exact hot = kaufman("ising", "", 8, 6, 0.0);
    assert_close(hot.log_z, 48.0 * M_LN2, 1e-15);
    assert_true(hot.energy_per_site == 0.0 && hot.specific_heat == 0.0);
    /* <H>/N = -2 K to first order */
    assert_close(kaufman("ising", "", 8, 6, 1e-3).energy_per_site, -2e-3, 1e-8);
    kr_exact cold = kaufman("ising", "", 8, 6, 250.0);
    assert_close(cold.log_z, 250.0 * 96.0 + M_LN2, 1e-14);
    assert_close(cold.energy_per_site, -2.0, 1e-14);
    assert_close(cold.specific_heat, 0.0, 1e-8);
}

static void two_state_potts_is_ising_at_half_the_coupling(void **state)
{
    (void)state;
    /* reference/potts2d_small.csv, 4x4 at beta_c */
    kr_exact x = kaufman("potts", "q=2", 4, 4, 0.88137358701954302523);
    assert_close(x.log_z, 29.62389285106797, 1e-14);
    assert_close(x.energy_per_site, -1.782811893819159, 1e-13);
    assert_close(x.specific_heat, 0.7832668259289094, 1e-12);
}

static void antiferromagnet_on_even_sides_equals_the_ferromagnet(void **state)
{
    (void)state;
    kr_exact ferro = kaufman("ising", "J=1.5", 6, 4, 0.3);
    kr_exact anti = kaufman("ising", "J=-1.5", 6, 4, 0.3);
    assert_true(anti.log_z == ferro.log_z && anti.energy_per_site == ferro.energy_per_site);
    assert_true(anti.specific_heat == ferro.specific_heat);
}

static void other_systems_are_refused_with_a_reason(void **state)
{
    (void)state;
    const struct {
        const char *model, *fields, *lattice, *size, *reason;
    } cases[] = {
        { "ising", "J=-1", "hypercubic", "size=5,4", "even" },
        { "ising", "field=0.1", "hypercubic", "size=4,4", "field" },
        { "ising", "disorder.kind=pm1", "hypercubic", "size=4,4", "equal" },
        { "ising", "", "hypercubic", "size=4,4 boundary=open", "periodic" },
        { "ising", "", "hypercubic", "size=4,4 boundary=antiperiodic", "periodic" },
        { "ising", "", "hypercubic", "size=4,1", "sides" },
        { "ising", "", "hypercubic", "size=4,4,4", "3 dimensions" },
        { "ising", "", "triangular", "size=4,4", "triangular" },
        { "potts", "q=3", "hypercubic", "size=4,4", "two states" },
        { "ising", "J=1000", "hypercubic", "size=4,4", "300" },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        kr_error err = { 0 };
        kr_exact x;
        kr_system s =
            system_alloc(cases[k].model, cases[k].fields, cases[k].lattice, cases[k].size);
        kr_target target = system_target(&s, 0.5);
        assert_int_equal(kr_exact_kaufman(&target, &x, &err), KR_EUNSUP);
        if (!strstr(err.text, cases[k].reason)) {
            fail_msg("'%s' does not name '%s'", err.text, cases[k].reason);
        }
        system_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tori_have_their_exact_values),
        cmocka_unit_test(derivatives_agree_with_differences_on_large_tori),
        cmocka_unit_test(large_critical_torus_tends_to_onsager),
        cmocka_unit_test(extreme_couplings_stay_finite),
        cmocka_unit_test(two_state_potts_is_ising_at_half_the_coupling),
        cmocka_unit_test(antiferromagnet_on_even_sides_equals_the_ferromagnet),
        cmocka_unit_test(other_systems_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
