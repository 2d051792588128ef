"""Writes to the launchpad that mend one job or one workflow, under FireWorks' own lock.

Owns how a job is put back, how its workflow hears of its end, and how a lock is taken away. Each
looks again, under the lock, whether things are still as they were found, and does nothing if they
are not: a worker may have been as quick. Done twice is done once.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from tm23flows.ops.audit.secrets import known_secrets
from tm23flows.ops.failures import without_secrets
from tm23flows.ops.recovery.record import CHANGED

if TYPE_CHECKING:
    from fireworks import LaunchPad

    from tm23flows.ops.recovery.suspects import Lock

LOCK_PATIENCE_S = 2.0
"""A worker that writes to a workflow holds its lock for less than this."""

OPEN = ("RUNNING", "RESERVED")
"""States of launches that have no end yet."""

_UNREADABLE = (ImportError, AttributeError, LookupError, TypeError, ValueError)
"""What FireWorks raises where a stored job cannot be read."""


def put_back(launchpad: LaunchPad, fw_id: int, state: str, launches: tuple[int, ...]) -> str | None:
    """Put a job back that nobody does, with what depends on it.

    Its launches are ended first, so that a worker that comes back after all changes nothing.

    Parameters
    ----------
    launchpad
        The launchpad.
    fw_id
        The job.
    state, launches
        How it was found.

    Returns
    -------
    Why it was not; None if it was.
    """

    def write() -> str | None:
        if not _is_still(launchpad, fw_id, state, launches):
            return CHANGED
        if not _end_launches(launchpad, fw_id, launches):
            return CHANGED
        workflow = launchpad.get_wf_by_fw_id_lzyfw(fw_id)
        # FireWorks' own rerun_fw takes the lock itself, and waits for it for minutes.
        launchpad._update_wf(workflow, workflow.rerun_fw(fw_id))  # noqa: SLF001
        return None

    return _locked(launchpad, fw_id, write)


def tell_workflow(
    launchpad: LaunchPad, fw_id: int, state: str, launches: tuple[int, ...]
) -> str | None:
    """Let a workflow hear how a launch of its job ended, and do what the job said comes then.

    Parameters
    ----------
    launchpad
        The launchpad.
    fw_id
        The job.
    state, launches
        How it was found. A job that is COMPLETED is told once more: its workflow does not know.

    Returns
    -------
    Why it was not; None if it was.
    """

    def write() -> str | None:
        if not _is_still(launchpad, fw_id, state, launches):
            return CHANGED
        if state == "COMPLETED":
            known = launchpad.workflows.find_one({"nodes": fw_id}, {"fw_states": 1}) or {}
            if (known.get("fw_states") or {}).get(str(fw_id)) == "COMPLETED":
                return CHANGED
            # FireWorks does what a job said only where its state changes.
            launchpad.fireworks.update_one(
                {"fw_id": fw_id, "state": "COMPLETED"}, {"$set": {"state": "RUNNING"}}
            )
        workflow = launchpad.get_wf_by_fw_id_lzyfw(fw_id)
        launchpad._update_wf(workflow, workflow.refresh(fw_id))  # noqa: SLF001
        return None

    return _locked(launchpad, fw_id, write)


def unlock(launchpad: LaunchPad, lock: Lock) -> str | None:
    """Take away a lock whose holder is dead.

    Parameters
    ----------
    launchpad
        The launchpad.
    lock
        The workflow as it was when it was seen to be abandoned.

    Returns
    -------
    Why it was not; None if it was.
    """
    found = launchpad.workflows.find_one({"_id": lock.key, "locked": True}, {"updated_on": 1})
    if found is None or str(found.get("updated_on")) != lock.updated_on:
        return CHANGED
    launchpad.workflows.update_one(
        {"_id": lock.key, "updated_on": found.get("updated_on")}, {"$unset": {"locked": True}}
    )
    return None


def retire(launchpad: LaunchPad, fw_id: int, state: str) -> str | None:
    """Archive a job that belongs to no workflow, so that no worker takes it.

    Parameters
    ----------
    launchpad
        The launchpad.
    fw_id
        The job.
    state
        How it was found.

    Returns
    -------
    Why it was not; None if it was.
    """
    if launchpad.workflows.find_one({"nodes": fw_id}, {"_id": 1}) is not None:
        return CHANGED
    done = launchpad.fireworks.update_one(
        {"fw_id": fw_id, "state": state}, {"$set": {"state": "ARCHIVED"}}
    )
    return None if done.matched_count else CHANGED


def _locked(launchpad: LaunchPad, fw_id: int, write: Callable[[], str | None]) -> str | None:
    from fireworks.core.launchpad import LockedWorkflowError, WFLock
    from fireworks.utilities.exceptions import FWSerializationError

    if launchpad.workflows.find_one({"nodes": fw_id}, {"_id": 1}) is None:
        return "it belongs to no workflow"
    try:
        with WFLock(launchpad, fw_id, expire_secs=LOCK_PATIENCE_S, kill=False):
            return write()
    except LockedWorkflowError:
        return (
            "its workflow is locked: by a worker that writes to it, or by one that died; a later "
            "'tm23 recover' sees which"
        )
    except (FWSerializationError, *_UNREADABLE) as error:
        secrets = known_secrets()
        _give_up(launchpad, fw_id, without_secrets(traceback.format_exc(), secrets))
        said = " ".join(without_secrets(str(error), secrets).split())
        return f"it cannot be read ({type(error).__name__}: {said}); it is FIZZLED now"


def _is_still(launchpad: LaunchPad, fw_id: int, state: str, launches: tuple[int, ...]) -> bool:
    found = launchpad.fireworks.find_one({"fw_id": fw_id}, {"state": 1, "launches": 1})
    return (
        found is not None
        and found["state"] == state
        and tuple(found.get("launches") or ()) == launches
    )


def _end_launches(launchpad: LaunchPad, fw_id: int, launches: tuple[int, ...]) -> bool:
    """End the launches of a job, those too that it does not know of; False if one had an end."""
    wanted = {"fw_id": fw_id, "state": {"$in": list(OPEN)}}
    open_ = {one["launch_id"] for one in launchpad.launches.find(wanted, {"launch_id": 1})}
    done = {"launch_id": {"$in": list(launches)}, "state": "COMPLETED"}
    if launchpad.launches.find_one(done, {"_id": 1}) is not None:
        return False
    for number in sorted(open_):
        launch = launchpad.get_launch_by_id(number)
        before = launch.state
        if before not in OPEN:
            return False
        # A reservation that came to nothing is no failed attempt; this is FireWorks' word for it.
        launch.state = "READY" if before == "RESERVED" else "FIZZLED"
        found = launchpad.launches.find_one_and_replace(
            {"launch_id": number, "state": before}, launch.to_db_dict()
        )
        if found is None and number in launches:
            return False
    return True


def _give_up(launchpad: LaunchPad, fw_id: int, stacktrace: str) -> None:
    """Mark a job that cannot be read as FireWorks does where a worker meets it."""
    said = {"_message": "FireWork failed to deserialize", "_stacktrace": stacktrace}
    launchpad.fireworks.update_one(
        {"fw_id": fw_id}, {"$set": {"state": "FIZZLED", "spec._exception_details": said}}
    )
    launchpad.workflows.update_one(
        {"nodes": fw_id}, {"$set": {"state": "FIZZLED", f"fw_states.{fw_id}": "FIZZLED"}}
    )
