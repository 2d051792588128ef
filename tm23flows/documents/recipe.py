"""The recipe: which electronic problem a label solves.

Owns the settings that make two labels of one frame different. A recipe is part
of labels and trajectories, not a noun of its own.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from tm23flows.documents.base import WithId
from tm23flows.documents.ids import content_id
from tm23flows.errors import InputError

Smearing = Literal["methfessel-paxton", "fermi-dirac", "tetrahedron", "tetrahedron-bloechl"]
IMPORTED: Final = "imported"
"""Engine of labels of which it is not known which program made them."""

MODEL = "model"
"""Engine of runs whose forces come from a stored model; no label is computed with it."""

_FROM_ELSEWHERE = ("vasp", IMPORTED)
_MAY_BE_UNKNOWN = (
    "kmesh", "kmesh_offset", "smearing", "smearing_order", "sigma_eV", "spin_polarized",
)  # fmt: skip


class Recipe(WithId):
    """Settings of one electronic-structure problem, the same words for every engine.

    None in the k-mesh, the smearing or the spin means that the source of an imported label does
    not say it; ``options`` then name the source, so that labels of different sources never mix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    engine: str = Field(description="Name of the engine: gpaw, vasp, emt, imported or model.")
    xc: str = Field("PBE", description="Exchange-correlation functional.")
    cutoff_eV: float | None = Field(None, gt=0, description="Plane-wave cutoff in eV.")
    kmesh: tuple[int, int, int] | None = Field((1, 1, 1), description="k-points along each axis.")
    kmesh_offset: tuple[float, float, float] | None = Field(
        (0.0, 0.0, 0.0),
        description="Shift from the Gamma-centred mesh in units of the reciprocal vectors; "
        "0.25 with an even mesh of 2 is the Monkhorst-Pack mesh.",
    )
    smearing: Smearing | None = Field(
        "methfessel-paxton",
        description="Smearing scheme; others than the first only in imported runs of VASP.",
    )
    smearing_order: int | None = Field(
        1, ge=0, description="Order of the scheme; 1 is VASP's ISMEAR=1."
    )
    sigma_eV: float | None = Field(0.2, gt=0, description="Smearing width (SIGMA) in eV.")
    electron_shift: float = Field(
        0.0, description="Electrons per cell more than neutral: NELECT - NELECT(neutral)."
    )
    spin_polarized: bool | None = Field(False, description="Whether spin is treated.")
    pseudopotentials: dict[str, str] = Field(
        default_factory=dict, description="Identity of the dataset of each element; set at run."
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="Further settings of the engine that change numbers."
    )

    @field_validator("kmesh")
    @classmethod
    def _positive_mesh(cls, value: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if value is not None and min(value) < 1:
            raise ValueError("every number of k-points must be at least 1")
        return value

    @model_validator(mode="after")
    def _known_smearing(self) -> Self:
        if self.smearing not in (None, "methfessel-paxton") and self.engine not in _FROM_ELSEWHERE:
            raise ValueError(f"{self.engine} smears with Methfessel-Paxton, not {self.smearing}")
        return self

    @model_validator(mode="after")
    def _known_or_imported(self) -> Self:
        if self.unknown and (self.engine not in _FROM_ELSEWHERE or "source" not in self.options):
            raise ValueError(
                f"{', '.join(self.unknown)} may be unknown in imported labels only, whose options "
                "name their source"
            )
        return self

    @model_validator(mode="after")
    def _names_its_model(self) -> Self:
        if self.engine == MODEL and not isinstance(self.options.get("model"), str):
            raise ValueError("the recipe of a run with a model names it in its options")
        return self

    @property
    def model_id(self) -> str | None:
        """The model that the forces come from; None where they come from a program."""
        return str(self.options["model"]) if self.engine == MODEL else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Settings that nobody knows; a recipe that has one cannot be computed with."""
        return tuple(name for name in _MAY_BE_UNKNOWN if getattr(self, name) is None)

    def require_known(self) -> None:
        """Refuse to compute with a recipe that is not known whole.

        Raises
        ------
        InputError
            If a setting is unknown.
        """
        if self.unknown:
            raise InputError(
                f"Nothing can be computed under this recipe: its {', '.join(self.unknown)} are not "
                "known; it belongs to imported labels."
            )

    @cached_property
    def id(self) -> str:
        """The content-derived id; computed once, because thousands of labels share a recipe."""
        return content_id("recipe", **self.model_dump(mode="json"))

    @property
    def kmesh_text(self) -> str:
        """The mesh as users write it, such as ``3x3x3``, or ``unknown``."""
        return format_kmesh(self.kmesh)


def format_kmesh(kmesh: tuple[int, int, int] | None) -> str:
    """Write a mesh as ``3x3x3``.

    Parameters
    ----------
    kmesh
        k-points along each axis; None where they are not known.

    Returns
    -------
    The text.
    """
    return "unknown" if kmesh is None else "x".join(str(n) for n in kmesh)


def parse_kmesh(text: str) -> tuple[int, int, int]:
    """Read a mesh written as ``3x3x3``.

    Parameters
    ----------
    text
        Three positive integers joined by ``x``.

    Returns
    -------
    k-points along each axis.

    Raises
    ------
    InputError
        If the text is anything else.
    """
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"'{text}' is no k-mesh; write it as 3x3x3.")
    return int(parts[0]), int(parts[1]), int(parts[2])
