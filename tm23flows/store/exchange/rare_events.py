"""Folders with rare events: ``DATA.json`` and a zip of POSCAR files.

Owns that layout. ``Energies{label: [frame]}`` and ``Forces{label: [frame][atom][3]}`` are in eV and
eV/A, without stress; labels are ``DFT_K4``, ``DFT_K2`` and ``DFT_K1``, which are k-meshes, so each
of them is a recipe and a dataset of its own. ``r[frame][atom]`` is the distance to the nearest
migrating atom, either plain or cut at 5.0 A with 5.5 beyond; in both, the atoms in the middle of a
hop are exactly those with ``r == 0``. A frame without that information has null. ``r_v`` has two
meanings in such files and is not read. Where the file states the k-mesh of a label, that is it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.errors import InputError
from tm23flows.store.exchange.convert import Raw, to_pair
from tm23flows.store.exchange.declaration import Declaration, declare
from tm23flows.store.exchange.intake import Incoming
from tm23flows.store.exchange.rare_folder import RareEvents
from tm23flows.store.exchange.records import Pair

FIXED = {"energy", "energy_unit", "force_unit", "stress", "stress_unit", "stress_sign", "kmesh"}


def rare_incoming(
    found: RareEvents, label: str, name: str, words: dict[str, JsonValue]
) -> Incoming:
    """Prepare the import of one label of a folder.

    Parameters
    ----------
    found
        The folder.
    label
        One of :data:`tm23flows.store.exchange.rare_folder.KMESHES`.
    name
        Name of the set, where the declaration has none.
    words
        What a user declares besides, such as the licence.

    Returns
    -------
    What can be taken in.

    Raises
    ------
    InputError
        If a word is declared that the format itself says.
    """
    if fixed := sorted(FIXED & set(words)):
        raise InputError(f"rare-events folders say themselves what their {fixed[0]} is.")
    declared = declare(
        {"xc": "PBE", "cutoff_eV": 520.0, "engine": "vasp", **words},
        energy="unspecified",
        energy_unit="eV",
        force_unit="eV/A",
        stress="none",
        kmesh=found.kmesh(label),
    )
    return Incoming("all", partial(_records, found, label, name, declared))


def _records(found: RareEvents, label: str, name: str, declared: Declaration) -> Iterator[Pair]:
    facts: dict[str, JsonValue] = {"format": "rare-events", "label": label}
    facts["files"] = dict(found.checksums)
    past = Provenance.now(inputs={"import": declared.origin(**facts)})
    recipe = declared.recipe(name, label=label)
    forces, energies = found.data["Forces"][label], found.data["Energies"][label]
    for number, (force, energy) in enumerate(zip(forces, energies, strict=True)):
        atoms = found.structures[number]
        raw = Raw(
            where=f"Frame {number} of {found.path.name}, {label}",
            numbers=atoms.numbers,
            cell=atoms.cell.array,
            positions=atoms.positions,
            energies={"unspecified": energy},
            forces=force,
            facts={"tags": _tags(found, number)},
        )
        yield to_pair(raw, declared, recipe, past, found.checksums[found.path.name])


def _tags(found: RareEvents, number: int) -> dict[str, JsonValue]:
    """Write down the atoms in the middle of a hop; a frame that does not say has no such tag."""
    tags: dict[str, JsonValue] = {"index": number}
    if (row := found.data["r"][number]) is not None:
        tags["re_atoms"] = [place for place, r in enumerate(row) if r == 0]
    if number in found.vacancies:
        tags["vacant_sites_A"] = found.vacancies[number].positions.tolist()
    return tags
