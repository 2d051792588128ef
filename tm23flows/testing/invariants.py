"""What must hold after every fault, for tests of ours and of users.

Owns the sentence of the failed test; the checks are those of ``tm23 audit``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows.ops.audit.invariants import audit
from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tm23flows.store.archive import Archive


def assert_all_invariants(
    archive: Archive, only: Iterable[str] | None = None, launchpad: str = LAUNCHPAD_DATABASE
) -> None:
    """Fail with every violation of an invariant.

    Parameters
    ----------
    archive
        The archive.
    only
        Invariants to check, such as ``["I2", "I6"]``; None for all.
    launchpad
        Name of the launchpad's database on the same server.

    Raises
    ------
    AssertionError
        If one is violated.
    """
    found = audit(archive, only, launchpad)
    lines = [f"{one.invariant} {one.where} {one.id}: {one.what}" for one in found.violations]
    if lines:
        raise AssertionError("invariants are violated:\n" + "\n".join(lines))
