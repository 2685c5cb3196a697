# SPDX-License-Identifier: GPL-3.0-or-later
"""`kramers phase`: small studies end to end, and the shipped ones against what is known.

usage: check_phase.py KRAMERS RUNS [CASE ...]

Without a case: a study of small boxes in seconds, stopped and gone on with, on one thread and on
two; its files; lattices without a network; its errors. Cases, each as long as its run file says
(minutes): ising, potts3.
Exit status 1 when something is not as it should be.
"""
import json
import math
import os
import signal
import subprocess
import sys
import tempfile

SMALL = """\
model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: {from: 0.2, to: 0.7, count: 17}
phase: {sizes: [6, 8, 12], chains: 16, draws: 24, filters: 4, hidden: 4, epochs: 10}
"""
# the exact place and the largest errors of the limits of both classifiers and of Binder
EXACT = {"ising": (0.44068679350977151, 0.004), "potts3": (math.log(1 + math.sqrt(3)), 0.03)}


def run(kramers, *arguments, status=0):
    result = subprocess.run([kramers, "phase", *arguments], capture_output=True, text=True,
                            check=False)
    assert result.returncode == status, (arguments, result.returncode, result.stdout,
                                         result.stderr)
    return result


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def refused(kramers, path, text, *arguments):
    result = run(kramers, path, *arguments, status=2)
    assert text in result.stderr, (arguments, text, result.stderr)
    assert not result.stdout, result.stdout


def check_errors(kramers, folder):
    ranged = "beta: {from: 0.2, to: 0.7, count: 17}"
    wrong = [
        (ranged, "beta: 0.4", "no number has a range"),
        ("chains: 16", "chains: 16, share: 0.05", "want more points"),
        ("name: ising", "name: ising, J: {from: 1, to: 2, count: 5}", "want one real number"),
        ("[6, 8, 12]", "[8, 6, 12]", "want ascending sides"),
        ("[6, 8, 12]", "[8, 12]", "2 entries, want 3.."),
        ("chains: 16", "chains: 17", "want an even number"),
        ("share", "shear", "shear"),
        ("chains: 16", "share: 0.5", "phase: share = 0.5"),
        ("size: [4, 4]", "size: 16", "want a lattice with two directions"),
        ("name: hypercubic, size: [4, 4]", "name: complete, size: 16, weight: 1/N", "two directions"),
        ("name: ising", "name: ising, J: -1", "is not the order parameter"),
        ("name: ising", "name: ising, field: 0.1", "phase: no symmetry of the model"),
        ("name: ising", "name: ising, disorder: {kind: pm1}", "differ from site to site"),
        ("name: ising", "name: xy", "Kosterlitz"),
        ("12], chains", "65536], chains", "the sides make 4294967296 sites"),
    ]
    for old, new, text in wrong:
        path = write(folder, "wrong.yaml", SMALL.replace("10}", "10, share: 0.25}").replace(old, new)
                     if old == "share" else SMALL.replace(old, new))
        refused(kramers, path, text, "-o", os.path.join(folder, "wrong"), "--overwrite")
    # order at both ends: told as soon as the smallest size is measured
    path = write(folder, "cold.yaml", SMALL.replace("from: 0.2", "from: 1.5").replace("to: 0.7",
                                                                                     "to: 2"))
    refused(kramers, path, "want a range with order at one end only", "-o",
            os.path.join(folder, "cold"))
    other = os.path.join(folder, "other")
    os.mkdir(other)
    keep = write(other, "thesis.txt", "keep me")
    refused(kramers, os.path.join(folder, "small.yaml"), "holds other files and no study", "-o",
            other, "--overwrite")
    assert os.path.exists(keep)
    # a folder of the other command is none of this one
    write(other, "study.yaml", "# A study of kramers critical.\n")
    refused(kramers, os.path.join(folder, "small.yaml"), "not written by such a study", "-o", other,
            "--overwrite")


def same(told):
    return {k: v for k, v in told.items() if k not in ("cost", "folder")}


def check_files(kramers, study, told):
    names = os.listdir(study)
    for name in ("L0006.h5", "L0012.h5", "study.yaml", "phase.dat", "phase.gp", "phase.svg"):
        assert name in names, names
    # an ordinary result file, and the Binder cumulants are those of its summary
    summary = subprocess.run([kramers, "summary", os.path.join(study, "L0008.h5"), "--json"],
                             check=True, capture_output=True, text=True).stdout
    summary = json.loads(summary)["observables"]
    curve = told["binder"]["curves"][1]
    for k, energy in enumerate(summary["energy_per_site"]):
        assert abs(energy["beta"] - told["points"][k]) < 1e-12
        assert abs(energy["z"]) < 4.9, energy
    binder = summary.get("binder")
    assert binder, sorted(summary)
    for k, point in enumerate(binder):  # the summary takes the bias of order 1/n off
        assert abs(point["mean"] - curve["binder"][k]) < 0.3 * point["error"], (point, k)
        assert 0.5 < curve["error"][k] / point["error"] < 2, (point, curve["error"][k])


def check_result(told):
    assert told["parameter"] == "beta" and told["ordered_side"] == "high"
    assert abs(told["known"] - 0.4406867935) < 1e-9
    assert [c["name"] for c in told["classifiers"]] == ["logistic", "network"]
    window = told["windows"][0]
    assert abs(window["low"] - 0.325) < 1e-9 and abs(window["high"] - 0.575) < 1e-9, window
    assert abs(told["windows"][1]["low"] - 0.2625) < 1e-9, told["windows"]
    for c in told["classifiers"]:
        limit = c["limit"]
        print(f"# {c['name']}: {limit['value']:.5f} +- {limit['error']:.2g} (draws "
              f"{limit['statistical']:.2g}), z = {limit['z']:+.2f}; within {c['r2']}")
        assert abs(limit["z"]) < 4.6 and limit["error"] < 0.1, limit
        square = sum(limit[k] ** 2 for k in ("statistical", "window", "cut"))
        assert abs(limit["error"] ** 2 / square - 1) < 1e-9, limit
        assert abs(limit["z"] - (limit["value"] - told["known"]) / limit["error"]) < 1e-9
        for curve in c["curves"]:
            p = curve["p"]
            assert len(p) == 17 and p[0] < 0.25 and p[-1] > 0.75, p
            assert all(0 <= x <= 1 for x in p) and all(0 <= e < 0.2 for e in curve["error"])
        for half, curve in zip(c["half"], c["curves"]):  # where the curve passes 1/2
            k = max(i for i, x in enumerate(told["points"]) if x <= half["value"])
            near = curve["p"][max(0, k - 1):k + 3]
            assert min(near) <= 0.5 <= max(near), (half, near)
        assert c["test"]["accuracy"] > 0.85, c["test"]
        assert abs(c["train"]["accuracy"] - c["test"]["accuracy"]) < 0.05, c
    linear = told["classifiers"][0]
    assert abs(linear["r2"]["all"] - 1) < 1e-6 and abs(linear["r2"]["all_within"] - 1) < 1e-6
    # configurations are those of the draws whose features stand beside them
    assert told["classifiers"][1]["r2"]["all_within"] > 0.8, told["classifiers"][1]["r2"]
    assert 0.8 < told["agreement"]["all"] <= 1
    shown = told["classifiers"][1]["shown"]
    assert shown["ordered"] > 0.9 and shown["random"] < 0.3, shown
    assert len(told["says"]) >= 8, told["says"]


def check_small(kramers, folder):
    path, study = write(folder, "small.yaml", SMALL), os.path.join(folder, "study")
    with subprocess.Popen([kramers, "phase", path, "-o", study, "--threads", "2"],
                          stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if "size 8: tau_int" in line:  # a folder has one study at a time
                refused(kramers, path, "another process works on this study", "-o", study)
                process.send_signal(signal.SIGINT)
        assert process.wait() == 3
    assert not os.path.exists(os.path.join(study, "phase.dat"))
    told = json.loads(run(kramers, path, "-o", study, "--threads", "2", "--json").stdout)
    whole = json.loads(run(kramers, path, "-o", os.path.join(folder, "whole"), "--threads", "1",
                           "--json").stdout)
    assert same(told) == same(whole), "stopped and gone on with on two threads: not the same"
    check_result(told)
    check_files(kramers, study, told)
    table = run(kramers, path, "-o", study).stdout
    assert "what it knows and what it does not" in table and "trained at 0.2..0.325" in table
    refused(kramers, path, "another run file", "-o", study, "--set", "phase.epochs=11")
    other = json.loads(run(kramers, path, "-o", study, "--json", "--overwrite", "--seed", "2").stdout)
    assert other["binder"]["curves"] != told["binder"]["curves"]


def check_without_network(kramers, folder):
    path = write(folder, "honeycomb.yaml", SMALL.replace("hypercubic", "honeycomb").replace(
        "from: 0.2, to: 0.7", "from: 0.4, to: 0.95"))
    told = json.loads(run(kramers, path, "-o", os.path.join(folder, "honeycomb"), "--json").stdout)
    assert [c["name"] for c in told["classifiers"]] == ["logistic"], told["classifiers"]
    assert "several sites in a cell" in told["network_note"]
    assert told["agreement"]["all"] is None
    assert abs(told["classifiers"][0]["limit"]["z"]) < 4.6, told["classifiers"][0]["limit"]
    # a parameter of the model, ordered at the low end
    path = write(folder, "capel.yaml", SMALL.replace(
        "{name: ising}", "{name: blume_capel, D: {from: 0.8, to: 2.6, count: 17}}").replace(
            "beta: {from: 0.2, to: 0.7, count: 17}", "beta: 1"))
    told = json.loads(run(kramers, path, "-o", os.path.join(folder, "capel"), "--json").stdout)
    assert told["parameter"] == "D" and told["ordered_side"] == "low"
    for c in told["classifiers"]:
        limit = c["limit"]
        # 1.7033(7): kramers critical, docs/critical.md
        assert abs(limit["value"] - 1.7033) < 4.6 * limit["error"] and limit["error"] < 0.5, limit
        assert c["curves"][0]["p"][0] > 0.8 > 0.2 > c["curves"][0]["p"][-1]
    path = write(folder, "none.yaml", SMALL.replace("filters: 4", "filters: 0"))
    told = json.loads(run(kramers, path, "-o", os.path.join(folder, "none"), "--json").stdout)
    assert told["network_note"] == "phase.filters is 0" and len(told["classifiers"]) == 1


def check_without_transition(kramers, folder):
    """A range that ends below the transition: the classifiers do not notice, Binder does."""
    path = write(folder, "hot.yaml", SMALL.replace("to: 0.7", "to: 0.38"))
    told = json.loads(run(kramers, path, "-o", os.path.join(folder, "hot"), "--json").stdout)
    assert told["binder"]["value"] is None, told["binder"]["value"]
    assert any("do not cross" in line and "0.29" in line for line in told["says"]), told["says"]
    limit = told["classifiers"][0]["limit"]
    assert limit["z_statistical"] < -10 and abs(limit["value"] - 0.29) < 0.03, limit
    assert any("it is wrong, and its own data do not show it" in line for line in told["says"])


def check_case(kramers, runs, folder, case):
    told = json.loads(run(kramers, os.path.join(runs, f"phase_{case}.yaml"), "-o",
                          os.path.join(folder, case), "--json").stdout)
    want, most = EXACT[case]
    good = True
    for name, found in [(c["name"], c["limit"]) for c in told["classifiers"]] + [
            ("binder", told["binder"])]:
        z = (found["value"] - want) / found["error"]
        fine = abs(z) < 3.9 and found["error"] < most
        good &= fine
        print(f"# {case}, {name}: {found['value']:.6f} +- {found['error']:.2g}, known {want:.6f}, "
              f"z = {z:+.2f}: {'ok' if fine else 'NOT OK'}")
    # the network of the Ising file reads |m|, that without hidden units the energy
    within = told["classifiers"][1]["r2"]
    m, e = within["abs_magnetization_within"], within["conjugate_within"]
    shown = told["classifiers"][1]["shown"]["domains"]
    print(f"# {case}: R^2 of |m| {m:.2f}, of the energy {e:.2f}; domains {shown:.3f}")
    return good and ((m > e and shown < 0.5) if case == "ising" else (e > m and shown > 0.5))


def main():
    kramers, runs, cases = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory(prefix="phase-", dir=os.getcwd()) as folder:
        if not cases:
            check_small(kramers, folder)
            check_without_network(kramers, folder)
            check_without_transition(kramers, folder)
            check_errors(kramers, folder)
        good = all([check_case(kramers, runs, folder, case) for case in cases])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
