"""Hops of a run joined to events, and the frames that stand for them.

Owns what one event is (hops of a run that overlap in time or follow each other closely: an atom
and the one that takes its place move in frames that are nearly the same), and which frames of an
event and which quiet frames are taken. Hops are found in :mod:`tm23flows.science.hops`, the split
that keeps events whole is :mod:`tm23flows.science.event_splits`.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tm23flows.science.event_rule import EventRule
from tm23flows.science.hops import NO_SITE, HopSearch


@dataclass(frozen=True)
class HopEvent:
    """Hops that belong together.

    Parameters
    ----------
    hops
        Their places in :attr:`tm23flows.science.hops.HopSearch.hops`.
    steps
        Places in the trajectory at which an atom is in the middle of one of them, in order.
    """

    hops: tuple[int, ...]
    steps: tuple[int, ...]


def join_hops(search: HopSearch, join_steps: float) -> tuple[HopEvent, ...]:
    """Join hops that overlap or follow each other closely.

    Parameters
    ----------
    search
        The hops.
    join_steps
        Fewer steps than this between the end of one hop and the start of the next join them.

    Returns
    -------
        Events in the order of time; one whose atoms jumped within one step has no steps.
    """
    order = sorted(range(len(search.hops)), key=lambda place: search.hops[place].left)
    groups: list[list[int]] = []
    end = -np.inf
    for place in order:
        hop = search.hops[place]
        if groups and hop.left - end < join_steps:
            groups[-1].append(place)
        else:
            groups.append([place])
        end = max(end, hop.entered)
    return tuple(
        HopEvent(
            hops=tuple(group),
            steps=tuple(sorted({step for place in group for step in search.hops[place].steps})),
        )
        for group in groups
    )


def choose_event_steps(
    events: Sequence[HopEvent], rule: EventRule, unusable: Collection[int] = (), run: str = ""
) -> dict[int, tuple[int, ...]]:
    """Choose the frames that stand for the events of a run.

    Parameters
    ----------
    events
        All events of the run.
    rule
        How many events and frames.
    unusable
        Places in the trajectory that must not become frames.
    run
        Name of the run; with the seed it decides the draw.

    Returns
    -------
        Steps by place of the event, for the events that are taken and have a step.
    """
    banned = set(unusable)
    usable = {
        place: [step for step in event.steps if step not in banned]
        for place, event in enumerate(events)
    }
    there = [place for place, steps in usable.items() if steps]
    if len(there) > rule.max_events:
        random = np.random.default_rng([rule.seed, zlib.crc32(run.encode())])
        there = sorted(random.choice(there, rule.max_events, replace=False).tolist())
    return {place: _evenly(usable[place], rule.frames_per_event) for place in there}


def choose_quiet_steps(
    search: HopSearch, count: int, unusable: Collection[int] = ()
) -> tuple[int, ...]:
    """Choose frames that are far from every event.

    Each is the step of its equal part of the run that is farthest from all steps of events; with
    no events that is the middle of the part. Steps at which an atom is on no site come last: it may
    be in a hop that the end of the run cuts off.

    Parameters
    ----------
    search
        The hops.
    count
        How many frames; fewer where a part of the run has no usable step without an event.
    unusable
        Places in the trajectory that must not become frames.

    Returns
    -------
        Steps in the order of time.
    """
    n_steps = len(search.sites)
    busy = np.zeros(n_steps, dtype=bool)
    for hop in search.hops:
        busy[hop.left : hop.entered + 1] = True
    where = np.flatnonzero(busy)
    settled = (search.sites != NO_SITE).all(axis=1)
    banned = set(unusable)
    chosen = []
    for part in np.array_split(np.arange(n_steps), max(count, 1))[:count]:
        free = [step for step in part.tolist() if not busy[step] and step not in banned]
        if free:
            middle = (part[0] + part[-1]) / 2
            away = [_distance(step, where) for step in free]
            places = [-abs(step - middle) for step in free]
            ranked = zip([bool(settled[step]) for step in free], away, places, free, strict=True)
            chosen.append(max(ranked)[-1])
    return tuple(chosen)


def _distance(step: int, where: np.ndarray) -> float:
    return float(np.abs(where - step).min()) if where.size else 0.0


def _evenly(steps: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the middles of equal parts of the steps."""
    n = min(count, len(steps))
    return tuple(steps[(2 * i + 1) * len(steps) // (2 * n)] for i in range(n))
