# SPDX-License-Identifier: GPL-3.0-or-later
"""`kramers reweight` of several files as one estimate, against exact values; and what it refuses.

usage: check_combine.py KRAMERS [--runs N]

Every check makes N runs with their own seeds and collects the distances from Kaufman's or enumerated values
in errors. With 50 runs or more (the slow suite has 60) their mean square must be that of Student's t to four
of its own errors, of each check and of all together, and together errors made 20 % too small must be seen.
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
phases: {thermalize: 200, measure: 800, every: 2}
updates: [heat_bath, wolff]
observables: [energy, magnetization]
"""
FLAT = ("chains=32", "beta=0.42", "updates=[multicanonical]", "multicanonical={}",
        "phases={thermalize: 200, adapt: 20000, measure: 4000, every: 4}")
MEANS = ("energy_per_site", "specific_heat", "susceptibility_abs", "binder")
LEAST = 50
POOLED = []


def call(*arguments, want=0):
    """Runs the program; returns stdout, or stderr where it has to fail."""
    result = subprocess.run([ARGS.kramers, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == want, (arguments, result.returncode, result.stderr)
    return result.stderr if want else result.stdout


def settings(more):
    return [word for setting in more for word in ("--set", setting)]


def run(path, *more):
    call("run", "a.yaml", "-o", path, "--overwrite", "--progress", "never", "--threads", "1", *settings(more))


def exact(*more):
    return json.loads(call("exact", "a.yaml", "--json", *settings(more)))["points"]


def reweight(*arguments):
    return json.loads(call("reweight", *arguments, "--json"))


def pulls(found, points, names, largest=0.05):
    """z of means and of log Z; errors beyond a share of the value prove nothing."""
    z = []
    for t, point in enumerate(points):
        assert found["holds"][t], t
        for name in names:
            row = found["observables"][name]
            want = point[name] if name != "susceptibility_abs" else susceptibility_abs(point, found["n_sites"])
            assert row["error"][t] < largest * max(0.5, abs(want)), (name, t, row["error"][t])
            z.append((row["value"][t] - want) / row["error"][t])
        if found["log_z"][t] is not None and found["log_z_error"][t] > 1e-9:
            assert found["log_z_error"][t] < 0.1, t
            z.append((found["log_z"][t] - point["log_z"]) / found["log_z_error"][t])
            beta_n = found["n_sites"] * point["beta"]
            assert abs(found["free_energy_per_site"][t] * beta_n + found["log_z"][t]) < 1e-9 * beta_n
            assert abs(found["free_energy_per_site_error"][t] * beta_n / found["log_z_error"][t] - 1.0) < 1e-9
    return z


def susceptibility_abs(point, n):
    return point["beta"] * n * (point["magnetization_squared"] - point["abs_magnetization_per_site"] ** 2)


def seeds(check):
    """Seeds of the runs of a check, apart from those of the others; a second file has 5000 more."""
    return range(10000 * check + 1, 10000 * check + ARGS.runs + 1)


def judge(rows, parts, is_pooled=True):
    """rows: z of the runs. Their mean square should be (n - 1)/(n - 3), for a jackknife of n parts."""
    every = [x for row in rows for x in row]
    square, worst = sum(x * x for x in every) / len(every), max(map(abs, every))
    text = f"{len(rows)} runs, {len(every)} values, largest |z| {worst:.2f}, rms {math.sqrt(square):.3f}"
    assert worst < 6.0 and 0.55 < math.sqrt(square) < 1.45, text
    # the values of one run go together: the error of the mean square is that of means of the runs
    shares = [sum(x * x for x in row) / len(row) * (parts - 3.0) / (parts - 1.0) for row in rows]
    if is_pooled:
        POOLED.extend(shares)
    return text + (f", mean square {agree(shares)}" if len(rows) >= LEAST else "")


def agree(shares, factor=1.0, limit=4.0):
    """Mean square of the runs over the expected one, with its error; errors made smaller have a factor."""
    mean = factor * sum(shares) / len(shares)
    error = math.sqrt(sum((factor * x - mean) ** 2 for x in shares) / (len(shares) * (len(shares) - 1)))
    assert abs(mean - 1.0) < limit * error, ("mean square over that of Student's t", mean, error)
    return f"{mean:.2f}({error:.2f}) of that of Student's t"


def errors_20_percent_too_small_are_seen():
    if ARGS.runs < LEAST:
        return "not with so few runs"
    text = agree(POOLED)
    try:
        agree(POOLED, 1.0 / 0.64)
    except AssertionError as seen:
        return f"all together {text}; with errors 20 % too small {seen.args[0][1]:.2f}({seen.args[0][2]:.2f})"
    raise AssertionError("errors 20 % too small are not seen")


def files_of_one_system_are_one_estimate():
    """Scans of two files with beta = 0 between them: absolute log Z, smaller errors."""
    targets = ("--from", "0.05", "--to", "0.5", "--count", "7")
    want = exact("beta={from: 0.05, to: 0.5, count: 7}")
    rows = []
    for seed in seeds(0):
        run("a.h5", f"seed={seed}")
        run("b.h5", f"seed={5000 + seed}", "beta=[0, 0.1, 0.2, 0.3, 0.4]", "phases.measure=400", "chains=48")
        both = reweight("a.h5", "b.h5", *targets)
        assert both["reference"] == "absolute" and both["files"] == 2 and both["parts"] == 32
        rows.append(pulls(both, want, MEANS[:2]))
        one = reweight("a.h5", *targets)
        assert one["log_z"][0] is None and one["reference"] == "beta = 0.36"
        assert reweight("b.h5", "a.h5", *targets)["observables"]["specific_heat"]["error"][6] \
            < 1.1 * one["observables"]["specific_heat"]["error"][6]
    return judge(rows, 32)


def multicanonical_runs_are_one_more_point():
    """Canonical A and multicanonical B on 4 x 4: means and log Z by enumeration, errors below those of each."""
    more = ("lattice.size=[4, 4]",)
    targets = ("--from", "0.1", "--to", "0.6", "--count", "6")
    want = exact(*more, "beta={from: 0.1, to: 0.6, count: 6}")
    rows, alone, sizes = [], [], [0.0, 0.0, 0.0]
    for seed in seeds(1):
        run("a.h5", *more, f"seed={seed}", "beta=[0.25, 0.4]", "phases.measure=1200")
        run("b.h5", *more, *FLAT, f"seed={5000 + seed}")
        both, flat, canonical = (reweight(*f, *targets) for f in (("a.h5", "b.h5"), ("b.h5",), ("a.h5",)))
        assert both["multicanonical_files"] == 1 and both["points"] == [0.25, 0.4, None]
        rows.append(pulls(both, want, MEANS))
        alone.append(pulls(flat, want, MEANS, 0.1))
        for k, found in enumerate((both, flat, canonical)):
            for name in MEANS:
                sizes[k] += found["observables"][name]["error"][3] / (abs(want[3][name]) if name in want[3] else 1.0)
    text = f"{judge(rows, 32)}; multicanonical alone: {judge(alone, 32, False)}"
    assert sizes[0] < min(sizes[1:]), sizes
    return f"{text}; errors {sizes[0]:.3f}, alone {sizes[1]:.3f}, {sizes[2]:.3f}"


def pairs_of_numbers_are_reached():
    """Temperature and field from a scan of both and a multicanonical run in a field, along each of them."""
    more = ("lattice.size=[4, 4]", "observables=[energy, magnetization, {name: conjugate, parameter: field}]")
    lines = [(("--at", "field=0.07", "--from", "0.22", "--to", "0.44", "--count", "3"),
              exact(*more, "model.field=0.07", "beta={from: 0.22, to: 0.44, count: 3}")),
             (("--at", "beta=0.37", "--from", "0", "--to", "0.3", "--count", "3"),
              exact(*more, "beta=0.37", "model.field={from: 0, to: 0.3, count: 3}")),
             (("--at", "beta=0.33", "--at", "field=0.15"), exact(*more, "beta=0.33", "model.field=0.15"))]
    rows, scan = [], []
    for seed in seeds(2):
        run("a.h5", *more, f"seed={seed}", "beta=[0.25, 0.4]", "model.field=[0, 0.1, 0.25]")
        run("b.h5", *more, *FLAT, f"seed={5000 + seed}", "model.field=0.1")
        rows.append([z for line, want in lines for z in pulls(reweight("b.h5", "a.h5", *line), want, MEANS)])
        scan.append([z for line, want in lines for z in pulls(reweight("a.h5", *line), want, MEANS)])
    return f"{judge(rows, 32)}; scan alone: {judge(scan, 32, False)}"


def both_covariances_of_log_z_agree():
    """ln Z of five points against Kaufman: chi^2 by the covariance of the weights, of draws far apart; and its
    variances beside those of the parts, of draws with a tau_int of several."""
    want = [p["log_z"] for p in exact("beta={from: 0.36, to: 0.52, count: 5}")]
    rows, slow, share = [], [], 0.0
    for seed in seeds(3):
        run("a.h5", f"seed={seed}", "phases.measure=2400", "phases.every=8")
        found = reweight("a.h5", "--count", "2")
        c = found["log_z_covariance_asymptotic"]
        assert all(abs(c[i][j] - c[j][i]) < 1e-15 for i in range(5) for j in range(5))
        rows.append(chi_square(c, [x - w + want[0] for x, w in zip(found["point_log_z_ratio"], want)]))
        run("b.h5", f"seed={5000 + seed}", "updates=[heat_bath]", "phases.measure=3200")
        found = reweight("b.h5", "--count", "2")
        assert min(found["independent_draws"]) < 0.3 * 32 * 1600, found["independent_draws"]
        c, parts = found["log_z_covariance_asymptotic"], found["log_z_covariance"]
        slow.append((found["point_log_z_ratio"][4] - want[4] + want[0]) / math.sqrt(c[4][4]))
        share += sum(parts[k][k] / c[k][k] for k in range(1, 5)) / 4 / ARGS.runs
    mean, error = sum(rows) / len(rows), math.sqrt(8.0 / len(rows))
    assert abs(mean - 4.0) < 4.0 * error, (mean, error)
    square = sum(x * x for x in slow) / len(slow)
    assert square < 1.0 + 4.0 * math.sqrt(2.0 / len(slow)), square
    # a variance of 32 parts has the relative error sqrt(2/31), the four of a run go together
    assert abs(share - 1.0) < 4.0 * math.sqrt(2.0 / 31 / ARGS.runs) + 0.15, share
    if ARGS.runs >= LEAST:
        assert square > 1.0 - 4.0 * math.sqrt(2.0 / len(slow)), square
        assert mean / 0.64 - 4.0 > 4.0 * error, "errors 20 % too small are not seen"
    return (f"chi^2 {mean:.2f}({error:.2f}) of 4; of slow chains {square:.2f} of 1, "
            f"variances of the parts {share:.2f} of those of the weights")


def chi_square(c, far):
    """far C^-1 far of all but the first, by elimination."""
    n = len(far) - 1
    rows = [[c[i + 1][j + 1] for j in range(n)] + [far[i + 1]] for i in range(n)]
    for i in range(n):
        for k in range(i + 1, n):
            factor = rows[k][i] / rows[i][i]
            rows[k] = [x - factor * y for x, y in zip(rows[k], rows[i])]
    solution = [0.0] * n
    for i in reversed(range(n)):
        solution[i] = (rows[i][n] - sum(rows[i][j] * solution[j] for j in range(i + 1, n))) / rows[i][i]
    return sum(x * y for x, y in zip(solution, far[1:]))


def densities_make_log_z_absolute():
    """A trained density of one file is the anchor of the scan in another."""
    more = ("lattice.size=[6, 6]",)
    targets = ("--from", "0.36", "--to", "0.5", "--count", "4")
    want = exact(*more, "beta={from: 0.36, to: 0.5, count: 4}")
    rows = []
    for seed in seeds(4):
        run("a.h5", *more, f"seed={seed}")
        run("b.h5", *more, f"seed={5000 + seed}", "beta=0.4",
            "updates=[heat_bath, {name: independence, density: net}]",
            "densities={net: {name: frontier}}", "training={max_work: 2}",
            "phases={thermalize: 50, adapt: 2000, measure: 400, every: 2}")
        found = reweight("a.h5", "b.h5", *targets)
        assert [k["by"] for k in found["anchors"]] == ["density net"], found["anchors"]
        assert found["log_z_error"][1] < 0.02
        rows.append([(x - p["log_z"]) / e for x, e, p in zip(found["log_z"], found["log_z_error"], want)])
    return judge(rows, 32)


def coupled_chains_are_left_out_together():
    """Chains 2k and 2k + 1 exchange sites: 32 of them are 16 independent parts, beside 32 others as well."""
    run("a.h5", "phases.measure=400", "updates=[heat_bath, houdayer]")
    run("b.h5", "phases.measure=400", "seed=2")
    assert [reweight(*f, "--count", "2")["parts"] for f in (("a.h5",), ("b.h5",), ("a.h5", "b.h5"))] == [16, 32, 16]
    return "16 parts"


def wrong_files_say_why():
    run("a.h5", "phases.measure=100")
    run("b.h5", "phases.measure=100", "seed=2", "lattice.size=[6, 6]")
    assert "a.h5 and b.h5 differ in their lattices" in call("reweight", "a.h5", "b.h5", want=2)
    run("b.h5", "phases.measure=100", "seed=2", "model={name: potts, q: 3}", "observables=[energy]")
    assert "differ in model" in call("reweight", "a.h5", "b.h5", want=2)
    assert "both have seed 1, want differing seeds" in call("reweight", "a.h5", "a.h5", want=2)
    run("b.h5", "phases.measure=100", "seed=2", "model.J=1.1")
    assert "for J want in a.h5 the observable {name: conjugate" in call("reweight", "a.h5", "b.h5", want=2)
    run("a.h5", "phases.measure=100", "beta=[0.2, 0.22]", "lattice.size=[32, 32]")
    run("b.h5", "phases.measure=100", "seed=2", "beta=[0.6, 0.62]", "lattice.size=[32, 32]")
    assert "0.22 of a.h5 and 0.6 of b.h5 have an overlap" in call("reweight", "a.h5", "b.h5", want=2)
    run("b.h5", "phases.measure=100", "beta=[0.3, 0.4]", "model.field=[0.1, 0.2]",
        "observables=[energy, {name: conjugate, parameter: field}]")
    assert "want the value of one of them, as --at field=0.1" in call("reweight", "b.h5", want=2)
    assert "tell beta, field, J apart" in call("reweight", "b.h5", "--at", "J=1", want=2)
    assert "as --at field=0.1" in call("reweight", "b.h5", "--at", "field", want=2)
    assert "field is given twice" in call("reweight", "b.h5", "--at", "field=1", "--at", "field=2", want=2)
    assert "want a number" in call("reweight", "b.h5", "--at", "field=x", want=2)
    run("b.h5", "phases.measure=100", "beta=[0, 0.3]", "model.field=[0.1, 0.2]",
        "observables=[energy, {name: conjugate, parameter: field}]")
    assert "at beta = 0 of b.h5 the conjugate of field is 0" in call("reweight", "b.h5", "--at", "field=0.1", want=2)
    return "11 messages"


def main():
    """All checks, as TAP."""
    checks = [files_of_one_system_are_one_estimate, multicanonical_runs_are_one_more_point,
              pairs_of_numbers_are_reached, both_covariances_of_log_z_agree, densities_make_log_z_absolute,
              errors_20_percent_too_small_are_seen,
              coupled_chains_are_left_out_together, wrong_files_say_why]
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
    parser.add_argument("--runs", type=int, default=2)
    ARGS = parser.parse_args()
    sys.exit(main())
