"""Results of molecular dynamics with models beside that of the labels."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.studies.label_sets import Bounded

FailureKind = Literal["not begun", "stopped", "not finite", "too hot", "too close", "drift"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RunFailureRow(_Part):
    """Where a run failed first."""

    kind: FailureKind = Field(description="What went wrong.")
    step: int = Field(ge=1, description="1-based step; step 1 is the structure.")
    time_ps: float = Field(ge=0, description="Its time in ps.")
    reason: str = Field(min_length=1, description="In words.")


class MeltingRow(_Part):
    """Whether a run melted; see :mod:`tm23flows.science.melting`."""

    verdict: Literal["solid", "melted", "unclear"] | None = Field(
        description="None where it cannot be said."
    )
    min_over_max: float | None = Field(description="First minimum of g(r) over its first peak.")
    moved_share: float | None = Field(description="Share of atoms that left their places.")
    reason: str = Field(description="Why there is no verdict, or an unclear one.")


class DiffusionRow(_Part):
    """A self-diffusion coefficient, or why there is none."""

    value_A2_per_ps: Bounded | None = Field(description="With its 95 % interval.")
    reason: str = Field(description="Why it is not defined; empty where it is.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.value_A2_per_ps is None) != bool(self.reason):
            raise ValueError("a diffusion coefficient is there, or the reason why not")
        return self


class RunRow(_Part):
    """One run, of a model or of the program that made the labels."""

    element: str = Field(description="Chemical symbol.")
    regime: str = Field(description="Temperature of the run.")
    temperature_K: float | None = Field(description="The same in K; None where not known.")
    dataset_id: str = Field(description="Dataset of the reference and of the models.")
    is_reference: bool = Field(description="Whether it is of the program that made the labels.")
    model_id: str | None = Field(
        description="The model; None for the reference, and for one whose training failed."
    )
    trajectory_id: str | None = Field(
        description="The run; None where it was not even begun, and for frames without a run."
    )
    reference_id: str | None = Field(
        description="Run that it is compared with; None for the reference, or without one."
    )
    n_atoms: int | None = Field(description="Atoms in the cell; None where the run was not begun.")
    asked_steps: int = Field(ge=0, description="Steps that it was to have.")
    n_steps: int = Field(ge=0, description="Steps that are looked at.")
    timestep_fs: float | None = Field(description="Time step in fs.")
    failure: RunFailureRow | None = Field(description="The first failure; None for a sound run.")
    temperature_mean_K: float | None = Field(description="Of the second half of the sound steps.")
    temperature_std_K: float | None = Field(description="Standard deviation of the same.")
    drift_meV_per_atom_per_ps: float | None = Field(
        description="Of the conserved energy; None where it is not known."
    )
    min_distance_A: float | None = Field(description="Smallest distance of two atoms on the run.")
    g: tuple[float, ...] | None = Field(
        description="g(r) of the sound steps without the first ones; None with too few steps."
    )
    rdf_frames: int = Field(ge=0, description="Frames in the average.")
    rdf_difference: float | None = Field(
        ge=0,
        description="integral |g - g_ref| / integral g_ref; of the reference, between its halves.",
    )
    melting: MeltingRow = Field(description="Of the sound steps.")
    msd_ps: tuple[float, ...] = Field((), description="Intervals of the next.")
    msd_A2: tuple[float, ...] = Field((), description="Mean-square displacements.")
    diffusion: DiffusionRow = Field(description="Of the sound steps without the first ones.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.msd_ps) != len(self.msd_A2):
            raise ValueError("there is a displacement for each interval")
        if not self.is_reference and self.trajectory_id is None and self.failure is None:
            raise ValueError("a run that is not there has failed")
        if self.is_reference and self.model_id is not None:
            raise ValueError("a reference is not of a model")
        return self


class MolecularDynamicsResults(_Part):
    """What molecular dynamics with models finds."""

    kind: Literal["molecular-dynamics"] = Field("molecular-dynamics", description="Which study.")
    r_A: tuple[float, ...] = Field(min_length=1, description="Centres of the bins of all g(r).")
    runs: tuple[RunRow, ...] = Field(
        min_length=1, description="By metal and temperature: the reference, then the models."
    )

    @model_validator(mode="after")
    def _same_bins(self) -> Self:
        if any(one.g is not None and len(one.g) != len(self.r_A) for one in self.runs):
            raise ValueError("all g(r) of a study have the same bins")
        return self
