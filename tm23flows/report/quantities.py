"""Errors in the units of the paper, and how numbers are written.

Owns the step from eV to meV and the words for what is undefined or not there. Does
not compute errors; those come from evaluations and from :mod:`tm23flows.science`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

MEV_PER_EV = 1000.0
QUANTITIES = {
    "force": "meV/Å",
    "energy": "meV/atom",
    "stress": "meV/Å³",
}
"""Unit of the errors of each quantity."""

NOT_THERE = "-"
UNDEFINED = "undefined"


@dataclass(frozen=True)
class Quantity:
    """Errors of one quantity in meV/angstrom, meV/atom or meV/angstrom^3; percent is 100 MAE/MAV.

    ``percent`` is None where the reference has no magnitude.
    """

    mae: float
    rmse: float
    mav: float
    percent: float | None

    @classmethod
    def of(cls, errors: Any) -> Self:
        """Change units.

        Parameters
        ----------
        errors
            Anything with ``mae``, ``rmse``, ``mav`` in eV and ``percent``.

        Returns
        -------
        The same in meV.
        """
        return cls(
            mae=errors.mae * MEV_PER_EV,
            rmse=errors.rmse * MEV_PER_EV,
            mav=errors.mav * MEV_PER_EV,
            percent=errors.percent,
        )


def mae_text(quantity: Quantity | None) -> str:
    """Write a mean absolute error.

    Parameters
    ----------
    quantity
        The errors, or None where there are none.

    Returns
    -------
    The number without its unit, or ``-``.
    """
    return NOT_THERE if quantity is None else number_text(quantity.mae)


def percent_text(quantity: Quantity | None) -> str:
    """Write a percent error.

    Parameters
    ----------
    quantity
        The errors, or None where there are none.

    Returns
    -------
    The number, ``undefined`` where the reference has no magnitude, or ``-``.
    """
    if quantity is None:
        return NOT_THERE
    return UNDEFINED if quantity.percent is None else number_text(quantity.percent)


def number_text(value: float) -> str:
    """Write a number with three digits that count, never in powers of ten.

    Parameters
    ----------
    value
        Any finite number.

    Returns
    -------
    The text, such as ``0.123``, ``4.56``, ``78.9``, ``1234``.
    """
    size = abs(value)
    if 0 < size < 0.0005:
        return "<0.001"
    for limit, digits in ((0.9995, 3), (9.995, 2), (99.95, 1)):
        if size < limit:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"
