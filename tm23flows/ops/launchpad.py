"""FireWorks' launchpad seen from our side: opening, first use, what is going on.

Owns the questions that we ask FireWorks. It never resets a launchpad that is in
use, and nothing here changes the state of a Firework.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE
from tm23flows.store.connect import ANSWER_TIMEOUT_MS

if TYPE_CHECKING:
    from fireworks import LaunchPad

STATES = ("WAITING", "READY", "RESERVED", "RUNNING", "COMPLETED", "FIZZLED", "PAUSED", "DEFUSED")


@dataclass(frozen=True)
class JobState:
    """One Firework."""

    fw_id: int
    name: str
    state: str


def open_launchpad(uri: str, name: str = LAUNCHPAD_DATABASE) -> LaunchPad:
    """Open the launchpad of a database, and make it usable if it never was.

    Parameters
    ----------
    uri
        MongoDB URI.
    name
        Name of FireWorks' database.

    Returns
    -------
    The launchpad.
    """
    from fireworks import LaunchPad

    limits = {"socketTimeoutMS": ANSWER_TIMEOUT_MS}
    launchpad = LaunchPad(
        host=uri, uri_mode=True, name=name, strm_lvl="WARNING", mongoclient_kwargs=limits
    )
    if launchpad.fw_id_assigner.find_one() is None and not launchpad.fireworks.find_one():
        launchpad.reset("", require_password=False)
    return launchpad


def job_states(launchpad: LaunchPad) -> list[JobState]:
    """List all Fireworks with their states.

    Parameters
    ----------
    launchpad
        The launchpad.

    Returns
    -------
    Fireworks by rising number.
    """
    fields = {"fw_id": 1, "name": 1, "state": 1}
    found = launchpad.fireworks.find({}, fields).sort("fw_id", 1)
    return [JobState(one["fw_id"], one["name"], one["state"]) for one in found]


def failure_reason(launchpad: LaunchPad, fw_id: int) -> str:
    """Return the last line of what a failed Firework said.

    Parameters
    ----------
    launchpad
        The launchpad.
    fw_id
        The Firework.

    Returns
    -------
    One line.
    """
    fields: dict[str, Any] = {"action.stored_data._exception._stacktrace": 1, "time_end": 1}
    launch = launchpad.launches.find_one(
        {"fw_id": fw_id, "state": "FIZZLED"}, fields, sort=[("launch_id", -1)]
    )
    exception = ((launch or {}).get("action") or {}).get("stored_data", {}).get("_exception", {})
    lines = str(exception.get("_stacktrace", "")).strip().splitlines()
    return lines[-1] if lines else "lost, or killed without a word"
