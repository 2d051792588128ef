"""Rare events on their page: sentences, tables, cumulative distributions of the errors.

Owns sentences and the figure; tables are :mod:`tm23flows.report.studies.rare_event_tables`. Every
number is an error, so lower is better; that is said wherever there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.studies.rare_events import (
    RareEventMetal,
    RareEventResults,
    Selection,
)
from tm23flows.documents.study import Study
from tm23flows.report.plotting import NOISE_COLOUR, PALETTE, Drawing, canvas, finish, plain, style
from tm23flows.report.studies.rare_event_tables import (
    LOWER,
    metal_tables,
    predictor_name,
    selection_table,
    verdict_of,
)
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.science.rare_events import ANGLE_RANGE_DEG, MAGNITUDE_RANGE_eV_per_A

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive


def section(archive: Archive, study: Study) -> StudySection:
    """Make what is shown of a study of rare events.

    Parameters
    ----------
    archive
        The archive; nothing is read from it.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    del archive
    results = study.results
    if not isinstance(results, RareEventResults):
        raise TypeError(f"{study.id} is no study of rare events")
    answer: list[str] = []
    tables: list[StudyTable] = []
    drawings: list[Drawing] = []
    for metal in results.metals:
        answer += list(_sentences(metal))
        tables += list(metal_tables(metal))
        if any(one.magnitude_curve for one in metal.predictors):
            drawings.append(draw_curves(metal))
    for selection in results.selections:
        answer += list(_choices(selection))
        tables.append(selection_table(selection))
    return StudySection(
        title=f"Rare events of {' and '.join(study.elements)}",
        answer=tuple(answer),
        tables=tuple(tables),
        drawings=tuple(drawings),
    )


def draw_curves(metal: RareEventMetal) -> Drawing:
    """Draw the cumulative distributions of the errors of everybody.

    Parameters
    ----------
    metal
        A metal of which something was scored.

    Returns
    -------
    The figure: magnitude to the left, direction to the right.
    """
    with style():
        figure, panels = canvas(2, 4.2, 3.4)
        for place, one in enumerate(metal.predictors):
            colour = NOISE_COLOUR if place == metal.bar else PALETTE[place % len(PALETTE)]
            dashes = "--" if one.kind == "labels" else "-"
            for panel, curve, largest in (
                (panels[0], one.magnitude_curve, MAGNITUDE_RANGE_eV_per_A),
                (panels[1], one.angle_curve, ANGLE_RANGE_DEG),
            ):
                _draw_curve(panel, curve, largest, colour, dashes, predictor_name(one))
        for panel, words in zip(panels, ("dF / (eV/Å)", "dθ / degrees"), strict=True):
            panel.set_xlabel(words)
            panel.set_ylim(0, 1.03)
            panel.set_xlim(left=0)
        panels[0].set_ylabel("share of atoms with a smaller error")
        panels[1].legend()
        caption = (
            "Forces on the atoms in the middle of a hop. The area above a curve is the error RE_M "
            "or RE_A. Dashed: labels under other recipes; grey: the bar."
        )
        title = f"Errors on the rare events of {metal.element}"
        return finish(figure, title, caption)


def _draw_curve(
    panel: Axes, curve: Sequence[float] | None, largest: float, colour: str, dashes: str, name: str
) -> None:
    if curve is not None:
        grid = np.linspace(0, largest, len(curve))
        panel.plot(grid, curve, dashes, color=colour, lw=1.5, label=plain(name))


def _sentences(metal: RareEventMetal) -> Iterator[str]:
    name = metal.element
    for run in metal.runs:
        if run.not_searched is not None:
            yield f"{name}, {run.regime or 'a run'}: {run.not_searched}."
    if metal.undefined is not None:
        yield f"{name}: rare-event errors are undefined: {metal.undefined}."
        return
    events = {one.event for one in metal.frames if one.event}
    n_frames = sum(bool(one.re_atoms) for one in metal.frames)
    yield (
        f"{name}: {len(events)} events in {n_frames} frames with labels of {metal.recipe_name}; "
        f"{len(metal.frames) - n_frames} frames without an event stand beside them. {LOWER}"
    )
    for one in metal.predictors:
        if one.failure is not None:
            yield f"{name}: {predictor_name(one)} has no numbers: {one.failure}."
    if metal.bar is None:
        yield f"{name}: there is no bar: {metal.no_bar}."
        return
    bar = metal.predictors[metal.bar]
    for one in metal.predictors:
        if one.kind == "model" and one.difference is not None:
            yield f"{name}: {predictor_name(one)} against {bar.name}: {verdict_of(one)}."


def _choices(selection: Selection) -> Iterator[str]:
    yield (
        f"{selection.element}: {selection.n_train} training frames, of which "
        f"{selection.n_replaced} hold an event in the enhanced set. {selection.reason}"
    )
    if selection.by_rmse is not None and selection.by_score is not None:
        same = selection.by_rmse == selection.by_score
        yield (
            f"{selection.element}: "
            + ("both ways choose the same model. " if same else "the two ways choose differently. ")
            + "The numbers of the test part were not used for the choice."
        )
