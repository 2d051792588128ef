"""The page of the electron-count study: Fig. 9d and e of the article with intervals and noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.studies.electrons import ElectronMetal, ElectronResults, ElectronRow
from tm23flows.documents.study import Study
from tm23flows.report.plotting import PALETTE, Drawing, canvas, finish, style
from tm23flows.report.studies.label_sets import (
    all_sets,
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
    from tm23flows.store.archive import Archive

HEAD = "electrons"
ARTICLE = (
    "The article reports that the error of Au goes up with the electron count of Os, and that of "
    "Os down with the count of Au."
)
FORCES_ONLY = (
    "Charged cells carry a compensating background: only forces are compared, no energies and no "
    "stresses."
)


def section(archive: Archive, study: Study) -> StudySection:
    """Show an electron-count study.

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
    assert isinstance(results, ElectronResults), "the page of a study is chosen by its kind"
    sets = all_sets(results.metals, _name)
    first, second = (one.element for one in results.metals)
    return StudySection(
        title=f"Electron-count study of {first} and {second}",
        answer=(*(metal.sentence for metal in results.metals), FORCES_ONLY, ARTICLE),
        tables=(
            _electrons_table(results.metals),
            error_table(sets, HEAD),
            noise_table(sets, HEAD),
            response_table(sets, HEAD),
            parents_table(sets, HEAD),
        ),
        drawings=tuple(_drawings(archive, results)),
    )


def _name(row: ElectronRow) -> str:
    shift = row.electrons_per_atom
    return f"{shift:+g} per atom" if shift else "neutral"


def _electrons_table(metals: Sequence[ElectronMetal]) -> StudyTable:
    return StudyTable(
        title="Electron counts",
        columns=("metal", "electrons per atom more than neutral", "per cell", "those of"),
        rows=[
            (
                metal.element,
                f"{metal.rows[1].electrons_per_atom:+g}",
                f"{metal.rows[1].electron_shift:+g}",
                metal.as_metal or "no metal",
            )
            for metal in metals
        ],
        note="NELECT less that of the neutral cell, which means the same in every program; counts "
        "of valence electrons differ from dataset to dataset.",
    )


def _drawings(archive: Archive, results: ElectronResults) -> Iterator[Drawing]:
    with style():
        rows = [row for metal in results.metals for row in metal.rows]
        if any(row.dos_ids for row in rows):
            yield _draw_densities(archive, results.metals, rows)
        yield _draw_errors(results.metals)


def _draw_densities(
    archive: Archive, metals: Sequence[ElectronMetal], rows: Sequence[ElectronRow]
) -> Drawing:
    figure, panels = canvas(len(metals), 3.8, 3.3)
    for axes, metal in zip(panels, metals, strict=True):
        draw_densities(archive, axes, metal, [_name(row) for row in metal.rows], metal.rows)
    title = "Densities of states with shifted Fermi levels (Fig. 9d of the article)"
    return finish(figure, title, densities_caption(rows))


def _draw_errors(metals: Sequence[ElectronMetal]) -> Drawing:
    figure, (axes,) = canvas(1, 4.6, 3.6)
    for metal, colour, marker in zip(metals, PALETTE, "os", strict=False):
        errors = [row.force.percent for row in metal.rows]
        axes.errorbar(
            [0, 1], [one.value for one in errors], error_bars(errors), color=colour,
            marker=marker, lw=1.3, capsize=3, label=metal.element,
        )  # fmt: skip
        noisy = [(x, row.noise.percent) for x, row in enumerate(metal.rows) if row.noise]
        axes.plot(
            [x for x, _ in noisy], [y for _, y in noisy], color=colour, marker=marker, ls=":",
            lw=1.1, mfc="white", label=f"{metal.element}, label noise",
        )  # fmt: skip
    axes.set_xticks([0, 1], ["neutral", "electrons shifted"])
    axes.set_xlim(-0.3, 1.3)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("force error / %")
    axes.legend()
    return finish(
        figure,
        "Force error before and after (Fig. 9e of the article)",
        "Filled: 100 MAE / MAV on the same test frames, each with its own labels and model, and "
        "the interval from blocks of test frames. Open, dotted: mean label noise of the k-mesh.",
    )
