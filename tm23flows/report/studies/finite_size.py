"""The finite-size study on its page: sentences, tables, and the force error against the cutoff.

Owns how it is shown. The verdict is in the study.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.studies.finite_size import (
    CutoffRow,
    FiniteSizeMetal,
    FiniteSizeResults,
    GridPoint,
)
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.study import Study
from tm23flows.report.plotting import NOISE_COLOUR, PALETTE, Drawing, canvas, finish, style
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, UNDEFINED, number_text
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

BY_CUTOFF = (
    "r_max / Å", "best n_max, l_max", "force MAE / (meV/Å)", "force error / %",
    "change from the shortest / points", "periodic copies inside",
)  # fmt: skip
BY_POINT = ("r_max / Å", "n_max", "l_max", "force MAE / (meV/Å)", "force error / %")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
VERDICTS = {
    "shortest": "The shortest cutoff is best: the error of every longer one is larger, with its "
    "interval above zero.",
    "longer": "A longer cutoff is better than the shortest: the interval of its change lies below "
    "zero.",
    "unresolved": "Whether the shortest cutoff is best is not resolved: intervals hold zero, or "
    "are missing.",
}


def section(archive: Archive, study: Study) -> StudySection:
    """Make what is shown of a finite-size study.

    Parameters
    ----------
    archive
        The archive, for the reasons of the grid searches.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    results = study.results
    if not isinstance(results, FiniteSizeResults):
        raise TypeError(f"{study.id} is no finite-size study")
    level = _level(study)
    answer, tables, drawings = [], [], []
    for metal in results.metals:
        answer += list(_sentences(metal, archive.get(GridSearch, metal.grid_id)))
        tables += [_cutoff_table(metal, level), _point_table(metal)]
        drawings.append(draw_cutoffs(metal))
    words = " and ".join(study.elements)
    return StudySection(
        title=f"Finite-size study of {words}",
        answer=tuple(answer),
        tables=tuple(tables),
        drawings=tuple(drawings),
    )


def draw_cutoffs(metal: FiniteSizeMetal) -> Drawing:
    """Draw the force error against the cutoff, a panel for each n_max and a line for each l_max.

    Parameters
    ----------
    metal
        One metal of the study.

    Returns
    -------
    The figure.
    """
    radial = sorted({one.nmax for one in metal.points})
    degrees = sorted({one.lmax for one in metal.points})
    with style():
        figure, panels = canvas(len(radial), 3.1, 3.2)
        for panel, nmax in zip(panels, radial, strict=True):
            for place, lmax in enumerate(degrees):
                chosen = [one for one in metal.points if (one.nmax, one.lmax) == (nmax, lmax)]
                _draw_line(panel, chosen, place, f"l_max {lmax}")
            _draw_limits(panel, metal, nmax)
            panel.set_title(f"n_max {nmax}")
            panel.set_xlabel("r_max / Å")
        panels[0].set_ylabel("force error / %")
        top = max(panel.get_ylim()[1] for panel in panels)
        for panel in panels:
            panel.set_ylim(0, top)
        panels[-1].legend()
        caption = (
            "Dashed: half the distance of the periodic images; environments beyond it hold copies. "
            "The open ring is the best point."
        )
        title = (
            f"Force error of FLARE against the cutoff: {metal.element}, {metal.n_atoms} atoms, "
            f"{metal.n_train} training and {metal.n_test} test frames in sequence"
        )
        return finish(figure, title, caption)


def _draw_line(axes: Axes, points: list[GridPoint], place: int, label: str) -> None:
    there = sorted((p.cutoff_A, p.force_percent) for p in points if p.force_percent is not None)
    colour, marker = PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)]
    axes.plot(
        [x for x, _ in there], [y for _, y in there], marker=marker, ms=5, lw=1.2, color=colour,
        label=label,
    )  # fmt: skip


def _draw_limits(axes: Axes, metal: FiniteSizeMetal, nmax: int) -> None:
    half, cutoffs = metal.image_distance_A / 2, [one.cutoff_A for one in metal.points]
    if half < 1.1 * max(cutoffs):
        axes.axvline(half, color=NOISE_COLOUR, lw=1.2, ls="--")
    best = metal.best_point
    if best.nmax == nmax and best.force_percent is not None:
        axes.plot(
            [best.cutoff_A], [best.force_percent], "o", ms=12, mfc="none", mec="black", mew=1.2
        )


def _level(study: Study) -> str:
    resampling = study.settings.get("resampling")
    level = resampling.get("level") if isinstance(resampling, dict) else None
    return f"{100 * level:g} %" if isinstance(level, float) else "stated"


def _sentences(metal: FiniteSizeMetal, grid: GridSearch) -> Iterator[str]:
    best = metal.best_point
    at = f" at {metal.temperature_K:g} K" if metal.temperature_K is not None else ""
    without = "with one vacancy" if metal.has_vacancy else "without a vacancy"
    spacing = f", {metal.spacing_fs:g} fs apart" if metal.spacing_fs is not None else ""
    yield (
        f"{metal.element}: {metal.n_atoms} atoms {without}{at}; {metal.n_train} training and "
        f"{metal.n_test} test frames in sequence{spacing}."
    )
    yield (
        f"The images of an atom are {metal.image_distance_A:.2f} Å away and the cell is "
        f"{metal.smallest_width_A:.2f} Å wide, so environments up to "
        f"{metal.image_distance_A / 2:.2f} Å hold no periodic copies."
    )
    yield (
        f"The best point is r_max {best.cutoff_A:g} Å, n_max {best.nmax}, l_max {best.lmax} with a "
        f"force error of {_percent(best.force_percent)}."
    )
    yield VERDICTS[metal.verdict]
    yield f"The grid search: {grid.reason}"


def _cutoff_table(metal: FiniteSizeMetal, level: str) -> StudyTable:
    return StudyTable(
        title=f"{metal.element}: the best point of each cutoff",
        columns=BY_CUTOFF,
        rows=tuple(_cutoff_cells(metal, row) for row in metal.cutoffs),
        note=f"Intervals of {level} from blocks of test frames, the same draws for all cutoffs. "
        "They hold other test frames of the same run, not the choice of n_max and l_max, which was "
        "made on these frames, and are not corrected for the number of cutoffs.",
    )


def _cutoff_cells(metal: FiniteSizeMetal, row: CutoffRow) -> tuple[str, ...]:
    point = metal.points[row.point]
    return (
        f"{row.cutoff_A:g}",
        f"{point.nmax}, {point.lmax}",
        _mev(point.force_mae_eV_per_A),
        _bounded(row.force_percent),
        NOT_THERE if row.change is None else _bounded(row.change, sign="+"),
        "yes" if row.has_copies else "no",
    )


def _point_table(metal: FiniteSizeMetal) -> StudyTable:
    return StudyTable(
        title=f"{metal.element}: all points",
        columns=BY_POINT,
        rows=tuple(
            (
                f"{one.cutoff_A:g}",
                str(one.nmax),
                str(one.lmax),
                _mev(one.force_mae_eV_per_A),
                NOT_THERE if one.force_mae_eV_per_A is None else _percent(one.force_percent, ""),
            )
            for one in metal.points
        ),
        note="A point without numbers has no model, or no errors; the grid search says why.",
    )


def _mev(value: float | None) -> str:
    return NOT_THERE if value is None else number_text(MEV_PER_EV * value)


def _percent(value: float | None, unit: str = " %") -> str:
    return UNDEFINED if value is None else f"{number_text(value)}{unit}"


def _bounded(value: Bounded, sign: str = "") -> str:
    if value.low is None or value.high is None:
        return f"{value.value:{sign}.2f}"
    return f"{value.value:{sign}.2f} ({value.low:{sign}.2f} to {value.high:{sign}.2f})"
