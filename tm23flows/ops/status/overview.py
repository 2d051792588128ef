"""Everything that ``tm23 status`` shows, of one moment.

Owns the putting together; the numbers are of the modules beside it. Nothing is drawn here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm23flows.ops.failures import Failure, list_failures
from tm23flows.ops.fireworks_config import LAUNCHPAD_DATABASE
from tm23flows.ops.moments import server_now
from tm23flows.ops.progress import Progress, observe
from tm23flows.ops.status.frames import FrameCounter, FrameCounts
from tm23flows.ops.status.jobs import (
    WORDS,
    JobTable,
    Place,
    RunningJob,
    count_jobs,
    running_jobs,
)
from tm23flows.ops.status.rates import (
    Ends,
    Estimate,
    Rate,
    Steps,
    ends_of_jobs,
    estimate,
    label_rate,
    step_rate,
)
from tm23flows.ops.tags import stage_order

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class Overview:
    """A moment of the work, seen from everywhere.

    Parameters
    ----------
    time
        When, by the server's clock, UTC.
    window
        How far back rates look.
    progress
        Jobs, documents and trainings as :mod:`tm23flows.ops.progress` counts them.
    jobs
        Jobs by metal and stage.
    failures
        Failed jobs.
    frames
        Frames and labels by metal.
    running
        Jobs that run now.
    ends
        How fast jobs are done.
    steps
        How fast molecular dynamics goes.
    labels
        How fast labels are made.
    """

    time: datetime
    window: timedelta
    progress: Progress
    jobs: JobTable
    failures: list[Failure]
    frames: dict[str, FrameCounts]
    running: list[RunningJob]
    ends: Ends
    steps: Steps
    labels: Rate

    @property
    def estimates(self) -> tuple[dict[str, Estimate], Estimate]:
        """How long the rest takes, by stage and together."""
        return estimate(self.jobs, self.ends, self.steps)

    @property
    def elements(self) -> list[str]:
        """Metals of jobs and of frames; the empty one, of jobs without a metal, comes last."""
        names = {place.element for place in self.jobs.counts} | set(self.frames)
        return sorted(names, key=lambda name: (not name, name))

    @property
    def stages(self) -> list[str]:
        """Stages that have a job, in the order of the road."""
        return sorted({place.stage for place in self.jobs.counts}, key=stage_order)

    def failure_classes(self) -> dict[str, list[Failure]]:
        """Group the failures by class of error, the most frequent first."""
        numbers = Counter(one.error_class for one in self.failures)
        return {
            found: [one for one in self.failures if one.error_class == found]
            for found, _ in numbers.most_common()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values: those of the progress, and more."""
        stages, together = self.estimates
        return {
            **self.progress.as_dict(),
            "time": self.time.isoformat(),
            "window_s": self.window.total_seconds(),
            "metals": [self._metal(name) for name in self.elements],
            "stages": {name: self._stage(name, stages.get(name)) for name in self.stages},
            "failures": {
                found: {"jobs": len(some), "example": some[0].reason}
                for found, some in self.failure_classes().items()
            },
            "failed_jobs": [one.as_dict() for one in self.failures],
            "running_jobs": [asdict(one) for one in self.running],
            "rates": {
                "jobs_per_hour": sum(one.per_hour for one in self.ends.rates.values()),
                "steps_per_hour": self.steps.rate.per_hour,
                "labels_per_hour": self.labels.per_hour,
            },
            "steps_left": self.steps.left,
            "eta": asdict(together),
        }

    def _metal(self, element: str) -> dict[str, Any]:
        stages = [place.stage for place in self.jobs.counts if place.element == element]
        counts = self.frames.get(element, FrameCounts())
        return {
            "metal": element,
            "stages": {
                stage: _every_word(self.jobs.counts[Place(element, stage)])
                for stage in sorted(stages, key=stage_order)
            },
            **asdict(counts),
            "frames_waiting": counts.frames_waiting,
        }

    def _stage(self, stage: str, left: Estimate | None) -> dict[str, Any]:
        rate = self.ends.rates.get(stage)
        return {
            **_every_word(self.jobs.by_stage()[stage]),
            "jobs_per_hour": None if rate is None else rate.per_hour,
            "mean_s": self.ends.mean_s.get(stage),
            "eta": None if left is None else asdict(left),
        }


class Observer:
    """Looks at an archive and a launchpad, as often as it is asked.

    Parameters
    ----------
    archive
        The archive.
    element
        Only this metal.
    window
        How far back rates look.
    launchpad
        Name of the launchpad's database on the same server. It is only read.
    """

    def __init__(
        self,
        archive: Archive,
        element: str | None = None,
        window: timedelta = WINDOW,
        launchpad: str = LAUNCHPAD_DATABASE,
    ) -> None:
        self._archive = archive
        self._launchpad = archive.database.client[launchpad]
        self._element = element
        self._window = window
        self._frames = FrameCounter(archive.database)

    def look(self) -> Overview:
        """Look once.

        Returns
        -------
        What is to be seen.
        """
        archive, launchpad = self._archive.database, self._launchpad
        now, window, element = server_now(archive), self._window, self._element
        table = count_jobs(launchpad, element)
        failures = _of(element, list_failures(launchpad))
        return Overview(
            time=now,
            window=window,
            progress=self._progress(table, failures),
            jobs=table,
            failures=failures,
            frames=self._frames.count(element),
            running=running_jobs(launchpad, archive, now, element),
            ends=ends_of_jobs(launchpad, table, now, window),
            steps=step_rate(archive, launchpad, now, window, element),
            labels=label_rate(archive, now, window, element),
        )

    def _progress(self, table: JobTable, failures: list[Failure]) -> Progress:
        progress = observe(self._archive, self._launchpad, failures, self._element)
        if self._element is None:
            return progress
        numbers = table.by_element().get(self._element, Counter())
        return replace(
            progress,
            jobs={state: numbers[word] for state, word in WORDS.items() if numbers[word]},
            trainings=[
                one for one in progress.trainings if one.about.get("element") == self._element
            ],
        )


def _of(element: str | None, failures: Sequence[Failure]) -> list[Failure]:
    return [one for one in failures if element in (None, one.element)]


def _every_word(numbers: Counter[str]) -> dict[str, int]:
    return {word: numbers[word] for word in WORDS.values()}
