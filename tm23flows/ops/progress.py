"""How far everything is: jobs by state, steps, frames, labels.

Owns the numbers behind ``tm23 status`` and the live view of the demo; it does
not draw them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.ops.launchpad import STATES, failure_reason, job_states
from tm23flows.store.trainings import Training, list_trainings

if TYPE_CHECKING:
    from fireworks import LaunchPad

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


def observe(archive: Archive, launchpad: LaunchPad) -> Progress:
    """Look at the launchpad and the archive.

    Parameters
    ----------
    archive
        The archive.
    launchpad
        The launchpad.

    Returns
    -------
    The numbers of this moment.
    """
    states = job_states(launchpad)
    found = Counter(one.state for one in states)
    database = archive.database
    segments = database["trajectories"].find({}, {"segments": {"$slice": -1}})
    return Progress(
        jobs={state: found[state] for state in STATES if found[state]},
        running=[one.name for one in states if one.state == "RUNNING"],
        failed={
            one.name: failure_reason(launchpad, one.fw_id)
            for one in states
            if one.state == "FIZZLED"
        },
        documents={name: database[name].count_documents({}) for name in COUNTED},
        steps=sum(one["segments"][-1]["last_step"] for one in segments if one.get("segments")),
        trainings=list_trainings(archive, "running", "stopped", "failed"),
    )
