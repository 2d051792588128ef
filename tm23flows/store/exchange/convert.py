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
from tm23flows.store.exchange.declaration import Declaration, order_of
from tm23flows.store.exchange.records import Pair

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
    numbers = _array(raw.where, "atomic numbers", raw.numbers, None)
    cell = _array(raw.where, "cell", raw.cell, (3, 3))
    volume = abs(float(np.linalg.det(cell)))
    if volume <= FLATTEST_CELL * np.prod(np.linalg.norm(cell, axis=1)):
        raise InputError(f"{raw.where} has no cell that is periodic in three directions.")
    shape = (len(numbers), 3)
    per_eV, per_force = _energy_factor(declared), _force_factor(declared)
    energies = {
        kind: float(_array(raw.where, "energy", value, ())) * per_eV
        for kind, value in raw.energies.items()
        if value is not None
    }
    if not energies:
        raise InputError(f"{raw.where} has no energy.")
    from ase.data import chemical_symbols

    element = "-".join(sorted({chemical_symbols[int(one)] for one in numbers}))
    facts = {"regime": declared.regime, "temperature_K": declared.temperature_K, **raw.facts}
    frame = Frame(
        provenance=past,
        element=element,
        regime=facts["regime"],
        temperature_K=facts["temperature_K"],
        trajectory_id=None,
        origin=origin,
        step=facts.get("step"),
        time_fs=None,
        tags=facts.get("tags", {}),
        numbers=numbers,
        cell=cell,
        positions=_array(raw.where, "positions", raw.positions, shape),
    )
    return frame, Label(
        provenance=past,
        frame_id=frame.id,
        recipe=recipe,
        recipe_id=recipe.id,
        element=element,
        regime=frame.regime,
        temperature_K=frame.temperature_K,
        trajectory_id=None,
        step=frame.step,
        n_atoms=len(numbers),
        energies=Energies(**energies),
        forces=_array(raw.where, "forces", raw.forces, shape) * per_force,
        stress=_stress(raw, declared, volume),
    )


def _array(where: str, what: str, values: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    if values is None:
        raise InputError(f"{where} has no {what}.")
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{where} has something else than numbers in its {what}.") from None
    if not np.isfinite(array).all():
        raise InputError(f"{where} has NaN in its {what}.")
    if shape is not None and array.shape != shape:
        raise InputError(f"{where} has {what} of shape {array.shape}, not {shape}.")
    return array


def _energy_factor(declared: Declaration) -> float:
    from ase import units

    return {"eV": 1.0, "meV": 1e-3, "Ha": units.Hartree, "Ry": units.Rydberg}[declared.energy_unit]


def _force_factor(declared: Declaration) -> float:
    from ase import units

    return {
        "eV/A": 1.0,
        "meV/A": 1e-3,
        "Ha/bohr": units.Hartree / units.Bohr,
        "Ry/bohr": units.Rydberg / units.Bohr,
    }[declared.force_unit]


def _stress(raw: Raw, declared: Declaration, volume: float) -> np.ndarray | None:
    from ase import units

    if raw.stress is None:
        if declared.has_stress and not raw.may_lack_stress:
            raise InputError(f"{raw.where} has no stress, and one was declared.")
        return None
    if declared.stress == "none":
        return None
    if not declared.has_stress:
        raise InputError(
            f"{raw.where} has a stress: declare its stress-unit and stress-sign with --declare, or "
            "leave it out with --declare stress=none."
        )
    stress = _array(raw.where, "stress", raw.stress, None)
    unit = {"eV/A^3": 1.0, "GPa": units.GPa, "kbar": 0.1 * units.GPa, "eV": 1.0 / volume}
    factor = unit[str(declared.stress_unit)] * (1 if declared.stress_sign == "tension" else -1)
    if stress.shape in ((9,), (3, 3)):
        full = stress.reshape(3, 3)
        if not np.allclose(full, full.T, rtol=1e-4, atol=1e-8 * max(1.0, np.abs(full).max())):
            raise InputError(f"{raw.where} has a stress that is not symmetric.")
        six = (full + full.T).ravel()[[0, 4, 8, 5, 2, 1]] / 2
        return six * factor
    if stress.shape != (6,):
        raise InputError(f"{raw.where} has a stress of shape {stress.shape}.")
    if declared.stress_order is None:
        raise InputError(
            f"{raw.where} has a stress of six numbers: declare their stress-order with --declare, "
            "such as stress-order='xx yy zz yz xz xy'."
        )
    return stress[list(order_of(declared.stress_order))] * factor
