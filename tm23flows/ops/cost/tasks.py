"""The tasks of a plan: what one Firework does, in units of work that have a cost.

Owns the value types alone. :mod:`tm23flows.ops.cost.planned_work` makes them of a workflow.
"""

from __future__ import annotations

from dataclasses import dataclass

from tm23flows.ops.cost.work import Kind

Sizes = dict[str, float]
SECONDS_EACH = "analyse"
"""Stage of jobs that take seconds each; they are counted and not estimated."""


@dataclass(frozen=True)
class Work:
    """So many units of one kind, all of one size.

    Parameters
    ----------
    kind
        What is done.
    units
        How often.
    sizes
        Of one unit: one or more possible ones, where a k-mesh is chosen on the way; empty where
        they are not known.
    limit_s
        Most seconds that it takes, where it is told to stop then.
    """

    kind: Kind
    units: int
    sizes: tuple[Sizes, ...] = ()
    limit_s: float | None = None


@dataclass(frozen=True)
class Task:
    """One Firework.

    Parameters
    ----------
    number
        Of the Firework in its workflow.
    name
        Its name.
    metal
        Chemical symbol; ``-`` for what is of several.
    stage
        Category of its workers.
    function
        Name of the job's function.
    parents
        Fireworks that it waits for.
    work
        What it does; empty where that is not known.
    frames
        Frames that it takes from a run.
    n_atoms
        Of the frames that it works on; None where it has none.
    segment_steps
        Steps that a run writes at once.
    """

    number: int
    name: str
    metal: str
    stage: str
    function: str
    parents: tuple[int, ...]
    work: tuple[Work, ...] = ()
    frames: int = 0
    n_atoms: int | None = None
    segment_steps: int = 50
