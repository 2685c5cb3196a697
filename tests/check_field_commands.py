# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the program on real-valued models: exact values, dry runs, costs.

usage: check_field_commands.py KRAMERS
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

CHAIN = """\
model: {name: phi4, m2: -1, lambda: 1, field: 0.1, ends: zero}
lattice: {name: hypercubic, size: [6], boundary: open}
beta: 1
chains: 8
phases: {thermalize: 40, measure: 80, every: 2}
updates: [hmc]
observables: [energy, magnetization, {name: positive, sites: [0, 2]}]
"""


def call(*arguments, want=0):
    result = subprocess.run([KRAMERS, *arguments], capture_output=True, check=False, text=True,
                            stdin=subprocess.DEVNULL, timeout=60)
    assert want is None or result.returncode == want, (arguments, result.returncode, result.stderr)
    return result


def run(output, *more, run_file="chain.yaml", want=0):
    return call("run", run_file, "-o", output, "--progress", "never", *more, want=want)


def summary_of(path):
    return json.loads(call("summary", path, "--json").stdout)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def hot_rotors_keep_their_energy():
    """Where every step is accepted a step without bound lost the digits of the angles."""
    for update in ("metropolis", "{name: hmc, steps: 3}", "{name: mala, sweeps: 2}"):
        write("hot.yaml", f"""\
model: {{name: xy}}
lattice: {{name: hypercubic, size: [6, 6]}}
beta: [0.02, 0.3]
chains: 8
phases: {{thermalize: 400, measure: 400, every: 2}}
updates: [{update}]
observables: [energy]
""")
        run("hot.h5", "--overwrite", run_file="hot.yaml")
        # to third order in beta: E/N = -beta J^2 (4/2)/2, exact in the limit of beta -> 0
        energy = summary_of("hot.h5")["observables"]["energy_per_site"][0]
        assert abs(energy["mean"] + 0.02) < 4.6 * energy["error"] + 1e-4, (update, energy)


def exact_knows_what_observables_know():
    """The same numbers as in the column `exact` of the summary; what is unknown is null."""
    run("chain.h5")
    observables = summary_of("chain.h5")["observables"]
    point = json.loads(call("exact", "chain.yaml", "--json").stdout)["points"][0]
    table = dict(line.split() for line in call("exact", "chain.yaml").stdout.splitlines()[1:])
    for name in ("positive_0", "positive_2", "log_odds_0", "log_odds_2"):
        known = observables[name]["exact"]
        assert 0.01 < abs(known) < 1 and abs(point[name] - known) < 1e-8, (name, point[name], known)
        assert abs(float(table[name]) - known) < 1e-8, table
    assert point["positive_mean"] is None and "positive_mean" not in table
    more = json.loads(call("exact", "chain.yaml", "--json", "--set", "model.field=[0, 0.1]").stdout)
    assert [at["log_odds_2"] for at in more["points"]] == [0, point["log_odds_2"]], more
    refused = call("exact", "chain.yaml", "--set", "observables.2.sites=[7]", want=2).stderr
    assert "site 7 is not on the lattice" in refused, refused


def dry_runs_say_what_their_numbers_are():
    said = call("run", "chain.yaml", "--dry-run", "--threads", "2").stdout
    assert "file: at most" in said and " kB\n" in said and "at most 0" not in said, said
    assert " s of wall time on 2 threads\n" in said, said
    said = call("run", "chain.yaml", "--dry-run", "--threads", "1", "--set", "path={}").stdout
    assert " s of wall time on 1 thread, the pilot not counted\n" in said, said


def pilots_are_paid_for():
    """Of a path and of a ladder; a run without a pilot, and one that goes on, tell the same."""
    for name, more in (("path", ["path={points: 4, pilot: 200}"]),
                       ("ladder", ["beta=[0.5, 1, 2]", "tempering={ladder: auto, pilot: 400}"])):
        words = sum((["--set", word] for word in more), [])
        run(name + ".h5", *words)
        cost = summary_of(name + ".h5")["cost"]
        assert cost["pilot_cpu_s"] > 0, cost
        assert f"pilot before the run {cost['pilot_cpu_s']:.4g}" in call("summary", name + ".h5").stdout
        call("resume", name + ".h5", "--more", "40", "--progress", "never")
        assert summary_of(name + ".h5")["cost"]["pilot_cpu_s"] == cost["pilot_cpu_s"]
    assert summary_of("chain.h5")["cost"]["pilot_cpu_s"] == 0
    assert "pilot" not in call("summary", "chain.h5").stdout


def status_and_summary_tell_why_they_differ():
    """A run that was made longer and killed: its file has the draws before; a part that no restart
    file counts."""
    def draws(path):
        return int(call("status", path).stdout.split("draws:")[1].split()[0])
    kept = summary_of("chain.h5")["draws"]
    assert kept == draws("chain.h5") and "note:" not in call("status", "chain.h5").stdout
    call("resume", "chain.h5", "--more", "1e9", "--progress", "never", "--time-limit", "1", want=3)
    while draws("chain.h5") == kept:  # on a busy machine
        call("resume", "chain.h5", "--progress", "never", "--time-limit", "1", want=3)
    warned = summary_of("chain.h5")
    assert warned["draws"] == kept < draws("chain.h5")
    assert any("kramers snapshot" in text for text in warned["verdict"]["warnings"]), warned["verdict"]
    assert "note:     chain.h5 holds the draws before" in call("status", "chain.h5").stdout
    call("snapshot", "chain.h5", "-o", "all.h5")
    assert summary_of("all.h5")["draws"] == draws("chain.h5")
    run("killed.h5", "--set", "phases.measure=1e9", "--time-limit", "1", want=3)
    while draws("killed.h5") == 0:
        call("resume", "killed.h5", "--progress", "never", "--time-limit", "1", want=3)
    assert summary_of("killed.h5")["draws"] == draws("killed.h5")
    assert "note:" not in call("status", "killed.h5").stdout
    parts = sorted(os.listdir("killed.h5.parts"))
    shutil.copy("killed.h5.parts/" + parts[0], f"killed.h5.parts/part-{len(parts) + 1:06}.h5")
    assert "resume makes them again" in call("status", "killed.h5").stdout


def tables_say_no_more_than_there_is():
    """One site of rotators: m = 1 up to rounding; an order parameter that is its own modulus comes once;
    figures of constants; units; a row per point in a scan, everything with --full."""
    write("xy.yaml", CHAIN.replace("phi4, m2: -1, lambda: 1, field: 0.1, ends: zero", "xy, field: 0.5")
          .replace("size: [6]", "size: [1]").replace(", {name: positive, sites: [0, 2]}", ""))
    run("xy.h5", run_file="xy.yaml")
    table = call("summary", "xy.h5").stdout
    assert ", 1 site, " in table and "energy_per_site [J]" in table, table
    assert "magnetization_per_site" in table and "\nabs_" not in table, table
    assert "abs_magnetization_per_site" in summary_of("xy.h5")["observables"]
    for kind in ("trace", "histogram"):
        figure = call("plot", "xy.h5", kind, "-o", f"{kind}.svg", want=None)
        assert figure.returncode == 0 or "gnuplot: not found" in figure.stderr, figure.stderr
        if figure.returncode == 0:
            said = subprocess.run(["gnuplot", "-d", f"{kind}.gp"], capture_output=True, text=True, check=True)
            assert not said.stderr.strip(), said.stderr
    run("scan.h5", "--set", "model.field=[0.1, 0.2, 0.3]")
    table, full = (call("summary", "scan.h5", *more).stdout for more in ((), ("--full",)))
    assert "[J]" not in full and "abs_magnetization_per_site" in table, full
    assert all(len(line) <= 100 for line in table.splitlines()), table
    assert table.count("\n       0.1 ") <= 5 < full.count("\n       0.1 "), table
    mean = summary_of("scan.h5")["observables"]["magnetization_per_site"][0]["mean"]
    assert f"{mean:.2f}" in table and "largest |z|" in table, (mean, table)


def main():
    with tempfile.TemporaryDirectory(prefix="field-commands-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        write("chain.yaml", CHAIN)
        for check in (hot_rotors_keep_their_energy, exact_knows_what_observables_know, dry_runs_say_what_their_numbers_are,
                      pilots_are_paid_for, status_and_summary_tell_why_they_differ,
                      tables_say_no_more_than_there_is):
            check()
            print("ok", check.__name__.replace("_", " "), flush=True)
        os.chdir("..")


KRAMERS = os.path.abspath(sys.argv[1])
main()
