# SPDX-License-Identifier: GPL-3.0-or-later
"""Means by the independent samples of a learned density, without a chain, against the truth.

usage: check_means.py KRAMERS CASE [--seeds N] [--threads N]

  ising   one network for 41 temperatures of the 16 x 16 Ising torus: log Z, energy and specific heat
          against Kaufman's exact values, errors at most 2e-3 of them
  rfim    one network for 21 temperatures of a random-field instance: energy, specific heat and
          magnetization, which tells how much either well weighs, against replica exchange
  glass   +-J and Gaussian 16 x 16 glasses, open in one direction: log Z and energy of the network, and
          energy of the chain, against the exact transfer matrix

All |z| of a case stay below the limit for their number. Exit status 1 when one does not.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

RUNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "runs")
RELATIVE_ERROR = 2e-3
GLASS = """
model: {name: ising, disorder: {kind: KIND, seed: 3}}
lattice: {name: hypercubic, size: [16, 16], boundary: [periodic, open]}
beta: 1.0
phases: {thermalize: 200, adapt: 100000, measure: 4000, every: 4}
updates:
  - {name: heat_bath, sweeps: 2}
  - {name: independence, density: net}
densities: {net: DENSITY}
training: {max_work: 10, forward: FORWARD}
observables: [energy]
"""


def z_limit(n):
    """Largest |z| of n that is believed, in steps of the house."""
    return 3.9 if n <= 1 else 4.6 if n <= 20 else 4.9 if n <= 100 else 5.3


def kramers(*words):
    """What the program prints as an object."""
    text = subprocess.run([ARGS.kramers, *words, "--json"], check=True, capture_output=True,
                          text=True).stdout
    return json.loads(text)


def run(file, seed, *settings):
    """Runs a file; returns its summary."""
    words = [word for text in settings for word in ("--set", text)]
    subprocess.run([ARGS.kramers, "run", file, "-o", "a.h5", "--overwrite", "--progress", "never",
                    "--seed", str(seed), "--threads", str(ARGS.threads), *words],
                   check=True, stdout=subprocess.DEVNULL)
    return kramers("summary", "a.h5")


class Comparison:
    """Values with their errors against others; what is printed of them, and whether all agree."""

    def __init__(self, name):
        self.name, self.rows = name, {}

    def add(self, what, value, error, other, other_error=0.0):
        """One more value of a kind."""
        z = (value - other) / math.hypot(error, other_error)
        self.rows.setdefault(what, []).append((z, error / abs(other)))

    def close(self, relative, of=None):
        """Prints a line per kind; False when one is off, or errors (of those kinds) exceed a share."""
        limit = z_limit(sum(len(rows) for rows in self.rows.values()))
        is_good = True
        for what, rows in self.rows.items():
            worst = max(abs(z) for z, _ in rows)
            spread = math.sqrt(sum(z * z for z, _ in rows) / len(rows))
            error = max(e for _, e in rows)
            is_fine = worst < limit and (error <= relative or (of is not None and what not in of))
            is_good = is_good and is_fine
            print(f"{'ok' if is_fine else 'not ok'} {self.name}: {what}: {len(rows)} values, "
                  f"largest |z| {worst:.2f} (limit {limit}), rms z {spread:.2f}, "
                  f"relative error at most {error:.2g}", flush=True)
        return is_good


def check_ising(seed):
    summary = run(os.path.join(RUNS, "ising_all_temperatures.yaml"), seed,
                  "phases.measure=10", "training.certificate=1048576")
    exact = kramers("exact", os.path.join(RUNS, "ising_all_temperatures.yaml"))["points"]
    comparison = Comparison(f"ising seed {seed}")
    for net, truth in zip(summary["densities"]["net"], exact, strict=True):
        comparison.add("log Z", net["log_z"], net["log_z_error"], truth["log_z"])
        for name in ("energy_per_site", "specific_heat"):
            found = net["observables"][name]
            comparison.add(name, found["mean"], found["error"], truth[name])
    ess = [net["ess_q"] for net in summary["densities"]["net"]]
    print(f"# ising seed {seed}: ESS_q {min(ess):.3f} to {max(ess):.3f}, "
          f"{summary['cost']['train_cpu_s']:.1f} CPU-s of training, "
          f"{summary['cost']['wall_s']:.0f} s in all", flush=True)
    return comparison.close(RELATIVE_ERROR)


def check_rfim(seed):
    file = os.path.join(RUNS, "rfim_all_temperatures.yaml")
    net = run(file, seed, "phases.measure=10", "training.certificate=4194304")
    exchange = run(file, seed + 1000, "densities={}", "training={}", "phases.adapt=0",
                   "updates=[{name: heat_bath, sweeps: 2}]", "tempering={ladder: given}",
                   "phases.measure=100000", "phases.every=10", "phases.thermalize=2000")
    comparison = Comparison(f"rfim seed {seed}")
    for p, row in enumerate(net["densities"]["net"]):
        for name in ("energy_per_site", "specific_heat", "magnetization_per_site"):
            a, b = row["observables"][name], exchange["observables"][name][p]
            comparison.add(name, a["mean"], a["error"], b["mean"], b["error"])
    ess = [row["ess_q"] for row in net["densities"]["net"]]
    print(f"# rfim seed {seed}: ESS_q {min(ess):.3f} to {max(ess):.3f}, "
          f"{net['cost']['train_cpu_s']:.1f} CPU-s of training; replica exchange "
          f"{exchange['cost']['sample_cpu_s']:.0f} CPU-s", flush=True)
    return comparison.close(RELATIVE_ERROR, ("energy_per_site", "specific_heat"))


GLASSES = (("pm1", "frontier", "{name: frontier, hidden: 16}", 0),
           ("gaussian", "frontier", "{name: frontier, hidden: 16}", 0),
           ("gaussian", "multilevel", "{name: multilevel, hidden: 8, radius: 3}", 1))


def check_glass(seed):
    is_good = True
    for kind, name, density, forward in GLASSES:
        with open("glass.yaml", "w", encoding="utf-8") as file:
            file.write(GLASS.replace("KIND", kind).replace("DENSITY", density)
                       .replace("FORWARD", str(forward)))
        summary = run("glass.yaml", seed)
        truth = kramers("exact", "glass.yaml")["points"][0]
        net = summary["densities"]["net"]
        comparison = Comparison(f"glass {kind} {name} seed {seed}")
        comparison.add("log Z", net["log_z"], net["log_z_error"], truth["log_z"])
        for what, found in (("energy of the network", net["observables"]["energy_per_site"]),
                            ("energy of the chain", summary["observables"]["energy_per_site"])):
            comparison.add(what, found["mean"], found["error"], truth["energy_per_site"])
        print(f"# glass {kind} {name} seed {seed}: ESS_q {net['ess_q']:.3f}, ESS_p "
              f"{net['ess_p']:.3f}, {summary['cost']['train_cpu_s']:.1f} CPU-s of training",
              flush=True)
        is_good = comparison.close(RELATIVE_ERROR) and is_good
    return is_good


CASES = {"ising": (check_ising, 2), "rfim": (check_rfim, 2), "glass": (check_glass, 2)}


def main():
    check, seeds = CASES[ARGS.case]
    failures = 0
    with tempfile.TemporaryDirectory(dir=".") as folder:
        os.chdir(folder)
        for seed in range(1, (ARGS.seeds or seeds) + 1):
            failures += not check(seed)
        os.chdir("..")
    return 1 if failures else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kramers", type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--seeds", type=int, help="how many (default: as the case says)")
    parser.add_argument("--threads", type=int, default=2)
    ARGS = parser.parse_args()
    sys.exit(main())
