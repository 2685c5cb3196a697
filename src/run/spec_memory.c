/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/spec_memory.c - memory that a run file asks for, held against that of the machine.
 *
 * Linux gives out more memory than it has and kills the program that uses it, so a request that
 * cannot be met is refused before the first large allocation. What densities take (weights,
 * gradients, moments of Adam, walkers, scratch) is known when the sampler is there. */
#include "run/spec_private.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define OUTPUT_BYTES 8e6 /* HDF5 and its buffers: 7 to 9 MB in short runs */

/* Figures per site and per bond were measured on hypercubic lattices; those per chain and
 * point count the columns of a draw, in the sampler and in the buffers of the output. */
static double estimate(double n_sites, double n_bonds, double q, bool is_real, double n_systems,
                       double n_points, double n_chains)
{
    double lattice = 40.0 * n_sites + 60.0 * n_bonds;
    double terms = n_sites * (24.0 + 8.0 * q) + 56.0 * n_bonds;
    double chain = 2.0 * (is_real ? sizeof(double) : 1) * n_sites + 256.0;
    return 16e6 + lattice + n_systems * terms + n_points * n_chains * chain;
}

/* Bytes of the process that are in memory, or 0 where the system does not tell. */
static double resident(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) {
        return 0.0;
    }
    if (fscanf(file, "%*s %lld", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

double kr_spec_memory(const kr_spec *spec)
{
    int32_t n_systems = 0;
    for (int32_t p = 0; p < spec->config.n_points; p++) {
        n_systems += spec->terms[p] != NULL;
    }
    const bool is_real = spec->terms[0]->action != NULL;
    const double chains =
        estimate(spec->lattice->n_sites, (double)spec->lattice->n_bonds, spec->terms[0]->q,
                 is_real, n_systems, spec->config.n_points, (double)spec->config.n_chains) +
        (double)spec->config.n_start_states * spec->lattice->n_sites *
            (is_real ? sizeof(double) : 1);
    return fmax(chains, resident() + OUTPUT_BYTES);
}

/* What main.c lets the program take. */
static double machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? 0.875 * (double)pages * (double)bytes : INFINITY;
}

int kr_spec_check_memory(const kr_spec *spec, const kr_node *lattice_map, double n_points,
                         double n_systems, kr_error *err)
{
    const kr_node *chains = kr_node_get(spec->file->root, "chains");
    double n_sites = 1.0, n_bonds = 0.0, n_chains = 1.0, has = machine_memory();
    int64_t number;
    if (spec->lattice_plug->count) {
        spec->lattice_plug->count(spec->lattice_params, &n_sites, &n_bonds);
    }
    if (chains && chains->kind == KR_NODE_SCALAR &&
        kr_number_integer(chains->text, &number, NULL) == KR_OK) {
        n_chains = (double)number;
    }
    if (n_sites > INT32_MAX || n_chains > 1048576.0) {
        return KR_OK; /* refused by its own range */
    }
    const bool is_real = !spec->model->n_states;
    const double need = estimate(n_sites, n_bonds, 2.0, is_real, n_systems, n_points, n_chains);
    if (!(need > has)) {
        return KR_OK;
    }
    double few = estimate(n_sites, n_bonds, 2.0, is_real, n_systems, n_points, 1.0);
    return kr_runfile_fail(
        spec->file, few > has ? kr_node_blamed(lattice_map, "size") : chains, err, KR_ERANGE,
        "memory: %.0f chains of %.0f sites at %.0f points need about %.3g GB, want at most "
        "%.3g GB, 7/8 of this machine",
        n_chains, n_sites, n_points, 1e-9 * need, 1e-9 * has);
}
