"""The made frames of benchmarks/store.py, as arrays and as ASE's Atoms."""

from __future__ import annotations

import argparse
import hashlib
import math
from typing import Any

import numpy as np

REGIMES = {"cold": 0.25, "warm": 0.75, "melt": 1.25}
STEPS_OF_RUN = 1000  # frames of one trajectory
FIRST_STEP, STRIDE = 1010, 10
SPREAD_A = {"cold": 0.08, "warm": 0.15, "melt": 0.4}

Frames = dict[str, Any]


def make_frames(first: int, options: argparse.Namespace) -> Frames:
    """Make the batch with this first frame: neighbours in time of one run of one metal."""
    from tm23flows.science.metals import METALS
    from tm23flows.science.metals import metal as find_metal

    batch, count = first // options.batch, options.batch
    place, turn = batch % (27 * 3), batch // (27 * 3)
    symbol = METALS[place % 27]
    regime = list(REGIMES)[place // 27]
    in_run = turn * options.batch % STEPS_OF_RUN
    number_of_run = turn * options.batch // STEPS_OF_RUN
    n = 31 + 40 * (place % 27) // 26
    random = np.random.default_rng([options.seed, batch])
    side = math.ceil(n ** (1 / 3))
    length = 2.6 * side
    sites = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:n] * 2.6
    metal = find_metal(symbol)
    run = f"{symbol} {regime} {number_of_run}"
    return {
        "metal": symbol,
        "number": metal.atomic_number,
        "regime": regime,
        "temperature_K": REGIMES[regime] * metal.melting_temperature_K,
        "trajectory_id": hashlib.sha256(run.encode()).hexdigest(),
        "steps": [FIRST_STEP + STRIDE * (in_run + k) for k in range(count)],
        "order": [turn * options.batch + k for k in range(count)],  # within metal and regime
        "cell": np.diag([length] * 3) + random.normal(0, 1e-3, (3, 3)),
        "positions": sites + random.normal(0, SPREAD_A[regime], (count, n, 3)),
        "forces": random.normal(0, 1.0, (count, n, 3)),
        "stress": random.normal(0, 0.02, (count, 6)),
        "energies": random.normal(-8.0 * n, 0.5, (count, 1)) + np.array([0.0, 0.01, 0.02]),
    }


def to_atoms(frames: Frames) -> list[Any]:
    """Make ASE Atoms with results, and with the facts of a frame in their info."""
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    made = []
    facts = {"metal": frames["metal"], "regime": frames["regime"], "engine": "vasp"}
    facts |= {"temperature": frames["temperature_K"], "sigma": 0.2, "kmesh": "3x3x3"}
    for place, step in enumerate(frames["steps"]):
        numbers = np.full(len(frames["positions"][place]), frames["number"])
        atoms = Atoms(numbers, frames["positions"][place], cell=frames["cell"], pbc=True)
        free, sigma0, _ = frames["energies"][place].tolist()
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=free,
            forces=frames["forces"][place],
            stress=frames["stress"][place],
        )
        atoms.info = {**facts, "step": step, "place": frames["order"][place], "sigma0": sigma0}
        atoms.info["run"] = "run " + frames["trajectory_id"][:16]
        made.append(atoms)
    return made
