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
from ase.io.extxyz import key_val_dict_to_str

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

ENERGY_KEYS = ("free", "sigma0", "without_entropy")
COLUMNS = "species:S:1:pos:R:3:forces:R:3"
FRAME_ARRAYS = ("numbers", "cell", "positions")
LABEL_ARRAYS = ("forces", "stress")


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
        If the file cannot be read, a frame lacks forces, or it was not written by us.
    """
    for number, atoms in enumerate(read_atoms(path), start=1):
        if "tm23_frame" not in atoms.info or "tm23_label" not in atoms.info:
            raise InputError(
                f"Frame {number} of {path.name} does not say how it was computed; only files "
                "written by 'tm23 export' can be read back."
            )
        yield _documents(atoms)


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
        If the file cannot be read or a frame lacks energy or forces, or has NaN in them.
    """
    from ase.io import iread
    from ase.io.extxyz import XYZError

    try:
        for number, atoms in enumerate(iread(path, ":", format="extxyz"), start=1):
            results = {} if atoms.calc is None else atoms.calc.results
            for name in ("energy", "forces"):
                if name not in results:
                    raise InputError(f"Frame {number} of {path.name} has no {name}.")
                if not np.isfinite(results[name]).all():
                    raise InputError(f"Frame {number} of {path.name} has NaN in its {name}.")
            yield atoms
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except (XYZError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is not a readable extended XYZ file: {error}.") from error


def _write_one(file: TextIO, frame: Frame, label: Label, energy: str) -> None:
    info: dict[str, Any] = {
        "energy": getattr(label.energies, energy),
        **{f"energy_{name}": getattr(label.energies, name) for name in ENERGY_KEYS},
        "frame_id": frame.id,
        "label_id": label.id,
        "config_type": frame.regime or "none",
        "tm23_frame": _fields(frame, FRAME_ARRAYS),
        "tm23_label": _fields(label, LABEL_ARRAYS),
    }
    if label.stress is not None:
        xx, yy, zz, yz, xz, xy = label.stress
        info["stress"] = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    lattice = " ".join(repr(float(x)) for x in frame.cell.ravel())
    file.write(f"{len(frame.numbers)}\n")
    file.write(f'Lattice="{lattice}" Properties={COLUMNS} pbc="T T T" ')
    file.write(key_val_dict_to_str(info) + "\n")
    for number, position, force in zip(frame.numbers, frame.positions, label.forces, strict=True):
        numbers = " ".join(repr(float(x)) for x in (*position, *force))
        file.write(f"{chemical_symbols[number]} {numbers}\n")


def _fields(document: Frame | Label, arrays: tuple[str, ...]) -> dict[str, Any]:
    return json.loads(document.model_dump_json(exclude={*arrays, "id"}))


def _documents(atoms: Atoms) -> tuple[Frame, Label]:
    frame = Frame(
        **atoms.info["tm23_frame"],
        numbers=atoms.numbers,
        cell=atoms.cell.array,
        positions=atoms.positions,
    )
    results = atoms.calc.results
    label = Label(
        **atoms.info["tm23_label"], forces=results["forces"], stress=results.get("stress")
    )
    if label.frame_id != frame.id:
        raise InputError(f"The geometry of frame {label.frame_id[:12]} was changed in the file.")
    return frame, label
