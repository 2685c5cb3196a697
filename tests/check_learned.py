# SPDX-License-Identifier: GPL-3.0-or-later
"""Learned proposals on the systems of the README: quality after a stated time, over seeds.

usage: check_learned.py KRAMERS CASE [--seeds N] [--threads N]

A case is a run file of models/runs with settings, limits, and what is asked for: the least ESS_q,
the longest training in wall-clock or CPU seconds, log Z within 3 sigma of the exact value. One line
per seed, then median and worst. Exit status 1 when a seed misses what is asked.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

RUNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "runs")

# name: run file, settings, seeds, least ESS_q, most wall seconds of the whole run (None: not asked),
# most CPU-seconds of training (None: not asked), whether log Z is known exactly
CASES = {
    "ising16": ("ising_critical", [], 5, 0.93, 15, None, True),
    "ising16_cold": ("ising_critical", ["beta=0.6", "training.forward=0", "training.walkers=0",
                                        "training.rate=0.008", "training.batch=128",
                                        "training.max_work=6.25", "training.target_ess=1",
                                        "densities.net.hidden=20"], 5, 0.99, 5, None, True),
    "ising24": ("ising_critical", ["lattice.size=[24, 24]", "beta=0.4407", "training.max_work=30"],
                5, 0.85, None, None, True),
    "ising32": ("ising_critical", ["lattice.size=[32, 32]", "training.max_work=60"],
                5, 0.25, 150, None, True),
    "ising64": ("ising_64", [], 2, 0.02, 2400, None, True),
    "potts20": ("potts20_coexistence", [], 5, 0.6, None, 40, False),
    "glass3d": ("glass_3d_learned", [], 5, 0.3, None, None, False),
}
SHORT = ["phases.thermalize=100", "phases.measure=400", "phases.every=4"]


def run(kramers, name, seed, threads):
    """One run; its summary."""
    file, settings = CASES[name][:2]
    words = [word for text in SHORT + settings for word in ("--set", text)]
    subprocess.run([kramers, "run", os.path.join(RUNS, file + ".yaml"), "-o", "a.h5", "--overwrite",
                    "--progress", "never", "--seed", str(seed), "--threads", str(threads), *words],
                   check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run([kramers, "summary", "a.h5", "--json"], check=True, capture_output=True,
                          text=True).stdout
    return json.loads(text)


def judge(name, summary):
    """What was found, and what of it is not as asked."""
    _, _, _, least, wall, train, exact = CASES[name]
    net, cost = summary["densities"]["net"], summary["cost"]
    found = {"ess_q": net["ess_q"], "ess_p": net["ess_p"], "wall_s": cost["wall_s"],
             "train_cpu_s": cost["train_cpu_s"], "z": net["z"]}
    missed = []
    if net["ess_q"] < least:
        missed.append(f"ESS_q {net['ess_q']:.3f}, want {least}")
    if wall is not None and cost["wall_s"] > wall:
        missed.append(f"{cost['wall_s']:.1f} s, want {wall}")
    if train is not None and cost["train_cpu_s"] > train:
        missed.append(f"{cost['train_cpu_s']:.1f} CPU-s of training, want {train}")
    if exact and (net["z"] is None or abs(net["z"]) > 3.0):
        missed.append(f"log Z off by {net['z']} sigma, want 3")
    if any("collapse" in text for text in summary["verdict"]["reasons"]):
        missed.append("mode collapse")
    return found, missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kramers")
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--seeds", type=int, help="how many (default: as the case says)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    kramers = os.path.abspath(args.kramers)
    rows, failures = [], 0
    with tempfile.TemporaryDirectory(dir=".") as folder:
        os.chdir(folder)
        for seed in range(1, (args.seeds or CASES[args.case][2]) + 1):
            found, missed = judge(args.case, run(kramers, args.case, seed, args.threads))
            rows.append(found)
            failures += bool(missed)
            numbers = " ".join(f"{key} {value:.4g}" for key, value in found.items()
                               if value is not None)
            print(f"{'not ok' if missed else 'ok'} {args.case} seed {seed}: {numbers}"
                  + "".join(f"; {text}" for text in missed), flush=True)
        os.chdir("..")
    for key, worst in (("ess_q", min), ("ess_p", min), ("wall_s", max), ("train_cpu_s", max)):
        values = [row[key] for row in rows]
        print(f"# {args.case} {key}: median {statistics.median(values):.4g}, "
              f"worst {worst(values):.4g}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
