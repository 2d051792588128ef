"""The layout of a folder with rare events, read and checked.

Owns ``DATA.json`` and the POSCAR files beside it or in a zip: that all parts are there and belong
together. What becomes of them is :mod:`tm23flows.store.exchange.rare_events`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tm23flows.errors import InputError
from tm23flows.store.exchange.manifest import file_entry
from tm23flows.store.exchange.members import take_out

KMESHES = {"DFT_K4": "4x4x4", "DFT_K2": "2x2x2", "DFT_K1": "1x1x1"}
"""Meshes by label, the truth first."""

CUT_A, BEYOND_A = 5.0, 5.5
"""Where one of the conventions cuts r, and what it writes beyond."""

POSCAR = re.compile(r"(\d+)(_vacancies)?\.POSCAR\.vasp")


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

    def kmesh(self, label: str) -> str:
        """Return the k-mesh of a label, such as ``4x4x4``: what the file states, or its name.

        Parameters
        ----------
        label
            One of :data:`KMESHES`.

        Returns
        -------
        The mesh.
        """
        stated = self.data.get("labels")
        words = stated.get(label) if isinstance(stated, dict) else None
        mesh = words.get("kmesh") if isinstance(words, dict) else None
        return mesh if isinstance(mesh, str) else KMESHES[label]

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
            if matched := POSCAR.fullmatch(Path(name).name):
                number, vacant = matched.groups()
                (vacancies if vacant else structures)[int(number)] = _read_poscar(file)
    _check(path, data, structures, vacancies)
    return RareEvents(path, data, structures, vacancies, checksums)


def _load(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        for name in ("Energies", "Forces"):
            if not isinstance(data[name], dict):
                raise InputError(f"{path.name} has no object '{name}'.")
        if not set(KMESHES) & set(data["Forces"]):
            raise InputError(f"{path.name} has forces of none of {', '.join(KMESHES)}.")
        data["r"] = list(data["r"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
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
