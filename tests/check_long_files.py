# SPDX-License-Identifier: GPL-3.0-or-later
"""Analysis of a file longer than the memory it may take: speed, memory, and the right answers.

Usage: check_long_files.py KRAMERS WRITE_LONG CHAINS DRAWS

WRITE_LONG makes four columns of autoregressive chains. summary, reweight and the figures read the
file; each must stay below 512 MiB, and summary must find the exact means, tau_int and variance
within its errors. Speeds are in bytes of the file; the first summary reads it from the disk, where
the system lets go of the pages it holds.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

MOST_MEMORY = 512  # MiB
TAU = {"energy_per_site": 2.0, "magnetization_per_site": 10.0, "slow_mode": 50.0,
       "white_noise": 0.5}


def run(name, args, size):
    """Standard output; prints what it took."""
    start = time.monotonic()
    process = subprocess.Popen(args, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    memory = usage.ru_maxrss / 1024
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{name:18} {seconds:7.1f} s {size / 1e6 / seconds:7.0f} MB/s, of a CPU {cpu:6.1f} s "
          f"{size / 1e6 / cpu:7.0f} MB/s, {memory:5.0f} MiB", flush=True)
    if process.returncode != 0 or memory > MOST_MEMORY:
        sys.exit(f"{name}: exit status {process.returncode}, {memory:.0f} MiB of {MOST_MEMORY}")
    return output


def check(text, n):
    found = json.loads(text)["observables"]
    for name, tau in TAU.items():
        column = found[name]
        error = (2.0 * tau / n) ** 0.5
        if abs(column["mean"]) > 4.5 * error or abs(column["error"] / error - 1.0) > 0.05:
            sys.exit(f"{name}: {column['mean']} +- {column['error']}, want 0 +- {error}")
        if abs(column["tau_int"] - tau) > 4.5 * column["tau_int_error"]:
            sys.exit(f"{name}: tau_int {column['tau_int']} +- {column['tau_int_error']}, "
                     f"want {tau}")
        if not 0.99 < column["r_hat"] < 1.01:
            sys.exit(f"{name}: R-hat {column['r_hat']}")
    variance = found["variance"]
    # of x^2, whose correlation is the square of that of x
    a = (2.0 * TAU["energy_per_site"] - 1.0) / (2.0 * TAU["energy_per_site"] + 1.0)
    error = (2.0 * (1.0 + a * a) / (1.0 - a * a) / n) ** 0.5
    if abs(variance["mean"] - 1.0) > 4.5 * error or abs(variance["error"] / error - 1.0) > 0.05:
        sys.exit(f"variance: {variance['mean']} +- {variance['error']}, want 1 +- {error}")


def main():
    kramers, write_long = map(os.path.abspath, sys.argv[1:3])
    chains, draws = sys.argv[3:]
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = os.path.join(folder, "long.h5")
        subprocess.run([write_long, path, chains, draws], check=True)
        size = os.path.getsize(path)
        print(f"{path}: {size / 1e9:.2f} GB, {chains} chains x {draws} draws of 4 columns")
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        run("summary, from disk", [kramers, "summary", path], size)
        check(run("summary", [kramers, "summary", path, "--json"], size),
              int(chains) * int(draws))
        run("reweight", [kramers, "reweight", path], size)
        for kind in "trace", "histogram", "tau":
            run("plot " + kind, [kramers, "plot", path, kind], size)


if __name__ == "__main__":
    main()
