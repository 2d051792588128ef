"""Extended XYZ without loss: how labels are written and read back.

Owns one file format. ASE reads it; the writer is ours, because ASE's rounds
coordinates to eight decimals and a frame's id would not survive that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import orjson
from ase.data import chemical_symbols
from ase.io.extxyz import XYZError

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.errors import InputError
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    document_texts,
    label_checksum,
    rebuild,
)

if TYPE_CHECKING:
    from ase import Atoms

SUFFIXES = (".xyz", ".extxyz")
EXACT = "every float64, as the shortest text that reads back to the same bits"

KEYS = {"plain": "", "REF": "REF_"}
"""Beginnings of the names of energy, forces and stress. ASE takes plain names into a calculator."""

FULL = np.array([0, 5, 4, 5, 1, 3, 4, 3, 2])
"""Places of ASE's six components in the full tensor."""

COMMA_TO_SPACE = bytes.maketrans(b",", b" ")
DOCUMENT_KEYS = ("tm23_frame", "tm23_label")
UNREADABLE = (XYZError, ValueError, TypeError, KeyError, IndexError, RuntimeError)
"""What ASE raises on a broken file; RuntimeError where the file ends inside a frame."""


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
        file.write(_frame_text(frame, label, label.energies.of(energy), KEYS[keys]))
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
    images = iread(path, ":", format="extxyz")
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


def _frame_text(frame: Frame, label: Label, energy: float, prefix: str) -> str:
    kinds = ((kind, getattr(label.energies, kind)) for kind in ENERGY_KINDS)
    energies = " ".join(f"energy_{kind}={known!r}" for kind, known in kinds if known is not None)
    stress = ""
    if label.stress is not None:
        stress = f'{prefix}stress="{_row(label.stress[FULL])}" '
    frame_text, label_text = document_texts(frame, label)
    return (
        f'{label.n_atoms}\nLattice="{_row(frame.cell.ravel())}" '
        f'Properties=species:S:1:pos:R:3:{prefix}forces:R:3 pbc="T T T" '
        f"{prefix}energy={energy!r} {energies} frame_id={label.frame_id} label_id={label.id} "
        f'config_type="{_config_type(frame)}" tm23_checksum={label_checksum(label)} {stress}'
        f'tm23_frame="_JSON {_escape(frame_text)}" tm23_label="_JSON {_escape(label_text)}"\n'
        f"{_atom_lines(frame, label)}"
    )


def _atom_lines(frame: Frame, label: Label) -> str:
    # orjson writes a whole table with the shortest exact digits, many times faster than repr.
    table = np.empty((label.n_atoms, 6))
    table[:, :3], table[:, 3:] = frame.positions, label.forces
    text = orjson.dumps(table, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].translate(COMMA_TO_SPACE)
    symbols = [chemical_symbols[number] for number in frame.numbers.tolist()]
    if symbols.count(symbols[0]) == len(symbols):
        start = f"{symbols[0]} ".encode()
        return (start + text.replace(b"] [", b"\n" + start) + b"\n").decode()
    rows = zip(symbols, text.decode().split("] ["), strict=True)
    return "".join(f"{symbol} {row}\n" for symbol, row in rows)


def _row(numbers: Any) -> str:
    text = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].translate(COMMA_TO_SPACE).decode()


def _config_type(frame: Frame) -> str:
    words = str(frame.tags.get("config_type") or frame.regime or "none").split()
    return _escape(" ".join(words).encode("ascii", "replace").decode())


def _escape(text: str) -> str:
    """Escape as ASE's reader understands it; its writer forgets the backslashes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
