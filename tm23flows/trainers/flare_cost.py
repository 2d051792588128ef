"""What a FLARE training will need: the size of a descriptor, memory, time.

Owns the predictions and the comparison with what this machine has. They are made
before FLARE starts, from counts alone, so they hold for any interpreter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from tm23flows.errors import InputError

GIGA = 1e9
CACHE_BYTES = 0.5e9
"""Derivatives that the first pass over the frames may keep for the second."""
_BASE = 0.25e9  # Python with numpy, scipy and FLARE
_MATRICES = 9  # of the sparse set with itself: 4 kept, 2 at work, 3 copies for fewer frames
_BLOCKS = 4  # of the sparse set with the labels of one frame
_UNITS = 3  # of the descriptors of the sparse set: with room to grow, and by element
_SLOPES = 4  # derivatives of the descriptors of one frame: FLARE's own copies and ours
_EVALUATIONS = 40  # of the likelihood in one search
_MEMINFO = Path("/proc/meminfo")
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


@dataclass(frozen=True)
class Cost:
    """A prediction: largest sparse set, peak memory in bytes, seconds of each part."""

    n_environments: int
    bytes: float
    select_s: float
    add_s: float
    search_s: float


def descriptor_dimension(nmax: int, lmax: int, n_species: int = 1, descriptor: str = "B2") -> int:
    """Return the number of components of a descriptor.

    For B2 this is N (N + 1) / 2 (lmax + 1) with N = nmax n_species: Eq. 1 of the TM23
    article with the factor 1/2 that its Table 1 needs. For B1 it is N.

    Parameters
    ----------
    nmax
        Number of radial functions.
    lmax
        Highest angular momentum.
    n_species
        Number of elements.
    descriptor
        B1 or B2.

    Returns
    -------
    The number.
    """
    functions = nmax * n_species
    return functions if descriptor == "B1" else functions * (functions + 1) // 2 * (lmax + 1)


def predict_cost(frames: list[Atoms], settings: dict, n_searches: int) -> Cost:
    """Predict what a training needs.

    Parameters
    ----------
    frames
        The training frames.
    settings
        Hyperparameters of FLARE.
    n_searches
        Number of searches for the best values, starts counted singly.

    Returns
    -------
    The prediction. The memory is an upper bound for the sparse set, which may stay
    smaller; the times are rough (a factor of two), scaled by one product of matrices.
    """
    n_species = len({int(z) for atoms in frames for z in atoms.numbers})
    nmax, lmax = settings["nmax"], settings["lmax"]
    d = descriptor_dimension(nmax, lmax, n_species, settings["descriptor"])
    per_frame = settings["environments_per_frame"]
    m = sum(min(per_frame, len(atoms)) for atoms in frames)
    rank = d if settings["power"] == 1 else d * (d + 1) // 2
    m = min(m, rank * n_species, settings["max_environments"] or m)
    rows = [3 * _pairs(atoms, settings["cutoff_A"]) for atoms in frames]
    harmonics = nmax * n_species * (lmax + 1) ** 2
    labels = max(7 + 3 * len(atoms) for atoms in frames)
    memory = _BASE + 1.3 * min(CACHE_BYTES, 8 * sum(rows) * d)
    memory += 8 * (
        _MATRICES * m**2
        + (_BLOCKS * labels + _UNITS * d) * m
        + max(rows) * (_SLOPES * d + 2 * harmonics)
    )
    rate = _flops_per_s()
    describe = 400.0 * sum(rows) * (d + harmonics) / rate
    products = sum(
        2.0 * m * d * row + 2.0 * m**2 * (7 + 3 * len(atoms))
        for row, atoms in zip(rows, frames, strict=True)
    )
    choose = sum(len(atoms) for atoms in frames) * m**2 / 3.0
    return Cost(
        n_environments=m,
        bytes=float(memory),
        select_s=float(describe + choose / rate),
        add_s=float(1.5 * describe + 1.5 * products / rate),
        search_s=float(2.0 * _EVALUATIONS * n_searches * m**3 / rate),
    )


def check_memory(cost: Cost, available: float) -> None:
    """Refuse a training that will not fit.

    Parameters
    ----------
    cost
        What it needs.
    available
        Bytes that there are.

    Raises
    ------
    InputError
        If it needs more.
    """
    if cost.bytes > available:
        raise InputError(
            f"FLARE would need up to {cost.bytes / GIGA:.1f} GB for {cost.n_environments} sparse "
            f"environments, and {available / GIGA:.1f} GB are free: use fewer frames or a smaller "
            f"environments_per_frame, nmax or cutoff_A, or set max_environments."
        )


def available_bytes() -> float:
    """Return the memory that a new process may take: of the machine, or of its cgroup.

    Returns
    -------
    Bytes; infinite where the system does not say.
    """
    found = [np.inf]
    if _MEMINFO.is_file():
        lines = (line.split() for line in _MEMINFO.read_text().splitlines())
        found += [1024.0 * float(line[1]) for line in lines if line[0] == "MemAvailable:"]
    for limit, usage in _CGROUPS:
        if Path(limit).is_file() and Path(usage).is_file():
            words = Path(limit).read_text().strip()
            if words != "max":
                found.append(float(words) - float(Path(usage).read_text()))
    return float(min(found))


def _pairs(atoms: Atoms, cutoff_A: float) -> float:
    """Estimate the number of neighbours of all atoms from the density."""
    n = len(atoms)
    return n * n / atoms.get_volume() * 4.0 / 3.0 * np.pi * cutoff_A**3


def _flops_per_s() -> float:
    """Measure products of matrices; the fastest counts, others may have been disturbed."""
    size, seconds = 256, []
    matrix = np.ones((size, size))
    for _ in range(5):
        clock = time.process_time()
        matrix @ matrix
        seconds.append(time.process_time() - clock)
    return 2.0 * size**3 / max(min(seconds), 1e-6)
