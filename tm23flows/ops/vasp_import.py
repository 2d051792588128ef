"""Existing runs of VASP brought into the archive, with their past.

Owns which documents an output file becomes: every step a frame with a label or, with the
reason, a rejection; a run of molecular dynamics a structure and a trajectory besides. Files
of which one goes on where the other ended are one trajectory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Effort, Energies, Label, Rejection
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.vasp.past_files import PastRun, chains, check_together, examine
from tm23flows.engines.vasp.soundness import unsound
from tm23flows.engines.vasp.steps import VaspStep
from tm23flows.errors import InputError
from tm23flows.ops.vasp_trajectory import Placed, begin_trajectory, keep_steps, placed_steps
from tm23flows.store.datasets.creation import Named, check_name, name_dataset

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

BATCH = 200
"""Frames that are written at once."""


@dataclass(frozen=True)
class Imported:
    """What became of files.

    Parameters
    ----------
    named
        The dataset of their labels.
    n_rejected
        Frames whose numbers must not be used.
    n_trajectories
        Runs of molecular dynamics.
    notes
        Sentences on what could not be said or kept.
    """

    named: Named
    n_rejected: int
    n_trajectories: int
    notes: tuple[str, ...]


def import_runs(
    archive: Archive, paths: Sequence[Path], name: str, first: int = 1, stride: int = 1
) -> Imported:
    """Bring runs into the archive and give their labels a name.

    Nothing is stored before all files have been read to the end. Doing it twice changes
    nothing; a file that has grown since adds its new steps.

    Parameters
    ----------
    archive
        The archive.
    paths
        vasprun.xml, plain or compressed, or vaspout.h5; continued runs in the order of time.
    name
        Name for the dataset of all their labels.
    first, stride
        Which steps become frames; trajectories have all of them.

    Returns
    -------
    What became of them.

    Raises
    ------
    InputError
        If the name is wrong, a file cannot be read or holds no sound step, it has more than
        one element, or files were computed with different settings.
    """
    check_name(name)
    if first < 1 or stride < 1:
        raise InputError("Steps count from 1; give a first step and a stride of 1 or more.")
    runs = list({run.sha256: run for run in map(examine, paths)}.values())
    check_together(runs)
    groups = chains(runs)
    chosen = (one for group in groups for one in placed_steps(group) if _wanted(one, first, stride))
    if not any(_refusal(step) is None for _, _, step, _ in chosen):
        raise InputError(f"There is not one sound step in {', '.join(p.name for p in paths)}.")
    labels: dict[str, None] = {}
    rejected: set[str] = set()
    n_lost = 0
    for group in groups:
        outcomes = _outcomes(archive, group, first, stride)
        while batch := list(islice(outcomes, BATCH)):
            n_lost += batch.count(None)
            pairs = [pair for pair in batch if pair is not None]
            archive.put(*(frame for frame, _ in pairs))
            archive.record(outcome for _, outcome in pairs)
            labels |= dict.fromkeys(one.id for _, one in pairs if isinstance(one, Label))
            rejected |= {one.id for _, one in pairs if isinstance(one, Rejection)}
    named = name_dataset(archive, name, _dataset(runs, tuple(labels)))
    n_trajectories = sum(group[0].dynamics is not None for group in groups)
    notes = tuple(_notes(runs, n_lost))
    return Imported(named, len(rejected - set(labels)), n_trajectories, notes)


def _outcomes(
    archive: Archive, group: Sequence[PastRun], first: int, stride: int
) -> Iterator[tuple[Frame, Label | Rejection] | None]:
    """Yield what becomes of each wanted step; None if it cannot even be a frame."""
    steps, trajectory = placed_steps(group), None
    if group[0].dynamics is not None:
        trajectory = begin_trajectory(archive, group)
        steps = keep_steps(archive, trajectory, steps)
    pasts = {run.sha256: run.provenance() for run in group}
    for one in steps:
        if _wanted(one, first, stride):
            run, _, step, positions = one
            is_place = np.isfinite(positions).all() and np.isfinite(step.cell).all()
            frame = _frame(one, trajectory, pasts[run.sha256]) if is_place else None
            yield None if frame is None else (frame, _outcome(frame, run, step))


def _wanted(one: Placed, first: int, stride: int) -> bool:
    return one[1] >= first and (one[1] - first) % stride == 0


def _refusal(step: VaspStep) -> str | None:
    """Say why the numbers of a step are no label."""
    if reason := unsound(step):
        return reason
    if step.converged:
        return None
    if step.n_scf > 0:
        return f"the electrons did not converge in {step.n_scf} steps"
    if step.n_scf == 0:
        return "it has no electronic steps: its numbers are not those of the recipe"
    return "the file does not say whether the electrons converged"


def _frame(one: Placed, trajectory: Trajectory | None, past: Provenance) -> Frame:
    run, number, step, positions = one
    moves = None if trajectory is None else trajectory.dynamics
    return Frame(
        provenance=past,
        element=run.element,
        regime=None,
        temperature_K=None if moves is None else moves.temperature_K,
        trajectory_id=None if trajectory is None else trajectory.id,
        origin=run.sha256,
        step=None if run.n_steps == 1 else number,
        time_fs=None if moves is None else (number - 1) * moves.timestep_fs,
        numbers=run.header.numbers,
        cell=step.cell,
        positions=positions,
    )


def _outcome(frame: Frame, run: PastRun, step: VaspStep) -> Label | Rejection:
    past = {"provenance": frame.provenance, "frame_id": frame.id, "recipe": run.recipe}
    if reason := _refusal(step):
        return Rejection(reason=reason, **past)
    return Label(
        recipe_id=run.recipe.id,
        element=frame.element,
        regime=frame.regime,
        temperature_K=frame.temperature_K,
        trajectory_id=frame.trajectory_id,
        step=frame.step,
        n_atoms=len(frame.numbers),
        energies=Energies(
            free=step.energy_free,
            sigma0=step.energy_sigma0,
            without_entropy=step.energy_without_entropy,
        ),
        forces=step.forces,
        stress=step.stress,
        effort=Effort(
            scf_iterations=step.n_scf if step.n_scf >= 0 else None,
            program=f"vasp {run.header.version}",
        ),
        **past,
    )


def _dataset(runs: Sequence[PastRun], label_ids: tuple[str, ...]) -> Dataset:
    return Dataset(
        provenance=Provenance.now(inputs={run.sha256: run.path.name for run in runs}),
        element=runs[0].element,
        parts={"all": label_ids},
        rule="import",
        query={"files": [run.path.name for run in runs]},
    )


def _notes(runs: Sequence[PastRun], n_lost: int) -> Iterator[str]:
    for run in runs:
        if run.dynamics is None and run.header.parameters.get("IBRION") == 0 and run.n_steps > 1:
            yield f"{run.path.name} became frames without a trajectory: {run.no_trajectory}."
    if n_lost:
        yield f"{n_lost} steps have positions that are no numbers, and are left out."
