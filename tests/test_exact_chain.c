/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_exact_chain.c - real-valued chains and rings by transfer matrices. */
#include "kr_system.h"
#include "model/exact_chain.h"

#define PNAS_10 "convention=pnas a=0.1"

/* clang-format off: one row per line, as in the source */
static const struct {
    const char *fields, *size;
    double beta, log_z, phi_2, phi_4, m_2, abs_m, binder, m, neighbor, half, middle, positive;
} rows[] = {
    /* reference/phi4_1d_chain.csv; NAN: not given there. Its <|m|> of the canonical rows are
       up to 2e-7 off: here by 2/pi int (1 - Re <exp(itm)>)/t^2 dt, Gauss quadrature in t; its
       G(8) of the last row, 1.0967e-4, is 1.09613305e-4 by powers of another grid */
    { "convention=pnas a=0.1", "size=100", 10, -144.4624594, 0.9230214191, 0.9877644773,
      0.8898679235, 0.9399419804, 0.65739980, 0, 0.9183451344, 0.8836643403, NAN, 0.5 },
    { "convention=pnas a=0.1 ends=zero", "size=100 boundary=open", 10, -152.8933166870,
      0.6509260296, 0.6159572859, 0.5492762382, 0.7343184879, 0.64513866, 0, NAN, NAN,
      0.9062193722, 0.5 },
    { "convention=pnas a=0.1", "size=100", 20, -179.2638014, 0.9633372782, 0.9972741272,
      0.9475852612, 0.9720143595, 0.66280673, 0, 0.9610069625, 0.9448592502, NAN, 0.5 },
    { "convention=pnas a=0.1 ends=zero", "size=100 boundary=open", 20, -196.9122208055,
      0.6922332485, 0.6296316000, 0.6110217013, 0.7793946286, 0.65905239, 0, NAN, NAN,
      0.9542104365, 0.5 },
    { "convention=pnas a=0.1 ends=zero", "size=10 boundary=open", 20, -24.17318112,
      0.7901722541, 0.7260278488, 0.7535981233, 0.8660298343, 0.66043308, 0, NAN, NAN, NAN,
      0.5 },
    { "convention=pnas a=0.1 b=0.01 ends=zero", "size=100 boundary=open", 20, -195.9961972398,
      0.7021642834, NAN, NAN, NAN, NAN, -0.7203503259, NAN, NAN, NAN, 0.0423936416 },
    { "convention=pnas a=0.1 b=0.02 ends=zero", "size=100 boundary=open", 20, -194.4578400954,
      0.7136830793, NAN, NAN, NAN, NAN, -0.7902110990, NAN, NAN, NAN, 0.0019576859 },
    { "m2=1 lambda=1", "size=32", 1, 0.01723015699, 0.153857256, 0.06282049938, 0.008611491433,
      0.07414290901, 0.01072249, 0, 0.04360638332, 5.34e-10, NAN, NAN },
    { "m2=1 lambda=1 ends=zero", "size=32 boundary=open", 1, -0.02511911928, 0.1531567762,
      0.06231177357, 0.008406569907, 0.07325331776, 0.01049399, 0, NAN, NAN, 0.153857256, NAN },
    { "m2=-1 lambda=1", "size=64", 1, 29.01043667, 0.3448886083, 0.2564807642, 0.01703492243,
      0.10450916879, 0.02778136, 0, 0.1789250684, 5.60e-10, NAN, NAN },
    { "m2=-1 lambda=1 ends=zero", "size=64 boundary=open", 1, 28.84166409, 0.3425115864,
      0.2536939055, 0.01654214274, 0.10298150692, 0.02739447, 0, NAN, NAN, 0.3448886083, NAN },
    { "m2=-2 lambda=0.5", "size=32", 1, 56.67794809, 1.73947288, 3.758642001, 1.439492415,
      1.15847045484, 0.62235293, 0, 1.629321, 1.330229438, NAN, NAN },
    { "m2=-2 lambda=0.5 ends=zero", "size=32 boundary=open", 1, 54.71657126, 1.647436719,
      3.485129889, 1.051069014, 0.94069983813, 0.54446266, 0, NAN, NAN, 1.713060602, NAN },
    { "m2=-4 lambda=6.975", "size=16", 1, 7.63835191, 0.2000759148, 0.0748101905, 0.02648520892,
      0.13124701378, 0.08015091, 0, 0.07172516395, 1.0961330e-4, NAN, NAN },
    /* reference/phi4_2d_small.csv: a ring of four sites, bonds doubled. chi of its last row,
       2.7278815, and <phi^4>, 0.929543102, are 2e-6 and 1e-5 off: they do not obey the
       Schwinger-Dyson equation, these do */
    { "m2=-4 lambda=6.975", "size=2,2", 1, 1.17318471078, 0.19562621, 0.0711283841,
      0.5442096 / 4, NAN, NAN, 0, NAN, NAN, NAN, NAN },
    { "m2=-4 lambda=8", "size=2,2", 1, 0.914433978425, 0.171434423, 0.0561695839,
      0.45048163 / 4, NAN, NAN, 0, NAN, NAN, NAN, NAN },
    { "m2=1 lambda=1", "size=2,2", 1, -0.680230025669, 0.130146127, 0.0459554437,
      0.29408502 / 4, NAN, NAN, 0, NAN, NAN, NAN, NAN },
    { "m2=-1 lambda=0.5", "size=2,2", 1, 1.99723041983, 0.747510445, 0.929553655,
      2.72788731 / 4, NAN, NAN, 0, NAN, NAN, NAN, NAN },
};
/* clang-format on */

/* The tables have 7 to 10 digits. */
static void assert_digits(double x, double want, double unit)
{
    if (!isnan(want)) {
        assert_close(x, want, unit);
    }
}

static double mean_of(const kr_target *target, int32_t i, int32_t power, int32_t j, int32_t n)
{
    kr_error err = { 0 };
    const kr_chain_factor factor[] = { { i, power }, { j, 1 } };
    double mean = NAN;
    assert_ok(kr_exact_chain_mean(target, factor, n, INFINITY, &mean, &err), &err);
    return mean;
}

static void chains_have_their_exact_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        kr_error err = { 0 };
        kr_exact x;
        kr_system s = system_alloc("phi4", rows[k].fields, "hypercubic", rows[k].size);
        kr_target target = system_target(&s, rows[k].beta);
        /* those of squares come from differences of log Z */
        const double digits = s.lattice->dim == 2 ? 1e-7 : 2e-8;
        const int32_t middle = s.lattice->n_sites / 2;
        assert_ok(kr_exact_chain(&target, 1e12, &x, &err), &err);
        assert_digits(x.log_z, rows[k].log_z, 5e-10);
        assert_digits(x.phi_squared, rows[k].phi_2, digits);
        assert_digits(x.phi_fourth, rows[k].phi_4, digits);
        assert_digits(x.magnetization_squared, rows[k].m_2, digits);
        assert_digits(x.abs_magnetization, rows[k].abs_m, 1e-9);
        assert_digits(x.binder, rows[k].binder, 2e-8);
        assert_digits(x.magnetization, rows[k].m, 1e-9);
        assert_digits(x.neighbor_product, rows[k].neighbor, 1e-9);
        if (!isnan(rows[k].half)) {
            assert_close(mean_of(&target, 0, 1, middle, 2), rows[k].half, 1e-8);
        }
        if (!isnan(rows[k].middle)) {
            assert_close(mean_of(&target, middle - 1, 2, 0, 1), rows[k].middle, 1e-8);
        }
        if (!isnan(rows[k].positive)) {
            assert_close(mean_of(&target, middle, KR_CHAIN_POSITIVE, 0, 1), rows[k].positive,
                         1e-9);
        }
        system_free(&s);
    }
}

/* An action of three sites with nothing equal. */
static int build_three(const void *params, const kr_lattice *lattice, kr_terms *terms,
                       kr_error *err)
{
    (void)params;
    kr_quartic q;
    KR_TRY(kr_quartic_init(&q, lattice, 0.4, err));
    for (int32_t i = 0; i < 3; i++) {
        q.square[i] -= 0.5 + 0.3 * i;
        q.linear[i] = 0.2 * i - 0.15;
    }
    /* couplings 01, 02, 10, 12, 20, 21 */
    q.coupling[0] = q.coupling[2] = 0.3;
    q.coupling[1] = q.coupling[4] = -0.8;
    q.coupling[3] = q.coupling[5] = 1.1;
    q.quartic = 0.6;
    q.constant = 0.7;
    return kr_terms_take_quartic(terms, &q, err);
}

static kr_system three(void)
{
    static const kr_model_plug plug = { .name = "three", .build = build_three };
    kr_error err = { 0 };
    kr_system s = { .lattice = system_lattice("complete", "size=3 weight=1", &err) };
    assert_non_null(s.lattice);
    s.terms = kr_terms_alloc(&plug, NULL, s.lattice, &err);
    assert_non_null(s.terms);
    return s;
}

/* All members by a sum over a cube of values. */
static kr_exact by_cube(const kr_system *s, double beta)
{
    enum { N = 121 };
    const kr_action *action = s->terms->action;
    const double h = 0.06;
    double phi[3 * KR_LANES_PAD] = { 0 }, energy[KR_LANES_PAD], x[8] = { 0 };
    for (int k = 0; k < N * N * N; k++) {
        const double v[3] = { (k % N - N / 2) * h, (k / N % N - N / 2) * h,
                              (k / N / N - N / 2) * h };
        for (int i = 0; i < 3; i++) {
            phi[i * KR_LANES_PAD] = v[i];
        }
        action->energy(action->self, 1, phi, KR_LANES_PAD, energy);
        const double w = exp(-beta * energy[0]) * h * h * h, m = (v[0] + v[1] + v[2]) / 3.0;
        const double term[] = { 1.0,
                                energy[0],
                                energy[0] * energy[0],
                                m,
                                m * m,
                                m * m * m * m,
                                (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) / 3.0,
                                (v[0] * v[1] + v[0] * v[2] + v[1] * v[2]) / 3.0 };
        for (int t = 0; t < 8; t++) {
            x[t] += w * term[t];
        }
    }
    for (int t = 1; t < 8; t++) {
        x[t] /= x[0];
    }
    return (kr_exact){ .log_z = log(x[0]),
                       .energy_per_site = x[1] / 3.0,
                       .specific_heat = beta * beta * (x[2] - x[1] * x[1]) / 3.0,
                       .magnetization = x[3],
                       .magnetization_squared = x[4],
                       .magnetization_fourth = x[5],
                       .phi_squared = x[6],
                       .neighbor_product = x[7],
                       .susceptibility = 3.0 * beta * (x[4] - x[3] * x[3]) };
}

static void three_unequal_sites_equal_the_sum_over_a_cube(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x;
    kr_system s = three();
    kr_target target = system_target(&s, 1.3);
    const kr_exact want = by_cube(&s, 1.3);
    assert_ok(kr_exact_chain(&target, 1e12, &x, &err), &err);
    assert_close(x.log_z, want.log_z, 1e-9);
    assert_close(x.energy_per_site, want.energy_per_site, 1e-9);
    assert_close(x.specific_heat, want.specific_heat, 1e-9);
    assert_close(x.magnetization, want.magnetization, 1e-9);
    assert_close(x.magnetization_squared, want.magnetization_squared, 1e-9);
    assert_close(x.magnetization_fourth, want.magnetization_fourth, 1e-9);
    assert_close(x.phi_squared, want.phi_squared, 1e-9);
    assert_close(x.neighbor_product, want.neighbor_product, 1e-9);
    assert_close(x.susceptibility, want.susceptibility, 1e-9);
    system_free(&s);
}

/* beta <phi_i dS/dphi_i> = 1 */
static void means_obey_the_schwinger_dyson_equation(void **state)
{
    (void)state;
    const char *const boundary[] = { "size=6 boundary=periodic", "size=6 boundary=open",
                                     "size=6 boundary=antiperiodic" };
    for (int k = 0; k < 3; k++) {
        const double beta = 0.8, h = 0.2, m2 = -1.2, lambda = 0.7;
        kr_error err = { 0 };
        kr_exact x;
        kr_system s =
            system_alloc("phi4", "m2=-1.2 lambda=0.7 field=0.2", "hypercubic", boundary[k]);
        kr_target target = system_target(&s, beta);
        assert_ok(kr_exact_chain(&target, 1e12, &x, &err), &err);
        const double n_bonds = (double)s.lattice->n_bonds;
        double squares = 2.0 * m2 * x.phi_squared;
        if (k != 1) { /* every site has two bonds */
            squares += 4.0 * x.phi_squared;
        } else {
            for (int32_t i = 0; i < 6; i++) {
                squares += mean_of(&target, i, 2, 0, 1) * (i % 5 ? 4.0 : 2.0) / 6.0;
            }
        }
        assert_close(beta * (squares + 4.0 * lambda * x.phi_fourth - h * x.magnetization -
                             4.0 * n_bonds / 6.0 * x.neighbor_product),
                     1.0, 1e-8);
        system_free(&s);
    }
}

static void energies_are_derivatives_of_log_z(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_exact x[3];
    const double beta = 0.9, d = 1e-3;
    kr_system s = system_alloc("phi4", "m2=-2 lambda=1 field=0.1", "hypercubic", "size=5");
    for (int k = 0; k < 3; k++) {
        kr_target target = system_target(&s, beta + (k - 1) * d);
        assert_ok(kr_exact_chain(&target, 1e12, &x[k], &err), &err);
    }
    assert_close(x[1].energy_per_site, -(x[2].log_z - x[0].log_z) / (2 * d) / 5, 1e-6);
    assert_close(x[1].specific_heat,
                 beta * beta * (x[0].energy_per_site - x[2].energy_per_site) / (2 * d), 1e-6);
    system_free(&s);
}

static void other_shapes_and_too_much_work_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *size, *text;
        double work;
    } cases[] = { { "size=3,3", "site 0 is coupled to 4 sites", 1e12 },
                  { "size=64", "multiplications", 1e6 } };
    for (size_t k = 0; k < 2; k++) {
        kr_error err = { 0 };
        kr_exact x;
        kr_system s = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", cases[k].size);
        kr_target target = system_target(&s, 1.0);
        assert_int_equal(kr_exact_chain(&target, cases[k].work, &x, &err), KR_EUNSUP);
        assert_non_null(strstr(err.text, cases[k].text));
        system_free(&s);
    }
    kr_error err = { 0 };
    double mean;
    kr_system s = system_alloc("phi4", "m2=1 lambda=1", "hypercubic", "size=4");
    kr_target target = system_target(&s, 1.0);
    const kr_chain_factor twice[] = { { 1, 1 }, { 1, 2 } };
    assert_int_equal(kr_exact_chain_mean(&target, twice, 2, INFINITY, &mean, &err), KR_EINVAL);
    system_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_have_their_exact_values),
        cmocka_unit_test(three_unequal_sites_equal_the_sum_over_a_cube),
        cmocka_unit_test(means_obey_the_schwinger_dyson_equation),
        cmocka_unit_test(energies_are_derivatives_of_log_z),
        cmocka_unit_test(other_shapes_and_too_much_work_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
