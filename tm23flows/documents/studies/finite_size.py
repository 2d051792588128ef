"""Results of the finite-size study: force errors against the cutoff in one large cell."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.studies.label_sets import Bounded

Verdict = Literal["shortest", "longer", "unresolved"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GridPoint(_Part):
    """One point of the grid."""

    cutoff_A: float = Field(gt=0, description="Cutoff radius r_max in angstrom.")
    nmax: int = Field(ge=1, description="Radial functions.")
    lmax: int = Field(ge=0, description="Highest angular momentum.")
    force_mae_eV_per_A: float | None = Field(
        None, ge=0, description="Force MAE on the test frames; None without a model."
    )
    force_percent: float | None = Field(None, ge=0, description="100 MAE / MAV of the forces.")


class CutoffRow(_Part):
    """The best point with one cutoff."""

    cutoff_A: float = Field(gt=0, description="Cutoff radius in angstrom.")
    point: int = Field(ge=0, description="Place of its best point among the points.")
    force_percent: Bounded = Field(description="100 MAE / MAV of that point.")
    change: Bounded | None = Field(
        description="Percent error less that of the shortest cutoff, in percentage points, on the "
        "same draws of test frames; None for the shortest."
    )
    has_copies: bool = Field(
        description="Whether a sphere of this radius can hold an atom and its periodic image."
    )


class FiniteSizeMetal(_Part):
    """One metal."""

    element: str = Field(description="Chemical symbol.")
    regime: str | None = Field(description="Temperature of the run.")
    temperature_K: float | None = Field(description="The same in K.")
    structure_id: str = Field(description="The cell.")
    dataset_id: str = Field(description="Sequential frames, train and test.")
    grid_id: str = Field(description="The grid search.")
    n_atoms: int = Field(ge=1, description="Atoms in the cell.")
    has_vacancy: bool = Field(description="Whether an atom was taken out of the crystal.")
    image_distance_A: float = Field(gt=0, description="Between an atom and its nearest image.")
    smallest_width_A: float = Field(gt=0, description="Between two faces of the cell.")
    n_train: int = Field(ge=1, description="Training frames.")
    n_test: int = Field(ge=1, description="Test frames.")
    spacing_fs: float | None = Field(description="Time between frames; None where it is not even.")
    points: tuple[GridPoint, ...] = Field(min_length=1, description="As the grid has them.")
    best: int = Field(ge=0, description="Place of the point with the least force MAE.")
    cutoffs: tuple[CutoffRow, ...] = Field(min_length=1, description="From short to long.")
    verdict: Verdict = Field(
        description="shortest: the interval of every longer cutoff's change lies above zero; "
        "longer: that of one lies below; unresolved: else."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = [self.best, *(one.point for one in self.cutoffs)]
        if any(one >= len(self.points) for one in named):
            raise ValueError("a point is named that is not there")
        if any(self.points[one].force_mae_eV_per_A is None for one in named):
            raise ValueError("a best point has no error")
        radii = [one.cutoff_A for one in self.cutoffs]
        if radii != sorted(set(radii)):
            raise ValueError("the cutoffs of a finite-size study rise")
        if any(one.cutoff_A != self.points[one.point].cutoff_A for one in self.cutoffs):
            raise ValueError("the best point of a cutoff has another one")
        if [one.change is None for one in self.cutoffs] != [True] + [False] * len(radii[1:]):
            raise ValueError("changes are against the shortest cutoff")
        return self

    @property
    def best_point(self) -> GridPoint:
        """The point with the least force MAE."""
        return self.points[self.best]


class FiniteSizeResults(_Part):
    """What the finite-size study finds."""

    kind: Literal["finite-size"] = Field("finite-size", description="Which study.")
    metals: tuple[FiniteSizeMetal, ...] = Field(min_length=1, description="As asked for.")
