"""The numbers of a moment in words, for terminals and for the page.

Owns how times, rates and rests are said. It neither asks a database nor draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tm23flows.ops.status.jobs import RunningJob
    from tm23flows.ops.status.overview import Overview
    from tm23flows.ops.status.rates import Estimate, Rate

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
UNKNOWN = "unknown"


def duration(seconds: float) -> str:
    """Put a time into two words at most.

    Parameters
    ----------
    seconds
        The time, in s.

    Returns
    -------
    Such as ``12 s``, ``3 min``, ``5 h 20 min``, ``2 d 4 h``.
    """
    whole = round(seconds)
    if whole < 2 * MINUTE_S:
        return f"{whole} s"
    if whole < 2 * HOUR_S:
        return f"{whole // MINUTE_S} min"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S} h"


def per_hour(rate: float | None) -> str:
    """Say a rate.

    Parameters
    ----------
    rate
        In 1/h; None if it is not known.

    Returns
    -------
    With three digits, such as ``0.25`` or ``831``.
    """
    if rate is None:
        return UNKNOWN
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"


def time_left(one: Estimate | None) -> str:
    """Say how long something takes yet.

    Parameters
    ----------
    one
        The estimate; None where nothing is left.

    Returns
    -------
    A time, two of them, ``unknown`` or ``-``.
    """
    if one is None:
        return "-"
    if one.seconds is None or one.latest_s is None:
        return UNKNOWN
    earliest, latest = duration(one.seconds), duration(one.latest_s)
    return f"about {earliest}" if earliest == latest else f"{earliest} to {latest}"


def states(numbers: Counter[str]) -> str:
    """Say how many jobs are in which state.

    Parameters
    ----------
    numbers
        Jobs by state, in our words.

    Returns
    -------
    Such as ``3 of 8 done, 2 running, 1 failed``.
    """
    rest = rest_of(numbers)
    return f"{numbers['done']} of {numbers.total()} done" + (f", {rest}" if rest else "")


def rest_of(numbers: Counter[str]) -> str:
    """Say how many jobs are not done, by state.

    Parameters
    ----------
    numbers
        Jobs by state, in our words.

    Returns
    -------
    Such as ``2 running, 1 failed``.
    """
    shown = ("running", "failed", "ready", "waiting", "reserved", "paused", "defused")
    return ", ".join(f"{numbers[word]} {word}" for word in shown if numbers[word])


def heard(one: RunningJob) -> str:
    """Say when the worker of a job was heard of.

    Parameters
    ----------
    one
        The job.

    Returns
    -------
    Such as ``12 s ago``, or ``never``; with a warning where that is longer than its lease.
    """
    if one.heard_s is None:
        return "never"
    ago = f"{duration(one.heard_s)} ago"
    return f"{ago}, probably dead" if one.silent else ago


def reasons(numbers: dict[str, int]) -> str:
    """Say why labels were refused.

    Parameters
    ----------
    numbers
        Labels by code of the reason.

    Returns
    -------
    Such as ``4 not_converged, 1 impossible``.
    """
    return ", ".join(f"{number} {code}" for code, number in numbers.items())


def all_reasons(view: Overview) -> dict[str, int]:
    """Add reasons up over the metals.

    Parameters
    ----------
    view
        The moment.

    Returns
    -------
    Labels by code of the reason, the most frequent first.
    """
    added: Counter[str] = Counter()
    for one in view.frames.values():
        added.update(one.reasons)
    return dict(added.most_common())


def example_of(view: Overview, code: str) -> str:
    """Return what a refused label says, of all metals.

    Parameters
    ----------
    view
        The moment.
    code
        The code of its reason.

    Returns
    -------
    The words of one of them.
    """
    return next((one.examples[code] for one in view.frames.values() if code in one.examples), "")


def measured_span(rates: Iterable[Rate], view: Overview) -> str:
    """Say of which time the rates are.

    Parameters
    ----------
    rates
        The rates.
    view
        The moment.

    Returns
    -------
    The longest that one was measured in, or the window.
    """
    spans = [one.span_s for one in rates if one.done]
    return duration(max(spans, default=view.window.total_seconds()))
