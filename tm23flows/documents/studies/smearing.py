"""Results of the smearing study: how force errors and forces change with SIGMA."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.studies.label_sets import Bounded, LabelSetRow, MetalRow


class SmearingRow(LabelSetRow):
    """The labels of one smearing width."""

    sigma_eV: float = Field(gt=0, description="Smearing width in eV.")


class SmearingMetal(MetalRow):
    """One metal; its first set is that of the smallest width."""

    rows: tuple[SmearingRow, ...] = Field(min_length=2, description="From narrow to wide.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        widths = [one.sigma_eV for one in self.rows]
        if widths != sorted(set(widths)):
            raise ValueError("the widths of a smearing study rise")
        if [one.force.change is None for one in self.rows] != [True] + [False] * len(widths[1:]):
            raise ValueError("changes are against the smallest width")
        return self


class MetalComparison(BaseModel):
    """How the error of one metal falls against that of another, from first to last width."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    first: str = Field(description="Chemical symbol of the one that falls more, or rises less.")
    second: str = Field(description="Chemical symbol of the other.")
    difference: Bounded = Field(
        description="Change of the percent error of the first less that of the second, in points."
    )
    without_noise: Bounded | None = Field(
        None, description="The same of 100 RMSE / MAV without label noise; None if not known."
    )


class SmearingResults(BaseModel):
    """What the smearing study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["smearing"] = Field("smearing", description="Which study.")
    metals: tuple[SmearingMetal, ...] = Field(min_length=1, description="As asked for.")
    comparisons: tuple[MetalComparison, ...] = Field(
        description="The metal whose error falls most against each other one."
    )
    falls_most: str | None = Field(
        description="The metal whose error falls, and more than that of every other; None where "
        "this is not resolved, and with one metal."
    )
    sentence: str = Field(description="How the metals compare, in words; empty with one.")
