"""The figure of phonons: frequencies of all sources along one path, and densities of states.

Owns what is drawn and how; the numbers are in the study.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.studies.phonons import PhononCurves, PhononMetal
from tm23flows.report.plotting import (
    NOISE_COLOUR,
    PALETTE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = "labels"
LABELS_COLOUR = PALETTE[-1]


def curves_of(
    metal: PhononMetal, names: dict[str, str]
) -> Iterator[tuple[str, PhononCurves | None]]:
    """Go through the sources of a metal.

    Parameters
    ----------
    metal
        One metal of the study.
    names
        What the models are called, by id.

    Yields
    ------
    Name and curves: the labels first, then each model; None where there are none.
    """
    yield LABELS, metal.labels.curves if metal.labels else None
    for one in metal.models:
        yield names[one.model_id], one.curves


def draw_phonons(metal: PhononMetal, names: dict[str, str]) -> Drawing:
    """Draw frequencies along the path, and densities of states beside them.

    Parameters
    ----------
    metal
        One metal of the study.
    names
        What the models are called, by id.

    Returns
    -------
    The figure.
    """
    places = np.array(metal.path_places_per_A)
    with style():
        figure, (bands, states) = canvas(2, 3.9, 3.6)
        bands.get_gridspec().set_width_ratios([3, 1])
        for number, (name, curves) in enumerate(curves_of(metal, names)):
            if curves is None:
                continue
            is_labels = name == LABELS
            look = {
                "color": LABELS_COLOUR if is_labels else PALETTE[(number - 1) % len(PALETTE[:-1])],
                "lw": 1.6 if is_labels else 1.1,
                "zorder": 2 if is_labels else 3,
            }
            _draw_bands(bands, places, np.array(curves.path_THz), look, plain(name))
            states.plot(curves.dos_per_THz, curves.dos_THz, **look)
        _finish_axes(bands, states, metal)
        title = f"Phonons of {metal.phase} {metal.element}"
        caption = (
            "Each in its own crystal at rest; the path is drawn with the lengths of the crystal "
            "that all started from. Imaginary frequencies are below zero. Right: densities of "
            "states per primitive cell."
        )
        return finish(figure, title, caption)


def _draw_bands(
    axes: Axes, places: np.ndarray, frequencies: np.ndarray, look: dict[str, object], name: str
) -> None:
    jumps = np.flatnonzero(np.diff(places) == 0) + 1
    for number, points in enumerate(np.split(np.arange(len(places)), jumps)):
        lines = axes.plot(places[points], frequencies[points], **look)
        if number == 0:
            lines[0].set_label(name)


def _finish_axes(bands: Axes, states: Axes, metal: PhononMetal) -> None:
    bands.set_xticks(
        [place for place, _ in metal.path_ticks], [name for _, name in metal.path_ticks]
    )
    bands.set_xlim(metal.path_places_per_A[0], metal.path_places_per_A[-1])
    bands.set_ylabel("frequency / THz")
    states.set_xlabel("states / (1/THz)")
    states.set_xlim(left=0)
    states.set_ylim(bands.get_ylim())
    for axes in (bands, states):
        axes.axhline(0, color=NOISE_COLOUR, lw=0.8)
    bands.legend(loc="best")
