"""Extended XYZ without loss: how labels are written and read back.

Owns one file format. ASE reads it; the writer is ours, because ASE's rounds
coordinates to eight decimals and a frame's id would not survive that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from ase.io.extxyz import XYZError

from tm23flows.errors import InputError
from tm23flows.store.exchange.extxyz_text import frame_text
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    rebuild,
)

if TYPE_CHECKING:
    from ase import Atoms

SUFFIXES = (".xyz", ".extxyz")
EXACT = "every float64, as the shortest text that reads back to the same bits"

KEYS = {"plain": "", "REF": "REF_"}
"""Beginnings of the names of energy, forces and stress. ASE takes plain names into a calculator."""

DOCUMENT_KEYS = ("tm23_frame", "tm23_label")
UNREADABLE = (XYZError, ValueError, TypeError, KeyError, IndexError, RuntimeError, OSError)
"""What ASE raises on a broken file; RuntimeError where the file ends inside a frame, or JSON in it
is nested too deeply; OSError where a compressed file is none."""


def write_labels(
    file: TextIO, pairs: Iterable[Pair], energy: str = "free", keys: str = "plain"
) -> int:
    """Write frames with their labels.

    Parameters
    ----------
    file
        Open text file.
    pairs
        Frames and labels of them.
    energy
        Which energy becomes the key ``energy`` that programs train on.
    keys
        One of :data:`KEYS`.

    Returns
    -------
    The number of frames.

    Raises
    ------
    InputError
        If there is no such energy, or a label lacks it.
    """
    if keys not in KEYS:
        raise InputError(f"There are no keys '{keys}'; choose one of {', '.join(KEYS)}.")
    count = 0
    for frame, label in pairs:
        file.write(frame_text(frame, label, label.energies.of(energy), KEYS[keys]))
        count += 1
    return count


def write(path: Path, pairs: Iterable[Pair], wanted: Wanted) -> None:
    """Write a file; see :func:`write_labels`."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        write_labels(file, pairs, wanted.energy, wanted.keys)


def read_labels(path: Path) -> Iterator[Pair]:
    """Read frames with their labels from a file that :func:`write_labels` made.

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
        If the file cannot be read, a frame lacks forces, or it was not written by us
        or changed since.
    """
    for number, atoms in enumerate(read_atoms(path), start=1):
        where = f"Frame {number} of {path.name}"
        if not is_ours(atoms):
            raise InputError(
                f"{where} does not say how it was computed; only files written by "
                "'tm23 export' can be read back, others must be declared."
            )
        results = atoms.calc.results
        arrays = {
            "numbers": atoms.numbers,
            "cell": atoms.cell.array,
            "positions": atoms.positions,
            "forces": results["forces"],
            "stress": results.get("stress"),
        }
        texts = (atoms.info["tm23_frame"], atoms.info["tm23_label"])
        checksum = str(atoms.info.get("tm23_checksum"))
        yield rebuild(where, texts, arrays, results["energy"], checksum)


def is_ours(atoms: Atoms) -> bool:
    """Say whether atoms come from a file of :func:`write_labels`.

    Parameters
    ----------
    atoms
        What a file holds.

    Returns
    -------
    True if they carry their documents.
    """
    return all(isinstance(atoms.info.get(key), dict) for key in DOCUMENT_KEYS)


def read_atoms(path: Path) -> Iterator[Atoms]:
    """Read labelled geometries and refuse files that are not labelled.

    Parameters
    ----------
    path
        An extended XYZ file.

    Yields
    ------
    Atoms with energy and forces, from plain or REF keys, in a calculator.

    Raises
    ------
    InputError
        If the file cannot be read or holds no frame, or a frame lacks energy or forces,
        or has NaN in its numbers.
    """
    for number, atoms in enumerate(iterate_atoms(path), start=1):
        where = f"Frame {number} of {path.name}"
        _take_ref_keys(where, atoms)
        _check_numbers(where, atoms)
        yield atoms


def iterate_atoms(path: Path) -> Iterator[Atoms]:
    """Read geometries with whatever a file says of them.

    Parameters
    ----------
    path
        An extended XYZ file.

    Yields
    ------
    Atoms as ASE reads them.

    Raises
    ------
    InputError
        If the file cannot be read or holds no frame.
    """
    from ase.io import iread

    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    # ASE takes what follows an @ in a name for the numbers of frames.
    images = iread(path, ":", format="extxyz", do_not_split_by_at_sign=True)
    number = 0
    while True:
        try:
            atoms = next(images)
        except StopIteration:
            break
        except UNREADABLE as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"{path.name} is not a readable extended XYZ file: {reason}."
            ) from error
        number += 1
        yield atoms
    if not number:
        raise InputError(f"{path.name} holds no frame.")


def _take_ref_keys(where: str, atoms: Atoms) -> None:
    """Put labels with REF keys where ASE puts plain ones."""
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.stress import full_3x3_to_voigt_6_stress

    if atoms.calc is not None or "REF_energy" not in atoms.info:
        return
    results = {"energy": atoms.info["REF_energy"]}
    if "REF_forces" in atoms.arrays:
        results["forces"] = atoms.arrays["REF_forces"]
    if "REF_stress" in atoms.info:
        # ASE makes a tensor of nine numbers under the plain name only.
        full = np.asarray(atoms.info["REF_stress"])
        if full.shape != (9,):
            raise InputError(f"{where} has a REF_stress that is not nine numbers.")
        results["stress"] = full_3x3_to_voigt_6_stress(full.reshape(3, 3))
    atoms.calc = SinglePointCalculator(atoms, **results)


def _check_numbers(where: str, atoms: Atoms) -> None:
    results = {} if atoms.calc is None else atoms.calc.results
    for name in ("energy", "forces"):
        if name not in results:
            raise InputError(f"{where} has no {name}.")
    for name in ("energy", "forces", "stress"):
        try:
            values = np.asarray(results.get(name, 0.0), dtype=float)
        except ValueError:
            raise InputError(f"{where} has something else than numbers in its {name}.") from None
        if not np.isfinite(values).all():
            raise InputError(f"{where} has NaN in its {name}.")
