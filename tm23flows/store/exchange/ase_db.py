"""ASE's database in SQLite: readable with ``ase db`` and :func:`ase.db.connect`.

Owns what a row holds. Numbers are ASE's own columns, so every program that reads ASE's database
finds energy, free energy, forces and stress; ids and settings are key-value pairs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.errors import InputError
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    document_texts,
    rebuild,
)

SUFFIXES = (".db",)
EXACT = (
    "every float64, bit by bit; only an energy of minus zero is zero in SQLite's own column, "
    "and minus zero again for 'tm23 import'"
)

UNREADABLE = (sqlite3.Error, KeyError, ValueError, TypeError, AttributeError, OSError)
"""What ASE and SQLite raise on a file that is none of theirs, or damaged."""


def write(path: Path, pairs: Iterable[Pair], wanted: Wanted) -> None:
    """Write frames with their labels.

    Parameters
    ----------
    path
        File to write.
    pairs
        Frames and labels of them.
    wanted
        Which energy becomes ``energy``.

    Raises
    ------
    InputError
        If a label lacks that energy.
    """
    with _connect(path) as database:
        for frame, label in pairs:
            texts = document_texts(frame, label)
            data = {
                "tm23_frame": texts[0],
                "tm23_label": texts[1],
                "tm23_checksum": label.checksum,
            }
            atoms = _atoms(frame, label, label.energies.of(wanted.energy))
            database.write(atoms, _words(frame, label), data)


def read(path: Path) -> Iterator[Pair]:
    """Read frames with their labels from a file that :func:`write` made.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    Frames and labels, equal to the ones that were written.

    Raises
    ------
    InputError
        If the file cannot be read, was not written by us, or was changed since.
    """
    for row in iterate_rows(path):
        where = f"Row {row.id} of {path.name}"
        data = row.data
        if not is_ours(row):
            raise InputError(f"{where} was not written by 'tm23 export'.")
        arrays = {
            "numbers": row.numbers,
            "cell": row.cell,
            "positions": row.positions,
            "forces": row.get("forces"),
            "stress": row.get("stress"),
        }
        texts = (data["tm23_frame"], data["tm23_label"])
        yield rebuild(where, texts, arrays, row.get("energy"), data["tm23_checksum"])


def is_ours(row: Any) -> bool:
    """Say whether a row comes from :func:`write`.

    Parameters
    ----------
    row
        A row of ASE's database.

    Returns
    -------
    True if it carries its documents.
    """
    return {"tm23_frame", "tm23_label", "tm23_checksum"} <= set(row.data)


def iterate_rows(path: Path) -> Iterator[Any]:
    """Read the rows of any SQLite database of ASE, in the order of their ids.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    ASE's rows.

    Raises
    ------
    InputError
        If it is no such file, or it is damaged or empty.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    rows, number = None, 0
    while True:
        try:
            rows = _connect(path, append=True).select(sort="id") if rows is None else rows
            row = next(rows)
            _ = row.data, row.positions, row.get("forces"), row.get("stress")
        except StopIteration:
            break
        except UNREADABLE as error:
            raise InputError(f"{path.name} is no database of ASE in SQLite: {error}.") from error
        number += 1
        yield row
    if not number:
        raise InputError(f"{path.name} holds no frame.")


def _connect(path: Path, *, append: bool = False) -> Any:
    from ase.db import connect

    return connect(path, type="db", append=append, use_lock_file=False)


def _atoms(frame: Frame, label: Label, energy: float) -> Any:
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = frame.atoms
    results: dict[str, Any] = {"energy": energy, "forces": label.forces}
    if label.energies.free is not None:
        results["free_energy"] = label.energies.free
    if label.stress is not None:
        results["stress"] = label.stress
    atoms.calc = SinglePointCalculator(atoms, **results)
    atoms.calc.name = label.recipe.engine
    return atoms


def _words(frame: Frame, label: Label) -> dict[str, Any]:
    words = {
        "frame_id": label.frame_id,
        "label_id": label.id,
        "regime": frame.regime,
        "temperature_K": frame.temperature_K,
        "step": frame.step,
        "trajectory_id": frame.trajectory_id,
        "sigma_eV": label.recipe.sigma_eV,
        "kmesh": label.recipe.kmesh_text,
        **{f"energy_{kind}": getattr(label.energies, kind) for kind in ENERGY_KINDS},
    }
    return {key: value for key, value in words.items() if value is not None}
