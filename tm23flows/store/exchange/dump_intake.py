"""A dump into an archive.

Owns the order of writing: after everything was read once, blobs, then documents after their
parents, then names of datasets. What is there stays as it is, so an import that was interrupted
is begun again and goes on, and a second one changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.documents.base import Document
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import DatabaseError
from tm23flows.store.batches import batched
from tm23flows.store.collections import COLLECTIONS, DATASET_NAMES
from tm23flows.store.datasets.names import name_dataset
from tm23flows.store.exchange.dump_check import (
    DOCUMENTS_AT_ONCE,
    Checked,
    ModelFiles,
    check_dump,
    read_document,
)
from tm23flows.store.exchange.dump_file import (
    DumpManifest,
    blob_of,
    collection_of_member,
    iterate_documents,
)
from tm23flows.store.exchange.dump_members import iterate_members
from tm23flows.store.exchange.intake import add_tags
from tm23flows.store.not_shipped import forget_shipped, note_not_shipped
from tm23flows.store.past.parents import parents_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class TakenIn:
    """What became of a dump.

    Parameters
    ----------
    file
        Name of the file.
    manifest
        What it says of itself.
    new
        Documents that the archive did not have, by collection.
    n_documents
        Documents in the file.
    n_files_missing
        Files of models that neither the file nor the archive has.
    notes
        Sentences for the user.
    """

    file: str
    manifest: DumpManifest
    new: dict[str, int]
    n_documents: int
    n_files_missing: int
    notes: tuple[str, ...]


def import_dumps(
    archive: Archive, paths: Sequence[Path], model_files: ModelFiles = "harmless"
) -> list[TakenIn]:
    """Add what dumps hold to an archive.

    Each file is read to its end before anything of it is stored.

    Parameters
    ----------
    archive
        The archive.
    paths
        The files.
    model_files
        Which files of models are taken: those that hold no code, all (``trusted``), or none.

    Returns
    -------
    What became of each.

    Raises
    ------
    InputError
        If a file is damaged or incomplete, contradicts the archive, or holds files that can run
        code and are not trusted; nothing of that file is stored then.
    """
    return [_import_one(archive, path, model_files) for path in paths]


def _import_one(archive: Archive, path: Path, model_files: ModelFiles) -> TakenIn:
    checked = check_dump(archive, path, model_files)
    missing = set(checked.absent)
    if model_files == "none":
        missing |= checked.files - set(archive.blobs.lengths(checked.files))
    _store_blobs(archive, path, checked.blobs - missing)
    note_not_shipped(archive.database, sorted(missing))
    waiting = _store(archive, path, checked, None)
    while waiting:  # runs with a model come before it
        still = _store(archive, path, checked, waiting)
        if still == waiting:
            raise DatabaseError(f"{len(still)} documents of {path.name} wait for each other.")
        waiting = still
    return TakenIn(
        file=path.name,
        manifest=checked.manifest,
        new={name: number for name, number in checked.new.items() if number},
        n_documents=sum(map(len, checked.ids.values())),
        n_files_missing=len(missing),
        notes=tuple(_give_names(archive, path)),
    )


def _store_blobs(archive: Archive, path: Path, wanted: set[str]) -> None:
    for member in iterate_members(path):
        key = blob_of(member.name)
        if key in wanted:
            archive.blobs.put(member.read(member.size))
    forget_shipped(archive.database, sorted(wanted))


def _store(archive: Archive, path: Path, checked: Checked, only: set[str] | None) -> set[str]:
    """Store documents whose parents are there; return the ids of the others."""
    waiting: set[str] = set()
    for member in iterate_members(path):
        collection = collection_of_member(member.name)
        if collection is None or collection == DATASET_NAMES:
            continue
        for batch in batched(iterate_documents(member), DOCUMENTS_AT_ONCE):
            wanted = [one for one in batch if only is None or one["id"] in only]
            documents = [read_document(collection, one) for one in wanted]
            ready = list(_with_parents(archive, checked, collection, documents))
            waiting |= {one.id for one in documents} - {one.id for one in ready}
            _put(archive, ready)
    return waiting


def _with_parents(
    archive: Archive, checked: Checked, collection: str, documents: Sequence[Document]
) -> Iterator[Document]:
    """Yield documents whose parents in the file are in the archive by now."""
    parents = {one.id: parents_of(collection, one.model_dump()) for one in documents}
    lacking: dict[str, set[str]] = {}
    for name, known in checked.ids.items():
        ids = {key for found in parents.values() for key in found.get(name, ())} & known
        lacking[name] = ids - archive.existing(COLLECTIONS[name], ids)
    for one in documents:
        found = parents[one.id]
        if not any(lacking.get(name, set()).intersection(ids) for name, ids in found.items()):
            yield one


def _put(archive: Archive, documents: Sequence[Document]) -> None:
    frames = [one for one in documents if isinstance(one, Frame)]
    outcomes = [one for one in documents if isinstance(one, (Label, Rejection))]
    archive.record(outcomes)
    archive.put(*(one for one in documents if not isinstance(one, (Label, Rejection))))
    add_tags(archive, frames)
    for run in (one for one in documents if isinstance(one, Trajectory)):
        there = archive.get(Trajectory, run.id)
        for place in range(len(there.segments), len(run.segments)):
            if not archive.push_segment(run.id, place, run.segments[place]):
                raise DatabaseError(
                    f"Another worker is running trajectory {run.id[:12]}; import the file again "
                    "when it is done."
                )


def _give_names(archive: Archive, path: Path) -> Iterator[str]:
    """Give datasets the names of the file; yield a sentence for each that is another here."""
    for member in iterate_members(path):
        if collection_of_member(member.name) != DATASET_NAMES:
            continue
        for one in iterate_documents(member):
            if not archive.existing(Dataset, [one["dataset_id"]]):
                yield f"{one['name']}@{one['version']} was the name of nothing; it is left out."
                continue
            dataset = archive.get(Dataset, one["dataset_id"])
            named = name_dataset(archive, one["name"], dataset)
            if named.version != one["version"]:
                yield f"{one['name']}@{one['version']} is {named.name}@{named.version} here."


def sentences(done: TakenIn) -> Iterator[str]:
    """Say what became of a dump.

    Parameters
    ----------
    done
        The import.

    Yields
    ------
    Sentences for the user.
    """
    counts = ", ".join(f"{number} {name}" for name, number in done.new.items())
    known = done.n_documents - sum(done.new.values())
    before = f"; {known} of {done.n_documents} documents were there before" if known else ""
    yield f"{done.file}: {counts or 'nothing new'}{before}."
    yield from done.notes
    if done.n_files_missing:
        yield f"{done.n_files_missing} files of models are not in it: those models predict nothing."
    cited = "".join(f" Cite {one}" for one in done.manifest.citation)
    yield f"Licence: {done.manifest.licence}.{cited}"
