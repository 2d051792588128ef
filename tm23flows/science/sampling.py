"""Which MD steps become frames.

Owns the paper's selection rule as step numbers. Does not read trajectories.
"""

from __future__ import annotations

from collections.abc import Collection

from tm23flows.errors import InputError
from tm23flows.science import protocol


def steps_needed(
    discard: int = protocol.DISCARD_STEPS,
    stride: int = protocol.STRIDE_STEPS,
    count: int = protocol.FRAMES_PER_TEMPERATURE,
) -> int:
    """Return how many MD steps the selection of ``count`` frames needs.

    Parameters
    ----------
    discard
        Steps at the start that are never used.
    stride
        Distance between two frames in steps.
    count
        Number of frames.

    Returns
    -------
        The last selected step, 1-based.

    Raises
    ------
    InputError
        A number is out of range.
    """
    if discard < 0 or stride < 1 or count < 1:
        raise InputError(
            f"Frame selection needs discard >= 0, stride >= 1 and count >= 1, "
            f"not {discard}, {stride} and {count}."
        )
    return discard + stride * count


def select_steps(
    n_steps: int,
    discard: int = protocol.DISCARD_STEPS,
    stride: int = protocol.STRIDE_STEPS,
    count: int = protocol.FRAMES_PER_TEMPERATURE,
    unusable: Collection[int] = (),
) -> tuple[int, ...]:
    """Select the MD steps that become frames.

    After ``discard`` steps every ``stride``-th step is taken, the first one a full
    stride after the discarded part: 1010, 1020, ..., 11000 for the paper's numbers.
    The article does not say which end of each interval it takes; this convention is
    an inference that gives exactly 1000 frames.

    A step that must not be used gives its place to the nearest one that may be, at most
    half a stride away.

    Parameters
    ----------
    n_steps
        Steps in the trajectory.
    discard
        Steps at the start that are never used.
    stride
        Distance between two frames in steps.
    count
        Number of frames.
    unusable
        Steps that must not be used, such as those whose electrons did not converge.

    Returns
    -------
        1-based step numbers in time order, exactly ``count`` of them.

    Raises
    ------
    InputError
        The trajectory is too short, a number is out of range, or a frame has no usable step.
    """
    needed = steps_needed(discard, stride, count)
    if n_steps < needed:
        raise InputError(
            f"The trajectory has {n_steps} steps but {needed} are needed for {count} frames, one "
            f"every {stride} steps after the first {discard}: run it on or ask for fewer frames."
        )
    never = frozenset(unusable)
    return tuple(
        _nearest_usable(step, stride, n_steps, never)
        for step in range(discard + stride, needed + 1, stride)
    )


def _nearest_usable(step: int, stride: int, n_steps: int, never: frozenset[int]) -> int:
    """Return the step itself or a neighbour; stretches of neighbouring frames do not overlap."""
    # It leans to the past, so that the last step of a run has neighbours too.
    window = range(step - stride // 2, min(step + (stride - 1) // 2, n_steps) + 1)
    for candidate in sorted(window, key=lambda one: (abs(one - step), one)):
        if candidate not in never:
            return candidate
    raise InputError(
        f"None of the steps {window[0]} to {window[-1]} may become a frame (their electrons did "
        "not converge, or their numbers are not sound): look at the run, or sample with a longer "
        "stride."
    )
