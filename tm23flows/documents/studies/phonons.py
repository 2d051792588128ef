"""Results of phonons of models beside those of the labels.

Owns the rows: one for the labels and one for each model. How the numbers are made is in
:mod:`tm23flows.science.phonons` and :mod:`tm23flows.science.phonon_errors`.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.structure import Crystal

Frequencies = tuple[tuple[float, ...], ...]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, from_attributes=True
    )


class FrequencyErrorRow(_Part):
    """Frequencies of a model against those of the labels, on a mesh of wave vectors."""

    mean_THz: float = Field(description="Mean difference; negative where they are too low.")
    mae_THz: float = Field(ge=0, description="Mean absolute difference.")
    rmse_THz: float = Field(ge=0, description="Root mean square difference.")
    largest_THz: float = Field(ge=0, description="Largest absolute difference.")
    percent: float | None = Field(
        ge=0, description="100 MAE over the mean absolute frequency of the labels."
    )
    n_modes: int = Field(ge=1, description="Modes of the whole mesh that were counted.")


class FrequencyErrors(_Part):
    """The errors of all branches, of the three lowest and of the others."""

    all: FrequencyErrorRow = Field(description="Of all branches.")
    acoustic: FrequencyErrorRow = Field(description="Of the three lowest at each wave vector.")
    optical: FrequencyErrorRow | None = Field(
        description="Of the others; None with one atom in the cell."
    )


class PhononCurves(_Part):
    """Phonons of one source of forces in its crystal at rest."""

    crystal: Crystal = Field(description="The primitive cell at rest.")
    a_A: float = Field(gt=0, description="Lattice constant a of the conventional cell, angstrom.")
    c_A: float | None = Field(description="Lattice constant c; None for cubic crystals.")
    volume_A3_per_atom: float = Field(gt=0, description="Volume.")
    path_THz: Frequencies = Field(
        description="At each point of the path, rising; imaginary ones negative."
    )
    dos_THz: tuple[float, ...] = Field(description="Frequencies of the density of states.")
    dos_per_THz: tuple[float, ...] = Field(description="States per THz and primitive cell.")
    lowest_THz: float = Field(description="Lowest frequency of the mesh.")
    imaginary_share: float = Field(ge=0, le=1, description="Share of imaginary modes of the mesh.")
    drift_eV_per_A2: float = Field(
        ge=0, description="By how much the force constants missed the acoustic sum rule at most."
    )

    @model_validator(mode="after")
    def _curves(self) -> Self:
        if len(self.dos_THz) != len(self.dos_per_THz):
            raise ValueError("a density of states has one value for each frequency")
        if {len(one) for one in self.path_THz} != {3 * len(self.crystal.positions)}:
            raise ValueError("there are three branches for each atom of the cell")
        return self


class PhononReference(_Part):
    """What labels give."""

    recipe_id: str = Field(description="Recipe of the labels of the displaced cells.")
    kmesh: tuple[int, int, int] = Field(description="Its k-mesh, in the displaced cells.")
    n_labels: int = Field(ge=1, description="Displaced cells that were labelled.")
    largest_force_eV_per_A: float | None = Field(
        None,
        ge=0,
        description="In the crystal before atoms are displaced; None where it is zero by symmetry.",
    )
    curves: PhononCurves = Field(description="What was found.")


class PhononModel(_Part):
    """What one model gives, or why it gives nothing."""

    model_id: str = Field(description="The model.")
    curves: PhononCurves | None = Field(description="In its own crystal at rest; None: see reason.")
    errors: FrequencyErrors | None = Field(
        None, description="Each in its own crystal at rest; None without labels."
    )
    errors_same_lattice: FrequencyErrors | None = Field(
        None,
        description="Both in the crystal at rest under the labels; None if not there.",
    )
    reason: str | None = Field(None, description="Why there are no curves.")
    reason_same_lattice: str | None = Field(
        None, description="Why there are no frequencies at the lattice of the labels."
    )
    wall_s: float = Field(ge=0, description="Time that it took, in s.")

    @model_validator(mode="after")
    def _said(self) -> Self:
        if (self.curves is None) == (self.reason is None):
            raise ValueError("a model has phonons, or there is a reason why not")
        if self.curves is None and self.errors is not None:
            raise ValueError("a model without phonons has no errors of them")
        return self


class PhononMetal(_Part):
    """One metal."""

    element: str = Field(description="Chemical symbol.")
    phase: str = Field(description="Crystal structure, such as fcc.")
    dataset_id: str = Field(description="Dataset that the models were trained or measured on.")
    supercell: tuple[int, int, int] = Field(description="Multiples of the primitive vectors.")
    n_atoms: int = Field(ge=1, description="Atoms in the supercell.")
    path_q: tuple[tuple[float, float, float], ...] = Field(
        min_length=1, description="Points of the path in reciprocal vectors of the crystal."
    )
    path_places_per_A: tuple[float, ...] = Field(
        description="Length of the path up to each point, with 2 pi, in the starting crystal."
    )
    path_ticks: tuple[tuple[float, str], ...] = Field(description="Corners: place and name.")
    q_mesh: tuple[int, int, int] = Field(description="Mesh of the errors, centred on Gamma.")
    labels: PhononReference | None = Field(description="None where none can be computed.")
    models: tuple[PhononModel, ...] = Field(description="As asked for.")

    @model_validator(mode="after")
    def _along_the_path(self) -> Self:
        n_points = len(self.path_q)
        found = [one.curves for one in (self.labels, *self.models) if one and one.curves]
        if len(self.path_places_per_A) != n_points:
            raise ValueError("each point of the path has a place")
        if any(len(one.path_THz) != n_points for one in found):
            raise ValueError("there are frequencies at each point of the path")
        if self.labels is None and any(
            one.errors or one.errors_same_lattice for one in self.models
        ):
            raise ValueError("without labels there are no errors")
        return self


class PhononResults(_Part):
    """What was found."""

    kind: Literal["phonons"] = Field("phonons", description="Which study.")
    metals: tuple[PhononMetal, ...] = Field(min_length=1, description="As asked for.")
