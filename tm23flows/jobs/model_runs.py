"""The job that repeats the runs of a dataset with a model.

Owns what becomes of a model that fails: it is written down with its reason, and nobody else is
stopped by it. Where runs begin is :mod:`tm23flows.jobs.run_starts`, how they are done
:mod:`tm23flows.jobs.trajectory`; what they show is measured in the study.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import Maker, Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError, PhysicsError, TrainingError
from tm23flows.jobs.context import as_this_job, begin_job, open_archive, wait_for_deadline
from tm23flows.jobs.model_engine import model_recipe
from tm23flows.jobs.run_starts import Start, starts_of
from tm23flows.jobs.trajectory import run_trajectory
from tm23flows.store.claims import task_id

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

NO_MODEL = "there is no model: its training failed"


@dataclass
class ModelRunsJobMaker(Maker):
    """The job; killed or out of time, it goes on where it was.

    Parameters
    ----------
    name
        Name of the job.
    """

    name: str = "model runs"

    @job
    def make(
        self,
        model_id: str | None,
        dataset_id: str,
        regime: str,
        n_steps: int | None,
        segment_steps: int,
    ) -> dict[str, Any] | Response:
        """Repeat all runs of a dataset at one temperature with a model.

        Parameters
        ----------
        model_id
            The model; None where its training has failed.
        dataset_id
            The dataset.
        regime
            cold, warm or melt.
        n_steps
            Number of steps; None for as many as the run that is repeated has.
        segment_steps
            Steps between two writes.

        Returns
        -------
        ``runs``: for each run of the dataset its id as ``reference_id`` (None for frames without a
        run), the ``structure_id`` and ``temperature_K``, the ``trajectory_id`` with the model (None
        if it was not begun), ``n_steps``, ``asked_steps`` and ``stopped``, the reason of an early
        end or None.

        Raises
        ------
        TM23Error
            If it is not the model's fault: no disk, no database, a library that is missing.
        """
        archive = open_archive()
        begin_job()
        runs, new = [], 0
        for start in starts_of(archive, dataset_id, regime):
            asked = start.n_steps if n_steps is None else n_steps
            if model_id is None:
                runs.append(_not_begun(start, asked, NO_MODEL))
                continue
            row, steps = _repeat(archive, start, model_id, regime, asked, segment_steps)
            runs.append(row)
            new += steps
            if row["stopped"] is None and row["n_steps"] < asked:
                task = (model_id, dataset_id, regime, n_steps, segment_steps)
                wait_for_deadline(task_id("model runs", runs=task), new)
                following = self.make(*task)
                return Response({"runs": runs}, detour=as_this_job(following))
        return {"runs": runs}


def _repeat(
    archive: Archive, start: Start, model_id: str, regime: str, asked: int, segment_steps: int
) -> tuple[dict[str, Any], int]:
    """Run until the end, the deadline or a failure; return the row and how many steps are new."""
    planned = Trajectory(
        provenance=Provenance.now(),
        structure_id=start.structure_id,
        element=start.element,
        regime=regime,
        recipe=model_recipe(model_id),
        dynamics=start.dynamics,
    )
    before, stopped = _steps(archive, planned.id), None
    try:
        run_trajectory(
            start.structure_id,
            planned.recipe.model_dump(mode="json"),
            start.dynamics.model_dump(mode="json"),
            asked,
            segment_steps,
            regime,
        )
    except (PhysicsError, TrainingError, InputError) as error:
        stopped = str(error)
    done = _steps(archive, planned.id)
    if not done:
        return _not_begun(start, asked, stopped), 0
    row = {
        **_not_begun(start, asked, stopped),
        "trajectory_id": planned.id,
        "n_steps": done,
    }
    return row, done - before


def _steps(archive: Archive, key: str) -> int:
    found = archive.existing(Trajectory, [key])
    return archive.get(Trajectory, key).n_steps if found else 0


def _not_begun(start: Start, asked: int, reason: str | None) -> dict[str, Any]:
    return {
        "reference_id": start.reference_id,
        "structure_id": start.structure_id,
        "temperature_K": start.dynamics.temperature_K,
        "trajectory_id": None,
        "n_steps": 0,
        "asked_steps": asked,
        "stopped": reason,
    }
