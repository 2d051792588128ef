"""The learning curve noun: how the error of a trainer falls with the number of training frames.

Owns what is kept of a curve. How the law is fitted, and what its interval holds, is in
:mod:`tm23flows.science.power_law`.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from tm23flows.documents.base import Document
from tm23flows.documents.evaluation import ErrorRow
from tm23flows.documents.ids import content_id
from tm23flows.science.power_law import PowerLaw

L_MAX_NAMES = ("l_max", "lmax")
"""What trainers call the highest angular momentum among their hyperparameters."""


class CurvePoint(BaseModel):
    """One size of the training set; without an evaluation it is a gap."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_train: int = Field(ge=1, description="Number of training frames.")
    dataset_id: str = Field(description="Dataset of this size.")
    model_id: str | None = Field(None, description="Model; None if its training failed.")
    evaluation_id: str | None = Field(None, description="Evaluation; None for a gap.")
    energy: ErrorRow | None = Field(None, description="Over all test frames, in eV/atom.")
    force: ErrorRow | None = Field(None, description="Over all test frames, in eV/angstrom.")
    stress: ErrorRow | None = Field(None, description="Over all test frames, in eV/angstrom^3.")
    wall_s: float | None = Field(
        None,
        ge=0,
        description="Time of the training, in s; of all sizes together where they were grown.",
    )


class Resampling(BaseModel):
    """How the test frames were drawn anew for the intervals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resamples: int = Field(2000, ge=100, description="Number of draws.")
    level: float = Field(0.95, gt=0, lt=1, description="Share of the draws in an interval.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")
    block_length: int | None = Field(
        None, ge=1, description="Test frames that were drawn together; None: from the data."
    )


class ExponentInterval(BaseModel):
    """Interval of an exponent from blocks of test frames; the training frames stay the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: float = Field(description="Lower end.")
    high: float = Field(description="Upper end.")
    band_low: tuple[float, ...] = Field(description="Lower end of the line at each size, eV/A.")
    band_high: tuple[float, ...] = Field(description="Upper end of the line at each size, eV/A.")
    block_length: int = Field(ge=1, description="Test frames that were drawn together.")
    effective_frames: float = Field(gt=0, description="Number of independent test frames.")
    trusted: bool = Field(description="Whether these are enough; if not, it is too narrow.")


class CurveFit(BaseModel):
    """The power law of one group of test frames: force MAE = prefactor * N ** exponent."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    group: str = Field(description="all, or a regime.")
    n_frames: int = Field(ge=1, description="Test frames of the group.")
    sizes: tuple[int, ...] = Field(min_length=2, description="Sizes that were fitted.")
    force_mae: tuple[float, ...] = Field(min_length=2, description="Force MAE of each, eV/A.")
    exponent: float = Field(description="Exponent; negative where more frames help.")
    prefactor: float = Field(gt=0, description="Error at one frame, eV/angstrom.")
    r_squared: float | None = Field(
        ge=0, le=1 + 1e-9, description="R^2 in log-log space; None with fewer than three sizes."
    )
    interval: ExponentInterval | None = Field(
        description="None with fewer than three sizes, or too few or too correlated test frames."
    )

    @property
    def law(self) -> PowerLaw:
        """The fit as a function."""
        return PowerLaw(self.exponent, self.prefactor, self.r_squared)


class LearningCurve(Document):
    """The errors of one trainer, with one set of hyperparameters and one seed, by size."""

    element: str = Field(description="Chemical symbol.")
    trainer: str = Field(description="Name of the trainer.")
    hyperparameters: dict[str, JsonValue] = Field(description="All of them, defaults included.")
    l_max: int | None = Field(description="The highest angular momentum among them, if any.")
    seed: int = Field(ge=0, description="Seed of all trainings.")
    train_part: str = Field("train", description="Part of the datasets that was trained on.")
    test_part: str = Field("test", description="Part that was predicted, the same for all.")
    points: tuple[CurvePoint, ...] = Field(min_length=1, description="From small to large.")
    resampling: Resampling = Field(description="How the intervals were made.")
    fits: tuple[CurveFit, ...] = Field(description="All frames first, then by regime.")
    reason: str = Field(description="What is missing, and why; empty where nothing is.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sizes = [one.n_train for one in self.points]
        if sizes != sorted(set(sizes)):
            raise ValueError("the sizes of a learning curve rise")
        if not self.measured:
            raise ValueError("no size of the learning curve was measured")
        measured = {one.n_train for one in self.measured}
        if any(not set(fit.sizes) <= measured for fit in self.fits):
            raise ValueError("a size was fitted that was not measured")
        if self.l_max != l_max_of(self.hyperparameters):
            raise ValueError("l_max is another one than that of the hyperparameters")
        return self

    @property
    def measured(self) -> tuple[CurvePoint, ...]:
        """The points that are no gaps."""
        return tuple(one for one in self.points if one.evaluation_id is not None)

    @property
    def fit(self) -> CurveFit | None:
        """The fit over all test frames; None with fewer than two sizes."""
        return next((one for one in self.fits if one.group == "all"), None)

    def compute_id(self) -> str:
        """Hash what the curve is made from; the same evaluations are the same curve."""
        return learning_curve_id(
            self.trainer,
            self.hyperparameters,
            self.seed,
            {one.dataset_id: (one.model_id, one.evaluation_id) for one in self.points},
            self.resampling,
        )


def learning_curve_id(
    trainer: str,
    hyperparameters: dict[str, JsonValue],
    seed: int,
    results: dict[str, tuple[str | None, str | None]],
    resampling: Resampling,
) -> str:
    """Return the id that a learning curve will have, before it is fitted.

    Parameters
    ----------
    trainer
        Name of the trainer.
    hyperparameters
        All of them.
    seed
        Seed of the trainings.
    results
        Ids of model and evaluation of each dataset; None where there is none.
    resampling
        How intervals are made.

    Returns
    -------
    The id.
    """
    return content_id(
        "learning-curve",
        trainer=trainer,
        hyperparameters=hyperparameters,
        seed=seed,
        results=results,
        resampling=resampling.model_dump(mode="json"),
    )


def l_max_of(hyperparameters: dict[str, Any]) -> int | None:
    """Find the highest angular momentum among the hyperparameters of a trainer.

    Parameters
    ----------
    hyperparameters
        All of them.

    Returns
    -------
    The number; None where the trainer has none.
    """
    return next((hyperparameters[one] for one in L_MAX_NAMES if one in hyperparameters), None)
