"""Radial distribution functions of runs: a figure for each metal, and whether each run melted.

Owns which frames of a run are looked at, the figure and the rows. What g(r) is and what says that
a run melted are in :mod:`tm23flows.science.rdf` and :mod:`tm23flows.science.melting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Trajectory
from tm23flows.report.plotting import (
    NOISE_COLOUR,
    OTHER_STYLE,
    REGIME_STYLE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)
from tm23flows.report.quantities import NOT_THERE
from tm23flows.report.studies.section import StudyTable
from tm23flows.science.melting import MIN_FRAMES, Melting, judge_melting
from tm23flows.science.rdf import R_MAX_A, Rdf, radial_distribution
from tm23flows.store.trajectories import read_segments

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

MOST_FRAMES: Final = 200
"""Of a run; more make no curve smoother to the eye."""

DISCARD_SHARE: Final = 0.1
"""Of a run, at its beginning, that is in no g(r). The article leaves out 1000 of 11000 steps."""

COLUMNS = (
    "metal", "run", "T / K", "steps", "frames in g(r)", "verdict", "g_min / g_max",
    "atoms that left / %",
)  # fmt: skip
VERDICTS = {"solid": "solid", "melted": "melted", "unclear": "unclear", None: "not known"}
NOTE = (
    "Solid and melted are a rule of ours, not of the article: g_min / g_max is the first minimum "
    "of g(r) over its first peak in the second half of the run (melted above 0.15), and an atom "
    "has left if its mean place in the last quarter is more than half the nearest distance from "
    "that in the first (melted above 50 %). Where the two disagree the run is unclear."
)


@dataclass(frozen=True, eq=False)
class RunRdf:
    """What is shown of a run.

    Parameters
    ----------
    run
        The run.
    rdf
        Its g(r); None where it has too few steps.
    melting
        Whether it melted.
    """

    run: Trajectory
    rdf: Rdf | None
    melting: Melting


def measured(archive: Archive, runs: Sequence[Trajectory]) -> list[RunRdf]:
    """Read runs and average their g(r).

    Parameters
    ----------
    archive
        The archive.
    runs
        Runs; those without a step are left out, and those whose structure, which has the cell,
        is gone, which traces say.

    Returns
    -------
    One for each, in their order.
    """
    there = archive.existing(Structure, [run.structure_id for run in runs])
    return [_measured(archive, run) for run in runs if run.segments and run.structure_id in there]


def drawings(archive: Archive, runs: Sequence[Trajectory]) -> list[Drawing]:
    """Draw g(r) of runs, a figure for each metal.

    Parameters
    ----------
    archive
        The archive.
    runs
        Runs.

    Returns
    -------
    The figures in the order in which the metals come.
    """
    return draw(measured(archive, runs))


def draw(found: Sequence[RunRdf]) -> list[Drawing]:
    """Draw g(r) of runs that have been read.

    Parameters
    ----------
    found
        The runs.

    Returns
    -------
    A figure for each metal; none where no run has a g(r).
    """
    by_metal: dict[str, list[RunRdf]] = {}
    for one in found:
        if one.rdf is not None:
            by_metal.setdefault(one.run.element, []).append(one)
    return [_draw(element, some) for element, some in by_metal.items()]


def rows(found: Sequence[RunRdf]) -> list[dict[str, Any]]:
    """Return the numbers of the table, for programs.

    Parameters
    ----------
    found
        The runs.

    Returns
    -------
    JSON values, a row for each run.
    """
    return [
        {
            "element": one.run.element,
            "trajectory_id": one.run.id,
            "regime": one.run.regime,
            "temperature_K": one.run.dynamics.temperature_K,
            "n_steps": one.run.n_steps,
            "rdf_frames": 0 if one.rdf is None else one.rdf.n_frames,
            "melting": one.melting.verdict,
            "min_over_max": one.melting.min_over_max,
            "moved_share": one.melting.moved_share,
            "reason": one.melting.reason,
        }
        for one in found
    ]


def table(found: Sequence[RunRdf]) -> StudyTable:
    """Make the table of runs and whether they melted.

    Parameters
    ----------
    found
        The runs.

    Returns
    -------
    The table; its documents are the runs.
    """
    return StudyTable(
        title="Did the runs melt?",
        columns=COLUMNS,
        rows=tuple(_cells(one) for one in found),
        note=NOTE,
        documents=tuple(one.run.id for one in found),
    )


def _measured(archive: Archive, run: Trajectory) -> RunRdf:
    cell = archive.get(Structure, run.structure_id).cell
    wanted = range(0, run.n_steps, max(1, -(-run.n_steps // MOST_FRAMES)))
    positions = _positions(archive, run, wanted)
    duration_fs = run.n_steps * run.dynamics.timestep_fs
    melting = judge_melting(positions, cell, duration_fs=duration_fs)
    kept = positions[int(DISCARD_SHARE * len(positions)) :]
    if len(kept) < MIN_FRAMES:
        return RunRdf(run, None, melting)
    return RunRdf(run, radial_distribution(kept, cell, R_MAX_A), melting)


def _positions(archive: Archive, run: Trajectory, wanted: range) -> np.ndarray:
    """Take every so many steps, and never hold more than one segment besides."""
    parts = []
    for arrays in read_segments(archive, run):
        chosen = (arrays["step"] - 1) % wanted.step == 0
        parts.append(arrays["positions"][chosen])
    return np.concatenate(parts)


def _draw(element: str, found: Sequence[RunRdf]) -> Drawing:
    with style():
        figure, (axes,) = canvas(1, 6.2, 3.4)
        for one in found:
            _draw_one(axes, one)
        half = min(one.rdf.half_width_A for one in found if one.rdf is not None)
        axes.axvline(half, color=NOISE_COLOUR, lw=1.0, ls=":")
        axes.axhline(1, color=NOISE_COLOUR, lw=0.8, ls="--")
        axes.set(xlabel="r / Å", ylabel="g(r)", xlim=(0, R_MAX_A))
        axes.set_ylim(bottom=0)
        axes.legend()
        caption = (
            f"Averages over at most {MOST_FRAMES} frames of each run without its first "
            f"{100 * DISCARD_SHARE:g} %. A crystal keeps its peaks, a melt loses them. Dotted: "
            f"half the smallest width of the cell, {half:.2f} Å; beyond it the cell is repeated."
        )
        return finish(figure, f"Radial distribution functions of the {element} runs", caption)


def _draw_one(axes: Any, one: RunRdf) -> None:
    if one.rdf is None:
        return
    colour, _ = REGIME_STYLE.get(one.run.regime or "", OTHER_STYLE)
    said = VERDICTS[one.melting.verdict]
    name = f"{one.run.regime or 'run'} {one.run.dynamics.temperature_K:.0f} K, {said}"
    axes.plot(one.rdf.r_A, one.rdf.g, color=colour, lw=1.3, label=plain(name))


def _cells(one: RunRdf) -> tuple[str, ...]:
    melting = one.melting
    verdict = VERDICTS[melting.verdict]
    share = melting.moved_share
    return (
        one.run.element,
        one.run.regime or "run",
        f"{one.run.dynamics.temperature_K:.0f}",
        str(one.run.n_steps),
        "0" if one.rdf is None else str(one.rdf.n_frames),
        f"{verdict}: {melting.reason}" if melting.reason else verdict,
        NOT_THERE if melting.min_over_max is None else f"{melting.min_over_max:.3f}",
        NOT_THERE if share is None else f"{100 * share:.0f}",
    )
