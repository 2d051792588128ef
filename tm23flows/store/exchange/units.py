"""Units, signs and orders of declared numbers.

Owns the factors to eV, eV/A and eV/A^3, and the way of a stress to ASE's sign and order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tm23flows.errors import InputError
from tm23flows.store.exchange.declaration import Declaration, order_of


def finite(where: str, what: str, values: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return values as numbers, all of them there and finite.

    Parameters
    ----------
    where
        The place in the file, for messages.
    what
        Name of the values, for messages.
    values
        The values.
    shape
        Shape that they must have; None takes any.

    Returns
    -------
    A float64 array.

    Raises
    ------
    InputError
        If there are none, or one is no number, not finite, or too many or too few.
    """
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


def energy_factor(declared: Declaration) -> float:
    """Return how many eV the unit of the energy is."""
    from ase import units

    return {"eV": 1.0, "meV": 1e-3, "Ha": units.Hartree, "Ry": units.Rydberg}[declared.energy_unit]


def force_factor(declared: Declaration) -> float:
    """Return how many eV/A the unit of the forces is."""
    from ase import units

    return {
        "eV/A": 1.0,
        "meV/A": 1e-3,
        "Ha/bohr": units.Hartree / units.Bohr,
        "Ry/bohr": units.Rydberg / units.Bohr,
    }[declared.force_unit]


def to_ase_stress(
    where: str, values: Any, declared: Declaration, volume: float
) -> np.ndarray | None:
    """Bring a stress to eV/A^3, ASE's sign, and the order xx yy zz yz xz xy.

    Parameters
    ----------
    where
        The place in the file, for messages.
    values
        Six numbers or a full tensor, as the file has them.
    declared
        What they are.
    volume
        Volume of the cell in cubic angstrom, for a virial.

    Returns
    -------
    The stress, shape (6,); None if it is declared to be left out.

    Raises
    ------
    InputError
        If its unit, sign or order was not declared, or it is not symmetric or not finite.
    """
    from ase import units

    if declared.stress == "none":
        return None
    if not declared.has_stress:
        raise InputError(
            f"{where} has a stress: declare its stress-unit and stress-sign with --declare, or "
            "leave it out with --declare stress=none."
        )
    stress = finite(where, "stress", values, None)
    unit = {"eV/A^3": 1.0, "GPa": units.GPa, "kbar": 0.1 * units.GPa, "eV": 1.0 / volume}
    factor = unit[str(declared.stress_unit)] * (1 if declared.stress_sign == "tension" else -1)
    if stress.shape in ((9,), (3, 3)):
        full = stress.reshape(3, 3)
        if not np.allclose(full, full.T, rtol=1e-4, atol=1e-8 * max(1.0, np.abs(full).max())):
            raise InputError(f"{where} has a stress that is not symmetric.")
        six: np.ndarray = (full + full.T).ravel()[[0, 4, 8, 5, 2, 1]] / 2
        return six * factor
    if stress.shape != (6,):
        raise InputError(f"{where} has a stress of shape {stress.shape}.")
    if declared.stress_order is None:
        raise InputError(
            f"{where} has a stress of six numbers: declare their stress-order with --declare, "
            "such as stress-order='xx yy zz yz xz xy'."
        )
    return stress[list(order_of(declared.stress_order))] * factor
