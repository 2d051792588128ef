"""The JSON sets of the Materials Virtual Lab: snap and mlearn.

Owns what their two layouts mean. Both have VASP's PBE energies (nobody says which of VASP's three)
and a stress in kbar that is positive under compression; the last two components stand in another
order in each of them:

- ``mvl-snap`` (github.com/materialsvirtuallab/snap): xx yy zz xy yz xz, as VASP writes them;
- ``mvl-mlearn`` (github.com/materialsvirtuallab/mlearn): xx yy zz xy xz yz.

A file of one read as the other would swap two shear stresses without any error, so the layouts are
told apart by the name of the field, and the wrong one is refused.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.exchange.convert import Raw, to_pair
from tm23flows.store.exchange.declaration import Declaration, declare
from tm23flows.store.exchange.intake import Incoming
from tm23flows.store.exchange.manifest import file_entry
from tm23flows.store.exchange.records import Pair

MAX_BYTES = 2_000_000_000
"""More than this is no file of these sets, compressed or not."""


@dataclass(frozen=True)
class Layout:
    """One of the two layouts.

    Parameters
    ----------
    stress_field
        Where the stress is.
    stress_order
        Order of its six numbers.
    url, citation
        Where the set comes from.
    """

    stress_field: str
    stress_order: str
    url: str
    citation: str


LAYOUTS = {
    "mvl-snap": Layout(
        "stress",
        "xx yy zz xy yz xz",
        "https://github.com/materialsvirtuallab/snap",
        "Li, Chen, Zheng, Ong, npj Comput. Mater. 6, 70 (2020) for Nb, Mo, Ta, W; "
        "Li et al., Phys. Rev. B 98, 094104 (2018) for Cu and Ni",
    ),
    "mvl-mlearn": Layout(
        "virial_stress",
        "xx yy zz xy xz yz",
        "https://github.com/materialsvirtuallab/mlearn",
        "Zuo et al., J. Phys. Chem. A 124, 731 (2020)",
    ),
}
"""Layouts by the name of their importer."""

FIXED = {
    "energy", "energy_unit", "force_unit", "stress_unit", "stress_sign", "stress_order",
    "energy_key", "force_key", "stress_key", "engine",
}  # fmt: skip
"""What a user cannot declare, because the sets say it."""


def mvl_incoming(
    path: Path, file_format: str, words: dict[str, JsonValue], part: str = "all"
) -> Incoming:
    """Prepare the import of one file.

    Parameters
    ----------
    path
        JSON, plain or compressed with gzip.
    file_format
        One of :data:`LAYOUTS`.
    words
        What a user declares besides, such as the licence or the k-mesh.
    part
        Part of the dataset that its labels become.

    Returns
    -------
    What can be taken in.

    Raises
    ------
    InputError
        If a word is declared that the set itself says.
    """
    layout = LAYOUTS[file_format]
    if fixed := sorted(FIXED & set(words)):
        raise InputError(f"{file_format} files say themselves what their {fixed[0]} is.")
    declared = declare(
        words,
        energy="unspecified",
        energy_unit="eV",
        force_unit="eV/A",
        engine="vasp",
        **_unless(words, "xc", "PBE"),
        **_unless(words, "licence", "BSD-3-Clause, (c) Materials Virtual Lab"),
        **_unless(words, "citation", layout.citation),
        **_unless(words, "url", layout.url),
        **(
            {}
            if "stress" in words
            else {
                "stress_unit": "kbar",
                "stress_sign": "compression",
                "stress_order": layout.stress_order,
            }
        ),
    )
    return Incoming(part, partial(_records, path, file_format, declared))


def _unless(words: dict[str, JsonValue], word: str, value: str) -> dict[str, JsonValue]:
    return {} if word in words else {word: value}


def _records(path: Path, file_format: str, declared: Declaration) -> Iterator[Pair]:
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    checksum = file_entry(path).sha256
    facts = {"format": file_format, "file": path.name, "sha256": checksum}
    past = Provenance.now(inputs={"import": declared.origin(**facts)})
    recipes: dict[str, Recipe] = {}
    for number, record in enumerate(_load(path), start=1):
        where = f"Record {number} of {path.name}"
        try:
            raw = _raw(where, record, LAYOUTS[file_format])
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(f"{where} is not in the layout of {file_format}: {error}.") from error
        settings = record.get("params") or {}
        key = json.dumps(settings, sort_keys=True)
        if key not in recipes:
            recipes[key] = _recipe(declared, file_format, settings)
        yield to_pair(raw, declared, recipes[key], past, checksum)


def _recipe(declared: Declaration, file_format: str, settings: dict[str, Any]) -> Recipe:
    """Make the recipe of what a record says of its settings; 'env' says what is in the cell."""
    recipe = declared.recipe(
        file_format, **({"k_prod": settings["k_prod"]} if "k_prod" in settings else {})
    )
    datasets = {str(key): str(value) for key, value in (settings.get("pp") or {}).items()}
    cutoff = recipe.cutoff_eV or settings.get("e_cut")
    return recipe.model_copy(
        update={
            "cutoff_eV": None if cutoff is None else float(cutoff),
            "pseudopotentials": datasets,
        }
    )


def _load(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(f"{path.name} is too large for a file of these sets.")
        records = json.loads(data)
    except (ValueError, EOFError, OSError, RecursionError, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is no readable JSON file: {error}.") from error
    if not isinstance(records, list) or not records:
        raise InputError(f"{path.name} holds no list of frames.")
    return records


def _raw(where: str, record: dict[str, Any], layout: Layout) -> Raw:
    outputs, structure = record["outputs"], record["structure"]
    if layout.stress_field not in outputs:
        other = next(
            (n for n, one in LAYOUTS.items() if one.stress_field in outputs), "no importer"
        )
        raise InputError(
            f"{where} has no '{layout.stress_field}': this is the layout of {other}, whose stress "
            "has another order; use --format with that name."
        )
    from ase.data import atomic_numbers

    sites = structure["sites"]
    symbols = [one.get("label") or one["species"][0]["element"] for one in sites]
    cell = structure["lattice"]["matrix"]
    return Raw(
        where=where,
        numbers=[atomic_numbers[one] for one in symbols],
        cell=cell,
        positions=[_cartesian(one["abc"], cell) for one in sites],
        energies={"unspecified": outputs.get("energy")},
        forces=outputs.get("forces"),
        stress=outputs[layout.stress_field],
        facts=_facts(record),
    )


def _cartesian(fractional: list[float], cell: list[list[float]]) -> list[float]:
    return [
        sum(f * row[axis] for f, row in zip(fractional, cell, strict=True)) for axis in range(3)
    ]


def _facts(record: dict[str, Any]) -> dict[str, Any]:
    """Read group and temperature where a record says them; an unknown one stays unknown."""
    said = record.get("tags") or []
    said = [said] if isinstance(said, str) else list(said)
    tags: dict[str, JsonValue] = {}
    if group := record.get("group"):
        tags["group"] = str(group)
    if said:
        tags["config_type"] = "-".join(map(str, said))
    for key in ("notes", "description", "tag"):
        if record.get(key):
            tags[key] = record[key]
    run = _run(record)
    if run is not None:
        tags["snapshot"] = int(run[2])
    return {"tags": tags, "temperature_K": None if run is None else float(run[1])}


def _run(record: dict[str, Any]) -> re.Match[str] | None:
    """Find temperature (1) and number of the snapshot (2), such as 300-37 or md110-300-4."""
    notes = record.get("notes") or {}
    text = next((str(v) for k, v in notes.items() if k.startswith("Md")), "")
    return re.fullmatch(r"(?:md\d*-)?(\d+)-(\d+)", text) or re.search(
        r"(?=.*\bat (\d+) ?K\b)\bSnapshot (\d+)\b", str(record.get("description", ""))
    )
