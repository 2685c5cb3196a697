# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of `kramers report` on short runs of shipped run files: HTML that is closed as it was opened and needs
nothing beside it, names that are unique, numbers that are those of `summary --json`.

usage: check_report.py KRAMERS RUNS

RUNS is the folder of the shipped run files, which are shortened here.
"""
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

KRAMERS, RUNS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SHORT = {
    "net": ("ising_critical.yaml", "lattice.size=[8, 8]", "phases.adapt=60", "phases.measure=160", "chains=6",
            "training.max_work=1", "output.configurations.every=2"),
    "scan": ("edwards_anderson_2d.yaml", "lattice.size=[6, 6]", "phases={thermalize: 20, measure: 200}"),
    "ladder": ("edwards_anderson_3d.yaml", "lattice.size=[4, 4, 4]", "phases={thermalize: 50, measure: 100, every: 2}",
               "model.disorder.seed.count=2", "model.disorder.seed.to=2", "beta.count=4", "tempering.pilot=40"),
    "flat": ("potts20_multicanonical.yaml", "lattice.size=[6, 6]", "chains=8", "phases.adapt=2000",
             "phases.measure=2000"),
    "annealing": ("population_annealing_glass.yaml", "chains=40", "phases={every: 2, measure: 24}"),
    "path": ("phi4_log_z.yaml", "chains=16", "lattice.size=[4, 4]", "path.points=4", "path.pilot=20"),
    "field": ("phi4_critical.yaml", "lattice.size=[8, 8]", "phases={thermalize: 50, measure: 200}", "chains=8"),
    "draw": ("ising_metastable.yaml", "lattice.size=[4, 4]", "phases={thermalize: 0, measure: 20, every: 20}",
             "chains=1"),
}
VOID = {"meta", "link", "br", "hr", "img", "input"}
SPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def call(*arguments, want=0, path=None):
    """Runs the program; returns stdout, or stderr where it has to fail."""
    env = dict(os.environ, PATH=path) if path else None
    result = subprocess.run([KRAMERS, *arguments], capture_output=True, text=True, check=False, env=env)
    assert result.returncode == want, (arguments, result.returncode, result.stderr)
    return result.stderr if want else result.stdout


class Page(html.parser.HTMLParser):
    """Cells of the tables by their section, text, and whatever is wrong."""

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.names, self.rows, self.text = [], [], [], [], []
        self.references, self.cell = [], None
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"left open: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.look(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_startendtag(self, tag, attrs):
        self.look(tag, attrs)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self.cell:
            self.rows[-1][-1] += data

    def look(self, tag, attrs):
        """Names, references and what a page must not have."""
        if tag in ("script", "link", "iframe", "object", "embed"):
            self.faults.append(f"<{tag}>")
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"an attribute twice in <{tag}>")
        for name, value in attrs:
            if name == "id":
                self.names.append(value)
            if name.startswith("on"):
                self.faults.append(f"{tag} {name}")
            if name in ("href", "xlink:href", "src"):
                self.references.append(value)


def page_of(name, sets=()):
    """Runs, reports; returns page and summary."""
    source, *own = SHORT[name]
    more = [word for text in (*own, *sets) for word in ("--set", text)]
    call("run", os.path.join(RUNS, source), *more, "-o", f"{name}.h5", "--progress", "never", "--threads", "1")
    assert f"report: {name}.html" in call("report", f"{name}.h5", "-o", f"{name}.html")
    with open(f"{name}.html", encoding="utf-8") as file:
        text = file.read()
    page = Page(text)
    assert not page.faults, (name, page.faults)
    assert len(set(page.names)) == len(page.names), (name, "names twice")
    known = {f"#{word}" for word in page.names}
    assert all(word in known or word.startswith("data:image/png;base64,") for word in page.references), name
    assert set(re.findall(r"url\((#[^)]*)\)", text)) <= known, name
    assert set(re.findall(r"https?://[^\s\"'<]*", text)) <= SPACES, name
    assert not os.path.exists(f"{name}.html.partial")
    assert [file for file in os.listdir(".") if "figures-" in file] == []
    return page, json.loads(call("summary", f"{name}.h5", "--json"))


def value(cell):
    """Mean and error of "1.23(4)", "12(1.5)", "1.2(3)e-05" or a plain number."""
    match = re.fullmatch(r"([-+]?[\d.]+)(?:\(([\d.]+)\))?(e[-+]\d+)?", cell)
    assert match, cell
    mean, error, power = match.groups()
    scale = float("1" + power) if power else 1.0
    digits = len(mean.partition(".")[2])
    unit = 1.0 if error and "." in error else 10.0 ** -digits
    return float(mean) * scale, float(error) * unit * scale if error else 0.0


def agree(cell, entry):
    """The digits that are there are those of the object."""
    mean, error = value(cell)
    assert abs(mean - entry["mean"]) <= max(0.06 * (entry["error"] or 0), 1e-7 * abs(entry["mean"])), (cell, entry)
    assert abs(error - (entry["error"] or 0)) <= 0.06 * error, (cell, entry)


def estimates(page, summary):
    """A single point: every observable has its row, every update its acceptance."""
    rows = {row[0].split(" [")[0]: row for row in page.rows if len(row) == 7}
    n = 0
    for name, entry in summary["observables"].items():
        if name in rows and entry["mean"] is not None:
            agree(rows[name][1], entry)
            assert rows[name][3] in ("-", f"{entry['ess']:.0f}" if entry["ess"] else "-"), (rows[name], entry)
            n += 1
    assert n >= 2, n
    updates = {row[0].split(",")[0]: row for row in page.rows if len(row) == 6}
    for name, entry in summary["updates"].items():
        assert abs(float(updates[name][1].rstrip(" %")) - 100 * entry["acceptance"]) <= 0.06, (name, entry)


def points(page, summary, name):
    """A scan: the column of an observable has the means of all points."""
    head = next(k for k, row in enumerate(page.rows) if row and any(cell.startswith(name) for cell in row))
    column = next(k for k, cell in enumerate(page.rows[head]) if cell.startswith(name))
    entries = summary["observables"][name]
    for row, entry in zip(page.rows[head + 1:], entries):
        agree(row[column], entry)
    assert len(entries) > 1


def says(page, *words):
    """All words are in the text of the page."""
    text = " ".join(page.text)
    for word in words:
        assert word in text, word


def check():
    """One run per kind of file."""
    figures = bool(shutil.which("gnuplot"))
    page, summary = page_of("net", ["densities.net.save=\"a<b&c\\\".krd\""])
    estimates(page, summary)
    says(page, "kramers run net.yaml -o net-again.h5", "a<b&c", "independence", *summary["verdict"]["reasons"])
    density = next(row for row in page.rows if row[0] == "net" and len(row) == 10)
    agree(density[3], {"mean": summary["densities"]["net"]["log_z"], "error": summary["densities"]["net"]["log_z_error"]})
    if figures:
        assert {"trace", "histogram", "residence", "tau", "reweight", "snapshot", "training", "barrier",
                "acceptance"} <= set(page.names)
        says(page, "a single point, want a scan")
    page, summary = page_of("scan")
    points(page, summary, "energy_per_site")
    says(page, "beta = 0.4 .. 0.9", "Every point with tau_int")
    page, summary = page_of("ladder")
    points(page, summary, "energy_per_site")
    says(page, "replica exchange every", "accepted, colder")
    page, summary = page_of("flat")
    estimates(page, summary)
    says(page, "Multicanonical weights", "ESS_w")
    page, summary = page_of("annealing")
    points(page, summary, "energy_per_site")
    says(page, "population annealing: a draw is a run", "rho_t")
    page, summary = page_of("path")
    says(page, "Path of actions" if not summary["population_annealing"] else "Population annealing")
    estimates(*page_of("field"))
    page, _ = page_of("draw")
    says(page, "Not converged", "Fewer than 4 draws per chain")
    assert "--overwrite" in call("report", "net.h5", "-o", "net.html", want=2)
    assert "is no report" in call("report", "net.h5", "-o", "scan.h5", "--overwrite", want=2)
    assert "net.yaml" in call("report", "net.yaml", "-o", "x.html", want=2)
    call("report", "net.h5", "-o", "net.html", "--overwrite", path=os.path.join(os.getcwd(), "nothing"))
    with open("net.html", encoding="utf-8") as file:
        text = file.read()
    assert "gnuplot was not found" in text and "<svg" not in text


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        check()
    print("reports of every kind of run: closed, self-contained, with the numbers of the summary")
