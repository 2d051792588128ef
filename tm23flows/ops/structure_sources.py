"""Crystals from files: reading them once, when a workflow is built.

Owns what a structure file must be to stand at the beginning of the road, and how it is
remembered. The Materials Project is in ``materials_project``; the supercell and the
vacancy are made by the job.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.science.crystals import identify_phase
from tm23flows.science.metals import metal
from tm23flows.store.decode import refuse_code

if TYPE_CHECKING:
    from ase import Atoms

MIN_DISTANCE_A: Final = 1.5
"""Atoms of these metals are 2.2 A apart and more; closer ones mean mixed-up coordinates."""

MAX_ATOMS: Final = 1000
"""More are no unit cell, and they would make a large document of every job."""

MAX_BYTES: Final = 1 << 26
"""A file, unpacked, that is larger holds no unit cell."""

_NOT_FILES: Final = ("bundletrajectory", "db", "mysql", "postgresql")
_DOCUMENTS: Final = (".json", ".mson", ".yaml", ".yml")
_DOCUMENT_TYPE: Final = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
# Readers raise whatever happens to them in a file that is not what they expect.
_READERS_RAISE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    StopIteration,
    SyntaxError,
    TypeError,
    ValueError,
)


def read_crystal(path: Path, element: str) -> Crystal:
    """Read the perfect crystal of a metal from a file.

    Parameters
    ----------
    path
        Any file of one structure that ASE or pymatgen reads: POSCAR, cif, extxyz and others.
    element
        The metal that it must be of.

    Returns
    -------
    The crystal; its source names the file and the sha256 of its content.

    Raises
    ------
    InputError
        If the file cannot be read, is too large or has a document type, holds several
        structures, no cell, another element, partly filled sites, atoms on top of each other,
        or more than a unit cell.
    """
    element = metal(element).symbol
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"The structure file {path} cannot be read: {error.strerror}.") from error
    _refuse_bombs(path)
    atoms = _only_structure(path)
    check_crystal(atoms, element, f"The file {path}")
    checksum = hashlib.sha256(content).hexdigest()
    return Crystal.from_atoms(
        atoms,
        identify_phase(atoms),
        f"file {path.name}, sha256 {checksum}",
        file=path.name,
        sha256=checksum,
    )


def check_crystal(atoms: Atoms, element: str, what: str) -> None:
    """Refuse what cannot be the unit cell of a metal.

    Parameters
    ----------
    atoms
        The cell.
    element
        The metal that it must be of.
    what
        Where it comes from, as the beginning of a sentence.

    Raises
    ------
    InputError
        With one sentence that says what is wrong.
    """
    import numpy as np
    from ase.neighborlist import neighbor_list

    found = sorted(set(atoms.get_chemical_symbols()))
    if found != [element]:
        raise InputError(f"{what} holds {', '.join(found) or 'no atoms'}, not {element} alone.")
    if not (np.isfinite(atoms.cell.array).all() and np.isfinite(atoms.positions).all()):
        raise InputError(f"{what} has a coordinate that is not a number.")
    if not atoms.pbc.all() or atoms.cell.rank < 3 or atoms.get_volume() < 1e-3:
        raise InputError(f"{what} has no cell that is periodic in all three directions.")
    if len(atoms) > MAX_ATOMS:
        raise InputError(f"{what} has {len(atoms)} atoms: give the unit cell, it is repeated.")
    if (np.asarray(atoms.info.get("occupancies", 1.0)) < 1).any():
        raise InputError(f"{what} has partly filled sites; the crystal must be perfect.")
    if len(near := neighbor_list("d", atoms, MIN_DISTANCE_A)):
        raise InputError(
            f"{what} has atoms {near.min():.2f} A apart: check its cell and coordinates."
        )


def _refuse_bombs(path: Path) -> None:
    """Refuse what would fill the memory of a reader: packed nothing, and XML that grows."""
    from monty.io import zopen

    try:
        with zopen(path, mode="rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError):
        return  # whoever reads it will say so
    if len(content) > MAX_BYTES:
        raise InputError(f"The file {path} has more than {MAX_BYTES >> 20} MiB: give a unit cell.")
    # What is behind a byte order mark or between null bytes is read all the same.
    if _DOCUMENT_TYPE.search(content.replace(b"\0", b"")):
        raise InputError(f"The file {path} has a document type, which no structure needs.")


def _only_structure(path: Path) -> Atoms:
    found = _read_with_ase(path) or _read_with_pymatgen(path)
    if not found:
        raise InputError(
            f"Neither ASE nor pymatgen finds a structure in {path}; name it by its format, such "
            "as POSCAR, x.cif or x.extxyz."
        )
    if len(found) > 1:
        raise InputError(f"The file {path} holds {len(found)} structures: give one with one.")
    return found[0]


def _read_with_ase(path: Path) -> list[Atoms]:
    from ase.io import read
    from ase.io.formats import UnknownFileTypeError, filetype

    try:
        file_format = filetype(str(path))
        if file_format in _NOT_FILES:
            return []
        found = read(path, index=":", format=file_format, do_not_split_by_at_sign=True)
    except (*_READERS_RAISE, UnknownFileTypeError):
        return []
    for atoms in found:
        # ASE keeps the sites of a cif that are shared or half empty here, and all as full ones.
        sites = atoms.info.get("occupancy", {}).values()
        atoms.info["occupancies"] = [part for site in sites for part in site.values()] or [1.0]
    return found


def _read_with_pymatgen(path: Path) -> list[Atoms]:
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    try:
        # pymatgen takes a file for a document wherever in its name these are.
        if any(mark in path.name.lower() for mark in _DOCUMENTS):
            structure = Structure.from_dict(_document(path))
        else:
            structure = Structure.from_file(path)
        return [AseAtomsAdaptor.get_atoms(structure, msonable=False)]
    except _READERS_RAISE:
        return []


def _document(path: Path) -> dict[str, Any]:
    """Read a structure that pymatgen wrote, and refuse it if it would import anything else."""
    from monty.io import zopen
    from ruamel.yaml import YAML, YAMLError

    with zopen(path, mode="rt", encoding="utf-8") as file:
        text = file.read()
    try:
        content = json.loads(text)
    except ValueError:
        try:
            content = YAML(typ="safe", pure=True).load(text)
        except YAMLError as error:
            raise ValueError(str(error)) from error
    refuse_code(content)
    return content
