"""The chapters of the report about models and about runs, in their order.

Owns which modules fill them; what they show is theirs. Chapters of studies are in
:mod:`tm23flows.report.studies.page`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.trajectory import Trajectory
from tm23flows.report import cost, grid_searches, learning_curves, periodic_table, rdfs
from tm23flows.report.benchmark import error_figures, errors, seen, significance, verdict
from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.studies.section import Chapter, StudySection

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

FEW_DATASETS = 6
"""Of more datasets some figures are left out: the periodic table and the tables say the same in
less room."""


def chapters_of_models(
    archive: Archive, evaluated: Sequence[Evaluated], metals: set[str] | None
) -> tuple[list[Chapter], list[Chapter]]:
    """Make the chapters about models.

    Parameters
    ----------
    archive
        The archive.
    evaluated
        What was measured.
    metals
        Only these; all by default.

    Returns
    -------
    What stands before the table of errors, and what stands after it.
    """
    before = [("overview", periodic_table.section(one.measured for one in evaluated))]
    after = [
        ("intervals", _intervals(archive, evaluated)),
        ("significance", _significance(evaluated)),
        ("learning-curves", learning_curves.section(archive, metals)),
        ("grid-searches", grid_searches.section(archive, metals)),
    ]
    return _chapters(before), _chapters(after)


def chapters_of_runs(
    archive: Archive, runs: Sequence[Trajectory], metals: set[str] | None
) -> list[Chapter]:
    """Make the chapters about molecular dynamics and about cost.

    Parameters
    ----------
    archive
        The archive.
    runs
        The runs.
    metals
        Only these; all by default.

    Returns
    -------
    The chapters.
    """
    return _chapters([("rdf", _rdfs(archive, runs)), ("cost", cost.section(archive, metals))])


def _rdfs(archive: Archive, runs: Sequence[Trajectory]) -> StudySection | None:
    found = rdfs.measured(archive, runs)
    if not found:
        return None
    return StudySection(
        "Radial distribution functions", (), (rdfs.table(found),), tuple(rdfs.draw(found))
    )


def _chapters(sections: Iterable[tuple[str, StudySection | None]]) -> list[Chapter]:
    return [
        Chapter(anchor, section.title, (section,))
        for anchor, section in sections
        if section is not None
    ]


def _offsets(archive: Archive, evaluated: Sequence[Evaluated]) -> Iterator[str]:
    """Say of calculators from elsewhere what their zero of energy does to their errors."""
    for one in (some.measured for some in evaluated):
        if one.model.dataset_id is None:
            offset = verdict.energy_offset(archive, one.evaluation, {})
            if offset.matters:
                yield f"{one.title} on {one.named.name}: {verdict.offset_line(offset)}."


def _intervals(archive: Archive, evaluated: Sequence[Evaluated]) -> StudySection | None:
    if not evaluated:
        return None
    parts: dict[tuple[str, str, str], list[Evaluated]] = {}
    for one in evaluated:
        parts.setdefault(one.part, []).append(one)
    few = len(parts) <= FEW_DATASETS
    drawings = tuple(map(error_figures.draw_by_magnitude, parts.values())) if few else ()
    tables = tuple(errors.error_tables(evaluated))
    words = tuple(_offsets(archive, evaluated))
    warnings = tuple(seen.seen_lines(archive, (one.measured for one in evaluated)))
    return StudySection("Errors with intervals", words, tables, drawings, warnings)


def _significance(evaluated: Sequence[Evaluated]) -> StudySection | None:
    pairs = significance.compare_evaluations(evaluated)
    if not pairs:
        return None
    table = significance.significance_table(pairs)
    return StudySection("Which model is better", (), (table,), ())
