/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_quantity.c - quantities of a configuration are those of the observables. */
#include "base/rng.h"
#include "model/block.h"
#include "model/quantity.h"
#include "tiny.h"

enum { STATES_MAX = 512, COLUMNS_MAX = 16 };

static const kr_observable_plug *observable(const char *name)
{
    int k = 0;
    while (strcmp(kr_registry_observables[k]->name, name) != 0) {
        k++;
    }
    return kr_registry_observables[k];
}

/* Compares the columns of an observable with the quantities of the same name, on every
 * configuration; bit s of the result: quantity s was met. */
static unsigned compare(const char *name, const tiny *system)
{
    kr_error err = { 0 };
    const kr_observable_plug *plug = observable(name);
    kr_target target = { system->lattice, system->terms, 1.0 };
    unsigned met = 0;
    if (plug->supports && !plug->supports(&target, NULL, &err)) {
        return met;
    }
    kr_block *block = kr_block_alloc(system->terms, 1, 0, 0, &err);
    for (int64_t x = 0; x < system->n_states; x++) {
        void *self = plug->alloc(&target, NULL, 1, &err); /* afresh: no memory of a phase */
        int32_t n;
        const kr_column *column = plug->columns(self, &n);
        double out[COLUMNS_MAX], value[KR_QUANTITIES_MAX];
        tiny_decode(system, x, block->state, 1);
        block->energy[0] = system->energy[x];
        block->has_count = 0;
        kr_block_count(block);
        plug->measure(self, block, out);
        kr_quantity_values(system->terms, block->energy[0], block->count, value);
        for (int32_t k = 0; k < kr_quantities(system->terms); k++) {
            char text[KR_QUANTITY_NAME];
            kr_column quantity = kr_quantity_column(system->terms, k, text);
            for (int32_t c = 0; c < n; c++) {
                if (strcmp(column[c].name, quantity.name) == 0) {
                    assert_true(out[c] == value[k]);
                    assert_string_equal(column[c].unit, quantity.unit);
                    met |= 1u << k;
                }
            }
        }
        plug->free(self);
    }
    kr_block_free(block);
    return met;
}

static void quantities_are_the_columns_of_their_names(void **state)
{
    (void)state;
    static const char *const row[][3] = {
        { "ising", "{field: 0.3}", "{size: [3, 3]}" },
        { "potts", "{q: 4}", "{size: [2, 2]}" },
        { "blume_capel", "{D: 1.9}", "{size: [2, 2]}" },
        { "clock", "{q: 5}", "{size: [3]}" },
        { "ashkin_teller", "{}", "{size: [2, 2]}" },
    };
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        kr_error err = { 0 };
        tiny *system = tiny_alloc(tiny_model(row[r][0]), row[r][1], tiny_lattice("hypercubic"),
                                  row[r][2], STATES_MAX, &err);
        if (!system) {
            fail_msg("%s", err.text);
            return;
        }
        unsigned met = compare("energy", system) | compare("magnetization", system) |
                       compare("residence", system);
        assert_true(system->terms->n_phases == 1 ||
                    met == (1u << kr_quantities(system->terms)) - 1);
        tiny_free(system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantities_are_the_columns_of_their_names),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
