# SPDX-License-Identifier: GPL-3.0-or-later
"""Lattice phi^4 theory against exact values and against other samplers.

usage: check_fields.py KRAMERS CASE [--seeds N] [--threads N] [--only SAMPLER,...] [--most SECONDS]

  chains   eight chains with exact values from transfer matrices, every sampler (or those of --only), each as
           long as its errors want, at most --most CPU-seconds; told with what it would have wanted; with
           split_coupling also log Z of a flow of each chain
  pnas     the stochastic Allen-Cahn chain of 100 sites at beta = 20: acceptance and ESS of a flow, log Z,
           weights of the wells under a field
  nets     flows of networks, the run files double_moon_flow and eight_schools_flow: ESS and log Z against quadrature
  cnf      a continuous flow on the point e6: eight fixed steps must be told as too few, steps that adapt
           must end with the right log Z and without that alarm
  e6, e12, e20, e32
           the points L/xi = 4 of the two-dimensional theory: ESS of a continuous flow within its budget, means of
           the chain and log Z against independent long runs
  broken   8 x 8 in the broken phase with a small field: weights of the wells from clusters, of a flow with
           both wells and its log Z; a flow that was shown one well is told as mode collapse
  xy       plane rotators on 16 x 16 and 32 x 32: energy and helicity modulus of three samplers
  log_z    absolute log Z without a network: the chains and the points above by annealing, by bridges along
           replica exchange and by thermodynamic integration; at 6 x 6 a flow beside them

All |z| of a case stay below the limit for their number, errors below the bounds that are printed.
Exit status 1 when one does not.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

# Exact, by transfer-matrix quadrature in an independent program (reference table phi4_1d_chain):
# model, size, boundary, beta, and <phi^2>, <phi^4>, <M^2>, G(1), G(N/2); None: not tabulated.
CHAINS = [
    ("{convention: pnas, a: 0.1}", 100, "periodic", 10,
     0.9230214191, 0.9877644773, 0.8898679235, 0.9183451344, 0.8836643403),
    ("{convention: pnas, a: 0.1, ends: zero}", 100, "open", 10,
     0.6509260296, 0.6159572859, 0.5492762382, None, None),
    ("{convention: pnas, a: 0.1}", 100, "periodic", 20,
     0.9633372782, 0.9972741272, 0.9475852612, 0.9610069625, 0.9448592502),
    ("{convention: pnas, a: 0.1, ends: zero}", 100, "open", 20,
     0.6922332485, 0.6296316000, 0.6110217013, None, None),
    ("{m2: 1, lambda: 1}", 32, "periodic", 1,
     0.153857256, 0.06282049938, 0.008611491433, 0.04360638332, None),
    ("{m2: 1, lambda: 1, ends: zero}", 32, "open", 1,
     0.1531567762, 0.06231177357, 0.008406569907, None, None),
    ("{m2: -2, lambda: 0.5}", 32, "periodic", 1,
     1.73947288, 3.758642001, 1.439492415, 1.629321, 1.330229438),
    ("{m2: -4, lambda: 6.975}", 16, "periodic", 1,
     0.2000759148, 0.0748101905, 0.02648520892, 0.07172516395, None),
]
# name: updates, densities, steps per draw of a pilot
SAMPLERS = {
    "metropolis": ("[{name: metropolis, sweeps: 2}]", None, 16),
    "hmc": ("[{name: hmc, steps: 10}]", None, 16),
    "hmc omelyan": ("[{name: hmc, steps: 6, integrator: omelyan}]", None, 16),
    "hmc fourier": ("[{name: hmc, steps: 5, mass: fourier}]", None, 8),
    "mala": ("[{name: mala, sweeps: 4}]", None, 40),
    "wolff": ("[{name: hmc, steps: 10}, wolff]", None, 4),
    "swendsen_wang": ("[metropolis, {name: hmc, steps: 10}, swendsen_wang]", None, 4),
    "gaussian": ("[{name: hmc, steps: 10}, {name: independence, density: net}]", "gaussian", 4),
    "laplace_mixture": ("[{name: hmc, steps: 10}, {name: multi_try, density: net, tries: 4}]",
                        "laplace_mixture", 4),
    "split_coupling": ("[{name: hmc, steps: 10}, {name: independence, density: net}]",
                       "{name: split_coupling, base: wells, layers: 4}", 2),
}
RELATIVE, ABSOLUTE = 1e-3, 1e-4
N_VALUES = len(SAMPLERS) * sum(x is not None for chain in CHAINS for x in (*chain[4:], 1.0))
PILOT, PILOT_SEED = 1000, 1000  # draws
MARGIN = 0.9  # of the bound, for a column that the pilot took for faster
RUNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "models", "runs")

PNAS = """
model: {name: phi4, convention: pnas, a: 0.1, ends: zero}
lattice: {name: hypercubic, size: 100, boundary: open}
beta: 20
chains: 64
start: mixed
phases: {thermalize: 400, adapt: 1000000, measure: 8000, every: 4}
updates: [{name: hmc, steps: 5, mass: fourier}, {name: independence, density: net}]
densities: {net: {name: realnvp, base: wells}}
training: {max_work: 20, forward: 0, rate: 0.002, batch: 64, target_ess: 0.99, certificate: 2097152}
observables: [energy, magnetization, positive, residence]
"""
PNAS_SECONDS = 60  # of each run, on two quiet cores
# field b: exact log Z, P(middle > 0), from the same table
WELLS = {0.0: (-196.9122208055, 0.5), 0.01: (-195.9961972398, 0.0423936416),
         0.02: (-194.4578400954, 0.0019576859)}

# log Z by quadrature: on a grid of 3001 x 3001 points; over log tau on 6000 points, mu and the effects
# integrated in closed form
NETS = {"double_moon_flow": 1.877502, "eight_schools_flow": -31.311347}

# L, lambda, least ESS_q, seconds of all runs, and from long runs of an independent program (reference
# table phi4_2d_montecarlo) <phi^2>, <M^2> with errors, log Z
POINTS = {
    "e6": (6, 6.975, 0.93, 60, (0.161393, 3.7e-5), (0.029512, 3.1e-5), (6.9853, 0.0005)),
    "e12": (12, 5.276, 0.7, 480, (0.210545, 5.2e-5), (0.028677, 5.4e-5), (43.7399, 0.0079)),
    "e20": (20, 4.807, 0.4, 1500, (0.237104, 6.8e-5), (0.026418, 8.1e-5), (138.958, 0.132)),
    "e32": (32, 4.572, 0.2, 3600, (0.256561, 8.3e-5), (0.02496, 1.2e-4), (382.316, 0.368)),
}
# nominal seconds of training
WORK = {"e6": 8, "e12": 60, "e20": 300, "e32": 1000}
# log Z of CHAINS, from the same table
CHAINS_LOG_Z = [-144.4624594, -152.8933166870, -179.2638014, -196.9122208055, 0.01723015699, -0.02511911928,
                56.67794809, 7.63835191]
# points of the path, population and runs of annealing, chains and draws of replica exchange
PATHS = {"chains": (24, 256, 24, 64, 400), "e6": (16, 512, 40, 64, 800), "e12": (24, 256, 24, 32, 500),
         "e20": (32, 128, 16, 32, 250), "e32": (48, 64, 16, 16, 200)}
PATH = """
model: {model}
lattice: {{name: hypercubic, size: {size}, boundary: {boundary}}}
beta: {beta}
chains: {chains}
phases: {{thermalize: {thermalize}, measure: {measure}, every: 2}}
updates: [{{name: hmc, steps: 5, mass: fourier}}, wolff]
observables: [energy, magnetization, field]
path: {{points: {points}, pilot: 60}}
{how}: {{}}
"""
POINT = """
model: {{name: phi4, m2: -4, lambda: {coupling}}}
lattice: {{name: hypercubic, size: [{side}, {side}]}}
beta: 1
chains: 64
phases: {{thermalize: 40, adapt: 10000000, measure: 120, every: 2}}
updates: [{hmc}, {hmc}, {hmc}, {hmc}, {{name: independence, density: net}}]
densities: {{net: cnf}}
training: {{max_work: {work}, forward: 0, target_ess: 0.98}}
observables: [energy, magnetization, field]
"""
HMC = "{name: hmc, steps: 5, mass: fourier}"


# Wells of weights 0.73 and 0.27, which hmc alone does not cross: means, phases of the density.
BROKEN = """
model: {name: phi4, m2: -4, lambda: 3.2, field: 0.012}
lattice: {name: hypercubic, size: [8, 8]}
beta: 1
chains: 64
start: mixed
phases: {thermalize: 400, adapt: 10000000, measure: MEASURE, every: 4}
updates: [{name: hmc, steps: 5, mass: fourier}, MOVE]
DENSITY
observables: [energy, magnetization, field, positive, residence]
"""
FLOW = "{name: independence, density: net}"
BOTH_WELLS = "densities: {net: {name: split_coupling, base: wells}}\ntraining: {max_work: 20}"
ONE_WELL = ("densities: {net: split_coupling}\n"
            "training: {max_work: 6, forward: 1, phases: [plus], target_ess: 1}")

# size, beta
ROTATORS = [(16, 0.8), (16, 1.0), (32, 0.8), (32, 1.0)]
ROTATOR_SAMPLERS = {"metropolis": "[{name: metropolis, sweeps: 2}]", "wolff": "[{name: wolff, sweeps: 3}]",
                    "hmc": "[{name: hmc, steps: 8}]"}
ROTATOR_BOUNDS = {"energy_per_site": 2e-3, "helicity_modulus_0": 1e-2, "helicity_modulus_1": 1e-2}
XY = """
model: {name: xy}
lattice: {name: hypercubic, size: [SIDE, SIDE]}
beta: BETA
chains: 32
phases: {thermalize: 3000, measure: 12000, every: 4}
updates: UPDATES
observables: [energy, helicity]
"""
CNF = """
model: {{name: phi4, m2: -4, lambda: 6.975}}
lattice: {{name: hypercubic, size: [6, 6]}}
beta: 1
chains: 64
phases: {{thermalize: 400, adapt: 10000000, measure: 4000, every: 4}}
updates: [{{name: hmc, steps: 5, mass: fourier}}, {{name: independence, density: net}}]
densities: {{net: {{name: cnf, {steps}}}}}
training: {{max_work: {work}, forward: 0, target_ess: 1}}
observables: [energy, magnetization, field]
"""
TOO_FEW = "log Z is not to be trusted"


def z_limit(n):
    """Largest |z| of n that is believed, in steps of the house."""
    return 3.9 if n <= 1 else 4.6 if n <= 20 else 4.9 if n <= 100 else 5.3


def rms(values):
    """Root mean square."""
    return math.sqrt(sum(x * x for x in values) / len(values))


def called(*words):
    """Standard output of the program."""
    return subprocess.run([ARGS.kramers, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, env={**os.environ, "PATH": "/nowhere"}).stdout  # no gnuplot, no figures


def run(text, seed):
    """Runs the text of a run file; returns its summary."""
    with open("a.yaml", "w", encoding="utf-8") as out:
        out.write(text)
    called("run", "a.yaml", "-o", "a.h5", "--overwrite", "--progress", "never", "--seed", str(seed), "--threads",
           str(ARGS.threads))
    return json.loads(called("summary", "a.h5", "--json"))


def go_on(until):
    """Measures the last run until so many steps; returns its summary."""
    called("resume", "a.h5", "--until", str(until), "--progress", "never", "--threads", str(ARGS.threads))
    return json.loads(called("summary", "a.h5", "--json"))


def report(is_good, text):
    """A line of the result; hands the verdict on."""
    print(f"{'ok' if is_good else 'not ok'} {text}", flush=True)
    return is_good


def chain_run(name, chain, seed, thermalize, length):
    """A run of a sampler on a chain; length: every and measure, or with a stop instead."""
    updates, density, _ = SAMPLERS[name]
    model, size, boundary, beta, *_ = chain
    return run(f"model: {model.replace('{', '{name: phi4, ', 1)}\n"
               f"lattice: {{name: hypercubic, size: {size}, boundary: {boundary}}}\n"
               f"beta: {beta}\nchains: 64\nstart: mixed\nupdates: {updates}\n"
               f"phases: {{thermalize: {thermalize}, adapt: 300, {length}\n"
               + (f"densities: {{net: {density}}}\ntraining: {{max_work: 2, certificate: 4096}}\n"
                  if density else "")
               + "observables: [energy, magnetization, field"
               + (", two_point]\n" if boundary == "periodic" else "]\n"), seed)


def chain_values(summary, chain):
    """Column, estimate, exact value and bound of the error of all that is tabulated."""
    size, exact = chain[1], chain[4:]
    columns = ("phi_squared", "phi_fourth", "magnetization_squared", "two_point_1", f"two_point_{size // 2}")
    return [(column, summary["observables"][column], truth, max(RELATIVE * abs(truth), ABSOLUTE))
            for column, truth in list(zip(columns, exact)) + [("schwinger_dyson", 1.0)] if truth is not None]


def check_chain(name, k, seed):
    """A pilot says how often to draw and which column is slowest, a stop at its bound how long.

    Where another column is above its bound then, the same run goes on for as long as that wants. Hands on
    whether that is reached, z of all values, and the CPU time of the run."""
    chain, every = CHAINS[k], SAMPLERS[name][2]
    pilot = chain_run(name, chain, PILOT_SEED + seed, 2000, f"measure: {PILOT * every}, every: {every}}}")
    column, found, _, bound = max(chain_values(pilot, chain), key=lambda v: v[1]["error"] / v[3])
    tau = max(value["tau_int"] or 1.0 for _, value, _, _ in chain_values(pilot, chain))
    steps_per_s = PILOT * every / pilot["cost"]["sample_cpu_s"]
    every = max(1, round(every * tau))
    most = max(200, int(ARGS.most * steps_per_s / every)) * every
    stop = f"every: {every}}}\nstop: {{observable: {column}, error: {MARGIN * bound}, max_steps: {most}}}"
    summary = chain_run(name, chain, seed, max(2000, 20 * every), stop)
    for is_last in (False, True):
        values, cpu = chain_values(summary, chain), summary["cost"]["sample_cpu_s"]
        z = [(found["mean"] - truth) / found["error"] for _, found, truth, _ in values]
        large, column, bound, slowest = max((value["error"] / bound, column, bound, value)
                                            for column, value, _, bound in values)
        if large <= 1.0 or is_last:
            break
        wanted = 1.1 * large ** 2 * summary["draws"]
        summary = go_on(min(most, math.ceil(wanted) * every))
    steps = summary["draws"] * every
    is_good = large <= 1.0 and max(map(abs, z)) < z_limit(N_VALUES)
    text = (f"{name} chain {k + 1} seed {seed}: largest |z| {max(map(abs, z)):.2f} of {len(z)}, largest error "
            f"{large:.2f} of its bound ({column}, tau {slowest['tau_int'] * every:.0f} steps), 64 x {steps} steps, "
            f"{cpu:.1f} CPU-s")
    if large > 1.0:
        text += f"; the bound wants {large ** 2 * steps:.2g} steps, {large ** 2 * cpu:.0f} CPU-s"
    return report(is_good, text), z, cpu


def check_flow_log_z(k, seed):
    """log Z of a flow alone is within 1e-3 where its ESS_q is 0.9 and more; else it is told, no more.

    Reverse KL leaves weights with a tail, and samples that miss it say a little less than Z: many are drawn."""
    model, size, boundary, beta, *_ = CHAINS[k]
    net = "{name: split_coupling, base: wells}" if "pnas" in model else "{name: split_coupling}"
    found = run(f"model: {model.replace('{', '{name: phi4, ', 1)}\n"
                f"lattice: {{name: hypercubic, size: {size}, boundary: {boundary}}}\n"
                f"beta: {beta}\nchains: 64\nstart: mixed\ndensities: {{net: {net}}}\n"
                "updates: [{name: hmc, steps: 10}, {name: independence, density: net}]\n"
                "phases: {thermalize: 2000, adapt: 100000, measure: 400, every: 4}\n"
                "training: {max_work: 10, forward: 0, reverse_rate: 0.002, certificate: 2097152}\n"
                "observables: [energy, magnetization]\n", seed)["densities"]["net"]
    off = found["log_z"] - found["exact_log_z"]
    is_wanted = found["ess_q"] >= 0.9
    return report(not is_wanted or (abs(off) <= 1e-3 and abs(found["z"]) < 4.6),
                  f"flow chain {k + 1} seed {seed}: ESS_q {found['ess_q']:.3f}, log Z {off:+.5f} off, error "
                  f"{found['log_z_error']:.5f}" + ("" if is_wanted else " (ESS_q below 0.9: no bound)"))


def check_chains(seed):
    """Every sampler on every chain, and log Z of a flow."""
    is_good, all_z = True, []
    for name in ARGS.only or SAMPLERS:
        mine, seconds = [], 0.0
        for k in range(len(CHAINS)):
            is_right, z, cpu = check_chain(name, k, seed)
            is_good &= is_right
            mine += z
            seconds += cpu
        all_z += mine
        print(f"# {name}: {len(mine)} values, rms z {rms(mine):.2f}, {seconds:.0f} CPU-s", flush=True)
        if name == "split_coupling":
            is_good &= all([check_flow_log_z(k, seed) for k in range(len(CHAINS))])
    print(f"# {len(all_z)} values, rms z {rms(all_z):.3f}")
    return is_good


def check_pnas(seed):
    """The flow on the chain without a field, then the weights of the wells under one."""
    is_good = True
    for field, (log_z, positive) in WELLS.items():
        summary = run(PNAS.replace("a: 0.1,", f"a: 0.1, b: {field},"), seed)
        net, cost = summary["densities"]["net"], summary["cost"]
        acceptance = summary["updates"]["independence"]["acceptance"]
        alone, chain = net["observables"]["positive_middle"], summary["observables"]["positive_middle"]
        assert abs(chain["exact"] / positive - 1.0) < 1e-6, chain
        z = (net["log_z"] - log_z) / net["log_z_error"]
        is_good &= report(abs(z) < z_limit(3) and abs(net["log_z"] - log_z) < 0.01
                          and cost["wall_s"] <= PNAS_SECONDS,
                          f"pnas b = {field} seed {seed}: log Z {net['log_z']:.4f}, "
                          f"{net['log_z'] - log_z:+.4f} off, z {z:+.2f}; {cost['train_cpu_s']:.0f} CPU-s "
                          f"of training, {cost['wall_s']:.0f} s in all ({PNAS_SECONDS})")
        if field == 0.0:
            is_good &= report(acceptance >= 0.85 and net["ess_q"] >= 0.7,
                              f"pnas seed {seed}: acceptance {acceptance:.3f} (0.85), ESS_q "
                              f"{net['ess_q']:.3f} (0.7)")
            continue
        # of samples of the density, which are in the light well oftener than the chain is
        p, error = alone["mean"], alone["error"]
        off, odds, exact = p / positive - 1.0, math.log(p / (1.0 - p)), math.log(positive / (1.0 - positive))
        is_good &= report(abs(off) < 0.02 and error < 0.006 * positive and abs(odds / exact - 1.0) < 0.01
                          and max(abs(p - positive) / error, abs(chain["z"])) < z_limit(4),
                          f"pnas b = {field} seed {seed}: P(middle > 0) {p:.7f} +- {error:.7f}, "
                          f"{100.0 * off:+.2f} % off, z {(p - positive) / error:+.2f}; of the chain "
                          f"{chain['mean']:.6f} +- {chain['error']:.6f}, z {chain['z']:+.2f}; ln odds "
                          f"{odds:.4f} ({exact:.4f})")
    return is_good


def check_nets(seed):
    """Flows of networks on densities of variables."""
    is_good = True
    for name, log_z in NETS.items():
        path = os.path.join(RUNS, f"{name}.yaml")
        with open(path, encoding="utf-8") as file:
            summary = run(file.read(), seed)
        net, cost = summary["densities"]["net"], summary["cost"]
        z = (net["log_z"] - log_z) / net["log_z_error"]
        is_good &= report(abs(z) < z_limit(2) and net["ess_q"] >= 0.9,
                          f"{name} seed {seed}: ESS_q {net['ess_q']:.3f} (0.9), log Z {net['log_z']:.5f}, "
                          f"z {z:+.2f}; {cost['train_cpu_s']:.1f} CPU-s of training")
    return is_good


def check_cnf(seed):
    """Few steps trip the alarm, adapted ones give log Z."""
    is_good, (truth, error) = True, POINTS["e6"][6]
    for steps, is_few in (("steps: 8, adapt_steps: false", True), ("steps: 8", False)):
        summary = run(CNF.format(steps=steps, work=40), seed)
        net = summary["densities"]["net"]
        told = [text for text in summary["verdict"]["reasons"] if text.startswith(TOO_FEW)]
        z = (net["log_z"] - truth) / math.hypot(net["log_z_error"], error)
        is_good &= report(bool(told) == is_few and (is_few or abs(z) < z_limit(1)),
                          f"cnf {steps} seed {seed}: {net['steps']:.0f} steps at the end, ESS_q "
                          f"{net['ess_q']:.3f}, log Z {net['log_z']:.4f} +- {net['log_z_error']:.4f}, z {z:+.2f}, "
                          f"moves by {net['doubt_log_z']:.1e} with twice the steps, "
                          f"{summary['cost']['train_cpu_s']:.0f} CPU-s of training; {told}")
    return is_good


def check_point(case, seed):
    """A flow on a point of the two-dimensional theory."""
    side, coupling, least, seconds, square, magnetization, log_z = POINTS[case]
    summary = run(POINT.format(side=side, coupling=coupling, work=WORK[case], hmc=HMC), seed)
    net, found, cost = summary["densities"]["net"], summary["observables"], summary["cost"]
    z = []
    for name, (truth, error) in (("phi_squared", square), ("magnetization_squared", magnetization)):
        for mean, own in ((found[name]["mean"], found[name]["error"]),
                          (net["observables"][name]["mean"], net["observables"][name]["error"])):
            z.append((mean - truth) / math.hypot(own, error))
    z.append((found["schwinger_dyson"]["mean"] - 1.0) / found["schwinger_dyson"]["error"])
    z.append((net["log_z"] - log_z[0]) / math.hypot(net["log_z_error"], log_z[1]))
    return report(net["ess_q"] >= least and cost["wall_s"] <= seconds and max(abs(x) for x in z) < z_limit(6)
                  and not any(text.startswith(TOO_FEW) for text in summary["verdict"]["reasons"]),
                  f"{case} seed {seed}: ESS_q {net['ess_q']:.3f} ({least}), {cost['wall_s']:.0f} s ({seconds}), "
                  f"{cost['train_cpu_s']:.0f} CPU-s of training; log Z {net['log_z']:.4f} +- "
                  f"{net['log_z_error']:.4f}; {net['steps']} steps, twice as many move it by "
                  f"{net['doubt_log_z']:+.1e}; z of phi^2 and M^2 (chain, flow), Schwinger-Dyson, log Z: "
                  + ", ".join(f"{x:+.2f}" for x in z))


def distance(a, b):
    """z of two estimates (mean, error)."""
    return (a[0] - b[0]) / math.hypot(a[1], b[1])


def check_broken(seed):
    """Wells weighted right, and a well that is missing told."""
    def broken(move, density, measure):
        return run(BROKEN.replace("MOVE", move).replace("DENSITY", density)
                   .replace("MEASURE", str(measure)), seed)

    names = ("positive_mean", "positive_middle", "magnetization_per_site", "phi_squared")
    clusters, both = broken("wolff", "", 16000), broken(FLOW, BOTH_WELLS, 8000)
    one = broken(FLOW, ONE_WELL, 2000)
    found, other = ([(s["observables"][name]["mean"], s["observables"][name]["error"]) for name in names]
                    for s in (clusters, both))
    z = [distance(a, b) for a, b in zip(found, other)]
    weight, net, lost = found[0], both["densities"]["net"], one["densities"]["net"]
    is_good = report(max(abs(x) for x in z) < z_limit(4) and max(weight[1], other[0][1]) < 0.004,
                     f"broken seed {seed}: P(M > 0) {weight[0]:.4f} +- {weight[1]:.4f} by clusters, "
                     f"{other[0][0]:.4f} +- {other[0][1]:.4f} with a flow; z of {', '.join(names)}: "
                     + ", ".join(f"{x:+.2f}" for x in z))
    # a density of one well integrates that well: log Z + log P
    whole = (lost["log_z"] - math.log(weight[0]), math.hypot(lost["log_z_error"], weight[1] / weight[0]))
    z = distance((net["log_z"], net["log_z_error"]), whole)
    is_good &= report(abs(z) < z_limit(1) and net["log_z_gap"] < 4.0 and net["log_z_error"] < 0.02,
                      f"broken seed {seed}: log Z {net['log_z']:.4f} +- {net['log_z_error']:.4f} from "
                      f"the flow, {net['log_z_p']:.4f} from the chain ({net['log_z_gap']:.1f} sigma apart), "
                      f"{whole[0]:.4f} +- {whole[1]:.4f} from the flow of one well and its weight (z {z:+.2f})")
    collapse = [text for text in one["verdict"]["reasons"] if text.startswith("mode collapse")]
    quiet = [text for text in both["verdict"]["reasons"] if text.startswith("mode collapse")]
    is_good &= report(len(collapse) == 1 and ": minus, " in collapse[0] and not quiet
                      and lost["phases"]["minus"]["drawn"] < 0.01,
                      f"broken seed {seed}: {collapse}, with both wells {quiet}")
    return is_good


def check_xy(seed):
    """Three samplers of plane rotators against each other."""
    is_good, all_z = True, []
    for side, beta in ROTATORS:
        found = {}
        for name, updates in ROTATOR_SAMPLERS.items():
            text = XY.replace("SIDE", str(side)).replace("BETA", str(beta)).replace("UPDATES", updates)
            observables = run(text, seed)["observables"]
            found[name] = [(observables[x]["mean"], observables[x]["error"]) for x in ROTATOR_BOUNDS]
        names = list(found)
        z = [distance(a, b) for k, name in enumerate(names) for rival in names[:k]
             for a, b in zip(found[name], found[rival])]
        large = max(error / bound for name in names
                    for (_, error), bound in zip(found[name], ROTATOR_BOUNDS.values()))
        all_z += z
        is_good &= report(max(abs(x) for x in z) < z_limit(9 * len(ROTATORS)) and large <= 1.0,
                          f"xy {side} x {side} beta {beta} seed {seed}: largest |z| {max(map(abs, z)):.2f} of "
                          f"{len(z)}, largest error {large:.2f} of its bound; energy, helicity moduli: "
                          + "; ".join(f"{name} " + ", ".join(f"{m:.5f} +- {e:.5f}" for m, e in found[name])
                                      for name in names))
    print(f"# {len(all_z)} differences, rms z {rms(all_z):.3f}")
    return is_good


def check_path(name, kind, system, truth, seed):
    """log Z of a system by annealing, bridges and the integral; truth: value, error."""
    points, population, runs, chains, draws = PATHS[kind]
    text, z = [], []
    for how, n, length, thermalize in (("population_annealing", population, runs, 40),
                                       ("tempering", chains, draws, 100)):
        summary = run(PATH.format(**system, chains=n, measure=2 * length, thermalize=thermalize, points=points,
                                  how=how), seed)
        path, cost = summary["path"], summary["cost"]["sample_cpu_s"]
        for key in ("log_z", "log_z_integral"):
            if path[key] is not None:
                z.append((path[key] - truth[0]) / math.hypot(path[key + "_error"], truth[1]))
                text.append(f"{how} {key} {path[key]:.4f}({path[key + '_error']:.4f}) z {z[-1]:+.2f}")
        text[-1] += f", {cost:.1f} CPU-s"
        if path["quadrature_error"] is not None:
            text[-1] += f", quadrature {path['quadrature_error']:.4f}"
    return report(max(abs(x) for x in z) < z_limit(20), f"{name} seed {seed}: " + "; ".join(text))


def check_log_z(seed):
    """Every chain and every point."""
    is_good = True
    for (model, size, boundary, beta, *_), log_z in zip(CHAINS, CHAINS_LOG_Z):
        system = {"model": model.replace("{", "{name: phi4, ", 1), "size": size, "boundary": boundary,
                  "beta": beta}
        is_good &= check_path(f"{model} {boundary} beta {beta}", "chains", system, (log_z, 0.0), seed)
    for case in ARGS.points.split(","):
        side, coupling, *_, log_z = POINTS[case]
        system = {"model": f"{{name: phi4, m2: -4, lambda: {coupling}}}", "size": f"[{side}, {side}]",
                  "boundary": "periodic", "beta": 1}
        is_good &= check_path(f"{side} x {side}", case, system, log_z, seed)
    return check_point("e6", seed) and is_good


def main():
    """All seeds of the case."""
    seeds = ARGS.seeds or (1 if ARGS.case in ("chains", "log_z") else 2 if ARGS.case in ("xy", "e20", "e32") else 5)
    checks = {"chains": check_chains, "pnas": check_pnas, "nets": check_nets, "log_z": check_log_z, "cnf": check_cnf,
              "broken": check_broken, "xy": check_xy}
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for seed in range(1, seeds + 1):
            is_good &= (checks[ARGS.case](seed) if ARGS.case in checks
                        else check_point(ARGS.case, seed))
    return 0 if is_good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kramers", type=os.path.abspath)
    parser.add_argument("case", choices=["chains", "pnas", "nets", "cnf", "log_z", "broken", "xy", *POINTS])
    parser.add_argument("--points", default=",".join(POINTS), help="of case log_z (default: all)")
    parser.add_argument("--only", type=lambda x: x.split(","), help="samplers of case chains (default: all)")
    parser.add_argument("--most", type=float, default=1500, help="CPU-seconds of a chain and sampler (1500)")
    parser.add_argument("--seeds", type=int, help="how many (default: as the case says)")
    parser.add_argument("--threads", type=int, default=2)
    ARGS = parser.parse_args()
    sys.exit(main())
