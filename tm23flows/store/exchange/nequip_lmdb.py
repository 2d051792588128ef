"""LMDB as NequIP reads it: one pickled dictionary of tensors for each frame.

Owns the keys and shapes of that dictionary. NequIP's own class writes and reads the pickles;
beside them stand our documents as plain text, under keys of their own. Reading runs what a file
holds as a program, so nothing is read before the file's checksum is the one of its manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange.manifest import verify_manifest
from tm23flows.store.exchange.records import (
    Pair,
    Wanted,
    document_texts,
    rebuild,
)

SUFFIXES = (".lmdb",)
EXACT = "every float64, bit by bit, as float64 tensors"
NAMES = {"positions": "pos", "energy": "total_energy"}

VOIGT = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]
"""Places of ASE's six components in the full tensor."""

NO_STRESS = np.full(6, np.nan)
"""Stands for a stress that is not known, as in NequIP's own losses with ``ignore_nan``."""

BYTES_PER_FRAME, BYTES_PER_ATOM = 32_768, 512
"""More than a frame and an atom of it need, with the pages of the file."""


def write(path: Path, pairs: Iterable[Pair], wanted: Wanted) -> None:
    """Write frames with their labels.

    Parameters
    ----------
    path
        File to write.
    pairs
        Frames and labels of them.
    wanted
        How many there are, and which energy becomes ``total_energy``.

    Raises
    ------
    InputError
        If a label lacks that energy.
    MissingDependencyError
        If nequip is not installed.
    """
    lmdb, dataset = _libraries()
    grown = path.with_name(path.name + ".grown")
    size = wanted.count * BYTES_PER_FRAME + wanted.n_atoms * BYTES_PER_ATOM + (1 << 22)
    with TemporaryFile("w+b") as texts:
        frames = _tensors(pairs, wanted.energy, texts)
        dataset.save_from_iterator(str(grown), frames, map_size=size)
        # Documents may be long; a text takes whole pages of the file.
        size += 2 * texts.tell() + wanted.count * (1 << 13)
        texts.seek(0)
        with lmdb.open(str(grown), subdir=False, map_size=size, sync=False) as store:
            with store.begin(write=True) as transaction:
                for number, line in enumerate(texts):
                    transaction.put(_text_key(number), line)
            # The file has the size of the map; a compact copy has that of its content.
            store.copy(str(path), compact=True)
    grown.unlink()
    grown.with_name(grown.name + "-lock").unlink(missing_ok=True)


def read(path: Path) -> Iterator[Pair]:
    """Read frames with their labels from a file that :func:`write` made.

    Parameters
    ----------
    path
        The file, with its manifest beside it.

    Yields
    ------
    Frames and labels, equal to the ones that were written.

    Raises
    ------
    InputError
        If there is no manifest, the file is not the one that it describes, or it was not
        written by us.
    MissingDependencyError
        If nequip is not installed.
    """
    verify_manifest(path, "what it holds is run as a program when it is read")
    lmdb, dataset = _libraries()
    with TemporaryFile("w+b") as texts:
        # NequIP keeps the file open, and LMDB lets a process open it only once.
        with lmdb.open(str(path), subdir=False, readonly=True, lock=False) as store:
            count = _copy_texts(store, texts)
        texts.seek(0)
        frames = dataset(str(path))
        if len(frames) != count:
            raise InputError(f"{path.name} was not written by 'tm23 export'.")
        for number, line in enumerate(texts):
            *documents, checksum = json.loads(line)
            data = frames[number]
            where = f"Frame {number + 1} of {path.name}"
            energy = float(data["total_energy"].item())
            yield rebuild(where, tuple(documents), _arrays(data), energy, checksum)


def _copy_texts(store: Any, texts: IO[bytes]) -> int:
    """Copy the documents, which are plain text, to a file; return how many there are."""
    number = 0
    with store.begin() as transaction:
        while (line := transaction.get(_text_key(number))) is not None:
            texts.write(line)
            number += 1
    return number


def _libraries() -> tuple[Any, Any]:
    try:
        import lmdb
        from nequip.data.dataset import NequIPLMDBDataset
    except ImportError as error:
        raise MissingDependencyError(
            "NequIP's LMDB needs nequip; install it with: pip install 'tm23flows[nequip]'."
        ) from error
    return lmdb, NequIPLMDBDataset


def _text_key(number: int) -> bytes:
    return f"tm23:{number}".encode("ascii")


def _tensors(pairs: Iterable[Pair], energy: str, texts: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield what NequIP's class pickles; write the documents to a file on the way."""
    import torch

    for frame, label in pairs:
        line = [*document_texts(frame, label), label.checksum]
        texts.write(json.dumps(line).encode("ascii") + b"\n")
        # NequIP batches only frames that have the same keys.
        stress = NO_STRESS if label.stress is None else label.stress
        yield {
            "pos": torch.tensor(frame.positions),
            "cell": torch.tensor(frame.cell).reshape(1, 3, 3),
            "pbc": torch.tensor([[True, True, True]]),
            "atomic_numbers": torch.tensor(frame.numbers),
            "total_energy": torch.tensor([[label.energies.of(energy)]], dtype=torch.float64),
            "forces": torch.tensor(label.forces),
            "stress": torch.tensor(stress[VOIGT]).reshape(1, 3, 3),
        }


def _arrays(data: dict[str, Any]) -> dict[str, Any]:
    stress = data["stress"].numpy().reshape(9)[[0, 4, 8, 5, 2, 1]]
    return {
        "numbers": data["atomic_numbers"].numpy().reshape(-1),
        "cell": data["cell"].numpy().reshape(3, 3),
        "positions": data["pos"].numpy(),
        "forces": data["forces"].numpy(),
        "stress": None if np.isnan(stress).all() else stress,
    }
