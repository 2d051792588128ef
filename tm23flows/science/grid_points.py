"""Points of a grid of hyperparameters: all of them, some of them, and which lie at its edge.

Owns the way from axes to points. What a hyperparameter means is the trainer's business, and
which point is best that of :mod:`tm23flows.science.grid_choice`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from tm23flows.errors import InputError

Point = dict[str, Any]
"""Values of hyperparameters by name."""


@dataclass(frozen=True)
class Edge:
    """A value of a point that no other point exceeds.

    Parameters
    ----------
    name
        The hyperparameter.
    value
        Its value at the point.
    side
        Whether it is the largest or the smallest.
    beyond
        What the next value of the axis would be: as far from this one as its neighbour is; of
        numbers that are not whole, by the same factor.
    """

    name: str
    value: float
    side: Literal["largest", "smallest"]
    beyond: float

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.name} = {self.value:g} is the {self.side}"


def grid_points(
    grid: Mapping[str, Sequence[Any]], only: Sequence[Mapping[str, Any]] | None = None
) -> list[Point]:
    """Return the points of a grid.

    Parameters
    ----------
    grid
        Values by hyperparameter. Hyperparameters that change together are one axis, under any
        word, with a mapping for each of its values: ``{"size": [{"l_max": 1, "n_features": 32},
        {"l_max": 2, "n_features": 16}]}``.
    only
        Parts of points: those points are kept that agree with one of them in every value that
        it names. None keeps all.

    Returns
    -------
    Each point once, the last axis changing fastest.

    Raises
    ------
    InputError
        If an axis has no values, a hyperparameter is on two axes, or a part of a point fits none.
    """
    if not grid:
        raise InputError("A grid search needs a grid: give values for at least one hyperparameter.")
    axes = {name: _axis(name, values) for name, values in grid.items()}
    _refuse_shared(axes)
    points: list[Point] = []
    for parts in product(*axes.values()):
        point = {name: value for part in parts for name, value in part.items()}
        if point not in points:
            points.append(point)
    return points if only is None else _some(points, only)


def point_words(point: Mapping[str, Any]) -> str:
    """Write a point in one line.

    Parameters
    ----------
    point
        The point.

    Returns
    -------
    Such as ``nmax=8 lmax=3``.
    """
    return " ".join(
        f"{name}={f'{value:g}' if isinstance(value, float) else value}"
        for name, value in point.items()
    )


def edges(points: Sequence[Point], chosen: int) -> list[Edge]:
    """Find where a point lies at the edge of what was tried.

    Parameters
    ----------
    points
        Points that have a result: beyond a point that failed nothing is known either.
    chosen
        Index of the point.

    Returns
    -------
    The edges; none for words, for yes and no, and for values that are the same everywhere.
    """
    found = []
    for name, value in points[chosen].items():
        tried = sorted({one[name] for one in points if _is_number(one.get(name))})
        if not _is_number(value) or len(tried) < 2:
            continue
        if value == tried[-1]:
            found.append(Edge(name, value, "largest", _beyond(value, tried[-2])))
        elif value == tried[0]:
            found.append(Edge(name, value, "smallest", _beyond(value, tried[1])))
    return found


def _axis(name: str, values: Sequence[Any]) -> list[Point]:
    """Return the values of an axis as parts of points."""
    if isinstance(values, (str, Mapping)) or not isinstance(values, Sequence) or not values:
        raise InputError(
            f"The axis '{name}' of the grid needs a list of values, such as [4, 8], not {values!r}."
        )
    together = [isinstance(one, Mapping) for one in values]
    if not any(together):
        return [{name: one} for one in values]
    if not all(together) or not all(values):
        raise InputError(
            f"The axis '{name}' of the grid mixes single values with some that change together: "
            "give each as a mapping from hyperparameters to values."
        )
    return [dict(one) for one in values]


def _refuse_shared(axes: Mapping[str, list[Point]]) -> None:
    owner: dict[str, str] = {}
    for axis, parts in axes.items():
        for name in {name for part in parts for name in part}:
            if owner.setdefault(name, axis) != axis:
                raise InputError(
                    f"The hyperparameter '{name}' is on two axes of the grid, '{owner[name]}' and "
                    f"'{axis}': leave it on one."
                )


def _some(points: list[Point], only: Sequence[Mapping[str, Any]]) -> list[Point]:
    if not only:
        raise InputError("No point of the grid is asked for: name some, or leave the filter out.")
    for part in only:
        if not any(_agrees(point, part) for point in points):
            raise InputError(
                f"No point of the grid has {point_words(part)}: its points are such as "
                f"{point_words(points[0])}."
            )
    return [point for point in points if any(_agrees(point, part) for part in only)]


def _agrees(point: Point, part: Mapping[str, Any]) -> bool:
    return all(name in point and point[name] == value for name, value in part.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _beyond(value: float, neighbour: float) -> float:
    if isinstance(value, int) or not neighbour:
        return 2 * value - neighbour
    return value * value / neighbour
