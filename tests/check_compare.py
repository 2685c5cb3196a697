# SPDX-License-Identifier: GPL-3.0-or-later
"""The command compare on 4 x 4 spins: the object it prints, a learned move that loses, a stop.

usage: check_compare.py KRAMERS
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

LEARNED = """model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: 0.4406867935097715
phases: {thermalize: 20, adapt: 400}
updates:
  - {name: heat_bath}
  - {name: independence, density: net}
densities: {net: {name: frontier, hidden: 16}}
training: {max_work: 0.5, batch: 64, certificate: 1024}
"""
CANDIDATE = {"name", "schedule", "kind", "status", "note", "set_up_cpu_s", "train_cpu_s",
             "sample_cpu_s", "n_chains", "n_points", "n_draws", "every", "cpu_s_per_step",
             "acceptance", "ess_q", "observables", "slowest", "cost_cpu_s", "cost_error",
             "is_lower_bound", "break_even", "cost_10000_cpu_s", "rival_10000", "ratio_10000",
             "ratio_is_upper_bound"}


def compare_says_wolff_where_that_is_the_truth():
    subprocess.run([KRAMERS, "compare", "learned.yaml", "--work", "0.5", "--json", "-o",
                    "learned.json", "--plot", "learned.svg"], check=True, timeout=200,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open("learned.json", encoding="utf-8") as file:
        result = json.load(file)
    assert set(result) == {"kramers", "run_file", "system", "work_s", "n_threads", "is_stopped",
                           "energy_j", "exact_method", "scan", "observables", "candidates",
                           "left_out", "verdict"}, set(result)
    assert result["system"]["n_sites"] == 16 and result["exact_method"] == "enumeration"
    rows = {row["name"]: row for row in result["candidates"]}
    for row in rows.values():
        assert set(row) == CANDIDATE, set(row) ^ CANDIDATE
        assert row["status"] != "disagrees", row
        for name, value in row["observables"].items():
            assert value["z"] is None or abs(value["z"]) < 5, (row["name"], name, value)
    for name in ("heat_bath", "heat_bath + wolff", "tempering", "multicanonical",
                 "population_annealing", "independence (transfer_matrix)",
                 "as scheduled: net (frontier)"):
        assert name in rows, (name, list(rows))
    net, wolff = rows["as scheduled: net (frontier)"], rows["heat_bath + wolff"]
    assert net["kind"] == "learned" and net["train_cpu_s"] > 0 and 0.3 < net["acceptance"] <= 1
    assert wolff["status"] == "resolved" and wolff["cost_cpu_s"] < net["cost_cpu_s"]
    assert net["break_even"]["status"] == "never" and net["break_even"]["n"] is None
    assert "never pays" in result["verdict"]["sentence"]
    costs = [row["cost_cpu_s"] for row in result["candidates"] if row["status"] == "resolved"]
    assert costs == sorted(costs) and result["verdict"]["ranges"][0]["from_n"] == 1
    with open("learned.svg", encoding="utf-8") as file:
        figure = file.read()
    assert "as scheduled: net (frontier)" in figure and os.path.exists("learned.gp")


def a_density_that_learns_while_measuring_has_rivals():
    """The key is the density's own: rivals have nothing that could learn."""
    text = subprocess.run([KRAMERS, "compare", "learned.yaml", "--work", "0.2", "--json",
                           "--set", "training.while_measuring=alternating", "--set",
                           "densities.strip=transfer_matrix", "--set", "updates=[heat_bath, "
                           "{name: independence, density: net}, "
                           "{name: independence, density: strip}]"], check=True,
                          timeout=200, capture_output=True, text=True).stdout
    result = json.loads(text)
    names = {row["name"] for row in result["candidates"]}
    assert {"as scheduled: net (frontier)", "as scheduled: strip (transfer_matrix)"} <= names, names
    assert len(names) >= 8, result["left_out"]  # on a busy machine one may be left out for time
    assert not any("alternating" in row["why"] for row in result["left_out"]), result["left_out"]


def compare_stops_with_what_it_has():
    process = subprocess.Popen([KRAMERS, "compare", "learned.yaml", "--work", "0.3", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stderr.readline().decode()
    assert "heat_bath" in first, first
    process.send_signal(signal.SIGINT)
    text, message = process.communicate(timeout=60)
    assert process.returncode == 3, (process.returncode, message)
    assert b"stopped by a signal" in message
    result = json.loads(text)
    assert result["is_stopped"] and result["candidates"][0]["name"].startswith("heat_bath")
    assert {"name": "multicanonical", "why": "stopped"} in result["left_out"], result["left_out"]


def compare_tells_what_it_was_told_to_leave_out():
    text = subprocess.run([KRAMERS, "compare", "learned.yaml", "--work", "0.1", "--json",
                           "--without", "net", "--without", "wolff", "--without", "tempering",
                           "--without", "annealing"], check=True, timeout=200,
                          capture_output=True, text=True).stdout
    result = json.loads(text)
    left_out = {row["name"]: row["why"] for row in result["left_out"]}
    assert left_out["as scheduled: net (frontier)"] == "--without net", left_out
    assert left_out["heat_bath + wolff"] == "--without wolff", left_out
    names = [row["name"] for row in result["candidates"]]
    assert "heat_bath" in names and not any("wolff" in name for name in names), names
    process = subprocess.run([KRAMERS, "compare", "learned.yaml", "--without", ""],
                             capture_output=True, text=True, check=False)
    assert process.returncode == 2 and "--without" in process.stderr, process
    process = subprocess.run([KRAMERS, "compare", "learned.yaml", "--work", "0.01", "--without",
                              "heat", "--without", "a", "--without", "e"],
                             capture_output=True, text=True, timeout=60, check=False)
    assert (process.returncode, process.stdout) == (2, ""), process
    assert "leaves none of" in process.stderr, process
    process = subprocess.run([KRAMERS, "compare", "learned.yaml", "--without", "foo"],
                             capture_output=True, text=True, check=False)
    assert process.returncode == 2 and 'no candidate holds "foo"' in process.stderr, process


def main():
    with tempfile.TemporaryDirectory(prefix="compare-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        with open("learned.yaml", "w", encoding="utf-8") as file:
            file.write(LEARNED)
        for check in (compare_says_wolff_where_that_is_the_truth,
                      a_density_that_learns_while_measuring_has_rivals,
                      compare_stops_with_what_it_has,
                      compare_tells_what_it_was_told_to_leave_out):
            check()
            print("ok", check.__name__.replace("_", " "), flush=True)
        os.chdir("..")


KRAMERS = os.path.abspath(sys.argv[1])
main()
