"""What is written for a frame of a rare event: distances and vacant sites.

Owns ``r``, ``r_v`` and the vacant sites of frames of a trajectory in which the hops are known
(:mod:`tm23flows.science.hops`). Both distances are the plain ones of convention (a): ``r`` is the
distance to the nearest migrating atom and exactly 0 for a migrating atom itself, ``r_v`` that to
the nearest lattice site, occupied or not. A frame without a migrating atom has neither. Does not
write files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.hops import HopSearch, as_trajectory
from tm23flows.science.label_arrays import FloatArray, finite_array

CONVENTION: Final = "a: r to the nearest migrating atom, r_v to the nearest lattice site, no cutoff"
"""To be stated in every file that is written."""

VACANCY_CUTOFF_A: Final = 0.8
"""A site with no atom so near is vacant. The article does not state its value, and its files do
not all agree with this one: record it with the data."""


@dataclass(frozen=True, eq=False)
class EventFrame:
    """A frame of a trajectory.

    Parameters
    ----------
    step
        Place in the trajectory, counted from 0.
    hops
        Places of the hops under way in :attr:`tm23flows.science.hops.HopSearch.hops`.
    migrating
        Their atoms.
    r_A, r_v_A
        Distances of every atom by minimum image, (atoms,), A; None without a migrating atom.
    vacant_sites
        Numbers of the vacant sites.
    vacant_sites_A
        Where they are in the frame's own coordinates, with drift and offset of the lattice,
        (vacant sites, 3), A; not wrapped.
    """

    step: int
    hops: tuple[int, ...]
    migrating: tuple[int, ...]
    r_A: FloatArray | None
    r_v_A: FloatArray | None
    vacant_sites: tuple[int, ...]
    vacant_sites_A: FloatArray


def event_steps(search: HopSearch) -> tuple[int, ...]:
    """Return the steps at which some atom is in the middle of a hop.

    Parameters
    ----------
    search
        The hops.

    Returns
    -------
        Places in the trajectory, each once, in the order of time.
    """
    return tuple(sorted({step for hop in search.hops for step in hop.steps}))


def event_frames(
    search: HopSearch,
    positions: ArrayLike,
    steps: Sequence[int],
    vacancy_cutoff_A: float = VACANCY_CUTOFF_A,
) -> tuple[EventFrame, ...]:
    """Describe frames of the trajectory in which hops were searched for.

    Parameters
    ----------
    search
        The hops.
    positions
        The whole trajectory that was searched, (steps, atoms, 3), A.
    steps
        Places of the frames in it.
    vacancy_cutoff_A
        A site with no atom within this distance is vacant, A.

    Returns
    -------
        The frames in the given order.

    Raises
    ------
    InputError
        There are no lattice sites, the trajectory is another one, a step is not in it, or the
        cutoff is not a distance.
    """
    frames = as_trajectory(positions)
    if search.no_lattice_sites is not None:
        raise InputError(
            f"Rare events of this trajectory are undefined: {search.no_lattice_sites}."
        )
    if frames.shape[:2] != search.sites.shape:
        raise InputError(
            f"The trajectory has {frames.shape[:2]} steps and atoms, but hops were searched for in "
            f"one with {search.sites.shape}: give the same one."
        )
    outside = [step for step in steps if not 0 <= step < len(frames)]
    if outside:
        raise InputError(f"Steps {outside} are not among the {len(frames)} of the trajectory.")
    if not 0 < vacancy_cutoff_A < np.inf:
        raise InputError(f"A cutoff of {vacancy_cutoff_A} A cannot tell vacant sites.")
    return tuple(
        _describe(search, finite_array(frames[step], "positions"), step, vacancy_cutoff_A)
        for step in steps
    )


def _describe(
    search: HopSearch, positions: FloatArray, step: int, vacancy_cutoff_A: float
) -> EventFrame:
    cell = search.lattice.cell_A
    sites = search.lattice.sites_A + search.shifts_A[step]
    to_sites = _distances(positions, sites, cell)
    vacant = np.flatnonzero(to_sites.min(axis=0) > vacancy_cutoff_A)
    hops = [place for place, hop in enumerate(search.hops) if step in hop.steps]
    migrating = [search.hops[place].atom for place in hops]
    r = None
    if migrating:
        r = _distances(positions, positions[migrating], cell).min(axis=1)
        r[migrating] = 0.0  # exactly, which is what makes an atom one of a rare event
    return EventFrame(
        step=int(step),
        hops=tuple(hops),
        migrating=tuple(migrating),
        r_A=r,
        r_v_A=to_sites.min(axis=1) if migrating else None,
        vacant_sites=tuple(vacant.tolist()),
        vacant_sites_A=sites[vacant],
    )


def _distances(points: FloatArray, others: FloatArray, cell: FloatArray) -> FloatArray:
    """Return distances by minimum image between two sets of points, (points, others)."""
    from ase.geometry import find_mic

    vectors = (others[None] - points[:, None]).reshape(-1, 3)
    distances: FloatArray = find_mic(vectors, cell)[1].reshape(len(points), len(others))
    return distances
