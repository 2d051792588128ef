"""From labels to parts: a split rule on what the archive knows of them.

Owns what a rule is told about labels (temperature, run, time, event) and the leak check of every
dataset. The rules are :mod:`tm23flows.science.split_rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.errors import InputError
from tm23flows.science.leaks import LeakReport, check_leaks
from tm23flows.science.moments import Moment
from tm23flows.science.protocol import Regime
from tm23flows.science.split_rules import RULES, apply_rule
from tm23flows.science.splits import Split
from tm23flows.store.batches import batched
from tm23flows.store.datasets.candidates import Candidate
from tm23flows.store.datasets.thinning import thin_out

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class Division:
    """A split with what was found on the way."""

    split: Split
    options: dict[str, Any]
    facts: dict[str, Any]


def divide(
    archive: Archive,
    candidates: Iterable[Candidate],
    rule: str,
    options: Mapping[str, Any],
    energy: str,
) -> dict[str, Division]:
    """Divide labels by a rule and make sure that no part knows another.

    Parameters
    ----------
    archive
        The archive with the labels and their frames.
    candidates
        Labels in any order; those that know no step keep it.
    rule
        One of :data:`tm23flows.science.split_rules.RULES`.
    options
        What the rule takes, and for every rule ``thin`` (a number to keep every so many labels
        of a run, or ``inefficiency`` to keep as many as are independent) and ``min_gap_fs``
        (the smallest time between frames of one run in two parts; by default the rule's gap,
        else the stride of the run).
    energy
        Label policy; its energies decide with the forces which labels are independent.

    Returns
    -------
    Divisions by what is added to the name of the dataset.

    Raises
    ------
    InputError
        If the rule cannot be applied, or parts would share a frame or be too close in time.
    """
    rest = dict(options)
    thin, min_gap = rest.pop("thin", None), rest.pop("min_gap_fs", None)
    candidates = list(candidates)
    moments = moments_of(archive, candidates)
    kept, every = thin_out(archive, moments, thin, energy)
    made = apply_rule(kept, rule, rest)
    place = {moment.id: moment for moment in kept}
    result = {}
    for suffix, split in made.items():
        parts = {name: [place[one] for one in ids] for name, ids in split.parts.items()}
        report = check_leaks(parts, _required_gap(split, rule, min_gap))
        used = {one for ids in split.parts.values() for one in ids}
        asked = {name: _plain(value) for name, value in options.items()}
        facts = _facts(report, split, len(moments), every)
        if lost := sum(one.step is None and one.id in used for one in candidates):
            facts["n_without_step"] = lost
        result[suffix] = Division(split, {**asked, **split.options}, facts)
    return result


def moments_of(archive: Archive, candidates: Iterable[Candidate]) -> list[Moment]:
    """Place labels in time.

    Parameters
    ----------
    archive
        The archive with their frames.
    candidates
        Labels in any order.

    Returns
    -------
    One moment per label, temperature by temperature, run by run, in time; labels of which no
    step is known keep the order in which they came. Frames of several metals have temperatures
    of their own, such as ``Cu cold``.
    """
    ordered = sorted(candidates, key=_time_order)
    several = len({one.element for one in ordered}) > 1
    frames = _frame_facts(archive, {one.frame_id for one in ordered})
    return [
        Moment(
            id=one.id,
            frame=one.frame_id,
            temperature=_temperature(one, several),
            **frames.get(one.frame_id, {"run": one.trajectory_id}),
        )
        for one in ordered
    ]


def _frame_facts(archive: Archive, ids: set[str]) -> dict[str, dict[str, Any]]:
    wanted = {"time_fs": 1, "trajectory_id": 1, "origin": 1, "tags.event": 1}
    facts = {}
    for some in batched(sorted(ids)):
        for stored in archive.database["frames"].find({"_id": {"$in": some}}, wanted):
            event = (stored.get("tags") or {}).get("event")
            facts[stored["_id"]] = {
                # Frames of one imported file are one run where they have times.
                "run": stored.get("trajectory_id") or stored.get("origin"),
                "time_fs": stored.get("time_fs"),
                "event": None if event is None else str(event),
            }
    return facts


def _temperature(one: Candidate, several: bool) -> str:
    name = one.regime or ("unknown" if one.temperature_K is None else f"{one.temperature_K:g} K")
    return f"{one.element} {name}" if several else name


def _time_order(one: Candidate) -> tuple[Any, ...]:
    order = {str(regime): place for place, regime in enumerate(Regime)}
    return (
        order.get(one.regime or "", len(order)),
        one.temperature_K or 0.0,
        one.trajectory_id or "",
        # Sources often keep the order of time without saying steps; an order by id would lose it.
        one.step or 0,
    )


def _required_gap(split: Split, rule: str, min_gap: Any) -> float | None:
    option = RULES[rule].gap_option
    if min_gap is None and option is not None:
        min_gap = split.options[option]
    if min_gap is None:
        return None
    try:
        gap = float(min_gap)
    except (TypeError, ValueError):
        gap = -1.0
    if not 0 <= gap < float("inf"):
        raise InputError(f"min_gap_fs is a time in fs of 0 or more, not '{min_gap}'.")
    return gap


def _facts(
    report: LeakReport, split: Split, n_labels: int, every: Mapping[str, int]
) -> dict[str, Any]:
    used = sum(split.counts.values())
    facts: dict[str, Any] = {
        "n_left_out": n_labels - used,
        "required_gap_fs": report.required_gap_fs,
        "smallest_gap_fs": report.smallest_gap_fs,
        "n_without_time": report.n_without_time,
    }
    if split.missing:
        facts["missing"] = dict(split.missing)
    if every:
        facts["kept_every"] = dict(every)
    return facts


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
