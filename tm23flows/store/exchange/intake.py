"""Records from files into the archive, counted and compared.

Owns what every import does, whatever its format: read everything once before anything is stored,
find what is there twice, refuse what contradicts the archive, store in batches, name a dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import ENERGY_KINDS, EnergyKind, Label
from tm23flows.errors import InputError
from tm23flows.store.batches import batched
from tm23flows.store.datasets import Named, check_name, name_dataset
from tm23flows.store.exchange.records import Pair, label_checksum

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

BATCH = 500
"""Frames that are in memory at once."""


@dataclass(frozen=True)
class Incoming:
    """Records that become one part of a dataset.

    Parameters
    ----------
    part
        Name of the part.
    read
        Reads the records from the beginning; it is called twice.
    """

    part: str
    read: Callable[[], Iterable[Pair]]


@dataclass(frozen=True)
class Imported:
    """What became of files.

    Parameters
    ----------
    named
        The dataset of their labels.
    n_read
        Records in the files.
    n_frames
        Different frames in them.
    n_known
        Frames of these that were in the archive before.
    n_repeated
        Records that say again what one before says.
    n_contradicting
        Records whose frame came before with other numbers; the first ones were kept.
    notes
        Sentences on what was left out or is not known.
    """

    named: Named
    n_read: int
    n_frames: int
    n_known: int
    n_repeated: int
    n_contradicting: int
    notes: tuple[str, ...] = ()


@dataclass
class _Survey:
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
        """Note one record; the first one of a frame and recipe counts."""
        self.n_read += 1
        checksum, before = label_checksum(label), self.labels.get(label.id)
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


def take_in(
    archive: Archive,
    name: str,
    incoming: Sequence[Incoming],
    query: Mapping[str, JsonValue],
    inputs: Mapping[str, JsonValue],
    notes: Sequence[str] = (),
) -> Imported:
    """Store records and give their labels a name.

    Nothing is stored before all of them have been read to the end. Doing it twice changes nothing.

    Parameters
    ----------
    archive
        The archive.
    name
        Name for the dataset of all their labels.
    incoming
        The records, part by part.
    query
        What to say of the origin in the dataset.
    inputs
        Checksums of the files, for the provenance of the dataset.
    notes
        Sentences for the user.

    Returns
    -------
    What became of them.

    Raises
    ------
    InputError
        If the name is wrong, there is no record, a frame is in two parts, or the archive has
        other numbers for the same frame and recipe.
    """
    check_name(name)
    survey = _Survey()
    for one in incoming:
        for _, label in one.read():
            survey.add(one.part, label)
    if not survey.n_read:
        raise InputError("There is not one frame in these files.")
    _check_archive(archive, survey)
    known = len(archive.existing(Frame, survey.frame_parts))
    for one in incoming:
        for batch in batched(one.read(), BATCH):
            archive.put(*(frame for frame, _ in batch))
            archive.record(label for _, label in batch)
    dataset = Dataset(
        provenance=Provenance.now(inputs=dict(inputs)),
        element="-".join(sorted(survey.elements)),
        parts={part: tuple(ids) for part, ids in survey.parts.items()},
        rule="import",
        query=dict(query),
        energy=_policy(survey.energies),
    )
    return Imported(
        named=name_dataset(archive, name, dataset),
        n_read=survey.n_read,
        n_frames=len(survey.frame_parts),
        n_known=known,
        n_repeated=survey.n_repeated,
        n_contradicting=survey.n_contradicting,
        notes=tuple(notes),
    )


def sentences(done: Imported) -> Iterator[str]:
    """Say what became of files.

    Parameters
    ----------
    done
        The import.

    Yields
    ------
    Sentences for the user.
    """
    yield from done.notes
    if done.n_repeated:
        yield f"{done.n_repeated} records are there twice with the same numbers; they count once."
    if done.n_contradicting:
        yield (
            f"{done.n_contradicting} records are of frames that came before with other numbers; "
            "the first ones were kept."
        )
    if done.n_known:
        yield f"{done.n_known} of {done.n_frames} frames were in the archive before."
    named = done.named
    parts = ", ".join(f"{len(ids)} {part}" for part, ids in named.dataset.parts.items())
    split = f" ({parts})" if len(named.dataset.parts) > 1 else ""
    yield f"{len(named.dataset.label_ids)} labels as {named.name}@{named.version}{split}"


def _policy(energies: set[str]) -> EnergyKind:
    """Return the energy that all labels have; the free one where they have several."""
    for kind in ENERGY_KINDS:
        if kind in energies:
            return kind
    raise InputError("The labels of these files have no energy in common; import them apart.")


def _check_archive(archive: Archive, survey: _Survey) -> None:
    """Refuse labels of which the archive has other numbers: it would silently keep its own."""
    other = 0
    for batch in batched(archive.existing(Label, survey.labels), BATCH):
        stored = archive.get_many(Label, batch)
        other += sum(label_checksum(label) != survey.labels[label.id] for label in stored)
    if other:
        raise InputError(
            f"{other} labels of these files are in the archive with the same settings and other "
            "numbers; if this is another set, give it a name of its own with --declare source=NAME."
        )
