"""Extended XYZ without loss: how labels are written and read back.

Owns one file format. ASE reads it; the writer is ours, because ASE's rounds
coordinates to eight decimals and a frame's id would not survive that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from ase.data import chemical_symbols
from ase.io.extxyz import XYZError, key_val_dict_to_str
from pydantic import ValidationError

from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import bytes_id
from tm23flows.documents.label import Label
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

ENERGY_KEYS = ("free", "sigma0", "without_entropy")
COLUMNS = "species:S:1:pos:R:3:forces:R:3"
FRAME_ARRAYS = ("numbers", "cell", "positions")
LABEL_ARRAYS = ("forces", "stress")
DOCUMENT_KEYS = ("tm23_frame", "tm23_label")
UNREADABLE = (XYZError, ValueError, TypeError, KeyError, IndexError, RuntimeError)
"""What ASE raises on a broken file; RuntimeError where the file ends inside a frame."""


def write_labels(file: TextIO, pairs: Iterable[tuple[Frame, Label]], energy: str = "free") -> int:
    """Write frames with their labels.

    Parameters
    ----------
    file
        Open text file.
    pairs
        Frames and labels of them.
    energy
        Which energy becomes the key ``energy`` that programs train on.

    Returns
    -------
    The number of frames.

    Raises
    ------
    InputError
        If there is no such energy.
    """
    if energy not in ENERGY_KEYS:
        raise InputError(f"There is no energy '{energy}'; choose one of {', '.join(ENERGY_KEYS)}.")
    count = 0
    for frame, label in pairs:
        _write_one(file, frame, label, energy)
        count += 1
    return count


def read_labels(path: Path) -> Iterator[tuple[Frame, Label]]:
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
        if not all(isinstance(atoms.info.get(key), dict) for key in DOCUMENT_KEYS):
            raise InputError(
                f"{where} does not say how it was computed; only files written by "
                "'tm23 export' can be read back."
            )
        try:
            frame, label = _documents(atoms)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise InputError(f"{where} cannot be read back: {reason}.") from error
        except ValueError as error:
            raise InputError(f"{where} cannot be read back: {error}.") from error
        _check_unchanged(where, atoms, frame, label)
        yield frame, label


def read_atoms(path: Path) -> Iterator[Atoms]:
    """Read labelled geometries and refuse files that are not labelled.

    Parameters
    ----------
    path
        An extended XYZ file.

    Yields
    ------
    Atoms with energy and forces.

    Raises
    ------
    InputError
        If the file cannot be read or holds no frame, or a frame lacks energy or forces,
        or has NaN in its numbers.
    """
    from ase.io import iread

    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    number = 0
    try:
        for atoms in iread(path, ":", format="extxyz"):
            number += 1
            _check_numbers(f"Frame {number} of {path.name}", atoms)
            yield atoms
    except UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{path.name} is not a readable extended XYZ file: {reason}.") from error
    if not number:
        raise InputError(f"{path.name} holds no frame.")


def _check_numbers(where: str, atoms: Atoms) -> None:
    results = {} if atoms.calc is None else atoms.calc.results
    for name in ("energy", "forces"):
        if name not in results:
            raise InputError(f"{where} has no {name}.")
    for name in ("energy", "forces", "stress"):
        if not np.isfinite(np.asarray(results.get(name, 0.0), dtype=float)).all():
            raise InputError(f"{where} has NaN in its {name}.")


def _check_unchanged(where: str, atoms: Atoms, frame: Frame, label: Label) -> None:
    """Refuse numbers that were edited after they were written."""
    if label.frame_id != frame.id:
        raise InputError(f"{where} cannot be read back: its geometry was changed in the file.")
    energies = [getattr(label.energies, name) for name in ENERGY_KEYS]
    same = atoms.info.get("tm23_checksum") == _checksum(label)
    if not same or atoms.calc.results["energy"] not in energies:
        raise InputError(f"{where} cannot be read back: its label was changed in the file.")


def _write_one(file: TextIO, frame: Frame, label: Label, energy: str) -> None:
    info: dict[str, Any] = {
        "energy": getattr(label.energies, energy),
        **{f"energy_{name}": getattr(label.energies, name) for name in ENERGY_KEYS},
        "frame_id": frame.id,
        "label_id": label.id,
        "config_type": frame.regime or "none",
        "tm23_checksum": _checksum(label),
    }
    documents = {
        "tm23_frame": _fields(frame, FRAME_ARRAYS),
        "tm23_label": _fields(label, LABEL_ARRAYS),
    }
    if label.stress is not None:
        xx, yy, zz, yz, xz, xy = label.stress
        info["stress"] = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    lattice = " ".join(repr(float(x)) for x in frame.cell.ravel())
    file.write(f"{len(frame.numbers)}\n")
    file.write(f'Lattice="{lattice}" Properties={COLUMNS} pbc="T T T" ')
    quoted = " ".join(f'{key}="_JSON {_escape(text)}"' for key, text in documents.items())
    file.write(f"{key_val_dict_to_str(info)} {quoted}\n")
    for number, position, force in zip(frame.numbers, frame.positions, label.forces, strict=True):
        numbers = " ".join(repr(float(x)) for x in (*position, *force))
        file.write(f"{chemical_symbols[number]} {numbers}\n")


def _fields(document: Frame | Label, arrays: tuple[str, ...]) -> str:
    # Through JSON values, because the standard library writes ASCII only.
    return json.dumps(json.loads(document.model_dump_json(exclude={*arrays, "id"})))


def _escape(text: str) -> str:
    """Escape as ASE's reader understands it; its writer forgets the backslashes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _checksum(label: Label) -> str:
    numbers = [getattr(label.energies, name) for name in ENERGY_KEYS]
    stress = [] if label.stress is None else label.stress
    return bytes_id(np.concatenate([numbers, label.forces.ravel(), stress]).astype("<f8").tobytes())


def _documents(atoms: Atoms) -> tuple[Frame, Label]:
    results = atoms.calc.results
    geometry = {
        "numbers": atoms.numbers,
        "cell": atoms.cell.array,
        "positions": atoms.positions,
    }
    numbers = {"forces": results["forces"], "stress": results.get("stress")}
    return (
        Frame.from_stored({**atoms.info["tm23_frame"], **geometry}),
        Label.from_stored({**atoms.info["tm23_label"], **numbers}),
    )
