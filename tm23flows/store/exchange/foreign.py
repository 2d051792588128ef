"""Files of other programs: extended XYZ and ASE's database, with a declaration.

Owns how labelled frames are found in them. What the numbers are, the file cannot say: that comes
from :mod:`tm23flows.store.exchange.declaration`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.errors import InputError
from tm23flows.store.exchange.ase_db import iterate_rows
from tm23flows.store.exchange.convert import Raw, to_pair
from tm23flows.store.exchange.declaration import Declaration, declare, declared_beside
from tm23flows.store.exchange.extxyz import iterate_atoms
from tm23flows.store.exchange.intake import Incoming
from tm23flows.store.exchange.manifest import file_entry
from tm23flows.store.exchange.records import Pair

if TYPE_CHECKING:
    from ase import Atoms

LOOKS_LIKE_STRESS = re.compile(r"stress|virial", re.IGNORECASE)

Reader = Callable[[Path, Declaration], Iterator[Raw]]

ASE_UNITS: dict[str, JsonValue] = {"energy_unit": "eV", "force_unit": "eV/A"}
"""What ASE's database holds by its own definition."""

ASE_STRESS: dict[str, JsonValue] = {
    "stress_unit": "eV/A^3",
    "stress_sign": "tension",
    "stress_order": "xx yy zz yz xz xy",
}


def foreign_incoming(
    path: Path, file_format: str, name: str, words: dict[str, JsonValue], part: str = "all"
) -> Incoming:
    """Prepare the import of one declared file.

    Parameters
    ----------
    path
        The file.
    file_format
        ``extxyz`` or ``ase-db``.
    name
        Name of the dataset, which names the set where the declaration does not.
    words
        The declaration; what it leaves open is taken from a manifest beside the file.
    part
        Part of the dataset that its labels become.

    Returns
    -------
    What can be taken in.

    Raises
    ------
    InputError
        If the declaration is not complete.
    """
    said = {**declared_beside(path), **words}
    defaults: dict[str, JsonValue] = {}
    if file_format == "ase-db":
        defaults = ASE_UNITS | ({} if "stress" in said else ASE_STRESS)
    declared = declare(said, **defaults)
    reader = _ase_db_frames if file_format == "ase-db" else extxyz_frames
    return Incoming(part, partial(read_declared, path, reader, declared, name))


def read_declared(path: Path, reader: Reader, declared: Declaration, name: str) -> Iterator[Pair]:
    """Read the records of one declared file.

    Parameters
    ----------
    path
        The file.
    reader
        Finds its labelled frames.
    declared
        What its numbers are.
    name
        Name of the set, where the declaration has none.

    Yields
    ------
    Frames and labels.

    Raises
    ------
    InputError
        If a frame is not complete, or has what was not declared.
    """
    checksum = file_entry(path).sha256
    past = Provenance.now(inputs={"import": declared.origin(file=path.name, sha256=checksum)})
    recipe = declared.recipe(name)
    for raw in reader(path, declared):
        yield to_pair(raw, declared, recipe, past, checksum)


def extxyz_frames(path: Path, declared: Declaration) -> Iterator[Raw]:
    """Find the labelled frames of an extended XYZ file.

    Parameters
    ----------
    path
        The file.
    declared
        Names of its keys.

    Yields
    ------
    Frames, with their numbers as the file has them.

    Raises
    ------
    InputError
        If it is not readable, or a frame lacks a number or has an undeclared stress.
    """
    for number, atoms in enumerate(iterate_atoms(path), start=1):
        where = f"Frame {number} of {path.name}"
        results = {} if atoms.calc is None else atoms.calc.results
        said = {**atoms.info, **results}
        if not atoms.pbc.all():
            raise InputError(f"{where} is not periodic in three directions.")
        _check_keys(where, atoms, said, declared)
        stress = said.get(declared.stress_key)
        if declared.stress_key in results:
            # ASE reads full tensors only under this name and makes six numbers of them.
            stress = np.asarray(stress)[[0, 5, 4, 5, 1, 3, 4, 3, 2]]
        forces = results.get(declared.force_key, atoms.arrays.get(declared.force_key))
        yield Raw(
            where=where,
            numbers=atoms.numbers,
            cell=atoms.cell.array,
            positions=atoms.positions,
            energies={declared.energy: said.get(declared.energy_key)},
            forces=forces,
            stress=stress,
            facts={"tags": _tags(atoms.info)},
        )


def _check_keys(where: str, atoms: Atoms, said: dict[str, Any], declared: Declaration) -> None:
    there = [*said, *atoms.arrays]
    for word in ("energy", "force"):
        key = getattr(declared, f"{word}_key")
        if key not in there:
            alike = [one for one in there if word in one.lower()]
            hint = f"; it has {', '.join(alike)}" if alike else ""
            raise InputError(
                f"{where} has no {word if word == 'energy' else 'forces'} under the name '{key}'"
                f"{hint}: name it with --declare {word}-key=NAME."
            )
    alike = [one for one in said if LOOKS_LIKE_STRESS.search(one)]
    if declared.stress is None and alike and declared.stress_key not in alike:
        raise InputError(
            f"{where} has {', '.join(alike)}: name the one to read with --declare stress-key=NAME, "
            "or leave it out with --declare stress=none."
        )


def _tags(info: dict[str, Any]) -> dict[str, JsonValue]:
    """Keep the group of a frame, as other programs write it."""
    wanted = ("config_type", "group", "event")
    return {key: str(info[key]) for key in wanted if info.get(key) is not None}


def _ase_db_frames(path: Path, declared: Declaration) -> Iterator[Raw]:
    for row in iterate_rows(path):
        where = f"Row {row.id} of {path.name}"
        if not np.all(row.pbc):
            raise InputError(f"{where} is not periodic in three directions.")
        energies: dict[str, Any] = {declared.energy: row.get("energy")}
        if declared.energy != "unspecified" and row.get("free_energy") is not None:
            energies.setdefault("free", row.get("free_energy"))
        yield Raw(
            where=where,
            numbers=row.numbers,
            cell=row.cell,
            positions=row.positions,
            energies=energies,
            forces=row.get("forces"),
            stress=row.get("stress"),
            facts={"tags": _tags(row.key_value_pairs)},
            may_lack_stress=True,
        )
