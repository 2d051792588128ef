"""The job that makes a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.structure import Structure
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.science.cells import (
    make_supercell,
    min_image_distance,
    remove_random_atom,
    supercell_matrix,
)
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_conventional, build_primitive

if TYPE_CHECKING:
    from ase import Atoms

BASES = {"primitive": build_primitive, "conventional": build_conventional}


@job
def build_structure(
    element: str,
    basis: str,
    supercell: list[int] | None,
    min_length_A: float,
    supercell_rule: str,
    vacancy_seed: int,
) -> dict[str, Any]:
    """Build the supercell of a metal with one vacancy and store it.

    Parameters
    ----------
    element
        Chemical symbol.
    basis
        ``primitive`` or ``conventional``: the cell that is repeated.
    supercell
        Multiples of its vectors; None lets the rule choose.
    min_length_A
        Length that the rule is given, in angstrom.
    supercell_rule
        ``image-distance`` or ``vector-length``.
    vacancy_seed
        Seed of the choice of the missing atom.

    Returns
    -------
    ``structure_id``, ``element`` and ``n_atoms``.
    """
    structure = make_structure(
        element, basis, supercell, min_length_A, supercell_rule, vacancy_seed
    )
    open_archive().put(structure)
    return {
        "structure_id": structure.id,
        "element": element,
        "n_atoms": len(structure.numbers),
    }


def make_structure(
    element: str,
    basis: str,
    supercell: list[int] | None,
    min_length_A: float,
    supercell_rule: str,
    vacancy_seed: int,
) -> Structure:
    """Build the document; see :func:`build_structure` for the parameters.

    Returns
    -------
    The structure, not stored.
    """
    facts = metal(element)
    unit = unit_cell(element, basis)
    if supercell is None:
        matrix = supercell_matrix(unit.cell, min_length_A, supercell_rule)
    else:
        matrix = [[supercell[i] if i == j else 0 for j in range(3)] for i in range(3)]
    perfect = make_supercell(unit, matrix)
    atoms, index = remove_random_atom(perfect, vacancy_seed)
    return Structure(
        provenance=Provenance.now(inputs={"metals_table": facts.sources}),
        element=element,
        phase=facts.phase,
        phase_source=facts.sources["phase"],
        basis=basis,
        supercell_matrix=tuple(tuple(int(x) for x in row) for row in matrix),
        supercell_rule=supercell_rule if supercell is None else "given",
        min_length_A=min_length_A if supercell is None else None,
        min_image_distance_A=min_image_distance(perfect.cell),
        vacancy_index=index,
        vacancy_seed=vacancy_seed,
        numbers=atoms.numbers,
        cell=atoms.cell.array,
        positions=atoms.positions,
    )


def unit_cell(element: str, basis: str) -> Atoms:
    """Build the cell that is repeated.

    Parameters
    ----------
    element
        Chemical symbol.
    basis
        ``primitive`` or ``conventional``.

    Returns
    -------
    The perfect crystal.

    Raises
    ------
    InputError
        If the element or the basis is unknown.
    """
    if basis not in BASES:
        raise InputError(f"There is no basis '{basis}'; choose one of: {', '.join(BASES)}.")
    return BASES[basis](metal(element))
