# SPDX-License-Identifier: GPL-3.0-or-later
"""Means over samples of quenched disorder in `summary`, against the samples and their exact values.

usage: check_samples.py KRAMERS
"""
import json
import math
import os
import subprocess
import sys
import tempfile

RUN = """\
model: {name: ising, disorder: {kind: gaussian, seed: [1, 2, 3, 4, 5, 6]}}
lattice: {name: hypercubic, size: [4, 3]}
beta: [0.3, 0.6]
chains: 16
phases: {thermalize: 100, measure: 4000, every: 2}
updates: [heat_bath]
observables: [energy]
"""


def main():
    kramers = os.path.abspath(sys.argv[1])

    def call(*arguments):
        return subprocess.run([kramers, *arguments], check=True, capture_output=True,
                              text=True).stdout

    with tempfile.TemporaryDirectory(prefix="samples-", dir=os.getcwd()) as folder:
        path, output = os.path.join(folder, "run.yaml"), os.path.join(folder, "run.h5")
        with open(path, "w", encoding="utf-8") as out:
            out.write(RUN)
        call("run", path, "-o", output, "--progress", "never")
        told = json.loads(call("summary", output, "--json"))
        assert [g["beta"] for g in told["samples"]] == [0.3, 0.6], told["samples"]
        worst = 0.0
        for group in told["samples"]:
            for name in ("energy_per_site", "specific_heat"):
                at = [q for q in told["observables"][name] if q["beta"] == group["beta"]]
                mean = sum(q["mean"] for q in at) / 6
                error = math.sqrt(sum((q["mean"] - mean) ** 2 for q in at) / 30)
                thermal = math.sqrt(sum(q["error"] ** 2 for q in at)) / 6
                exact = sum(q["exact"] for q in at) / 6
                found = group["observables"][name]
                assert len(at) == 6 and found["samples"] == 6, (name, found)
                assert abs(found["mean"] - mean) < 1e-12, (found, mean)
                assert abs(found["error"] - error) < 1e-12, (found, error)
                assert abs(found["thermal_error"] - thermal) < 1e-12, (found, thermal)
                assert thermal < 0.2 * error, (name, thermal, error)
                worst = max(worst, abs(mean - exact) / thermal)
        assert worst < 4.2, worst  # of these samples, not of the disorder
        table = call("summary", output)
        assert "mean over samples" in table and "beta = 0.6" in table, table
        call("run", path, "-o", output, "--overwrite", "--progress", "never", "--set",
             "model.disorder.seed=3")
        assert json.loads(call("summary", output, "--json"))["samples"] is None
        assert "over samples" not in call("summary", output)
    print(f"# largest |z| of a mean over samples against the exact one: {worst:.2f}")


main()
