"""How a training under way is put into words.

Owns the line of ``tm23 status``, of its page, and of commands that wait for a training; the
numbers are :mod:`tm23flows.store.trainings`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tm23flows.ops.status.words import duration

if TYPE_CHECKING:
    from tm23flows.store.trainings import Training

SILENT_S = 120.0
"""A training that runs is heard of every few seconds, and once in a long step."""

SHORT_ID = 8


def training_line(one: Training) -> str:
    """Say how far a training is.

    Parameters
    ----------
    one
        The training.

    Returns
    -------
    One line: what it is, how far, its newest losses, how long it took and will take yet.
    """
    who = f"{one.about['element']} {one.about['trainer']} {one.model_id[:SHORT_ID]}"
    if one.state == "failed":
        return f"{who}: failed ({one.reason}) on {one.host}: {one.message}"
    parts = [f"{who}: {_how_far(one)}"]
    values, unit = one.progress.get("values", {}), one.progress.get("unit")
    parts += [
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items() if name != unit
    ]
    if (elapsed := one.progress.get("elapsed_s")) is not None:
        parts.append(f"{duration(elapsed)} done")
    if one.state == "stopped":
        parts.append("stopped, goes on when its job is run again")
    elif (left := one.progress.get("eta_s")) is not None:
        # a network may end long before its last epoch
        parts.append(f"{'at most' if unit == 'epoch' else 'about'} {duration(left)} left")
    silent = (datetime.now(UTC).replace(tzinfo=None) - one.updated).total_seconds()
    if one.state == "running" and silent > SILENT_S:
        parts.append(f"not heard of for {duration(silent)}, last on {one.host}")
    return ", ".join(parts)


def _how_far(one: Training) -> str:
    if not (step := one.progress.get("step")):
        return "beginning"
    of = one.progress.get("of")
    return f"{one.progress['unit']} {step}" + (f" of {of}" if of else "")
