"""Jobs that failed because the database was away run again, but not for ever.

Owns how often, and what is said of jobs that cannot be decoded. What a job failed of is decided
in :mod:`tm23flows.ops.failures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tm23flows.ops.failures import Failure, classify, list_failures
from tm23flows.ops.recovery.record import Mended, Work
from tm23flows.ops.rerun import rerun

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from pymongo.database import Database

MOST = 5
"""A job that lost the database so often is left to its owner."""

_STACKTRACE = {"action.stored_data._exception._stacktrace": 1}


def run_failures_again(work: Work) -> Iterator[Mended]:
    """Put jobs back that failed because the database was away; name those that nobody can decode.

    Parameters
    ----------
    work
        Where, and what may be done; with a launchpad.

    Yields
    ------
    One for each job. Other failures are not touched: 'tm23 rerun' is for those.
    """
    launchpad = work.launchpad
    for one in list_failures(launchpad.db):
        name = f"{one.fw_id} ({one.name})"
        if one.error_class == "decode":
            yield Mended(
                "decode",
                name,
                f"it cannot be decoded: {one.reason}",
                "nothing",
                "install the version of the package that it was made with, or add its workflow "
                f"again; then 'tm23 rerun --where id={one.fw_id}'",
            )
        elif one.error_class == "database":
            often = times_away(launchpad.db, one.fw_id)
            found = Mended("failures", name, one.reason, "put back")
            if often >= MOST:
                problem = (
                    f"it failed so {often} times: see to the database, then 'tm23 rerun --where "
                    f"id={one.fw_id}'"
                )
                yield Mended("failures", name, one.reason, "nothing", problem)
            else:
                yield work.mend(found, lambda one=one: _rerun(launchpad, one))


def times_away(launchpad: Database, fw_id: int) -> int:
    """Count how often a job failed because the database was away.

    Parameters
    ----------
    launchpad
        The launchpad's database.
    fw_id
        The job.

    Returns
    -------
    The number, over all its launches.
    """
    found = launchpad["launches"].find({"fw_id": fw_id, "state": "FIZZLED"}, _STACKTRACE)
    return sum(classify(_stacktrace(one)) == "database" for one in found)


def _rerun(launchpad: LaunchPad, failure: Failure) -> str | None:
    return rerun(launchpad, failure).problem


def _stacktrace(launch: dict) -> str:
    action = launch.get("action") or {}
    exception = (action.get("stored_data") or {}).get("_exception") or {}
    return str(exception.get("_stacktrace") or "")
