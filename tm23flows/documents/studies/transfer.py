"""Results of the transfer study: models trained at one temperature, tested at all.

Owns what is kept. A **training** is one model of one metal, and a **cell** its errors at one
temperature. In the matrix each temperature trains and tests on its own part; in the article's
transfer all frames of one temperature train, and all frames of each other one test.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.studies.label_sets import Bounded

Protocol = Literal["matrix", "article"]
Verdict = Literal["worse", "better", "unresolved"]
Order = Literal["rises", "falls", "unresolved"]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, from_attributes=True
    )


class BoundedErrors(_Part):
    """Errors of one quantity with intervals; percent is None where labels have no magnitude."""

    mae: Bounded = Field(description="Mean absolute error, in the unit of the quantity.")
    rmse: Bounded = Field(description="Root mean square error, same unit.")
    mav: float = Field(ge=0, description="Mean absolute value of the labels, same unit.")
    percent: Bounded | None = Field(description="100 MAE / MAV.")


class Penalty(_Part):
    """Force error less that of the model of the same kind that was trained where both are tested.

    Both are measured on the same draws of the frames that both predict.
    """

    percent: Bounded | None = Field(description="Of 100 MAE / MAV, in points.")
    mae: Bounded = Field(description="Of MAE, eV/A.")
    adjusted_p: float | None = Field(
        description="p value of the difference of MAE, adjusted for all of this metal; None "
        "without an interval."
    )
    verdict: Verdict = Field(description="worse, better, or not resolved.")


class TransferCell(_Part):
    """One model at one temperature; without an evaluation ``reason`` says why."""

    tested_on: str = Field(description="Temperature of the test frames.")
    evaluation_id: str | None = Field(description="The evaluation; None where there is none.")
    n_frames: int = Field(0, ge=0, description="Test frames that were predicted.")
    n_failed: int = Field(0, ge=0, description="Test frames that the model could not predict.")
    energy: BoundedErrors | None = Field(None, description="Per atom, in eV/atom.")
    force: BoundedErrors | None = Field(None, description="Components, in eV/angstrom.")
    stress: BoundedErrors | None = Field(None, description="Components, in eV/angstrom^3.")
    penalty: Penalty | None = Field(
        None, description="None where the model was trained at this temperature, or outside of "
        "the matrix."
    )  # fmt: skip
    block_length: int | None = Field(None, ge=1, description="Frames that were drawn together.")
    effective_frames: float | None = Field(None, gt=0, description="Independent test frames.")
    trusted: bool = Field(False, description="Whether these are enough for the intervals.")
    reason: str = Field("", description="What is missing, and why; empty where nothing is.")

    @model_validator(mode="after")
    def _measured_or_said(self) -> Self:
        if (self.evaluation_id is None) != (self.force is None):
            raise ValueError("a cell has an evaluation and its errors, or neither")
        if self.evaluation_id is None and not self.reason:
            raise ValueError("a cell without an evaluation says why")
        return self


class Rise(_Part):
    """Force error at the last temperature less that at the first, on different frames."""

    first: str = Field(description="The cooler temperature.")
    last: str = Field(description="The hotter one.")
    percent: Bounded | None = Field(description="Of 100 MAE / MAV, in points.")
    mae: Bounded = Field(description="Of MAE, eV/A.")
    verdict: Order = Field(description="Where the interval of the change of percent lies.")


class TransferTraining(_Part):
    """One model and where it was tested."""

    protocol: Protocol = Field(description="matrix, or the article's transfer of all frames.")
    trainer: str = Field(description="Name of the trainer.")
    number: int = Field(ge=0, description="Which of the models of the road it belongs to.")
    trained_on: str = Field(description="Temperature of the training frames.")
    dataset_id: str | None = Field(description="Its dataset; None where it was not made.")
    model_id: str | None = Field(description="The model; None where its training failed.")
    n_train: int = Field(ge=0, description="Training frames.")
    cells: tuple[TransferCell, ...] = Field(min_length=1, description="By rising temperature.")
    rise: Rise | None = Field(
        None, description="Of the temperatures that it was not trained at; None with fewer than "
        "two that were measured."
    )  # fmt: skip

    @property
    def called(self) -> str:
        """The trainer, with a number where the road has several models of it."""
        return self.trainer if not self.number else f"{self.trainer} {self.number + 1}"

    def cell(self, tested_on: str) -> TransferCell | None:
        """Find the errors at a temperature.

        Parameters
        ----------
        tested_on
            The temperature.

        Returns
        -------
        The cell; None where it was not to be tested there.
        """
        return next((one for one in self.cells if one.tested_on == tested_on), None)


class TransferMetal(_Part):
    """One metal."""

    element: str = Field(description="Chemical symbol.")
    regimes: tuple[str, ...] = Field(min_length=2, description="Temperatures, rising.")
    trainings: tuple[TransferTraining, ...] = Field(min_length=1, description="All models.")


class TransferResults(_Part):
    """What the transfer study finds."""

    kind: Literal["transfer"] = Field("transfer", description="Which study.")
    metals: tuple[TransferMetal, ...] = Field(min_length=1, description="As asked for.")
