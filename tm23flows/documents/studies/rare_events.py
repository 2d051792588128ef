"""Results of rare events: errors on the atoms that are in the middle of a hop.

Owns what is kept of the runs that were searched, of the frames, of whoever predicted forces on
them, and of a choice between models. The measures are those of
:mod:`tm23flows.science.rare_events`; all of them are errors, lower is better.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from tm23flows.documents.studies.label_sets import Bounded

Vector = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SearchedRun(_Part):
    """One run in which hops were looked for."""

    trajectory_id: str = Field(description="The run.")
    regime: str | None = Field(description="cold, warm or melt.")
    temperature_K: float | None = Field(description="Target temperature in K.")
    n_steps: int = Field(ge=0, description="Steps that were searched.")
    timestep_fs: float = Field(gt=0, description="Time between them in fs.")
    order: float | None = Field(description="0 in a melt, 1 in a crystal; of the worst tenth.")
    n_hops: int = Field(0, ge=0, description="Persistent changes of site.")
    n_undecided: int = Field(0, ge=0, description="Changes that the ends of the run cut off.")
    n_events: int = Field(0, ge=0, description="Hops joined to events.")
    n_sampled: int = Field(0, ge=0, description="Events of which frames were taken.")
    not_searched: str | None = Field(
        None, description="Why there is nothing to count, such as no lattice sites in a melt."
    )


class EventRow(_Part):
    """One frame that was scored, or is there for comparison."""

    frame_id: str = Field(description="The frame.")
    trajectory_id: str | None = Field(None, description="Its run.")
    time_fs: float | None = Field(None, description="Its time in the run, in fs.")
    event: str | None = Field(description="Its event; None for a quiet frame.")
    event_fs: tuple[float, float] | None = Field(
        None, description="First and last time of the whole event in its run, in fs."
    )
    re_atoms: tuple[int, ...] = Field(description="Atoms in the middle of a hop: r is 0 there.")
    r_A: tuple[float, ...] | None = Field(
        None, description="Distance of each atom to the nearest migrating one, in angstrom."
    )
    r_v_A: tuple[float, ...] | None = Field(
        None, description="Distance of each atom to the nearest lattice site, in angstrom."
    )
    vacant_sites_A: tuple[Vector, ...] = Field((), description="Vacant sites in angstrom.")


class ScoreRow(_Part):
    """Errors of one predictor on a set of events; None where undefined."""

    re_m: Bounded | None = Field(None, description="RE_M, of the magnitude, 0 to 1.")
    re_a: Bounded | None = Field(None, description="RE_A, of the direction, 0 to 1.")
    re_f_eV_per_A: Bounded | None = Field(None, description="RE_F, RMS of the magnitudes.")
    above_half_eV_per_A: Bounded | None = Field(None, description="Share with dF > 0.5 eV/A.")
    above_15_deg: Bounded | None = Field(None, description="Share with dtheta > 15 degrees.")
    above_30_deg: Bounded | None = Field(None, description="Share with dtheta > 30 degrees.")
    n_events: int = Field(ge=0, description="Events that hold such an atom.")
    n_frames: int = Field(ge=0, description="Frames that hold one.")
    n_atoms: int = Field(ge=0, description="Atoms in the middle of a hop.")
    n_without_angle: int = Field(0, ge=0, description="Left out of angles: a force is zero.")
    undefined: str | None = Field(None, description="Why there are no errors.")
    angle_undefined: str | None = Field(None, description="Why there are none of the direction.")


class Difference(_Part):
    """Errors less those of the bar on the same atoms and draws; negative is better."""

    re_m: Bounded | None = Field(description="Of RE_M.")
    re_a: Bounded | None = Field(description="Of RE_A.")
    re_f_eV_per_A: Bounded | None = Field(description="Of RE_F.")


class Predictor(_Part):
    """Whoever predicted the forces: a model, or labels under another recipe."""

    kind: Literal["model", "labels"] = Field(description="Which of the two.")
    id: str | None = Field(description="Of the model or the recipe; None where there is no model.")
    name: str = Field(description="Trainer, or engine and k-mesh of the recipe.")
    evaluation_id: str | None = Field(None, description="Predictions of the model.")
    failure: str | None = Field(None, description="Why there are no numbers at all.")
    n_failed_frames: int = Field(0, ge=0, description="Frames without forces, left out.")
    score: ScoreRow | None = Field(None, description="On all events.")
    unseen: ScoreRow | None = Field(
        None, description="On events far enough in time from all frames the model was trained on."
    )
    difference: Difference | None = Field(None, description="Against the bar.")
    force_rmse_events_eV_per_A: float | None = Field(
        None, ge=0, description="Force RMSE of all atoms of the frames with an event."
    )
    force_rmse_quiet_eV_per_A: float | None = Field(
        None, ge=0, description="The same of frames without."
    )
    magnitude_curve: tuple[float, ...] | None = Field(
        None, description="Share of atoms with dF up to each point of the grid, 0 to 1 eV/A."
    )
    angle_curve: tuple[float, ...] | None = Field(
        None, description="Share with dtheta up to each point of the grid, 0 to 60 degrees."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.score is None) == (self.failure is None):
            raise ValueError("a predictor has a score or a failure")
        return self


class RareEventMetal(_Part):
    """One metal."""

    element: str = Field(description="Chemical symbol.")
    dataset_id: str = Field(description="Dataset whose runs were searched.")
    source: Literal["runs", "tags"] = Field(
        description="runs: hops found along trajectories; tags: frames that say it themselves."
    )
    event_dataset_id: str | None = Field(description="Labels of the frames; None without any.")
    recipe_id: str | None = Field(description="Recipe of the truth.")
    recipe_name: str | None = Field(description="Its engine and k-mesh.")
    runs: tuple[SearchedRun, ...] = Field((), description="Runs that were searched.")
    frames: tuple[EventRow, ...] = Field((), description="Frames that have a label.")
    n_unlabelled: int = Field(0, ge=0, description="Frames whose label was rejected.")
    predictors: tuple[Predictor, ...] = Field((), description="Models, then other labels.")
    bar: int | None = Field(None, description="Place of the bar: labels of a cheap k-mesh.")
    no_bar: str | None = Field(None, description="Why there is none.")
    undefined: str | None = Field(None, description="Why nothing was measured.")

    @model_validator(mode="after")
    def _known_bar(self) -> Self:
        if self.bar is not None and not 0 <= self.bar < len(self.predictors):
            raise ValueError("the bar is not among the predictors")
        return self


class Candidate(_Part):
    """One model among which is chosen."""

    trainer: str = Field(description="Its trainer.")
    hyperparameters: dict[str, JsonValue] = Field(description="Those that are not the defaults.")
    training_set: Literal["original", "enhanced"] = Field(description="What it was trained on.")
    model_id: str | None = Field(description="The model; None where its training failed.")
    failure: str | None = Field(None, description="Why it cannot be chosen.")
    validation: ScoreRow | None = Field(None, description="On the events of the validation part.")
    validation_force_rmse_eV_per_A: float | None = Field(None, description="Of all atoms there.")
    test: ScoreRow | None = Field(None, description="On the events of the test part.")
    test_force_rmse_eV_per_A: float | None = Field(None, description="Of all atoms there.")


class Selection(_Part):
    """A choice between models by force RMSE, and one by rare-event errors beside it."""

    element: str = Field(description="Chemical symbol.")
    original_id: str | None = Field(description="Dataset with the original training frames.")
    enhanced_id: str | None = Field(description="The same with frames of events in place of some.")
    n_train: int = Field(0, ge=0, description="Training frames of each.")
    n_replaced: int = Field(0, ge=0, description="Frames of the enhanced set that hold events.")
    candidates: tuple[Candidate, ...] = Field(description="In the order that was asked for.")
    by_rmse: int | None = Field(description="Least force RMSE on the validation part.")
    by_score: int | None = Field(description="Least rare-event errors there, among the good ones.")
    reason: str = Field(description="How the choice was made, or why there is none.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        for place in (self.by_rmse, self.by_score):
            if place is not None and not 0 <= place < len(self.candidates):
                raise ValueError("a model is chosen that is no candidate")
        return self


class RareEventResults(_Part):
    """What was found."""

    kind: Literal["rare-events"] = Field("rare-events", description="Which study.")
    metals: tuple[RareEventMetal, ...] = Field((), description="As asked for.")
    selections: tuple[Selection, ...] = Field((), description="Choices between models.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.metals and not self.selections:
            raise ValueError("a study of rare events has a metal or a selection")
        return self
