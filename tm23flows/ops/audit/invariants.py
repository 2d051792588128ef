"""``tm23 audit``: the invariants of the archive, read-only.

Owns which checks there are and the order in which they run. Each violation comes with its
fix; nothing is mended here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tm23flows.errors import InputError
from tm23flows.ops.audit.blobs import check_blobs
from tm23flows.ops.audit.claims import check_claims
from tm23flows.ops.audit.documents import check_documents
from tm23flows.ops.audit.jobs import check_jobs
from tm23flows.ops.audit.ledger import INVARIANTS, Ledger, Violation
from tm23flows.ops.audit.seams import check_seams
from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE
from tm23flows.store.collections import DATASET_NAMES
from tm23flows.store.raw_outputs import COLLECTION as RAW_OUTPUTS

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def audit(
    archive: Archive,
    only: Iterable[str] | None = None,
    launchpad: str = LAUNCHPAD_DATABASE,
    tick: Callable[[str, int], None] | None = None,
) -> Ledger:
    """Check the invariants of an archive and of the launchpad beside it.

    Parameters
    ----------
    archive
        The archive; nothing in it is changed.
    only
        Invariants to check, such as ``["I2", "I6"]``; None for all.
    launchpad
        Name of the launchpad's database on the same server.
    tick
        Told, every now and then, what is looked at and how many were.

    Returns
    -------
    What was found.

    Raises
    ------
    InputError
        If there is no such invariant.
    """
    wanted = list(INVARIANTS if only is None else only)
    if unknown := [one for one in wanted if one not in INVARIANTS]:
        raise InputError(f"There is no invariant '{unknown[0]}'; there is {', '.join(INVARIANTS)}.")
    ledger = Ledger(wanted, tick)
    if ledger.wants("I1", "I3", "I6", "I7", "I9", "I10"):
        check_documents(ledger, archive)
    if ledger.wants("I2"):
        check_blobs(ledger, archive)
    if ledger.wants("I5"):
        check_seams(ledger, archive)
    if ledger.wants("I8"):
        check_repeats(ledger, archive)
    if ledger.wants("I4", "I9"):
        check_claims(ledger, archive)
    if ledger.wants("I4", "I9", "I10"):
        check_jobs(ledger, archive, launchpad)
    return ledger


def check_repeats(ledger: Ledger, archive: Archive) -> None:
    """Look for what a second recovery would leave: one thing under two names (I8).

    That doing things twice changes nothing is a property of commands, which tests hold. Here
    the traces are looked for that it would leave in what has no content id.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive; nothing in it is changed.
    """
    for collection, fields, what, fix in (
        (DATASET_NAMES, ("name", "dataset_id"), "has the same dataset as another version of it",
         "delete the newer of the two pointers"),
        (RAW_OUTPUTS, ("path", "sha256"), "is on record twice", "delete one of the two records"),
    ):  # fmt: skip
        seen: set[tuple[str, ...]] = set()
        for one in archive.database[collection].find({}, dict.fromkeys(fields, 1)):
            ledger.checked("I8", 1)
            key = tuple(str(one.get(name)) for name in fields)
            if key in seen:
                ledger.add([Violation("I8", collection, str(one["_id"]), f"{key[0]} {what}", fix)])
            seen.add(key)
