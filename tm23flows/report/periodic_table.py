"""Errors of all metals at a glance: tiles in the order of the periodic table.

Owns which evaluation stands for a metal and a kind of model, and how the tiles are drawn. The
numbers are those of the evaluations; beside them stand the published ones, with how sure their
reading is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.report.plotting import Drawing, canvas, finish, plain, style
from tm23flows.report.quantities import QUANTITIES, number_text
from tm23flows.report.records import Measured
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.science.metals import METALS, metal
from tm23flows.science.published import published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_METALS = 2
"""Of one metal a table says as much."""

PART = "test"
ENERGY_REFERENCE = "mean-per-atom"
"""Of percent errors of energies that can stand beside each other."""
ALL_FRAMES = "all"
FIRST_GROUP, LAST_GROUP, PERIODS = 4, 12, 3
PER_ROW = len(QUANTITIES)


@dataclass(frozen=True)
class Panel:
    """One quantity of one kind of model, in percent.

    Parameters
    ----------
    title
        What it shows.
    values
        By chemical symbol.
    group
        Panels of one group share the scale of their colours.
    """

    title: str
    values: Mapping[str, float]
    group: str


def section(evaluations: Iterable[Measured]) -> StudySection | None:
    """Show the percent errors of all metals.

    Parameters
    ----------
    evaluations
        What was measured.

    Returns
    -------
    Tiles and a table; None where there are fewer metals than :data:`FEWEST_METALS`.
    """
    chosen = headlines(evaluations)
    metals = [one for one in METALS if any(element == one for element, _ in chosen)]
    if len(metals) < FEWEST_METALS:
        return None
    kinds = sorted({kind for _, kind in chosen})
    panels = [_panel(chosen, kind, quantity) for kind in kinds for quantity in QUANTITIES]
    theirs = published("force_percent")
    beside = Panel(f"published force error ({theirs.figure})", theirs.values, "force")
    return StudySection(
        title="Percent errors of all metals",
        answer=(),
        tables=(_table(chosen, metals, kinds),),
        drawings=(draw_tiles([*panels, beside]),),
    )


def headlines(evaluations: Iterable[Measured]) -> dict[tuple[str, str], Measured]:
    """Choose the evaluation that stands for a metal and a kind of model.

    Parameters
    ----------
    evaluations
        What was measured.

    Returns
    -------
    By metal and kind of model: on test frames, of the dataset with most frames to train on, and
    of these the newest. A model that was trained on another dataset stands only where there is
    no other, because its frames may be among those that test it, and so does an evaluation with
    another reference of the energy. Errors play no part in the choice.
    """
    chosen: dict[tuple[str, str], Measured] = {}
    for one in sorted(evaluations, key=_rank):
        if one.evaluation.part == PART and one.dataset.element in METALS:
            chosen[one.dataset.element, one.kind] = one
    return chosen


def _rank(one: Measured) -> tuple[bool, int, bool, float, str]:
    made = one.evaluation
    is_at_home = one.model.dataset_id in {None, made.dataset_id}
    n_train = len(one.dataset.parts.get(one.model.part, ()))
    is_usual = made.energy_reference == ENERGY_REFERENCE
    return (is_at_home, n_train, is_usual, made.provenance.created.timestamp(), made.id)


def _percent(one: Measured | None, quantity: str) -> float | None:
    if one is None:
        return None
    if quantity == "energy" and (
        # the energies of a calculator from elsewhere have another zero
        one.model.dataset_id is None or one.evaluation.energy_reference != ENERGY_REFERENCE
    ):
        return None
    errors = next((g for g in one.evaluation.errors if g.group == ALL_FRAMES), None)
    row = None if errors is None else getattr(errors, quantity)
    return None if row is None else row.percent


def _panel(chosen: Mapping[tuple[str, str], Measured], kind: str, quantity: str) -> Panel:
    found = {
        element: _percent(one, quantity)
        for (element, of_kind), one in chosen.items()
        if of_kind == kind
    }
    values = {element: value for element, value in found.items() if value is not None}
    return Panel(f"{kind}, {quantity} error", values, quantity)


def _table(
    chosen: Mapping[tuple[str, str], Measured], metals: Sequence[str], kinds: Sequence[str]
) -> StudyTable:
    theirs = published("force_percent")
    rows, documents = [], []
    for element in metals:
        for kind in kinds:
            one = chosen.get((element, kind))
            if one is None:
                continue
            found = [_percent(one, quantity) for quantity in QUANTITIES]
            their = theirs.values.get(element)
            texts = ["-" if value is None else number_text(value) for value in (*found, their)]
            rows.append((element, kind, one.named.name, *texts))
            documents.append(one.evaluation.id)
    return StudyTable(
        title="Percent errors over all test frames",
        columns=(
            "metal", "model", "dataset", *(f"{name} / %" for name in QUANTITIES),
            "published force / %",
        ),
        rows=rows,
        documents=documents,
        note="Of several models of a kind the one of the dataset with most frames to train on "
        "stands here, and of these the newest; one that was trained on another dataset only where "
        "there is no other. Energies of calculators from elsewhere have another zero, and those "
        f"of another reference than '{ENERGY_REFERENCE}' another MAV, so these are not here. "
        f"The published force errors are those of {theirs.figure} of the article, "
        f"{theirs.model}; confidence of the reading: {theirs.confidence}. They are of the "
        "article's own data: 2700 frames to train on and 300 to test.",
    )  # fmt: skip


def draw_tiles(panels: Sequence[Panel]) -> Drawing:
    """Draw a tile for each metal, darker where the error is larger.

    Parameters
    ----------
    panels
        What to draw; panels of a group share one scale, which begins at zero.

    Returns
    -------
    The figure.
    """
    largest = {
        group: max((v for p in panels if p.group == group for v in p.values.values()), default=0)
        for group in {panel.group for panel in panels}
    }
    n_rows = -(-len(panels) // PER_ROW)
    with style():
        figure, axes = canvas(min(PER_ROW, len(panels)), 3.9, 1.75, n_rows)
        for place, panel in zip(axes, panels, strict=False):
            _draw_panel(place, panel, largest[panel.group] or 1.0)
        for place in axes[len(panels) :]:
            place.remove()
        return finish(
            figure,
            "Percent errors in the periodic table",
            "100 MAE / MAV over all test frames, groups 4 to 12. Panels of one quantity share "
            "their colours, from zero to the largest. White: no number.",
        )


def _draw_panel(axes: Axes, panel: Panel, largest: float) -> None:
    from matplotlib.colors import Normalize

    width = LAST_GROUP - FIRST_GROUP + 1
    tiles = [[float("nan")] * width for _ in range(PERIODS)]
    for element, value in panel.values.items():
        row, column = place_of(element)
        tiles[row][column] = value
    axes.imshow(tiles, cmap="YlOrRd", norm=Normalize(0, largest), aspect="auto")
    for element in METALS:
        row, column = place_of(element)
        value = panel.values.get(element)
        text = element if value is None else f"{element}\n{number_text(value)}"
        dark = value is not None and value > 0.6 * largest
        axes.text(
            column, row, text, ha="center", va="center", fontsize=6.5,
            color="white" if dark else "#9aa2ad" if value is None else "black",
        )  # fmt: skip
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title(plain(panel.title), fontsize=9)


def place_of(element: str) -> tuple[int, int]:
    """Return where the tile of a metal is.

    Parameters
    ----------
    element
        One of the 27 metals.

    Returns
    -------
    Row (period, from 0) and column (group, from 0).
    """
    same_group = sorted(
        (metal(one).atomic_number, one)
        for one in METALS
        if metal(one).group == metal(element).group
    )
    row = [one for _, one in same_group].index(element)
    return row, metal(element).group - FIRST_GROUP
