"""HDF5: all frames one after another in a few long arrays.

Owns the layout: frame i has the atoms ``offset[i]`` to ``offset[i + 1]`` of ``numbers``,
``positions`` and ``forces``, and row i of everything else; what a frame does not have is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.label import ENERGY_KINDS
from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    document_texts,
    rebuild,
)

if TYPE_CHECKING:
    from h5py import Group

SUFFIXES = (".h5", ".hdf5")
EXACT = "every float64, bit by bit"

BATCH = 500
"""Frames that are in memory at once."""

LAYOUT = "tm23flows-frames-1"
UNITS = {
    "positions": "angstrom",
    "cell": "angstrom, vectors as rows",
    "energy": "eV per cell",
    "forces": "eV/angstrom",
    "stress": "eV/angstrom^3, positive under tension, xx yy zz yz xz xy",
    **{f"energy_{kind}": "eV per cell" for kind in ENERGY_KINDS},
}
ROW_SHAPES: dict[str, tuple[int, ...]] = {
    "numbers": (),
    "positions": (3,),
    "forces": (3,),
    "offset": (),
    "cell": (3, 3),
    "stress": (6,),
    "energy": (),
    **{f"energy_{kind}": () for kind in ENERGY_KINDS},
}
INTEGERS = ("numbers", "offset")
TEXTS = ("frame_id", "label_id", "checksum", "frame", "label")


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
    MissingDependencyError
        If h5py is not installed.
    """
    h5py = _h5py()
    left = iter(pairs)
    with h5py.File(path, "w") as file:
        file.attrs["layout"] = LAYOUT
        for name, shape in ROW_SHAPES.items():
            kind = "<i8" if name in INTEGERS else "<f8"
            data = file.create_dataset(name, (0, *shape), kind, maxshape=(None, *shape))
            data.attrs["unit"] = UNITS.get(name, "")
        for name in TEXTS:
            file.create_dataset(name, (0,), h5py.string_dtype(), maxshape=(None,))
        _append(file, {"offset": [0]})
        while batch := list(islice(left, BATCH)):
            _append(file, _columns(batch, wanted.energy, len(file["numbers"])))


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
    MissingDependencyError
        If h5py is not installed.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("layout") != LAYOUT:
                raise InputError(f"{path.name} was not written by 'tm23 export'.")
            count = len(file["offset"]) - 1
            for first in range(0, count, BATCH):
                yield from _batch(path.name, file, first, min(first + BATCH, count))
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is not a readable HDF5 file: {error}.") from error


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            "HDF5 needs h5py; install it with: pip install 'tm23flows[exchange]'."
        ) from error
    return h5py


def _append(file: Group, columns: dict[str, Any]) -> None:
    for name, values in columns.items():
        data = file[name]
        end = len(data) + len(values)
        data.resize(end, axis=0)
        data[end - len(values) :] = values


def _columns(batch: list[Pair], energy: str, n_before: int) -> dict[str, Any]:
    nothing = np.full(6, np.nan)
    labels = [label for _, label in batch]
    texts = [document_texts(*pair) for pair in batch]
    known = {
        f"energy_{kind}": [
            np.nan if (one := getattr(label.energies, kind)) is None else one for label in labels
        ]
        for kind in ENERGY_KINDS
    }
    return {
        "numbers": np.concatenate([frame.numbers for frame, _ in batch]),
        "positions": np.concatenate([frame.positions for frame, _ in batch]),
        "forces": np.concatenate([label.forces for label in labels]),
        "offset": n_before + np.cumsum([label.n_atoms for label in labels]),
        "cell": np.array([frame.cell for frame, _ in batch]),
        "stress": np.array([nothing if one.stress is None else one.stress for one in labels]),
        "energy": np.array([label.energies.of(energy) for label in labels]),
        **known,
        "frame_id": [label.frame_id for label in labels],
        "label_id": [label.id for label in labels],
        "checksum": [label.checksum for label in labels],
        "frame": [frame for frame, _ in texts],
        "label": [label for _, label in texts],
    }


def _batch(name: str, file: Group, first: int, end: int) -> Iterator[Pair]:
    offset = file["offset"][first : end + 1]
    atoms = slice(offset[0], offset[-1])
    per_atom = {key: file[key][atoms] for key in ("numbers", "positions", "forces")}
    rows = {key: file[key][first:end] for key in ("cell", "stress", "energy")}
    texts = {key: file[key].asstr()[first:end] for key in ("frame", "label", "checksum")}
    for i in range(end - first):
        one = slice(offset[i] - offset[0], offset[i + 1] - offset[0])
        stress = rows["stress"][i]
        arrays = {key: values[one] for key, values in per_atom.items()}
        arrays |= {"cell": rows["cell"][i], "stress": None if np.isnan(stress).all() else stress}
        yield rebuild(
            f"Frame {first + i + 1} of {name}",
            (texts["frame"][i], texts["label"][i]),
            arrays,
            rows["energy"][i],
            texts["checksum"][i],
        )
