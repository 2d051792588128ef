"""The manifest beside an exported file: what it is, in which units, under which licence.

Owns the layout of ``FILE.manifest.json`` and the comparison of a file with its manifest. A
manifest says that a file is whole and unchanged; it is no signature and does not say who made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tm23flows.errors import InputError

NOT_STATED = "not stated"
"""Licence of what nobody has given one: it is unknown, not free."""

ENERGY_WORDS = {
    "free": "free energy F, of which forces and stress are the derivatives",
    "sigma0": "extrapolated to zero smearing",
    "without_entropy": "free energy without the entropy term",
    "unspecified": "imported; its source does not say which energy it is",
}


class FileEntry(BaseModel):
    """One file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Its name in the manifest's folder.")
    bytes: int = Field(ge=0, description="Its length.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Its checksum.")


class Quantity(BaseModel):
    """What one kind of number is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Key, column or array in the file.")
    unit: str = Field(description="Its unit.")
    meaning: str = Field(description="What it is; sign and order where it has these.")


class Manifest(BaseModel):
    """What an exported file is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["tm23flows export"] = "tm23flows export"
    version: Literal[1] = 1
    format: str = Field(description="Format of the files.")
    files: tuple[FileEntry, ...] = Field(description="The files.")
    count: int = Field(ge=1, description="Number of frames.")
    n_atoms: int = Field(ge=1, description="Number of atoms in all frames.")
    elements: tuple[str, ...] = Field(description="Elements of the frames.")
    energy: str = Field(description="Label policy: which energy is the one to train on.")
    quantities: tuple[Quantity, ...] = Field(description="Numbers with their units.")
    exact: str = Field(description="Which numbers come back as they were.")
    recipes: dict[str, JsonValue] = Field(description="How labels were computed, by id.")
    source: dict[str, JsonValue] = Field(
        description="Name, version, id and part of the dataset, or the query."
    )
    origins: tuple[JsonValue, ...] = Field(
        description="For imported labels: files, licences and citations of their sources."
    )
    licence: str = Field(description="Licence of the data.")
    citation: tuple[str, ...] = Field(description="What to cite.")
    software: dict[str, str] = Field(description="Versions of the programs that wrote the file.")
    created: str = Field(description="UTC.")


def manifest_path(path: Path) -> Path:
    """Return where the manifest of a file is.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    ``FILE.manifest.json`` beside it.
    """
    return path.with_name(path.name + ".manifest.json")


def file_entry(path: Path, name: str | None = None) -> FileEntry:
    """Describe a file.

    Parameters
    ----------
    path
        Where it is now.
    name
        Name that it will have; default: the one that it has.

    Returns
    -------
    Its length and checksum.
    """
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return FileEntry(name=name or path.name, bytes=path.stat().st_size, sha256=digest)


def quantities(
    energy: str, keys: str = "plain", names: Mapping[str, str] | None = None
) -> tuple[Quantity, ...]:
    """Say what the numbers of an exported file are.

    Parameters
    ----------
    energy
        The label policy.
    keys
        ``plain`` or ``REF``.
    names
        What the format calls positions, cell, energy, forces and stress, where it differs.

    Returns
    -------
    Names, units and meanings.
    """
    start = "REF_" if keys == "REF" else ""
    stress = "positive under tension (ASE), order xx yy zz yz xz xy or full tensor"
    rows = (
        ("positions", "angstrom", "Cartesian, not wrapped into the cell"),
        ("cell", "angstrom", "vectors as rows; periodic in all directions"),
        (f"{start}energy", "eV", f"per cell; {ENERGY_WORDS[energy]}"),
        (f"{start}forces", "eV/angstrom", "minus the derivative of the energy"),
        (f"{start}stress", "eV/angstrom^3", stress),
    )
    said = names or {}
    return tuple(
        Quantity(name=said.get(name, name), unit=unit, meaning=text) for name, unit, text in rows
    )


def read_manifest(path: Path) -> Manifest | None:
    """Read the manifest of a file.

    Parameters
    ----------
    path
        The file, not the manifest.

    Returns
    -------
    The manifest; None if there is none.

    Raises
    ------
    InputError
        If there is one that cannot be read.
    """
    beside = manifest_path(path)
    if not beside.is_file():
        return None
    try:
        return Manifest.model_validate_json(beside.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{beside.name} is no manifest of 'tm23 export': {error.errors()[0]['msg']}."
        ) from error


def verify_manifest(path: Path, why: str | None = None) -> Manifest | None:
    """Compare a file with its manifest.

    Parameters
    ----------
    path
        The file.
    why
        Why this file must have a manifest; None if it need not.

    Returns
    -------
    The manifest; None if there is none and none is needed.

    Raises
    ------
    InputError
        If the file is not the one that the manifest describes, or there must be one and is none.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    manifest = read_manifest(path)
    if manifest is None:
        if why is not None:
            raise InputError(
                f"{path.name} has no manifest beside it ({manifest_path(path).name}), and {why}: "
                "get the manifest from where the file comes from, or export it again."
            )
        return None
    known = {entry.name: entry for entry in manifest.files}
    if known.get(path.name) != file_entry(path):
        raise InputError(
            f"{path.name} is not the file that its manifest describes: it was changed, cut or "
            "renamed; export it again, or get it again from where it comes from."
        )
    return manifest
