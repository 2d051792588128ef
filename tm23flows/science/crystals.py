"""What kind of crystal a cell is, when it comes from elsewhere.

Owns the recognition of the phases that ``prototypes`` can build, and the primitive and
conventional cell of any crystal; symmetry itself is spglib's and pymatgen's work. Reads
no files.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tm23flows.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

SYMPREC_A: Final = 0.01
"""How far from its ideal place an atom may lie, in A; spglib's and pymatgen's usual value."""

_PHASES: Final = {
    ("Fm-3m", 1): "fcc",
    ("Im-3m", 1): "bcc",
    ("P6_3/mmc", 2): "hcp",
    ("P6/mmm", 3): "omega",
    ("R-3m", 1): "rhombohedral",
    ("I-43m", 29): "alpha-Mn",
}
"""By space group and atoms in the primitive cell."""


def identify_phase(atoms: Atoms) -> str:
    """Name the phase of a perfect crystal of one element.

    Parameters
    ----------
    atoms
        A cell, periodic in all directions.

    Returns
    -------
        One of ``prototypes.PHASES``, or the space group with the number of atoms in the
        primitive cell where it is none of them.

    Raises
    ------
    InputError
        spglib finds no space group, not even the trivial one.
    """
    import spglib

    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = None
    # phonopy changes spglib for the whole process: it raises where it returned None before
    with suppress(spglib.SpglibError):
        found = spglib.get_symmetry_dataset(cell, symprec=SYMPREC_A)
    if found is None:
        raise InputError("The symmetry of the cell cannot be found: are atoms on top of others?")
    count = len(set(found.mapping_to_primitive))
    # Three atoms in P6/mmm can also be a kagome layer, all of them alike.
    alike = len(set(found.equivalent_atoms)) == 1
    known = _PHASES.get((found.international, count)) if count != 3 or not alike else None
    return known or f"{found.international}, primitive cell of {count}"


def standard_cell(atoms: Atoms, basis: str) -> Atoms:
    """Return the standardised primitive or conventional cell of a crystal.

    Parameters
    ----------
    atoms
        A cell, periodic in all directions; magnetic moments are not looked at.
    basis
        ``primitive`` or ``conventional``, as pymatgen's symmetry analyser defines them.

    Returns
    -------
        The cell. Positions and angles are idealised within ``SYMPREC_A``; the volume per
        atom stays.

    Raises
    ------
    InputError
        The basis is neither of the two.
    """
    from ase import Atoms as AseAtoms
    from pymatgen.core import Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    if basis not in ("primitive", "conventional"):
        raise InputError(f"There is no basis '{basis}'; choose one of: primitive, conventional.")
    plain = Structure(atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions())
    analyser = SpacegroupAnalyzer(plain, symprec=SYMPREC_A)
    if basis == "primitive":
        found = analyser.get_primitive_standard_structure()
    else:
        found = analyser.get_conventional_standard_structure()
    return AseAtoms(
        numbers=found.atomic_numbers,
        cell=found.lattice.matrix,
        positions=found.cart_coords,
        pbc=True,
    )
