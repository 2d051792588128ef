"""Labels to files and back: the front door of :mod:`tm23flows.store.exchange`.

Owns which importer a file is given to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pydantic import JsonValue

from tm23flows.errors import InputError
from tm23flows.store.exchange import ase_db, extxyz
from tm23flows.store.exchange.export import export_labels
from tm23flows.store.exchange.foreign import foreign_incoming
from tm23flows.store.exchange.formats import FORMATS, format_named, format_of
from tm23flows.store.exchange.intake import Imported, Incoming, check_incoming, licensed, take_in
from tm23flows.store.exchange.manifest import NOT_STATED, file_entry, verify_manifest
from tm23flows.store.exchange.mvl import LAYOUTS, mvl_incoming
from tm23flows.store.exchange.rare_events import rare_incoming
from tm23flows.store.exchange.rare_folder import RareEvents, read_rare_events
from tm23flows.store.exchange.source import labels_of
from tm23flows.store.exchange.tm23_archive import tm23_incoming
from tm23flows.store.exchange.tm23_names import archive_files
from tm23flows.store.query.words import parse_words

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

__all__ = ["IMPORTS", "export_labels", "import_files", "import_labels", "labels_of", "parse_words"]

TM23, RARE_EVENTS = "tm23", "rare-events"
IMPORTS = (*FORMATS, *LAYOUTS, TM23, RARE_EVENTS)
"""Formats that can be imported."""

DECLARABLE = ("extxyz", "ase-db")
"""Formats in which files of other programs come, too."""


def import_files(
    archive: Archive,
    paths: Sequence[Path],
    name: str,
    file_format: str | None = None,
    declared: Mapping[str, JsonValue] | None = None,
) -> list[Imported]:
    """Import files of any format and give what they hold a name.

    Nothing is stored before all files have been read to the end.

    Parameters
    ----------
    archive
        The archive.
    paths
        The files, or folders for ``tm23`` and ``rare-events``.
    name
        Name for the dataset of all their labels.
    file_format
        One of :data:`IMPORTS`; None goes by the files' names.
    declared
        What the files do not say themselves, by the words of
        :class:`tm23flows.store.exchange.declaration.Declaration`; None or nothing for files that
        :func:`.export_labels` made.

    Returns
    -------
    What became of them: one dataset, but for rare events one for each label.

    Raises
    ------
    InputError
        If anything is missing, wrong, changed or not declared.
    """
    words = dict(declared or {})
    if file_format is not None and file_format not in IMPORTS:
        raise InputError(f"There is no format '{file_format}'; use {', '.join(IMPORTS)}.")
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no file {path}.")
    if file_format == RARE_EVENTS:
        return _import_rare_events(archive, paths, name, words)
    if file_format == TM23:
        return [_import_tm23(archive, paths, name, words)]
    if file_format in LAYOUTS:
        incoming = [mvl_incoming(path, str(file_format), words) for path in paths]
        return [_take(archive, name, incoming, paths, str(file_format))]
    if _are_foreign(paths, file_format):
        incoming = [
            foreign_incoming(path, _declarable(path, file_format), name, words) for path in paths
        ]
        return [_take(archive, name, incoming, paths, "declared")]
    if words:
        _refuse_words(paths, file_format)
    return [import_labels(archive, paths, name, file_format)]


def import_labels(
    archive: Archive, paths: Sequence[Path], name: str, file_format: str | None = None
) -> Imported:
    """Read files of :func:`.export_labels` back and give what they hold a name.

    Nothing is stored before all files have been read to the end.

    Parameters
    ----------
    archive
        The archive.
    paths
        The files; one with a manifest beside it must be the one that it describes.
    name
        Name for the dataset of all their labels.
    file_format
        One of :data:`tm23flows.store.exchange.formats.FORMATS`; None goes by the files' names,
        and takes what has no known one for extended XYZ.

    Returns
    -------
    What became of them; the dataset has the single part ``all``.

    Raises
    ------
    InputError
        If the name is wrong, or a file cannot be read, was not written by us, was changed since,
        or holds nothing.
    """
    incoming = []
    for path in paths:
        manifest = verify_manifest(path)
        chosen = format_named(_format_name(path, file_format))
        read = partial(chosen.read, path)
        if manifest is not None and NOT_STATED not in manifest.licence:
            read = partial(licensed, read, manifest.licence, manifest.files)
        incoming.append(Incoming("all", read))
    return _take(archive, name, incoming, paths, None)


def _take(
    archive: Archive,
    name: str,
    incoming: Sequence[Incoming],
    paths: Sequence[Path],
    file_format: str | None,
) -> Imported:
    query: dict[str, JsonValue] = {"files": [path.name for path in paths]}
    if file_format is not None:
        query["format"] = file_format
    names = [path.name for path in paths]
    sums: dict[str, JsonValue] = {}
    for path in paths:
        checksum = file_entry(path).sha256
        alone = names.count(path.name) == 1
        sums[path.name if alone else f"{path.name} ({checksum[:12]})"] = checksum
    return take_in(archive, name, incoming, query, sums)


def _import_tm23(
    archive: Archive, paths: Sequence[Path], name: str, words: dict[str, JsonValue]
) -> Imported:
    chosen = words.pop("metal", None)
    counts = str(words.pop("counts", "paper"))
    with ExitStack() as stack:
        files = archive_files(paths, None if chosen is None else str(chosen), stack)
        incoming = tm23_incoming(files, words, counts)
        return _take(archive, name, incoming, [one.path for one in files], TM23)


def _import_rare_events(
    archive: Archive, paths: Sequence[Path], name: str, words: dict[str, JsonValue]
) -> list[Imported]:
    if len(paths) != 1:
        raise InputError("Import folders of rare events one by one.")
    found = read_rare_events(paths[0])
    if not found.labels:
        raise InputError(f"{found.path.name} has no label with both energies and forces.")
    all_incoming = {label: rare_incoming(found, label, name, words) for label in found.labels}
    for incoming in all_incoming.values():
        check_incoming(archive, [incoming])  # of all, before the first one is stored
    done = []
    for place, (label, incoming) in enumerate(all_incoming.items()):
        # The first label is the truth and has the name; the others are the same frames.
        called = name if place == 0 else f"{name}-{label}"
        notes = () if place else tuple(found.notes())
        done.append(_take_rare(archive, called, incoming, found, notes))
    return done


def _take_rare(
    archive: Archive, name: str, incoming: Incoming, found: RareEvents, notes: tuple[str, ...]
) -> Imported:
    query: dict[str, JsonValue] = {"files": list(found.checksums), "format": RARE_EVENTS}
    return take_in(archive, name, [incoming], query, dict(found.checksums), notes)


def _are_foreign(paths: Sequence[Path], file_format: str | None) -> bool:
    """Say whether files are of other programs: the first frame does not carry our documents."""
    ours = []
    for path in paths:
        name = _format_name(path, file_format)
        if name == "extxyz":
            ours.append(extxyz.is_ours(next(extxyz.iterate_atoms(path))))
        elif name == "ase-db":
            ours.append(ase_db.is_ours(next(ase_db.iterate_rows(path))))
        else:
            ours.append(True)
    if len(set(ours)) > 1:
        raise InputError(
            "Some of these files were written by 'tm23 export', others not: import them apart."
        )
    return not all(ours)


def _refuse_words(paths: Sequence[Path], file_format: str | None) -> NoReturn:
    for path in paths:
        _declarable(path, file_format)
    raise InputError(
        f"{paths[0].name} was written by 'tm23 export' and says itself what it holds: import it "
        "without declarations and without a licence."
    )


def _declarable(path: Path, file_format: str | None) -> str:
    name = _format_name(path, file_format)
    if name not in DECLARABLE:
        raise InputError(
            f"{path.name} as {name} is read as 'tm23 export' wrote it; declarations are for "
            f"{' and '.join(DECLARABLE)}."
        )
    return name


def _format_name(path: Path, file_format: str | None) -> str:
    if file_format is not None:
        return file_format
    found = format_of(path)
    return "extxyz" if found is None else found.name
