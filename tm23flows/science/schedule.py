"""How long a set of tasks takes that wait for each other, with a number of workers.

Owns the simulation: whoever is free takes the first task that is ready, in the order of the list,
as workers of a queue do. It knows nothing of queues that are full: their waiting comes on top.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from tm23flows.errors import InputError


def makespan(
    durations: Mapping[int, float],
    parents: Mapping[int, Sequence[int]],
    workers: int | None = None,
) -> float:
    """Return when the last task ends.

    Parameters
    ----------
    durations
        Of each task, in any unit of time.
    parents
        Tasks that each one waits for; those that have no duration are done.
    workers
        How many work at a time. None for one for every task: what is left then is the longest
        chain of tasks, which no number of workers makes shorter.

    Returns
    -------
    In the unit of the durations.

    Raises
    ------
    InputError
        If there are no workers, or tasks wait for each other in a circle.

    Examples
    --------
    >>> hours, parents = {1: 3.0, 2: 2.0, 3: 4.0}, {3: [1, 2]}
    >>> makespan(hours, parents), makespan(hours, parents, workers=1)
    (7.0, 9.0)
    """
    if workers is not None and workers < 1:
        raise InputError(f"Work needs at least one worker, not {workers}.")
    order = {task: place for place, task in enumerate(durations)}
    missing = dict.fromkeys(durations, 0)
    children: dict[int, list[int]] = {task: [] for task in durations}
    for task in durations:
        for parent in set(parents.get(task, ())) & durations.keys():
            missing[task] += 1
            children[parent].append(task)
    free = len(durations) if workers is None else workers
    ready = [(order[task], task) for task, number in missing.items() if not number]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now, done = 0.0, 0
    while ready or running:
        while ready and free:
            task = heapq.heappop(ready)[1]
            heapq.heappush(running, (now + durations[task], task))
            free -= 1
        now, task = heapq.heappop(running)
        free, done = free + 1, done + 1
        for child in children[task]:
            missing[child] -= 1
            if not missing[child]:
                heapq.heappush(ready, (order[child], child))
    if done < len(durations):
        raise InputError("Tasks wait for each other in a circle.")
    return now
