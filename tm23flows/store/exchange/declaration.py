"""What a user declares of a file from elsewhere: units, sign and order, which energy it is.

Owns the words of a declaration and what follows from them. Nothing is guessed: a file that does
not say these things itself is refused until somebody says them for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from tm23flows.documents.label import EnergyKind
from tm23flows.documents.recipe import IMPORTED, Recipe, Smearing, parse_kmesh
from tm23flows.errors import InputError
from tm23flows.store.exchange.manifest import NOT_STATED, manifest_path

EnergyUnit = Literal["eV", "meV", "Ha", "Ry"]
ForceUnit = Literal["eV/A", "meV/A", "Ha/bohr", "Ry/bohr"]
StressUnit = Literal["eV/A^3", "GPa", "kbar", "eV"]
StressSign = Literal["tension", "compression"]

COMPONENTS = ("xx", "yy", "zz", "yz", "xz", "xy")
"""Order of the six components here."""

UNIT_WORDS = (
    "energy", "energy_unit", "force_unit", "stress", "stress_unit", "stress_sign", "stress_order",
)  # fmt: skip
"""Words that change numbers; they are part of the recipe, so that another declaration of the same
file makes other labels and never hides behind the first one."""


class Declaration(BaseModel):
    """What is said of a file that does not say it itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    energy: EnergyKind = Field(description="Which energy it is; unspecified if nobody knows.")
    energy_unit: EnergyUnit = Field(description="Unit of the energy of the cell.")
    force_unit: ForceUnit = Field(description="Unit of the forces.")
    stress: Literal["none"] | None = Field(
        None, description="'none' leaves the stress of the file out."
    )
    stress_unit: StressUnit | None = Field(
        None, description="Unit of the stress; eV for a virial, which is divided by the volume."
    )
    stress_sign: StressSign | None = Field(
        None, description="Where it is positive: under tension (ASE) or compression (VASP, virial)."
    )
    stress_order: str | None = Field(
        None, description="Order of six components, such as 'xx yy zz xy yz xz' (VASP)."
    )
    energy_key: str = Field("energy", description="Name of the energy in extended XYZ.")
    force_key: str = Field("forces", description="Name of the forces in extended XYZ.")
    stress_key: str = Field("stress", description="Name of the stress in extended XYZ.")
    source: str | None = Field(None, description="Name of the set; default: that of the dataset.")
    licence: str = Field(NOT_STATED, description="Licence of the data.")
    citation: str | None = Field(None, description="What to cite.")
    url: str | None = Field(None, description="Where the file comes from.")
    regime: Literal["cold", "warm", "melt"] | None = Field(None, description="Regime of all.")
    temperature_K: float | None = Field(None, gt=0, description="Temperature of all, in K.")
    engine: Literal["imported", "vasp"] = Field(IMPORTED, description="Program, if it is known.")
    xc: str = Field("unknown", description="Functional.")
    cutoff_eV: float | None = Field(None, gt=0, description="Plane-wave cutoff in eV.")
    kmesh: str | None = Field(None, description="k-mesh such as 3x3x3.")
    smearing: Smearing | None = Field(None, description="Smearing scheme.")
    smearing_order: int | None = Field(None, ge=0, description="Its order.")
    sigma_eV: float | None = Field(None, gt=0, description="Its width in eV.")
    spin_polarized: bool | None = Field(None, description="Whether spin was treated.")
    electron_shift: float = Field(0.0, description="NELECT minus neutral.")

    @model_validator(mode="after")
    def _stress_is_whole(self) -> Self:
        said = self.stress_unit is not None or self.stress_sign is not None
        if self.stress == "none" and said:
            raise ValueError("stress=none leaves the stress out, so it has no unit and no sign")
        if said and (self.stress_unit is None or self.stress_sign is None):
            raise ValueError("a stress needs both its stress-unit and its stress-sign")
        if self.stress_order is not None:
            order_of(self.stress_order)
        if self.kmesh is not None:
            parse_kmesh(self.kmesh)
        return self

    @property
    def has_stress(self) -> bool:
        """Whether the stress of the file is to be read."""
        return self.stress_unit is not None

    def recipe(self, source: str, **fields: JsonValue) -> Recipe:
        """Return the recipe of labels of which only this is known.

        Parameters
        ----------
        source
            Name of the set, so that labels of different sets never mix.
        **fields
            Options that the importer adds.

        Returns
        -------
        The recipe; what nobody knows is None.
        """
        units = {word: getattr(self, word) for word in UNIT_WORDS}
        return Recipe(
            engine=self.engine,
            xc=self.xc,
            cutoff_eV=self.cutoff_eV,
            kmesh=None if self.kmesh is None else parse_kmesh(self.kmesh),
            kmesh_offset=None,
            smearing=self.smearing,
            smearing_order=self.smearing_order,
            sigma_eV=self.sigma_eV,
            spin_polarized=self.spin_polarized,
            electron_shift=self.electron_shift,
            options={
                "source": self.source or source,
                "declared": {word: said for word, said in units.items() if said is not None},
                **fields,
            },
        )

    def origin(self, **facts: JsonValue) -> dict[str, JsonValue]:
        """Return what the provenance says of the source.

        Parameters
        ----------
        **facts
            What the importer knows of the file.

        Returns
        -------
        Facts, licence, citation and address.
        """
        said = {"licence": self.licence, "citation": self.citation, "url": self.url}
        return {**facts, **{key: value for key, value in said.items() if value is not None}}


def declare(words: dict[str, JsonValue], **defaults: JsonValue) -> Declaration:
    """Make a declaration of words, with a clear sentence for what is missing or wrong.

    Parameters
    ----------
    words
        Values by word, with dashes or underscores.
    **defaults
        What the format itself says.

    Returns
    -------
    The declaration.

    Raises
    ------
    InputError
        If a word is missing, unknown, or has a value that makes no sense.
    """
    said = {key.replace("-", "_"): value for key, value in words.items()}
    try:
        return Declaration.model_validate({**defaults, **said})
    except ValidationError as error:
        raise InputError(_sentence(error)) from None


def parse_declared(texts: Iterable[str]) -> dict[str, JsonValue]:
    """Read ``WORD=VALUE`` texts.

    Parameters
    ----------
    texts
        The texts, as the command line takes them.

    Returns
    -------
    Values by word.

    Raises
    ------
    InputError
        If a text has no equals sign.
    """
    words: dict[str, JsonValue] = {}
    for text in texts:
        word, equals, value = (one.strip() for one in text.partition("="))
        if not equals or not word or not value:
            raise InputError(f"'{text}' declares nothing; write --declare WORD=VALUE.")
        words[word.replace("-", "_")] = value
    return words


def declared_beside(path: Path) -> dict[str, JsonValue]:
    """Read what a manifest beside a foreign file declares.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The object ``declaration`` of ``FILE.manifest.json``; empty if there is none.

    Raises
    ------
    InputError
        If there is a manifest that cannot be read.
    """
    beside = manifest_path(path)
    if not beside.is_file():
        return {}
    try:
        words = json.loads(beside.read_text(encoding="utf-8"))["declaration"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{beside.name} has no readable 'declaration' ({error}): if it belongs to another "
            "file, such as this one before it was changed, put it elsewhere."
        ) from error
    if not isinstance(words, dict):
        raise InputError(f"The 'declaration' in {beside.name} is no object of words.")
    return {str(word).replace("-", "_"): value for word, value in words.items()}


def order_of(text: str) -> tuple[int, ...]:
    """Return where the components xx yy zz yz xz xy are in a file's six numbers.

    Parameters
    ----------
    text
        The file's order, such as ``xx yy zz xy yz zx``.

    Returns
    -------
    Six places.

    Raises
    ------
    ValueError
        If these are not the six components.
    """
    given = ["".join(sorted(one)) for one in text.replace(",", " ").split()]
    if sorted(given) != sorted(COMPONENTS):
        raise ValueError(f"'{text}' does not name xx yy zz yz xz xy in some order")
    return tuple(given.index(one) for one in COMPONENTS)


def _sentence(error: ValidationError) -> str:
    missing = [e["loc"][0] for e in error.errors() if e["type"] == "missing"]
    if missing:
        words = ", ".join(
            f"{str(word).replace('_', '-')} ({Declaration.model_fields[str(word)].description})"
            for word in missing
        )
        return f"The file does not say what its numbers are; --declare WORD=VALUE: {words}"
    first = error.errors()[0]
    word = ".".join(str(one) for one in first["loc"]).replace("_", "-")
    if first["type"] == "extra_forbidden":
        known = ", ".join(name.replace("_", "-") for name in Declaration.model_fields)
        return f"A declaration knows no word '{word}'; it knows {known}."
    reason = first["msg"].removeprefix("Value error, ")
    return f"In the declaration, {word or 'stress'}: {reason}."
