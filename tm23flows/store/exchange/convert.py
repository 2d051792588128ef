"""Numbers from elsewhere to documents: units converted, completeness checked.

Owns the conversion to eV, angstrom and ASE's sign and order, and the refusal of what is no label:
missing or broken numbers, cells that are not periodic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Energies, Label
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.exchange.declaration import Declaration
from tm23flows.store.exchange.records import Pair
from tm23flows.store.exchange.units import energy_factor, finite, force_factor, to_ase_stress

FLATTEST_CELL = 1e-6
"""Volume over the product of the lengths of the vectors below which a cell is none."""


@dataclass(frozen=True)
class Raw:
    """One labelled frame as a file has it.

    Parameters
    ----------
    where
        The place in the file, for messages.
    numbers, cell, positions
        Geometry; lengths in angstrom.
    energies
        By kind, in the unit of the file.
    forces, stress
        In units, order and sign of the file; stress six numbers, a full tensor, or None.
    facts
        Regime, temperature, step and tags of the frame.
    may_lack_stress
        Whether single frames may have none although it is declared.
    """

    where: str
    numbers: Any
    cell: Any
    positions: Any
    energies: dict[str, Any]
    forces: Any
    stress: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    may_lack_stress: bool = False


def to_pair(raw: Raw, declared: Declaration, recipe: Recipe, past: Provenance, origin: str) -> Pair:
    """Make documents of a labelled frame.

    Parameters
    ----------
    raw
        The frame as the file has it.
    declared
        What its numbers are.
    recipe
        How they were computed, as far as it is known.
    past
        Where the file comes from.
    origin
        Checksum of the file.

    Returns
    -------
    The frame and its label.

    Raises
    ------
    InputError
        If a number is missing or not finite, shapes do not fit, or the cell is not periodic.
    """
    frame, volume = _frame(raw, declared, past, origin)
    n_atoms = len(frame.numbers)
    factor = energy_factor(declared)
    energies = {
        kind: float(finite(raw.where, "energy", value, ())) * factor
        for kind, value in raw.energies.items()
        if value is not None
    }
    if not energies:
        raise InputError(f"{raw.where} has no energy.")
    return frame, Label(
        provenance=past,
        frame_id=frame.id,
        recipe=recipe,
        recipe_id=recipe.id,
        element=frame.element,
        regime=frame.regime,
        temperature_K=frame.temperature_K,
        trajectory_id=None,
        step=frame.step,
        n_atoms=n_atoms,
        energies=Energies(**energies),
        forces=finite(raw.where, "forces", raw.forces, (n_atoms, 3)) * force_factor(declared),
        stress=_stress(raw, declared, volume),
    )


def _frame(raw: Raw, declared: Declaration, past: Provenance, origin: str) -> tuple[Frame, float]:
    """Make the frame; return it with the volume of its cell."""
    from ase.data import chemical_symbols

    numbers = finite(raw.where, "atomic numbers", raw.numbers, None)
    cell = finite(raw.where, "cell", raw.cell, (3, 3))
    volume = abs(float(np.linalg.det(cell)))
    if volume <= FLATTEST_CELL * np.prod(np.linalg.norm(cell, axis=1)):
        raise InputError(f"{raw.where} has no cell that is periodic in three directions.")
    facts = {"regime": declared.regime, "temperature_K": declared.temperature_K, **raw.facts}
    frame = Frame(
        provenance=past,
        element="-".join(sorted({chemical_symbols[int(one)] for one in numbers})),
        regime=facts["regime"],
        temperature_K=facts["temperature_K"],
        trajectory_id=None,
        origin=origin,
        step=facts.get("step"),
        time_fs=None,
        tags=facts.get("tags", {}),
        numbers=numbers,
        cell=cell,
        positions=finite(raw.where, "positions", raw.positions, (len(numbers), 3)),
    )
    return frame, volume


def _stress(raw: Raw, declared: Declaration, volume: float) -> np.ndarray | None:
    if raw.stress is not None:
        return to_ase_stress(raw.where, raw.stress, declared, volume)
    if declared.has_stress and not raw.may_lack_stress:
        raise InputError(f"{raw.where} has no stress, and one was declared.")
    return None
