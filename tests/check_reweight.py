# SPDX-License-Identifier: GPL-3.0-or-later
"""`kramers reweight` against exact values of finite lattices, and what it refuses.

usage: check_reweight.py KRAMERS [--runs N]

Runs of an 8 x 8 Ising torus at five temperatures are reweighted to nine others. With 50 runs or more (the
slow suite has 200) the distances from Kaufman's values, in errors, are compared with a normal law by
Kolmogorov and Smirnov, and errors made 20 % too small must be seen.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

RUN = """
model: {name: ising}
lattice: {name: hypercubic, size: [8, 8], boundary: periodic}
beta: {from: 0.36, to: 0.52, count: 5}
chains: 32
phases: {thermalize: 200, measure: 1600, every: 2}
updates: [heat_bath, wolff]
observables: [energy, magnetization]
"""
TARGETS = 9
LEAST = 50  # runs, for the test of Kolmogorov and Smirnov
CRITICAL = 1.95  # of its sqrt(n) D: p = 0.001


def call(*arguments, want=0):
    """Runs the program; returns stdout, or stderr where it has to fail."""
    result = subprocess.run([ARGS.kramers, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == want, (arguments, result.returncode, result.stderr)
    return result.stderr if want else result.stdout


def run(path, *more):
    """A run of the file above with settings of its own."""
    settings = [word for setting in more for word in ("--set", setting)]
    call("run", "a.yaml", "-o", path, "--overwrite", "--progress", "never", "--threads", "1", *settings)


def distances(seed, exact):
    """z of energy, specific heat and ln Z ratio at the targets; the errors relative to the values."""
    run("a.h5", f"seed={seed}")
    found = json.loads(call("reweight", "a.h5", "--count", str(TARGETS), "--json"))
    assert all(found["holds"]) and found["least_overlap"] > 0.3, found["least_overlap"]
    z = []
    for t, point in enumerate(exact):
        for name in ("energy_per_site", "specific_heat"):
            row = found["observables"][name]
            assert row["error"][t] < 0.02 * abs(point[name]), (name, t)
            z.append((row["value"][t] - point[name]) / row["error"][t])
        if t > 0:
            want = point["log_z"] - exact[0]["log_z"]
            assert found["log_z_ratio_error"][t] < 0.02, t
            z.append((found["log_z_ratio"][t] - want) / found["log_z_ratio_error"][t])
    return z


def kolmogorov(z):
    """sqrt(n) times the largest distance of the cumulative distributions of z and a normal law."""
    n, largest = len(z), 0.0
    for k, x in enumerate(sorted(z)):
        p = 0.5 * math.erfc(-x / math.sqrt(2.0))
        largest = max(largest, abs(p - k / n), abs(p - (k + 1) / n))
    return math.sqrt(n) * largest


def means_between_the_points_are_exact():
    exact = json.loads(call("exact", "a.yaml", "--json", "--set",
                            f"beta={{from: 0.36, to: 0.52, count: {TARGETS}}}"))["points"]
    z = [distances(seed, exact) for seed in range(1, ARGS.runs + 1)]
    worst = max(abs(x) for row in z for x in row)
    rms = math.sqrt(sum(x * x for row in z for x in row) / sum(map(len, z)))
    assert worst < 5.3 and 0.6 < rms < 1.4, (worst, rms)
    text = f"{ARGS.runs} runs, largest |z| {worst:.2f}, rms {rms:.3f}"
    if ARGS.runs >= LEAST:
        far = [kolmogorov([row[k] for row in z]) for k in range(len(z[0]))]
        short = [kolmogorov([1.25 * row[k] for row in z]) for k in range(len(z[0]))]
        text += f"; sqrt(n) D up to {max(far):.2f}, with errors 20 % too small up to {max(short):.2f}"
        assert max(far) < CRITICAL, far
        # n values of this many runs see a width of 1.25 for certain when they are put together
        assert kolmogorov([1.25 * x for row in z for x in row]) > CRITICAL
    return text


def one_point_reaches_as_far_as_its_draws():
    run("one.h5", "beta=0.42", "phases.measure=8000")
    found = json.loads(call("reweight", "one.h5", "--from", "0.2", "--to", "0.7", "--count", "11", "--json"))
    exact = json.loads(call("exact", "a.yaml", "--json", "--set", "beta={from: 0.2, to: 0.7, count: 11}"))["points"]
    z = [(found["observables"]["energy_per_site"]["value"][t] - exact[t]["energy_per_site"])
         / found["observables"]["energy_per_site"]["error"][t] for t in range(11) if found["holds"][t]]
    assert 3 <= len(z) < 11 and not found["holds"][0], found["holds"]
    assert max(abs(x) for x in z) < 4.6, z
    assert " *" in call("reweight", "one.h5", "--from", "0.1", "--to", "0.42", "--count", "3")
    return f"{len(z)} of 11 values hold, largest |z| {max(map(abs, z)):.2f}"


def largest_values_are_those_of_the_exact_curve():
    run("a.h5", "seed=3", "phases.measure=8000")
    found = json.loads(call("reweight", "a.h5", "--json"))["largest"]["specific_heat"]
    exact = json.loads(call("exact", "a.yaml", "--json", "--set",
                            "beta={from: 0.41, to: 0.44, count: 301}"))["points"]
    k = max(range(301), key=lambda t: exact[t]["specific_heat"])
    z = ((found["beta"] - 0.41 - 0.03 * k / 300) / found["beta_error"],
         (found["value"] - exact[k]["specific_heat"]) / found["value_error"])
    assert max(map(abs, z)) < 4.0 and found["beta_error"] < 2e-3, (found, z)
    return f"specific heat: beta z {z[0]:+.2f}, value z {z[1]:+.2f}"


def other_numbers_are_reweighted_by_their_conjugate():
    """A field, and the coupling J: means that do not depend on it at a configuration, and ln Z ratios."""
    worst, n = 0.0, 0
    for number, low, high in (("field", 0.02, 0.3), ("J", 0.9, 1.3)):
        more = ("lattice.size=[4, 4]", "beta=0.4", "phases.measure=4000", "seed=5",
                "observables=[energy, magnetization, {name: conjugate, parameter: %s}]" % number,
                *(["model.field=0.1"] if number == "J" else []))
        run("c.h5", f"model.{number}={{from: {low}, to: {high}, count: 4}}", *more)
        found = json.loads(call("reweight", "c.h5", "--count", "7", "--json"))
        exact = json.loads(call("exact", "a.yaml", "--json", *[w for s in more for w in ("--set", s)], "--set",
                                f"model.{number}={{from: {low}, to: {high}, count: 7}}"))["points"]
        assert found["parameter"] == number and len(found[number]) == 7, found["parameter"]
        assert "energy_per_site" not in found["observables"]  # it changes with the number itself
        for t, point in enumerate(exact):
            for name in ("magnetization_per_site", "abs_magnetization_per_site", "susceptibility"):
                row = found["observables"][name]
                worst, n = max(worst, abs(row["value"][t] - point[name]) / row["error"][t]), n + 1
            if t > 0:
                want = point["log_z"] - exact[0]["log_z"]
                worst = max(worst, abs(found["log_z_ratio"][t] - want) / found["log_z_ratio_error"][t])
    assert worst < 4.6, worst
    return f"{n} means, largest |z| {worst:.2f}"


def files_that_cannot_be_reweighted_say_why():
    run("b.h5", "model.field=[0.1, 0.2]", "beta=0.4", "phases.measure=100")
    assert "the observable {name: conjugate, parameter: field}" in call("reweight", "b.h5", want=2)
    run("b.h5", "model.field=[0.1, 0.2]", "beta=[0.3, 0.4]", "phases.measure=100")
    assert "for field want in b.h5 the observable {name: conjugate" in call("reweight", "b.h5", want=2)
    run("b.h5", "chains=2", "phases.measure=100", "phases.thermalize=10")
    assert "independent parts, want 8 or more" in call("reweight", "b.h5", want=2)
    run("b.h5", "beta=[0.1, 1.5]", "phases.measure=400")
    assert "the points at 0.1 and 1.5 have an overlap" in call("reweight", "b.h5", want=2)
    run("b.h5", "population_annealing={}", "beta=[0, 0.2]", "start=random",
        "phases={thermalize: 0, measure: 40}", "updates=[heat_bath]")
    assert "population annealing" in call("reweight", "b.h5", want=2)
    assert "want a number" in call("reweight", "a.h5", "--from", "x", want=2)
    assert "ascending" in call("reweight", "a.h5", "--from", "0.5", "--to", "0.4", want=2)
    assert "not an HDF5 file" in call("reweight", "a.yaml", want=2)
    return "9 messages"


def main():
    """All checks, as TAP."""
    checks = [means_between_the_points_are_exact, one_point_reaches_as_far_as_its_draws,
              largest_values_are_those_of_the_exact_curve,
              other_numbers_are_reweighted_by_their_conjugate, files_that_cannot_be_reweighted_say_why]
    print(f"1..{len(checks)}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("a.yaml", "w", encoding="utf-8") as file:
            file.write(RUN)
        for k, check in enumerate(checks):
            print(f"ok {k + 1} - {check.__name__}: {check()}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kramers", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=4)
    ARGS = parser.parse_args()
    sys.exit(main())
