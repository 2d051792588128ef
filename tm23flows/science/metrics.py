"""Errors of predicted labels: MAE, RMSE, MAV and the paper's percent error.

Owns the formulas, with weights and by group. The percent error is 100 MAE / MAV, where MAV is the
mean absolute value of the reference label on the same set (Eq. 2 of the paper). Without intervals,
which are made from sums over frames (``frame_sums``), and does not know documents.

**Weights** are those of scikit-learn's ``sample_weight``: each row counts as often as its weight
says. So MAE is ``mean_absolute_error``, and RMSE is the root of ``mean_squared_error``, for any
number of components. scikit-learn's ``root_mean_squared_error`` averages the roots of the
components; it is the same for one component, and for values that are flattened.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
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


def _mean(values: FloatArray, weights: ArrayLike | None) -> float:
    """Average over all components; a weight is that of a row, or of a component."""
    if weights is None:
        return float(values.mean())
    given = finite_array(weights, "weights")
    if given.shape not in {values.shape, values.shape[:1]}:
        raise InputError(
            f"Weights of shape {given.shape} do not fit values of shape {values.shape}: give one "
            "for each row or one for each value."
        )
    if (given < 0).any() or not given.sum() > 0:
        raise InputError("Weights are not negative, and at least one is larger than zero.")
    per_value = given.reshape(given.shape + (1,) * (values.ndim - given.ndim))
    return float(np.average(values, weights=np.broadcast_to(per_value, values.shape)))


def mae(predicted: ArrayLike, reference: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean absolute error over all components.

    Parameters
    ----------
    predicted
        Predicted values, any shape.
    reference
        Reference values, same shape and unit.
    weights
        One for each row, or one for each value; None for equal ones.

    Returns
    -------
        Mean absolute error in the unit of the values.

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, there are no values, or the weights make no
        sense.

    Examples
    --------
    >>> mae([1.0, 2.5], [1.0, 2.0])
    0.25
    """
    first, second = _pair(predicted, reference)
    return _mean(np.abs(first - second), weights)


def rmse(predicted: ArrayLike, reference: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the root mean square error over all components.

    Parameters
    ----------
    predicted
        Predicted values, any shape.
    reference
        Reference values, same shape and unit.
    weights
        One for each row, or one for each value; None for equal ones.

    Returns
    -------
        Root mean square error in the unit of the values.

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, there are no values, or the weights make no
        sense.
    """
    first, second = _pair(predicted, reference)
    return float(np.sqrt(_mean(np.square(first - second), weights)))


def mav(reference: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean absolute value over all components.

    Parameters
    ----------
    reference
        Reference values, any shape.
    weights
        One for each row, or one for each value; None for equal ones.

    Returns
    -------
        Mean absolute value in the unit of the values.

    Raises
    ------
    InputError
        A value is not finite, there are no values, or the weights make no sense.
    """
    values, _ = _pair(reference, reference)
    return _mean(np.abs(values), weights)


def percent_error(
    predicted: ArrayLike, reference: ArrayLike, weights: ArrayLike | None = None
) -> float | None:
    """Return the paper's percent error, 100 MAE / MAV of the reference.

    Parameters
    ----------
    predicted
        Predicted values, any shape.
    reference
        Reference values, same shape and unit.
    weights
        One for each row, or one for each value; None for equal ones.

    Returns
    -------
        Percent error, or None where it is undefined because the reference has no size
        (MAV up to ``ZERO_MAV``, such as the forces of a perfect crystal).

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, there are no values, or the weights make no
        sense.

    Examples
    --------
    Forces that are all a tenth too large have an error of 10 %.

    >>> round(percent_error([1.1, -2.2], [1.0, -2.0]), 6)
    10.0
    """
    return percent_of(mae(predicted, reference, weights), mav(reference, weights))


def percent_of(error: float, size: float) -> float | None:
    """Return 100 MAE / MAV of numbers that are known.

    Parameters
    ----------
    error
        MAE.
    size
        MAV in the same unit.

    Returns
    -------
        Percent error; None where MAV is not larger than :data:`ZERO_MAV`.
    """
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


def _errors(
    predicted: FloatArray,
    reference: FloatArray,
    zero: float = 0.0,
    weights: ArrayLike | None = None,
) -> Errors:
    error, size = mae(predicted, reference, weights), mav(reference - zero, weights)
    return Errors(error, rmse(predicted, reference, weights), size, percent_of(error, size))


def errors_by_group(
    predicted: ArrayLike,
    reference: ArrayLike,
    groups: Sequence[Hashable],
    weights: ArrayLike | None = None,
) -> dict[Hashable, Errors]:
    """Measure each group of rows on its own, against its own MAV.

    Parameters
    ----------
    predicted
        Predicted values, (rows, ...).
    reference
        Reference values, same shape and unit.
    groups
        Group of each row, (rows,).
    weights
        One for each row, or one for each value; None for equal ones.

    Returns
    -------
        Errors by group, in the order in which the groups come first.

    Raises
    ------
    InputError
        The shapes differ, a value is not finite, there are no values, or the weights make no
        sense or leave a group without any.
    """
    first, second = _pair(predicted, reference)
    if first.ndim == 0 or len(groups) != len(first):
        raise InputError(f"{len(groups)} groups do not fit values of shape {first.shape}.")
    given = None if weights is None else finite_array(weights, "weights")
    if given is not None and given.shape[:1] != first.shape[:1]:
        raise InputError(f"Weights of shape {given.shape} do not fit {len(first)} rows.")
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    return {
        group: _errors(first[rows], second[rows], 0.0, None if given is None else given[rows])
        for group, rows in places.items()
    }


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
