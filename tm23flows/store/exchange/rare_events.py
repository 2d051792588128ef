"""Folders with rare events: ``DATA.json`` and a zip of POSCAR files.

Owns that layout. ``Energies{label: [frame]}`` and ``Forces{label: [frame][atom][3]}`` are in eV and
eV/A, without stress; labels are ``DFT_K4``, ``DFT_K2`` and ``DFT_K1``, which are k-meshes, so each
of them is a recipe and a dataset of its own. ``r[frame][atom]`` is the distance to the nearest
migrating atom, either plain or cut at 5.0 A with 5.5 beyond; in both, the atoms in the middle of a
hop are exactly those with ``r == 0``. A frame without that information has null. ``r_v`` has two
meanings in such files and is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.errors import InputError
from tm23flows.store.exchange.convert import Raw, to_pair
from tm23flows.store.exchange.declaration import Declaration, declare
from tm23flows.store.exchange.intake import Incoming
from tm23flows.store.exchange.manifest import file_entry
from tm23flows.store.exchange.members import take_out
from tm23flows.store.exchange.records import Pair

KMESHES = {"DFT_K4": "4x4x4", "DFT_K2": "2x2x2", "DFT_K1": "1x1x1"}
"""Meshes by label, the truth first."""

CUT_A, BEYOND_A = 5.0, 5.5
"""Where one of the conventions cuts r, and what it writes beyond."""

POSCAR = re.compile(r"(\d+)(_vacancies)?\.POSCAR\.vasp")

FIXED = {"energy", "energy_unit", "force_unit", "stress", "stress_unit", "stress_sign", "kmesh"}


@dataclass(frozen=True)
class RareEvents:
    """One folder, read.

    Parameters
    ----------
    path
        The file ``DATA.json``.
    data
        Its content, checked.
    structures
        Geometries by number of the frame.
    vacancies
        Vacant sites by number of the frame, in angstrom.
    checksums
        sha256 of the files.
    """

    path: Path
    data: dict[str, Any]
    structures: dict[int, Any]
    vacancies: dict[int, Any]
    checksums: dict[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that have energies and forces, the truth first."""
        return tuple(one for one in KMESHES if self._has(one, "Forces") and self._has(one))

    @property
    def without_energy(self) -> tuple[str, ...]:
        """Labels that have forces only, which make no label here."""
        return tuple(one for one in KMESHES if self._has(one, "Forces") and not self._has(one))

    def notes(self) -> Iterator[str]:
        """Say what is left out, and which convention the file follows."""
        for one in self.without_energy:
            yield f"{one} has forces without energies in this file, and is left out."
        known = [row for row in self.data["r"] if row is not None]
        marked = sum(1 for row in known for r in row if r == 0)
        n_marked = sum(1 for row in known if 0 in row)
        convention = "plain distances"
        if (flat := [r for row in known for r in row]) and max(flat) == BEYOND_A:
            convention = f"distances up to {CUT_A} A and {BEYOND_A} beyond"
        yield (
            f"{marked} atoms in the middle of a hop in {n_marked} of {len(self.data['r'])} frames; "
            f"{len(self.data['r']) - len(known)} frames do not say; r holds {convention}."
        )

    def _has(self, label: str, what: str = "Energies") -> bool:
        return label in self.data[what]


def read_rare_events(folder: Path) -> RareEvents:
    """Read a folder and check that its parts belong together.

    Parameters
    ----------
    folder
        Folder with ``DATA.json`` and one zip of POSCAR files (or these files themselves), or the
        path of ``DATA.json``.

    Returns
    -------
    Its content.

    Raises
    ------
    InputError
        If a part is missing, cannot be read, or does not fit the others.
    """
    path = folder / "DATA.json" if folder.is_dir() else folder
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    data = _load(path)
    checksums = {path.name: file_entry(path).sha256}
    structures: dict[int, Any] = {}
    vacancies: dict[int, Any] = {}
    with _poscars(path.parent, checksums) as files:
        for name, file in files.items():
            number, vacant = POSCAR.fullmatch(Path(name).name).groups()
            atoms = _read_poscar(file)
            (vacancies if vacant else structures)[int(number)] = atoms
    _check(path, data, structures, vacancies)
    return RareEvents(path, data, structures, vacancies, checksums)


def rare_incoming(
    found: RareEvents, label: str, name: str, words: dict[str, JsonValue]
) -> Incoming:
    """Prepare the import of one label of a folder.

    Parameters
    ----------
    found
        The folder.
    label
        One of :data:`KMESHES`.
    name
        Name of the set, where the declaration has none.
    words
        What a user declares besides, such as the licence.

    Returns
    -------
    What can be taken in.

    Raises
    ------
    InputError
        If a word is declared that the format itself says.
    """
    if fixed := sorted(FIXED & set(words)):
        raise InputError(f"rare-events folders say themselves what their {fixed[0]} is.")
    declared = declare(
        {"xc": "PBE", "cutoff_eV": 520.0, "engine": "vasp", **words},
        energy="unspecified",
        energy_unit="eV",
        force_unit="eV/A",
        stress="none",
        kmesh=KMESHES[label],
    )
    return Incoming("all", partial(_records, found, label, name, declared))


def _records(found: RareEvents, label: str, name: str, declared: Declaration) -> Iterator[Pair]:
    facts: dict[str, JsonValue] = {"format": "rare-events", "label": label}
    facts["files"] = dict(found.checksums)
    past = Provenance.now(inputs={"import": declared.origin(**facts)})
    recipe = declared.recipe(name, label=label)
    forces, energies = found.data["Forces"][label], found.data["Energies"][label]
    for number, (force, energy) in enumerate(zip(forces, energies, strict=True)):
        atoms = found.structures[number]
        raw = Raw(
            where=f"Frame {number} of {found.path.name}, {label}",
            numbers=atoms.numbers,
            cell=atoms.cell.array,
            positions=atoms.positions,
            energies={"unspecified": energy},
            forces=force,
            facts={"tags": _tags(found, number)},
        )
        yield to_pair(raw, declared, recipe, past, found.checksums[found.path.name])


def _tags(found: RareEvents, number: int) -> dict[str, JsonValue]:
    """Write down the atoms in the middle of a hop; a frame that does not say has no such tag."""
    tags: dict[str, JsonValue] = {"index": number}
    if (row := found.data["r"][number]) is not None:
        tags["re_atoms"] = [place for place, r in enumerate(row) if r == 0]
    if number in found.vacancies:
        tags["vacant_sites_A"] = found.vacancies[number].positions.tolist()
    return tags


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
        for name in ("Energies", "Forces"):
            if not isinstance(data[name], dict):
                raise InputError(f"{path.name} has no object '{name}'.")
        if not set(KMESHES) & set(data["Forces"]):
            raise InputError(f"{path.name} has forces of none of {', '.join(KMESHES)}.")
        data["r"] = list(data["r"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is not in the layout of rare events: {error}.") from error
    return data


@contextmanager
def _poscars(folder: Path, checksums: dict[str, str]) -> Iterator[dict[str, Path]]:
    """Find the POSCAR files of a folder, in its only zip or beside DATA.json."""
    zips = sorted(folder.glob("*.zip"))
    if len(zips) > 1:
        raise InputError(f"{folder} has {len(zips)} zip files; leave the one with the POSCARs.")
    if not zips:
        yield {one.name: one for one in folder.iterdir() if POSCAR.fullmatch(one.name)}
        return
    checksums[zips[0].name] = file_entry(zips[0]).sha256
    with TemporaryDirectory() as place:

        def wanted(name: str) -> bool:
            return POSCAR.fullmatch(Path(name).name) is not None

        yield take_out(zips[0], Path(place), wanted)


def _read_poscar(path: Path) -> Any:
    from ase.io import ParseError, read

    try:
        return read(StringIO(path.read_text(encoding="utf-8")), format="vasp")
    except (ValueError, IndexError, KeyError, ParseError, RuntimeError) as error:
        raise InputError(f"{path.name} is no readable POSCAR: {error}.") from error


def _check(
    path: Path, data: dict[str, Any], structures: dict[int, Any], vacancies: dict[int, Any]
) -> None:
    count = len(data["r"])
    if sorted(structures) != list(range(count)):
        raise InputError(
            f"{path.name} has {count} frames, and there are {len(structures)} POSCAR files, which "
            f"are not 0 to {count - 1}."
        )
    if strange := set(vacancies) - set(structures):
        raise InputError(f"There are vacancies of frame {min(strange)}, which is not there.")
    for what in ("Forces", "Energies"):
        for label, rows in data[what].items():
            if label not in KMESHES:
                raise InputError(f"{path.name} has a label '{label}' that is not known.")
            if len(rows) != count:
                raise InputError(f"{path.name}: {what} of {label} are of {len(rows)} frames.")
            if None in rows:
                missing = rows.index(None)
                raise InputError(f"{path.name}: frame {missing} has no {what.lower()} of {label}.")
    for number, row in enumerate(data["r"]):
        if row is not None:
            _check_distances(f"{path.name}: r of frame {number}", row, len(structures[number]))


def _check_distances(where: str, row: list[float], n_atoms: int) -> None:
    if np.shape(row) != (n_atoms,) or not np.isfinite(row).all():
        raise InputError(f"{where} is not one number for each of its {n_atoms} atoms.")
    if min(row) < 0:
        raise InputError(f"{where} has a negative distance.")
