# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what write_results wrote with xarray through both its netCDF-4 readers.

netCDF-C and h5netcdf fail differently on files they dislike (one silently drops draws or
variables, the other refuses the file), so both must give every value, dim and length.
Usage: check_xarray.py WRITE_RESULTS
"""
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np
import xarray as xr

CHAINS, POINTS, SITES, DRAWS, WARMUP, STEPS = 4, 3, 6, 2000, 200, 37
GROUPS = ["posterior", "sample_stats", "warmup_posterior", "adaptation", "configurations", "cost"]


def expected(start, stop):
    """Data variables and coordinates of every group for draws start..stop-1."""
    t = np.arange(start, stop)
    warm, steps, kept = t[t < WARMUP], t[t < STEPS], t[t % 100 == 0]
    c, p, i = np.arange(CHAINS), np.arange(POINTS), np.arange(SITES)

    def energy(t):
        return t[None, :, None] + 1e4 * c[:, None, None] + 0.125 * p[None, None, :]

    series = ("chain", "draw", "point")
    common = {"chain": c, "point": p, "beta": np.array([0.25, 0.5, 0.75])}
    accepted = (t[None, :, None] + c[:, None, None] + p[None, None, :]) % 3 == 0
    state = (kept[None, :, None] + 10 * c[:, None, None] + i[None, None, :]) % 256
    return {
        "posterior": ({"energy_per_site": (series, energy(t))}, {**common, "draw": t}),
        "sample_stats": ({"accepted": (series, accepted)}, {**common, "draw": t}),
        "warmup_posterior": ({"energy_per_site": (series, energy(warm))},
                             {**common, "draw": warm}),
        "adaptation": ({"loss": (("step",), np.float32(1) / (steps + 1).astype(np.float32))},
                       {"step": steps}),
        "configurations": ({"state": (("chain", "draw", "site"), state)},
                           {"chain": c, "site": i, "draw": kept}),
        "cost": ({"n_starts": ((), np.array(2))}, {}),
    }


def check(path, engine, start, stop):
    for group, (variables, coordinates) in expected(start, stop).items():
        with xr.open_dataset(path, group=group, engine=engine) as data:
            where = f"{path} {engine} {group}"
            assert sorted(data.data_vars) == sorted(variables), (where, list(data.data_vars))
            assert sorted(data.coords) == sorted(coordinates), (where, list(data.coords))
            for name, (dims, values) in variables.items():
                assert data[name].dims == dims, (where, name, data[name].dims)
                assert data[name].shape == values.shape, (where, name, data[name].shape)
                assert np.array_equal(data[name].values, values), (where, name)
            for name, values in coordinates.items():
                assert np.array_equal(data[name].values, values), (where, name)
    with xr.open_dataset(path, engine=engine) as root:
        assert root.attrs["Conventions"] == "kramers-1.0", root.attrs
        assert root.attrs["run_file"] == "beta: 0.25 # \u03b2\n", root.attrs
        assert root.attrs["seed"] == 7.0, root.attrs
    with xr.open_dataset(path, group="posterior", engine=engine) as data:
        assert data.energy_per_site.attrs["units"] == "J"
        assert data.energy_per_site.attrs["long_name"] == "energy per site"
    with xr.open_dataset(path, group="sample_stats", engine=engine) as data:
        assert data.accepted.dtype == bool, data.accepted.dtype


def check_append(path):
    """netCDF-C sees the growing dims as unlimited and can append to the file."""
    with netCDF4.Dataset(path, "a") as file:
        posterior = file["posterior"]
        assert posterior.dimensions["draw"].isunlimited()
        assert not posterior.dimensions["chain"].isunlimited()
        posterior["energy_per_site"][:, DRAWS, :] = 5.0
    with xr.open_dataset(path, group="posterior", engine="h5netcdf") as data:
        assert data.energy_per_site.shape == (CHAINS, DRAWS + 1, POINTS)
        assert (data.energy_per_site[:, DRAWS, :] == 5.0).all()
    with xr.open_dataset(path, group="sample_stats", engine="h5netcdf") as data:
        assert data.accepted.shape == (CHAINS, DRAWS, POINTS)  # other groups keep their draws


def main():
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        subprocess.run([os.path.abspath(sys.argv[1]), folder], check=True)
        third = [DRAWS * p // 3 for p in range(4)]
        for engine in "netcdf4", "h5netcdf":
            check(f"{folder}/run.h5", engine, 0, DRAWS)
            check(f"{folder}/empty.h5", engine, 0, 0)
            for p in range(3):
                part = f"{folder}/part-{p + 1:06d}.h5"
                if p == 0:  # in later parts the series that ended number on from their end
                    check(part, engine, 0, third[1])
                with xr.open_dataset(part, group="posterior", engine=engine) as data:
                    assert np.array_equal(data.draw, np.arange(third[p], third[p + 1]))
        check_append(f"{folder}/run.h5")


if __name__ == "__main__":
    main()
