# SPDX-License-Identifier: GPL-3.0-or-later
"""`kramers critical`: small studies end to end, and the shipped ones against what is known.

usage: check_critical.py KRAMERS RUNS [CASE ...]

Without a case: a study of small boxes in seconds, stopped and gone on with, its files, its
errors. Cases, each as long as its run file says (minutes): ising, triangular, potts3, potts10,
blume_capel, tricritical, phi4, cubic.
Exit status 1 when something is not as it should be.
"""
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time

SMALL = """\
model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: {from: 0.3, to: 0.6, count: 9}
critical: {sizes: [4, 6, 8, 12, 16], minutes: 0.1}
"""
# value and largest error, both from PLACE to EXPONENTS; None: no bound
EXACT = {
    "ising": {"critical": (0.44068679350977151, 1e-5), "nu": (1.0, 0.01),
              "gamma_over_nu": (1.75, 0.0175)},
    "triangular": {"critical": (math.log(3) / 4, 2e-5), "nu": (1.0, 0.02),
                   "gamma_over_nu": (1.75, 0.0175)},
    "potts3": {"critical": (math.log(1 + math.sqrt(3)), 5e-5), "nu": (5 / 6, 0.02),
               "gamma_over_nu": (26 / 15, 0.02)},
    "cubic": {"critical": (0.221654626, 5e-6), "nu": (0.629912, 0.01),
              "gamma_over_nu": (2 - 0.03627, 0.02)},
    "phi4": {"critical": (0.27088, 1e-4)},
}
POTTS10 = {"equal_weight": (math.log(1 + math.sqrt(10)), 1e-5),
           "latent_heat": (0.69604943152190974, 0.0069604943)}


def run(kramers, *arguments, status=0):
    result = subprocess.run([kramers, "critical", *arguments], capture_output=True, text=True,
                            check=False)
    assert result.returncode == status, (arguments, result.returncode, result.stdout,
                                         result.stderr)
    return result


def refused(kramers, path, text, *arguments):
    result = run(kramers, path, *arguments, status=2)
    assert text in result.stderr, (arguments, text, result.stderr)


def check_errors(kramers, folder):
    path = os.path.join(folder, "wrong.yaml")
    wrong = [
        ("beta: {from: 0.3, to: 0.6, count: 9}", "beta: 0.4", "no number has a range"),
        ("beta: {from: 0.3, to: 0.6, count: 9}", "beta: {from: 0.05, to: 0.2, count: 9}",
         "want a range with the transition inside"),
        ("[4, 6, 8, 12, 16]", "[8, 6, 12]", "want ascending sides"),
        ("[4, 6, 8, 12, 16]", "[8, 12]", "2 entries, want 3.."),
        ("minutes: 0.1", "minutes: -1", "minutes"),
        ("minutes: 0.1", "hours: 1", "hours"),
        ("size: [4, 4]", "size: 16", "want a lattice with two directions"),
        ("size: [4, 4]", "size: [3, 4]", "no whole number"),
        ("name: ising", "name: ising, J: -1", "is not the order parameter"),
        ("name: ising", "name: ising, field: 0.1", "no symmetry of the model"),
        ("name: ising", "name: ising, disorder: {kind: pm1}", "differ from site to site"),
        ("name: ising", "name: ising, field: {from: -1, to: 1, count: 5}", "want one real number"),
        ("name: ising", "name: xy", "Kosterlitz"),
        ("16], minutes", "65536], minutes", "the sides make 4294967296 sites"),
    ]
    for old, new, text in wrong:
        assert old in SMALL
        with open(path, "w", encoding="utf-8") as out:
            out.write(SMALL.replace(old, new))
        refused(kramers, path, text, "-o", os.path.join(folder, "wrong"), "--overwrite")
    with open(path, "w", encoding="utf-8") as out:
        out.write(SMALL.replace("name: ising", "name: ising, field: {from: -1, to: 1, count: 5}").replace(
            "{from: 0.3, to: 0.6, count: 9}", "0.5"))
    refused(kramers, path, "no symmetry of the model", "-o", os.path.join(folder, "wrong"))
    other = os.path.join(folder, "other")
    os.mkdir(other)
    keep = os.path.join(other, "thesis.txt")
    with open(keep, "w", encoding="utf-8") as out:
        out.write("keep me")
    small = os.path.join(folder, "small.yaml")
    refused(kramers, small, "holds other files and no study", "-o", other)
    refused(kramers, small, "holds other files and no study", "-o", other, "--overwrite")
    assert os.path.exists(keep)


def plan_of(study):
    """Lines: two of comment, a head, one a size, the rest."""
    with open(os.path.join(study, "plan.yaml"), encoding="utf-8") as file:
        return file.read().splitlines()


def check_small(kramers, folder):
    path, study = os.path.join(folder, "small.yaml"), os.path.join(folder, "study")
    with open(path, "w", encoding="utf-8") as out:
        out.write(SMALL)
    # stopped once it measures, gone on with
    with subprocess.Popen([kramers, "critical", path, "-o", study], stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if "critical: size 6 at" in line:  # a folder has one study at a time
                refused(kramers, path, "another process works on this study", "-o", study, "--overwrite")
            if "measuring size 8" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait() == 3
    # what has begun is not planned again, nor is anything once all is measured
    plans = [plan_of(study)]
    first = json.loads(run(kramers, path, "-o", study, "--json").stdout)
    plans.append(plan_of(study))
    again = json.loads(run(kramers, path, "-o", study, "--json").stdout)
    assert plans[1] == plan_of(study)
    assert plans[0][:5] == plans[1][:5] and "side: 6" in plans[0][4], plans
    assert all("side" in line for line in plans[1][3:8]) and plans[0][8:] == plans[1][8:]
    for key in ("critical", "exponents", "sizes", "fits", "evidence"):
        a, b = first[key], again[key]
        if key == "sizes":
            a, b = ([{k: v for k, v in s.items() if k != "cpu_s"} for s in x] for x in (a, b))
        assert a == b, (key, a, b)
    c = first["critical"]
    print(f"# beta_c = {c['value']:.6f} +- {c['error']:.1g}, z = {c['z']:+.2f}, order "
          f"{first['order']}")
    assert first["order"] == "continuous", first["evidence"]
    assert abs(c["z"]) < 4.6 and c["error"] < 3e-3, c
    assert abs(c["known"] - 0.4406867935) < 1e-9
    table = run(kramers, path, "-o", study).stdout
    assert "continuous: no sign" in table and "beta_c = 0.44" in table, table
    names = os.listdir(study)
    for name in ("L0004.h5", "L0016.h5", "study.yaml", "plan.yaml", "crossing.dat",
                 "collapse.gp"):
        assert name in names, names
    # the file of a size is an ordinary result file
    told = subprocess.run([kramers, "summary", os.path.join(study, "L0016.h5"), "--json"],
                          check=True, capture_output=True, text=True).stdout
    told = json.loads(told)["observables"]["energy_per_site"]
    assert abs(told["z"]) < 4.6, told
    # another run file, or a plan that is none
    refused(kramers, path, "another run file", "-o", study, "--set", "beta.to=0.7")
    with open(os.path.join(study, "plan.yaml"), "w", encoding="utf-8") as out:
        out.write("sizes: 3\n")
    result = run(kramers, path, "-o", study, status=2)
    assert "--overwrite" in result.stderr, result.stderr


def hold(what, found, want, most):
    z = (found["value"] - want) / found["error"]
    good = abs(z) < 3.0 and found["error"] <= most
    print(f"# {what} = {found['value']:.8g} +- {found['error']:.2g} (at most {most:.2g}), known "
          f"{want:.8g}, z = {z:+.2f}: {'ok' if good else 'NOT OK'}")
    return good


def check_case(kramers, runs, folder, case):
    name = {"tricritical": "blume_capel"}.get(case, case)
    extra = ["--set", "beta=1.8", "--set", "model.D={from: 1.95, to: 2, count: 11}", "--set",
             "critical.sizes=[8, 12, 16, 24]"]
    begun = time.time()
    told = json.loads(run(kramers, os.path.join(runs, f"critical_{name}.yaml"), "-o",
                          os.path.join(folder, case), "--json",
                          *(extra if case == "tricritical" else [])).stdout)
    print(f"# {case}: {told['order']}, {time.time() - begun:.0f} s; {'; '.join(told['evidence'])}")
    first = case in ("potts10", "tricritical")
    good = told["order"] == ("first" if first else "continuous")
    for key, (want, most) in EXACT.get(case, {}).items():
        good &= hold(key, told["critical"] if key == "critical" else told["exponents"][key], want,
                     most)
    if case == "potts10" and told["first_order"]:
        for key, (want, most) in POTTS10.items():
            good &= hold(key, told["first_order"][key], want, most)
    return good


def main():
    kramers, runs, cases = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory(prefix="critical-", dir=os.getcwd()) as folder:
        if not cases:
            check_small(kramers, folder)
            check_errors(kramers, folder)
            return 0
        return 0 if all([check_case(kramers, runs, folder, case) for case in cases]) else 1


if __name__ == "__main__":
    sys.exit(main())
