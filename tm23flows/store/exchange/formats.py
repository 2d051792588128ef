"""The formats that labels can be written in and read back from.

Owns the list; a new format is a module with ``write``, ``read``, ``SUFFIXES`` and ``EXACT``,
``NAMES`` where it has names of its own, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tm23flows.errors import InputError
from tm23flows.store.exchange import ase_db, extxyz, hdf5, nequip_lmdb, parquet
from tm23flows.store.exchange.records import Pair, Wanted


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    name
        Its name on the command line.
    suffixes
        Ends of file names that mean it.
    exact
        Which numbers come back as they were.
    write
        Writes records to a file.
    read
        Reads them back.
    names
        What it calls positions, cell, energy, forces and stress, where it differs.
    """

    name: str
    suffixes: tuple[str, ...]
    exact: str
    write: Callable[[Path, Iterable[Pair], Wanted], None]
    read: Callable[[Path], Iterator[Pair]]
    names: Mapping[str, str] = field(default_factory=dict)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("extxyz", extxyz.SUFFIXES, extxyz.EXACT, extxyz.write, extxyz.read_labels),
        Format("ase-db", ase_db.SUFFIXES, ase_db.EXACT, ase_db.write, ase_db.read),
        Format(
            "lmdb",
            nequip_lmdb.SUFFIXES,
            nequip_lmdb.EXACT,
            nequip_lmdb.write,
            nequip_lmdb.read,
            nequip_lmdb.NAMES,
        ),
        Format(
            "parquet",
            parquet.SUFFIXES,
            parquet.EXACT,
            parquet.write,
            parquet.read,
            parquet.NAMES,
        ),
        Format("hdf5", hdf5.SUFFIXES, hdf5.EXACT, hdf5.write, hdf5.read),
    )
}
"""Formats by name."""


def format_named(name: str) -> Format:
    """Return a format by its name.

    Parameters
    ----------
    name
        The name.

    Returns
    -------
    The format.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in FORMATS:
        raise InputError(f"There is no format '{name}'; use {', '.join(FORMATS)}.")
    return FORMATS[name]


def format_of(path: Path) -> Format | None:
    """Return the format that the end of a file's name means.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The format; None if the name means none.
    """
    found = (one for one in FORMATS.values() if path.name.lower().endswith(one.suffixes))
    return next(found, None)
