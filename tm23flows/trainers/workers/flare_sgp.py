"""Building a sparse Gaussian process with FLARE.

Owns the choice of the sparse environments and the conversions between ASE's and
FLARE's conventions. Knows nothing of requests, files or the optimisation.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from flare.bffs.sgp import SGP_Wrapper, _C_flare
from scipy.linalg import solve_triangular
from worker_io import RequestError

if TYPE_CHECKING:
    from ase import Atoms

# FLARE's xx xy xz yy yz zz out of ASE's xx yy zz yz xz xy; the sign differs too.
_TO_FLARE = [0, 5, 4, 1, 3, 2]


def make_descriptor(settings: dict[str, Any], n_species: int) -> Any:
    """Make FLARE's descriptor calculator.

    Parameters
    ----------
    settings
        Hyperparameters of the trainer.
    n_species
        Number of elements.

    Returns
    -------
    The calculator. FLARE keeps only a pointer to it: keep it alive.
    """
    kind = settings["descriptor"]
    if not hasattr(_C_flare, kind):
        raise RequestError(
            "unsupported",
            f"This FLARE has no descriptor {kind}: use descriptor=B2, or name an interpreter with "
            f"a newer FLARE in TM23_TRAINER_PYTHON_FLARE.",
        )
    sizes = [n_species, settings["nmax"]] + ([settings["lmax"]] if kind == "B2" else [])
    cutoff = settings["cutoff_A"]
    return getattr(_C_flare, kind)("chebyshev", "quadratic", [0.0, cutoff], [], sizes)


def atom_energies(frames: list[Atoms], elements: list[int]) -> list[float]:
    """Fit one energy per element (eV) to the total energies; for a metal, the mean.

    Parameters
    ----------
    frames
        The training frames.
    elements
        Atomic numbers.

    Returns
    -------
    Energy per atom of each element, eV.
    """
    counts = np.array([[np.sum(atoms.numbers == z) for z in elements] for atoms in frames])
    energies = np.array([atoms.get_potential_energy() for atoms in frames])
    return np.linalg.lstsq(counts, energies, rcond=None)[0].tolist()


def select_environments(
    frames: list[Atoms], elements: list[int], settings: dict[str, Any]
) -> list[list[int]]:
    """Choose the sparse environments, frame by frame, where the process knows least.

    The predictive variance of a local energy depends on descriptors alone, so it is
    followed here as a pivoted Cholesky factorisation of the kernel: the atom with the
    largest variance is taken, the variances of the others shrink, and so on until
    the frame has given enough or nothing new is left in it.

    Parameters
    ----------
    frames
        The training frames.
    elements
        Atomic numbers.
    settings
        Hyperparameters of the trainer.

    Returns
    -------
    Indices of the chosen atoms for each frame.
    """
    descriptor = make_descriptor(settings, len(elements))
    chosen = _Chosen(settings["power"], settings["minimum_variance"])
    picks = []
    for atoms in frames:
        species = [elements.index(z) for z in atoms.numbers]
        structure = _C_flare.Structure(
            atoms.cell.array, species, atoms.positions, settings["cutoff_A"], [descriptor]
        )
        units = _unit_descriptors(structure.descriptors[0])
        picks.append(chosen.extend(units, np.array(species), settings["environments_per_frame"]))
    return picks


def _unit_descriptors(values: Any) -> np.ndarray:
    """Put FLARE's descriptors, sorted by species, back into the order of the atoms."""
    units = np.zeros((values.n_atoms, values.n_descriptors))
    for found, indices in zip(values.descriptors, values.atom_indices, strict=True):
        if len(indices):
            rows = np.asarray(found)
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            units[np.asarray(indices, int)] = rows / np.where(norms > 0, norms, 1.0)
    return units


class _Chosen:
    """The sparse set so far: unit descriptors, species and the kernel's Cholesky factor."""

    def __init__(self, power: int, minimum: float) -> None:
        self.power, self.minimum = power, minimum
        self.units: np.ndarray | None = None
        self.species = np.zeros(0, int)
        self.factor = np.zeros((0, 0))

    def extend(self, units: np.ndarray, species: np.ndarray, most: int) -> list[int]:
        if self.units is None:
            self.units = np.zeros((0, units.shape[1]))
        rows = self._kernel(self.units, self.species, units, species)
        rows = solve_triangular(self.factor, rows, lower=True) if len(rows) else rows
        variances = 1.0 - np.sum(rows**2, axis=0)
        picks: list[int] = []
        for _ in range(min(most, len(units))):
            i = int(np.argmax(variances))
            if variances[i] < self.minimum:
                break
            row = self._kernel(units[i : i + 1], species[i : i + 1], units, species)[0]
            row = (row - rows[:, i] @ rows) / np.sqrt(variances[i])
            self._append(units[i], species[i], np.append(rows[:, i], np.sqrt(variances[i])))
            rows = np.vstack([rows, row])
            variances = variances - row**2
            picks.append(i)
        return picks

    def _append(self, unit: np.ndarray, species: int, row: np.ndarray) -> None:
        n = len(self.factor)
        factor = np.zeros((n + 1, n + 1))
        factor[:n, :n] = self.factor
        factor[n] = row
        self.factor = factor
        self.units = np.vstack([self.units, unit])
        self.species = np.append(self.species, species)

    def _kernel(
        self, a: np.ndarray, species_a: np.ndarray, b: np.ndarray, species_b: np.ndarray
    ) -> np.ndarray:
        return (a @ b.T) ** self.power * (species_a[:, None] == species_b[None, :])


def build_process(frames: list[Atoms], model: dict[str, Any]) -> SGP_Wrapper:
    """Build the sparse process of a model from its training frames.

    Parameters
    ----------
    frames
        The labelled training frames.
    model
        Content of ``model.json``: settings, elements, energies of the atoms, sparse
        indices and the four values sigma, noise of energy (eV), force and stress.

    Returns
    -------
    FLARE's process, ready to predict.
    """
    settings, values = model["settings"], model["values"]
    kernel = _C_flare.NormalizedDotProduct(values["sigma"], settings["power"])
    descriptor = make_descriptor(settings, len(model["elements"]))
    with contextlib.redirect_stdout(io.StringIO()):
        process = SGP_Wrapper(
            [kernel],
            [descriptor],
            settings["cutoff_A"],
            values["noise_energy"] * mean_atoms(frames),
            values["noise_force"],
            values["noise_stress"],
            {z: i for i, z in enumerate(model["elements"])},
            single_atom_energies=dict(enumerate(model["atom_energies"])),
            variance_type="local",
        )
    process.keep_alive = (kernel, descriptor)  # FLARE holds bare pointers to both
    for atoms, sparse in zip(frames, model["sparse_indices"], strict=True):
        _add(process, atoms, sparse, len(atoms) / mean_atoms(frames))
    process.sparse_gp.update_matrices_QR()
    return process


def _add(process: SGP_Wrapper, atoms: Atoms, sparse: list[int], energy_noise: float) -> None:
    process.update_db(
        atoms,
        atoms.get_forces(),
        custom_range=sparse,
        energy=atoms.get_potential_energy(),
        stress=-atoms.get_stress()[_TO_FLARE],
        mode="specific",
        update_qr=False,
        rel_e_noise=energy_noise,
    )


def mean_atoms(frames: list[Atoms]) -> float:
    """Return the mean number of atoms of a frame, which turns eV/atom into eV.

    Parameters
    ----------
    frames
        The frames.

    Returns
    -------
    The mean.
    """
    return sum(len(atoms) for atoms in frames) / len(frames)
