"""Crystal structures of a metal without defects.

Owns the building of primitive and conventional cells in any of the known phases.
Where no lattice constant is given for a phase that is not the metal's default, the
volume per atom of the default phase is kept. Does not repeat cells (``cells``).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

from tm23flows.errors import InputError
from tm23flows.science.metals import Metal

if TYPE_CHECKING:
    from ase import Atoms

IDEAL_C_OVER_A: Final = {"hcp": sqrt(8 / 3), "omega": sqrt(3 / 8)}
"""Ratios used where a hexagonal phase comes without its own; hcp: touching spheres."""

PHASES: Final = ("fcc", "bcc", "hcp", "omega", "rhombohedral", "alpha-Mn")

# Free coordinates of the four sites of alpha-Mn (A12, I-43m): the values tabulated for the
# prototype A_cI58_217_ac2g of the AFLOW library.
_ALPHA_MN_SITES: Final = (
    (0.0, 0.0, 0.0),
    (0.31787, 0.31787, 0.31787),
    (-0.08958, -0.08958, 0.28194),
    (0.64294, 0.64294, 0.03457),
)
_CUBIC_DEFAULT_ALPHA_DEG: Final = 60.0  # a rhombohedral cell at 60 degrees is primitive fcc


def _alpha_manganese(symbol: str, a_A: float, *, cubic: bool) -> Atoms:
    from ase.spacegroup import crystal

    cell = [a_A, a_A, a_A, 90, 90, 90]
    sites = [symbol] * len(_ALPHA_MN_SITES)
    atoms = crystal(sites, _ALPHA_MN_SITES, spacegroup=217, cellpar=cell, primitive_cell=not cubic)
    atoms.info.clear()
    for name in set(atoms.arrays) - {"numbers", "positions"}:
        del atoms.arrays[name]
    return atoms


def _omega(symbol: str, a_A: float, c_over_a: float) -> Atoms:
    from ase import Atoms

    sites = [(0, 0, 0), (1 / 3, 2 / 3, 1 / 2), (2 / 3, 1 / 3, 1 / 2)]
    cell = [a_A, a_A, a_A * c_over_a, 90, 90, 120]
    return Atoms([symbol] * 3, scaled_positions=sites, cell=cell, pbc=True)


def _build(
    metal: Metal, phase: str, a_A: float, c_over_a: float | None, *, cubic: bool = False
) -> Atoms:
    from ase.build import bulk

    ratio = c_over_a or IDEAL_C_OVER_A.get(phase)
    if phase == "alpha-Mn":
        return _alpha_manganese(metal.symbol, a_A, cubic=cubic)
    if phase == "omega":
        return _omega(metal.symbol, a_A, c_over_a or IDEAL_C_OVER_A[phase])
    if phase == "hcp":
        return bulk(metal.symbol, "hcp", a=a_A, covera=ratio)
    if phase == "rhombohedral":
        alpha_deg = metal.alpha_deg or _CUBIC_DEFAULT_ALPHA_DEG
        return bulk(metal.symbol, "rhombohedral", a=a_A, alpha=alpha_deg, basis=[[0.0, 0.0, 0.0]])
    return bulk(metal.symbol, phase, a=a_A, cubic=cubic)


def _equal_volume_lattice_constant(metal: Metal, phase: str, c_over_a: float | None) -> float:
    default = _build(metal, metal.phase, metal.a_A, metal.c_over_a)
    unit = _build(metal, phase, 1.0, c_over_a)
    ratio = (default.get_volume() / len(default)) / (unit.get_volume() / len(unit))
    a_A: float = ratio ** (1 / 3)
    return a_A


def _resolved(
    metal: Metal, phase: str | None, a_A: float | None, c_over_a: float | None
) -> tuple[str, float, float | None]:
    phase = phase or metal.phase
    if phase not in PHASES:
        raise InputError(f"'{phase}' is not a known phase: choose one of {', '.join(PHASES)}.")
    for name, value in (("a_A", a_A), ("c_over_a", c_over_a)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"The lattice constant {name} must be positive, not {value}.")
    if phase == metal.phase:
        c_over_a = c_over_a or metal.c_over_a
        return phase, a_A or metal.a_A, c_over_a
    return phase, a_A or _equal_volume_lattice_constant(metal, phase, c_over_a), c_over_a


def build_primitive(
    metal: Metal,
    phase: str | None = None,
    a_A: float | None = None,
    c_over_a: float | None = None,
) -> Atoms:
    """Build the primitive cell of a metal.

    Parameters
    ----------
    metal
        The metal, see ``metals.metal``.
    phase
        One of ``PHASES``; the metal's default phase if not given.
    a_A
        Lattice constant, A. Without it: the tabulated value for the default phase, and for any
        other phase the value that keeps the volume per atom of the default phase.
    c_over_a
        Ratio of the hexagonal lattice constants.

    Returns
    -------
        Periodic cell without defects.

    Raises
    ------
    InputError
        Unknown phase or a lattice constant that is not positive.
    """
    return _build(metal, *_resolved(metal, phase, a_A, c_over_a))


def build_conventional(
    metal: Metal,
    phase: str | None = None,
    a_A: float | None = None,
    c_over_a: float | None = None,
) -> Atoms:
    """Build the conventional cell: the cube of a cubic phase, else the primitive cell.

    Parameters
    ----------
    metal
        The metal, see ``metals.metal``.
    phase
        One of ``PHASES``; the metal's default phase if not given.
    a_A
        Lattice constant, A; as in ``build_primitive``.
    c_over_a
        Ratio of the hexagonal lattice constants.

    Returns
    -------
        Periodic cell without defects.

    Raises
    ------
    InputError
        Unknown phase or a lattice constant that is not positive.
    """
    return _build(metal, *_resolved(metal, phase, a_A, c_over_a), cubic=True)
