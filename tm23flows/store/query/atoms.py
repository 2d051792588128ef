"""Stored documents to ASE atoms, with as little work as they allow.

Owns the fast road from the archive to atoms. Only what atoms need is read, without recipe
and past; ids, shapes and numbers are checked as in :mod:`tm23flows.documents`, so a damaged
document is refused here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.arrays import decode_array
from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import geometry_id
from tm23flows.documents.label import ENERGY_KINDS, Energies, Label, label_id, numbers_checksum
from tm23flows.documents.upgrades import upgrade_stored
from tm23flows.errors import DatabaseError, InputError
from tm23flows.store.batches import batched

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    from tm23flows.store.query.selection import Selection

Stored = dict[str, Any]

_WHERE_FROM = ("element", "regime", "temperature_K", "trajectory_id", "step")
_GEOMETRY = ("numbers", "cell", "positions")


def _fields(*names: str) -> dict[str, int]:
    return dict.fromkeys(("schema_version", *names), 1)


FRAME_FIELDS = _fields(*_GEOMETRY, *_WHERE_FROM)
LABEL_FIELDS = _fields(
    *_WHERE_FROM, "frame_id", "recipe_id", "n_atoms", "energies", "forces", "stress", "checksum"
)
LABELLED_FRAME_FIELDS = _fields(*_GEOMETRY)
"""What the frame adds to its label."""


def stream_atoms(selection: Selection[Any], energy: str = "free") -> Iterator[Atoms]:
    """Turn what a selection finds into ASE atoms.

    Parameters
    ----------
    selection
        Of frames, or of labels, whose atoms carry energy, forces and stress.
    energy
        Which energy of a label becomes ASE's ``energy``.

    Yields
    ------
    Atoms in the order of the selection, with ids in ``info``.

    Raises
    ------
    InputError
        If a label lacks that energy, or there is no such energy.
    DatabaseError
        If a stored document is damaged, or a label's frame is not there.
    """
    if energy not in ENERGY_KINDS:
        raise InputError(f"There is no energy '{energy}'; choose one of {', '.join(ENERGY_KINDS)}.")
    if selection.noun is Frame:
        for stored in selection.stored(FRAME_FIELDS):
            atoms = _checked(Frame, stored, geometry_of)
            atoms.info = {"frame_id": stored["_id"], **_where_from(stored)}
            yield atoms
        return
    collection = selection.archive.database["frames"]
    for labels in batched(selection.stored(LABEL_FIELDS)):
        ids = list({one.get("frame_id") for one in labels})
        found = collection.find({"_id": {"$in": ids}}, LABELLED_FRAME_FIELDS)
        yield from _labelled(labels, {one["_id"]: one for one in found}, energy)


def _labelled(labels: list[Stored], frames: dict[str, Stored], energy: str) -> Iterator[Atoms]:
    for stored in labels:
        frame = frames.get(stored.get("frame_id", ""))
        if frame is None:
            raise DatabaseError(
                f"The frame {str(stored.get('frame_id'))[:12]} of the label {stored['_id'][:12]} "
                "is not in the archive; 'tm23 audit' lists what is missing."
            )
        atoms = _checked(Frame, frame, geometry_of)
        _attach(atoms, stored, energy)
        yield atoms


def geometry_of(stored: Stored) -> Atoms:
    """Make atoms from the arrays of a stored frame.

    Parameters
    ----------
    stored
        Stored fields, with ``_id``.

    Returns
    -------
    The atoms.

    Raises
    ------
    ValueError
        If the geometry does not belong to the id.
    """
    from ase import Atoms

    numbers, cell, positions = (decode_array(stored[name]) for name in _GEOMETRY)
    if geometry_id("frame", numbers, cell, positions) != stored["_id"]:
        raise ValueError(f"Frame {stored['_id']} does not match its content")
    return Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)


def results_of(stored: Stored) -> dict[str, Any]:
    """Read energies, forces and stress of a stored label.

    Parameters
    ----------
    stored
        Stored fields, with ``_id``.

    Returns
    -------
    ``energies`` in eV, ``forces`` in eV/angstrom, ``stress`` in eV/angstrom^3 or None.

    Raises
    ------
    ValueError
        If the label does not belong to its id, or its numbers are not complete.
    """
    if label_id(stored["frame_id"], stored["recipe_id"]) != stored["_id"]:
        raise ValueError(f"Label {stored['_id']} does not match its content")
    forces = decode_array(stored["forces"])
    if forces.shape != (stored["n_atoms"], 3) or not np.isfinite(forces).all():
        raise ValueError("its forces are not three finite numbers for each atom")
    stress = stored["stress"]
    if stress is not None:
        stress = decode_array(stress)
        if stress.shape != (6,) or not np.isfinite(stress).all():
            raise ValueError("the stress is not six finite numbers")
    energies = Energies.model_validate(stored["energies"])
    checksum = numbers_checksum(energies, forces, stress)
    if stored.get("checksum", checksum) != checksum:
        raise ValueError(f"the numbers of the label {stored['_id']} were changed")
    return {"energies": energies, "forces": forces, "stress": stress}


def _attach(atoms: Atoms, stored: Stored, energy: str) -> None:
    results = _checked(Label, stored, results_of)
    if len(atoms) != len(results["forces"]):
        raise DatabaseError(
            f"The label {stored['_id'][:12]} has forces on {len(results['forces'])} atoms, its "
            f"frame has {len(atoms)}; 'tm23 audit' lists what is damaged."
        )
    energies = results.pop("energies")
    results["energy"] = energies.of(energy)
    if energies.free is not None:
        results["free_energy"] = energies.free
    atoms.calc = _calculator(atoms, {k: v for k, v in results.items() if v is not None})
    atoms.info = {
        "frame_id": stored["frame_id"],
        "label_id": stored["_id"],
        "recipe_id": stored["recipe_id"],
        **_where_from(stored),
    }


def _calculator(atoms: Atoms, results: dict[str, Any]) -> SinglePointCalculator:
    """Hold results as ASE does: a copy of the atoms says when they no longer belong to them.

    Copying an empty calculator takes a third of the time of making one, and atoms made from
    arrays take less than copied ones.
    """
    calculator = copy(_empty_calculator())
    calculator.parameters = copy(calculator.parameters)
    calculator.atoms = type(atoms)(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc
    )
    calculator.results = results
    return calculator


@cache
def _empty_calculator() -> SinglePointCalculator:
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    return SinglePointCalculator(Atoms())


def _where_from(stored: Stored) -> dict[str, Any]:
    return {name: stored[name] for name in _WHERE_FROM if stored.get(name) is not None}


def _checked(noun: type[Frame | Label], stored: Stored, read: Callable[[Stored], Any]) -> Any:
    """Read a stored document; one that is damaged or newer is refused with its name."""
    try:
        if stored.get("schema_version") != noun.LAYOUT:
            stored = upgrade_stored(noun.__name__, stored, noun.LAYOUT)
        return read(stored)
    except (ValueError, TypeError, LookupError) as error:
        raise DatabaseError(
            f"The {noun.__name__.lower()} {str(stored.get('_id'))[:12]} in the archive is not "
            f"what it should be: {error}"
        ) from error
