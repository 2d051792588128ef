"""The job that runs molecular dynamics, segment by segment, and can be killed at any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.engines.base import Engine, MDStep, State, get_engine
from tm23flows.jobs.context import open_archive, run_folder
from tm23flows.store.trajectories import append_segment

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def run_trajectory(
    structure_id: str,
    recipe: dict[str, Any],
    dynamics: dict[str, Any],
    n_steps: int,
    segment_steps: int,
    regime: str | None,
) -> dict[str, Any]:
    """Run a trajectory up to a step, from wherever it is.

    Parameters
    ----------
    structure_id
        Where it starts.
    recipe
        Fields of the recipe of the forces.
    dynamics
        Fields of the equations of motion.
    n_steps
        Number of the last step; steps that are in the archive are not repeated.
    segment_steps
        Steps between two writes: the most that a killed job loses.
    regime
        cold, warm, melt or None.

    Returns
    -------
    ``trajectory_id`` and ``n_steps``.

    Raises
    ------
    PhysicsError
        If forces stop being finite.
    """
    archive = open_archive()
    structure = archive.get(Structure, structure_id)
    engine = get_engine(recipe["engine"], run_folder())
    trajectory = _find_or_begin(
        archive, engine, structure, Recipe(**recipe), Dynamics(**dynamics), regime
    )
    if trajectory.n_steps < n_steps:
        steps = engine.run_md(
            structure.atoms,
            trajectory.recipe,
            trajectory.dynamics,
            n_steps,
            _last_state(archive, trajectory),
        )
        for arrays in _segments(steps, segment_steps):
            trajectory = append_segment(archive, trajectory, arrays)
    return {"trajectory_id": trajectory.id, "n_steps": trajectory.n_steps}


def _find_or_begin(
    archive: Archive,
    engine: Engine,
    structure: Structure,
    recipe: Recipe,
    dynamics: Dynamics,
    regime: str | None,
) -> Trajectory:
    complete = engine.complete(recipe, [structure.element])
    new = Trajectory(
        provenance=Provenance.now(engine.versions(), engine.inputs(complete)),
        structure_id=structure.id,
        element=structure.element,
        regime=regime,
        recipe=complete,
        dynamics=dynamics,
    )
    archive.put(new)
    return archive.get(Trajectory, new.id)


def _last_state(archive: Archive, trajectory: Trajectory) -> State | None:
    if not trajectory.segments:
        return None
    last = archive.blobs.get_arrays(trajectory.segments[-1].blob)
    return State(
        step=int(last["step"][-1]),
        positions=last["positions"][-1],
        momenta=last["momenta"][-1],
        thermostat=last["thermostat"][-1],
    )


def _segments(steps: Iterable[MDStep], length: int) -> Iterator[dict[str, np.ndarray]]:
    """Collect steps into the arrays of segments of at most ``length`` steps."""
    waiting: list[MDStep] = []
    for step in steps:
        waiting.append(step)
        if len(waiting) == length:
            yield _arrays(waiting)
            waiting = []
    if waiting:
        yield _arrays(waiting)


def _arrays(steps: list[MDStep]) -> dict[str, np.ndarray]:
    results = [step.result for step in steps]
    no_stress = np.full(6, np.nan)
    return {
        "step": np.array([step.state.step for step in steps]),
        "positions": np.array([step.state.positions for step in steps]),
        "momenta": np.array([step.state.momenta for step in steps]),
        "thermostat": np.array([step.state.thermostat for step in steps]),
        "forces": np.array([one.forces for one in results]),
        "stress": np.array([no_stress if one.stress is None else one.stress for one in results]),
        "energy_free": np.array([one.energies.free for one in results]),
        "energy_sigma0": np.array([one.energies.sigma0 for one in results]),
        "energy_without_entropy": np.array([one.energies.without_entropy for one in results]),
        "temperature": np.array([step.temperature_K for step in steps]),
        "conserved": np.array([step.conserved_eV for step in steps]),
    }
