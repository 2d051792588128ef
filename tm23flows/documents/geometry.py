"""What structures and frames share: atoms in a periodic cell, which are their identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from tm23flows.documents.arrays import Floats, Integers
from tm23flows.documents.base import Document
from tm23flows.documents.ids import geometry_id

if TYPE_CHECKING:
    from ase import Atoms

MAX_ATOMS = 30_000
"""Numbers and positions of more make a document of 1 MB; labels of that many atoms are smaller."""


class Geometry(Document):
    """Atoms in a cell that is periodic in all directions."""

    numbers: Integers = Field(description="Atomic numbers, shape (n,).")
    cell: Floats = Field(description="Cell vectors as rows, shape (3, 3), in angstrom.")
    positions: Floats = Field(description="Positions, shape (n, 3), in angstrom, not wrapped.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        # Here, and not when it is stored: nothing may be computed that cannot be kept.
        if len(self.numbers) > MAX_ATOMS:
            raise ValueError(
                f"a cell of {len(self.numbers)} atoms is too large for a document, which holds "
                f"at most {MAX_ATOMS}: take a smaller supercell"
            )
        return self

    @property
    def atoms(self) -> Atoms:
        """The geometry as new ASE atoms, without a calculator."""
        from ase import Atoms as AseAtoms

        return AseAtoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=True)

    def compute_id(self) -> str:
        """Hash the geometry, as the noun that it is of."""
        noun = type(self).__name__.lower()
        return geometry_id(noun, self.numbers, self.cell, self.positions)
