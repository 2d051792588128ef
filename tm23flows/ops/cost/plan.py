"""What a workflow will do, counted before anything is submitted.

Owns the numbers that ``tm23 plan`` states and ``tm23 build`` prints. They are read from the
Fireworks themselves, so they are those of the file that ``lpad add`` gets. Does not guess
times: those depend on the machine.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fireworks import Firework, Workflow


@dataclass(frozen=True)
class Plan:
    """The size of a workflow.

    Parameters
    ----------
    fireworks
        Number of Fireworks. A run that reaches its walltime adds one for the rest of it.
    categories
        Number of Fireworks by the category of their workers.
    largest_document_bytes
        Size of the largest Firework document, as BSON.
    largest_document
        Name of that Firework.
    aimd_steps
        Steps of molecular dynamics.
    frames
        Frames that are taken from them.
    labels
        Labels of frames, a frame under two recipes counted twice, those for the test of the
        k-mesh included; labels that are in the archive already are not computed again.
    """

    fireworks: int
    categories: dict[str, int]
    largest_document_bytes: int
    largest_document: str
    aimd_steps: int
    frames: int
    labels: int

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def plan_of(workflow: Workflow) -> Plan:
    """Count what a workflow will do.

    Parameters
    ----------
    workflow
        FireWorks' workflow, not submitted.

    Returns
    -------
    The numbers.
    """
    largest, name = max((_document_bytes(one), one.name) for one in workflow.fws)
    work = Counter()
    for firework in workflow.fws:
        work.update(_work(firework))
    return Plan(
        fireworks=len(workflow.fws),
        categories=dict(sorted(Counter(fw.spec["_category"] for fw in workflow.fws).items())),
        largest_document_bytes=largest,
        largest_document=name,
        aimd_steps=work["aimd_steps"],
        frames=work["frames"],
        labels=work["labels"],
    )


def _document_bytes(firework: Firework) -> int:
    import bson

    return len(bson.encode(firework.to_db_dict()))


def _labels(asked: dict[str, Any]) -> int:
    return (asked["last"] - asked["first"]) * len(asked["recipes"])


_WORK: Final[dict[str, tuple[str, Callable[[dict[str, Any]], int]]]] = {
    "TrajectoryJobMaker.make": ("aimd_steps", lambda asked: asked["n_steps"]),
    "select_frames": ("frames", lambda asked: asked["count"]),
    "LabelJobMaker.make": ("labels", _labels),
}
"""What the jobs do that the numbers are of: by the name of their function, from its arguments."""


def _work(firework: Firework) -> dict[str, int]:
    job = firework.tasks[0]["job"]
    function = inspect.unwrap(getattr(job.function, "original", job.function))
    if function.__qualname__ not in _WORK:
        return {}
    what, count = _WORK[function.__qualname__]
    bound = inspect.signature(job.function).bind(*job.function_args, **job.function_kwargs)
    return {what: count(bound.arguments)}
