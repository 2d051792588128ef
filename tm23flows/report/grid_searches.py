"""Grid searches: which hyperparameters were tried, which were chosen, and what speaks against it.

Owns what is shown of the documents; the choice is theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows.documents.grid_search import GridRow, GridSearch
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, number_text
from tm23flows.report.records import SHORT_ID, read_all
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def section(archive: Archive, metals: set[str] | None = None) -> StudySection | None:
    """Show all grid searches.

    Parameters
    ----------
    archive
        The archive.
    metals
        Only those of these; all by default.

    Returns
    -------
    A table for each; None without one.
    """
    searches = [
        one for one in read_all(archive, GridSearch) if metals is None or one.element in metals
    ]
    if not searches:
        return None
    searches.sort(key=lambda one: (one.element, one.trainer, one.id))
    return StudySection(
        title="Grid searches",
        answer=tuple(f"{one.element} {one.trainer}: {one.reason}" for one in searches),
        tables=tuple(_table(one) for one in searches),
        drawings=(),
    )


def _table(search: GridSearch) -> StudyTable:
    names = list(dict.fromkeys(name for row in search.rows for name in row.point))
    rows = [
        (
            *(str(row.point.get(name, NOT_THERE)) for name in names),
            *_numbers(row),
            "chosen" if place == search.chosen else row.failure or "",
        )
        for place, row in enumerate(search.rows)
    ]
    return StudyTable(
        title=f"{search.element} {search.trainer}, grid {search.id[:SHORT_ID]}",
        columns=(
            *names, "force MAE / (meV/Å)", "force / %", "energy MAE / (meV/atom)",
            "log likelihood", "",
        ),
        rows=rows,
        documents=[search.id] * len(rows),
        note=f"Trained on the part {search.train_part} and compared on {search.test_part} of one "
        "dataset. Numbers of the chosen point were used for the choice: they are not an error on "
        "new frames.",
    )  # fmt: skip


def _numbers(row: GridRow) -> tuple[str, ...]:
    force, energy = row.force_mae_eV_per_A, row.energy_mae_eV_per_atom
    return (
        NOT_THERE if force is None else number_text(MEV_PER_EV * force),
        NOT_THERE if row.force_percent is None else number_text(row.force_percent),
        NOT_THERE if energy is None else number_text(MEV_PER_EV * energy),
        NOT_THERE if row.log_likelihood is None else f"{row.log_likelihood:.1f}",
    )
