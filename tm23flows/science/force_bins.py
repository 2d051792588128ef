"""Bins of the labelled force of an atom, its Euclidean norm.

Owns their edges, which are the same for all metals, and their names. A model is off by more where
forces are large, and that a metal has larger forces must not look like a worse model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from tm23flows.errors import InputError

MAGNITUDE_EDGES_EV_PER_A: Final = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Lower edges of the bins of the labelled force of an atom, eV/A; the last bin is open."""


def bins_of(edges_eV_per_A: Sequence[float]) -> Iterator[tuple[str, float, float]]:
    """List bins of the labelled force.

    Parameters
    ----------
    edges_eV_per_A
        Their lower edges.

    Yields
    ------
    Name, lower and upper edge, eV/A; the last one ends at infinity.

    Examples
    --------
    >>> [name for name, _, _ in bins_of((0.5, 2.0))]
    ['force 0.5 to 2', 'force from 2']
    """
    for low, high in pairwise([*edges_eV_per_A, np.inf]):
        yield (
            f"force {low:g} to {high:g}" if np.isfinite(high) else f"force from {low:g}",
            low,
            high,
        )


def check_edges(edges_eV_per_A: Sequence[float]) -> tuple[float, ...]:
    """Refuse edges that make no bins.

    Parameters
    ----------
    edges_eV_per_A
        Lower edges; none for no bins.

    Returns
    -------
        The edges.

    Raises
    ------
    InputError
        If they do not rise from zero.
    """
    given = tuple(float(one) for one in edges_eV_per_A)
    rising = all(low < high for low, high in pairwise(given)) and np.isfinite(given).all()
    if given and (given[0] != 0 or not rising):
        raise InputError("The edges of the bins of the force rise from 0, such as 0, 0.5 and 1.")
    return given
