"""The structure noun: the supercell with one vacancy that trajectories start from.

Owns the stored structure, and the crystal from elsewhere that can stand at its beginning.
Reads no files and builds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tm23flows.documents.geometry import Geometry

if TYPE_CHECKING:
    from ase import Atoms


class Crystal(BaseModel):
    """A perfect crystal that does not come from our table; small enough to travel in a job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    element: str = Field(description="Chemical symbol.")
    phase: str = Field(description="Crystal structure, such as fcc, or the space group.")
    source: str = Field(description="Where the cell comes from, in words.")
    details: dict[str, JsonValue] = Field(
        default_factory=dict, description="The same for programs: names, checksums, versions."
    )
    cell: tuple[tuple[float, float, float], ...] = Field(
        min_length=3, max_length=3, description="Cell vectors as rows, in angstrom."
    )
    positions: tuple[tuple[float, float, float], ...] = Field(
        min_length=1, description="Positions in angstrom."
    )

    @classmethod
    def from_atoms(cls, atoms: Atoms, phase: str, source: str, **details: JsonValue) -> Self:
        """Take the crystal out of ASE atoms.

        Parameters
        ----------
        atoms
            One element, periodic in all directions.
        phase
            Name of the crystal structure.
        source
            Where the cell comes from, in words.
        **details
            The same for programs.

        Returns
        -------
        The crystal.
        """
        return cls(
            element=atoms.symbols[0],
            phase=phase,
            source=source,
            details=details,
            cell=atoms.cell.array.tolist(),
            positions=atoms.positions.tolist(),
        )

    @property
    def atoms(self) -> Atoms:
        """The cell as new ASE atoms."""
        from ase import Atoms as AseAtoms

        symbols = [self.element] * len(self.positions)
        return AseAtoms(symbols, positions=self.positions, cell=self.cell, pbc=True)


class Structure(Geometry):
    """A supercell with one atom taken out, or none."""

    element: str = Field(description="Chemical symbol.")
    phase: str = Field(description="Crystal structure of the perfect crystal, such as fcc.")
    phase_source: str = Field(description="Where phase and lattice constants come from.")
    basis: str = Field(description="Cell that was repeated: primitive, conventional or given.")
    supercell_matrix: tuple[tuple[int, int, int], ...] = Field(
        description="Rows: supercell vectors in units of those of the basis."
    )
    supercell_rule: str = Field(description="Rule that chose the supercell.")
    min_length_A: float | None = Field(description="Length that the rule was given, in angstrom.")
    min_image_distance_A: float = Field(
        description="Smallest distance between periodic images, in angstrom."
    )
    vacancy_index: int | None = Field(description="Index of the atom taken out, if any.")
    vacancy_seed: int | None = Field(description="Seed of the choice of that atom.")
