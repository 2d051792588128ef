"""The figures about data: runs against time, and one frame under several recipes.

Owns what is drawn of trajectories and labels; the models are in
:mod:`tm23flows.report.figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.trajectory import Trajectory
from tm23flows.report.comparisons import Pair, pairs_by_recipe
from tm23flows.report.plotting import (
    OTHER_STYLE,
    PALETTE,
    REGIME_STYLE,
    Drawing,
    canvas,
    finish,
    plain,
    plain_ticks,
    style,
)
from tm23flows.report.quantities import MEV_PER_EV, number_text
from tm23flows.report.records import NamedDataset
from tm23flows.report.words import short_words
from tm23flows.store.trajectories import read_segments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

MOST_POINTS = 2000
"""Longer curves are thinned out evenly: more cannot be seen."""
MOST_RECIPES = 6
MOST_COLUMNS = 3


def draw_trajectories(archive: Archive, runs: Sequence[Trajectory]) -> Drawing | None:
    """Draw temperature and conserved energy of runs of one metal against time.

    Parameters
    ----------
    archive
        The archive.
    runs
        Trajectories.

    Returns
    -------
    The figure, or None where no step was done yet.
    """
    done = [run for run in runs if run.segments]
    if not done:
        return None
    with style():
        figure, (temperature, conserved) = canvas(2, 4.6, 3.2)
        drifts = [_draw_run(temperature, conserved, archive, run) for run in done]
        temperature.set(xlabel="time / fs", ylabel="temperature / K")
        temperature.set_ylim(bottom=0)
        temperature.set_title("Temperature (dashed: target)")
        conserved.set(xlabel="time / fs", ylabel="change / (meV/atom)")
        conserved.set_title("Conserved energy of atoms and thermostat")
        handles, names = temperature.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=min(len(done), MOST_COLUMNS))
        caption = (
            "Means in the legend are over all steps. The conserved energy stays within "
            f"{number_text(max(drifts))} meV/atom of its first value; a drift would say that the "
            "time step is too long."
        )
        title = f"Temperature and conserved energy of the {done[0].element} runs"
        return finish(figure, title, caption)


def _draw_run(temperature: Axes, conserved: Axes, archive: Archive, run: Trajectory) -> float:
    names = ("step", "temperature", "conserved", "positions")
    parts = [[arrays[name] for name in names] for arrays in read_segments(archive, run)]
    step, kelvin, energy, positions = (np.concatenate(part) for part in zip(*parts, strict=True))
    time_fs = (step - 1) * run.dynamics.timestep_fs
    change = MEV_PER_EV * (energy - energy[0]) / positions.shape[1]
    every = slice(None, None, -(-len(step) // MOST_POINTS))
    target = run.dynamics.temperature_K
    colour, _ = REGIME_STYLE.get(run.regime or "", OTHER_STYLE)
    name = f"{run.regime or 'run'} {target:.0f} K, mean {kelvin.mean():.0f} K"
    temperature.plot(time_fs[every], kelvin[every], color=colour, lw=1.2, label=plain(name))
    temperature.axhline(target, color=colour, lw=0.9, ls="--")
    conserved.plot(time_fs[every], change[every], color=colour, lw=1.2)
    return float(np.abs(change).max())


def draw_recipes(archive: Archive, named: NamedDataset) -> Drawing | None:
    """Draw how far other recipes move the forces on the atoms of the same frames.

    Parameters
    ----------
    archive
        The archive.
    named
        The dataset whose labels the others are compared with.

    Returns
    -------
    The figure, or None where no frame has a second label.
    """
    found = pairs_by_recipe(archive, named.dataset.label_ids)
    lines = [(pairs, _force_changes(pairs)) for pairs in found]
    # A logarithmic axis cannot show recipes that agree exactly, and they need no line.
    lines = [(pairs, change) for pairs, change in lines if change.max() > 1e-6][:MOST_RECIPES]
    if not lines:
        return None
    caption = "One frame, several labels: for each other recipe the share of atoms whose force "
    caption += "changes by less than the value on the axis. Further right is further away."
    with style():
        figure, (axes,) = canvas(1, 7.2, 3.4)
        for colour, (pairs, change) in zip(PALETTE, lines, strict=False):
            name = f"{short_words(pairs[0][0].recipe)} ({len(pairs)} frames)"
            axes.plot(*_cumulative(change), color=colour, lw=1.5, label=plain(name))
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
        axes.set(xlabel="|ΔF| of an atom / (meV/Å)", ylabel="atoms below / %", ylim=(0, 101))
        base = short_words(lines[0][0][0][1].recipe)
        axes.set_title(plain(f"Change of the force on an atom against {base}"))
        figure.legend(loc="outside lower center", ncols=2)
        return finish(figure, f"The same frames under other recipes, {named.name}", caption)


def _force_changes(pairs: list[Pair]) -> np.ndarray:
    """Return the length of the force difference of every atom, meV/A, rising."""
    vectors = np.concatenate([other.forces - base.forces for other, base in pairs])
    return np.sort(MEV_PER_EV * np.linalg.norm(vectors, axis=1))


def _cumulative(change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = 100 * np.arange(1, len(change) + 1) / len(change)
    every = -(-len(change) // MOST_POINTS)
    # From the end, so that the largest change is always drawn.
    kept = slice((len(change) - 1) % every, None, every)
    x, y = change[kept], share[kept]
    return x[x > 0], y[x > 0]
