"""The job that runs molecular dynamics, segment by segment, and can be killed at any time."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker, Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.effort import total_effort
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.engines.base import Engine, MDStep, Setup, State
from tm23flows.errors import OutOfTimeError, TM23Error
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.context import (
    as_this_job,
    begin_job,
    keep_raw_outputs,
    open_archive,
    run_folder,
    wait_for_deadline,
)
from tm23flows.jobs.model_engine import opened_engine
from tm23flows.jobs.own_folder import mark_folder, own_folder
from tm23flows.store.trajectories import announce_folder, append_segment

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass
class TrajectoryJobMaker(Maker):
    """The job, with the engine's own Maker inside, where atomate2's powerups find it.

    Parameters
    ----------
    name
        Name of the job.
    calculation
        The engine's Maker of one run; None for the engine's default.
    """

    name: str = "trajectory"
    calculation: Maker | None = None

    @job
    def make(
        self,
        structure_id: str,
        recipe: dict[str, Any],
        dynamics: dict[str, Any],
        n_steps: int,
        segment_steps: int,
        regime: str | None,
    ) -> dict[str, Any] | Response:
        """Run a trajectory; see :func:`run_trajectory`.

        Returns
        -------
        ``trajectory_id`` and ``n_steps``. Where the time of the worker was over first,
        with the job that goes on as a detour.
        """
        task = (structure_id, recipe, dynamics, n_steps, segment_steps, regime)
        begin_job()
        done = run_trajectory(*task, calculation=self.calculation)
        if done["n_steps"] >= n_steps:
            return done
        wait_for_deadline(done["trajectory_id"], done["new_steps"])
        return Response(done, detour=as_this_job(self.make(*task)))


def run_trajectory(
    structure_id: str,
    recipe: dict[str, Any],
    dynamics: dict[str, Any],
    n_steps: int,
    segment_steps: int,
    regime: str | None,
    calculation: Maker | None = None,
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
    calculation
        The engine's Maker of one run; None for the engine's default.

    Returns
    -------
    ``trajectory_id``, ``n_steps``, which is smaller than what was asked only where the time
    of the worker was over first, and how many of them are ``new_steps``.

    Raises
    ------
    PhysicsError
        If forces stop being finite, or the program fails twice at the same step.
    DiskFullError
        If the disk is full; what was finished is kept.
    """
    archive = open_archive()
    structure = archive.get(Structure, structure_id)
    asked, hold = Recipe(**recipe), Hold(archive)
    setup = Setup("md", calculation, hold.deadline)
    with opened_engine(archive, asked, run_folder(), setup) as engine:
        begun = _find_or_begin(archive, engine, structure, asked, Dynamics(**dynamics), regime)
        if begun.n_steps < n_steps:
            with (
                suppress(OutOfTimeError),
                hold.claim(begun.id, "trajectory", structure.element),
            ):
                # another worker may have gone on while this one waited for it
                begun = archive.get(Trajectory, begun.id)
                if begun.n_steps < n_steps:
                    task = (structure, begun, n_steps, segment_steps)
                    _go_on(archive, hold, engine, *task)
            keep_raw_outputs(archive, engine)
    done = archive.get(Trajectory, begun.id).n_steps
    return {"trajectory_id": begun.id, "n_steps": done, "new_steps": done - begun.n_steps}


def _go_on(
    archive: Archive,
    hold: Hold,
    engine: Engine,
    structure: Structure,
    trajectory: Trajectory,
    n_steps: int,
    segment_steps: int,
) -> None:
    mark_folder(run_folder(), trajectory.id)
    announce_folder(archive, trajectory, f"{socket.gethostname()}:{run_folder()}")
    steps = engine.run_md(
        structure.atoms,
        trajectory.recipe,
        trajectory.dynamics,
        n_steps,
        _last_state(archive, trajectory),
        segment_steps,
        own_folder(trajectory.run_folder, trajectory.id),
    )
    for stretch in _stretches(steps, segment_steps):
        trajectory = hold.write(partial(_append, trajectory=trajectory, steps=stretch))


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
    restart = trajectory.segments[-1].restart
    return State(
        step=int(last["step"][-1]),
        positions=last["positions"][-1],
        momenta=last["momenta"][-1],
        thermostat=last["thermostat"][-1],
        restart=None if restart is None else archive.blobs.get(restart),
    )


def _stretches(steps: Iterable[MDStep], length: int) -> Iterator[list[MDStep]]:
    """Collect steps into what is written at once; what was sound before an error is kept."""
    waiting: list[MDStep] = []
    try:
        for step in steps:
            waiting.append(step)
            # A program that tells no momenta goes on from its own restart file only.
            enough = len(waiting) >= length and step.state.momenta.size
            if enough or step.state.restart is not None:
                yield waiting
                waiting = []
    except TM23Error:
        if waiting:
            yield waiting
        raise
    if waiting:
        yield waiting


def _append(archive: Archive, trajectory: Trajectory, steps: list[MDStep]) -> Trajectory:
    last = steps[-1]
    effort = last.result.effort if last.result else None
    return append_segment(
        archive,
        trajectory,
        segment_arrays(steps),
        restart=last.state.restart,
        program=effort.program if effort else None,
        corrections=effort.corrections if effort else (),
        effort=total_effort(step.result.effort for step in steps if step.result),
    )


def segment_arrays(steps: list[MDStep]) -> dict[str, np.ndarray]:
    """Put steps into the arrays of a segment.

    Parameters
    ----------
    steps
        Consecutive steps of one run.

    Returns
    -------
    All of :data:`tm23flows.documents.trajectory.SEGMENT_ARRAYS`.
    """
    states, results = [step.state for step in steps], [step.result for step in steps]
    nothing, no_stress = np.full(states[0].positions.shape, np.nan), np.full(6, np.nan)

    def energies(kind: str) -> np.ndarray:
        return np.array([getattr(one.energies, kind) if one else np.nan for one in results])

    stresses = [no_stress if one is None or one.stress is None else one.stress for one in results]
    iterations = [one.effort.scf_iterations if one else None for one in results]
    return {
        "step": np.array([state.step for state in states]),
        "positions": np.array([state.positions for state in states]),
        "momenta": np.array([state.momenta for state in states]),
        "thermostat": np.array([state.thermostat for state in states]),
        "forces": np.array([nothing if one is None else one.forces for one in results]),
        "stress": np.array(stresses),
        "energy_free": energies("free"),
        "energy_sigma0": energies("sigma0"),
        "energy_without_entropy": energies("without_entropy"),
        "temperature": np.array([step.temperature_K for step in steps]),
        "conserved": np.array([step.conserved_eV for step in steps]),
        "scf_iterations": np.array([-1 if number is None else number for number in iterations]),
        "converged": np.array([int(step.converged and bool(step.result)) for step in steps]),
    }
