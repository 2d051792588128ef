"""The job that picks frames out of a trajectory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Effort, Energies, Label
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.science.sampling import select_steps
from tm23flows.store.trajectories import read_segments

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def select_frames(trajectory_id: str, discard: int, stride: int, count: int) -> dict[str, Any]:
    """Store frames of a trajectory, and its own forces as labels of them.

    Parameters
    ----------
    trajectory_id
        The run.
    discard
        Steps at the beginning that are left out.
    stride
        Every how many steps a frame is taken after that.
    count
        How many frames.

    Returns
    -------
    ``frame_ids`` in time order, ``trajectory_id``, and the number of ``unusable_steps``.

    Raises
    ------
    InputError
        If the trajectory is too short, has a stretch without a usable step, or is one of a model,
        whose forces are no labels.
    """
    archive = open_archive()
    trajectory = archive.get(Trajectory, trajectory_id)
    if trajectory.recipe.model_id is not None:
        raise InputError(
            f"The run {trajectory_id[:12]} was made with a model, so its forces are no labels: "
            "take frames from a run of a program."
        )
    unusable = _unusable(archive, trajectory)
    steps = select_steps(trajectory.n_steps, discard, stride, count, unusable)
    pairs = list(take_steps(archive, trajectory, set(steps)))
    archive.put(*(frame for frame, _ in pairs))
    archive.put(*(label for _, label in pairs))
    return {
        "frame_ids": [frame.id for frame, _ in pairs],
        "trajectory_id": trajectory_id,
        "unusable_steps": len(unusable),
    }


def _unusable(archive: Archive, trajectory: Trajectory) -> set[int]:
    """Return the steps whose electrons did not converge or whose numbers are not sound."""
    return {
        int(step)
        for arrays in read_segments(archive, trajectory)
        for step in arrays["step"][arrays["converged"] == 0]
    }


def take_steps(
    archive: Archive,
    trajectory: Trajectory,
    steps: Collection[int],
    tags: Mapping[int, dict[str, Any]] | None = None,
) -> Iterator[tuple[Frame, Label]]:
    """Make frames of steps of a run, and labels of what the run itself computed there.

    Parameters
    ----------
    archive
        The archive.
    trajectory
        The run; not one of a model, whose forces are no labels.
    steps
        Steps, 1-based.
    tags
        What frames are to say besides, by step.

    Yields
    ------
    Frame and label, not stored yet, in the order of time.
    """
    known = tags or {}
    structure = archive.get(Structure, trajectory.structure_id)
    for arrays in read_segments(archive, trajectory):
        for place, step in enumerate(arrays["step"]):
            if int(step) in steps:
                frame = _frame(
                    trajectory,
                    structure,
                    int(step),
                    arrays["positions"][place],
                    known.get(int(step), {}),
                )
                yield frame, _label(trajectory, frame, {k: v[place] for k, v in arrays.items()})


def _frame(
    trajectory: Trajectory,
    structure: Structure,
    step: int,
    positions: np.ndarray,
    tags: dict[str, Any],
) -> Frame:
    return Frame(
        provenance=Provenance.now(),
        element=trajectory.element,
        regime=trajectory.regime,
        temperature_K=trajectory.dynamics.temperature_K,
        trajectory_id=trajectory.id,
        step=step,
        time_fs=(step - 1) * trajectory.dynamics.timestep_fs,
        numbers=structure.numbers,
        cell=structure.cell,
        positions=positions,
        tags=tags,
    )


def _label(trajectory: Trajectory, frame: Frame, values: dict[str, np.ndarray]) -> Label:
    stress = values["stress"]
    return make_label(
        frame,
        recipe=trajectory.recipe,
        # The run computed these numbers, so its past is theirs.
        provenance=trajectory.provenance,
        energies=Energies(
            free=float(values["energy_free"]),
            sigma0=float(values["energy_sigma0"]),
            without_entropy=float(values["energy_without_entropy"]),
        ),
        forces=values["forces"],
        stress=stress if np.isfinite(stress).all() else None,
        effort=Effort(scf_iterations=int(values["scf_iterations"]))
        if values["scf_iterations"] >= 0
        else Effort(),
    )


def make_label(frame: Frame, **fields: Any) -> Label:
    """Make the label of a frame, with the frame's own facts repeated for queries.

    Parameters
    ----------
    frame
        The frame.
    **fields
        ``recipe``, ``provenance``, ``energies``, ``forces``, ``stress``, and
        ``effort`` where it is known.

    Returns
    -------
    The label.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return Label(
        frame_id=frame.id,
        recipe_id=fields["recipe"].id,
        element=frame.element,
        regime=frame.regime,
        temperature_K=frame.temperature_K,
        trajectory_id=frame.trajectory_id,
        step=frame.step,
        n_atoms=len(frame.numbers),
        **fields,
    )
