# SPDX-License-Identifier: GPL-3.0-or-later
"""R-hat and ESS of bulk and tails of `summary --json` against ArviZ on the same file.

usage: check_arviz.py KRAMERS

Exit status 77 (skipped, with a notice) where ArviZ is not installed; it is not a Debian package.
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
try:
    import arviz
except ImportError:
    print("1..0 # SKIP ArviZ is not installed (pip install arviz)")
    sys.exit(77)

RUN = """
model: {name: %s}
lattice: {name: hypercubic, size: [8, 8], boundary: periodic}
beta: %s
chains: %d
phases: {thermalize: 100, measure: %d, every: 2}
updates: [%s]
observables: [energy, magnetization, residence]
"""
CASES = [("ising", 0.4, 4, 4001, "heat_bath"), ("ising", 0.55, 16, 2000, "heat_bath"),
         ("phi4, m2: -4, lambda: 6", 1, 8, 3000, "{name: hmc, steps: 5}"), ("potts, q: 3", 1.0, 3, 1000, "wolff")]
PAIRS = (("r_hat", lambda x: arviz.rhat(x)), ("ess_bulk", lambda x: arviz.ess(x, method="bulk")),
         ("ess_tail", lambda x: arviz.ess(x, method="tail")))


def check(kramers, case, path):
    """Every column of a run; returns how many values were compared."""
    with open("run.yaml", "w", encoding="utf-8") as file:
        file.write(RUN % case)
    subprocess.run([kramers, "run", "run.yaml", "-o", path, "--overwrite", "--progress", "never"],
                   check=True, stdout=subprocess.DEVNULL)
    found = json.loads(subprocess.run([kramers, "summary", path, "--json"], check=True, capture_output=True,
                                      text=True).stdout)["observables"]
    posterior, n = arviz.from_netcdf(path).posterior, 0
    for name, row in found.items():
        if row["is_derived"] or row["is_constant"]:
            continue
        for key, of in PAIRS:
            want = float(of(posterior[name].values))
            assert abs(row[key] / want - 1.0) < (1e-3 if key == "r_hat" else 1e-2), (case, name, key, row[key], want)
            n += 1
    assert n > 0
    return n


def main():
    """All cases."""
    kramers = os.path.abspath(sys.argv[1])
    print(f"1..{len(CASES)}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for k, case in enumerate(CASES):
            n = check(kramers, case, f"{k}.h5")
            print(f"ok {k + 1} - {case[0]} at beta = {case[1]}: {n} values of ArviZ {arviz.__version__}")


main()
