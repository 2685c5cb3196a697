# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of `kramers plot` on short runs: figures, data that are those of the summary, no gnuplot warning.

usage: check_plots.py KRAMERS RUNS [--all]

--all makes every kind and the page of every shipped run file, each shortened to some steps.

RUNS is the folder of the shipped run files, which are shortened here. Where gnuplot is missing the scripts and
data are checked all the same.
"""
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

KRAMERS, RUNS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SHORT = {
    "net.h5": ("ising_critical.yaml", "lattice.size=[8, 8]", "phases.adapt=60", "phases.measure=60", "chains=6",
               "training.max_work=1", "output.configurations.every=2", "densities.net.save=net.krd"),
    "field.h5": ("phi4_critical.yaml", "lattice.size=[8, 8]", "phases={thermalize: 50, measure: 200}", "chains=8",
                 "observables=[energy, magnetization, two_point]", "output.configurations.every=2"),
    "small.h5": ("ising_critical.yaml", "lattice.size=[4, 4]"),
    "large.h5": ("ising_critical.yaml", "lattice.size=[6, 6]"),
    "flat.h5": ("potts20_multicanonical.yaml", "model={name: ising}", "lattice.size=[4, 4]", "beta=0.44", "chains=8",
                "multicanonical={}", "phases={thermalize: 100, adapt: 4000, measure: 8000, every: 4}"),
    "angles.h5": ("xy_helicity.yaml", "lattice.size=[6, 6]", "phases={thermalize: 20, measure: 40}", "beta=1",
                  "chains=2", "output.configurations.every=2"),
}
SCAN = ("beta={from: 0.3, to: 0.5, count: 3}", "densities={}", "training={}", "updates=[heat_bath]",
        "phases={thermalize: 20, measure: 200}", "chains=8")


def call(*arguments, want=0):
    """Runs the program; returns stdout, or stderr where it has to fail."""
    result = subprocess.run([KRAMERS, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == want or (want and result.returncode), (arguments, result.returncode, result.stderr)
    return result.stderr if want else result.stdout


def make(name):
    """A short run of a shipped run file."""
    source, *sets = SHORT[name]
    sets += SCAN if name in ("small.h5", "large.h5") else ()
    more = [word for text in sets for word in ("--set", text)]
    call("run", os.path.join(RUNS, source), *more, "-o", name, "--progress", "never", "--threads", "1")


def blocks(path):
    """Rows of numbers of the blocks of a data file."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                found.append([])
            elif line.strip():
                found[-1].append([float(word) for word in line.split()])
    return found


def plot(kind, *files):
    """Draws as bitmap, SVG and PDF; gnuplot has nothing to say. Returns the data."""
    for ending in ("pdf", "svg", "png") if shutil.which("gnuplot") else ():
        figure = f"{kind}.{ending}"
        call("plot", *files, kind, "-o", figure)
        assert os.path.getsize(figure) > 1000, figure
        said = subprocess.run(["gnuplot", "-d", f"{kind}.gp"], capture_output=True, text=True, check=True)
        assert not said.stdout + said.stderr, (kind, files, said.stderr)
    if not shutil.which("gnuplot"):
        assert "gnuplot: not found" in call("plot", *files, kind, "-o", f"{kind}.png", want=1)
    return blocks(f"{kind}.dat")


def close(a, b):
    """Equal to the digits of data files."""
    return abs(a - b) <= 1e-3 * abs(b) + 1e-9


def observables(name):
    """Those of the summary."""
    return json.loads(call("summary", name, "--json"))["observables"]


def check_energies():
    """A picture has the energy of its draw: that of the first chain as `trace` draws it."""
    trace = dict(map(tuple, plot("trace", "net.h5")[0]))
    pictures = plot("snapshot", "net.h5")
    with open("snapshot.dat", encoding="utf-8") as file:
        names = [line.split() for line in file if line.startswith("#")]
    n_found = 0
    for (_, _, chain, _, draw), rows in zip(names, pictures):
        if chain == "0,":
            spins = [[2 * value - 1 for value in row] for row in rows]
            energy = -sum(s * (spins[y - 1][x] + spins[y][x - 1]) for y, row in enumerate(spins)
                          for x, s in enumerate(row)) / 64
            assert close(trace[float(draw)], energy), (draw, trace[float(draw)], energy)
            n_found += 1
    assert n_found > 1


def check_joint():
    """Its margins are the exact laws of the 4 x 4 torus, and small energies go with large |m|."""
    call("run", os.path.join(RUNS, SHORT["small.h5"][0]), "--set", "lattice.size=[4, 4]",
         *[word for text in (*SCAN, "beta=0.4", "updates=[wolff]",
                           "phases={thermalize: 50, measure: 4000}") for word in ("--set", text)],
         "-o", "joint.h5", "--progress", "never", "--threads", "1")
    cells = plot("joint", "joint.h5")[0]
    assert abs(sum(share for _, _, share in cells) - 1.0) < 1e-4
    energy, spins = log_laws(0.4)
    for column, law in ((1, energy), (0, spins)):
        total, margin = sum(map(math.exp, law.values())), dict.fromkeys(law, 0.0)
        for cell in cells:
            level = min(law, key=lambda key: abs(key - 16 * cell[column]))  # pylint: disable=cell-var-from-loop
            assert close(16 * cell[column], level), (cell, level)
            margin[level] += cell[2]
        off = max(abs(margin[key] - math.exp(value) / total) for key, value in law.items())
        assert off < 0.02, (column, off)
    mean = {}
    for spin, level, share in cells:
        n, total = mean.get(level, (0.0, 0.0))
        mean[level] = n + share, total + share * abs(spin)
    moduli = [total / n for level, (n, total) in sorted(mean.items()) if n > 0.01]
    assert moduli[0] > 0.99 and moduli == sorted(moduli, reverse=True), moduli


def log_laws(beta):
    """ln P of energy and magnetization per site of the 4 x 4 Ising torus, by enumeration."""
    laws = {}, {}
    for state in range(1 << 16):
        right = (state >> 1) & 0x7777 | (state & 0x1111) << 3
        down = state >> 4 | (state & 0xf) << 12
        unequal = bin(state ^ right).count("1") + bin(state ^ down).count("1")
        energy, spins = 2 * unequal - 32, 2 * bin(state).count("1") - 16
        for law, key in zip(laws, (energy, spins)):
            law[key] = law.get(key, 0.0) + math.exp(-beta * (energy + 32))
    return [{key: math.log(value) for key, value in law.items()} for law in laws]


def check_barriers():
    """-ln P on a small torus, from draws and from a multicanonical run (its histograms, its weighted draws)."""
    for name, betas in (("small.h5", (0.3, 0.4, 0.5)), ("flat.h5", (0.44,))):
        found = plot("barrier", name)
        for column in range(2):
            worst, n_close = 0.0, 0
            for beta, rows in zip(betas, found[-len(betas):] if column else found):
                law = log_laws(beta)[column]
                top = next(round(16 * x) for x, value, _ in rows if value == 0)
                for x, value, error in rows:
                    worst = max(worst, abs(value - law[top] + law[round(16 * x)]) / error if error > 0 else 0)
                    n_close += 0 < error < (0.1 if name == "flat.h5" else 0.6)
            assert worst < 4.6 and n_close >= 6, (name, column, worst, n_close)


def check_acceptance():
    """Bins of equally many draws average to the acceptance of the summary; of a scan its points are those."""
    for name in ("net.h5", "small.h5"):
        updates = json.loads(call("summary", name, "--json"))["updates"]
        for (update, entry), rows in zip(updates.items(), plot("acceptance", name)):
            assert all(0 <= row[2] <= row[3] <= 1 for row in rows), (name, update)
            if isinstance(entry, list):
                assert all(close(row[1], e["acceptance"]) for row, e in zip(rows, entry)), (name, update)
            else:
                assert len(rows) > 1 and rows[0][0] > 0 and rows[-1][0] < 60
                mean = sum(row[1] for row in rows) / len(rows)
                assert abs(mean - entry["acceptance"]) < 0.02 * entry["acceptance"], (update, mean, entry)


def check_work():
    """The axis of work rises with the steps; its end is the work that the density file tells."""
    work = plot("training", "net.h5")[0]
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(work, work[1:])), work
    told = re.search(r"training: *(\d+) steps, ([\d.]+) nominal CPU-seconds", call("explain", "net.krd"))
    steps, whole = int(told[1]), float(told[2])
    tic = work[1][1] - work[0][1] if len(work) > 1 else whole
    assert work[-1][0] < steps and work[-1][1] <= whole < work[-1][1] + tic + 1e-9, (work, told[0])


def check_compare():
    """Costs are CPU-seconds over ESS, totals begin with the training; runs of two systems are refused."""
    call("run", os.path.join(RUNS, SHORT["net.h5"][0]), "--set", "lattice.size=[8, 8]", "--set", "densities={}", "--set",
         "training={}", "--set", "updates=[heat_bath]", "--set", "chains=6", "--set",
         "phases={thermalize: 50, measure: 200}", "-o", "plain.h5", "--progress", "never", "--threads", "1")
    names = ("plain.h5", "net.h5")
    found = [json.loads(call("summary", name, "--json")) for name in names]
    data = plot("compare", *names)
    common = [name for name, value in found[0]["observables"].items()
              if value.get("ess") and found[1]["observables"].get(name, {}).get("ess")]
    assert "energy_per_site" in common and len(data) == 4
    for side, summary in enumerate(found):
        cost, rows = summary["cost"], {}
        for name in common:
            rows[name] = cost["sample_cpu_s"] / summary["observables"][name]["ess"]
        seen = [row[1] for row in data[2 * side]]
        assert all(any(close(x, y) for y in rows.values()) for x in seen) and close(seen[0], rows["energy_per_site"])
        train = cost["train_cpu_s"] + (cost.get("pilot_cpu_s") or 0.0)
        for n, total in data[2 * side + 1]:
            assert close(total, train + n * max(seen)), (n, total, train, max(seen))
    assert train > 0.0
    assert "compare: one file" in call("plot", "net.h5", "compare", want=1)
    assert "differ in model, want one system" in call("plot", "net.h5", "field.h5", "compare", want=1)


def check():
    """One run per kind."""
    for name in SHORT:
        make(name)
    for name, sites in (("net.h5", 8), ("field.h5", 8), ("angles.h5", 6)):
        pictures = plot("snapshot", name)
        assert all(len(rows) == sites and len(rows[0]) == sites for rows in pictures), name
        values = {value for rows in pictures for row in rows for value in row}
        assert name != "net.h5" or values == {0.0, 1.0}
        assert name != "angles.h5" or all(abs(value) < 3.1416 for value in values)
    check_energies()
    check_joint()
    check_compare()
    check_barriers()
    check_acceptance()
    assert plot("tau", "net.h5")[0][0][1] == 1.0
    tau = [row["tau_int"] for row in observables("small.h5")["energy_per_site"]]
    assert all(close(row[1], want) for row, want in zip(plot("tau", "small.h5")[0], tau)), tau
    cumulants = plot("binder", "small.h5", "large.h5")
    for k, name in ((0, "small.h5"), (2, "large.h5")):
        want = observables(name)["binder"]
        assert len(cumulants[k]) == 3
        for row, entry in zip(cumulants[k], want):
            assert close(row[0], entry["beta"]) and close(row[1], entry["mean"]) and close(row[2], entry["error"])
    names = observables("field.h5")
    for row in plot("correlation", "field.h5")[0]:
        assert close(row[1], names[f"two_point_connected_{row[0]:.0f}"]["mean"]), row
    assert plot("training", "net.h5")[0]
    check_work()
    assert "a single point, want a scan" in call("plot", "net.h5", "binder", want=1)
    assert "want output: {configurations" in call("plot", "small.h5", "snapshot", want=1)
    assert "want one to eight" not in call("plot", *["small.h5"] * 8, "binder")
    assert "trace of 3 files, want one" in call("plot", *["small.h5"] * 3, "trace", want=1)


KINDS = ("trace", "histogram", "barrier", "residence", "tau", "reweight", "binder", "correlation", "snapshot", "training",
         "acceptance", "joint", "compare")
# What makes a shipped run file short beside the lines of shorten().
SMALL = {
    "edwards_anderson_3d.yaml": ["lattice.size=[4, 4, 4]", "tempering.pilot=50"],
    "glass_tensor_network.yaml": ["lattice.size=[8, 8]"],
    "ising_all_temperatures.yaml": ["beta.count=5", "training.conditional=1"],
    "phi4_conditional.yaml": ["densities.net.save=net.krd"],  # its own name is beside the run file
    "phi4_log_z.yaml": ["chains=64", "path.points=5", "lattice.size=[6, 6]"],
    "population_annealing_glass.yaml": ["chains=64", "phases={every: 5, measure: 60}"],
    "potts20_multicanonical.yaml": ["lattice.size=[6, 6]", "chains=8",
                                    "phases={thermalize: 100, adapt: 20000, measure: 2000, every: 20}"],
    "rfim_all_temperatures.yaml": ["beta.count=5", "training.conditional=1"],
    "spin_glass_strip.yaml": ["lattice.size=[10, 10]"],
}


def shorten(name, text):
    """Settings that leave some draws of a shipped run file."""
    sets = []
    if "population_annealing:" not in text and "multicanonical:" not in text:
        adapt = "adapt: 100, " if "adapt:" in text else ""
        sets += [f"phases={{thermalize: 20, {adapt}measure: 120, every: 2}}", "chains=8",
                 "output.configurations.every=10"]
    if "densities:" in text:
        sets += ["training.certificate=2000"]
    if "adapt:" in text and "densities:" in text:
        sets += ["training.max_work=0.3"]
    return [word for setting in sets + SMALL.get(name, []) for word in ("--set", setting)]


def wanted(text, is_scan, is_stored):
    """Kinds that a run of this file allows; `reweight` also asks for enough draws."""
    is_annealing = "population_annealing:" in text
    text += "" if "observables:" in text else "observables: [energy, magnetization, residence]"
    has_order = "magnetization" in text
    rules = {"trace": True, "histogram": True, "acceptance": True, "barrier": not is_annealing, "tau": not is_annealing,
             "joint": has_order and not is_annealing, "residence": "residence" in text,
             "correlation": "two_point" in text, "snapshot": is_stored,
             "training": "adapt:" in text and "densities:" in text,
             "binder": is_scan and (has_order or "overlap" in text)}
    return {kind for kind, is_there in rules.items() if is_there}


def check_file(name):
    """Every kind is drawn, or refused for a reason that this file gives; the page has them all."""
    with open(os.path.join(RUNS, name), encoding="utf-8") as file:
        text = "".join(line.split("#")[0] + "\n" for line in file)
    sets = shorten(name, text)
    call("run", os.path.join(RUNS, name), *sets, "-o", "a.h5", "--overwrite", "--progress", "never", "--threads", "1")
    drawn = set()
    for kind in KINDS:
        result = subprocess.run([KRAMERS, "plot", "a.h5", kind, "-o", f"{kind}.svg"], capture_output=True, text=True,
                                check=False)
        assert result.returncode in (0, 2), (name, kind, result.stderr)
        if result.returncode == 0:
            drawn.add(kind)
            said = subprocess.run(["gnuplot", "-d", f"{kind}.gp"], capture_output=True, text=True, check=True)
            assert not said.stdout + said.stderr, (name, kind, said.stderr)
    is_scan = json.loads(call("summary", "a.h5", "--json"))["points"] > 1
    want = wanted(text, is_scan, any("configurations" in word for word in sets))
    assert drawn - {"reweight"} == want, (name, drawn ^ want)
    call("report", "a.h5", "-o", "a.html", "--overwrite")
    with open("a.html", encoding="utf-8") as file:
        assert file.read().count("<svg ") == len(drawn), name
    return len(drawn)


def check_all():
    """Every shipped run file."""
    names = sorted(name for name in os.listdir(RUNS) if name.endswith(".yaml"))
    assert shutil.which("gnuplot"), "want gnuplot"
    n_figures = sum(check_file(name) for name in names)
    print(f"{len(names)} run files, {n_figures} figures")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if "--all" in sys.argv:
            check_all()
        else:
            check()
            print("figures of every kind: data equal those of the summary")
