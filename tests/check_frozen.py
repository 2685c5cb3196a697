# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that start from given configurations, and the frozen ones among them.

Negative control: on diagonal stripes ++-- of a square lattice no site has a local field, so
Metropolis in checkerboard order flips every site in every sweep and never leaves the energy 0.
That must be told as frozen, by every engine; heat bath from the same start must not be, and must
find the exact energy.

usage: check_frozen.py KRAMERS COMPARE
"""
import json
import os
import subprocess
import sys
import tempfile

L = 16
RUN = """\
model: {{name: ising}}
lattice: {{name: hypercubic, size: [{L}, {L}]}}
beta: 0.44
chains: {chains}
seed: 11
start: {{file: stripes.txt}}
phases: {{thermalize: 100, measure: 400, every: 2}}
updates:
  - {{name: {update}}}
"""
STRIPES = [[(x + y) % 4 // 2 for x in range(L)] for y in range(L)]


def call(*arguments, want=0):
    result = subprocess.run([KRAMERS, *arguments], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=60)
    assert result.returncode == want, (arguments, result.returncode, result.stderr)
    return result


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(name, update, *more, chains=16):
    os.makedirs("files", exist_ok=True)
    write("files/run.yaml", RUN.format(L=L, update=update, chains=chains))
    call("run", "files/run.yaml", "-o", name, "--progress", "never", *more)


def summary(name):
    return json.loads(call("summary", name, "--json").stdout)


def frozen(name):
    return [reason for reason in summary(name)["verdict"]["reasons"]
            if reason.startswith("frozen: ")]


def configuration(state):
    return "\n".join(" ".join(map(str, row)) for row in state) + "\n"


def stripes_freeze_checkerboard_metropolis():
    write("files/stripes.txt", "# diagonal stripes\n" + configuration(STRIPES))
    for engine in ("bits", "bytes", "ref"):
        run(f"{engine}.h5", f"metropolis, order: checkerboard, engine: {engine}")
        told = summary(f"{engine}.h5")
        energy = told["observables"]["energy_per_site"]
        assert energy["mean"] == 0.0 and energy["is_constant"], energy
        moved = told["updates"]["metropolis"]
        assert moved["changed"] == moved["attempted"] > 0, moved
        assert moved["engine"] == engine, moved
        assert not told["verdict"]["converged"]
        result = call("summary", f"{engine}.h5", "--check", want=1)
        assert "frozen: 16 of 16 chains keep one energy while updates change sites" \
            in result.stderr, result.stderr
        assert "cycle" in frozen(f"{engine}.h5")[0]


def heat_bath_leaves_the_stripes():
    run("heat.h5", "heat_bath", "--set", "phases.measure=20000", chains=32)
    energy = summary("heat.h5")["observables"]["energy_per_site"]
    assert not frozen("heat.h5")
    assert energy["exact"] is not None and energy["error"] < 0.005, energy
    assert abs(energy["z"]) < 3.9, energy


def cluster_moves_alone_are_no_reason_to_believe():
    """Exchanges of two states keep the polarization of Ashkin-Teller; with heat bath all is well."""
    system = ("--set", "model={name: ashkin_teller, K: 0.3}", "--set", "beta=0.3", "--set",
              "start=3", "--set", "lattice.size=[4, 4]")
    rule = "cluster and symmetry moves alone do not reach every state"
    for name, update, is_told in (("alone.h5", "wolff", True), ("heated.h5", "heat_bath", False)):
        run(name, update, *system)
        reasons = summary(name)["verdict"]["reasons"]
        assert any(reason.startswith(rule) for reason in reasons) == is_told, reasons


def frozen_chains_are_counted_among_others():
    """Every fourth chain starts from stripes, the others from a state that thaws."""
    flipped = [row[:] for row in STRIPES]
    flipped[3] = [1] * L
    write("files/stripes.txt", configuration(STRIPES) + configuration(flipped) * 3)
    run("some.h5", "metropolis, order: checkerboard")
    assert "frozen: 4 of 16 chains" in frozen("some.h5")[0], summary("some.h5")["verdict"]


def constant_energies_of_their_own_are_not_frozen():
    """Ground states turned over by clusters; no interactions, and random site order."""
    run("ground.h5", "wolff", "--set", "beta=20", "--set", "start=1")
    assert summary("ground.h5")["updates"]["wolff"]["changed"] > 0
    assert not frozen("ground.h5")
    run("free.h5", "metropolis, order: random", "--set", "model.J=0", "--set", "start=random")
    assert summary("free.h5")["observables"]["energy_per_site"]["is_constant"]
    assert not frozen("free.h5")
    run("hot.h5", "heat_bath", "--set", "beta=0")
    assert not frozen("hot.h5")


def a_start_file_is_read_once():
    """Resumption needs no start file; the resolved run file names it, folder included."""
    short = ("--set", "phases.measure=40", "--set", "phases.thermalize=10")
    run("more.h5", "heat_bath", *short)
    text = call("run", "files/run.yaml", "--dry-run", *short).stdout
    assert "file: files/stripes.txt" in text or 'file: "files/stripes.txt"' in text, text
    write("resolved.yaml", text)
    call("run", "resolved.yaml", "-o", "resolved.h5", "--progress", "never")
    run("longer.h5", "heat_bath", *short, "--set", "phases.measure=80")
    os.rename("files/stripes.txt", "files/away.txt")
    call("resume", "more.h5", "--more", "40", "--progress", "never")
    call("status", "more.h5")
    message = call("run", "resolved.yaml", "-o", "x.h5", want=2).stderr
    assert "files/stripes.txt: No such file" in message, message
    os.rename("files/away.txt", "files/stripes.txt")
    for a, b in (("more.h5", "longer.h5"),):
        same = subprocess.run([COMPARE, a, b], capture_output=True, text=True, check=False)
        assert same.returncode == 0, same.stdout
    assert summary("resolved.h5")["observables"]["energy_per_site"]["mean"] != 0.0


def surplus_configurations_are_told():
    result = call("run", "files/run.yaml", "-o", "three.h5", "--progress", "never", "--set",
                  "chains=3")
    assert "start: 4 configurations for 3 chains, the last 1 start no chain" in result.stderr, \
        result.stderr


def the_key_is_explained():
    text = " ".join(call("explain", "start").stdout.split())
    assert "a map with the key `file`" in text and "n_sites per configuration" in text, text
    assert "start.file" in call("explain", "start.file").stdout


def main():
    with tempfile.TemporaryDirectory(prefix="frozen-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        os.mkdir("files")
        for check in (stripes_freeze_checkerboard_metropolis, heat_bath_leaves_the_stripes,
                      cluster_moves_alone_are_no_reason_to_believe,
                      frozen_chains_are_counted_among_others,
                      constant_energies_of_their_own_are_not_frozen, a_start_file_is_read_once,
                      surplus_configurations_are_told, the_key_is_explained):
            check()
            print("ok", check.__name__.replace("_", " "), flush=True)
        os.chdir("..")


KRAMERS, COMPARE = map(os.path.abspath, sys.argv[1:3])
main()
