"""What an audit found: the invariants, violations with their fixes, and counts.

Owns the record of an audit. What is checked, and how, is in the other modules of the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

INVARIANTS = {
    "I1": "ids are unique, and each is that of its content",
    "I2": "every blob that a document names is there, whole and of the right shape",
    "I3": "no document is half-written",
    "I4": "every task and job under way has a worker that was heard of",
    "I5": "segments of a trajectory follow each other without gap, overlap or seam",
    "I6": "a frame has at most one label under one recipe",
    "I7": "everything has a past that is there: structure, inputs, versions",
    "I8": "doing something twice left nothing twice",
    "I9": "accepted + rejected + pending = submitted, and rejections say why",
    "I10": "no document holds a secret",
}
"""The invariants of the archive, by the names that the documentation gives them."""

KEPT = 100
"""Violations of one invariant that are kept; more are counted."""


@dataclass(frozen=True)
class Violation:
    """Something that must not be.

    Parameters
    ----------
    invariant
        I1 to I10.
    where
        Collection.
    id
        The document.
    what
        What is wrong with it.
    fix
        A command, or what to do.
    """

    invariant: str
    where: str
    id: str
    what: str
    fix: str


@dataclass
class Finding:
    """What was found about one invariant.

    Parameters
    ----------
    invariant
        I1 to I10.
    checked
        Things that were looked at.
    count
        Violations.
    violations
        The first of them.
    notes
        What else is worth knowing, such as what could not be checked.
    """

    invariant: str
    checked: int = 0
    count: int = 0
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The invariant in words."""
        return INVARIANTS[self.invariant]


class Ledger:
    """The findings of one audit, while it runs and after it.

    Parameters
    ----------
    invariants
        What to check.
    tick
        Told, every now and then, what is looked at and how many were.
    """

    def __init__(
        self, invariants: Iterable[str] = INVARIANTS, tick: Callable[[str, int], None] | None = None
    ) -> None:
        self.findings = {name: Finding(name) for name in INVARIANTS if name in set(invariants)}
        self._tick = tick

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return not any(finding.count for finding in self.findings.values())

    @property
    def violations(self) -> list[Violation]:
        """The violations that were kept, by invariant."""
        return [one for finding in self.findings.values() for one in finding.violations]

    def wants(self, *invariants: str) -> bool:
        """Say whether one of these is to be checked.

        Parameters
        ----------
        *invariants
            I1 to I10.

        Returns
        -------
        True if one is.
        """
        return any(name in self.findings for name in invariants)

    def checked(self, invariant: str, number: int, what: str = "") -> None:
        """Count what was looked at.

        Parameters
        ----------
        invariant
            I1 to I10.
        number
            How many more.
        what
            Name of these things, for whoever watches.
        """
        if invariant in self.findings:
            self.findings[invariant].checked += number
            if self._tick is not None and what:
                self._tick(what, number)

    def note(self, invariant: str, sentence: str) -> None:
        """Add what is worth knowing, but violates nothing.

        Parameters
        ----------
        invariant
            I1 to I10.
        sentence
            What it is.
        """
        if invariant in self.findings:
            self.findings[invariant].notes.append(sentence)

    def add(self, violations: Iterable[Violation]) -> None:
        """Write down violations; of invariants that nobody asked for, nothing.

        Parameters
        ----------
        violations
            They are counted, and the first :data:`KEPT` of each invariant are kept.
        """
        for one in violations:
            finding = self.findings.get(one.invariant)
            if finding is None:
                continue
            finding.count += 1
            if len(finding.violations) < KEPT:
                finding.violations.append(one)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        findings = [{"title": one.title, **asdict(one)} for one in self.findings.values()]
        return {"ok": self.ok, "findings": findings}
