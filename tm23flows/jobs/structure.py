"""The job that makes a structure.

Owns the choice of the cell that is repeated: a phase of our table, or a crystal from
elsewhere, in its own or a standard cell. Reads no files: crystals travel in the arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.structure import Crystal, Structure
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.science.cells import (
    make_supercell,
    min_image_distance,
    remove_random_atom,
    supercell_matrix,
)
from tm23flows.science.crystals import standard_cell
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_conventional, build_primitive

if TYPE_CHECKING:
    from ase import Atoms

BUILDERS = {"primitive": build_primitive, "conventional": build_conventional}
BASES = (*BUILDERS, "given")


@job
def build_structure(
    element: str,
    basis: str,
    supercell: list[int] | None,
    min_length_A: float,
    supercell_rule: str,
    vacancy_seed: int | None,
    lattice: dict[str, Any] | None = None,
    crystal: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the supercell of a metal, with one vacancy or none, and store it.

    Parameters
    ----------
    element
        Chemical symbol.
    basis
        The cell that is repeated: ``primitive``, ``conventional``, or ``given`` for the
        cell of ``crystal`` as it is.
    supercell
        Multiples of its vectors; None lets the rule choose.
    min_length_A
        Length that the rule is given, in angstrom.
    supercell_rule
        ``image-distance`` or ``vector-length``.
    vacancy_seed
        Seed of the choice of the missing atom; None takes none out.
    lattice
        ``phase``, ``a_A`` and ``c_over_a`` in place of those of the table; None, also for
        single ones, leaves the table's.
    crystal
        A :class:`tm23flows.documents.structure.Crystal` in place of the table.

    Returns
    -------
    ``structure_id``, ``element`` and ``n_atoms``.
    """
    structure = make_structure(
        element, basis, supercell, min_length_A, supercell_rule, vacancy_seed, lattice, crystal
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
    vacancy_seed: int | None,
    lattice: dict[str, Any] | None = None,
    crystal: dict[str, Any] | None = None,
) -> Structure:
    """Build the document; see :func:`build_structure` for the parameters.

    Returns
    -------
    The structure, not stored.
    """
    unit = unit_cell(element, basis, lattice, crystal)
    matrix = repetition(unit, supercell, min_length_A, supercell_rule)
    perfect = make_supercell(unit, matrix)
    atoms, index = perfect, None
    if vacancy_seed is not None:
        atoms, index = remove_random_atom(perfect, vacancy_seed)
    phase, source = _phase_and_source(element, lattice, crystal)
    return Structure(
        provenance=Provenance.now(inputs=_inputs(element, lattice, crystal)),
        element=element,
        phase=phase,
        phase_source=source,
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


def unit_cell(
    element: str,
    basis: str,
    lattice: dict[str, Any] | None = None,
    crystal: dict[str, Any] | None = None,
) -> Atoms:
    """Build the cell that is repeated; see :func:`build_structure` for the parameters.

    Returns
    -------
    The perfect crystal.

    Raises
    ------
    InputError
        If the element, the phase or the basis is unknown, or the crystal is one of
        another element.
    """
    facts = metal(element)
    if basis not in BASES:
        raise InputError(f"There is no basis '{basis}'; choose one of: {', '.join(BASES)}.")
    if crystal is None:
        if basis not in BUILDERS:
            raise InputError("The basis 'given' is that of a file: choose primitive, conventional.")
        return BUILDERS[basis](facts, **(lattice or {}))
    if _given(lattice):
        raise InputError(
            f"A cell of {element} is given, and {', '.join(_given(lattice))} besides: "
            "choose one of the two."
        )
    given = Crystal.model_validate(crystal)
    if given.element != element:
        raise InputError(f"The cell ({given.source}) is one of {given.element}, not of {element}.")
    return given.atoms if basis == "given" else standard_cell(given.atoms, basis)


def repetition(
    unit: Atoms, supercell: list[int] | None, min_length_A: float, supercell_rule: str
) -> list[list[int]]:
    """Return the matrix that makes the supercell.

    Parameters
    ----------
    unit
        The cell that is repeated.
    supercell
        Multiples of its vectors; None lets the rule choose.
    min_length_A
        Length that the rule is given, in angstrom.
    supercell_rule
        ``image-distance`` or ``vector-length``.

    Returns
    -------
    Rows: supercell vectors in units of those of the cell.
    """
    if supercell is None:
        return supercell_matrix(unit.cell, min_length_A, supercell_rule).tolist()
    return [[supercell[i] if i == j else 0 for j in range(3)] for i in range(3)]


def _given(lattice: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (lattice or {}).items() if value is not None}


def _phase_and_source(
    element: str, lattice: dict[str, Any] | None, crystal: dict[str, Any] | None
) -> tuple[str, str]:
    """Say which phase it is, and where phase and lattice constants come from."""
    if crystal is not None:
        return crystal["phase"], crystal["source"]
    facts, asked = metal(element), _given(lattice)
    phase = asked.get("phase", facts.phase)
    words = [facts.sources["phase"] if "phase" not in asked else f"{phase} was asked for"]
    words += [
        f"{name} = {asked[name]} was asked for" for name in ("a_A", "c_over_a") if name in asked
    ]
    if phase != facts.phase and "a_A" not in asked:
        words.append(f"volume per atom of {facts.phase}: {facts.sources['a_A']}")
    return phase, "; ".join(words)


def _inputs(
    element: str, lattice: dict[str, Any] | None, crystal: dict[str, Any] | None
) -> dict[str, Any]:
    if crystal is not None:
        return {"crystal": crystal}
    return {"metals_table": metal(element).sources, "asked": _given(lattice)}
