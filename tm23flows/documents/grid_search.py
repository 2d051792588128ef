"""The grid-search noun: what was tried of a trainer on one dataset, and the point to use.

Owns what is kept of a grid search. The rule of the choice is in
:mod:`tm23flows.science.grid_choice`.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from tm23flows.documents.base import Document
from tm23flows.documents.ids import content_id
from tm23flows.science.grid_choice import Conflict, Score


class GridRow(BaseModel):
    """One point: its model and how good that is, or why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    point: dict[str, JsonValue] = Field(
        min_length=1, description="The hyperparameters that the grid sets, by name."
    )
    model_id: str | None = Field(None, description="Its model; None if there is none.")
    evaluation_id: str | None = Field(None, description="Its errors; None if there are none.")
    log_likelihood: float | None = Field(
        None, description="Log marginal likelihood of all training labels together."
    )
    validation_force_mae_eV_per_A: float | None = Field(
        None, ge=0, description="Force MAE on the frames that the trainer held back."
    )
    force_mae_eV_per_A: float | None = Field(None, ge=0, description="On the grid's test part.")
    force_percent: float | None = Field(None, ge=0, description="100 MAE / MAV of the forces.")
    energy_mae_eV_per_atom: float | None = Field(None, ge=0, description="On the test part.")
    stress_mae_eV_per_A3: float | None = Field(None, ge=0, description="On the test part.")
    n_frames: int | None = Field(None, ge=1, description="Frames that the likelihood is of.")
    n_weights: int | None = Field(None, ge=1, description="Weights of a network.")
    n_environments: int | None = Field(None, ge=0, description="Environments of a sparse set.")
    wall_s: float | None = Field(None, ge=0, description="Time the training took, in s.")
    failure: str | None = Field(None, description="Why there are no errors, where there are none.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.evaluation_id is not None and self.model_id is None:
            raise ValueError("errors are those of a model")
        if (self.force_mae_eV_per_A is None) != (self.evaluation_id is None):
            raise ValueError("a force error comes from an evaluation")
        if (self.evaluation_id is None) != (self.failure is not None):
            raise ValueError("a point has errors, or a reason why it has none")
        return self

    @property
    def score(self) -> Score:
        """What the choice looks at."""
        return Score(
            self.force_mae_eV_per_A,
            self.log_likelihood,
            self.validation_force_mae_eV_per_A,
            self.n_frames,
        )


class GridSearch(Document):
    """Points of a grid of hyperparameters, compared on one dataset."""

    trainer: str = Field(description="Name of the trainer.")
    element: str = Field(description="Chemical symbol, or several joined by '-'.")
    dataset_id: str = Field(description="Dataset on which the points were compared.")
    train_part: str = Field(description="Part of it that models were trained on.")
    test_part: str = Field(description="Part of it that models were compared on.")
    energy_reference: str = Field(description="How the energy MAV of the evaluations is meant.")
    seed: int = Field(ge=0, description="Seed of all trainings.")
    fixed: dict[str, JsonValue] = Field(
        description="Hyperparameters that are the same at all points; the others are defaults."
    )
    rows: tuple[GridRow, ...] = Field(min_length=1, description="The points, as the grid has them.")
    chosen: int | None = Field(
        ge=0, description="Row of the point to use, that of the minimum force MAE."
    )
    by_likelihood: int | None = Field(ge=0, description="Row of the maximum likelihood.")
    by_validation: int | None = Field(ge=0, description="Row of the best validation force MAE.")
    conflicts: tuple[Conflict, ...] = Field(description="Criteria that prefer another row.")
    at_edge: dict[str, Literal["largest", "smallest"]] = Field(
        description="Hyperparameters of the chosen point beyond which nothing was measured."
    )
    reason: str = Field(description="The choice and its conflicts in words.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = [self.chosen, self.by_likelihood, self.by_validation]
        named += [one.preferred for one in self.conflicts]
        for row in named:
            if row is not None and (
                row >= len(self.rows) or self.rows[row].force_mae_eV_per_A is None
            ):
                raise ValueError("a point that is preferred has no errors")
        if self.chosen is None and (self.conflicts or self.at_edge):
            raise ValueError("a conflict and an edge are those of a chosen point")
        if any(set(row.point) & set(self.fixed) for row in self.rows):
            raise ValueError("a hyperparameter is fixed and on the grid")
        points = [row.point for row in self.rows]
        if any(point in points[:place] for place, point in enumerate(points)):
            raise ValueError("a point is there twice")
        return self

    @property
    def best(self) -> GridRow | None:
        """The row of the point to use."""
        return None if self.chosen is None else self.rows[self.chosen]

    @property
    def hyperparameters(self) -> dict[str, JsonValue] | None:
        """What the chosen point differs in from the trainer's defaults; None without one."""
        return None if self.best is None else {**self.fixed, **self.best.point}

    @property
    def failed(self) -> tuple[GridRow, ...]:
        """The rows without errors."""
        return tuple(row for row in self.rows if row.failure is not None)

    def compute_id(self) -> str:
        """Hash the question and the answer; times and the words of a failure are neither."""
        left_out = {"id", "schema_version", "provenance", "rows", "reason"}
        rows = [row.model_dump(mode="json", exclude={"wall_s", "failure"}) for row in self.rows]
        return content_id(
            "grid_search", rows=rows, **self.model_dump(mode="json", exclude=left_out)
        )
