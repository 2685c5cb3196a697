# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad run files, --set values, command lines and files: each refused with one clear message.

Every case must end with its exit status (2; 1 where reading or writing failed), print nothing on
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

BASE = """\
model: {name: ising}
lattice: {name: hypercubic, size: [4, 4]}
beta: 0.4
chains: 4
phases: {thermalize: 4, measure: 8, every: 2}
updates:
  - {name: heat_bath}
observables: [energy]
"""
NET = "updates:\n  - {name: independence, density: net}\ndensities:\n  "
LEARNED = NET + "net: {name: frontier, hidden: 4}\n"

# ---- run files: (name, keys that replace those of BASE, wanted in the message). The character ^
# marks the place wanted in the message and is taken out; no mark: no line is to blame.
RUN_FILES = [
    # unknown keys at every level, with a suggestion
    ("key", "^chians: 4", 'unknown key "chians" in the run file; did you mean "chains"?'),
    ("key of model", "model: {name: ising, ^feild: 0.1}", 'did you mean "field"?'),
    ("key of disorder", "model: {name: ising, disorder: {^knid: pm1}}", 'did you mean "kind"?'),
    ("key of lattice", "lattice: {name: hypercubic, size: [4, 4], ^bounday: open}",
     'did you mean "boundary"?'),
    ("key of update", "updates:\n  - {name: heat_bath, ^sweps: 2}", 'did you mean "sweeps"?'),
    ("key of density", NET + "net: {name: frontier, ^hiden: 4}", 'did you mean "hidden"?'),
    ("key of training", "training: {^target_es: 0.5}", 'did you mean "target_ess"?'),
    ("key of phases", "phases: {^mesure: 8}", 'did you mean "measure"?'),
    ("key of output", "output: {^chekpoint: 8}", 'did you mean "checkpoint"?'),
    ("key of configurations", "output: {configurations: {^evry: 8}}", 'did you mean "every"?'),
    ("key far from any", "^zzzzzzzzzz: 1", 'unknown key "zzzzzzzzzz"'),
    # duplicate keys
    ("twice beta", "beta: 0.4\n^beta: 0.5", '"beta"'),
    ("twice in model", "model: {name: ising, J: 1, ^J: 2}", '"J"'),
    ("twice in an update", "updates:\n  - {name: heat_bath, sweeps: 1, ^sweeps: 2}", '"sweeps"'),
    ("twice a density", LEARNED + "  ^net: {name: made}\n", '"net"'),
    ("twice in phases", "phases: {measure: 8, ^measure: 9}", '"measure"'),
    # missing keys and names
    ("no beta", "beta:-", '"beta"'),
    ("no model", "model:-", '"model" is missing'),
    ("no lattice", "lattice:-", '"lattice" is missing'),
    ("no size", "lattice: ^{name: hypercubic}", '"size" is missing'),
    ("no q", "model: ^{name: potts}", '"q" is missing'),
    ("no name", "model: ^{J: 1}", "name is missing"),
    ("no value", "beta:^", "no value"),
    # unknown names
    ("model", "model: {name: ^isng}", 'unknown model "isng"; did you mean "ising"?'),
    ("lattice", "lattice: {name: ^hypercubc, size: [4]}", 'did you mean "hypercubic"?'),
    ("update", "updates:\n  - {name: ^heatbath}", 'did you mean "heat_bath"?'),
    ("density", NET + "net: {name: ^fronteer}", 'did you mean "frontier"?'),
    ("observable", "observables: [energy, ^magnetisation]", 'did you mean "magnetization"?'),
    ("observable twice", "observables: [energy, ^energy]", "listed twice"),
    ("boundary", "lattice: {name: hypercubic, size: [4, 4], boundary: ^opne}",
     'did you mean "open"?'),
    # wrong kinds
    ("model a number", "model: ^7", 'model: want a map'),
    ("model a list", "model: ^[ising]", "model: want a map"),
    ("lattice a list", "lattice: ^[4, 4]", "lattice: want a map"),
    ("updates a map", "updates: ^{name: heat_bath}", "updates: want a list"),
    ("update a list", "updates:\n  - ^[heat_bath]", "update: want a map"),
    ("updates empty", "updates: ^[]", "updates: 0 entries"),
    ("densities a list", "densities: ^[net]", "densities: want a map"),
    ("observables a map", "observables: ^{energy: 1}", "observables: want a list"),
    ("phases a number", "phases: ^12", "phases is a single value"),
    ("training a list", "training: ^[1]", "training is a list"),
    ("chains a list", "chains: ^[1, 2]", "chains is a list"),
    ("size a map", "lattice: {name: hypercubic, size: ^{x: 4}}", "size is a map"),
    ("start a list", "start: ^[1]", "start is a list"),
    ("zero_sum", "model: {name: ising, disorder: {kind: pm1, zero_sum: ^yes}}", "true"),
    # numbers that are none
    ("half a number", "beta: ^0.44x", "only half a number"),
    ("octal", "chains: ^010", "010"),
    ("overflow", "beta: ^1e999", "1e999"),
    ("nan", "beta: ^.nan", ".nan"),
    ("plain nan", "beta: ^nan", "nan"),
    ("infinity", "beta: ^inf", "inf"),
    ("quoted", "beta: ^'1.0'", "quotes"),
    ("underscore", "chains: ^1_000", "1_000"),
    ("hexadecimal", "chains: ^0x10", "0x10"),
    ("seed negative", "seed: ^-1", "seed = -1"),
    ("seed with fraction", "seed: ^1.5", "1.5"),
    ("seed beyond 2^53", "seed: ^9007199254740993", "9007199254740993"),
    # out of range
    ("size 0", "lattice: {name: hypercubic, size: [4, ^0]}", "size = 0"),
    ("size negative", "lattice: {name: hypercubic, size: [^-4, 4]}", "size = -4"),
    ("size with fraction", "lattice: {name: hypercubic, size: [4, ^4.5]}", "4.5"),
    ("1e12 sites", "lattice: ^{name: hypercubic, size: [1e6, 1e6]}", "1000000000000 sites"),
    ("2e9 sites", "lattice: ^{name: hypercubic, size: [46340, 46340]}", "of this machine"),
    ("nine dimensions", "lattice: ^{name: hypercubic, size: [2, 2, 2, 2, 2, 2, 2, 2, 2]}",
     "9 entries"),
    ("boundaries", "lattice: ^{name: hypercubic, size: [4, 4], boundary: [open, open, open]}",
     "boundary has 3 entries"),
    ("q = 1", "model: {name: potts, q: ^1}", "q = 1"),
    ("q = 257", "model: {name: potts, q: ^257}", "q = 257"),
    ("no chains", "chains: ^0", "chains = 0"),
    ("1e9 chains", "chains: ^1e9", "chains = 1e9"),
    ("measure < every", "phases: ^{measure: 4, every: 5}", "there is no draw"),
    ("every 0", "phases: {measure: 4, every: ^0}", "every = 0"),
    ("batch", "training: {batch: ^7}", "batch = 7"),
    ("target_ess", "training: {target_ess: ^1.5}", "target_ess = 1.5"),
    ("checkpoint", "output: {checkpoint: ^0}", "checkpoint = 0"),
    ("sweeps", "updates:\n  - {name: heat_bath, sweeps: ^0}", "sweeps = 0"),
    ("hidden 0", NET + "net: {name: frontier, hidden: ^0}", "hidden = 0"),
    ("hidden 1e9", NET + "net: {name: frontier, hidden: ^1e9}", "hidden = 1e9"),
    ("start 7", "start: ^7", 'start: "7", want random, ordered, mixed, a '
     'state number 0..1 or {file: PATH}'),
    ("start text", "start: ^ordred", '"ordred"'),
    ("start key", "start: {^fiel: states.txt}", 'unknown key "fiel" in start; did you mean "file"?'),
    ("start with more", "start: {file: states.txt, ^k: 1}", 'unknown key "k" in start'),
    ("start without file", "start: ^{}", '"file" is missing'),
    ("start file a list", "start: {file: ^[states.txt]}", "file is a list"),
    ("start missing", "start: {file: ^none.txt}", "none.txt: No such file"),
    ("start folder", "start: {file: ^folder}", "folder: a folder, pipe or device"),
    ("start fifo", "start: {file: ^fifo}", "fifo: a folder, pipe or device"),
    ("start device", "start: {file: ^/dev/zero}", "/dev/zero: a folder, pipe or device"),
    ("start empty", "start: {file: ^zero.h5}", "zero.h5:0: end of file, want 16 states"),
    ("start few", "start: {file: ^states.txt}",
     "states.txt:3: end of file after 20 states, want a multiple of 16"),
    ("start range", "start: {file: ^two.txt}", "two.txt:2: '2', want a state 0..1"),
    ("start negative", "start: {file: ^minus.txt}", "minus.txt:1: '-1', want a state 0..1"),
    ("start text", "start: {file: ^text.h5}", "text.h5:1: 'no', want a state 0..1"),
    ("start real", "start: {file: ^text.txt}", "text.txt:2: '0.5x', want a state 0..1"),
    ("start zeros", "start: {file: ^zeros.bin}", "zeros.bin:1: "),
    # scans
    ("scan empty", "beta: ^[]", "0 values"),
    ("scan of text", "beta: [0.3, ^cold]", "cold is not a number"),
    ("scan of nan", "beta: [0.3, ^.nan]", ".nan"),
    ("scan outside", "beta: [0.3, ^2e6]", "2e6"),
    ("beta below 0", "beta: ^-0.4", "-0.4"),
    ("scan below 0", "beta: [0.3, ^-0.4]", "-0.4"),
    ("range of 0", "beta: {from: 0.3, to: 0.4, count: ^0}", "count"),
    ("range half", "beta: ^{from: 0.3, to: 0.4}", '"count"'),
    ("range with more", "beta: {from: 0.3, to: 0.4, count: 2, ^step: 1}", '"step"'),
    ("4097 points", "beta: ^{from: 0.3, to: 0.4, count: 4097}", "4097"),
    ("points product", "beta: ^{from: 0.3, to: 0.4, count: 100}\n"
     "model: {name: ising, J: {from: 1, to: 2, count: 100}}", "10000 points"),
    ("scan of chains", "chains: ^{from: 1, to: 4, count: 2}", "chains is a map"),
    # combinations that cannot be
    ("clusters", "model: {name: ising}\nupdates:\n  - {name: wolff}\n  - {name: heat_bath, "
     "density: ^net}", "heat_bath takes no density"),
    ("random clusters", "model: {name: potts, q: 3, J: -1}\nupdates:\n  - ^{name: swendsen_wang, "
     "form: fortuin_kasteleyn}", "want J >= 0"),
    ("random clusters, Blume-Capel", "model: {name: blume_capel, D: 1}\nupdates:\n"
     "  - ^{name: swendsen_wang, form: fortuin_kasteleyn}", "swendsen_wang"),
    ("antiperiodic", "model: {name: potts, q: 3}\nlattice: {name: hypercubic, size: [4, 4], "
     "boundary: antiperiodic}", "antiperiodic"),
    ("no density", "updates:\n  - ^{name: independence}", '"density" is missing'),
    ("which density", "updates:\n  - {name: independence, density: ^nte}\ndensities:\n"
     "  net: {name: frontier}", '"nte"'),
    ("density a list", "updates:\n  - {name: independence, density: ^[net]}\ndensities:\n"
     "  net: {name: frontier}", "density"),
    ("density name", "densities:\n  ^my-net: {name: frontier}", '"my-net" is no name'),
    ("density name 1", "densities:\n  ^1net: {name: frontier}", '"1net" is no name'),
    ("density name, path", "densities:\n  ^a/b: {name: frontier}", '"a/b" is no name'),
    ("wide frontier", "lattice: {name: hypercubic, size: [1000, 1000]}\n" + NET
     + "net: ^{name: frontier, hidden: 1024}", "want at most"),
    ("wide made", "lattice: {name: hypercubic, size: [500, 500]}\n" + NET
     + "net: ^{name: made, hidden: 64}", "want at most"),
    ("memory of chains", "lattice: {name: hypercubic, size: [1000, 1000]}\nchains: ^1e6",
     "of this machine"),
    ("memory of terms", "lattice: ^{name: hypercubic, size: [10000, 10000]}\n"
     "model: {name: ising, field: {from: 0, to: 1, count: 4000}}", "of this machine"),
    ("antiperiodic clock", "model: {name: clock, q: 5}\nlattice: {name: hypercubic, size: [4, 4], "
     "boundary: antiperiodic}", "want an even q"),
    ("antiferromagnet, random clusters", "model: {name: potts, q: 4, J: -1}\nlattice: "
     "{name: kagome, size: [4, 4]}\nupdates:\n  - ^{name: swendsen_wang, form: "
     "fortuin_kasteleyn}", "coupling -1 between sites 0 and 1, want J >= 0"),
    ("spin glass, random clusters", "model: {name: potts, q: 3, disorder: {kind: pm1}}\nupdates:\n"
     "  - ^{name: swendsen_wang, form: fortuin_kasteleyn}", "(form reflection takes any sign)"),
    ("clusters without a reflection", "model: {name: clock, q: 5}\nupdates:\n  - ^{name: wolff}",
     "wolff"),
    ("odd chains", "chains: 7\nobservables: [energy, ^overlap]",
     "chains = 7, want an even number"),
    # lattices
    ("cells", "lattice: ^{name: honeycomb, size: [4]}", "size has 1 entries, want 2"),
    ("cells of 1", "lattice: {name: kagome, size: [4, ^1]}", "size = 1"),
    ("many cells", "lattice: ^{name: kagome, size: [40000, 40000]}", "4800000000 sites"),
    ("kagome antiperiodic", "lattice: {name: kagome, size: [4, 4], boundary: ^antiperiodic}",
     "periodic"),
    ("complete without weight", "lattice: ^{name: complete, size: 8}", '"weight" is missing'),
    ("complete weight", "lattice: {name: complete, size: 8, weight: ^1/n}", "1/N"),
    ("complete of 5000", "lattice: ^{name: complete, size: 5000, weight: 1/N}",
     "5000 sites would have 12497500 bonds, want 1..4096 sites"),
    ("complete a list", "lattice: {name: complete, size: ^[8, 8], weight: 1}", "size is a list"),
    # graphs from files
    ("graph without file", "lattice: ^{name: graph}", '"file" is missing'),
    ("graph missing", "lattice: {name: graph, file: none.txt}", "No such file"),
    ("graph directory", "lattice: {name: graph, file: folder}", "folder"),
    ("graph fifo", "lattice: {name: graph, file: fifo}", "fifo"),
    ("graph empty", "lattice: {name: graph, file: zero.h5}",
     "zero.h5:0: end of file, want at least one row `i j`"),
    ("graph text", "lattice: {name: graph, file: text.h5}", "text.h5:1: 'no', want a site"),
    ("graph one column", "lattice: {name: graph, file: few.txt}",
     "few.txt:1: 1 columns, want the two sites of a bond"),
    ("graph couplings", "lattice: {name: graph, file: bond.txt}", "bond.txt:1: 3 columns"),
    ("graph self", "lattice: {name: graph, file: self.txt}",
     "self.txt:2: bond 1 1 joins a site to itself"),
    ("graph twice", "lattice: {name: graph, file: again.txt}",
     "again.txt:3: bond 0 1 was given in line 1 already"),
    ("graph range", "lattice: {name: graph, file: again.txt, n_sites: 2}",
     "again.txt:2: '2', want a site 0..1"),
    ("graph negative", "lattice: {name: graph, file: minus.txt}",
     "minus.txt:1: '-1', want a site"),
    ("graph sites", "lattice: {name: graph, file: again.txt, n_sites: ^-3}", "n_sites = -3"),
    ("graph zeros", "lattice: {name: graph, file: zeros.bin}", "zeros.bin:"),
    # disorder from files
    ("disorder without file", "model: {name: ising, disorder: {kind: file}}", "file"),
    ("disorder missing", "model: {name: ising, disorder: {kind: file, file: none.txt}}",
     "No such file", 2),
    ("disorder directory", "model: {name: ising, disorder: {kind: file, file: folder}}",
     "folder", 2),
    ("disorder fifo", "model: {name: ising, disorder: {kind: file, file: fifo}}", "fifo", 2),
    ("disorder device", "model: {name: ising, disorder: {kind: file, file: /dev/zero}}",
     "/dev/zero", 2),
    ("disorder few", "model: {name: ising, random_field: {kind: file, file: few.txt}}",
     "few.txt:2: end of file, want a value of site 2"),
    ("disorder many", "model: {name: ising, random_field: {kind: file, file: many.txt}}",
     "many.txt:17: value 17, want 16 values"),
    ("disorder text", "model: {name: ising, random_field: {kind: file, file: text.txt}}",
     "text.txt:2: '0.5x', want a finite decimal number"),
    ("disorder index", "model: {name: ising, random_field: {kind: file, file: index.txt}}",
     "index.txt:1: '16', want a site 0..15"),
    ("disorder twice", "model: {name: ising, random_field: {kind: file, file: twice.txt}}",
     "twice.txt:2: site 0 comes twice"),
    ("disorder bond", "model: {name: ising, disorder: {kind: file, file: bond.txt}}",
     "bond.txt:1: bond 0 5 is no bond"),
    ("disorder zeros", "model: {name: ising, disorder: {kind: file, file: zeros.bin}}",
     "zeros.bin:"),
    ("disorder binary", "model: {name: ising, disorder: {kind: file, file: binary.bin}}",
     "binary.bin:2:"),
    ("disorder kind", "model: {name: ising, disorder: {kind: ^gausian}}",
     'did you mean "gaussian"?'),
]

# ---- whole run files that are no YAML, or not ours: (name, bytes, wanted). No place where YAML's
# own reader decides about it; ^ as above.
WHOLE = [
    ("empty file", b"", "empty"),
    ("comments only", b"# nothing\n", "empty"),
    ("a list", b"^- a\n- b\n", "a map of keys is wanted"),
    ("a word", b"^hello\n", "a map of keys is wanted"),
    ("two documents", b"seed: 1\n^---\nseed: 2\n", "document"),
    ("anchor", b"beta: ^&b 0.4\nseed: *b\n", "anchor"),
    ("alias", b"beta: ^*b\n", "alias"),
    ("tag", b"beta: ^!!float 0.4\n", "tag"),
    ("merge key", b"^<<: {beta: 1}\n", '"<<"'),
    ("tab", b"model:\n^\tname: ising\n", "tab"),
    ("open bracket", b"lattice: {name: hypercubic, size: [4, 4^}\n", "still open"),
    ("open quote", b"model: ^'ising\n", "quote without an end"),
    ("bad indent", b"model: {name: ising}\n  ^beta: 0.4\n", "indentation"),
    ("zero bytes", b"seed: 1\0\0\n", ""),
    ("binary", bytes(range(256)) * 8, ""),
    ("elf", b"\x7fELF\x02\x01\x01\0\0\0\0", ""),
    ("not UTF-8", b"seed: 1 # \xff\xfe caf\xe9\n", "UTF-8"),
    ("deep", b"a: " + b"[" * 5000 + b"]" * 5000, ""),
    ("long", b"# " + b"x" * 2000000, "at most"),
    ("key a list", b"^[a, b]: 1\n", "key"),
]

# ---- command lines on the base file: (arguments, wanted[, status]).
COMMANDS = [
    (["run", "R", "--set", "bta=1"], 'did you mean "beta"?'),
    (["run", "R", "--set", "beta"], "beta"),
    (["run", "R", "--set", "=1"], "=1"),
    (["run", "R", "--set", ""], ""),
    (["run", "R", "--set", "beta=0.44x"], "--set beta=0.44x: "),
    (["run", "R", "--set", "beta="], "no value"),
    (["run", "R", "--set", "beta=[0.3"], "beta=[0.3"),
    (["run", "R", "--set", "beta=&a 1"], "anchor"),
    (["run", "R", "--set", "updates.1.sweeps=2"], "updates"),
    (["run", "R", "--set", "updates.x.sweeps=2"], "updates"),
    (["run", "R", "--set", "updates.-1.sweeps=2"], "updates"),
    (["run", "R", "--set", "updates.99999999999999999999.sweeps=2"], "updates"),
    (["run", "R", "--set", "beta.x=2"], "beta"),
    (["run", "R", "--set", "densities.net.hidden=8"], "name is missing"),
    (["run", "R", "--set", "phases..every=2"], "phases..every"),
    (["run", "R"] + ["--set", "seed=1"] * 65, "64"),
    (["run", "R", "--seed", "-1"], "--seed"),
    (["run", "R", "--seed", "1.5"], "--seed"),
    (["run", "R", "--threads", "0"], "--threads"),
    (["run", "R", "--threads", "1e9"], "--threads"),
    (["run", "R", "--threads", "two"], "--threads"),
    (["run", "R", "--time-limit", "-3"], "--time-limit"),
    (["run", "R", "--time-limit", "soon"], "--time-limit"),
    (["run", "R", "--time-limit", ""], "--time-limit"),
    (["run", "R", "--progress", "maybe"], "want auto, never or json"),
    (["run", "R", "--bogus"], "--bogus"),
    (["run", "R", "--set"], "argument"),
    (["run"], "missing"),
    (["run", "R", "R"], "too many"),
    (["run", "R", "-o", ""], "output"),
    (["run", "R", "-o", "none/x.h5"], "none/x.h5", 1),
    (["run", "R", "-o", "folder"], "folder"),
    (["run", "R", "-o", "folder", "--overwrite"], "want a regular file"),
    (["run", "R", "-o", "n" * 300 + ".h5"], "name too long", 1),
    (["run", "R", "-o", "good.h5"], "the output exists"),
    (["run", "bad.yaml", "-o", "good.h5", "--overwrite"], "bad.yaml:1:1"),
    (["run", "R", "-o", "good.h5", "--overwrite", "--set", "chains=1e6", "--set",
      "lattice.size=[1000, 1000]"], "of this machine"),
    (["run", "R", "--dry-run", "--set", "chains=1e6", "--set", "lattice.size=[1000, 1000]"],
     "of this machine"),
    (["run", "none.yaml"], "No such file", 2),
    (["run", "folder"], "folder", 2),
    (["run", "fifo"], "regular file", 2),
    (["run", "/dev/zero"], "regular file", 2),
    (["run", ""], "", 2),
    (["run", "good.h5"], "good.h5"),
    (["exact", "none.yaml"], "No such file", 2),
    (["exact", "R", "--set", "lattice.size=[40, 40, 40]"], "exact"),
    (["exact", "R", "--json", "--set", "lattice.size=[40, 40, 40]"], "exact"),
    (["exact", "R", "--json", "--set", "model.field=[0, 0.1]", "--set", "lattice.size=[20, 20]"],
     "exact"),
    (["exact"], "missing"),
    (["bench", "--engine", "bit"], 'did you mean "bits"?'),
    (["bench", "--isa", "neon"], "want avx512, avx2, portable or all"),
    (["bench", "--seconds", "0"], "--seconds"),
    (["bench", "--seconds", "1e9"], "--seconds"),
    (["bench", "--only", "no such row"], "no row fits no such row"),
    (["bench", "--only", "Potts", "--engine", "cluster"], "no row fits cluster and Potts"),
    (["bench", "--io", "none"], "is no folder"),
    (["bench", "R"], "too many"),
    (["frobnicate"], 'unknown command "frobnicate"'),
    (["sumary", "good.h5"], 'did you mean "summary"?'),
    (["--bogus"], "--bogus"),
    ([""], "unknown command"),
    (["resume", "good.h5", "--until", "4"], "8 steps are measured already"),
    (["resume", "good.h5", "--until", "9", "--more", "2"], "want one of them"),
    (["resume", "good.h5", "--more", "0"], "--more"),
    (["resume", "good.h5", "--more", "1e30"], "--more"),
    (["resume", "good.h5", "--more", "9223372036854775807"], "want at most"),
    (["resume", "good.h5", "--until", "-1"], "--until"),
    (["plot", "good.h5", "pie"], "kind pie: unknown"),
    (["plot", "good.h5"], "missing"),
    (["plot", "good.h5", "good.h5", "trace", "-o", "x.svg"], ""),
    (["plot", "good.h5", "trace", "-o", "x.doc"], "x.doc"),
    (["plot", "good.h5", "trace", "-o", "none/x.svg"], "none/x.gp", 1),
    (["explain", "wolf"], 'did you mean "wolff"?'),
    (["explain", "zzzzzzzz"], "zzzzzzzz"),
    (["list", "things"], '"things"'),
    (["list", "models", "updates"], "too many"),
    (["snapshot", "good.h5", "-o", "good.h5"], "want another"),
    (["snapshot", "good.h5", "-o", "none/x.h5"], "none/x.h5", 1),
]
# Each of these commands on each of these files: (file, wanted, status).
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
        lines = [line for line in lines[:-1] if not line.startswith("Try `kramers ")]
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
        checker.refuse(name, ["run", "case.yaml"], wanted, *status, place=place, source=text)
    for name, data, wanted in WHOLE:
        place = text = None
        if b"^" in data and name not in ("binary",):
            text, mark = take_mark(data.decode())
            data, place = text.encode(), ("case.yaml", *mark)
        write(checker.folder, "case.yaml", data)
        checker.refuse(name, ["run", "case.yaml"], wanted, place=place, source=text)
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
                has_restart = command[0] in ("resume", "status", "snapshot")
                checker.refuse(" ".join(arguments), arguments, path, 2 if has_restart else 1)
        check_restart_faults(checker)
        check_lock(checker)
    print(f"{checker.n - checker.failures} of {checker.n} cases refused as they should be")
    sys.exit(checker.failures > 0)


main()
