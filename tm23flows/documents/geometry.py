"""What structures and frames share: atoms in a periodic cell, which are their identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tm23flows.documents.arrays import Floats, Integers
from tm23flows.documents.base import Document
from tm23flows.documents.ids import geometry_id

if TYPE_CHECKING:
    from ase import Atoms


class Geometry(Document):
    """Atoms in a cell that is periodic in all directions."""

    numbers: Integers = Field(description="Atomic numbers, shape (n,).")
    cell: Floats = Field(description="Cell vectors as rows, shape (3, 3), in angstrom.")
    positions: Floats = Field(description="Positions, shape (n, 3), in angstrom, not wrapped.")

    @property
    def atoms(self) -> Atoms:
        """The geometry as new ASE atoms, without a calculator."""
        from ase import Atoms as AseAtoms

        return AseAtoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=True)

    def compute_id(self) -> str:
        """Hash the geometry, as the noun that it is of."""
        noun = type(self).__name__.lower()
        return geometry_id(noun, self.numbers, self.cell, self.positions)
