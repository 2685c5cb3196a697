/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_rows.c - the table of the benchmark: systems, updates, rivals, wanted ratios.
 *
 * Temperatures are critical where the point is known in closed form (2D Ising ln(1 + sqrt 2)/2,
 * Potts ln(1 + sqrt q)) or well measured (3D Ising 0.221654626: Ferrenberg, Xu, Landau, Phys.
 * Rev. E 97, 043301 (2018)), otherwise where one would simulate the system. */
#include "study/bench_private.h"

#include <math.h>

#define LINE_2D(L)  "lattice: {name: hypercubic, size: [" #L ", " #L "]}\n"
#define LINE_3D(L)  "lattice: {name: hypercubic, size: [" #L ", " #L ", " #L "]}\n"
#define CHAINS(n)   "chains: " #n "\n"
#define ORDERED     "start: ordered\n"
#define BETA(b)     "beta: " #b "\n"
#define ISING       "model: {name: ising}\n"
#define ISING_2D_TC ISING BETA(0.44068679350977151)
#define FIELD       "model: {name: ising, field: 0.05}\n"
#define PM1         "model: {name: ising, disorder: {kind: pm1}}\n"
#define GAUSSIAN    "model: {name: ising, disorder: {kind: gaussian}}\n"
#define RFIM        "model: {name: ising, random_field: {kind: gaussian}}\n"
#define POTTS_3     "model: {name: potts, q: 3}\n" BETA(1.005052538742381)
#define POTTS_10    "model: {name: potts, q: 10}\n" BETA(1.4260624389053682)
#define POTTS_20    "model: {name: potts, q: 20}\n" BETA(1.6996690255890117)
#define BLUME_CAPEL "model: {name: blume_capel, D: 1}\n" BETA(0.715)

#define BYTES_ROWS(section, system, label, update, title)                                      \
    { section,                                                                                 \
      title " " label ", L=1024",                                                              \
      "spin",                                                                                  \
      "bytes",                                                                                 \
      system LINE_2D(1024) CHAINS(1),                                                          \
      update,                                                                                  \
      KR_BENCH_REF,                                                                            \
      15,                                                                                      \
      30 },                                                                                    \
    {                                                                                          \
        NULL, title " " label ", 64 x 16^2", "spin", "bytes", system LINE_2D(16) CHAINS(64),   \
            update, KR_BENCH_REF, 15, 30                                                       \
    }

#define WOLFF_ROW(section, L)                                                                  \
    {                                                                                          \
        section, "Wolff, 2D Ising, L=" #L, "flipped spin", "cluster",                          \
            ISING_2D_TC LINE_2D(L) CHAINS(1) ORDERED, "wolff", KR_BENCH_LOOP, 2.2, 4           \
    }

#define SWENDSEN_WANG_ROW(section, L)                                                          \
    {                                                                                          \
        section, "Swendsen-Wang, 2D Ising, L=" #L, "spin", "cluster",                          \
            ISING_2D_TC LINE_2D(L) CHAINS(1) ORDERED, "swendsen_wang", KR_BENCH_LOOP, 3, 6     \
    }

/* Samples per second of a density on a torus: name, run-file lines of density and system, rate
 * wanted and aimed at on a core of KR_BENCH_PEAK_GFLOPS, operations of a sample (0: counted).
 */
#define DRAW_ROW(section, name, density, system, want, per_second, per_second_aim, flop)       \
    {                                                                                          \
        section, name, "sample", "density",                                                    \
            system CHAINS(64) "densities: {net: {name: " density "}}\n", "independence",       \
            KR_BENCH_DRAWING, want, 1.25 * (want), per_second, per_second_aim, flop            \
    }
#define MADE         "made, hidden: 4, layers: 2"
#define BATCH_1000   "training: {batch: 1000, target_ess: 1, max_work: 1e9, forward: 0}\n"
#define POTTS_20_MID "model: {name: potts, q: 20}\n" BETA(1.690)

/* clang-format off: one row of the table per group of lines */
const kr_bench_row kr_bench_rows[] = {
    { "heat bath against the textbook loop of the 2D Ising model, ns per spin",
      "2D Ising, L=1024, engine ref", "spin", "ref", ISING_2D_TC LINE_2D(1024) CHAINS(1),
      "heat_bath", KR_BENCH_LOOP, 0, 0 },
    { NULL, "2D Ising, L=1024", "spin", "bits", ISING_2D_TC LINE_2D(1024) CHAINS(1),
      "heat_bath", KR_BENCH_LOOP, 80, 130 },
    { NULL, "2D Ising, L=64", "spin", "bits", ISING_2D_TC LINE_2D(64) CHAINS(1), "heat_bath",
      KR_BENCH_LOOP, 60, 110 },

    { "energy and magnetization measured after every sweep: extra time",
      "2D Ising, L=1024, E and M", "spin", "bits", ISING_2D_TC LINE_2D(1024) CHAINS(1),
      "heat_bath", KR_BENCH_UNMEASURED, 25, 10 },
    { NULL, "2D Ising, L=64, E and M", "spin", "bits", ISING_2D_TC LINE_2D(64) CHAINS(1),
      "heat_bath", KR_BENCH_UNMEASURED, 25, 10 },

    { "heat bath against the reference engine, ns per spin", "2D +-J, 64 x 64^2", "spin",
      "bits", PM1 BETA(1) LINE_2D(64) CHAINS(64), "heat_bath", KR_BENCH_REF, 50, 100 },
    { NULL, "3D +-J, 64 x 16^3", "spin", "bits", PM1 BETA(0.9) LINE_3D(16) CHAINS(64),
      "heat_bath", KR_BENCH_REF, 50, 100 },
    { NULL, "2D +-J, 64 x 63^2", "spin", "bits", PM1 BETA(1) LINE_2D(63) CHAINS(64),
      "heat_bath", KR_BENCH_REF, 30, 60 },
    { NULL, "3D +-J, 64 x 15^3", "spin", "bits", PM1 BETA(0.9) LINE_3D(15) CHAINS(64),
      "heat_bath", KR_BENCH_REF, 30, 60 },
    { NULL, "kagome +-J, 64 x 33^2", "spin", "bits",
      PM1 BETA(1) "lattice: {name: kagome, size: [33, 33]}\n" CHAINS(64), "heat_bath",
      KR_BENCH_REF, 30, 60 },
    { NULL, "2D Ising in a field, L=1024", "spin", "bits",
      FIELD BETA(0.44068679350977151) LINE_2D(1024) CHAINS(1), "heat_bath", KR_BENCH_REF, 40,
      80 },
    { NULL, "3D Ising in a field, L=64", "spin", "bits",
      FIELD BETA(0.221654626) LINE_3D(64) CHAINS(1), "heat_bath", KR_BENCH_REF, 40, 80 },
    { NULL, "2D Gaussian couplings, 64 x 64^2", "spin", "bytes",
      GAUSSIAN BETA(1) LINE_2D(64) CHAINS(64), "heat_bath", KR_BENCH_REF, 20, 40 },
    { NULL, "3D Gaussian couplings, 64 x 16^3", "spin", "bytes",
      GAUSSIAN BETA(1) LINE_3D(16) CHAINS(64), "heat_bath", KR_BENCH_REF, 20, 40 },
    { NULL, "2D random field, 64 x 64^2", "spin", "bytes",
      RFIM BETA(0.6) LINE_2D(64) CHAINS(64), "heat_bath", KR_BENCH_REF, 20, 40 },
    { NULL, "3D random field, 64 x 16^3", "spin", "bytes",
      RFIM BETA(0.25) LINE_3D(16) CHAINS(64), "heat_bath", KR_BENCH_REF, 20, 40 },

    BYTES_ROWS("Potts and Blume-Capel models against the reference engine, ns per spin",
               POTTS_3, "Potts q=3", "heat_bath", "heat bath"),
    BYTES_ROWS(NULL, POTTS_10, "Potts q=10", "heat_bath", "heat bath"),
    BYTES_ROWS(NULL, POTTS_20, "Potts q=20", "heat_bath", "heat bath"),
    BYTES_ROWS(NULL, BLUME_CAPEL, "Blume-Capel", "heat_bath", "heat bath"),
    BYTES_ROWS(NULL, POTTS_3, "Potts q=3", "metropolis", "Metropolis"),
    BYTES_ROWS(NULL, POTTS_10, "Potts q=10", "metropolis", "Metropolis"),
    BYTES_ROWS(NULL, POTTS_20, "Potts q=20", "metropolis", "Metropolis"),
    BYTES_ROWS(NULL, BLUME_CAPEL, "Blume-Capel", "metropolis", "Metropolis"),

    WOLFF_ROW("clusters against the textbook loops, ns per flipped spin (Wolff) or spin", 64),
    WOLFF_ROW(NULL, 256),
    WOLFF_ROW(NULL, 1024),
    SWENDSEN_WANG_ROW(NULL, 64),
    SWENDSEN_WANG_ROW(NULL, 256),
    SWENDSEN_WANG_ROW(NULL, 1024),

    /* The rates come from a prototype of this very network, batch 64, on a core of 114.6
       GFLOP/s: 931 600, 56 150, 3 384 samples per second. frontier: 50 % and 65 % of that core.
     */
    DRAW_ROW("densities against the textbook sampler (N passes of a VAN 3/4), ns per sample",
             "made 3/4, L=8", MADE, ISING_2D_TC LINE_2D(8), 70, 500000, 931600, 0),
    DRAW_ROW(NULL, "made 3/4, L=16", MADE, ISING_2D_TC LINE_2D(16), 340, 50000, 56150, 0),
    DRAW_ROW(NULL, "made 3/4, L=32", MADE, ISING_2D_TC LINE_2D(32), 1400, 3000, 3384, 0),
    { NULL, "made 3/4, L=16, training step", "sample", "density",
      ISING_2D_TC LINE_2D(16) CHAINS(64) "densities: {net: {name: " MADE "}}\n" BATCH_1000,
      "independence", KR_BENCH_TRAINING, 50, 80, 1000 / 0.15, 1000 / 0.126, 0 },
    DRAW_ROW(NULL, "frontier 32, L=16", "frontier, hidden: 32", ISING_2D_TC LINE_2D(16), 800,
             120200, 156200, 0),
    DRAW_ROW(NULL, "multilevel 32, L=64", "multilevel, hidden: 32", ISING_2D_TC LINE_2D(64), 0,
             0, 0, 0),
    DRAW_ROW(NULL, "conv 3/64/3x3, L=16", "conv, width: 64", ISING_2D_TC LINE_2D(16), 30, 4000,
             7000, 0),
    DRAW_ROW(NULL, "frontier 32, Potts q=20, L=16", "frontier, hidden: 32",
             POTTS_20_MID LINE_2D(16), 0, 0, 0, NAN),

    { "whole runs, wall clock", "two threads over one, 64 x 64^2", "spin", "sampler",
      ISING_2D_TC LINE_2D(64) CHAINS(64), "heat_bath", KR_BENCH_ONE_THREAD, 1.9, 1.98 },
    { NULL, "writing files, 64 x 64^2", "spin", "sampler", ISING_2D_TC LINE_2D(64) CHAINS(64),
      "heat_bath", KR_BENCH_WRITING, 3, 1 },
    { .name = NULL },
};
/* clang-format on */
