"""Fewer labels of a run: those that are independent of each other, or every so many.

Owns the choice, which reads the labels of a run where their correlation decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tm23flows.errors import InputError
from tm23flows.science.moments import Moment, by_run
from tm23flows.store.datasets.correlations import run_correlations

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

INEFFICIENCY = "inefficiency"
"""Value of the option ``thin`` that keeps independent labels only."""


def thin_out(
    archive: Archive, moments: Sequence[Moment], thin: Any, energy: str
) -> tuple[list[Moment], dict[str, int]]:
    """Keep some labels of each run.

    Parameters
    ----------
    archive
        The archive with the labels.
    moments
        Labels in time.
    thin
        ``inefficiency`` to keep as many as are independent, a number n to keep every n-th, None
        to keep all.
    energy
        Label policy; its energies decide with the forces which labels are independent.

    Returns
    -------
    The labels that are kept, in their order, with those that have no place in a run; and every
    how many of each run one was kept.

    Raises
    ------
    InputError
        If no label has a place in a run, or ``thin`` is something else.
    """
    if thin is None:
        return list(moments), {}
    runs = by_run(moments)
    if not runs:
        raise InputError("None of these frames has a time in a run, so they cannot be thinned out.")
    if thin == INEFFICIENCY:
        every = {
            one.run: one.independent_every for one in run_correlations(archive, moments, energy)
        }
    elif str(thin).isdecimal() and int(thin) > 0:
        every = dict.fromkeys(runs, int(thin))
    else:
        raise InputError(f"thin is '{INEFFICIENCY}' or a whole number of 1 or more, not '{thin}'.")
    kept = {frame.id for run, frames in runs.items() for frame in frames[:: every[run]]}
    return [one for one in moments if one.id in kept or not one.has_place], every
