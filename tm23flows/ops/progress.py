"""How far everything is: jobs by state, steps, frames, labels.

Owns the numbers behind ``tm23 status`` and the live view of the demo; it does
not draw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.documents.model import Model
from tm23flows.ops.failures import Failure, list_failures
from tm23flows.ops.launchpad import STATES
from tm23flows.store.trainings import Training, list_trainings

if TYPE_CHECKING:
    from pymongo.database import Database

    from tm23flows.store.archive import Archive

COUNTED = ("structures", "trajectories", "frames", "labels", "rejections", "datasets", "models",
           "evaluations", "grid_searches", "learning_curves", "densities_of_states",
           "elastic_constants", "studies")  # fmt: skip
ACTIVE = ("WAITING", "READY", "RESERVED", "RUNNING")


@dataclass(frozen=True)
class Progress:
    """A moment of the work.

    Parameters
    ----------
    jobs
        Number of jobs by state, only states that occur.
    running
        Names of the jobs that run now.
    failed
        Name and reason of every failed job.
    documents
        Number of documents by collection.
    steps
        Molecular-dynamics steps done, over all trajectories.
    trainings
        Trainings that run, were stopped or failed, as last heard of.
    """

    jobs: dict[str, int]
    running: list[str]
    failed: dict[str, str]
    documents: dict[str, int]
    steps: int
    trainings: list[Training] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Number of jobs."""
        return sum(self.jobs.values())

    @property
    def done(self) -> int:
        """Number of finished jobs."""
        return self.jobs.get("COMPLETED", 0)

    @property
    def active(self) -> int:
        """Number of jobs that may still do something by themselves."""
        waiting_for_failure = self.failed and not any(
            self.jobs.get(state) for state in ("READY", "RESERVED", "RUNNING")
        )
        return 0 if waiting_for_failure else sum(self.jobs.get(state, 0) for state in ACTIVE)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def observe(
    archive: Archive,
    launchpad: Database,
    failures: Sequence[Failure] | None = None,
    element: str | None = None,
) -> Progress:
    """Look at the launchpad and the archive.

    Parameters
    ----------
    archive
        The archive.
    launchpad
        The launchpad's database. It is only read.
    failures
        The failed jobs, where the caller knows them already.
    element
        Only running jobs and steps of this metal; everything else is of all.

    Returns
    -------
    The numbers of this moment.
    """
    jobs = launchpad["fireworks"]
    found = {state: jobs.count_documents({"state": state}) for state in STATES}
    asked = {"state": "RUNNING", **({} if element is None else {"spec.tm23.element": element})}
    running = jobs.find(asked, {"name": 1}).sort("fw_id", 1)
    failed = list_failures(launchpad) if failures is None else failures
    database = archive.database
    of_metal = {} if element is None else {"element": element}
    segments = database["trajectories"].find(of_metal, {"segments.last_step": 1})
    return Progress(
        jobs={state: found[state] for state in STATES if found[state]},
        running=[one["name"] for one in running],
        failed={one.name: one.reason for one in failed},
        documents={name: database[name].count_documents({}) for name in COUNTED},
        steps=sum(one["segments"][-1]["last_step"] for one in segments if one.get("segments")),
        trainings=open_trainings(archive),
    )


def open_trainings(archive: Archive) -> list[Training]:
    """List the trainings that are not over.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Those that run, were stopped or failed, the newest first. One whose model is there is over,
    whoever could not say so; one that failed is over too when a later one of the same trainer on
    the same dataset has ended with a model.
    """
    found = list_trainings(archive)
    made = archive.existing(Model, [one.model_id for one in found])
    successes = [one for one in found if one.state == "done" or one.model_id in made]

    def is_over(one: Training) -> bool:
        if one in successes:
            return True
        later = (each for each in successes if each.updated > one.updated)
        return one.state == "failed" and any(each.about == one.about for each in later)

    return [one for one in found if not is_over(one)]
