"""Frames and labels by metal: how many are accepted, and why the others are not.

Owns the codes of reasons. No document is read whole.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.ops.audit.secrets import known_secrets
from tm23flows.ops.failures import without_secrets
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from pymongo.database import Database

REASONS = {
    "not_as_asked": r"not what was asked for|came back",
    "not_converged": r"not converge|unconverged|ConvergenceError",
    "not_finite": r"not (all )?(a |six )?finite|not a number|\bnan\b",
    "impossible": r"is impossible|is not sound|exploded",
    "gave_up": r"still wrong after",
    "incomplete": r"ends early|wrote no|middle of a step|no stress|one step, not|cannot be read",
    "killed": r"killed by signal|no output for|exit code",
}
"""What a rejection says, by the code of its reason; the first that fits counts."""

OTHER = "other"

LARGEST_DISTINCT = 100_000
"""So many ids are one answer of the database; of more its limit of 16 MB comes near."""

LONGEST = 200
"""Letters of the words of a rejection that are shown."""

_REJECTION = {"frame_id": 1, "reason": 1}


@dataclass(frozen=True)
class FrameCounts:
    """The frames and labels of a metal.

    Parameters
    ----------
    frames
        Number of frames.
    frames_accepted
        Frames that have a label, and no label that was refused.
    frames_rejected
        Frames of which a label was refused and has not been made since.
    labels
        Number of labels.
    labels_rejected
        Number of labels that were refused and have not been made since.
    reasons
        These by code of the reason.
    examples
        What one of them says, by code.
    """

    frames: int = 0
    frames_accepted: int = 0
    frames_rejected: int = 0
    labels: int = 0
    labels_rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def frames_waiting(self) -> int:
        """Number of frames without any label, accepted or refused."""
        return max(0, self.frames - self.frames_accepted - self.frames_rejected)


class FrameCounter:
    """Counts frames again and again, and looks only at what may have changed.

    Parameters
    ----------
    archive
        The archive's database.
    """

    def __init__(self, archive: Database) -> None:
        self._archive = archive
        self._known: dict[tuple[str, int], frozenset[str]] = {}

    def count(self, element: str | None = None) -> dict[str, FrameCounts]:
        """Count frames and labels.

        Parameters
        ----------
        element
            Only this metal.

        Returns
        -------
        Numbers by metal.
        """
        rejected = self._rejections()
        names = {
            *self._archive["frames"].distinct("element"),
            *self._archive["labels"].distinct("element"),
            *rejected,
        }
        chosen = sorted(name for name in names if element in (None, name))
        return {name: self._of(name, rejected.get(name, {})) for name in chosen}

    def _of(self, element: str, rejected: dict[str, list[str]]) -> FrameCounts:
        wanted = {"element": element}
        n_labels = self._archive["labels"].count_documents(wanted)
        refused = frozenset(rejected)
        words = [one for some in rejected.values() for one in some]
        reasons = Counter(reason_code(one) for one in words)
        return FrameCounts(
            frames=self._archive["frames"].count_documents(wanted),
            frames_accepted=len(self._labelled(element, n_labels) - refused),
            frames_rejected=len(refused),
            labels=n_labels,
            labels_rejected=reasons.total(),
            reasons=dict(reasons.most_common()),
            examples={reason_code(one): one for one in reversed(words)},
        )

    def _labelled(self, element: str, n_labels: int) -> frozenset[str]:
        """Return the frames that have a label. Labels are never taken away, only added."""
        key = (element, n_labels)
        if key not in self._known:
            for old in [one for one in self._known if one[0] == element]:
                del self._known[old]
            self._known[key] = frozenset(self._ask(element, n_labels))
        return self._known[key]

    def _ask(self, element: str, n_labels: int) -> Any:
        labels, wanted = self._archive["labels"], {"element": element}
        if n_labels <= LARGEST_DISTINCT:
            return labels.distinct("frame_id", wanted)
        return (one["frame_id"] for one in labels.find(wanted, {"_id": 0, "frame_id": 1}))

    def _rejections(self) -> dict[str, dict[str, list[str]]]:
        """Return reasons by frame by metal, of what was refused and not made since."""
        secrets = known_secrets()
        found: dict[str, dict[str, list[str]]] = {}
        for some in batched(self._archive["rejections"].find({}, _REJECTION)):
            ids = [one["_id"] for one in some]
            made = {one["_id"] for one in self._find("labels", ids, {"_id": 1})}
            standing = [one for one in some if one["_id"] not in made]
            frames = [one["frame_id"] for one in standing]
            metals = {
                one["_id"]: one["element"] for one in self._find("frames", frames, {"element": 1})
            }
            for one in standing:
                of_metal = found.setdefault(metals.get(one["frame_id"], ""), {})
                of_metal.setdefault(one["frame_id"], []).append(
                    " ".join(without_secrets(one["reason"], secrets).split())[:LONGEST]
                )
        return found

    def _find(self, collection: str, ids: list[str], fields: dict[str, int]) -> Any:
        return self._archive[collection].find({"_id": {"$in": ids}}, fields)


def reason_code(reason: str) -> str:
    """Give a reason its code.

    Parameters
    ----------
    reason
        Words of a rejection.

    Returns
    -------
    A key of :data:`REASONS`, or ``other``.
    """
    for code, words in REASONS.items():
        if re.search(words, reason, re.IGNORECASE):
            return code
    return OTHER
