# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that end at a target error: what the file, `summary`, `status`, `--progress json` and
`--dry-run` say of it; a run that stopped, or reached its maximum first, resumed.

usage: check_stop.py KRAMERS COMPARE
"""
import json
import os
import subprocess
import sys
import tempfile

RUN = """\
model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: [0.3, 0.4]
chains: 8
phases: {thermalize: 100, every: 2}
updates: [heat_bath]
observables: [energy]
stop: {observable: energy_per_site, error: 0.02, max_steps: 100000}
"""


def main():
    kramers, compare = map(os.path.abspath, sys.argv[1:3])
    env = {**os.environ, "PATH": "/nowhere"}  # no gnuplot: figures are not the matter here

    def call(*arguments):
        result = subprocess.run([kramers, *arguments], capture_output=True, text=True, env=env,
                                check=False)
        assert result.returncode == 0, (arguments, result.stdout, result.stderr)
        return result.stdout + result.stderr

    def told(output):
        summary = json.loads(subprocess.run([kramers, "summary", output, "--json"], check=True,
                                            capture_output=True, text=True).stdout)
        return summary["draws"], summary["stop"], summary["verdict"]["warnings"]

    with tempfile.TemporaryDirectory(prefix="stop-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        with open("run.yaml", "w", encoding="utf-8") as file:
            file.write(RUN)
        lines = call("run", "run.yaml", "-o", "a.h5", "--progress", "json")
        draws, stop, warnings = told("a.h5")
        assert stop["reached"] and 0.015 < stop["error"] < stop["wanted"] == 0.02, stop
        sentence = f"stopped at step {2 * draws}: error "
        assert stop["text"].startswith(sentence) and stop["text"].endswith(", at beta = 0.4")
        assert sentence in lines and sentence in call("status", "a.h5")
        assert not any("target" in text for text in warnings)
        assert "draws per chain: at most 50000" in call("run", "run.yaml", "--dry-run")
        print("ok a run ends at its target and says so")

        call("resume", "a.h5", "--progress", "never")
        assert told("a.h5")[0] == draws
        call("resume", "a.h5", "--more", "3000", "--progress", "never")
        assert told("a.h5")[0] == draws + 1500
        call("resume", "a.h5", "--until", str(2 * draws + 5000), "--progress", "never")
        assert told("a.h5")[0] == draws + 2500 and told("a.h5")[1]["reached"]
        print("ok resume adds nothing by itself, and what is asked for in full")

        lines = call("run", "run.yaml", "-o", "b.h5", "--progress", "json", "--set",
                     "stop.max_steps=300")
        assert '"wanted": 0.02, "expected": ' in lines
        found, stop, warnings = told("b.h5")
        assert found == 150 and not stop["reached"] and stop["error"] > 0.015
        assert stop["text"].startswith("max_steps reached first, at step 300: error ")
        assert any("the target error was not reached" in text for text in warnings)
        call("resume", "b.h5", "--until", "100000", "--progress", "never")
        call("run", "run.yaml", "-o", "c.h5", "--progress", "never")
        assert told("b.h5")[:2] == told("c.h5")[:2]
        print("ok a higher maximum goes on to the target")

        # the same draws as a run that never stopped: columns equal, attributes and lengths not
        call("run", "run.yaml", "-o", "d.h5", "--progress", "never", "--set", "stop=null",
             "--set", f"phases.measure={2 * draws}")
        equal = subprocess.run([compare, "c.h5", "d.h5"], capture_output=True, text=True,
                               check=False)
        assert equal.returncode == 0, equal.stdout
        print("ok a target changes no draw")
        os.chdir("..")


main()
