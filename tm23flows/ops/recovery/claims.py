"""Tasks whose worker is lost are given back.

Owns the step; when a worker is lost is decided in :mod:`tm23flows.store.claims`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tm23flows.ops.recovery.record import CHANGED, Mended, Work
from tm23flows.store.claims import expire_lost, lost_claims

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def give_back_tasks(work: Work) -> Iterator[Mended]:
    """Give back the tasks whose worker is lost.

    Parameters
    ----------
    work
        Where, and what may be done.

    Yields
    ------
    One for each task.
    """
    for claim in list(lost_claims(work.archive)):
        found = Mended("claims", name_of(claim), what_of(claim), "given back")
        yield work.mend(found, lambda key=claim["_id"]: _expire(work.archive, key))


def name_of(claim: dict[str, Any]) -> str:
    """Name a claim for people."""
    about = claim.get("about") or {}
    words = [about.get("element"), about.get("name") or about.get("kind"), claim["_id"][:12]]
    return " ".join(str(one) for one in words if one)


def what_of(claim: dict[str, Any]) -> str:
    """Say who lost a task."""
    return f"its worker, process {claim.get('pid')} on {claim.get('host')}, is lost"


def _expire(archive: Archive, key: str) -> str | None:
    return None if expire_lost(archive, key) else CHANGED
