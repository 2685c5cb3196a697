# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots of a ladder that share vectors: energies of each against Kaufman's, and what each accepts
against the same run without vectors. Sides of 16 have halos, which exchanges and cluster moves
leave stale.

usage: check_gangs.py KRAMERS
"""
import json
import os
import subprocess
import sys
import tempfile

KRAMERS = os.path.abspath(sys.argv[1])
RUN = """model: {name: ising}
lattice: {name: hypercubic, size: [16, 16]}
beta: {from: 0.38, to: 0.5, count: 16}
chains: 2
seed: 3
phases: {thermalize: 500, measure: 20000, every: 5}
updates: [{name: heat_bath}, {name: wolff}]
tempering: {}
observables: [energy]
"""
Z_MAX, ERROR_MAX, ACCEPTANCE_MAX = 4.6, 0.004, 0.02


def run(name, *more):
    with open("gangs.yaml", "w", encoding="utf-8") as file:
        file.write(RUN)
    subprocess.run([KRAMERS, "run", "gangs.yaml", "-o", name, "--progress", "never", *more],
                   check=True, stdout=subprocess.DEVNULL)
    out = subprocess.run([KRAMERS, "summary", name, "--json"], check=True, capture_output=True)
    return json.loads(out.stdout)


def main():
    with tempfile.TemporaryDirectory(prefix="gangs-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        gangs = run("gangs.h5")
        alone = run("alone.h5", "--set", "updates.0.engine=ref", "--set", "seed=4")
        os.chdir("..")
    rows = zip(gangs["observables"]["energy_per_site"], gangs["updates"]["heat_bath"],
               alone["updates"]["heat_bath"])
    for energy, with_gang, without in rows:
        ratio = with_gang["acceptance"] / without["acceptance"]
        print(f"# beta {energy['beta']:.3f}: e {energy['mean']:.5f}({energy['error']:.0e}) "
              f"z {energy['z']:+.2f}, accepted {with_gang['acceptance']:.4f}, ratio {ratio:.4f}")
        assert with_gang["engine"] == "bits" and without["engine"] == "ref"
        assert energy["error"] <= ERROR_MAX and abs(energy["z"]) <= Z_MAX
        assert abs(ratio - 1) <= ACCEPTANCE_MAX
    print("ok slots that share vectors keep their laws")


main()
