/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_runfile_set.c - --set: what it changes, what it refuses. */
#include "kr_test.h"

#include "base/runfile.h"

static const char source[] = "model: {name: potts, q: 20}\n"
                             "beta: 1.69\n"
                             "updates:\n"
                             "  - {name: heat_bath, sweeps: 5}\n"
                             "  - {name: wolff}\n"
                             "observables: []\n"
                             "training:\n";

static int load(void **state)
{
    *state = kr_runfile_parse("run.yaml", source, sizeof source - 1, NULL);
    return *state ? 0 : -1;
}

static int unload(void **state)
{
    kr_runfile_free(*state);
    return 0;
}

/* The tree as text after one --set. */
static void assert_set(kr_runfile *file, const char *assignment, const kr_node *at,
                       const char *want)
{
    kr_error err = { 0 };
    kr_text text = { 0 };
    assert_ok(kr_runfile_set(file, assignment, &err), &err);
    assert_ok(kr_node_write(at ? at : file->root, 0, &text, &err), &err);
    assert_string_equal(text.data, want);
    kr_text_clear(&text);
}

static void set_replaces_values_by_path_and_index(void **state)
{
    kr_runfile *file = *state;
    assert_set(file, "updates.0.sweeps=3", kr_node_get(file->root, "updates"),
               "- name: heat_bath\n  sweeps: 3\n- name: wolff\n");
    assert_set(file, "updates.1={name: metropolis}", kr_node_get(file->root, "updates"),
               "- name: heat_bath\n  sweeps: 3\n- name: metropolis\n");
    assert_set(file, "model.q=1e1", kr_node_get(file->root, "model"), "name: potts\nq: 1e1\n");
    assert_set(file, "observables=[energy, 'x=y']", NULL,
               "model:\n  name: potts\n  q: 1e1\nbeta: 1.69\nupdates:\n  - name: heat_bath\n"
               "    sweeps: 3\n  - name: metropolis\nobservables: [energy, \"x=y\"]\n"
               "training:\n");
}

static void set_makes_missing_keys_and_maps(void **state)
{
    kr_runfile *file = *state;
    kr_node *model = kr_node_get(file->root, "model");
    assert_set(file, "model.field={from: 0, to: 1, count: 5}", model,
               "name: potts\nq: 20\nfield:\n  from: 0\n  to: 1\n  count: 5\n");
    assert_set(file, "model.disorder.law.kind=pm1", kr_node_get(file->root, "model"),
               "name: potts\nq: 20\nfield:\n  from: 0\n  to: 1\n  count: 5\n"
               "disorder:\n  law:\n    kind: pm1\n");
    kr_error err = { 0 };
    assert_ok(kr_runfile_set(file, "training.target_ess=0.5", &err), &err);
    assert_ok(kr_runfile_set(file, "densities.net={name: made}", &err), &err);
    assert_string_equal(kr_node_get(kr_node_get(file->root, "training"), "target_ess")->text,
                        "0.5");
    assert_string_equal(
        kr_node_get(kr_node_get(kr_node_get(file->root, "densities"), "net"), "name")->text,
        "made");
}

static void set_survives_hundreds_of_new_keys(void **state)
{
    kr_runfile *file = *state;
    kr_error err = { 0 };
    char text[64];
    for (int k = 0; k < 500; k++) {
        snprintf(text, sizeof text, "densities.net%d.hidden=%d", k, k);
        assert_ok(kr_runfile_set(file, text, &err), &err);
    }
    const kr_node *densities = kr_node_get(file->root, "densities");
    assert_int_equal(densities->n, 500);
    assert_string_equal(kr_node_get(kr_node_get(densities, "net499"), "hidden")->text, "499");
}

static void errors_about_set_values_name_the_set(void **state)
{
    kr_runfile *file = *state;
    kr_error err = { 0 };
    double value;
    assert_ok(kr_runfile_set(file, "beta=[0.4, 0.5x]", &err), &err);
    const kr_node *bad = kr_node_get(file->root, "beta")->child[1];
    assert_int_equal(kr_node_real(file, bad, "beta", &value, &err), KR_EPARSE);
    assert_string_equal(err.text, "--set beta=[0.4, 0.5x]: beta = 0.5x is only half a number: "
                                  "\"x\" is left over, want a number");
}

static void bad_sets_are_refused_and_change_nothing(void **state)
{
    kr_runfile *file = *state;
    static const char *const row[][2] = {
        { "updates.9.sweeps=3",
          "--set updates.9.sweeps=3: \"9\" is no entry of the list updates, "
          "want 0..1" },
        { "updates.2=x", "\"2\" is no entry of the list updates, want 0..1" },
        { "updates.-1=x", "\"-1\" is no entry of the list updates" },
        { "updates.99999999999999999999=x", "is no entry of the list updates" },
        { "updates.name=x", "\"name\" is no entry of the list updates, want 0..1" },
        { "updates.00.name=x", "\"00\" is no entry of the list updates" },
        { "updates.1e0.name=x", "\"1e0\" is no entry of the list updates" },
        { "observables.0=energy", "observables is an empty list, nothing stands at \"0\"" },
        { "beta.from=1",
          "--set beta.from=1: beta is a single value, nothing stands below it at "
          "\"from\"" },
        { "updates.0.name.x=1", "updates.0.name is a single value" },
        { "more.0.x=1", "there is no list more to take entry 0 of" },
        { "training.list.3=1", "there is no list training.list to take entry 3 of" },
        { "beta", "--set beta: no \"=\", want path=value as in model.q=3" },
        { "beta=", "--set beta=: no value behind \"=\"" },
        { "beta=  # none", "no value behind \"=\"" },
        { "=1", "--set =1: empty key in the path" },
        { ".beta=1", "empty key in the path" },
        { "model.=1", "empty key in the path" },
        { "model..q=1", "empty key in the path" },
        { "beta=[1, 2", "--set beta=[1, 2: \"[\" without an end, want a closing \"]\"" },
        { "beta={from: 1", "\"{\" without an end" },
        { "beta=&x 1", "anchor \"&x\" is not taken" },
        { "beta=*x", "alias \"*x\" is not taken" },
        { "beta=!!int 1", "tag \"tag:yaml.org,2002:int\" is not taken" },
        { "beta={a: 1, a: 2}", "key \"a\" appears twice" },
        { "beta=1\n--- 2", "second document" },
        { "beta=\xFF", "byte 0xff is not UTF-8" },
        { "b\xFFta=1", "key with a byte 0xff, want printable UTF-8" },
        { "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g=1",
          "path of more than 32 keys" },
        { "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f=[1]",
          "more than 32 levels" },
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        kr_error err = { 0 }, none = { 0 };
        int status = kr_runfile_set(file, row[k][0], &err);
        if (status != KR_EPARSE || !strstr(err.text, row[k][1]) ||
            strncmp(err.text, "--set ", 6) != 0) {
            fail_msg("%s: %d \"%s\", want \"%s\"", row[k][0], status, err.text, row[k][1]);
        }
        kr_text now = { 0 }, before = { 0 };
        kr_runfile *fresh = kr_runfile_parse("run.yaml", source, sizeof source - 1, &none);
        assert_ok(kr_node_write(file->root, 0, &now, &none), &none);
        assert_ok(kr_node_write(fresh->root, 0, &before, &none), &none);
        assert_string_equal(now.data, before.data);
        kr_runfile_free(fresh);
        kr_text_clear(&now);
        kr_text_clear(&before);
    }
}

static void assert_lost(kr_runfile *file, const char *assignment, const char *want)
{
    kr_error err = { 0 };
    kr_text lost = { 0 };
    assert_ok(kr_runfile_lost(file, assignment, &lost, &err), &err);
    assert_string_equal(lost.length ? lost.data : "", want);
    kr_text_clear(&lost);
}

static void a_map_in_the_place_of_a_map_loses_keys(void **state)
{
    kr_runfile *file = *state;
    kr_error err = { 0 };
    assert_ok(kr_runfile_set(file, "training={batch: 64, max_work: 2, rate: 0.1}", &err), &err);
    assert_lost(file, "training={}", "batch, max_work, rate");
    assert_lost(file, "training={max_work: 3}", "batch, rate");
    assert_lost(file, "training={batch: 1, max_work: 3, rate: 1, forward: 0}", "");
    assert_lost(file, "training.batch=3", "");
    assert_lost(file, "training=null", "");
    assert_lost(file, "model={name: ising}", ""); /* another one as a whole */
    assert_lost(file, "phases={thermalize: 3}", "");
    assert_lost(file, "training={", "");
    assert_lost(file, "no assignment", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(set_replaces_values_by_path_and_index, load, unload),
        cmocka_unit_test_setup_teardown(set_makes_missing_keys_and_maps, load, unload),
        cmocka_unit_test_setup_teardown(set_survives_hundreds_of_new_keys, load, unload),
        cmocka_unit_test_setup_teardown(errors_about_set_values_name_the_set, load, unload),
        cmocka_unit_test_setup_teardown(bad_sets_are_refused_and_change_nothing, load, unload),
        cmocka_unit_test_setup_teardown(a_map_in_the_place_of_a_map_loses_keys, load, unload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
