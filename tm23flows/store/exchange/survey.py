"""What a first reading of files finds, before anything is stored.

Owns the counts of an import: what is there twice, what contradicts itself or the archive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tm23flows.documents.label import ENERGY_KINDS, EnergyKind, Label
from tm23flows.errors import InputError
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

BATCH = 500
"""Labels that are in memory at once."""


@dataclass
class Survey:
    """What the first reading finds."""

    labels: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, None]] = field(default_factory=dict)
    frame_parts: dict[str, str] = field(default_factory=dict)
    elements: set[str] = field(default_factory=set)
    energies: set[str] = field(default_factory=lambda: set(ENERGY_KINDS))
    n_read: int = 0
    n_repeated: int = 0
    n_contradicting: int = 0

    def add(self, part: str, label: Label) -> None:
        """Note one record; the first one of a frame and recipe counts.

        Parameters
        ----------
        part
            Part of the dataset.
        label
            What the record says.

        Raises
        ------
        InputError
            If the frame is in another part already.
        """
        self.n_read += 1
        checksum, before = label.checksum, self.labels.get(label.id)
        if self.frame_parts.setdefault(label.frame_id, part) != part:
            raise InputError(
                f"Frame {label.frame_id[:12]} is in two parts, {self.frame_parts[label.frame_id]} "
                f"and {part}: what trains a model must not test it; import them one by one."
            )
        if before is not None:
            self.n_repeated += before == checksum
            self.n_contradicting += before != checksum
            return
        self.labels[label.id] = checksum
        self.parts.setdefault(part, {})[label.id] = None
        self.elements.add(label.element)
        self.energies &= {k for k in ENERGY_KINDS if getattr(label.energies, k) is not None}

    @property
    def policy(self) -> EnergyKind:
        """The energy that all labels have; the free one where they have several.

        Raises
        ------
        InputError
            If there is none.
        """
        for kind in ENERGY_KINDS:
            if kind in self.energies:
                return kind
        raise InputError("The labels of these files have no energy in common; import them apart.")


def check_archive(archive: Archive, survey: Survey) -> None:
    """Refuse labels of which the archive has other numbers: it would silently keep its own.

    Parameters
    ----------
    archive
        The archive.
    survey
        What the files hold.

    Raises
    ------
    InputError
        If there is such a label.
    """
    other = 0
    for batch in batched(archive.existing(Label, survey.labels), BATCH):
        stored = archive.get_many(Label, batch)
        other += sum(label.checksum != survey.labels[label.id] for label in stored)
    if other:
        raise InputError(
            f"{other} labels of these files are in the archive with the same settings and other "
            "numbers; if this is another set, give it a name of its own with --declare source=NAME."
        )
