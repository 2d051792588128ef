"""Errors of predicted labels: MAE, RMSE, MAV and the paper's percent error.

Owns the formulas. The percent error is 100 MAE / MAV, where MAV is the mean absolute
value of the reference label on the same set (Eq. 2 of the paper). Does not group
frames by temperature or by model, and does not know documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray, LabelArrays, finite_array

EnergyReference = Literal["mean-per-atom", "none"]
"""What the energy MAV is measured from; see ``error_table``."""

ZERO_MAV: Final = 1e-12
"""A MAV up to this counts as zero: forces of a perfect crystal are rounding noise, in eV/A."""


def _pair(predicted: ArrayLike, reference: ArrayLike) -> tuple[FloatArray, FloatArray]:
    first = finite_array(predicted, "predicted values")
    second = finite_array(reference, "reference values")
    if first.shape != second.shape:
        raise InputError(
            f"Predicted and reference values differ in shape, {first.shape} and {second.shape}: "
            f"compare the same frames and components."
        )
    if first.size == 0:
        raise InputError("There are no values to compare: give at least one.")
    return first, second


def mae(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Return the mean absolute error over all components.

    Parameters
    ----------
    predicted
        Predicted values, any shape.
    reference
        Reference values, same shape and unit.

    Returns
    -------
        Mean absolute error in the unit of the values.

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, or there are no values.
    """
    first, second = _pair(predicted, reference)
    return float(np.abs(first - second).mean())


def rmse(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Return the root mean square error over all components.

    Parameters
    ----------
    predicted
        Predicted values, any shape.
    reference
        Reference values, same shape and unit.

    Returns
    -------
        Root mean square error in the unit of the values.

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, or there are no values.
    """
    first, second = _pair(predicted, reference)
    return float(np.sqrt(np.square(first - second).mean()))


def mav(reference: ArrayLike) -> float:
    """Return the mean absolute value over all components.

    Parameters
    ----------
    reference
        Reference values, any shape.

    Returns
    -------
        Mean absolute value in the unit of the values.

    Raises
    ------
    InputError
        A value is not finite, or there are no values.
    """
    values, _ = _pair(reference, reference)
    return float(np.abs(values).mean())


def percent_error(predicted: ArrayLike, reference: ArrayLike) -> float | None:
    """Return the paper's percent error, 100 MAE / MAV of the reference.

    Parameters
    ----------
    predicted
        Predicted values, any shape.
    reference
        Reference values, same shape and unit.

    Returns
    -------
        Percent error, or None where it is undefined because the reference has no size
        (MAV up to ``ZERO_MAV``, such as the forces of a perfect crystal).

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, or there are no values.
    """
    return _percent(mae(predicted, reference), mav(reference))


def _percent(error: float, size: float) -> float | None:
    return 100 * error / size if size > ZERO_MAV else None


@dataclass(frozen=True)
class Errors:
    """Errors of one quantity, in the unit of the quantity except ``percent``."""

    mae: float
    rmse: float
    mav: float
    percent: float | None


@dataclass(frozen=True)
class ErrorTable:
    """Errors of all quantities of a set of frames.

    ``energy`` in eV/atom, ``force`` in eV/A per component, ``stress`` in eV/A^3 per component
    over the ``n_stress_frames`` frames that have one in both sets, None where none has.
    """

    energy: Errors
    force: Errors
    stress: Errors | None
    n_frames: int
    n_atoms: int
    n_stress_frames: int
    energy_reference: EnergyReference


def _errors(predicted: FloatArray, reference: FloatArray, zero: float = 0.0) -> Errors:
    error, size = mae(predicted, reference), mav(reference - zero)
    return Errors(error, rmse(predicted, reference), size, _percent(error, size))


def check_energy_reference(name: str) -> None:
    """Refuse the name of an energy reference that does not exist.

    Parameters
    ----------
    name
        What the energy MAV is to be measured from.

    Raises
    ------
    InputError
        If there is no such reference.
    """
    if name not in get_args(EnergyReference):
        names = " or ".join(get_args(EnergyReference))
        raise InputError(f"'{name}' is not an energy reference: use {names}.")


def error_table(
    predicted: LabelArrays,
    reference: LabelArrays,
    energy_reference: EnergyReference = "mean-per-atom",
) -> ErrorTable:
    """Compare predicted with reference labels of the same frames.

    Energies are compared per atom. The article does not say from where the energy MAV is
    measured, so it is a choice: ``mean-per-atom`` takes the deviation from the mean energy per
    atom of the reference set; ``none`` takes the raw energies, which makes every percent error
    about zero. The choice changes MAV and percent only, and is kept in the result.

    Parameters
    ----------
    predicted
        Predicted labels.
    reference
        Reference labels of the same frames in the same order.
    energy_reference
        What the energy MAV is measured from.

    Returns
    -------
        Errors of energy, force and stress.

    Raises
    ------
    InputError
        The two sets do not hold the same number of frames and atoms, or the energy reference
        is unknown.
    """
    check_energy_reference(energy_reference)
    predicted.require_same_frames(reference)
    per_atom = reference.energies_eV / reference.n_atoms
    zero = float(per_atom.mean()) if energy_reference == "mean-per-atom" else 0.0
    both = predicted.has_stress & reference.has_stress
    stress = None
    if predicted.stresses_eV_per_A3 is not None and reference.stresses_eV_per_A3 is not None:
        rows = predicted.stresses_eV_per_A3[both], reference.stresses_eV_per_A3[both]
        stress = _errors(*rows) if both.any() else None
    return ErrorTable(
        energy=_errors(predicted.energies_eV / predicted.n_atoms, per_atom, zero),
        force=_errors(predicted.forces_eV_per_A, reference.forces_eV_per_A),
        stress=stress,
        n_frames=len(per_atom),
        n_atoms=int(reference.n_atoms.sum()),
        n_stress_frames=int(both.sum()),
        energy_reference=energy_reference,
    )
