"""The crystal study on its page: sentences, tables and equations of state.

Owns the sentences and the choice of figures. The tables are in
:mod:`tm23flows.report.studies.crystal_tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.model import Model
from tm23flows.documents.studies.crystal import CrystalMetal, CrystalResults, LatticeRow
from tm23flows.documents.study import Study
from tm23flows.report.plotting import Drawing
from tm23flows.report.records import SHORT_ID
from tm23flows.report.studies.crystal_figures import Curve, draw_curves
from tm23flows.report.studies.crystal_tables import (
    Shown,
    crystal_tables,
    gpa_text,
    percent_change,
)
from tm23flows.report.studies.section import StudySection

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

LABELS = "labels"


def section(archive: Archive, study: Study) -> StudySection:
    """Make what is shown of a crystal study.

    Parameters
    ----------
    archive
        The archive, for the names of the models.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    results = study.results
    if not isinstance(results, CrystalResults):
        raise TypeError(f"{study.id} is no crystal study")
    shown = list(_all(archive, results))
    drawings = (_drawing(metal, shown) for metal in results.metals)
    words = " and ".join(study.elements)
    return StudySection(
        title=f"Crystals of {words}",
        answer=tuple(_sentences(results, shown)),
        tables=crystal_tables(shown),
        drawings=tuple(one for one in drawings if one is not None),
    )


def _all(archive: Archive, results: CrystalResults) -> Iterator[Shown]:
    wanted = {row.model_id for metal in results.metals for row in metal.models if row.model_id}
    models = {one.id: one for one in archive.get_many(Model, sorted(wanted))}
    for metal in results.metals:
        if metal.labels is not None:
            yield Shown(metal, metal.labels, LABELS)
        for row in metal.models:
            if row.model_id is not None:
                name = f"{models[row.model_id].title} {row.model_id[:SHORT_ID]}"
                yield Shown(metal, row, name)


def _sentences(results: CrystalResults, shown: Sequence[Shown]) -> Iterator[str]:
    for metal in results.metals:
        if metal.labels is None:
            yield f"{metal.element}: the recipe of the labels cannot be computed with here."
        elif metal.labels.lattice is not None:
            found = metal.labels.lattice
            yield (
                f"{metal.element}, {metal.phase}, with the recipe of the labels: "
                f"{_lengths(found)}, bulk modulus {gpa_text(found.bulk_modulus_eV_per_A3)} GPa."
            )
    for one in shown:
        if one.row.model_id is not None:
            yield f"{one.metal.element}, {one.name}: {', '.join(_deviations(one))}."


def _deviations(one: Shown) -> list[str]:
    mine = one.row.lattice
    if mine is None:
        return ["no lattice with an equation of state, see below"]
    theirs = None if one.reference is None else one.reference.lattice
    if theirs is None:
        return [_lengths(mine), f"bulk modulus {gpa_text(mine.bulk_modulus_eV_per_A3)} GPa"]
    words = [f"a {percent_change(mine.a_A, theirs.a_A)}"]
    if mine.c_A is not None and theirs.c_A is not None:
        words.append(f"c {percent_change(mine.c_A, theirs.c_A)}")
    moduli = (mine.bulk_modulus_eV_per_A3, theirs.bulk_modulus_eV_per_A3)
    words.append(f"bulk modulus {percent_change(*moduli)}")
    hole = one.row.vacancy
    other = None if one.reference is None else one.reference.vacancy
    if hole is not None and other is not None:
        words.append(
            f"unrelaxed vacancy {round(hole.unrelaxed_eV - other.unrelaxed_eV, 3) + 0.0:+.3f} eV"
        )
    return [*words, "all against the labels"]


def _drawing(metal: CrystalMetal, shown: Sequence[Shown]) -> Drawing | None:
    curves = [
        Curve(one.name, one.row.lattice, is_reference=one.row.model_id is None)
        for one in shown
        if one.metal is metal and one.row.lattice is not None
    ]
    return draw_curves(f"Energy against volume: {metal.element}, {metal.phase}", curves)


def _lengths(found: LatticeRow) -> str:
    c = "" if found.c_A is None else f", c = {found.c_A:.3f} Å"
    return f"a = {found.a_A:.3f} Å{c}"
