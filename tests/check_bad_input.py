# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad run files, --set values, command lines and files: each refused with one clear message.

Every case must end with its exit status (2; 1 where a damaged file or writing is at fault), print nothing on
stdout and one message on stderr, with FILE:LINE:COLUMN, source line and caret where a run file is
at fault, leave no file behind and no existing output changed, and take less than 2 s of CPU.

usage: check_bad_input.py KRAMERS
"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile

from bad_input_cases import BASE, COMMANDS, RUN_FILES, WHOLE

QUIET = ["run", "--progress", "never"]
READERS = [["summary", "F"], ["summary", "F", "--json"], ["plot", "F", "trace"],
           ["plot", "F", "residence"], ["resume", "F"], ["status", "F"], ["snapshot", "F"]]
FILES = ["none.h5", "text.h5", "truncated.h5", "folder", "fifo", "zero.h5", ""]


class Checker:
    def __init__(self, kramers, folder):
        self.kramers, self.folder, self.n, self.failures = kramers, folder, 0, 0

    def listing(self):
        files = {}
        for root, folders, names in os.walk(self.folder):
            for name in folders:
                files[os.path.join(root, name)] = None
            for name in names:
                path = os.path.join(root, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        files[path] = file.read()
        return files

    def call(self, arguments):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = subprocess.run([self.kramers, *arguments], cwd=self.folder, capture_output=True,
                                stdin=subprocess.DEVNULL, timeout=20, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return result, seconds

    def refuse(self, name, arguments, wanted, status=2, place=None, source=None):
        """Runs the program; place = (file, line, column) expected in the message."""
        before = self.listing()
        self.n += 1
        faults = []
        try:
            result, seconds = self.call(arguments)
        except subprocess.TimeoutExpired:
            self.failures += 1
            print(f"not ok {name}: hangs")
            return
        error = result.stderr.decode("utf-8", "backslashreplace")
        if result.returncode != status:
            faults.append(f"exit status {result.returncode}, want {status}")
        if result.stdout:
            faults.append(f"stdout: {result.stdout[:200]!r}")
        if wanted.lower() not in error.lower():
            faults.append(f"no {wanted!r} in the message")
        if seconds > 2.0:
            faults.append(f"{seconds:.1f} s of CPU")
        faults += self.form_faults(error, place, source)
        after = self.listing()
        if after != before:
            changed = [path for path in {**before, **after}
                       if before.get(path, 0) != after.get(path, 0)]
            faults.append(f"files changed: {changed}")
            self.restore(before, after)
        if faults:
            self.failures += 1
            print(f"not ok {name}: {'; '.join(faults)}\n{error}", end="")

    @staticmethod
    def form_faults(error, place, source):
        lines = error.split("\n")
        if not error.endswith("\n") or not error.startswith("kramers"):
            return ["message without `kramers` or line end"]
        if any(ord(c) < 32 and c != "\t" for line in lines for c in line):
            return ["control characters in the message"]
        lines = [line for line in lines[:-1] if not line.startswith("Try `kramers ") and
                 line != "information."]  # the rest of that hint, where it is too long
        if place:
            path, line, column = place
            if not lines[0].startswith(f"kramers: {path}:{line}:{column}: "):
                return [f"place is not {path}:{line}:{column}"]
            text = source.split("\n")[line - 1]
            if len(text) <= 72 and lines[1:] != [f"    {text}", "    " + "".join(
                    "\t" if c == "\t" else " " for c in text[:column - 1]) + "^"]:
                return [f"source line and caret: {lines[1:]}"]
            lines = lines[:1] if len(lines) == 3 else lines
        elif len(lines) == 3 and lines[2].strip() == "^":
            lines = lines[:1]
        return [f"{len(lines)} messages"] if len(lines) != 1 else []

    @staticmethod
    def restore(before, after):
        for path, data in after.items():
            if path not in before:
                shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(
                    path) and os.remove(path)
        for path, data in before.items():
            if data is not None and after.get(path) != data:
                with open(path, "wb") as file:
                    file.write(data)


def take_mark(text):
    """The text without its mark ^, and (line, column) of the mark or None."""
    at = text.find("^")
    if at < 0:
        return text, None
    before = text[:at]
    return before + text[at + 1:], (before.count("\n") + 1, at - before.rfind("\n"))


def merge(keys):
    """BASE with the top-level keys of the fragment in place of its own."""
    def cut(text):
        blocks = []
        for line in text.splitlines():
            if line.startswith(" ") or not blocks:
                blocks = blocks or [""]
            else:
                blocks.append("")
            blocks[-1] += line + "\n"
        return blocks
    new = cut(keys)
    names = {block.replace("^", "").split(":")[0] for block in new}
    removed = {block.split(":-")[0] for block in new if block.endswith(":-\n")}
    kept = [block for block in cut(BASE) if block.split(":")[0] not in names]
    return "".join(kept + [b for b in new if b.split(":-")[0] not in removed or ":-" not in b])


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def make_files(folder):
    write(folder, "R", BASE)
    write(folder, "bad.yaml", "bta: 1\n")
    write(folder, "few.txt", "1\n2\n")
    write(folder, "many.txt", "1\n" * 17)
    write(folder, "text.txt", "1\n0.5x\n")
    write(folder, "index.txt", "16 1.0\n")
    write(folder, "twice.txt", "0 1.0\n0 2.0\n")
    write(folder, "bond.txt", "0 5 1.0\n")
    write(folder, "self.txt", "0 1\n1 1\n")
    write(folder, "again.txt", "0 1\n1 2\n1 0\n")
    write(folder, "minus.txt", "-1 0\n")
    write(folder, "bond0.txt", "0 1 1\n1 1 5\n")
    write(folder, "nul.txt", "0 1\n\0\0 2\n")
    write(folder, "gap.txt", "0 1\n1 2000000000\n1 2\n")
    write(folder, "huge.txt", "0.5\n1e308\n")
    write(folder, "states.txt", "# 20 states\n" + "0 1 " * 4 + "\n" + "1 1 1 0 " * 3 + "\n")
    write(folder, "two.txt", "0 1 1 0\n0 1 2 0\n")
    write(folder, "zeros.bin", b"\0" * 4096)
    write(folder, "binary.bin", bytes(range(256)) * 8)
    write(folder, "text.h5", "no HDF5\n")
    write(folder, "zero.h5", "")
    os.mkdir(os.path.join(folder, "folder"))
    os.mkfifo(os.path.join(folder, "fifo"))


def check_run_files(checker):
    for name, keys, wanted, *status in RUN_FILES:
        text, mark = take_mark(merge(keys))
        write(checker.folder, "case.yaml", text)
        place = ("case.yaml", *mark) if mark else None
        checker.refuse(name, [*QUIET, "case.yaml"], wanted, *status, place=place, source=text)
    for name, data, wanted in WHOLE:
        place = text = None
        if b"^" in data and name not in ("binary",):
            text, mark = take_mark(data.decode())
            data, place = text.encode(), ("case.yaml", *mark)
        write(checker.folder, "case.yaml", data)
        checker.refuse(name, [*QUIET, "case.yaml"], wanted, place=place, source=text)
    os.remove(os.path.join(checker.folder, "case.yaml"))


def check_restart_faults(checker):
    """One byte of both generations changed; a lock held by another process."""
    path = os.path.join(checker.folder, "good.h5.restart")
    with open(path, "rb") as file:
        data = file.read()
    for at in (0, 9, len(data) // 2, len(data) - 1):
        broken = bytearray(data)
        broken[at] ^= 1
        for name in ("good.h5.restart", "good.h5.restart.previous"):
            write(checker.folder, name, bytes(broken))
        for command in ("resume", "status", "snapshot"):
            checker.refuse(f"{command}, byte {at} of the restart files", [command, "good.h5"],
                           "good.h5.restart", 1)
    write(checker.folder, "good.h5.restart", data[:100])
    os.remove(path + ".previous")
    checker.refuse("resume of a cut restart file", ["resume", "good.h5"], "good.h5.restart", 1)
    write(checker.folder, "good.h5.restart", data)


def check_lock(checker):
    process = subprocess.Popen(
        [checker.kramers, "run", "R", "-o", "busy.h5", "--set", "phases.measure=1e12",
         "--set", "phases.every=1e4", "--threads", "1", "--progress", "never"],
        cwd=checker.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    restart = os.path.join(checker.folder, "busy.h5.restart")
    try:
        while not os.path.exists(restart) and process.poll() is None:
            pass
        checker.refuse("resume of a running run", ["resume", "busy.h5"], "another process", 1)
        checker.refuse("the same output", ["run", "R", "-o", "busy.h5"], "unfinished run")
        checker.refuse("overwrite of a running run", ["run", "R", "-o", "busy.h5", "--overwrite"],
                       "another process", 1)
    finally:
        process.terminate()
        process.wait()


def main():
    kramers = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="bad-input-", dir=os.getcwd()) as folder:
        checker = Checker(kramers, folder)
        make_files(folder)
        check_run_files(checker)
        good = subprocess.run([kramers, "run", "R", "-o", "good.h5", "--progress", "never"],
                              cwd=folder, capture_output=True, check=False)
        if good.returncode != 0:
            print("not ok the good run", good.stderr)
            sys.exit(1)
        with open(os.path.join(folder, "good.h5"), "rb") as file:
            data = file.read()
        write(folder, "truncated.h5", data[:len(data) // 2])
        for arguments, wanted, *status in COMMANDS:
            checker.refuse(" ".join(arguments)[:80] or '""', arguments, wanted, *status)
        for path in FILES:
            for command in READERS:
                arguments = [path if word == "F" else word for word in command]
                checker.refuse(" ".join(arguments), arguments, path)
        check_restart_faults(checker)
        check_lock(checker)
    print(f"{checker.n - checker.failures} of {checker.n} cases refused as they should be")
    sys.exit(checker.failures > 0)


main()
