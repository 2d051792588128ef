"""Typed filters over frames and labels.

Owns the words of a query, the same in Python, in text and on the command line, and
their translation for the database. Values are scalars that are checked first: no
database operator ever comes from outside. Words that need other collections
(recipes, datasets, convergence) are resolved by :mod:`tm23flows.store.query.plans`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tm23flows.documents.recipe import Recipe, parse_kmesh
from tm23flows.errors import InputError
from tm23flows.science.metals import metal as find_metal
from tm23flows.store.query.filters import (
    ID_DIGITS,
    between,
    combine,
    id_condition,
    parse_moment,
    plain_text,
    tag_condition,
)
from tm23flows.store.query.where import Condition, parse_condition

TEMPERATURE_TOLERANCE_K = 0.5
"""Temperatures are products such as 0.25 * 1357.77 K; users write 339.4."""

LAST_STEP = 10**12
"""Above every run, below what a database counts to."""

RECIPE_WORDS = ("engine", "sigma_eV", "electron_shift", "kmesh", "recipe")
"""Words that ask how labels were computed."""

MAGNITUDES = {
    "energy_eV": "magnitudes.energy_per_atom",
    "force_eV_per_A": "magnitudes.max_force",
    "stress_eV_per_A3": "magnitudes.max_stress",
}
"""Where the numbers are that words beginning with min and max restrict."""

LABEL_WORDS = (
    *RECIPE_WORDS,
    *(f"{side}_{name}" for name in MAGNITUDES for side in ("min", "max")),
    "dataset",
    "part",
    "kmesh_converged",
)
"""Words that only labels can answer; frames are asked for a label like that."""

REPEATED = ("tag", "where")
"""Words that may be there more than once."""

_ID = re.compile(r"[0-9a-f]{6,64}")
_NAME = re.compile(r"[\w.-]{1,200}(@[0-9]{1,9})?")
_SCALARS = (str, int, float, bool, date)


class Query(BaseModel):
    """What to look for; a field that is None does not restrict anything."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metal: str | None = Field(None, description="Chemical symbol.")
    regime: Literal["cold", "warm", "melt"] | None = Field(
        None, description="Temperature regime: cold, warm or melt."
    )
    temperature_K: float | None = Field(
        None, gt=0, description="Target temperature in K, to half a kelvin."
    )
    trajectory: str | None = Field(None, description="Id of the parent run, or its beginning.")
    frame: str | None = Field(None, description="Id of the frame, or its beginning.")
    first_step: int | None = Field(None, ge=1, le=LAST_STEP, description="First step of the run.")
    last_step: int | None = Field(None, ge=1, le=LAST_STEP, description="Last step of the run.")
    engine: str | None = Field(None, description="Engine of the label.")
    sigma_eV: float | None = Field(None, gt=0, description="Smearing width in eV.")
    electron_shift: float | None = Field(None, description="NELECT minus neutral.")
    kmesh: str | None = Field(None, description="k-mesh such as 3x3x3.")
    recipe: str | None = Field(None, description="Id of the recipe, or its beginning.")
    min_energy_eV: float | None = Field(None, description="Lowest energy per atom in eV.")
    max_energy_eV: float | None = Field(None, description="Highest energy per atom in eV.")
    min_force_eV_per_A: float | None = Field(
        None, ge=0, description="The largest force of the label is at least this, in eV/A."
    )
    max_force_eV_per_A: float | None = Field(
        None, ge=0, description="The largest force of the label is at most this, in eV/A."
    )
    min_stress_eV_per_A3: float | None = Field(
        None, ge=0, description="The largest stress component is at least this, in eV/A^3."
    )
    max_stress_eV_per_A3: float | None = Field(
        None, ge=0, description="The largest stress component is at most this, in eV/A^3."
    )
    dataset: str | None = Field(None, description="Dataset: name, name@version or id.")
    part: str | None = Field(None, description="Part of that dataset, such as train.")
    kmesh_converged: bool | None = Field(
        None, description="Whether a convergence test of the metal chose the label's recipe."
    )
    created_after: datetime | None = Field(
        None, description="Stored at this moment or later, ISO, UTC."
    )
    created_before: datetime | None = Field(
        None, description="Stored before this moment, ISO, UTC."
    )
    tag: tuple[str, ...] | None = Field(
        None, description="What the source says of the frame, as key=value; may be repeated."
    )
    where: tuple[str, ...] | None = Field(
        None, description="Condition FIELD OP VALUE, such as step>=1010; may be repeated."
    )

    @model_validator(mode="before")
    @classmethod
    def _scalars_only(cls, words: Any) -> Any:
        for word, value in words.items():
            several = word in REPEATED and isinstance(value, (tuple, list))
            for one in value if several else (value,):
                if one is not None and not isinstance(one, _SCALARS):
                    raise ValueError(f"{word} takes a plain value, not {type(one).__name__}")
        return words

    @field_validator("*", mode="before")
    @classmethod
    def _no_yes_for_a_number(cls, value: Any, info: Any) -> Any:
        if isinstance(value, bool) and info.field_name != "kmesh_converged":
            raise ValueError("true and false are no value here")
        return value

    @field_validator(*REPEATED, mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("created_after", "created_before", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> Any:
        return value if value is None else parse_moment(value)

    @field_validator("metal")
    @classmethod
    def _known_metal(cls, value: str | None) -> str | None:
        return value if value is None else find_metal(value).symbol

    @field_validator("kmesh")
    @classmethod
    def _readable_mesh(cls, value: str | None) -> str | None:
        if value is not None:
            parse_kmesh(value)
        return value

    @field_validator("trajectory", "frame", "recipe")
    @classmethod
    def _hexadecimal(cls, value: str | None) -> str | None:
        if value is not None and not _ID.fullmatch(value):
            raise ValueError(f"{value!r} is no id; give 6 to {ID_DIGITS} hexadecimal digits")
        return value

    @field_validator("part", "engine")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return value if value is None else plain_text(value)

    @field_validator("dataset")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is no dataset; use letters, digits, dot, dash, underscore")
        return value

    @field_validator("tag")
    @classmethod
    def _readable_tags(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for one in value or ():
            tag_condition(one)
        return value or None

    @field_validator("where")
    @classmethod
    def _readable_conditions(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for one in value or ():
            parse_condition(one)
        return value or None

    @model_validator(mode="after")
    def _part_of_what(self) -> Self:
        if self.part is not None and self.dataset is None:
            raise ValueError("a part is the part of a dataset; say which one with dataset")
        return self

    @classmethod
    def of(cls, **words: Any) -> Self:
        """Make a query from words, with a clear sentence for wrong ones.

        Parameters
        ----------
        **words
            Fields of this class.

        Returns
        -------
        The query.

        Raises
        ------
        InputError
            If a word is unknown or a value makes no sense.
        """
        if unknown := [repr(word) for word in words if word not in cls.model_fields]:
            known = ", ".join(cls.model_fields)
            raise InputError(f"A query knows no word {unknown[0]}; it knows {known}.")
        try:
            return cls(**words)
        except ValidationError as error:
            first = error.errors()[0]
            word = "".join(f"{part}: " for part in first["loc"][:1])
            message = " ".join(first["msg"].removeprefix("Value error, ").split()).rstrip(".")
            raise InputError(f"In the query, {word}{message}.") from None

    @property
    def words(self) -> dict[str, Any]:
        """The fields that restrict something."""
        return self.model_dump(exclude_none=True)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that were written as text."""
        return tuple(parse_condition(one) for one in self.where or ())

    @property
    def asks_for_recipe(self) -> bool:
        """Whether the query restricts how labels were computed."""
        return any(word in self.words for word in RECIPE_WORDS) or self._any("recipe")

    @property
    def asks_for_magnitudes(self) -> bool:
        """Whether the query restricts how large the numbers of a label are."""
        return any(word.startswith(("min_", "max_")) for word in self.words) or any(
            (one.field.labels or "").startswith("magnitudes.") for one in self.conditions
        )

    @property
    def asks_for_labels(self) -> bool:
        """Whether only labels can say what fits."""
        return any(word in self.words for word in LABEL_WORDS) or any(
            one.field.frames is None for one in self.conditions
        )

    @property
    def asks_for_frames(self) -> bool:
        """Whether only frames can say what fits."""
        return self.tag is not None or any(
            one.field.labels is None and one.field.recipe is None for one in self.conditions
        )

    def fits(self, recipe: Recipe) -> bool:
        """Say whether labels under a recipe may fit.

        Parameters
        ----------
        recipe
            The recipe.

        Returns
        -------
        Whether no word about recipes speaks against it.
        """
        pairs = (
            (self.engine, recipe.engine),
            (self.sigma_eV, recipe.sigma_eV),
            (self.electron_shift, recipe.electron_shift),
            (parse_kmesh(self.kmesh) if self.kmesh else None, recipe.kmesh),
        )
        return all(asked is None or asked == value for asked, value in pairs) and all(
            one.fits(recipe) for one in self.conditions
        )

    def frame_filter(self, own: bool = True) -> dict[str, Any]:
        """Translate for the collection of frames, without the words that it cannot answer.

        Parameters
        ----------
        own
            Whether frames are what is looked for; otherwise dates are those of labels.

        Returns
        -------
        The filter.
        """
        return combine(
            [
                *self._common(),
                id_condition("_id", self.frame) if self.frame else {},
                *(tag_condition(one) for one in self.tag or ()),
                *(self._dates() if own else []),
                *self._conditions("frames", own),
            ]
        )

    def label_filter(self, own: bool = True) -> dict[str, Any]:
        """Translate for the collection of labels, without words about recipes and datasets.

        Parameters
        ----------
        own
            Whether labels are what is looked for; otherwise dates are those of frames.

        Returns
        -------
        The filter.
        """
        ranges = [
            between(path, getattr(self, f"min_{name}"), getattr(self, f"max_{name}"))
            for name, path in MAGNITUDES.items()
        ]
        return combine(
            [
                *self._common(),
                id_condition("frame_id", self.frame) if self.frame else {},
                *ranges,
                *(self._dates() if own else []),
                *self._conditions("labels", own),
            ]
        )

    def _common(self) -> list[dict[str, Any]]:
        temperature = {}
        if self.temperature_K is not None:
            low, high = (self.temperature_K + d * TEMPERATURE_TOLERANCE_K for d in (-1, 1))
            temperature = between("temperature_K", low, high)
        return [
            {"element": self.metal} if self.metal else {},
            {"regime": self.regime} if self.regime else {},
            id_condition("trajectory_id", self.trajectory) if self.trajectory else {},
            temperature,
            between("step", self.first_step, self.last_step),
        ]

    def _dates(self) -> list[dict[str, Any]]:
        bounds = {"$gte": self.created_after, "$lt": self.created_before}
        given = {key: value for key, value in bounds.items() if value is not None}
        return [{"provenance.created": given}] if given else []

    def _conditions(self, collection: str, own: bool) -> list[dict[str, Any]]:
        paths = [(one, getattr(one.field, collection)) for one in self.conditions]
        return [
            one.mongo(path)
            for one, path in paths
            if path is not None and (own or not path.startswith("provenance."))
        ]

    def _any(self, place: str) -> bool:
        return any(getattr(one.field, place) is not None for one in self.conditions)


def parse_words(text: str) -> dict[str, Any]:
    """Read a query written as ``metal=Cu,kmesh=3x3x3,where=step>=1010``.

    Parameters
    ----------
    text
        Words of :class:`Query` with values, joined by commas.

    Returns
    -------
    Values by word; those that may be repeated are tuples.

    Raises
    ------
    InputError
        If a part has no equals sign, or a word is there twice that may not be.
    """
    words: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise InputError(f"{part!r} is no part of a query; write word=value,word=value.")
        if key in REPEATED:
            words[key] = (*words.get(key, ()), value)
        elif key in words:
            raise InputError(f"The query says {key!r} twice; leave one of them out.")
        else:
            words[key] = value
    return words
