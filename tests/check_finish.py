# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of runs: killed between the output and the restart file that tells of it, then extended;
--overwrite by a run that cannot start; a kill that leaves only the previous restart file.

usage: check_finish.py KRAMERS COMPARE
"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile

RUN = """model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: 0.4
chains: 16
updates: [heat_bath]
observables: [energy, magnetization]
phases: {thermalize: 20, measure: 100, every: 2}
"""


def main():
    kramers, compare = map(os.path.abspath, sys.argv[1:3])
    folder = tempfile.mkdtemp(prefix="finish-", dir=os.getcwd())

    def call(want, *arguments, **options):
        result = subprocess.run([*arguments], cwd=folder, capture_output=True, text=True,
                                check=False, **options)
        if result.returncode != want:
            print("not ok", result.args, "exit", result.returncode, "want", want, result.stdout,
                  result.stderr)
            sys.exit(1)

    def path(name):
        return os.path.join(folder, name)

    with open(path("run.yaml"), "w", encoding="utf-8") as file:
        file.write(RUN)
    run = [kramers, "run", "run.yaml", "--threads", "1", "--progress", "never"]
    more = [kramers, "resume", "a.h5", "--more", "100", "--threads", "1", "--progress", "never"]
    call(0, *run, "-o", "whole.h5", "--set", "phases.measure=300")
    call(0, *run, "-o", "a.h5")
    os.mkdir(path("a.h5.tmp"))  # the output cannot be written: as if killed before it
    call(1, *more)
    call(0, kramers, "snapshot", "a.h5", "-o", "all.h5")
    os.rmdir(path("a.h5.tmp"))
    os.rename(path("all.h5"), path("a.h5"))  # as if killed right after it
    call(0, *more)
    call(0, compare, "whole.h5", "a.h5")
    print("ok 1 a run killed between output and restart file is extended without double draws")

    call(2, *run, "-o", "a.h5")
    shutil.copy(path("a.h5"), path("before.h5"))
    too_large = ["--set", "densities={net: frontier}", "--set", "training.certificate=1000000000"]
    call(1, *run, "-o", "a.h5", "--overwrite", *too_large,
         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
    call(0, compare, "before.h5", "a.h5")
    print("ok 2 an output is kept when the run that would overwrite it cannot start")

    os.remove(path("a.h5"))
    os.rename(path("a.h5.restart"), path("a.h5.restart.previous"))
    call(2, *run, "-o", "a.h5")
    assert os.path.exists(path("a.h5.restart.previous"))
    assert not os.path.exists(path("a.h5.parts"))
    print("ok 3 a kill between the two renames of a checkpoint leaves a run to resume")
    shutil.rmtree(folder)


main()
