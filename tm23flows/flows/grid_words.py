"""Grid searches in the words of a command line.

Owns how axes of a grid are written in words. What a grid search does is
:mod:`tm23flows.flows.grid_search`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tm23flows.errors import InputError
from tm23flows.flows.grid_search import GridSearchMaker
from tm23flows.science.grid_points import grid_points

if TYPE_CHECKING:
    from jobflow import Flow

    from tm23flows.store.archive import Archive


def grid_search_flow(
    archive: Archive,
    trainer: str,
    dataset: str,
    axes: Iterable[str] = (),
    only: Iterable[str] = (),
    fixed: dict[str, Any] | None = None,
    seed: int = 0,
) -> Flow:
    """Make the flow of a grid search from words.

    Parameters
    ----------
    archive
        The archive, to find the dataset.
    trainer
        Name of the trainer.
    dataset
        Name, ``name@version`` or id of the small dataset, with parts ``train`` and ``test``.
    axes
        As :func:`read_axes` reads them; none for the grid that is offered.
    only
        Values to which the grid is restricted, written as axes are; none for all of it.
    fixed
        Hyperparameters that are the same at all points.
    seed
        Seed of all trainings.

    Returns
    -------
    The flow.

    Raises
    ------
    InputError
        If a word makes no sense, or the trainer does not take it.
    NotFoundError
        If there is no such dataset.
    """
    found = archive.dataset(dataset)
    restricted = read_axes(only)
    maker = GridSearchMaker(
        trainer=trainer,
        grid=read_axes(axes),
        points=grid_points(restricted) if restricted else None,
        hyperparameters=fixed or {},
        seed=seed,
    )
    for part in (maker.train_part, maker.test_part):
        if part not in found.parts:
            raise InputError(
                f"A grid search wants the part '{part}', but '{dataset}' has "
                f"{', '.join(found.parts)}: make a dataset with --split grid."
            )
    return maker.make(found.id, found.element)


def read_axes(words: Iterable[str]) -> dict[str, list[Any]]:
    """Read the axes of a grid.

    Parameters
    ----------
    words
        Such as ``nmax=6,8`` or, for hyperparameters that change together,
        ``l_max:n_features=1:32,2:16``.

    Returns
    -------
    Values by hyperparameter, as ``GridSearchMaker`` takes them.

    Raises
    ------
    InputError
        If a word is not written like that, or names an axis again.
    """
    grid: dict[str, list[Any]] = {}
    for word in words:
        axis, _, text = word.partition("=")
        names, values = axis.split(":"), [one.split(":") for one in text.split(",")]
        if not all(names) or any(len(one) != len(names) or not all(one) for one in values):
            raise InputError(
                f"'{word}' is no axis of a grid: write name=value,value such as nmax=6,8, or "
                "name:name=value:value,value:value for values that change together."
            )
        if axis in grid:
            raise InputError(f"The axis '{axis}' of the grid is given twice.")
        parts = [[_value(one) for one in some] for some in values]
        if len(names) == 1:
            grid[axis] = [part[0] for part in parts]
        else:
            grid[axis] = [dict(zip(names, part, strict=True)) for part in parts]
    return grid


def _value(text: str) -> Any:
    """Read a number, true or false; everything else is a word."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, (int, float)) else text
