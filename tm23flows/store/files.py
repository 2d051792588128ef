"""Datasets and queries to files and back.

Owns what is exported, under which name it comes back, and that a file is either
whole or not there. The format itself is :mod:`tm23flows.store.exchange.extxyz`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import bytes_id
from tm23flows.documents.label import Label
from tm23flows.errors import InputError
from tm23flows.store.datasets import (
    Named,
    check_name,
    find_dataset,
    name_dataset,
    select_labels,
)
from tm23flows.store.exchange.extxyz import read_labels, write_labels

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def parse_words(text: str) -> dict[str, str]:
    """Read a query written as ``metal=Cu,kmesh=3x3x3``.

    Parameters
    ----------
    text
        Words of :class:`tm23flows.store.query.Query` with values, joined by commas.

    Returns
    -------
    Values by word.

    Raises
    ------
    InputError
        If a part has no equals sign.
    """
    words = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not value.strip():
            raise InputError(f"'{part}' is no part of a query; write word=value,word=value.")
        words[key.strip()] = value.strip()
    return words


def labels_of(archive: Archive, source: str, part: str | None = None) -> list[Label]:
    """Read the labels that a name or a query means.

    Parameters
    ----------
    archive
        The archive.
    source
        Name of a dataset, or a query with equals signs.
    part
        Part of the dataset; None means all of it.

    Returns
    -------
    The labels.

    Raises
    ------
    InputError
        If the query finds nothing, or a query is asked for a part.
    NotFoundError
        If there is no such dataset.
    """
    if "=" in source:
        if part is not None:
            raise InputError("Only datasets have parts, a query has none.")
        return select_labels(archive, parse_words(source))
    dataset = find_dataset(archive, source)
    if part is not None and part not in dataset.parts:
        raise InputError(f"'{source}' has no part '{part}'; it has {', '.join(dataset.parts)}.")
    return archive.get_many(Label, dataset.label_ids if part is None else dataset.parts[part])


def export_labels(
    archive: Archive, source: str, path: Path, part: str | None = None, energy: str = "free"
) -> int:
    """Write labels to an extended XYZ file.

    Parameters
    ----------
    archive
        The archive.
    source
        Name of a dataset, or a query.
    path
        File to write; it appears when it is whole.
    part
        Part of the dataset; None means all of it.
    energy
        Which energy becomes the key ``energy``.

    Returns
    -------
    The number of frames.

    Raises
    ------
    InputError
        If there is nothing to write or the folder does not exist.
    """
    labels = labels_of(archive, source, part)
    frames = archive.get_many(Frame, [label.frame_id for label in labels])
    if not path.resolve().parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} to.")
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w") as file:
            count = write_labels(file, zip(frames, labels, strict=True), energy)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def import_labels(archive: Archive, paths: list[Path], name: str) -> Named:
    """Read extended XYZ files back and give what they hold a name.

    Nothing is stored before all files have been read to the end.

    Parameters
    ----------
    archive
        The archive.
    paths
        Files that :func:`export_labels` made.
    name
        Name for the dataset of all their labels.

    Returns
    -------
    A dataset with the single part ``all``.

    Raises
    ------
    InputError
        If the name is wrong, or a file cannot be read, lacks forces, or holds nothing.
    """
    check_name(name)
    pairs = [pair for path in paths for pair in read_labels(path)]
    if not pairs:
        raise InputError(f"There is not one frame in {', '.join(path.name for path in paths)}.")
    labels = {label.id: label for _, label in pairs}
    dataset = Dataset(
        provenance=Provenance.now(
            inputs={path.name: bytes_id(path.read_bytes()) for path in paths}
        ),
        element="-".join(sorted({label.element for label in labels.values()})),
        parts={"all": tuple(labels)},
        rule="import",
        query={"files": [path.name for path in paths]},
    )
    archive.put(*(frame for frame, _ in pairs))
    archive.record(labels.values())
    return name_dataset(archive, name, dataset)
