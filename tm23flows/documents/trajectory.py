"""The trajectory noun: one molecular-dynamics run, kept in segments.

Owns the description of a run and of where its segments are. The steps
themselves are arrays in blobs; see the layout in :data:`SEGMENT_ARRAYS`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tm23flows.documents.base import Document
from tm23flows.documents.effort import Effort
from tm23flows.documents.ids import content_id
from tm23flows.documents.recipe import Recipe

SEGMENT_ARRAYS = {
    "step": "1-based step numbers, (m,)",
    "positions": "angstrom, not wrapped, (m, n, 3)",
    "momenta": "ASE units, (m, n, 3); (m, 0, 3) where the program does not tell them",
    "thermostat": "thermostat state after each step, (m, k)",
    "forces": "eV/angstrom, (m, n, 3)",
    "stress": "eV/angstrom^3, ASE sign, xx yy zz yz xz xy, without the kinetic part, (m, 6)",
    "energy_free": "eV, (m,)",
    "energy_sigma0": "eV, (m,)",
    "energy_without_entropy": "eV, (m,)",
    "temperature": "instantaneous, K, (m,)",
    "conserved": "conserved energy of particles and thermostat, eV, (m,)",
    "scf_iterations": "self-consistency steps, (m,); -1 where there are none to count",
    "converged": "1 where the electrons converged and all numbers are sound, (m,); a step that "
    "has 0 never becomes a frame, and its numbers may be nan",
}
"""Names, units and shapes of the arrays in the blob of a segment of m steps and n atoms."""


class Dynamics(BaseModel):
    """Settings of the equations of motion."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    ensemble: str = Field("nvt-nose-hoover-chain", description="Ensemble and thermostat.")
    temperature_K: float = Field(gt=0, description="Target temperature in K.")
    timestep_fs: float = Field(5.0, gt=0, description="Time step in fs.")
    damping_fs: float = Field(200.0, gt=0, description="Thermostat relaxation time in fs.")
    seed: int = Field(0, ge=0, description="Seed of the initial velocities.")
    initial_temperature_factor: float = Field(
        1.0,
        gt=0,
        description="Initial over target temperature. A run that starts on lattice sites gives "
        "half its kinetic energy to the potential; 2 makes short runs start near the target.",
    )


class Segment(BaseModel):
    """A stretch of consecutive steps in one blob."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_step: int = Field(ge=1, description="First step in the blob, 1-based.")
    last_step: int = Field(ge=1, description="Last step in the blob.")
    blob: str = Field(description="sha256 of the blob.")
    restart: str | None = Field(
        None,
        description="sha256 of the blob with the program's own restart file after the last step, "
        "where the program keeps its state in one (VASP's CONTCAR).",
    )
    program: str | None = Field(None, description="Program that ran it, as its output names it.")
    corrections: tuple[str, ...] = Field((), description="What was changed to make it run.")
    effort: Effort | None = Field(
        None, description="What its steps cost; None in segments of older programs."
    )


class Trajectory(Document):
    """One run: where it starts, how it moves, and the segments done so far."""

    structure_id: str = Field(description="Structure that the run starts from.")
    element: str = Field(description="Chemical symbol.")
    regime: str | None = Field(description="cold, warm or melt, where the run is one of these.")
    recipe: Recipe = Field(description="How forces were computed on the way.")
    dynamics: Dynamics = Field(description="How atoms were moved.")
    segments: tuple[Segment, ...] = Field((), description="Done so far, in order, without gaps.")
    run_folder: str | None = Field(
        None,
        description="host:path where the steps after the last segment are or were computed; steps "
        "that are complete there are taken over when the run goes on.",
    )

    @property
    def n_steps(self) -> int:
        """Number of steps done so far."""
        return self.segments[-1].last_step if self.segments else 0

    def compute_id(self) -> str:
        """Hash the start, the recipe and the dynamics; longer runs continue the same one."""
        return content_id(
            "trajectory",
            structure=self.structure_id,
            recipe=self.recipe.id,
            dynamics=self.dynamics.model_dump(mode="json"),
        )
