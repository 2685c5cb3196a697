# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the program on one small run: help, list, explain, dry run, summary, exact,
resume, stop, overwrite, scan, and run files as other systems write them.

usage: check_commands.py KRAMERS COMPARE
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
lattice: {name: hypercubic, size: [4, 4]}
beta: 0.4
chains: 8
phases: {thermalize: 20, measure: 80, every: 4}
updates:
  - {name: heat_bath}
observables: [energy, magnetization, residence]
"""
ESTIMATE = {"mean", "error", "tau_int", "tau_int_error", "ess", "r_hat", "exact", "z"}
LONG = ["--set", "phases.measure=1e9", "--set", "output.checkpoint=0.2", "--threads", "1"]


def call(*arguments, want=0, **options):
    result = subprocess.run([KRAMERS, *arguments], capture_output=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=60, **options)
    result.stdout = result.stdout.decode()
    result.stderr = result.stderr.decode()
    assert result.returncode == want, (arguments, result.returncode, result.stderr)
    return result


def run(output, *more, want=0, run_file="run.yaml", **options):
    return call("run", run_file, "-o", output, "--progress", "never", *more, want=want, **options)


def compare(a, b):
    result = subprocess.run([COMPARE, a, b], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, text):
    with open(path, "wb") as file:
        file.write(text.encode())


def every_command_has_help():
    for word in ("--help", "--version"):
        assert call(word).stdout.strip()
    commands = [line.split()[0] for line in call("--help").stdout.splitlines()
                if line.startswith("  ") and not line.startswith("  kramers")]
    assert len(commands) >= 9, commands
    for command in commands:
        result = call(command, "--help")
        assert f"kramers {command}" in result.stdout, command
        assert result.stderr == ""


def every_listed_word_is_explained():
    words = [line.split()[0] for line in call("list").stdout.splitlines()
             if line.startswith("  ") and line[2] != " "]
    assert all(len(line) <= 92 for line in call("list").stdout.splitlines())
    assert "density: text, required" in call("explain", "independence").stdout
    assert "size: integer 1..2147483647" in call("explain", "complete").stdout
    assert len(words) >= 15, words
    for word in words + ["run", "beta", "phases", "phases.every", "hidden", "size"]:
        assert len(call("explain", word).stdout) > 20, word
    assert "chains" in call("explain").stdout
    for kind in ("models", "lattices", "updates", "densities", "observables"):
        listed = call("list", kind).stdout
        assert listed.startswith(kind)
        one = kind.replace("ies", "y") if kind == "densities" else kind[:-1]
        for word in (kind, one):
            assert listed in call("explain", word).stdout, word
    for word in ("sweeps", "density", "engine", "betas"):
        assert len(call("explain", word).stdout) > 20, word


def dry_run_leaves_nothing():
    before = sorted(os.listdir("."))
    text = call("run", "run.yaml", "--dry-run").stdout
    assert "# memory: about" in text and "chains: 8" in text
    assert sorted(os.listdir(".")) == before
    write("resolved.yaml", text)  # what it prints is a run file
    run("run.h5")
    run("resolved.h5", run_file="resolved.yaml")
    compare("run.h5", "resolved.h5")


def dry_run_counts_the_memory_of_densities():
    """Weights, gradients, moments and scratch: against the memory that the run takes."""
    words = ["--set", "lattice.size=[24, 24]", "--set", "phases.adapt=2", "--set",
             "densities={net: {name: frontier, hidden: 100}}", "--set", "training.certificate=64",
             "--threads", "1"]
    text = call("run", "run.yaml", "--dry-run", *words).stdout
    about = float(text.split("# memory: about ")[1].split(" MB")[0])
    with subprocess.Popen([KRAMERS, "run", "run.yaml", "-o", "memory.h5", "--progress", "never",
                           *words], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    took = usage.ru_maxrss * 1024e-6
    assert took > 100.0 and abs(about / took - 1.0) < 0.1, (about, took)


def dry_run_waits_for_no_long_draw():
    """A draw of 1e8 sweeps takes minutes: its time is told from fewer, and cannot be longer yet."""
    started = time.monotonic()
    said = call("run", "run.yaml", "--dry-run", "--threads", "1", "--set", "updates=[{name: heat_bath, "
                "sweeps: 1000000}]", "--set", "phases={thermalize: 1000, measure: 1000, every: 100}").stdout
    seconds = float(said.split("# time: about ")[1].split()[0])
    assert seconds > 10 and time.monotonic() - started < 30, (said, time.monotonic() - started)


def keys_without_effect_are_told():
    """In every spelling of the key; the default is no setting."""
    block = ["--set", "updates=[heat_bath, {name: tail_refresh, density: net, symmetry: true}]",
             "--set", "densities={net: {name: frontier_block, size: 2}}"]
    field = ["--set", "model={name: phi4, m2: -4, lambda: 7}", "--set", "lattice={name: hypercubic, size: [4, 4]}",
             "--set", "updates=[hmc, {name: independence, density: net}]", "--set", "densities={net: cnf}",
             "--set", "observables=[energy]", "--set", "beta=1"]
    for words, wanted in ((["--set", "training.turn_steps=30"], ["turn_steps"]),
                          ([*block, "--set", "training={target_ess: 0.3, samples: 100}"],
                           ["target_ess", "samples"]),
                          ([*field, "--set", "training={forward: 0, reverse_rate: 0.001}"], ["reverse_rate"]),
                          ([*field, "--set", "training={forward: 0.1, reverse_rate: 0.001}"], []),
                          ([*field, "--set", "training={forward: 0, rate: 0.001}"], []),
                          ([*block, "--set", "training={target_ess: 0.95}"], [])):
        said = call("run", "run.yaml", "--dry-run", *words).stderr.splitlines()
        said = [line for line in said if "has no effect" in line]
        assert [line.split(".")[1].split()[0] for line in said] == wanted, (words, said)
        assert all(line.startswith("kramers: warning: ") for line in said), said


def dry_run_tells_densities_without_an_update():
    def told(*sets):
        more = [word for text in sets for word in ("--set", text)]
        lines = call("run", "run.yaml", "--dry-run", *more).stdout.splitlines()
        return [line for line in lines if line.startswith("# density ")]
    nets = "densities={net: {name: frontier, hidden: 4}, exact: {name: transfer_matrix}}"
    assert told(nets) == ["# density net: no update uses it, trained and certified only",
                          "# density exact: no update uses it, certified only"]
    assert told(nets, "phases.adapt=0")[0] == "# density net: no update uses it, certified only"
    moved = "updates=[heat_bath, {name: independence, density: net}]"
    assert told(nets, moved) == ["# density exact: no update uses it, certified only"]
    assert told() == []


def blocks_tell_which_sites_they_reach():
    """Before the run; known to reach every state where they cover the lattice together."""
    def warned(updates, boundary="open", *more):
        words = ["--set", "lattice={name: hypercubic, size: [8, 8], boundary: " + boundary + "}",
                 "--set", "densities={net: {name: frontier_block, size: 2}, "
                 "low: {name: frontier_block, size: [8, 4]}, "
                 "high: {name: frontier_block, size: [8, 4], at: [0, 4]}}", "--set",
                 "phases.adapt=1", "--set", "training.certificate=64", "--set",
                 f"updates=[{updates}]"]
        said = run("blocks.h5", *words, *more, "--overwrite").stderr.splitlines()
        dry = call("run", "run.yaml", "--dry-run", *words, *more).stderr.splitlines()
        assert dry == said, (dry, said)
        return [line for line in said if line.startswith("kramers: warning: ")]
    net = "{name: tail_refresh, density: net, symmetry: true}"
    low, high = "{name: tail_refresh, density: low}", "{name: tail_refresh, density: high}"
    corners = warned(f"heat_bath, {net}")
    assert len(corners) == 1 and "tail_refresh changes 16 of 64 sites (25 %)" in corners[0], corners
    assert warned(net, "periodic") == []
    assert "do not reach" not in call("summary", "blocks.h5").stdout
    halves = warned(f"{low}, {high}")
    assert len(halves) == 2 and all("32 of 64 sites (50 %)" in line for line in halves), halves
    assert "do not reach" not in call("summary", "blocks.h5").stdout
    alone = warned(f"{low}, wolff", "open", "--set", "model={name: clock, q: 4}")
    assert len(alone) == 2 and "known to reach every state" in alone[1], alone


def engines_are_named_with_the_reason():
    def dry(*sets):
        more = [word for text in sets for word in ("--set", text)]
        lines = [line for line in call("run", "run.yaml", "--dry-run", *more).stdout.splitlines()
                 if line.startswith("# update ")]
        assert len(lines) == 1, lines
        return lines[0]
    assert dry() == "# update heat_bath: engine bits"
    few = dry("lattice.size=[5, 5]", "chains=1")
    assert "engine ref; not bits: a vector would hold 6 spins, want 16" in few, few
    assert "; bytes: a vector" in few, few
    clock = dry("model={name: potts, q: 3, disorder: {kind: pm1, seed: 1}}")
    assert "engine ref; not bits: 3 states, want a pair model with 2; bytes: 3 states" in clock
    order = dry("updates.0.order=random")
    assert "engine ref; not bits, bytes: they visit the sites color by color" in order, order
    assert dry("updates.0.engine=ref") == "# update heat_bath: engine ref"
    assert dry("updates=[wolff]").startswith("# update wolff: engine ")
    run("few.h5", "--set", "lattice.size=[5, 5]", "--set", "chains=1")
    assert "heat_bath, engine ref " in call("summary", "few.h5").stdout


def summary_is_json_with_the_documented_keys():
    summary = json.loads(call("summary", "run.h5", "--json").stdout)
    assert set(summary) >= {"observables", "updates", "densities", "cost", "verdict"}
    assert set(summary["cost"]) >= {"train_cpu_s", "sample_cpu_s"}
    assert {"energy_per_site", "specific_heat", "binder"} <= set(summary["observables"])
    for name, estimate in summary["observables"].items():
        assert ESTIMATE <= set(estimate), name
    assert {"acceptance", "cpu_s"} <= set(summary["updates"]["heat_bath"])
    assert summary["observables"]["energy_per_site"]["exact"] is not None
    assert "energy_per_site" in call("summary", "run.h5").stdout
    text = call("exact", "run.yaml", "--json", "--set", "beta=[0.3, 0.4]").stdout
    points = json.loads(text)["points"]
    assert [point["beta"] for point in points] == [0.3, 0.4]
    energy = json.loads(call("exact", "run.yaml", "--json").stdout)["points"][0]
    exact = summary["observables"]["energy_per_site"]["exact"]
    assert abs(energy["energy_per_site"] - exact) < 1e-12


def multicanonical_runs_give_weighted_estimates():
    """Means, log Z and other temperatures against the exact values; the keys of --json."""
    more = ["--set", "updates=[multicanonical]", "--set", "multicanonical={betas: [0.2, 0.7]}",
            "--set", "phases.measure=8000", "--set", "observables=[energy, magnetization]"]
    run("flat.h5", *more)
    summary = json.loads(call("summary", "flat.h5", "--json", "--check").stdout)
    for name in ("energy_per_site", "specific_heat", "log_z", "binder", "magnetization_squared"):
        assert abs(summary["observables"][name]["z"]) < 4.5, (name, summary["observables"][name])
    assert summary["observables"]["log_z"]["error"] < 0.05
    flat = summary["multicanonical"]
    assert flat["round_trips"] > 100 and flat["learning_is_flat"] and flat["barrier"] is None
    for at in flat["reweighted"]:
        text = call("exact", "run.yaml", "--json", "--set", f"beta={at['beta']}").stdout
        exact = json.loads(text)["points"][0]
        for name in ("log_z", "energy_per_site", "specific_heat"):
            assert abs(at[name] - exact[name]) < 4.5 * at[name + "_error"], (name, at, exact)
    assert json.loads(call("summary", "run.h5", "--json").stdout)["multicanonical"] is None


def multicanonical_runs_reach_the_states_above_their_table():
    """Few energies far apart, half of all states above the mean; and where states above the table
    are missed, the mean energy at beta = 0 tells so without an exact value at beta."""
    write("levels.yaml", """\
model: {name: potts, q: 5, J: -0.7, field: 1}
lattice: {name: hypercubic, size: [5], boundary: open}
beta: 0.1
chains: 64
seed: 1
phases: {thermalize: 100, measure: 20000, every: 4}
updates: [multicanonical]
multicanonical: {}
observables: [energy]
""")
    run("levels.h5", run_file="levels.yaml")
    summary = json.loads(call("summary", "levels.h5", "--json", "--check").stdout)
    for name, error in (("energy_per_site", 1e-3), ("log_z", 5e-4), ("specific_heat", 1e-4)):
        got = summary["observables"][name]
        assert abs(got["z"]) < 4.5 and got["error"] < error, (name, got)
    run("missed.h5", "--set", "beta=3", "--set", "lattice.size=[30]", "--set",
        "phases={thermalize: 10, adapt: 1, measure: 4000, every: 1}", run_file="levels.yaml")
    reasons = json.loads(call("summary", "missed.h5", "--json").stdout)["verdict"]["reasons"]
    assert any(reason.startswith("the mean energy at beta = 0, which is known, is missed: z = ")
               for reason in reasons), reasons


def population_annealing_gives_log_z_and_families():
    """Energies and log Z against the exact values; the keys of --json; resume adds runs."""
    more = ["--set", "beta={from: 0, to: 0.5, count: 11}", "--set", "population_annealing={}",
            "--set", "phases={every: 3, measure: 180}", "--set", "chains=200",
            "--set", "observables=[energy, magnetization]", "--set", "start=random"]
    run("population.h5", *more)
    summary = json.loads(call("summary", "population.h5", "--json", "--check").stdout)
    for name in ("energy_per_site", "specific_heat", "magnetization_squared"):
        for at in summary["observables"][name]:
            assert at["z"] is None or abs(at["z"]) < 4.5, (name, at)
    annealing = summary["population_annealing"]
    assert annealing["runs"] == 60 and annealing["population"] == 200
    assert annealing["log_z_is_absolute"] and annealing["beta_from"] == 0
    first, *others = annealing["temperatures"]
    assert abs(first["log_z"] - first["exact_log_z"]) < 1e-9 and first["families"] == 200
    for at in others:
        assert abs(at["z"]) < 4.5 and 0 < at["log_z_error"] < 0.05, at
        assert at["families_least"] <= at["families"] < 200, at
        assert 1 < at["rho_t"] <= at["rho_t_most"] < 100 and at["max_weight"] < 0.1, at
    call("resume", "population.h5", "--more", "30")
    summary = json.loads(call("summary", "population.h5", "--json").stdout)
    assert summary["population_annealing"]["runs"] == 70
    assert json.loads(call("summary", "run.h5", "--json").stdout)["population_annealing"] is None


def resume_appends_exactly():
    run("more.h5")
    call("resume", "more.h5", "--more", "40", "--progress", "never")
    run("longer.h5", "--set", "phases.measure=120")
    compare("more.h5", "longer.h5")
    assert "30 measured" in call("status", "more.h5").stdout
    call("resume", "more.h5", "--until", "160", "--progress", "never")
    assert "40 measured" in call("status", "more.h5").stdout


FLAT = """model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: 0.4
phases: {thermalize: 20, adapt: 2000, measure: 40, every: 2}
observables: [energy]
multicanonical: {}
"""


def a_density_of_states_made_longer_is_that_of_the_long_run():
    """Its jackknife groups depend on the number of draws, not on how many were planned."""
    write("flat.yaml", FLAT)
    for chains in ("1", "5", "40"):
        short, long = f"flat-short{chains}.h5", f"flat-long{chains}.h5"
        common = ("flat.yaml", "--progress", "never", "--set", "chains=" + chains)
        call("run", *common, "-o", short)
        call("resume", short, "--until", "3000", "--progress", "never")
        call("run", *common, "-o", long, "--set", "phases.measure=3000")
        compare(short, long)


def weights_beyond_the_range_of_exp_are_compared():
    """Energies of neighbors differ by 2000 in units of the temperature."""
    write("cold.yaml", """model: {name: potts, q: 3, J: -1}
lattice: {name: hypercubic, size: [8, 8]}
beta: 1000
chains: 8
phases: {thermalize: 200, measure: 100, every: 10}
observables: [energy]
updates: [multicanonical]
""")
    call("run", "cold.yaml", "-o", "cold.h5", "--progress", "never")
    energy = json.loads(call("summary", "cold.h5", "--json").stdout)["observables"]
    assert energy["energy_per_site"]["mean"] == 0, energy


def stopped_runs_go_on():
    process = subprocess.Popen([KRAMERS, "run", "run.yaml", "-o", "stopped.h5", *LONG,
                                "--progress", "never"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    while "measure," not in subprocess.run([KRAMERS, "status", "stopped.h5"], text=True,
                                           capture_output=True, check=False).stdout:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    message = process.communicate()[1].decode()
    assert process.returncode == 3, process.returncode
    assert message.count("\n") == 1 and "kramers resume stopped.h5" in message, message
    status = call("status", "stopped.h5").stdout
    done = int(status.split("draws:")[1].split()[0])
    write("snapshot.h5", "precious")
    refused = call("snapshot", "stopped.h5", "-o", "snapshot.h5", want=2).stderr
    assert refused.count("\n") == 1 and "--overwrite" in refused, refused
    call("snapshot", "stopped.h5", "-o", "snapshot.h5", "--overwrite", want=2)
    with open("snapshot.h5", encoding="utf-8") as file:
        assert file.read() == "precious"
    os.remove("snapshot.h5")
    for more in ((), ("--overwrite",)):
        call("snapshot", "stopped.h5", "-o", "snapshot.h5", *more)
    assert call("snapshot", "stopped.h5").stdout == "file: stopped.snapshot.h5\n"
    call("snapshot", "stopped.h5", want=2)
    steps = str(4 * (done + 1000))
    call("resume", "stopped.h5", "--until", steps, "--progress", "never")
    run("straight.h5", *LONG, "--set", "phases.measure=" + steps)
    compare("stopped.h5", "straight.h5")
    started = time.monotonic()
    run("limit.h5", *LONG, "--time-limit", "1", want=3)
    assert 0.9 < time.monotonic() - started < 20
    for name in ("snapshot.h5", "stopped.h5"):
        assert "energy_per_site" in call("summary", name).stdout
    os.truncate("limit.h5.parts/part-000001.h5", 3000)
    before = call("status", "limit.h5").stdout
    damaged = call("resume", "limit.h5", "--progress", "never", want=1).stderr
    assert damaged.count("\n") == 1 and "part-000001.h5: truncated" in damaged, damaged
    assert call("status", "limit.h5").stdout == before


def overwrite_replaces():
    run("limit.h5", want=2)
    run("limit.h5", "--overwrite")
    compare("run.h5", "limit.h5")
    assert "20 measured" in call("status", "limit.h5").stdout
    assert not os.path.exists("limit.h5.parts")


def closed_stdout_is_told():
    """The run itself is finished and saved; only its table could not be written."""
    for closed in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        result = subprocess.run(["/bin/sh", "-c", f'exec "$0" "$@" {closed}', KRAMERS, "run",
                                 "run.yaml", "-o", "closed.h5", "--overwrite"], check=False,
                                timeout=60, capture_output=True, text=True)
        assert result.returncode == 1, (result.returncode, result.stderr)
        assert "2>" in closed or "could not be written" in result.stderr, result.stderr
        compare("run.h5", "closed.h5")
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([KRAMERS, "list"], stdout=full, stderr=subprocess.PIPE, text=True,
                                check=False, timeout=60)
    assert result.returncode == 1 and "cannot write to stdout" in result.stderr


def closed_pipe_is_quiet():
    """Whoever closes it has read enough: `kramers summary run.h5 | head -1`."""
    for words in (["summary", "run.h5"], ["summary", "run.h5", "--json"], ["list"]):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run([KRAMERS, *words], stdout=writer, stderr=subprocess.PIPE, text=True,
                                check=False, timeout=60)
        os.close(writer)
        assert (result.returncode, result.stderr) == (0, ""), (words, result)


def foreign_run_files_are_read():
    write("crlf.yaml", RUN.replace("\n", "\r\n"))
    write("utf8.yaml", "\ufeff# \u00e9nergie, \u6e29\u5ea6 \u03b2\n" + RUN)
    for name in ("crlf", "utf8"):
        run(name + ".h5", run_file=name + ".yaml")
        compare("run.h5", name + ".h5")
    locales = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    if "de_DE.utf8" in locales:
        environment = dict(os.environ, LC_ALL="de_DE.UTF-8")
        run("german.h5", env=environment)
        compare("run.h5", "german.h5")
        json.loads(call("summary", "german.h5", "--json", env=environment).stdout)


def a_scan_makes_points():
    run("scan.h5", "--set", "beta=[0.3, 0.4]")
    summary = json.loads(call("summary", "scan.h5", "--json").stdout)
    points = summary["observables"]["energy_per_site"]
    assert [point["beta"] for point in points] == [0.3, 0.4], points
    assert points[0]["mean"] > points[1]["mean"]
    try:
        import h5netcdf
    except ImportError:
        print("# no h5netcdf: dims of the scan not read")
        return
    with h5netcdf.File("scan.h5", "r") as file:
        energy = file["posterior/energy_per_site"]
        assert energy.dimensions == ("chain", "draw", "point"), energy.dimensions
        assert energy.shape == (8, 20, 2), energy.shape
        assert list(file["posterior/beta"][:]) == [0.3, 0.4]


def replica_pairs_have_a_group_of_their_own():
    """Half as many entries as chains, so that nothing counts a pair twice."""
    glass = ("--set", "model.disorder={kind: pm1, seed: 3}", "--set")
    run("glass.h5", *glass, "observables=[energy, overlap]")
    run("pairs.h5", *glass, "observables=[overlap]")
    both, alone = (json.loads(call("summary", path, "--json").stdout)
                   for path in ("glass.h5", "pairs.h5"))
    assert both["observables"]["overlap"] == alone["observables"]["overlap"]
    square = both["observables"]["overlap_squared"]
    chi = both["observables"]["spin_glass_susceptibility"]
    assert abs(chi["mean"] - both["n_sites"] * square["mean"]) < 1e-9 * chi["mean"], chi
    assert chi["is_derived"] and alone["chains"] == both["chains"] == 8
    try:
        import h5netcdf
    except ImportError:
        print("# no h5netcdf: group of the pairs not read")
        return
    with h5netcdf.File("glass.h5", "r") as file:
        overlap = file["replica_pairs/overlap"]
        assert overlap.dimensions == ("chain", "draw"), overlap.dimensions
        assert list(file["replica_pairs/chain"][:]) == [0, 2, 4, 6]
        assert "overlap" not in file["posterior"].variables


def samples_of_a_density_tell_nothing_of_pairs():
    """An observable named like something that certificates hold must not be taken for it."""
    run("pairs_net.h5", "--set", "model.disorder={kind: gaussian, seed: 3}", "--set",
        "densities={net: {name: frontier, hidden: 4}}", "--set",
        "updates=[heat_bath, {name: independence, density: net}]", "--set", "phases.adapt=100",
        "--set", "training={batch: 64, max_work: 1, certificate: 4096}", "--set",
        "observables=[energy, overlap]")
    summary = json.loads(call("summary", "pairs_net.h5", "--json").stdout)
    net = summary["densities"]["net"]
    assert set(net["observables"]) == {"energy_per_site", "specific_heat"}, net["observables"]
    assert not any("disagree" in text for text in summary["verdict"]["reasons"]), summary["verdict"]


def bench_is_json_with_the_documented_keys():
    bench = json.loads(call("bench", "--only", "Wolff, 2D Ising, L=64", "--seconds", "0.05",
                            "--json").stdout)
    assert set(bench) == {"kramers", "machine", "seconds", "rows", "n_rows", "n_missed",
                          "n_not_run"}
    assert set(bench["machine"]) == {"cpu", "n_threads", "isa", "l1d_bytes", "l2_bytes",
                                     "l3_bytes", "compiler", "is_optimized"}
    assert bench["n_rows"] == len(bench["rows"]) == 1 and bench["seconds"] == 0.05
    row = bench["rows"][0]
    assert set(row) == {"section", "task", "unit", "engine", "rival", "at_least", "at_most",
                        "aim", "per_second_at_least", "per_second_aim", "results"}
    assert row["task"] == "Wolff, 2D Ising, L=64" and row["unit"] == "flipped spin"
    assert row["at_least"] == 2.2 and row["at_most"] is None and row["aim"] == 4
    result = row["results"][0]
    assert set(result) == {"isa", "status", "note", "ns", "rival_ns", "ratio", "extra_percent",
                           "quartiles", "n_pairs", "changed", "energy_per_site",
                           "rival_energy_per_site", "per_second", "gflops", "peak_gflops",
                           "peak_fraction"}
    assert result["status"] in ("aim", "minimum", "missed") and result["extra_percent"] is None
    assert result["ns"] > 0 and result["rival_ns"] > 0 and result["n_pairs"] >= 5
    assert result["quartiles"][0] <= result["ratio"] <= result["quartiles"][1]
    assert -2 < result["energy_per_site"] < -1 and 0 < result["changed"] <= 1


def bench_leaves_no_row_out_silently():
    listed = call("bench", "--list", "--engine", "sampler").stdout.splitlines()
    assert len(listed) == 2 and all(line.startswith("sampler ") for line in listed), listed
    result = json.loads(call("bench", "--only", "writing files*", "--json", "--check").stdout)
    assert result["rows"][0]["results"][0]["status"] == "left_out", result
    text = call("bench", "--only", "two threads*", "--seconds", "0.05", "--check", want=1,
                env=dict(os.environ, OMP_NUM_THREADS="1")).stdout
    assert "NOT RUN" in text and "not run: 1" in text, text


def main():
    with tempfile.TemporaryDirectory(prefix="commands-", dir=os.getcwd()) as folder:
        os.chdir(folder)
        write("run.yaml", RUN)
        for check in (every_command_has_help, every_listed_word_is_explained,
                      dry_run_leaves_nothing, dry_run_counts_the_memory_of_densities,
                      dry_run_tells_densities_without_an_update, dry_run_waits_for_no_long_draw,
                      keys_without_effect_are_told,
                      blocks_tell_which_sites_they_reach, engines_are_named_with_the_reason, summary_is_json_with_the_documented_keys,
                      multicanonical_runs_give_weighted_estimates,
                      multicanonical_runs_reach_the_states_above_their_table,
                      population_annealing_gives_log_z_and_families, resume_appends_exactly,
                      a_density_of_states_made_longer_is_that_of_the_long_run,
                      weights_beyond_the_range_of_exp_are_compared,
                      stopped_runs_go_on, overwrite_replaces,
                      closed_stdout_is_told, closed_pipe_is_quiet, foreign_run_files_are_read, a_scan_makes_points,
                      replica_pairs_have_a_group_of_their_own,
                  samples_of_a_density_tell_nothing_of_pairs,
                      bench_is_json_with_the_documented_keys,
                      bench_leaves_no_row_out_silently):
            check()
            print("ok", check.__name__.replace("_", " "), flush=True)
        os.chdir("..")


KRAMERS, COMPARE = map(os.path.abspath, sys.argv[1:3])
main()
