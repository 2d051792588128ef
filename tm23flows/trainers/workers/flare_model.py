"""A trained FLARE model: its two files, and predictions from them.

Owns ``model.json`` (settings, elements, energies of the atoms, the four values, atoms
taken from each frame) and ``model.npz`` (sparse descriptors and their weights). The
training frames are not in them. Predictions take descriptors from FLARE and the rest
from matrix products.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from flare_frame import Environments, describe, look_at, make_descriptor
from flare_kernel import local_kernel, sparse_factor, sparse_set
from scipy.linalg import solve_triangular
from worker_io import RequestError, write_json


def write_model(folder: Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write the files of a model.

    Parameters
    ----------
    folder
        Folder of the model.
    about
        Content of ``model.json``.
    arrays
        Content of ``model.npz``: ``units`` (m, d), ``species`` (m,), ``weights`` (m,).
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "model.npz", **arrays)
    write_json(folder / "model.json", about)


class FlareCalculator(Calculator):
    """Energy (eV), forces, stress (eV/A^3), and the uncertainty of each atom.

    The uncertainty is the standard deviation of the local energy over that of the
    signal: 0 for an environment of the sparse set, 1 for one that is like none of it.
    """

    implemented_properties: ClassVar[list[str]] = [
        "energy", "free_energy", "forces", "stress", "uncertainties",
    ]  # fmt: skip

    def __init__(self, folder: Path) -> None:
        super().__init__()
        model = json.loads((folder / "model.json").read_text())
        with np.load(folder / "model.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        settings = model["settings"]
        self.elements = model["elements"]
        self.atom_energies = np.array(model["atom_energies"])
        self.cutoff_A = settings["cutoff_A"]
        self.descriptor = make_descriptor(settings, len(self.elements))
        self.weights = arrays["weights"]
        self.sparse = sparse_set(
            arrays["units"], arrays["species"], settings["power"], len(self.elements)
        )
        self._factor: np.ndarray | None = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Predict (see ASE's calculators).

        Parameters
        ----------
        atoms
            The periodic frame.
        properties
            Ignored: everything is predicted.
        system_changes
            Ignored too.
        """
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        strange = sorted(set(atoms.numbers.tolist()) - set(self.elements))
        if strange:
            raise RequestError(
                "input", f"The model knows the atomic numbers {self.elements}, not {strange[0]}."
            )
        if not atoms.pbc.all():
            raise RequestError("input", "FLARE needs frames that are periodic in all directions.")
        frame = describe(look_at(atoms, self.descriptor, self.elements, self.cutoff_A))
        energy, changes = self._mean(frame, len(atoms))
        coded = [self.elements.index(z) for z in atoms.numbers]
        energy += float(self.atom_energies[coded].sum())
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": changes[:-6].reshape(-1, 3),
            "stress": changes[-6:],
            "uncertainties": self._spread(frame, len(atoms)),
        }

    def _mean(self, frame: list[Environments], n: int) -> tuple[float, np.ndarray]:
        energy, changes, power = 0.0, np.zeros(3 * n + 6), self.sparse.power
        parts = zip(self.sparse.members, self.sparse.columns, frame, strict=True)
        for members, columns, one in parts:
            if len(members) == 0 or len(one.atoms) == 0:
                continue
            cosines, weights = one.units @ columns, self.weights[members]
            energy += float(np.sum(cosines**power @ weights))
            gradients = (power * cosines ** (power - 1) * weights) @ columns.T
            np.add.at(changes, one.labels, one.label_changes(gradients))
        return energy, changes

    def _spread(self, frame: list[Environments], n: int) -> np.ndarray:
        if self._factor is None:
            self._factor = sparse_factor(self.sparse)
        found = np.zeros(n)
        for species, one in enumerate(frame):
            kernel = local_kernel(self.sparse, one.units, species)
            known = solve_triangular(self._factor, kernel, lower=True, check_finite=False)
            variances = np.sum(one.units**2, axis=1) ** self.sparse.power - np.sum(known**2, 0)
            found[one.atoms] = np.sqrt(np.maximum(variances, 0.0))
        return found
