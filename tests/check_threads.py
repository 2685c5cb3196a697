# SPDX-License-Identifier: GPL-3.0-or-later
"""The same seed on 1, 2 and 3 threads: result files equal in every dataset outside `cost`.

usage: check_threads.py KRAMERS COMPARE RUN.yaml [--set PATH=VALUE]...
"""
import os
import subprocess
import sys
import tempfile


def main():
    kramers, compare, run_file = map(os.path.abspath, sys.argv[1:4])
    with tempfile.TemporaryDirectory(prefix="threads-", dir=os.getcwd()) as folder:
        outputs = []
        for threads in ("1", "2", "3"):
            output = os.path.join(folder, f"threads{threads}.h5")
            subprocess.run([kramers, "run", run_file, "-o", output, "--threads", threads,
                            "--progress", "never", *sys.argv[4:]],
                           check=True, stdout=subprocess.DEVNULL)
            outputs.append(output)
        for other in outputs[1:]:
            result = subprocess.run([compare, outputs[0], other], capture_output=True, text=True,
                                    check=False)
            print(result.stdout.strip())
            if result.returncode != 0:
                print("not ok", other)
                sys.exit(1)
    print("ok 1, 2 and 3 threads give the same file")


main()
