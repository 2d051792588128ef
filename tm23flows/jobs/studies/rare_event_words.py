"""What is said of rare events besides the numbers: why there are none, and what limits them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tm23flows.documents.studies.rare_events import RareEventMetal, SearchedRun


def undefined_because(found: Mapping[str, Any], *, has_events: bool) -> str | None:
    """Say why there is nothing to measure.

    Parameters
    ----------
    found
        Output of :func:`tm23flows.jobs.event_search.find_rare_events`.
    has_events
        Whether a frame of an event has a label.

    Returns
    -------
    The reason; None if there is something.
    """
    if has_events:
        return None
    if any(one["event"] for one in found["frames"]):
        return "frames of events were found, and none of them has a label"
    runs = [SearchedRun(**one) for one in found["runs"]]
    if not runs:
        return (
            "there is nothing to search: the dataset has no runs in the archive, and its frames "
            "do not say which atoms are in the middle of a hop"
        )
    if all(one.not_searched for one in runs):
        return "no run can be searched for hops: " + "; ".join(
            sorted({f"{one.regime or 'a run'}: {one.not_searched}" for one in runs})
        )
    n_hops = sum(one.n_hops for one in runs)
    if n_hops:
        return f"{n_hops} hops were found, and no usable step lies in the middle of one"
    return "no atom hopped in the runs that were searched"


def warnings_of(metal: RareEventMetal) -> Iterator[str]:
    """Say what a reader must know to judge the numbers.

    Parameters
    ----------
    metal
        Results of a metal.

    Yields
    ------
    Sentences.
    """
    name = metal.element
    if metal.undefined is not None:
        yield f"{name}: rare-event errors are undefined: {metal.undefined}."
        return
    if metal.n_unlabelled:
        yield f"{name}: {metal.n_unlabelled} frames have no label and are left out."
    if metal.no_bar is not None:
        yield f"{name}: there is no bar: {metal.no_bar}."
    if metal.source == "tags" and all(
        (f.event or "frame-").startswith("frame-") for f in metal.frames
    ):
        yield (
            f"{name}: the frames do not say of which event they are, so each counts as one; "
            "intervals are too narrow if they are neighbours in time."
        )
    for one in metal.predictors:
        if one.failure is not None:
            yield f"{name}: {one.name} {(one.id or '')[:12]} has no errors: {one.failure}"
        elif one.n_failed_frames:
            yield f"{name}: {one.name} has no forces of {one.n_failed_frames} frames."
        if one.unseen is not None and one.score is not None:
            seen = one.score.n_events - one.unseen.n_events
            if seen:
                yield (
                    f"{name}: {seen} of {one.score.n_events} events are close in time to training "
                    f"frames of {one.name}, so its errors on all events are too small."
                )
