"""Kinds of work and their sizes: the words in which plans and measured runs are compared.

Owns what counts as the same kind of work, its law of cost, and the sizes of a calculation. Does
not read workflows (``planned_work``) nor the archive (``measured_work``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tm23flows.documents.ids import content_id
from tm23flows.documents.recipe import MODEL, Recipe
from tm23flows.engines.valence import valence_electrons
from tm23flows.science.cost_laws import (
    ATOMS,
    EPOCHS,
    PLANE_WAVES,
    PLANE_WAVES_MEMORY,
    SPARSE_PROCESS,
    Law,
    plane_waves,
)
from tm23flows.science.kpoints import KMesh

DFT: Final = ("gpaw", "vasp")
STEP, LABEL, EPOCH, TRAINING, PREDICTION = "step", "label", "epoch", "training", "prediction"
STAGE_OF: Final = {
    STEP: "aimd", LABEL: "label", EPOCH: "train-gpu", TRAINING: "train-gpu",
    PREDICTION: "train-gpu",
}  # fmt: skip
"""Stage of each unit of work; steps with a model are of the last one too."""

FREE: Final = frozenset(
    ("max_epochs", "max_wall_s", "learning_rate", "minimum_learning_rate", "patience", "ema_decay",
     "energy_weight", "force_weight", "stress_weight", "sigma", "noise_energy", "noise_force",
     "noise_stress", "gtol", "minimum_variance")
)  # fmt: skip
"""Hyperparameters that do not change what an epoch, or a training of one pass, costs."""


@dataclass(frozen=True)
class Kind:
    """What is done again and again: a step of GPAW, an epoch of this network.

    Parameters
    ----------
    program
        Engine or trainer.
    unit
        One of the units above.
    settings
        Hash of hyperparameters that change the cost; empty where there are none.
    """

    program: str
    unit: str
    settings: str = ""

    @property
    def law(self) -> Law:
        """How its time grows."""
        if self.unit == EPOCH:
            return EPOCHS
        if self.unit == TRAINING:
            return SPARSE_PROCESS
        return PLANE_WAVES if self.program in DFT else ATOMS

    @property
    def memory_law(self) -> Law:
        """How its memory grows."""
        return PLANE_WAVES_MEMORY if self.program in DFT else ATOMS

    @property
    def stage(self) -> str:
        """Which stage it belongs to."""
        return "train-gpu" if self.program.startswith(MODEL) else STAGE_OF[self.unit]

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.program} {self.unit}"


def training_kind(trainer: str, hyperparameters: Mapping[str, Any]) -> Kind:
    """Return the kind of a training.

    Parameters
    ----------
    trainer
        Name of the trainer.
    hyperparameters
        All of them.

    Returns
    -------
    Trainings by epochs are counted in these; others as a whole.
    """
    asked = {name: value for name, value in hyperparameters.items() if name not in FREE}
    # as JSON values: a workflow file has lists where a trainer has tuples
    asked = json.loads(json.dumps(asked, default=str))
    unit = EPOCH if "max_epochs" in hyperparameters else TRAINING
    return Kind(trainer, unit, content_id("training-cost", settings=asked)[:12])


def calculation_kind(recipe: Mapping[str, Any], unit: str, trainer: str | None = None) -> Kind:
    """Return the kind of a step or label.

    Parameters
    ----------
    recipe
        Fields of the recipe.
    unit
        ``step`` or ``label``.
    trainer
        Of the model, where the recipe is one of a model and this is known.

    Returns
    -------
    The kind.
    """
    engine = recipe["engine"]
    return Kind(f"{MODEL}:{trainer}" if engine == MODEL and trainer else engine, unit)


def calculation_sizes(
    element: str, n_atoms: int, cell: np.ndarray | list[list[float]], recipe: Mapping[str, Any]
) -> dict[str, float]:
    """Return the sizes of one step or label.

    Parameters
    ----------
    element
        Chemical symbol.
    n_atoms
        Number of atoms.
    cell
        Vectors as rows, shape (3, 3), in angstrom.
    recipe
        Fields of the recipe.

    Returns
    -------
    ``atoms``, and as far as they are known ``electrons`` of the cell, ``plane_waves`` and
    ``k_points``, counted without point group because frames have none.
    """
    sizes = {"atoms": float(n_atoms)}
    given = Recipe(**recipe)
    if given.engine not in DFT:
        return sizes
    per_atom = valence_electrons(given.engine, element, given.pseudopotentials.get(element))
    if per_atom:
        sizes["electrons"] = float(per_atom * n_atoms)
    if given.cutoff_eV:
        volume = abs(float(np.linalg.det(np.asarray(cell, dtype=float))))
        sizes["plane_waves"] = plane_waves(volume, given.cutoff_eV)
    if given.kmesh:
        mesh = KMesh(given.kmesh, given.kmesh_offset or (0.0, 0.0, 0.0))
        sizes["k_points"] = float(mesh.n_independent)
    return sizes


def is_complete(kind: Kind, sizes: Mapping[str, float]) -> bool:
    """Say whether all sizes are known that the law of a kind needs.

    Parameters
    ----------
    kind
        The kind.
    sizes
        What is known.

    Returns
    -------
    True if they are.
    """
    return all(sizes.get(name, 0) > 0 for name in kind.law.exponents)
