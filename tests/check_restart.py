# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random instants, resume with another number of threads: equal to the uninterrupted
run in every dataset outside `cost`; `status` and `snapshot` work on the killed run.

usage: check_restart.py KRAMERS COMPARE RUN.yaml N_KILLS [--set PATH=VALUE]...
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time


def call(*arguments, **options):
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)


def fail(message, result=None):
    print("not ok", message)
    if result is not None:
        print(result.args, "exit", result.returncode, result.stdout[-2000:], result.stderr[-2000:])
    sys.exit(1)


def main():
    kramers, compare, run_file = map(os.path.abspath, sys.argv[1:4])
    n_kills = int(sys.argv[4])
    sets = sys.argv[5:]
    folder = tempfile.mkdtemp(prefix="restart-", dir=os.getcwd())
    common = [kramers, "run", run_file, "--progress", "never", *sets]
    whole = os.path.join(folder, "whole.h5")
    started = time.monotonic()
    result = call(*common, "-o", whole, "--threads", "2")
    if result.returncode != 0:
        fail("uninterrupted run", result)
    duration = time.monotonic() - started
    print(f"# uninterrupted run: {duration:.1f} s")
    rng = random.Random(20261122)
    phases = {}
    for k in range(n_kills):
        output = os.path.join(folder, f"killed{k}.h5")
        instant = duration * (k + rng.random()) / n_kills if k else 0.0  # 0: thermalize
        process = subprocess.Popen([*common, "-o", output, "--threads", "2"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(instant)
        while not os.path.exists(output + ".restart") and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        status = call(kramers, "status", output)
        if status.returncode != 0:
            fail(f"kill {k}: status", status)
        phase = status.stdout.split("phase:")[1].split(",")[0].strip()
        phases[phase] = phases.get(phase, 0) + 1
        snapshot = call(kramers, "snapshot", output, "-o", output + ".snapshot.h5")
        if snapshot.returncode != 0:
            fail(f"kill {k}: snapshot", snapshot)
        threads = str(1 + k % 3)
        resumed = call(kramers, "resume", output, "--threads", threads, "--progress", "never")
        if resumed.returncode != 0:
            fail(f"kill {k}: resume", resumed)
        equal = call(compare, whole, output)
        if equal.returncode != 0:
            fail(f"kill {k} at {instant:.2f} s in phase {phase}", equal)
        leftover = [name for name in os.listdir(folder) if name.startswith(f"killed{k}.h5.parts")]
        if leftover:
            fail(f"kill {k}: left over {leftover}")
        print(f"ok {k + 1} killed at {instant:.2f} s in {phase}, resumed on {threads} threads")
        for name in (output, output + ".restart", output + ".snapshot.h5"):
            os.remove(name)
    print("# killed in:", ", ".join(f"{name} {n}" for name, n in sorted(phases.items())))
    subprocess.run(["rm", "-r", folder], check=True)


main()
