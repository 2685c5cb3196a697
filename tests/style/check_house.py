# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that a compiler does not check. Prints one line per breach.

  check_house.py ROOT [LIBRARY.a ...]    the sources under ROOT and the symbols of the libraries
  check_house.py --self-test CC          every rule finds the breach planted for it

Sources: who may include whom, lengths, file heads, words, files listed in meson.build.
Libraries: exported names, no writable data, no calls that print or end the process.
"""
import os
import re
import subprocess
import sys
import tempfile

MAX_FILE, MAX_FUNCTION = 600, 60

# Layer -> layers it may include, itself apart. kramers_plug.h is open to all.
CORE = ["density", "model", "lattice", "base"]
BELOW_RUN = ["sampler", "update", "observable", "stats", "io"] + CORE
ARROWS = {
    "base": [],
    "lattice": ["base"],
    "stats": ["base"],
    "io": ["base"],
    "model": ["lattice", "base"],
    "density": ["lattice", "base"],
    "observable": ["model", "lattice", "stats", "base"],
    "update": CORE,
    "sampler": ["update", "observable", "stats"] + CORE,
    "run": BELOW_RUN + ["analysis", "study", "public"],
    "study": BELOW_RUN + ["analysis", "run", "public"],
    "analysis": ["stats", "io", "base"],
    "models": [],
    "public": [],
}
# Headers of libraries -> layers that may use them.
LIBRARIES = [
    (r"gsl/", ["stats", "run", "study", "analysis"]),
    (r"hdf5|H5", ["io"]),
    (r"omp\.h", ["sampler"]),
    (r"mpi\.h", ["sampler"]),
    (r"yaml\.h", ["base"]),
    (r"xxhash|Random123/", ["base"]),
    (r"cmocka", []),
]
LIBC = set("""assert complex ctype errno fenv float inttypes limits locale math setjmp signal
    stdalign stdarg stdbool stddef stdint stdio stdlib stdnoreturn string tgmath time""".split())
WORDS = [
    (r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", "a note to oneself"),
    (r"(?<![\w.:/~$}\-])/(?:ho" + r"me|wo" + r"rk|t" + r"mp)\b", "a path of one machine"),
]
PLUGS = ["models", "src/lattice", "src/density", "src/update", "src/observable"]
ENDS = {"exit", "_exit", "_Exit", "quick_exit", "abort", "rand", "srand", "random", "srandom",
        "drand48", "signal", "sigaction"}
PRINTS = {"printf", "puts", "putchar", "vprintf", "perror", "stdout", "stderr", "__printf_chk",
          "__vprintf_chk"}
PRINTS_TO = {"fprintf", "vfprintf", "fputs", "fputc", "putc", "__fprintf_chk", "__vfprintf_chk"}


def tracked(root):
    """Files under version control, else all outside build folders."""
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True,
                                check=True).stdout.decode().split("\0")
        names = [name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
    if not names:
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith("build") and f != ".git"]
            names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(n for n in names if os.path.isfile(os.path.join(root, n)))


def read(root, name):
    with open(os.path.join(root, name), "rb") as file:
        return file.read()


def strip(text):
    """C text with comments and literals blanked, line breaks kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def layer_of(name):
    parts = name.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return {"include": "public", "models": "models", "analysis": "analysis"}.get(parts[0])


def check_includes(name, text, names):
    layer = layer_of(name)
    if layer is None:
        return
    allowed = ARROWS.get(layer)
    if allowed is None:
        yield 1, f"folder {layer} is no layer of the house"
        return
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\s*#\s*pragma\s+omp\b", line) and layer != "sampler":
            yield number, f"{layer} has an OpenMP pragma: only sampler opens parallel regions"
        found = re.match(r'\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', line)
        if not found:
            continue
        system, own = found.groups()
        if system:
            for pattern, layers in LIBRARIES:
                if re.match(pattern, system) and layer not in layers:
                    where = ", ".join(layers) if layers else "tests"
                    yield number, f"{layer} includes <{system}>: only {where} may"
            if layer == "models" and system[:-2] not in LIBC:
                yield number, f"a model includes <{system}>: want kramers_plug.h and libc"
            continue
        if own == "kramers_plug.h":
            continue
        places = [os.path.normpath(p) for p in (os.path.join("src", own),
                  os.path.join("include", own), own, os.path.join(os.path.dirname(name), own))]
        target = next((p for p in places if p in names), None)
        other = layer_of(target) if target else None
        if other is None:
            yield number, f"{own} is not a header of the house"
        elif other != layer and other not in allowed:
            may = ", ".join(allowed) if allowed else "kramers_plug.h only"
            yield number, f"{layer} includes {own}: it may include {may}"


def check_lengths(text):
    lines, bare = text.split("\n"), strip(text).split("\n")
    if len(lines) - 1 > MAX_FILE:
        yield len(lines) - 1, f"file of {len(lines) - 1} lines, want at most {MAX_FILE}"
    start, previous_end = None, 0
    for number, line in enumerate(bare, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start:
            length = number - start + 1
            is_kernel = re.search(r"/\*\s*kernel:", "\n".join(lines[previous_end:number]))
            if length > MAX_FUNCTION and not is_kernel:
                yield start, (f"function of {length} lines, want at most {MAX_FUNCTION} "
                              "or a comment 'kernel: why'")
            start = None
        if line.startswith("}"):
            previous_end = number


def check_head(name, text):
    lines = text.split("\n")[:2] + ["", ""]
    if name.endswith(".py"):
        if lines[0] != "# SPDX-License-Identifier: GPL-3.0-or-later":
            yield 1, "no SPDX line at the top"
        return
    if lines[0] != "/* SPDX-License-Identifier: GPL-3.0-or-later":
        yield 1, "no SPDX line at the top"
    elif os.path.basename(name) + " - " not in lines[1]:
        yield 2, f"no file head, want ' * {'/'.join(name.split('/')[-2:])} - what it holds'"


def check_words(text):
    for pattern, what in WORDS:
        for found in re.finditer(pattern, text):
            yield text.count("\n", 0, found.start()) + 1, f"'{found.group()}' is {what}"


def check_lists(root, names):
    """Plugs listed exist, and each source is listed in some meson.build."""
    listed = set()
    for name in names:
        if os.path.basename(name) == "meson.build":
            text = re.sub(r"#[^\n]*", "", read(root, name).decode())
            folder = os.path.dirname(name)
            for word in re.findall(r"'([^'\n]+)'", text):
                for ending in "", ".c":
                    listed.add(os.path.normpath(os.path.join(folder, word + ending)))
            if folder in PLUGS:
                block = re.search(r"=\s*\[(.*?)\]", text, re.S)
                for plug in re.findall(r"'([^']+)'", block.group(1) if block else ""):
                    if f"{folder}/{plug}.c" not in names:
                        yield name, 1, f"lists {plug}, but {folder}/{plug}.c does not exist"
            if folder == "tests":  # names of tests without their prefix
                for word in re.findall(r"'([\w]+)'", text):
                    listed |= {f"tests/{p}_{word}.c" for p in ("test", "conformance", "physics")}
    for name in names:
        if name.endswith(".c") and name not in listed:
            yield name, 1, "is in no meson.build"


def check_sources(root):
    names = tracked(root)
    known = set(names)
    for name in names:
        if name == "LICENSE":
            continue
        raw = read(root, name)
        if b"\0" in raw:
            continue
        text = raw.decode("utf-8", "replace")
        found = list(check_words(text))
        if name.endswith((".c", ".h")):
            found += check_includes(name, text, known)
            found += check_head(name, text)
        if name.endswith(".py"):
            found += check_head(name, text)
        if name.endswith((".c", ".h", ".py")) or name == "kr":
            found += check_lengths(text)
        for number, message in found:
            yield f"{name}:{number}: {message}"
    for name, number, message in check_lists(root, known):
        yield f"{name}:{number}: {message}"


def check_symbols(path):
    """Symbols of a static library (or object) as objdump -t lists them."""
    table = subprocess.run(["objdump", "-t", path], capture_output=True, check=True, text=True,
                           env={**os.environ, "LC_ALL": "C"}).stdout
    library, member = os.path.basename(path), ""
    may_print_to = re.search("analysis|run|study", library)
    for line in table.split("\n"):
        head = re.match(r"(\S+):\s+file format", line)
        if head:
            member = head.group(1)
        found = re.match(r"[0-9a-f]{8,16} (.{7}) (\S+)\t[0-9a-f]+\s+(?:\.\w+ )?(\S+)$", line)
        if not found:
            continue
        flags, section, name = found.groups()
        where = f"{library}({member})"
        if section == "*UND*":
            if name in ENDS:
                yield f"{where}: calls {name}: a library neither ends the process nor changes it"
            elif name in PRINTS or name in PRINTS_TO and not may_print_to:
                yield f"{where}: uses {name}: a library does not print"
            continue
        if "d" in flags or "f" in flags:  # names of sections and files
            continue
        if flags[0] in "gu!" or flags[1] == "w":
            if not name.startswith("kr_"):
                yield f"{where}: exports {name}, want a name with kr_ or static"
        writable = re.match(r"\.(data|bss|tdata|tbss|sdata|sbss)\b|\*COM\*", section)
        if writable and not section.startswith(".data.rel.ro"):
            yield f"{where}: {name} is writable data in {section}: the library has no state"


# ---- self-test: file -> (text, message wanted) ----

HEAD = "/* SPDX-License-Identifier: GPL-3.0-or-later\n * {} - planted. */\n"
LONG = "int kr_f(void)\n{\n" + "    ;\n" * 70 + "    return 0;\n}\n"
PLANTED = {
    "src/update/up.c": ('#include "run/registry.h"\n', "update includes run/registry.h"),
    "src/io/physics.c": ('#include "model/terms.h"\n', "io includes model/terms.h"),
    "src/model/fit.c": ("#include <gsl/gsl_fit.h>\n", "model includes <gsl/gsl_fit.h>"),
    "src/stats/file.c": ("#include <hdf5.h>\n", "stats includes <hdf5.h>"),
    "src/update/threads.c": ("#pragma omp parallel\n", "update has an OpenMP pragma"),
    "models/far.c": ('#include "model/terms.h"\n', "models includes model/terms.h"),
    "models/posix.c": ("#include <unistd.h>\n", "a model includes <unistd.h>"),
    "analysis/reach.c": ('#include "sampler/sampler.h"\n', "analysis includes sampler/sampler.h"),
    "src/base/ghost.c": ('#include "base/ghost.h"\n', "base/ghost.h is not a header"),
    "src/base/long.c": (LONG, "function of 73 lines"),
    "src/base/kernel.c": ("/* kernel: one loop */\n" + LONG, None),
    "src/base/huge.c": ("int kr_x;\n" * 600, "file of 602 lines"),
    "src/base/note.c": ("/* TO" + "DO */\n", "is a note to oneself"),
    "src/base/place.c": ('char *kr_p = "/wo' + 'rk/x";\n', "is a path of one machine"),
    "src/base/lost.c": ("int kr_y;\n", "is in no meson.build"),
    "src/base/good.c": ('#include "kramers_plug.h"\n', None),
    "src/run/registry.h": ("", None),
    "src/model/terms.h": ("", None),
    "src/sampler/sampler.h": ("", None),
    "src/lattice/meson.build": ("lattices = [\n  'torus',\n]\n", "torus.c does not exist"),
}
PLANTED_SYMBOLS = """
#include <stdio.h>
#include <stdlib.h>
int kr_shared = 3;
int bare_name(void) { return kr_shared; }
int kr_count(void) { static int hidden; return ++hidden; }
void kr_stop(void) { puts("bye"); exit(1); }
int kr_tell(FILE *f, int x) { return fprintf(f, "%d", x); }
const char *const kr_names[] = { "a", "b" };
static const int table[2] = { 1, 2 };
int kr_look(int i) { return table[i]; }
"""
WANTED_SYMBOLS = ["exports bare_name", "kr_shared is writable", "hidden", "calls exit", "uses puts",
                  "uses fprintf"]


def self_test(compiler):
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as root:
        for name, (body, _) in PLANTED.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(body if name.endswith(".build") else HEAD.format(name) + body)
        with open(os.path.join(root, "src/meson.build"), "w", encoding="utf-8") as file:
            for name in PLANTED:
                if name.endswith(".c") and not name.endswith("lost.c"):
                    file.write(f"'{os.path.relpath(name, 'src')}'\n")
        with open(os.path.join(root, "src/base/head.h"), "w", encoding="utf-8") as file:
            file.write("int kr_z;\n")
        found = list(check_sources(root))
        wrong = []
        for name, (_, message) in {**PLANTED, "src/base/head.h": ("", "no SPDX line")}.items():
            mine = [line for line in found if line.startswith(name + ":")]
            if (len(mine) != 1 or message not in mine[0]) if message else mine:
                wrong.append(f"{name}: found {mine}, want {message}")
        source = os.path.join(root, "planted.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PLANTED_SYMBOLS)
        subprocess.run([compiler, "-O1", "-fPIC", "-c", source, "-o", source[:-1] + "o"],
                       check=True)
        symbols = list(check_symbols(source[:-1] + "o"))
        for message in WANTED_SYMBOLS:
            if sum(message in line for line in symbols) != 1:
                wrong.append(f"symbols: found {symbols}, want once '{message}'")
        if len(symbols) != len(WANTED_SYMBOLS):
            wrong.append(f"symbols: found {symbols}, want {len(WANTED_SYMBOLS)} lines")
        return wrong


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        found = self_test(arguments[1])
    else:
        found = list(check_sources(arguments[0]))
        for library in arguments[1:]:
            found += check_symbols(library)
    print("\n".join(found) if found else "the house is in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
