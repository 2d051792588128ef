"""The page of the smearing study: Fig. 9a to c of the article with intervals and label noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.studies.smearing import SmearingMetal, SmearingResults, SmearingRow
from tm23flows.documents.study import Study
from tm23flows.report.plotting import PALETTE, Drawing, canvas, finish, style
from tm23flows.report.quantities import MEV_PER_EV
from tm23flows.report.studies.label_sets import (
    all_sets,
    bounded_text,
    densities_caption,
    draw_densities,
    error_bars,
    error_table,
    noise_table,
    parents_table,
    response_table,
)
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

HEAD = "SIGMA / eV"
ARTICLE = (
    "The article reports that the error falls with SIGMA, and that at 2 eV Ti resembles Au and Cu."
)
MARKERS = "osD^vP"
MAX_COLUMNS = 4


def section(archive: Archive, study: Study) -> StudySection:
    """Show a smearing study.

    Parameters
    ----------
    archive
        Has the densities of states.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    results = study.results
    assert isinstance(results, SmearingResults), "the page of a study is chosen by its kind"
    sets = all_sets(results.metals, lambda one: f"{one.sigma_eV:g}")
    tables = [
        error_table(sets, HEAD),
        noise_table(sets, HEAD),
        response_table(sets, HEAD),
        *_comparison_table(results),
        parents_table(sets, HEAD),
    ]
    sentences = [*(metal.sentence for metal in results.metals), results.sentence, ARTICLE]
    return StudySection(
        title=f"Smearing study of {_joined([one.element for one in results.metals])}",
        answer=tuple(one for one in sentences if one),
        tables=tuple(tables),
        drawings=tuple(_drawings(archive, results)),
    )


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _comparison_table(results: SmearingResults) -> Iterator[StudyTable]:
    if results.comparisons:
        yield StudyTable(
            title="Change of the force error from the smallest to the largest SIGMA, by metal",
            columns=(
                "metal",
                "against",
                "difference of the changes / points",
                "without label noise",
            ),
            rows=[
                (
                    one.first,
                    one.second,
                    bounded_text(one.difference, signed=True),
                    bounded_text(one.without_noise, signed=True),
                )
                for one in results.comparisons
            ],
            note="The metal whose error falls most, or rises least, against each other one. It is "
            "said to fall most only where the same holds without label noise.",
        )


def _drawings(archive: Archive, results: SmearingResults) -> Iterator[Drawing]:
    with style():
        yield _draw_errors(results.metals)
        rows = [row for metal in results.metals for row in metal.rows]
        if any(row.dos_ids for row in rows):
            yield _draw_densities(archive, results.metals, rows)
        yield _draw_response(results.metals)


def _draw_errors(metals: Sequence[SmearingMetal]) -> Drawing:
    figure, (axes,) = canvas(1, 5.6, 3.8)
    for metal, colour, marker in zip(metals, PALETTE * 4, MARKERS * 5, strict=False):
        widths = [row.sigma_eV for row in metal.rows]
        errors = [row.force.percent for row in metal.rows]
        axes.errorbar(
            widths, [one.value for one in errors], error_bars(errors), color=colour, marker=marker,
            lw=1.3, capsize=3, label=metal.element,
        )  # fmt: skip
        noisy = [(row.sigma_eV, row.noise.percent) for row in metal.rows if row.noise]
        axes.plot(
            [x for x, _ in noisy], [y for _, y in noisy], color=colour, marker=marker, ls=":",
            lw=1.1, mfc="white", label=f"{metal.element}, label noise",
        )  # fmt: skip
    _finish_axes(axes, metals, "force error / %")
    return finish(
        figure,
        "Force error against SIGMA (Fig. 9a of the article)",
        "Filled: 100 MAE / MAV on the same test frames, each SIGMA with its own labels and model, "
        "and the interval from blocks of test frames. Open, dotted: mean label noise of the k-mesh "
        "in the same unit. An error that follows the noise says nothing about smearing.",
    )


def _draw_densities(
    archive: Archive, metals: Sequence[SmearingMetal], rows: Sequence[SmearingRow]
) -> Drawing:
    columns = min(len(metals), MAX_COLUMNS)
    figure, panels = canvas(columns, 3.6, 3.3, -(-len(metals) // columns))
    for axes, metal in zip(panels, metals, strict=False):
        names = [f"SIGMA {row.sigma_eV:g} eV" for row in metal.rows]
        draw_densities(archive, axes, metal, names, metal.rows)
    for axes in panels[len(metals) :]:
        axes.set_axis_off()
    title = "Densities of states around the Fermi level (Fig. 9b of the article)"
    return finish(figure, title, densities_caption(rows))


def _draw_response(metals: Sequence[SmearingMetal]) -> Drawing:
    figure, (axes,) = canvas(1, 5.6, 3.8)
    for metal, colour, marker in zip(metals, PALETTE * 4, MARKERS * 5, strict=False):
        widths = [row.sigma_eV for row in metal.rows[1:]]
        for part, line in (("angular", "-"), ("radial", "--")):
            found = [getattr(row.response, part) for row in metal.rows[1:] if row.response]
            axes.errorbar(
                [metal.rows[0].sigma_eV, *widths],
                [0, *(MEV_PER_EV * one.value for one in found)],
                [[0, *side] for side in error_bars(found, MEV_PER_EV)],
                color=colour, marker=marker, lw=1.3, ls=line, capsize=3,
                mfc=colour if part == "angular" else "white",
                label=f"{metal.element}, {part}",
            )  # fmt: skip
    _finish_axes(axes, metals, "change of forces / (meV/Å)")
    return finish(
        figure,
        "Radial and angular force response against SIGMA (Fig. 9c of the article)",
        "Means over all atoms of the dataset against the smallest SIGMA, where both are zero. "
        "Solid: angular, |F - F0|; dashed: radial, | |F| - |F0| |. Intervals are from blocks of "
        "frames.",
    )


def _finish_axes(axes: Axes, metals: Sequence[SmearingMetal], label: str) -> None:
    axes.set_xticks(sorted({row.sigma_eV for metal in metals for row in metal.rows}))
    axes.set_xlabel(HEAD)
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.legend(ncols=2)
