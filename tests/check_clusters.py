# SPDX-License-Identifier: GPL-3.0-or-later
"""Structure factors from sizes of clusters in whole runs, against enumeration.

usage: check_clusters.py KRAMERS

Ising and Potts models of 16 and 9 sites, with Wolff and with both forms and engines of Swendsen-Wang,
in scans and ladders; that sizes leave samples as they are and are only there where they are wanted.
"""
import collections
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile

BETAS = [0.2, 0.45, 0.7]
RUN = """\
model: MODEL
lattice: {name: LATTICE, size: SIZE}
beta: [0.2, 0.45, 0.7]
chains: 12
seed: 4
phases: {thermalize: 100, measure: 6000, every: 3}
updates: [{name: UPDATE, sweeps: 1}]
observables: [energy, two_point]
"""
MOST, RELATIVE = 4.9, 0.01  # of at most 100 values; largest error
BONDS = {"hypercubic": ((1, 0), (0, 1)), "triangular": ((1, 0), (0, 1), (1, 1))}
CASES = [
    ("{name: ising}", 2, "hypercubic", 4, "wolff", "words"),
    ("{name: ising}", 2, "hypercubic", 4, "swendsen_wang", "bits"),
    ("{name: ising}", 2, "triangular", 3, "swendsen_wang", "graph"),
    ("{name: ising}", 2, "hypercubic", 4, "swendsen_wang, form: reflection", "graph"),
    ("{name: potts, q: 3}", 3, "hypercubic", 3, "swendsen_wang", "bits"),
    ("{name: potts, q: 3}", 3, "hypercubic", 3, "swendsen_wang, form: reflection", "graph"),
]


def exact(q, lattice, side):
    """N <|m|^2> at the temperatures, by enumeration of a torus."""
    sites = list(itertools.product(range(side), repeat=2))
    index = {site: k for k, site in enumerate(sites)}
    bonds = [(index[x, y], index[(x + dx) % side, (y + dy) % side])
             for x, y in sites for dx, dy in BONDS[lattice]]
    levels = collections.Counter()
    for rest in itertools.product(range(q), repeat=len(sites) - 1):
        s = (0, *rest)  # all states of the first site are alike
        levels[sum(s[i] == s[j] for i, j in bonds),
               sum(s.count(a) ** 2 for a in range(q))] += 1
    weight = 2 if q == 2 else 1  # of an equal bond, in units of J
    values = []
    for beta in BETAS:
        law = {level: n * math.exp(beta * weight * level[0]) for level, n in levels.items()}
        square = sum(w * level[1] for level, w in law.items()) / sum(law.values())
        values.append((q * square / len(sites) - len(sites)) / (q - 1))
    return values


def main():
    kramers = os.path.abspath(sys.argv[1])

    def call(*arguments):
        return subprocess.run([kramers, *arguments], check=True, capture_output=True,
                              text=True).stdout

    def run(case, *settings):
        """Object and table of a run."""
        model, _, lattice, side, update, _ = case
        text = RUN.replace("MODEL", model).replace("LATTICE", lattice).replace("UPDATE", update)
        with open("run.yaml", "w", encoding="utf-8") as out:
            out.write(text.replace("SIZE", f"[{side}, {side}]"))
        call("run", "run.yaml", "-o", "run.h5", "--overwrite", "--progress", "never",
             "--threads", "1", *(word for text in settings for word in ("--set", text)))
        return json.loads(call("summary", "run.h5", "--json")), call("summary", "run.h5")

    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="clusters-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        for case in CASES:
            want = exact(*case[1:4])
            for settings in ((), ("tempering={every: 2}",)):
                told, table = run(case, *settings)
                name = case[4].split(",")[0]
                assert f"mean cluster size of {name}: structure_zero" in table, table
                for p, update in enumerate(told["updates"][name]):
                    assert update["engine"] == case[5], (case, update["engine"])
                    row = update["rao_blackwell"]["observables"]["structure_zero"]
                    states = told["observables"]["structure_zero"][p]
                    z = (row["mean"] - want[p]) / row["error"]
                    print(f"# {case[0]} {case[2]} {case[4]} {settings} beta {BETAS[p]}: {row['mean']:.4f}"
                          f"({row['error']:.4f}) exact {want[p]:.4f} z {z:+.2f} gain {row['gain']:.3g}")
                    assert abs(z) < MOST and row["error"] < RELATIVE * want[p], (case, row, want[p])
                    assert abs(states["mean"] - want[p]) < MOST * states["error"], (case, states)
                    assert p > 0 or row["gain"] > 2.0, (case, row)  # clusters are small
                    worst = max(worst, abs(z))
        told, _ = run(CASES[1])
        plain, table = run(CASES[1], "observables=[energy]")
        assert told["observables"]["energy_per_site"] == plain["observables"]["energy_per_site"]
        assert plain["updates"]["swendsen_wang"][0]["rao_blackwell"] is None
        assert "cluster size" not in table, table
        for settings in (("model.J=-1",), ("model.field=0.1",)):
            told, table = run(CASES[1], *settings)
            assert told["updates"]["swendsen_wang"][0]["rao_blackwell"] is None, settings
        told, _ = run(CASES[1], "beta=0.2", "phases.measure=600000",
                      "stop={observable: structure_zero_rb_swendsen_wang, error: 0.01}")
        row = told["updates"]["swendsen_wang"]["rao_blackwell"]["observables"]["structure_zero"]
        assert 0.004 < row["error"] < 0.011, row
    print(f"# largest |z|: {worst:.2f}")


if __name__ == "__main__":
    main()
