# SPDX-License-Identifier: GPL-3.0-or-later
"""A well left out of the training data is told as mode collapse, whatever the seed; with both
wells there is no alarm; chains that never leave one well are told where the density has both.

usage: check_collapse.py KRAMERS
"""
import json
import os
import subprocess
import sys
import tempfile

RUN = """\
model: {name: ising, random_field: {kind: gaussian, strength: 0.5, seed: 7, zero_sum: true}}
lattice: {name: hypercubic, size: [8, 8]}
beta: 0.8
chains: 64
start: mixed
phases: {thermalize: 50, adapt: 500, measure: 500, every: 1}
updates:
  - {name: heat_bath, sweeps: 2}
  - {name: independence, density: net}
densities: {net: {name: frontier, hidden: 8}}
training: {batch: 128, target_ess: 0.9}
"""
COLLAPSE, UNSEEN = "mode collapse", "chains lack a phase that a density has"
ONE_WELL = ("training.phases=[{}]", "training.forward=1", "training.rate=0.03",
            "training.target_ess=1")


def verdict(*sets, check):
    words = [word for text in sets for word in ("--set", text)]
    subprocess.run([KRAMERS, "run", "run.yaml", "-o", "a.h5", "--overwrite", "--progress", "never",
                    *words], check=True, stdout=subprocess.DEVNULL)
    result = subprocess.run([KRAMERS, "summary", "a.h5", "--json", "--check"], check=False,
                            capture_output=True, text=True)
    assert result.returncode == check, (sets, result.returncode, result.stderr)
    summary = json.loads(result.stdout)
    return summary, summary["verdict"]["reasons"]


def main():
    with open("run.yaml", "w", encoding="utf-8") as file:
        file.write(RUN)
    for seed in range(1, 6):
        summary, reasons = verdict(f"seed={seed}", check=0)
        assert reasons == [], reasons
        net = summary["densities"]["net"]
        assert abs(net["phases"]["down"]["drawn"] - 0.5) < 0.2, net["phases"]
        assert net["log_z_lower"] < net["log_z"] < net["log_z_upper"], net
        lost = "down" if seed % 2 else "up"
        kept = "up" if seed % 2 else "down"
        summary, reasons = verdict(f"seed={seed}", ONE_WELL[0].format(kept), *ONE_WELL[1:],
                                   check=1)
        told = [text for text in reasons if text.startswith(COLLAPSE)]
        assert len(told) == 1 and f": {lost}, " in told[0], reasons
        phases = summary["densities"]["net"]["phases"]
        assert phases[lost]["drawn"] < 0.01 < 0.9 < phases[kept]["drawn"], phases
        print(f"ok seed {seed}: {told[0]}")
    # the chains stay where they start, the density knows better
    summary, reasons = verdict("start=1", "updates=[heat_bath]", check=1)
    assert [text for text in reasons if text.startswith(UNSEEN)], reasons
    assert not [text for text in reasons if text.startswith(COLLAPSE)], reasons
    # blind on both sides: no alarm can be, but the table tells that no chain saw both
    summary, _ = verdict("start=1", "updates=[heat_bath]", "model.field=0.6", check=0)
    assert [text for text in summary["verdict"]["warnings"] if "every phase" in text]
    print("ok chains that stay")


KRAMERS = os.path.abspath(sys.argv[1])
with tempfile.TemporaryDirectory(prefix="collapse-", dir=os.getcwd()) as work_folder:
    home = os.getcwd()
    os.chdir(work_folder)
    try:
        main()
    finally:
        os.chdir(home)
