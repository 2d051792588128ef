"""What is kept of several label sets of the same frames: errors, noise, response, densities.

Owns the rows that the smearing and the electron-count study have in common. How the numbers are
made is in :mod:`tm23flows.science.paired_errors` and :mod:`tm23flows.science.force_response`.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["falls", "rises", "noise", "unresolved"]


class _Row(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, from_attributes=True
    )


class Bounded(_Row):
    """A value with the ends of its interval; None where there are too few frames for one."""

    value: float = Field(description="Of the frames as they are.")
    low: float | None = Field(None, description="Lower end.")
    high: float | None = Field(None, description="Upper end.")

    @model_validator(mode="after")
    def _both_ends(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        return self


class NoiseRow(_Row):
    """Label noise of one recipe: its forces against those on a denser k-mesh, same frames."""

    label_ids: tuple[str, ...] = Field(min_length=1, description="Labels on the denser mesh.")
    kmesh: tuple[int, int, int] = Field(description="The denser mesh.")
    kmesh_offset: tuple[float, float, float] = Field(description="Its shift.")
    n_frames: int = Field(ge=1, description="Frames that were compared.")
    mae: float = Field(ge=0, description="Mean absolute difference of force components, eV/A.")
    rms: float = Field(ge=0, description="Root mean square difference, eV/A.")
    largest: float = Field(ge=0, description="Largest difference, eV/A.")
    percent: float = Field(
        ge=0,
        description="100 times the mean absolute difference over the mean absolute force component "
        "of the test labels, the unit of the model errors.",
    )


class ChangeRow(_Row):
    """Change of the force error against the first label set, in percentage points."""

    percent: Bounded = Field(description="Of 100 MAE / MAV.")
    percent_rms: Bounded = Field(description="Of 100 RMSE / MAV.")
    percent_without_noise: Bounded | None = Field(
        description="Of 100 RMSE / MAV without label noise; None if that is not known."
    )
    verdict: Verdict = Field(
        description="falls or rises; noise where it may be label noise; unresolved else."
    )


class ErrorsOfSet(_Row):
    """Force errors of the model of one label set on the test frames; the first three in eV/A."""

    mae: float = Field(ge=0, description="Mean absolute error of force components.")
    rmse: float = Field(ge=0, description="Root mean square error.")
    mav: float = Field(gt=0, description="Mean absolute force component of the labels.")
    percent: Bounded = Field(description="100 MAE / MAV.")
    percent_rms: Bounded = Field(description="100 RMSE / MAV.")
    percent_without_noise: Bounded | None = Field(
        description="100 RMSE / MAV without label noise; None if that is not known."
    )
    change: ChangeRow | None = Field(description="None for the first set.")


class ResponseRow(_Row):
    """How forces differ from those of the first set: means over all atoms of the dataset, eV/A."""

    radial: Bounded = Field(description="Mean of | |F| - |F of the first set| |.")
    angular: Bounded = Field(description="Mean of | F - F of the first set |.")
    difference: Bounded = Field(description="Angular less radial; never negative.")
    excess: Bounded | None = Field(
        None,
        description="Angular less twice the radial: zero for small changes in random directions. "
        "None in studies of before it was computed.",
    )
    n_frames: int = Field(ge=1, description="Frames.")
    n_atoms: int = Field(ge=1, description="Atoms of all frames.")
    block_length: int = Field(ge=1, description="Frames that were drawn together.")
    effective_frames: float = Field(gt=0, description="Number of independent frames.")
    trusted: bool = Field(description="Whether these are enough; if not, intervals are too narrow.")


class LabelSetRow(_Row):
    """One label set: its dataset and model, and what was found."""

    recipe_id: str = Field(description="Recipe of its labels.")
    dataset_id: str = Field(description="Its dataset.")
    model_id: str = Field(description="The model that was trained on it.")
    evaluation_id: str = Field(description="That model on the test frames with the same labels.")
    force: ErrorsOfSet = Field(description="Force errors.")
    noise: NoiseRow | None = Field(description="None where there are no labels to tell.")
    response: ResponseRow | None = Field(description="None for the first set.")
    dos_ids: tuple[str, ...] = Field((), description="Densities of states of a few test frames.")


class MetalRow(_Row):
    """What all label sets of one metal have in common."""

    element: str = Field(description="Chemical symbol.")
    kmesh: tuple[int, int, int] = Field(description="k-mesh of all labels.")
    kmesh_offset: tuple[float, float, float] = Field(description="Its shift.")
    convergence_id: str | None = Field(description="The test that chose it; None without one.")
    converged: bool = Field(description="Whether the test showed the mesh to be converged.")
    n_train: int = Field(ge=1, description="Training frames of the first set.")
    n_test: int = Field(ge=1, description="Test frames that all sets have.")
    block_length: int = Field(ge=1, description="Test frames that were drawn together.")
    effective_frames: float = Field(gt=0, description="Number of independent test frames, at most.")
    trusted: bool = Field(description="Whether these are enough; if not, intervals are too narrow.")
    verdict: Verdict = Field(description="On the change from the first to the last set.")
    sentence: str = Field(description="The same in words.")
