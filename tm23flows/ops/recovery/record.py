"""What a recovery has to go by, and what it says about each thing that it mends.

Owns the words for the steps. What is wrong and how it is mended is in the modules of the steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.ops.fireworks_config import FIREWORKS_SETTINGS

if TYPE_CHECKING:
    from fireworks import LaunchPad

    from tm23flows.store.archive import Archive

STEPS = {
    "outbox": "results that waited for the database",
    "locks": "workflows that a worker locked and never unlocked",
    "jobs": "jobs that nobody does",
    "claims": "tasks whose worker is lost",
    "failures": "jobs that failed because the database was away",
    "decode": "jobs that cannot be decoded",
    "blobs": "what interrupted writes left",
}
"""The steps in their order. The words do not change: people read them from JSON."""

PATIENCE_S = 60.0
"""What a living worker finishes in less time than this is its own business."""

SILENT_S = float(FIREWORKS_SETTINGS["RUN_EXPIRATION_SECS"])
"""A worker without a claim that was not heard of for so long is lost."""

GRACE_S = 24 * 3600.0
"""A blob without a document may belong to one that is about to be written."""

CHANGED = "it has changed meanwhile, so it is left alone"


@dataclass(frozen=True)
class Mended:
    """Something that was wrong.

    Parameters
    ----------
    step
        One of :data:`STEPS`.
    subject
        The job, task, workflow or file.
    what
        What was wrong with it.
    done
        What was done about it, or would be.
    problem
        Why that could not be done; None if it was, or if nothing was tried.
    """

    step: str
    subject: str
    what: str
    done: str
    problem: str | None = None


@dataclass
class Report:
    """What a recovery did.

    Parameters
    ----------
    dry_run
        Whether nothing was changed.
    mended
        What was wrong.
    notes
        What else is worth knowing.
    other
        Who else recovers at the moment; nothing was done then.
    """

    dry_run: bool = False
    mended: list[Mended] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    other: str | None = None

    @property
    def problems(self) -> list[Mended]:
        """What is still wrong."""
        return [one for one in self.mended if one.problem]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "problems": len(self.problems)}


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Work:
    """Where a recovery works, and what it may do.

    Parameters
    ----------
    archive
        The archive.
    launchpad
        The launchpad; None where there are no jobs.
    dry_run
        Only look.
    patience_s
        How long what looks abandoned must stay as it is.
    silent_s
        A worker without a claim that was not heard of for so long is lost.
    sweep
        Whether blobs that nothing names are deleted.
    grace_s
        Only those older than this.
    still_ours
        Raises StaleClaimError where another recovery has taken over.
    sleep
        Waits.
    """

    archive: Archive
    launchpad: LaunchPad | None
    dry_run: bool = False
    patience_s: float = PATIENCE_S
    silent_s: float = SILENT_S
    sweep: bool = False
    grace_s: float = GRACE_S
    still_ours: Callable[[], None] = _nothing
    sleep: Callable[[float], None] = time.sleep

    def mend(self, found: Mended, act: Callable[[], str | None]) -> Mended:
        """Mend something, unless this is a dry run.

        Parameters
        ----------
        found
            What is wrong.
        act
            Mends it; says why it could not, or None.

        Returns
        -------
        What became of it.
        """
        if self.dry_run:
            return found
        self.still_ours()
        return Mended(found.step, found.subject, found.what, found.done, act())
