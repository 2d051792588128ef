"""Rare events on their page: sentences, tables, cumulative distributions of the errors.

Owns how they are shown. Every number is an error, so lower is better; that is said wherever there
is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import (
    Candidate,
    Predictor,
    RareEventMetal,
    RareEventResults,
    ScoreRow,
    Selection,
)
from tm23flows.documents.study import Study
from tm23flows.report.plotting import NOISE_COLOUR, PALETTE, Drawing, canvas, finish, plain, style
from tm23flows.report.quantities import NOT_THERE, UNDEFINED, number_text
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.science.rare_events import ANGLE_RANGE_DEG, MAGNITUDE_RANGE_eV_per_A

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

SCORES = (
    "predictor", "RE_M", "RE_A", "RE_F / (eV/Å)", "dF > 0.5 eV/Å", "dθ > 15°", "dθ > 30°",
    "force RMSE with event / (eV/Å)", "force RMSE without / (eV/Å)", "events", "atoms",
)  # fmt: skip
DIFFERENCES = ("predictor", "RE_M", "RE_A", "RE_F / (eV/Å)", "verdict")
RUNS = ("run", "T / K", "steps", "order", "hops", "undecided", "events", "sampled", "why not")
CANDIDATES = (
    "model", "trained on", "validation force RMSE / (eV/Å)", "validation RE_M", "validation RE_A",
    "test force RMSE / (eV/Å)", "test RE_M", "test RE_A", "chosen",
)  # fmt: skip
LOWER = "All numbers are errors: lower is better."
SHOWN_ID = 8


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
        tables += list(_tables(metal))
        if any(one.magnitude_curve for one in metal.predictors):
            drawings.append(draw_curves(metal))
    for selection in results.selections:
        answer += list(_choices(selection))
        tables.append(_selection_table(selection))
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
                _draw_curve(panel, curve, largest, colour, dashes, _name(one))
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


def _name(one: Predictor) -> str:
    return f"{one.name} {one.id[:SHOWN_ID]}" if one.kind == "model" and one.id else one.name


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
            yield f"{name}: {_name(one)} has no numbers: {one.failure}."
    if metal.bar is None:
        yield f"{name}: there is no bar: {metal.no_bar}."
        return
    bar = metal.predictors[metal.bar]
    for one in metal.predictors:
        if one.kind == "model" and one.difference is not None:
            yield f"{name}: {_name(one)} against {bar.name}: {_verdict(one)}."


def _verdict(one: Predictor) -> str:
    """Say for both measures on which side of zero the interval lies."""
    if one.difference is None:
        return NOT_THERE
    pairs = (("RE_M", one.difference.re_m), ("RE_A", one.difference.re_a))
    return ", ".join(f"{name} {_side(found)}" for name, found in pairs)


def _side(found: Bounded | None) -> str:
    if found is None:
        return "undefined"
    if found.low is None or found.high is None:
        return "unresolved, too few events for an interval"
    if found.low > 0:
        return "worse than cheap DFT"
    return "better than cheap DFT" if found.high < 0 else "not told apart from cheap DFT"


def _tables(metal: RareEventMetal) -> Iterator[StudyTable]:
    name = metal.element
    if metal.runs:
        yield StudyTable(
            title=f"{name}: runs that were searched",
            columns=RUNS,
            rows=tuple(
                (
                    f"{run.regime or ''} {run.trajectory_id[:SHOWN_ID]}".strip(),
                    NOT_THERE if run.temperature_K is None else f"{run.temperature_K:.0f}",
                    str(run.n_steps),
                    NOT_THERE if run.order is None else f"{run.order:.2f}",
                    *(
                        NOT_THERE if run.not_searched else str(number)
                        for number in (run.n_hops, run.n_undecided, run.n_events, run.n_sampled)
                    ),
                    run.not_searched or "",
                )
                for run in metal.runs
            ),
            note="An order of 1 is a crystal, 0 a melt, where there are no sites to hop between.",
        )
    scored = [one for one in metal.predictors if one.score is not None]
    if not scored or metal.undefined is not None:
        return
    yield StudyTable(
        title=f"{name}: errors on all events",
        columns=SCORES,
        rows=tuple(_score_cells(metal, one, one.score) for one in scored if one.score),
        note=f"{LOWER} Intervals from drawing whole events anew. Grey labels are the bar.",
    )
    unseen = [one for one in scored if one.unseen is not None and one.unseen.n_atoms]
    if unseen:
        yield StudyTable(
            title=f"{name}: errors on events that are far in time from all training frames",
            columns=SCORES,
            rows=tuple(_score_cells(metal, one, one.unseen) for one in unseen if one.unseen),
            note=LOWER,
        )
    compared = [one for one in scored if one.difference is not None]
    if compared and metal.bar is not None:
        yield StudyTable(
            title=f"{name}: errors less those of {metal.predictors[metal.bar].name}",
            columns=DIFFERENCES,
            rows=tuple(_difference_cells(one) for one in compared),
            note="Below zero is better than the bar. The same events in every draw. Intervals are "
            "not corrected for the number of comparisons.",
        )


def _score_cells(metal: RareEventMetal, one: Predictor, score: ScoreRow) -> tuple[str, ...]:
    is_bar = metal.bar is not None and metal.predictors[metal.bar] is one
    return (
        _name(one) + (" (the bar)" if is_bar else ""),
        _bounded(score.re_m),
        _bounded(score.re_a),
        _bounded(score.re_f_eV_per_A),
        _share(score.above_half_eV_per_A),
        _share(score.above_15_deg),
        _share(score.above_30_deg),
        _number(one.force_rmse_events_eV_per_A),
        _number(one.force_rmse_quiet_eV_per_A),
        str(score.n_events),
        str(score.n_atoms),
    )


def _difference_cells(one: Predictor) -> tuple[str, ...]:
    found = one.difference
    values = (None,) * 3 if found is None else (found.re_m, found.re_a, found.re_f_eV_per_A)
    return (_name(one), *(_bounded(value, "+") for value in values), _verdict(one))


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


def _selection_table(selection: Selection) -> StudyTable:
    return StudyTable(
        title=f"{selection.element}: choice between models",
        columns=CANDIDATES,
        rows=tuple(_candidate_cells(selection, i, c) for i, c in enumerate(selection.candidates)),
        note=f"{LOWER} Chosen on the validation part; the test part holds other events.",
    )


def _candidate_cells(selection: Selection, place: int, one: Candidate) -> tuple[str, ...]:
    words = " ".join(f"{key}={value}" for key, value in one.hyperparameters.items())
    chosen = []
    if place == selection.by_rmse:
        chosen.append("by RMSE")
    if place == selection.by_score:
        chosen.append("by rare events")
    validation, test = one.validation or _NONE, one.test or _NONE
    return (
        f"{one.trainer} {words}".strip(),
        one.training_set,
        _number(one.validation_force_rmse_eV_per_A),
        _bounded(validation.re_m),
        _bounded(validation.re_a),
        _number(one.test_force_rmse_eV_per_A),
        _bounded(test.re_m),
        _bounded(test.re_a),
        " and ".join(chosen) or (one.failure or ""),
    )


_NONE = ScoreRow(n_events=0, n_frames=0, n_atoms=0)


def _number(value: float | None) -> str:
    return NOT_THERE if value is None else number_text(value)


def _share(value: Bounded | None) -> str:
    return UNDEFINED if value is None else f"{100 * value.value:.0f} %"


def _bounded(value: Bounded | None, sign: str = "") -> str:
    if value is None:
        return UNDEFINED
    if value.low is None or value.high is None:
        return f"{value.value:{sign}.3f}"
    return f"{value.value:{sign}.3f} ({value.low:{sign}.3f} to {value.high:{sign}.3f})"
