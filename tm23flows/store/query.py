"""Typed filters over frames and labels.

Owns the words of a query, the same in Python and on the command line, and their
translation for the database. Values are scalars that are checked first: no
database operator ever comes from outside.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tm23flows.documents.recipe import parse_kmesh
from tm23flows.errors import InputError
from tm23flows.science.metals import metal as find_metal

TEMPERATURE_TOLERANCE_K = 0.5
"""Temperatures are products such as 0.25 * 1357.77 K; users write 339.4."""

RECIPE_WORDS = ("engine", "sigma_eV", "electron_shift", "kmesh", "recipe")


class Query(BaseModel):
    """What to look for; a field that is None does not restrict anything."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metal: str | None = Field(None, description="Chemical symbol.")
    regime: Literal["cold", "warm", "melt"] | None = Field(None, description="Regime.")
    temperature_K: float | None = Field(None, gt=0, description="Target temperature in K.")
    trajectory: str | None = Field(None, description="Id of the parent run.")
    frame: str | None = Field(None, description="Id of the frame.")
    first_step: int | None = Field(None, ge=1, description="First step of the run.")
    last_step: int | None = Field(None, ge=1, description="Last step of the run.")
    engine: str | None = Field(None, description="Engine of the label.")
    sigma_eV: float | None = Field(None, gt=0, description="Smearing width in eV.")
    electron_shift: float | None = Field(None, description="NELECT minus neutral.")
    kmesh: str | None = Field(None, description="k-mesh such as 3x3x3.")
    recipe: str | None = Field(None, description="Id of the recipe.")

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
        try:
            return cls(**words)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                known = ", ".join(cls.model_fields)
                raise InputError(f"A query knows no word '{name}'; it knows {known}.") from None
            message = first["msg"].removeprefix("Value error, ")
            raise InputError(f"In the query, {name}: {message}") from None

    @property
    def words(self) -> dict[str, Any]:
        """The fields that restrict something."""
        return self.model_dump(exclude_none=True)

    @property
    def asks_for_recipe(self) -> bool:
        """Whether the query restricts how labels were computed."""
        return any(word in self.words for word in RECIPE_WORDS)

    def frame_filter(self) -> dict[str, Any]:
        """Translate for the collection of frames; recipe words are left out."""
        return {**self._common(), **({"_id": self.frame} if self.frame else {})}

    def label_filter(self) -> dict[str, Any]:
        """Translate for the collection of labels."""
        wanted: dict[str, Any] = self._common()
        pairs = {
            "frame_id": self.frame,
            "recipe.engine": self.engine,
            "recipe.sigma_eV": self.sigma_eV,
            "recipe.electron_shift": self.electron_shift,
            "recipe.kmesh": list(parse_kmesh(self.kmesh)) if self.kmesh else None,
            "recipe_id": self.recipe,
        }
        wanted.update({key: value for key, value in pairs.items() if value is not None})
        return wanted

    def _common(self) -> dict[str, Any]:
        pairs = {"element": self.metal, "regime": self.regime, "trajectory_id": self.trajectory}
        wanted: dict[str, Any] = {k: v for k, v in pairs.items() if v is not None}
        if self.temperature_K is not None:
            low, high = (self.temperature_K + d * TEMPERATURE_TOLERANCE_K for d in (-1, 1))
            wanted["temperature_K"] = {"$gte": low, "$lte": high}
        steps = {"$gte": self.first_step, "$lte": self.last_step}
        if bounds := {key: value for key, value in steps.items() if value is not None}:
            wanted["step"] = bounds
        return wanted
