/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_state.c - state tables: names, prefixes, sizes. */
#include "kr_test.h"

#include "base/state.h"

static int make(void **state)
{
    *state = kr_state_alloc(NULL);
    return *state ? 0 : -1;
}

static int drop(void **state)
{
    kr_state_free(*state);
    return 0;
}

static void sizes_of_types_are_those_of_c(void **state)
{
    (void)state;
    assert_int_equal(kr_state_dtype_size(KR_U8), 1);
    assert_int_equal(kr_state_dtype_size(KR_I32), sizeof(int32_t));
    assert_int_equal(kr_state_dtype_size(KR_U32), sizeof(uint32_t));
    assert_int_equal(kr_state_dtype_size(KR_I64), sizeof(int64_t));
    assert_int_equal(kr_state_dtype_size(KR_U64), sizeof(uint64_t));
    assert_int_equal(kr_state_dtype_size(KR_F32), sizeof(float));
    assert_int_equal(kr_state_dtype_size(KR_F64), sizeof(double));
    assert_int_equal(kr_state_dtype_size((kr_dtype)99), 0);
}

static void names_are_unique_within_their_prefixes(void **state)
{
    kr_error err = { 0 };
    double x = 0.0;
    assert_ok(kr_state_add(*state, "energy", KR_F64, 1, &x, &err), &err);
    assert_ok(kr_state_push(*state, "chain", &err), &err);
    assert_ok(kr_state_add(*state, "energy", KR_F64, 1, &x, &err), &err);
    assert_ok(kr_state_push(*state, "rng", &err), &err);
    assert_ok(kr_state_add(*state, "energy", KR_F64, 1, &x, &err), &err);
    assert_int_equal(kr_state_add(*state, "energy", KR_F64, 1, &x, &err), KR_EINVAL);
    assert_string_equal(err.text,
                        "state row \"chain/rng/energy\" is there already, want another name");
    kr_state_pop(*state);
    assert_int_equal(kr_state_add(*state, "energy", KR_F64, 1, &x, NULL), KR_EINVAL);
    kr_state_pop(*state);
    assert_int_equal(kr_state_add(*state, "energy", KR_F64, 1, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_state_add(*state, "chain/energy", KR_F64, 1, &x, NULL), KR_EINVAL);
    kr_state_pop(*state); /* one too many changes nothing */
    assert_ok(kr_state_add(*state, "magnetization", KR_F64, 1, &x, NULL), &err);
}

static void thousands_of_rows_stay_apart(void **state)
{
    kr_error err = { 0 };
    uint8_t byte = 0;
    char name[32];
    size_t bytes = kr_state_bytes(*state);
    for (int k = 0; k < 20000; k++) {
        snprintf(name, sizeof name, "row%05d", k);
        assert_ok(kr_state_add(*state, name, KR_U8, 1, &byte, &err), &err);
        bytes += 2 + 8 + 1 + 8 + 1;
    }
    assert_int_equal(kr_state_bytes(*state), bytes);
    for (int k = 0; k < 20000; k += 37) {
        snprintf(name, sizeof name, "row%05d", k);
        assert_int_equal(kr_state_add(*state, name, KR_U8, 1, &byte, NULL), KR_EINVAL);
    }
}

static void senseless_rows_are_refused(void **state)
{
    double x = 0.0;
    char name[KR_STATE_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(kr_state_add(*state, "", KR_F64, 1, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_state_add(*state, name, KR_F64, 1, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_state_add(*state, "x", (kr_dtype)7, 1, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_state_add(*state, "x", KR_F64, SIZE_MAX / 8 + 1, &x, NULL), KR_EINVAL);
    assert_int_equal(kr_state_add(*state, "x", KR_F64, 1, NULL, NULL), KR_EINVAL);
    assert_int_equal(kr_state_add(*state, "x", KR_F64, 0, NULL, NULL), KR_OK);
    assert_int_equal(kr_state_add(*state, name + 1, KR_F64, 1, &x, NULL), KR_OK);
    assert_int_equal(kr_state_push(*state, "", NULL), KR_EINVAL);
    assert_int_equal(kr_state_push(*state, name, NULL), KR_EINVAL);
    for (int k = 0; k < KR_STATE_PREFIXES_MAX; k++) {
        assert_int_equal(kr_state_push(*state, "p", NULL), KR_OK);
    }
    assert_int_equal(kr_state_push(*state, "p", NULL), KR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_types_are_those_of_c),
        cmocka_unit_test_setup_teardown(names_are_unique_within_their_prefixes, make, drop),
        cmocka_unit_test_setup_teardown(thousands_of_rows_stay_apart, make, drop),
        cmocka_unit_test_setup_teardown(senseless_rows_are_refused, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
