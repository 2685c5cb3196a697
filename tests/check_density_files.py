# SPDX-License-Identifier: GPL-3.0-or-later
"""Density files of the program: saved, started from, used as they are, killed and resumed, one
per point of a scan; what does not fit or would be overwritten is refused with status 2.

usage: check_density_files.py KRAMERS COMPARE
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

RUN = """\
model: {name: ising}
lattice: {name: hypercubic, size: [6, 6]}
beta: 0.43
chains: 16
start: mixed
phases: {thermalize: 20, adapt: 60, measure: 40, every: 4}
updates:
  - {name: heat_bath}
  - {name: independence, density: net}
densities:
  net: {name: frontier, hidden: 4, save: net.krd}
training: {batch: 64, certificate: 4096, target_ess: 1}
output: {checkpoint: 0.1}
"""
USE = RUN.replace("save: net.krd", "start: {file: net.krd}").replace("adapt: 60", "adapt: 0")


def call(*arguments, want=0):
    result = subprocess.run([KRAMERS, *arguments], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=60)
    assert result.returncode == want, (arguments, result.returncode, result.stderr)
    return result


def run(run_file, output, *sets, want=0, more=()):
    words = [word for text in sets for word in ("--set", text)]
    return call("run", run_file, "-o", output, "--progress", "never", *words, *more, want=want)


def density(path):
    return json.loads(call("summary", path, "--json").stdout)["densities"]["net"]


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def weights_are_used_as_they_are():
    run("run.yaml", "trained.h5")
    said = call("explain", "net.krd").stdout
    assert "frontier {hidden: 4, window: 0}" in said and "60 steps" in said and "of 4096 samples" in said, said
    run("use.yaml", "used.h5")
    for key in ("ess_q", "log_z", "log_z_error", "max_weight"):
        assert density("used.h5")[key] == density("trained.h5")[key], key
    run("use.yaml", "fresh.h5", "densities.net.start=null")
    assert density("fresh.h5")["ess_q"] < density("used.h5")["ess_q"]


def a_block_has_no_ess():
    """Its file says what tells about it; certified or not."""
    run("run.yaml", "block.h5", "updates.1={name: tail_refresh, density: net, symmetry: true}",
        "densities.net={name: frontier_block, size: 2, save: block.krd}")
    said = call("explain", "block.krd").stdout
    assert "\nESS_q:" not in said and "not measured yet" not in said, said
    assert "quality:    of a block" in said and "kramers summary" in said, said
    assert "block density" in call("summary", "block.h5").stdout


def training_goes_on_elsewhere():
    """At another beta, in the same file: steps and work add up."""
    run("use.yaml", "on.h5", "beta=0.45", "phases.adapt=30", "densities.net.save=net.krd",
        "training.reverse_rate=0.001")
    said = call("explain", "net.krd").stdout
    assert "90 steps" in said and "beta:       0.45" in said, said
    net = density("on.h5")
    assert abs(net["z"]) < 4.5, net
    run("run.yaml", "net0.h5", more=["--overwrite"])  # back to what it was
    assert "60 steps" in call("explain", "net.krd").stdout


def resume_needs_no_file():
    """Killed with the weights of a file in it, the file gone: the same bits, and saved anew."""
    sets = ("phases.adapt=300", "densities.net.save=again.krd", "phases.measure=400")
    run("use.yaml", "whole.h5", *sets)
    saved = read("again.krd")
    for k in range(4):
        for name in ("again.krd", "killed.h5", "killed.h5.restart"):
            if os.path.exists(name):
                os.remove(name)
        words = [word for text in sets for word in ("--set", text)]
        with subprocess.Popen([KRAMERS, "run", "use.yaml", "-o", "killed.h5", "--progress",
                               "never", *words], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            while not os.path.exists("killed.h5.restart") and process.poll() is None:
                time.sleep(0.001)
            time.sleep(0.05 * k)
            process.send_signal(signal.SIGKILL)
        os.rename("net.krd", "away.krd")
        call("resume", "killed.h5", "--progress", "never")
        os.rename("away.krd", "net.krd")
        result = subprocess.run([COMPARE, "whole.h5", "killed.h5"], capture_output=True, text=True,
                                check=False)
        assert result.returncode == 0, result.stdout
        assert k > 0 or read("again.krd") == saved


def a_resumed_run_replaces_nothing_else():
    """A file that came to lie where the weights will go while the run was stopped."""
    run("run.yaml", "late.h5", "phases.adapt=100000", "training.max_work=1000",
        "densities.net.save=late.krd", want=3, more=["--time-limit", "0.2"])
    write("late.krd", "precious")
    result = call("resume", "late.h5", "--progress", "never", "--time-limit", "0.2", want=2)
    assert "late.krd exists and is no density file" in result.stderr, result.stderr
    assert read("late.krd") == b"precious"
    os.remove("late.krd")
    call("resume", "late.h5", "--progress", "never", "--time-limit", "0.2", want=3)


def a_scan_has_a_file_for_each_point():
    result = run("run.yaml", "scan.h5", "beta=[0.40, 0.43]", want=2, more=["--overwrite"])
    assert "want a name with one * in it" in result.stderr
    run("run.yaml", "scan.h5", "beta=[0.40, 0.43]", "densities.net.save=scan-*.krd")
    assert os.path.exists("scan-0000.krd")
    assert "beta:       0.4\n" in call("explain", "scan-0000.krd").stdout
    scan = density("scan.h5")
    run("use.yaml", "scanned.h5", "beta=[0.40, 0.43]", "densities.net.start.file=scan-*.krd")
    for p in range(2):
        assert density("scanned.h5")[p]["log_z"] == scan[p]["log_z"]
    run("use.yaml", "one.h5", "beta=[0.40, 0.43]")  # one file for all points
    assert density("one.h5")[1]["ess_q"] > 0.1
    result = run("use.yaml", "none.h5", "beta=[0.40, 0.42, 0.43]",
                 "densities.net.start.file=scan-*.krd", want=2)
    assert "scan-0002.krd: cannot open" in result.stderr


def one_file_serves_a_range():
    """Polynomials in a coupling: the weights of every point, and of those between."""
    flow = "densities.net={name: split_coupling, layers: 2, %s}"
    field = ["model={name: phi4, m2: -1, lambda: %s}", "lattice.size=[4, 4]", "beta=1",
             "updates.0=hmc", "training.reverse_rate=0.005", "training.certificate=4096"]
    scan = [field[0] % "[1, 1.5, 2]", *field[1:]]
    result = run("run.yaml", "range.h5", flow % "save: range.krd", *scan, want=2)
    assert "want a name with one * in it" in result.stderr, result.stderr
    run("run.yaml", "range.h5", flow % "save: range.krd", "training.conditional=1",
        "phases.adapt=900", *scan)
    said = call("explain", "range.krd").stdout
    assert "degree 1 in model.lambda, 1 to 2\n" in said, said
    assert "lambda: 1 to 2," in said and "beta:       1\n" in said and "\nsteps:" not in said, said
    result = run("run.yaml", "no.h5", "densities.net={name: realnvp}", "training.conditional=1", *field[1:],
                 "model={name: phi4, m2: 1, lambda: 1, field: [0, 0.5]}", want=2)
    assert " weights at model.field = 0.5 and " in result.stderr, result.stderr
    assert " at model.field = 0, want the same number" in result.stderr, result.stderr
    trained = density("range.h5")
    for lam, point in (("1.5", 1), ("2", 2), ("1.25", None)):
        run("use.yaml", "at.h5", flow % "start: {file: range.krd}", field[0] % lam, *field[1:],
            more=["--overwrite"])
        at = density("at.h5")
        assert point is None or abs(at["ess_q"] - trained[point]["ess_q"]) < 0.05, (lam, at)
        assert at["ess_q"] > 0.7, (lam, at["ess_q"])
    result = run("use.yaml", "no.h5", flow % "start: {file: range.krd}", field[0] % "2.5",
                 *field[1:], want=2)
    assert "model.lambda = 2.5, want 1 to 2, where the weights" in result.stderr, result.stderr
    said = run("use.yaml", "other.h5", flow % "start: {file: range.krd}", "model.m2=-1.1",
               *[s for s in field[1:]], field[0].replace("-1,", "-1.1,") % "1.5").stderr
    assert "was trained with model m2: -1, here m2: -1.1" in said, said
    grown = run("use.yaml", "grown.h5", flow % "start: {file: range.krd}", *scan,
                "lattice.size=[8, 8]", "training.conditional=1").stderr
    assert "begins with networks of another lattice" in grown, grown
    assert min(d["ess_q"] for d in density("grown.h5")) > 0.1


def steps_of_a_flow_are_told_as_trained():
    """Training doubles them; a map in the place of another one is told with what it drops."""
    flow = ["densities.net={name: cnf, steps: 2, save: ode.krd}", "model={name: phi4, m2: -4, lambda: 5}",
            "lattice.size=[4, 4]", "beta=1", "updates.0=hmc", "phases.adapt=300"]
    said = run("run.yaml", "ode.h5", *flow, "training={reverse_rate: 0.005, certificate: 4096}").stderr
    assert "takes the place of the whole map, without its batch, target_ess; one key is set by --set " \
        "training.KEY=value" in said, said
    steps = density("ode.h5")["steps"]
    assert steps > 2 and f"\nsteps:      {steps:.0f} of the equation" in call("explain", "ode.krd").stdout, \
        (steps, call("explain", "ode.krd").stdout)
    assert "whole map" not in run("use.yaml", "more.h5", "output.checkpoint=1", "model={name: ising}").stderr


def a_small_lattice_is_a_start_for_a_large_one():
    """What is taken over is told; what has nothing alike is refused."""
    multilevel = "densities.net={name: multilevel, hidden: 4, radius: 2, %s}"
    start = multilevel % "start: {file: small.krd}"
    run("run.yaml", "small.h5", multilevel % "save: small.krd", "lattice.size=[8, 8]")
    grown = [start, "lattice.size=[16, 16]", "phases.adapt=0"]
    said = run("use.yaml", "large.h5", *grown).stderr
    assert "density net begins with networks of another lattice: " in said, said
    assert ", 0 fresh" in said, said
    assert density("large.h5")["ess_q"] > 0.0
    result = run("use.yaml", "no.h5", start, "lattice.size=[16, 16, 16]", want=2)
    assert "small.krd: networks for dimensions 2, want 3" in result.stderr, result.stderr
    result = run("use.yaml", "no.h5", start, "lattice.size=[16, 16]",
                 "densities.net.hidden=5", want=2)
    assert "small.krd: hidden = 4, want 5" in result.stderr, result.stderr


def what_does_not_fit_is_refused():
    os.mkdir("folder")
    write("text.krd", "weights: 1\n")
    write("cut.krd", "")
    with open("cut.krd", "wb") as file:
        file.write(read("net.krd")[:-1])
    for sets, wanted in (
            (["densities.net.hidden=5"], "net.krd: hidden = 4, want 5"),
            (["lattice.size=[6, 8]"], "net.krd: n_sites = 36, want 48"),
            (["lattice.boundary=open"], "net.krd: structure = "),
            (["model.field=0.1"], "net.krd: n_weights = "),
            (["beta=0.2", "densities.net.name=made"], "density frontier, want made"),
            (["densities.net.start.file=none.krd"], "none.krd: cannot open"),
            (["densities.net.start.file=folder"], "folder: no regular file"),
            (["densities.net.start.file=text.krd"], "text.krd: not a kramers"),
            (["densities.net.start.file=cut.krd"], "cut.krd: truncated or damaged"),
            (["densities.net.start.file=trained.h5.restart"], "the restart file of a run"),
            (["densities.net.start.file=\"\""], "file is empty"),
            (["densities.net.start=net.krd"], "start"),
            (["densities.net.start={}"], "\"file\" is missing"),
            (["densities.net.save=trained.h5"], "trained.h5 exists"),
            (["densities.net.save=none.h5"], "none.h5 is the result file"),
            (["densities.net.save=folder"], "folder is no regular file"),
            (["densities.net.save=nowhere/net.krd"], "cannot write to the folder"),
            (["densities.net.save=a-*-*.krd"], "one * in it"),
            (["densities.net={name: transfer_matrix, save: a.krd}"], "has no weights"),
            (["densities.net={name: transfer_matrix, start: {file: net.krd}}"],
             "has no weights"),
    ):
        before = sorted(os.listdir("."))
        result = run("use.yaml", "none.h5", *sets, want=2)
        assert wanted in result.stderr, (sets, result.stderr)
        assert sorted(os.listdir(".")) == before, sets
    assert "restart file of a run" in call("explain", "trained.h5.restart", want=2).stderr


def paths_are_meant_from_the_run_file():
    os.mkdir("below")
    write("below/run.yaml", RUN)
    write("below/use.yaml", USE)
    run("below/run.yaml", "below.h5")
    assert read("below/net.krd") == read("net.krd")
    run("below/use.yaml", "below_used.h5")
    os.remove("below/net.krd")
    result = run("below/use.yaml", "none.h5", want=2)
    assert result.stderr.startswith("kramers: below/use.yaml:11:50: below/net.krd: cannot open"), (
        result.stderr)


def a_file_that_cannot_be_written_ends_the_run():
    """The folder goes away while training; put back, a resume ends like any other run."""
    os.mkdir("gone")
    with subprocess.Popen([KRAMERS, "run", "run.yaml", "-o", "gone.h5", "--progress", "never",
                           "--set", "phases.adapt=3000", "--set",
                           "densities.net.save=gone/net.krd"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        while not os.path.exists("gone.h5.restart") and process.poll() is None:
            time.sleep(0.001)
        os.rename("gone", "away")
        error = process.communicate()[1].decode()
    assert process.returncode == 1 and "gone/" in error, (process.returncode, error)
    os.rename("away", "gone")
    call("resume", "gone.h5", "--progress", "never")
    assert "ESS_q:" in call("explain", "gone/net.krd").stdout


def main():
    write("run.yaml", RUN)
    write("use.yaml", USE)
    tests = [weights_are_used_as_they_are, a_block_has_no_ess, training_goes_on_elsewhere,
             resume_needs_no_file,
             a_resumed_run_replaces_nothing_else, a_scan_has_a_file_for_each_point,
             one_file_serves_a_range, steps_of_a_flow_are_told_as_trained,
             a_small_lattice_is_a_start_for_a_large_one,
             what_does_not_fit_is_refused,
             paths_are_meant_from_the_run_file, a_file_that_cannot_be_written_ends_the_run]
    for number, test in enumerate(tests, 1):
        test()
        print(f"ok {number} {test.__name__}")


KRAMERS, COMPARE = (os.path.abspath(word) for word in sys.argv[1:3])
with tempfile.TemporaryDirectory(prefix="density-files-", dir=os.getcwd()) as work_folder:
    home = os.getcwd()
    os.chdir(work_folder)
    try:
        main()
    finally:
        os.chdir(home)
