"""Labels to a file with its manifest, both whole or not there.

Owns the order of writing: beside the place where the file is to be, checked, then renamed. What
is written comes from a stream, so memory does not limit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import ENERGY_KINDS
from tm23flows.errors import InputError
from tm23flows.store.exchange.extxyz import KEYS
from tm23flows.store.exchange.formats import Format, format_named
from tm23flows.store.exchange.manifest import (
    NOT_STATED,
    Manifest,
    file_entry,
    manifest_path,
    quantities,
)
from tm23flows.store.exchange.records import Pair, Wanted
from tm23flows.store.exchange.source import Source, find_source, stream_pairs

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

CITATION = (
    "Owen et al., npj Comput. Mater. 10, 92 (2024), doi 10.1038/s41524-024-01264-z (the protocol)",
    "tm23flows: see its CITATION.cff",
)


@dataclass
class _Seen:
    """What went by while a file was written."""

    count: int = 0
    elements: set[str] = field(default_factory=set)
    recipes: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Any] = field(default_factory=dict)
    all_imported: bool = True

    def watch(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Pass records on and note what they are."""
        for frame, label in pairs:
            self.count += 1
            self.elements.add(frame.element)
            if label.recipe_id not in self.recipes:
                self.recipes[label.recipe_id] = label.recipe.model_dump(mode="json")
            if (origin := label.provenance.inputs.get("import")) is not None:
                self.origins.setdefault(json.dumps(origin, sort_keys=True), origin)
            else:
                self.all_imported = False
            yield frame, label

    @property
    def licence(self) -> str:
        """What sources say; the licence of some of the labels is not that of the others."""
        said = self.collect("licence")
        unsaid = () if self.all_imported or NOT_STATED in said else (NOT_STATED,)
        return " and ".join((*said, *unsaid)) or NOT_STATED

    def collect(self, word: str) -> tuple[str, ...]:
        """Collect what the origins of imported labels say."""
        said = (one.get(word) for one in self.origins.values() if isinstance(one, dict))
        return tuple(dict.fromkeys(str(one) for one in said if one))


def export_labels(
    archive: Archive,
    source: str,
    path: Path,
    part: str | None = None,
    energy: str | None = None,
    file_format: str = "extxyz",
    keys: str = "plain",
    licence: str | None = None,
) -> int:
    """Write labels to a file, and its manifest beside it.

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
        Which energy becomes ``energy``; None takes the label policy of the dataset.
    file_format
        One of :data:`tm23flows.store.exchange.formats.FORMATS`.
    keys
        ``plain`` or ``REF``, for extended XYZ.
    licence
        Licence of the data; None takes what the sources of imported labels say.

    Returns
    -------
    The number of frames.

    Raises
    ------
    InputError
        If there is nothing to write, a label lacks the energy, or the folder does not exist.
    NotFoundError
        If there is no such dataset.
    MissingDependencyError
        If the format needs a library that is not installed.
    """
    chosen = format_named(file_format)
    if keys not in KEYS or (keys != "plain" and file_format != "extxyz"):
        raise InputError(
            f"{file_format} has no keys '{keys}'; extxyz has {', '.join(KEYS)}, others only plain."
        )
    found = find_source(archive, source, part)
    energy = energy or found.energy
    if energy not in ENERGY_KINDS:
        raise InputError(f"There is no energy '{energy}'; choose one of {', '.join(ENERGY_KINDS)}.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; say which file in it to write.")
    if not path.resolve().parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} to.")
    dataset_id = None if found.dataset is None else found.dataset.id
    wanted = Wanted(len(found.label_ids), found.n_atoms, energy, keys, dataset_id)
    return _write(archive, path, chosen, wanted, found, licence)


def _write(
    archive: Archive, path: Path, chosen: Format, wanted: Wanted, found: Source, licence: str | None
) -> int:
    seen = _Seen()
    pairs = seen.watch(stream_pairs(archive, found.label_ids))
    with TemporaryDirectory(prefix=f".{path.name}.", suffix=".part", dir=path.parent) as folder:
        partial = Path(folder) / path.name
        chosen.write(partial, pairs, wanted)
        _sync(partial)
        manifest = _manifest(partial, chosen, wanted, found, seen, licence)
        beside = manifest_path(partial)
        beside.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        _sync(beside)
        partial.replace(path)
        beside.replace(manifest_path(path))
    return seen.count


def _manifest(
    partial: Path, chosen: Format, wanted: Wanted, found: Source, seen: _Seen, licence: str | None
) -> Manifest:
    return Manifest(
        format=chosen.name,
        files=(file_entry(partial),),
        count=seen.count,
        n_atoms=wanted.n_atoms,
        elements=tuple(sorted(seen.elements)),
        energy=wanted.energy,
        quantities=quantities(wanted.energy, wanted.keys, chosen.names),
        exact=chosen.exact,
        recipes=seen.recipes,
        source=found.described,
        origins=tuple(seen.origins.values()),
        licence=licence or seen.licence,
        citation=(*seen.collect("citation"), *CITATION),
        software=Provenance.now(_versions()).software,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("ase", "numpy", "nequip", "lmdb", "h5py", "pyarrow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
