"""Records from files into the archive, counted and compared.

Owns what every import does, whatever its format: read everything once before anything is stored,
find what is there twice, refuse what contradicts the archive, store in batches, name a dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import content_id
from tm23flows.errors import InputError
from tm23flows.store.batches import batched
from tm23flows.store.datasets.creation import Named, check_name, name_dataset
from tm23flows.store.exchange.manifest import NOT_STATED, FileEntry
from tm23flows.store.exchange.records import Pair
from tm23flows.store.exchange.survey import Survey, check_archive

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
    survey = check_incoming(archive, incoming)
    known = len(archive.existing(Frame, survey.frame_parts))
    notes = [*notes, *_store(archive, incoming)]
    dataset = Dataset(
        provenance=Provenance.now(inputs=dict(inputs)),
        element="-".join(sorted(survey.elements)),
        parts={part: tuple(ids) for part, ids in survey.parts.items()},
        rule="import",
        query=dict(query),
        energy=survey.policy,
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


def check_incoming(archive: Archive, incoming: Sequence[Incoming]) -> Survey:
    """Read records to the end and refuse what cannot be stored; nothing is.

    Parameters
    ----------
    archive
        The archive.
    incoming
        The records, part by part.

    Returns
    -------
    What they hold.

    Raises
    ------
    InputError
        If there is no record, a frame is in two parts, or the archive has other numbers for the
        same frame and recipe.
    """
    survey = Survey()
    for one in incoming:
        for _, label in one.read():
            survey.add(one.part, label)
    if not survey.n_read:
        raise InputError("There is not one frame in these files.")
    check_archive(archive, survey)
    return survey


def _store(archive: Archive, incoming: Sequence[Incoming]) -> Iterator[str]:
    """Store records; yield a sentence if frames had other tags before."""
    n_other_tags = 0
    for one in incoming:
        for batch in batched(one.read(), BATCH):
            frames = [frame for frame, _ in batch]
            archive.put(*frames)
            n_other_tags += add_tags(archive, frames)
            archive.record(label for _, label in batch)
    if n_other_tags:
        yield f"{n_other_tags} frames had tags in the archive that say otherwise; these were kept."


def add_tags(archive: Archive, frames: Sequence[Frame]) -> int:
    """Give frames that were there the tags that they lack; tags are no part of their id.

    Parameters
    ----------
    archive
        The archive, which has the frames.
    frames
        Frames with the tags that they should have.

    Returns
    -------
    How many had other values, which were kept.
    """
    given = {frame.id: frame.tags for frame in frames if frame.tags}
    collection = archive.database["frames"]
    n_other = 0
    for stored in list(collection.find({"_id": {"$in": list(given)}}, {"tags": 1})):
        known, new = stored.get("tags"), given[stored["_id"]]
        merged = {**new, **(known or {})}
        n_other += any(merged[key] != value for key, value in new.items())
        if merged != known:
            # Only if nobody else has given it tags meanwhile.
            unchanged = {"_id": stored["_id"], "tags": known}
            collection.update_one(unchanged, {"$set": {"tags": merged}})
    return n_other


def licensed(
    read: Callable[[], Iterable[Pair]], licence: str, files: Sequence[FileEntry]
) -> Iterator[Pair]:
    """Keep the licence that a manifest gives, in the provenance of labels that have none.

    Parameters
    ----------
    read
        Reads records.
    licence
        The licence.
    files
        The files that the manifest describes.

    Yields
    ------
    The same records; a licence that a label came with stays.
    """
    facts = {"file": files[0].name, "sha256": files[0].sha256}
    for frame, label in read():
        inputs = label.provenance.inputs
        known = inputs.get("import")
        origin = {**facts, **known} if isinstance(known, dict) else facts
        if origin.get("licence", NOT_STATED) != NOT_STATED:
            yield frame, label
            continue
        given = {**inputs, "import": {**origin, "licence": licence}}
        checked = {"inputs": given, "inputs_sha256": content_id("inputs", inputs=given)}
        past = label.provenance.model_copy(update=checked)
        yield frame, label.model_copy(update={"provenance": past})


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
