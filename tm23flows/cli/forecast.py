"""Where ``tm23 plan`` and ``tm23 build`` get costs from.

Owns opening the archive for what was measured, where one answers. The numbers are made in
:mod:`tm23flows.ops.cost.forecast`, the words in ``forecast_view``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tm23flows.errors import DatabaseError

if TYPE_CHECKING:
    from fireworks import Workflow

    from tm23flows.ops.cost.forecast import Forecast
    from tm23flows.ops.cost.knowledge import Knowledge

    Known = tuple[Knowledge, str | None]


def make_forecast(
    workflow: Workflow, workers: int = 1, cores: int | None = None, known: Known | None = None
) -> tuple[Forecast, str | None]:
    """Forecast what a workflow will cost, with what the archive knows.

    Parameters
    ----------
    workflow
        The workflow, not submitted.
    workers
        How many jobs run at a time.
    cores
        Cores of a job; None for as many as measured ones had.
    known
        What :func:`read_known` returned, for whoever forecasts many; None asks the archive.

    Returns
    -------
    The forecast, and why it knows no times where no database answers.
    """
    from tm23flows.jobs.structure import make_structure
    from tm23flows.ops.cost.forecast import forecast
    from tm23flows.ops.cost.planned_work import Makers, planned_tasks
    from tm23flows.trainers.base import get_trainer

    def hyperparameters(trainer: str, given: Any) -> dict[str, Any]:
        return get_trainer(trainer).hyperparameters(**given).model_dump(mode="json")

    knowledge, reason = known or read_known()
    tasks = planned_tasks(workflow, Makers(make_structure, hyperparameters))
    return forecast(tasks, knowledge, workers, cores), reason


def keep_plan(workflow: Workflow, known: Known | None = None) -> None:
    """Write into a workflow what it was planned to cost, for ``tm23 cost``.

    Parameters
    ----------
    workflow
        The workflow; its metadata are changed.
    known
        As in :func:`make_forecast`.
    """
    from tm23flows.ops.cost.spending import PLAN_KEY

    expected, _ = make_forecast(workflow, known=known)
    workflow.metadata[PLAN_KEY] = kept_plan(expected, workflow)


def kept_plan(expected: Forecast, workflow: Workflow) -> dict[str, Any]:
    """Return what is kept of a plan.

    Parameters
    ----------
    expected
        The forecast.
    workflow
        Of this workflow.

    Returns
    -------
    JSON values.
    """
    from tm23flows.ops.cost.planned_work import work_id

    return {"work_id": work_id(workflow), **expected.kept()}


def read_known() -> Known:
    """Read what the archive has measured.

    Returns
    -------
    What is known, and why that is nothing where no database answers.
    """
    from tm23flows.ops.cost.knowledge import Knowledge, learn
    from tm23flows.ops.cost.measured_work import measured_work
    from tm23flows.ops.cost.storage import measured_bytes
    from tm23flows.store.archive import Archive

    try:
        archive = Archive.open()
    except DatabaseError as error:
        return Knowledge(), str(error)
    return learn(measured_work(archive), measured_bytes(archive)), None
