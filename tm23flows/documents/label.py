"""The label noun: energies, forces and stress of one frame under one recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from tm23flows.documents.arrays import Floats
from tm23flows.documents.base import Document
from tm23flows.documents.effort import Effort
from tm23flows.documents.ids import bytes_id, content_id
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.science.label_arrays import LabelArrays

EnergyKind = Literal["free", "sigma0", "without_entropy", "unspecified"]
ENERGY_KINDS: tuple[EnergyKind, ...] = get_args(EnergyKind)
"""The energies of a label, in the order in which one stands in for a missing one."""


class Energies(BaseModel):
    """The energies of a smeared electron gas, in eV per cell.

    Engines give the first three. An imported label may have fewer, and one whose source does
    not say which energy it is has that one alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    free: float | None = Field(
        None, description="Free energy F; forces and stress are its derivatives."
    )
    sigma0: float | None = Field(None, description="Extrapolated to zero smearing.")
    without_entropy: float | None = Field(None, description="F without the entropy term.")
    unspecified: float | None = Field(
        None, description="Imported; its source does not say which energy it is."
    )

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if all(getattr(self, kind) is None for kind in ENERGY_KINDS):
            raise ValueError("a label has at least one energy")
        return self

    def of(self, kind: str) -> float:
        """Return one of the energies.

        Parameters
        ----------
        kind
            One of :data:`ENERGY_KINDS`.

        Returns
        -------
        The energy in eV per cell.

        Raises
        ------
        InputError
            If there is no such kind, or it is not known.
        """
        if kind not in ENERGY_KINDS:
            kinds = ", ".join(ENERGY_KINDS)
            raise InputError(f"There is no energy '{kind}'; choose one of {kinds}.")
        energy: float | None = getattr(self, kind)
        if energy is None:
            known = ", ".join(one for one in ENERGY_KINDS if getattr(self, one) is not None)
            raise InputError(f"The energy '{kind}' of a label is not known; known is {known}.")
        return energy

    @property
    def best(self) -> float:
        """The free energy, or the one that stands in for it."""
        energy: float = next(e for kind in ENERGY_KINDS if (e := getattr(self, kind)) is not None)
        return energy


class Magnitudes(BaseModel):
    """How large the numbers of a label are, so that queries need not read its arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    energy_per_atom: float = Field(
        description="Free energy per atom in eV, or of the one that is known."
    )
    max_force: float = Field(description="Largest norm of a force in eV/angstrom.")
    max_stress: float | None = Field(
        description="Largest absolute component in eV/angstrom^3; None without stress."
    )


class Label(Document):
    """What one recipe says about one frame. Always complete: a failed one is a rejection."""

    LAYOUT: ClassVar[int] = 2

    frame_id: str = Field(description="The frame.")
    recipe: Recipe = Field(description="How it was computed.")
    recipe_id: str = Field(description="Id of the recipe.")
    element: str = Field(description="Chemical symbol, from the frame.")
    regime: str | None = Field(description="cold, warm or melt, from the frame.")
    temperature_K: float | None = Field(description="Target temperature in K, from the frame.")
    trajectory_id: str | None = Field(description="Parent run of the frame.")
    step: int | None = Field(description="Step of the frame in that run.")
    n_atoms: int = Field(ge=1, description="Number of atoms.")
    energies: Energies = Field(description="Energies in eV per cell.")
    forces: Floats = Field(description="Forces, shape (n, 3), in eV/angstrom.")
    stress: Floats | None = Field(
        description="Stress, shape (6,), in eV/angstrom^3, ASE sign, order xx yy zz yz xz xy."
    )
    effort: Effort = Field(default_factory=Effort, description="What it cost.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.forces.shape != (self.n_atoms, 3):
            raise ValueError(f"forces have shape {self.forces.shape}, not ({self.n_atoms}, 3)")
        if not np.isfinite(self.forces).all():
            raise ValueError("a force is not a finite number")
        if self.stress is not None and (
            self.stress.shape != (6,) or not np.isfinite(self.stress).all()
        ):
            raise ValueError("the stress is not six finite numbers")
        if self.recipe_id != self.recipe.id:
            raise ValueError("the recipe id does not belong to the recipe")
        return self

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def magnitudes(self) -> Magnitudes:
        """How large its numbers are."""
        return Magnitudes(
            energy_per_atom=self.energies.best / self.n_atoms,
            max_force=float(np.linalg.norm(self.forces, axis=1).max()),
            max_stress=None if self.stress is None else float(np.abs(self.stress).max()),
        )

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def checksum(self) -> str:
        """Hash of its numbers, which its id does not hold; see :func:`numbers_checksum`."""
        return numbers_checksum(self.energies, self.forces, self.stress)

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> Self:
        """Read a label as the database holds it; see :meth:`.Document.from_stored`.

        Raises
        ------
        ValueError
            Also if its numbers are not those that its checksum was made of.
        """
        label = super().from_stored(stored)
        if stored.get("checksum", label.checksum) != label.checksum:
            raise ValueError(f"the numbers of the label {label.id} were changed")
        return label

    def compute_id(self) -> str:
        """Hash which frame under which recipe; the numbers follow from these."""
        return label_id(self.frame_id, self.recipe_id)


class Rejection(Document):
    """A label that was asked for and could not be accepted, with the reason."""

    frame_id: str = Field(description="The frame.")
    recipe: Recipe = Field(description="How it was to be computed.")
    reason: str = Field(description="Why it was rejected.")
    effort: Effort | None = Field(None, description="What was spent on it, where that is known.")

    def compute_id(self) -> str:
        """Have the id that the label would have had."""
        return label_id(self.frame_id, self.recipe.id)


def label_id(frame_id: str, recipe_id: str) -> str:
    """Return the id of the label of a frame under a recipe.

    Parameters
    ----------
    frame_id
        The frame.
    recipe_id
        The recipe, complete with its pseudopotentials.

    Returns
    -------
    The id.
    """
    if frame_id.isalnum() and recipe_id.isalnum() and (frame_id + recipe_id).isascii():
        # What content_id hashes, written down: this is checked for every label that is read.
        text = f'{{"frame":"{frame_id}","kind":"label","recipe":"{recipe_id}"}}'
        return bytes_id(text.encode())
    return content_id("label", frame=frame_id, recipe=recipe_id)


def numbers_checksum(energies: Energies, forces: np.ndarray, stress: np.ndarray | None) -> str:
    """Hash the numbers of a label.

    Parameters
    ----------
    energies
        In eV per cell.
    forces
        Shape (n, 3), in eV/angstrom.
    stress
        Shape (6,), in eV/angstrom^3, or None.

    Returns
    -------
    sha256 of their exact bits as 64 hexadecimal digits.
    """
    given = (getattr(energies, kind) for kind in ENERGY_KINDS)
    known = np.array([energy for energy in given if energy is not None], dtype="<f8")
    last = b"" if stress is None else stress.astype("<f8").tobytes()
    return bytes_id(known.tobytes() + forces.astype("<f8").tobytes() + last)


def label_arrays(labels: Sequence[Label], energy: str = "free") -> LabelArrays:
    """Put labels of several frames into arrays, for metrics.

    Parameters
    ----------
    labels
        At least one label.
    energy
        Which of the energies: one of :data:`ENERGY_KINDS`.

    Returns
    -------
    Energies, forces and stresses in the order of the labels.

    Raises
    ------
    InputError
        If a label lacks that energy.
    """
    no_stress = np.full(6, np.nan)
    return LabelArrays(
        energies_eV=np.array([label.energies.of(energy) for label in labels]),
        n_atoms=np.array([label.n_atoms for label in labels]),
        forces_eV_per_A=np.concatenate([label.forces for label in labels]),
        stresses_eV_per_A3=np.array(
            [no_stress if label.stress is None else label.stress for label in labels]
        ),
    )
