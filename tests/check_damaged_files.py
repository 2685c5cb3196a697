# SPDX-License-Identifier: GPL-3.0-or-later
"""Result files that are damaged, incomplete, foreign or of another kind: every command that reads
one ends with exit status 0, 1 or 2, in time, says what was wrong in one line, and shows no number
that is none without a word; JSON stays JSON.

usage: check_damaged_files.py KRAMERS [--flips N] [--cuts N] [--quick]

Small files of several kinds of runs are damaged in a copy: bytes flipped, cut short, and (where
python3-h5py is installed, else skipped with a notice) values, variables, attributes, dims and groups
changed one at a time.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
except ImportError:
    h5py = None

TIMEOUT = 20
KINDS = ["trace", "histogram", "residence", "reweight", "snapshot", "tau", "binder",
         "correlation", "training"]
BASE = """\
model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: 0.4
chains: 8
seed: 3
phases: {thermalize: 20, measure: 400, every: 4}
updates:
  - {name: heat_bath}
observables: [energy, magnetization, residence]
output: {configurations: {every: 20}}
"""
RUNS = {
    "plain": [],
    "scan": ["beta=[0.3, 0.4, 0.5]"],
    "exchange": ["beta=[0.3, 0.4, 0.5]", "tempering={every: 1}"],
    "learned": ["phases.adapt=20", "densities={net: {name: made, hidden: 8}}",
                "updates=[{name: heat_bath}, {name: independence, density: net}]",
                "training={batch: 64, certificate: 1024}"],
    "flat": ["multicanonical={}", "phases.adapt=2000", "updates=[{name: multicanonical}]"],
    "field": ["model={name: phi4, convention: kappa, kappa: 0.25, lambda: 0.02}", "updates=[{name: hmc}]",
              "beta=1", "observables=[energy, magnetization, field, two_point]"],
    "annealing": ["population_annealing={}", "beta={from: 0, to: 0.5, count: 4}",
                  "phases={every: 2, measure: 24}", "output={}", "observables=[energy]"],
    "overlap": ["observables=[energy, overlap]"],
}


class Checker:
    def __init__(self, kramers):
        self.kramers = kramers
        self.n = 0
        self.faults = []

    def call(self, arguments):
        try:
            result = subprocess.run([self.kramers, *arguments], capture_output=True, check=False,
                                    stdin=subprocess.DEVNULL, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return None, "", ""
        return (result.returncode, result.stdout.decode(errors="replace"),
                result.stderr.decode(errors="replace"))

    def check(self, case, arguments, name, want=None, say=None):
        """want: exit statuses allowed; say: what stdout and stderr together must hold."""
        self.n += 1
        status, out, err = self.call(arguments)
        fault = self.judge(arguments, name, status, out, err)
        if not fault and want is not None and status not in want:
            fault = f"exit status {status}, want {want}"
        if not fault and say and say not in out + err:
            fault = f"nothing of \"{say}\""
        if fault:
            self.faults.append(f"{case}: {' '.join(arguments)}: {fault}\n    {err.strip()[:400]}")
            print("not ok", self.faults[-1], flush=True)
        return status, out, err

    @staticmethod
    def judge(arguments, name, status, out, err):
        if status is None:
            return f"not done after {TIMEOUT} s"
        if status not in (0, 1, 2):
            return f"exit status {status}"
        if status != 0 and not re.fullmatch(r"kramers: [^\n]+\n", err):
            return "not one line on stderr"
        if status != 0 and not any(word in err for word in (name, "not converged", "figure.gp")):
            return "the message does not name the file"
        if "--json" in arguments and status == 0:
            try:
                json.loads(out, parse_constant=float.fromhex)
            except ValueError:
                return "no JSON"
        elif re.search(r"\bnan\b", out.replace("is nan, want", "")):
            return "nan without a word"
        return None


def readers(name):
    """All commands that read a result file."""
    yield ["summary", name]
    yield ["summary", name, "--full"]
    yield ["summary", name, "--json"]
    yield ["summary", name, "--check"]
    yield ["reweight", name]
    yield ["reweight", name, "--json"]
    yield ["status", name]
    yield ["snapshot", name, "-o", "snapshot.h5", "--overwrite"]
    yield ["resume", name, "--progress", "never", "--more", "4"]
    for kind in KINDS:
        yield ["plot", name, kind, "-o", "figure.svg"]


def make_runs(checker):
    with open("R", "w", encoding="ascii") as file:
        file.write(BASE)
    for name, sets in RUNS.items():
        words = [word for entry in sets for word in ("--set", entry)]
        status, _, err = checker.call(["run", "R", "-o", f"{name}.h5", "--progress", "never",
                                       *words])
        if status != 0:
            sys.exit(f"run {name}: {status} {err}")


# ---- bytes ---------------------------------------------------------------------------------


def read(name):
    with open(name, "rb") as file:
        return file.read()


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def cut(checker, n):
    data = read("learned.h5")
    commands = list(readers("case.h5"))
    for k in range(n):
        length = k * len(data) // n
        write("case.h5", data[:length])
        for command in (commands[2], commands[k % len(commands)]):
            checker.check(f"cut at {length}", command, "case.h5", want=(1, 2))


def flip(checker, n, kinds=("learned", "scan", "flat")):
    """200 bytes of each at once would always be refused: a single one, or a few in a row."""
    commands = list(readers("case.h5"))
    for kind in kinds:
        data = read(f"{kind}.h5")
        for seed in range(n):
            generator = random.Random(seed)
            changed = bytearray(data)
            for _ in range(1 if seed % 2 else 4):
                changed[generator.randrange(8, len(data))] ^= 1 << generator.randrange(8)
            write("case.h5", changed)
            for command in (commands[2], commands[seed % len(commands)]):
                checker.check(f"{kind}, flips of seed {seed}", command, "case.h5")


def resume(checker, n):
    """The draws of a run that is made longer come from its damaged file; or its restart file is."""
    beside = {suffix: read("plain.h5" + suffix) for suffix in ("", ".restart")}
    commands = (["resume", "case.h5", "--progress", "never", "--more", "40"],
                ["snapshot", "case.h5", "-o", "snapshot.h5", "--overwrite"], ["status", "case.h5"])
    for suffix, data in beside.items():
        for k in range(2 * n):
            generator = random.Random(k)
            changed = bytearray(data)
            if k % 2:
                changed = changed[:generator.randrange(len(data))]
            else:
                changed[generator.randrange(8, len(data))] ^= 1 << generator.randrange(8)
            for command in commands:
                for old in os.listdir("."):
                    if old.startswith("case.h5"):
                        (shutil.rmtree if os.path.isdir(old) else os.remove)(old)
                for other in beside:
                    write("case.h5" + other, changed if other == suffix else beside[other])
                checker.check(f"resume with {suffix or 'the file'} changed, seed {k}", command,
                              "case.h5")


def not_files(checker, own):
    write("empty.h5", b"")
    write("text.h5", b"draw energy\n0 1\n")
    write("noise.h5", random.Random(1).randbytes(20000))
    write("head.h5", read("plain.h5")[:8] + random.Random(2).randbytes(20000))
    os.mkdir("folder.h5")
    os.mkfifo("pipe.h5")
    os.symlink("loop.h5", "loop.h5")
    os.symlink("nowhere.h5", "dangling.h5")
    shutil.copy("plain.h5", "locked.h5")
    os.chmod("locked.h5", 0)
    names = ["empty.h5", "text.h5", "noise.h5", "head.h5", "folder.h5", "pipe.h5", "loop.h5",
             "dangling.h5", "absent.h5", "/dev/null", "plain.h5/x.h5", "x" * 300 + ".h5"]
    for name in names + ([] if own else ["locked.h5"]):
        for command in readers(name):
            checker.check("no result file", command, name, want=(1, 2))


# ---- structure -----------------------------------------------------------------------------


def edit(source, change):
    shutil.copy(f"{source}.h5", "case.h5")
    with h5py.File("case.h5", "r+") as file:
        change(file)


def everything(checker, case, want=(0, 1, 2), only=None):
    for command in readers("case.h5"):
        if command[0] == "resume" and not case.startswith("resume"):
            continue  # the draws are in the restart file: its own tests
        if only is None or command[0] in only:
            checker.check(case, command, "case.h5", want=want)


def replace(file, name, make):
    """A variable with another shape or type; its scales are gone."""
    values = file[name][...]
    del file[name]
    file.create_dataset(name, data=make(values))


def change_values(checker):
    def put(path, value, where):
        def change(file):
            # checksums of chunks are renewed by writing
            data = file[path]
            values = data[...]
            values[where] = value
            data[...] = values
        return change

    columns = ["posterior/energy_per_site", "posterior/magnetization_per_site",
               "posterior/in_up", "sample_stats/lp"]
    for source in "plain", "scan":
        for path in columns:
            for value in float("nan"), float("inf"), -1e308:
                if path.endswith("in_up") and value != value:
                    continue
                for where in (0, 0), (3, 50), ...:
                    edit(source, lambda file, p=path, v=value, w=where:
                         p in file and file[p].dtype.kind == "f" and put(p, v, w)(file))
                    case = f"{source}: {path}{where} = {value}"
                    everything(checker, case, only=["summary", "reweight"] if value != value else
                               ["summary", "reweight", "plot"])
    for path, value in (("sample_stats/log_w_net", float("nan")),
                        ("sample_stats/log_w_net", float("-inf")),
                        ("constant_data/ess_q_net", float("nan")),
                        ("constant_data/log_z_q_net", float("inf")),
                        ("adaptation/loss", float("nan"))):
        edit("learned", put(path, value, ...))
        everything(checker, f"learned: {path} = {value}")
    for path in "log_weight", "energy":
        for value in float("nan"), float("-inf"), float("inf"):
            edit("flat", put(f"sample_stats/{path}", value, (0, 3)))
            everything(checker, f"flat: {path} = {value}", only=["summary"])
    edit("plain", put("posterior/energy_per_site", 0.5, ...))
    everything(checker, "constant energy")


def small_runs(checker):
    """Few draws and few chains, as the program writes them."""
    for source, sets in RUNS.items():
        words = [word for entry in sets for word in ("--set", entry)]
        for n_chains, n_draws in (8, 1), (8, 2), (8, 3), (8, 4), (8, 7), (1, 100), (1, 1), (2, 5):
            if source in ("overlap", "annealing") and n_chains == 1:
                continue  # which the program refuses
            status, _, err = checker.call(
                ["run", "R", "-o", "case.h5", "--progress", "never", "--overwrite", *words,
                 "--set", f"chains={n_chains}", "--set", "phases.every=1",
                 "--set", f"phases.measure={n_draws}"])
            if status not in (0, 1) or (status and n_draws > 3):
                checker.faults.append(f"{source}: {n_chains} x {n_draws}: {status} {err}")
                print("not ok", checker.faults[-1])
                continue
            everything(checker, f"{source}: {n_chains} chains x {n_draws} draws")


def take_away(checker, quick):
    for source in ("plain", "learned") if quick else RUNS:
        with h5py.File(f"{source}.h5") as file:
            groups = list(file)
            names = [f"{g}/{v}" for g in groups for v in file[g]]
            attributes = [(o, a) for o in ["/", *groups] for a in file[o].attrs]
        for group in groups:
            edit(source, lambda file, g=group: file.__delitem__(g))
            everything(checker, f"{source}: without {group}", only=["summary"] if quick else None)
        if quick:
            continue
        for name in names:
            edit(source, lambda file, n=name: file.__delitem__(n))
            everything(checker, f"{source}: without {name}",
                       only=["summary", "reweight", "plot"] if source == "plain" else
                       ["summary", "reweight"])
        for place, attribute in attributes:
            edit(source, lambda file, p=place, a=attribute: file[p].attrs.__delitem__(a))
            everything(checker, f"{source}: without {place} @{attribute}", only=["summary"])
            for value in 7.25, "other", float("nan"), numpy.arange(3.0):
                edit(source, lambda file, p=place, a=attribute, v=value:
                     file[p].attrs.__setitem__(a, v))
                everything(checker, f"{source}: {place} @{attribute} = {value}", only=["summary"])


def change_kinds(checker):
    makers = {
        "flat": lambda x: x.reshape(-1), "more dims": lambda x: x[..., None, None],
        "transposed": numpy.transpose, "fewer draws": lambda x: x[:, :-1] if x.ndim > 1 else x[:-1],
        "fewer chains": lambda x: x[:-1], "text": lambda x: numpy.full(x.shape, b"x"),
        "pairs": lambda x: numpy.zeros(x.shape, dtype=[("a", "f8"), ("b", "i4")]),
        "complex": lambda x: x + 1j, "scalar": lambda x: numpy.float64(1.0),
        "nothing": lambda x: h5py.Empty("f8"), "half": lambda x: x.astype("f2"),
        "bool": lambda x: x > 0,
    }
    for source in RUNS:
        with h5py.File(f"{source}.h5") as file:
            names = [f"{g}/{v}" for g in ("posterior", "sample_stats", "constant_data",
                                          "configurations", "adaptation", "density_of_states",
                                          "replica_pairs", "cost") if g in file
                     for v in file[g]]
        for name in names[::1 if source == "plain" else 3]: # each kind somewhere
            for kind, make in makers.items():
                try:
                    edit(source, lambda file, n=name, m=make: replace(file, n, m))
                except (IndexError, ValueError, TypeError):
                    continue
                everything(checker, f"{source}: {name} as {kind}",
                           only=["summary", "reweight", "plot"] if source == "plain" else
                           ["summary"])


def versions(checker):
    edit("plain", lambda file: file.attrs.__setitem__("Conventions", "kramers-2.0"))
    for command in readers("case.h5"):
        if command[0] in ("summary", "reweight", "plot"):
            checker.check("newer format", command, "case.h5", want=(1, 2), say="kramers-2.0")
    edit("plain", lambda file: file.attrs.__setitem__("Conventions", "kramers-1.7"))
    checker.check("newer minor format", ["summary", "case.h5"], "case.h5", want=(0,))
    edit("plain", lambda file: file.attrs.__delitem__("Conventions"))
    checker.check("format not named", ["summary", "case.h5"], "case.h5", want=(0,))


def foreign(checker):
    with h5py.File("case.h5", "w") as file:
        file["x"] = numpy.arange(10.0)
    everything(checker, "a foreign file", want=(1, 2), only=["summary", "reweight", "plot"])
    with h5py.File("case.h5", "w"):
        pass
    everything(checker, "no groups", want=(1, 2), only=["summary", "reweight", "plot"])
    with h5py.File("case.h5", "w") as file: # a loop of links
        file["posterior"] = h5py.SoftLink("/posterior")
    everything(checker, "a link to itself", want=(1, 2), only=["summary", "reweight", "plot"])
    with h5py.File("case.h5", "w") as file:
        file["posterior"] = h5py.ExternalLink("absent.h5", "/posterior")
    everything(checker, "an absent file", want=(1, 2), only=["summary", "reweight", "plot"])
    with h5py.File("case.h5", "w") as file: # 2^62 values that were never written
        for k, name in enumerate(("chain", "draw")):
            file.create_dataset(f"posterior/{name}", shape=(1 << 31,), dtype="i8", chunks=(1024,))
            file[f"posterior/{name}"].make_scale(name)
        data = file.create_dataset("posterior/x", shape=(1 << 31, 1 << 31), chunks=(64, 64))
        for k, name in enumerate(("chain", "draw")):
            data.dims[k].attach_scale(file[f"posterior/{name}"])
    everything(checker, "a file as large as the sky", want=(1, 2),
               only=["summary", "reweight", "plot"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kramers")
    parser.add_argument("--flips", type=int, default=40)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    checker = Checker(os.path.abspath(options.kramers))
    with tempfile.TemporaryDirectory(prefix="damaged-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        make_runs(checker)
        not_files(checker, os.geteuid() == 0)
        cut(checker, options.cuts)
        flip(checker, options.flips)
        resume(checker, options.flips // 4)
        if h5py:
            versions(checker)
            foreign(checker)
            take_away(checker, options.quick)
            if not options.quick:
                change_values(checker)
                small_runs(checker)
                change_kinds(checker)
        else:
            print("no h5py: only bytes are changed")
        os.chdir("..")
    print(f"{checker.n - len(checker.faults)} of {checker.n} calls as they should be")
    sys.exit(len(checker.faults) > 0)


if __name__ == "__main__":
    main()
