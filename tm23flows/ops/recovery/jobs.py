"""The launchpad: locks of the dead, and jobs that nobody does.

Owns the order of the looks and of the writes. What was found at the first look is found again at
the second, some time later, before anything is done about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tm23flows.ops.moments import server_now
from tm23flows.ops.recovery import put_back as writes
from tm23flows.ops.recovery.holes import (
    Living,
    claims_by_job,
    find_holes,
    unsubmitted_launches,
)
from tm23flows.ops.recovery.record import Mended, Work
from tm23flows.ops.recovery.suspects import Abandoned, Suspects, find_suspects, unchanged
from tm23flows.store.claims import lost_claims
from tm23flows.store.collections import CLAIMS

if TYPE_CHECKING:
    from fireworks import LaunchPad

    from tm23flows.store.archive import Archive


def mend_launchpad(work: Work) -> Iterator[Mended]:
    """Unlock workflows whose holder is dead, and see to it that every job is done by somebody.

    Parameters
    ----------
    work
        Where, and what may be done; with a launchpad.

    Yields
    ------
    One for each workflow and job.
    """
    launchpad = work.launchpad
    suspects = find_suspects(launchpad.db)
    unsubmitted = unsubmitted_launches(launchpad.db)
    if not work.dry_run and (suspects or unsubmitted):
        work.sleep(work.patience_s)
        suspects = unchanged(suspects, find_suspects(launchpad.db))
    yield from _abandoned(work, launchpad, suspects)
    # Afterwards, because a lock of the dead keeps jobs of its workflow from being mended.
    living = how_workers_live(work.archive, work.silent_s, unsubmitted)
    for hole in find_holes(launchpad.db, living):
        refresh = hole.how == "refresh"
        done = "told to its workflow" if refresh else "put back"
        write = writes.tell_workflow if refresh else writes.put_back
        yield work.mend(
            Mended("jobs", hole.subject, hole.what, done),
            lambda hole=hole, write=write: write(launchpad, hole.fw_id, hole.state, hole.launches),
        )


def how_workers_live(
    archive: Archive, silent_s: float, unsubmitted: frozenset[int] = frozenset()
) -> Living:
    """Ask the database what tells whether workers live.

    Parameters
    ----------
    archive
        The archive, for its claims and its clock.
    silent_s
        A worker without a claim that was not heard of for so long is lost.
    unsubmitted
        Launches that were reserved some time ago, and had no job in a queue then.

    Returns
    -------
    What tells it.
    """
    claims = list(archive.database[CLAIMS].find({"state": "running"}, {"about": 1}))
    lost = [one["_id"] for one in lost_claims(archive)] if claims else []
    now = server_now(archive.database)
    return Living(now, silent_s, claims_by_job(claims, lost), unsubmitted)


def _abandoned(work: Work, launchpad: LaunchPad, suspects: Suspects) -> Iterator[Mended]:
    since = f", and for {work.patience_s:g} s nothing changed"
    for lock in suspects.locks:
        found = Mended("locks", lock.name, f"it is locked{since}", "unlocked")
        yield work.mend(found, lambda lock=lock: writes.unlock(launchpad, lock))
    for one in suspects.orphans:
        words = "no workflow has it: whoever added it died meanwhile"
        found = Mended("jobs", _name(one), words + since, "archived, so that nobody takes it")
        yield work.mend(found, lambda one=one: writes.retire(launchpad, one.fw_id, one.state))
    for one in suspects.unapplied:
        words = "it is done, and its workflow does not know"
        found = Mended("jobs", _name(one), words + since, "told to its workflow")
        yield work.mend(
            found,
            lambda one=one: writes.tell_workflow(launchpad, one.fw_id, one.state, one.launches),
        )
    for one in suspects.unlaunched:
        words = f"it is {one.state}, and no worker began it"
        found = Mended("jobs", _name(one), words + since, "put back")
        yield work.mend(
            found, lambda one=one: writes.put_back(launchpad, one.fw_id, one.state, one.launches)
        )


def _name(one: Abandoned) -> str:
    return f"{one.fw_id} ({one.name})"
