"""Attempts of jobs that did not complete: how many, and how long they ran.

Owns the reading of FireWorks' launches for that. Why jobs failed is in ``failures``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class Lost:
    """Attempts of jobs that did not complete.

    Parameters
    ----------
    metal, stage
        Whose and which.
    attempts
        How many.
    wall_s
        Seconds that they ran, as far as anyone heard of them. What they had finished by then
        is in the archive and not lost.
    """

    metal: str
    stage: str
    attempts: int
    wall_s: float


def lost_attempts(archive: Archive, metal: str | None = None) -> list[Lost]:
    """Sum up the launches in the launchpad that did not complete.

    Parameters
    ----------
    archive
        The archive, beside whose launchpad to look.
    metal
        Only this one; None for all.

    Returns
    -------
    By metal and stage.
    """
    launchpad = archive.database.client[LAUNCHPAD_DATABASE]
    fields = {"fw_id": 1, "time_start": 1, "time_end": 1, "state_history": 1,
              "action.stored_data._exception._failed_task_n": 1}  # fmt: skip
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for launch in launchpad["launches"].find({"state": "FIZZLED"}, fields):
        job = launchpad["fireworks"].find_one(
            {"fw_id": launch["fw_id"]}, {"spec.tm23": 1, "spec._category": 1}
        )
        spec = (job or {}).get("spec", {})
        element = str(spec.get("tm23", {}).get("element", "-"))
        if metal in (None, element):
            sums[element, str(spec.get("_category", "-"))].append(_seconds(launch))
    return [Lost(*key, len(some), sum(some)) for key, some in sorted(sums.items())]


def _seconds(launch: Mapping[str, Any]) -> float:
    """Return how long a launch ran; one that said nothing at its end, until its last ping."""
    history = [one for one in launch.get("state_history", ()) if one["state"] == "RUNNING"]
    if not history:
        return 0.0
    begin, ping = history[0]["created_on"], history[-1].get("updated_on")
    spoke = (launch.get("action") or {}).get("stored_data", {}).get("_exception")
    ended = [one["created_on"] for one in launch["state_history"] if one["state"] == "FIZZLED"]
    end = ended[-1] if spoke and ended else ping or begin
    moments = [datetime.fromisoformat(one) if isinstance(one, str) else one for one in (begin, end)]
    return max(0.0, (moments[1] - moments[0]).total_seconds())
