"""Rare events of one run of the archive: from its segments to described frames.

Owns the search of a whole run, not of the frames that were sampled from it, whose distance in time
is too large to catch a hop. The rule of hops is :mod:`tm23flows.science.hops`, which frames are
taken :mod:`tm23flows.science.hop_events`. Stores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.structure import Structure
from tm23flows.documents.studies.rare_events import SearchedRun
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.science.event_frames import EventFrame, event_frames
from tm23flows.science.event_rule import EventRule
from tm23flows.science.hop_events import (
    HopEvent,
    choose_event_steps,
    choose_quiet_steps,
    join_hops,
)
from tm23flows.science.hops import HopSearch, Lattice, find_hops
from tm23flows.science.lattice_sites import sites_before_vacancy
from tm23flows.store.trajectories import read_segments

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class SearchedEvents:
    """What one run holds.

    Parameters
    ----------
    trajectory
        The run.
    row
        Its numbers, or why it was not searched.
    events
        Frames by name of the event, which has the run and its first step in it.
    quiet
        Frames far from every event.
    spans_fs
        First and last time of each whole event, of which few steps become frames, fs.
    """

    trajectory: Trajectory
    row: SearchedRun
    events: dict[str, tuple[EventFrame, ...]]
    quiet: tuple[EventFrame, ...]
    spans_fs: dict[str, tuple[float, float]] = field(default_factory=dict)


def search_run(archive: Archive, trajectory_id: str, rule: EventRule) -> SearchedEvents:
    """Search one run step by step, and choose frames of its events and quiet ones.

    Parameters
    ----------
    archive
        The archive.
    trajectory_id
        The run.
    rule
        What an event is and how many frames are taken.

    Returns
    -------
    What was found, or why the run cannot be searched.
    """
    trajectory = archive.get(Trajectory, trajectory_id)
    nothing = SearchedRun(
        trajectory_id=trajectory.id,
        regime=trajectory.regime,
        temperature_K=trajectory.dynamics.temperature_K,
        n_steps=trajectory.n_steps,
        timestep_fs=trajectory.dynamics.timestep_fs,
        order=None,
    )
    try:
        positions, unusable = _positions(archive, trajectory)
        lattice = _lattice(archive.get(Structure, trajectory.structure_id))
        search = find_hops(positions, lattice, rule.hop_rule(nothing.timestep_fs))
    except InputError as error:
        return SearchedEvents(
            trajectory, nothing.model_copy(update={"not_searched": str(error)}), {}, ()
        )
    found = {"order": round(search.order, 4), "n_undecided": search.undecided}
    if search.no_lattice_sites is not None:
        why = nothing.model_copy(update={**found, "not_searched": search.no_lattice_sites})
        return SearchedEvents(trajectory, why, {}, ())
    events = join_hops(search, rule.join_fs / nothing.timestep_fs)
    chosen = choose_event_steps(events, rule, unusable, trajectory.id)
    numbers = {"n_hops": len(search.hops), "n_events": len(events)}
    quiet = choose_quiet_steps(search, rule.quiet_frames, unusable)
    names = {place: f"{trajectory.id[:16]}-{events[place].steps[0] + 1}" for place in chosen}
    return SearchedEvents(
        trajectory,
        nothing.model_copy(update={**found, **numbers}),
        {names[at]: _described(search, positions, some, rule) for at, some in chosen.items()},
        _described(search, positions, quiet, rule),
        {name: _span_fs(events[place], nothing.timestep_fs) for place, name in names.items()},
    )


def _span_fs(event: HopEvent, timestep_fs: float) -> tuple[float, float]:
    return event.steps[0] * timestep_fs, event.steps[-1] * timestep_fs


def _described(
    search: HopSearch, positions: np.ndarray, steps: Sequence[int], rule: EventRule
) -> tuple[EventFrame, ...]:
    return event_frames(search, positions, steps, rule.vacancy_cutoff_A)


def _positions(archive: Archive, trajectory: Trajectory) -> tuple[np.ndarray, set[int]]:
    """Return positions of all steps, and the places of those that must not become frames."""
    parts = [(one["positions"], one["converged"]) for one in read_segments(archive, trajectory)]
    if not parts:
        raise InputError("the run has no steps yet")
    unusable = np.flatnonzero(np.concatenate([converged for _, converged in parts]) == 0)
    return np.concatenate([positions for positions, _ in parts]), set(unusable.tolist())


def _lattice(structure: Structure) -> Lattice:
    n_cells = round(abs(np.linalg.det(np.array(structure.supercell_matrix))))
    if n_cells < 2 and structure.vacancy_index is not None:
        raise InputError("the cell is no supercell, so the site of its vacancy cannot be told")
    sites = sites_before_vacancy(structure.positions, structure.cell, structure.supercell_matrix)
    return Lattice(sites, structure.cell)
