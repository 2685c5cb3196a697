# SPDX-License-Identifier: GPL-3.0-or-later
"""What a learned move costs against the best rival in the program, over seeds.

usage: check_ratios.py KRAMERS CASE [--seeds N] [--jobs N] [--folder DIR]

One `kramers compare` per seed (of the disorder where there is one), its object kept in DIR: what is
there already is not run again, so that a study that was stopped goes on. One line per seed: CPU-seconds
for 10 000 independent samples, training included, by the learned move and by the cheapest rival, their
ratio (rival over learned: above 1 the learned move wins) and the number of samples from which training
pays; then the median. Exit status 1 when means of the learned move are off, or a case that is known to win
does not.
"""
import argparse
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys

RUNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "runs")
RFIM = ["--without", "multicanonical", "--without", "population"]

# name: run file, options, key that takes the seed, seeds, least median ratio (None: known to lose)
CASES = {
    "rfim16": ("rfim_two_wells", ["--work", "3", *RFIM], "model.random_field.seed", 20, None),
    "rfim32": ("rfim_two_wells", ["--work", "6", *RFIM, "--without", "mps",
                                  "--set", "lattice.size=[32, 32]",
                                  "--set", "training.max_work=40"],
               "model.random_field.seed", 20, None),
    "potts16": ("potts20_coexistence", ["--work", "20", "--without", "wolff"], "seed", 2, None),
    "potts24": ("potts20_24", ["--work", "40", "--without", "wolff", "--without", "symmetry"],
                "seed", 2, 10.0),
}


def measure(seed):
    """The object of one comparison, from the folder if it is there."""
    file, options, key, _, _ = CASES[ARGS.case]
    path = os.path.join(ARGS.folder, f"{ARGS.case}-{seed}.json")
    if not os.path.exists(path):
        subprocess.run([ARGS.kramers, "compare", os.path.join(RUNS, file + ".yaml"), "--json",
                        "-o", path, "--set", f"{key}={seed}", *options], check=True,
                       stderr=subprocess.DEVNULL)
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def judge(seed, study):
    """Ratio of one seed, or None; prints its line."""
    learned = [row for row in study["candidates"] if row["kind"] == "learned"]
    if not learned:
        print(f"not ok {ARGS.case} seed {seed}: no learned move: {study['left_out']}")
        return None
    net = learned[0]
    is_good = net["status"] == "resolved"
    ratio = 1.0 / net["ratio_10000"] if is_good and net["ratio_10000"] else 0.0
    even = net["break_even"]
    bound = "at least " if net["ratio_is_upper_bound"] else ""
    order = net["observables"]["magnetization_per_site"]
    print(f"{'ok' if is_good else 'not ok'} {ARGS.case} seed {seed}: ESS_q {net['ess_q']:.3f}, "
          f"training {net['train_cpu_s']:.1f} CPU-s, 10 000 samples {net['cost_10000_cpu_s']:.4g} "
          f"CPU-s, ratio {bound}{ratio:.3g} to {net['rival_10000']}, per sample "
          f"{1e6 * net['cost_cpu_s']:.3g} us, n* {even['status']} {even['n']}, "
          f"m {order['mean']:.4f}({order['error']:.4f}) z {order['z']:.1f}"
          + ("" if is_good else f"; {net['status']}: {net['note']}"), flush=True)
    return ratio if is_good else None


def main():
    seeds, least = CASES[ARGS.case][3:]
    os.makedirs(ARGS.folder, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(ARGS.jobs) as pool:
        count = ARGS.seeds or seeds
        ratios = [judge(seed, study) for seed, study in
                  zip(range(1, count + 1), pool.map(measure, range(1, count + 1)))]
    found = [ratio for ratio in ratios if ratio is not None]
    if not found:
        return 1
    median = statistics.median(found)
    print(f"# {ARGS.case}: median ratio {median:.3g}, worst {min(found):.3g}, best "
          f"{max(found):.3g}, {len(found)} of {len(ratios)} seeds")
    return 1 if len(found) < len(ratios) or (least is not None and median < least) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kramers", type=os.path.abspath)
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--seeds", type=int, help="how many (default: as the case says)")
    parser.add_argument("--jobs", type=int, default=2, help="comparisons at a time")
    parser.add_argument("--folder", default="ratios", help="where the objects are kept")
    ARGS = parser.parse_args()
    sys.exit(main())
