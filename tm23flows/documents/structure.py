"""The structure noun: the supercell with one vacancy that trajectories start from."""

from __future__ import annotations

from pydantic import Field

from tm23flows.documents.geometry import Geometry


class Structure(Geometry):
    """A supercell with one atom taken out."""

    element: str = Field(description="Chemical symbol.")
    phase: str = Field(description="Crystal structure of the perfect crystal, such as fcc.")
    phase_source: str = Field(description="Where phase and lattice constants come from.")
    basis: str = Field(description="Cell that was repeated: primitive or conventional.")
    supercell_matrix: tuple[tuple[int, int, int], ...] = Field(
        description="Rows: supercell vectors in units of those of the basis."
    )
    supercell_rule: str = Field(description="Rule that chose the supercell.")
    min_length_A: float | None = Field(description="Length that the rule was given, in angstrom.")
    min_image_distance_A: float = Field(
        description="Smallest distance between periodic images, in angstrom."
    )
    vacancy_index: int | None = Field(description="Index of the atom that was taken out.")
    vacancy_seed: int | None = Field(description="Seed of the choice of that atom.")
