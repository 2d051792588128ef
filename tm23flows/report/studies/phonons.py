"""The phonon study on its page: sentences and tables.

Owns how numbers are said. They are in the study; the figure is in
:mod:`tm23flows.report.studies.phonon_figure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tm23flows.documents.model import Model
from tm23flows.documents.studies.phonons import (
    FrequencyErrorRow,
    FrequencyErrors,
    PhononCurves,
    PhononMetal,
    PhononModel,
    PhononResults,
)
from tm23flows.documents.study import Study
from tm23flows.report.plotting import Drawing
from tm23flows.report.quantities import NOT_THERE, UNDEFINED, number_text
from tm23flows.report.studies.phonon_figure import LABELS, curves_of, draw_phonons
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

LATTICE = (
    "crystal at rest under", "a / Å", "c / Å", "volume / Å³ per atom", "a, from the labels / %",
    "c, from the labels / %", "imaginary modes / %", "lowest frequency / THz",
    "sum rule missed by / (meV/Å²)",
)  # fmt: skip
ERRORS = (
    "model", "lattice", "branches", "mean / THz", "MAE / THz", "RMSE / THz", "largest / THz",
    "MAE / %",
)  # fmt: skip


def section(archive: Archive, study: Study) -> StudySection:
    """Make what is shown of a phonon study.

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
    if not isinstance(results, PhononResults):
        raise TypeError(f"{study.id} is no phonon study")
    answer: list[str] = []
    tables: list[StudyTable] = []
    drawings: list[Drawing] = []
    for metal in results.metals:
        names = model_names(archive, metal)
        answer += _sentences(metal, names)
        tables += _tables(metal, names, study)
        if any(curves for _, curves in curves_of(metal, names)):
            drawings.append(draw_phonons(metal, names))
    return StudySection(
        title=f"Phonons of {' and '.join(study.elements)}",
        answer=tuple(answer),
        tables=tuple(tables),
        drawings=tuple(drawings),
    )


def model_names(archive: Archive, metal: PhononMetal) -> dict[str, str]:
    """Name the models of a metal so that no two have the same name.

    Parameters
    ----------
    archive
        The archive.
    metal
        One metal of the study.

    Returns
    -------
    What tables call a model, by its id, in the order of the study.
    """
    ids = [one.model_id for one in metal.models]
    titles = [one.title for one in archive.get_many(Model, ids)]
    return {
        key: title if titles.count(title) == 1 else f"{title} {key[:6]}"
        for key, title in zip(ids, titles, strict=True)
    }


def _sentences(metal: PhononMetal, names: dict[str, str]) -> Iterator[str]:
    multiples = "x".join(map(str, metal.supercell))
    mesh = "x".join(map(str, metal.q_mesh))
    cell = f"{metal.element} ({metal.phase}): a supercell of {multiples} primitive cells, "
    if metal.labels is None:
        yield f"{cell}{metal.n_atoms} atoms; there are no labels to compare with."
    else:
        kmesh = "x".join(map(str, metal.labels.kmesh))
        n_labels = metal.labels.n_labels
        yield (
            f"{cell}{metal.n_atoms} atoms; labels of {n_labels} displaced "
            f"{'cell' if n_labels == 1 else 'cells'} with k-mesh {kmesh}; frequencies are compared "
            f"on a {mesh} mesh of wave vectors."
        )
    for one in metal.models:
        yield _sentence(one, names[one.model_id], metal)


def _sentence(one: PhononModel, name: str, metal: PhononMetal) -> str:
    if one.curves is None:
        there = one.errors_same_lattice
        at_labels = f" At the lattice of the labels: {_short(there.all)}." if there else ""
        return f"{name}: no phonons of its own. {_ended(one.reason or '')}{at_labels}"
    words = []
    if one.errors is not None:
        every = one.errors.all
        side = "low" if every.mean_THz < 0 else "high"
        words.append(
            f"its frequencies are {number_text(abs(every.mean_THz))} THz too {side} on average, "
            f"{_short(every)}"
        )
        if one.errors.optical is not None:
            words.append(f"acoustic branches: {_short(one.errors.acoustic)}")
            words.append(f"optical branches: {_short(one.errors.optical)}")
    if one.errors_same_lattice is not None:
        words.append(f"at the lattice of the labels: {_short(one.errors_same_lattice.all)}")
    if one.curves.imaginary_share > 0:
        stable = metal.labels is not None and metal.labels.curves.imaginary_share == 0
        but = ", though the labels have none" if stable else ""
        words.append(
            f"{number_text(100 * one.curves.imaginary_share)} % of the modes imaginary{but}"
        )
    return f"{name}: {'; '.join(words) or 'no imaginary modes'}."


def _short(error: FrequencyErrorRow) -> str:
    percent = "" if error.percent is None else f" ({number_text(error.percent)} %)"
    return f"MAE {number_text(error.mae_THz)} THz{percent}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def _tables(metal: PhononMetal, names: dict[str, str], study: Study) -> Iterator[StudyTable]:
    there = list(curves_of(metal, names))
    ids = [study.id, *(one.model_id for one in metal.models)]
    shown = [(name, one, key) for (name, one), key in zip(there, ids, strict=True) if one]
    if shown:
        yield StudyTable(
            title=f"{metal.element}: crystals at rest, and how stable they are",
            columns=LATTICE,
            rows=tuple(_lattice_cells(name, one, metal) for name, one, _ in shown),
            note="Imaginary modes are a share of those of the mesh of wave vectors. The sum rule "
            "is what force constants missed before it was imposed: numerical noise.",
            documents=tuple(key for *_, key in shown),
        )
    rows = [
        (one.model_id, (names[one.model_id], lattice, branches, *_error_cells(error)))
        for one in metal.models
        for lattice, errors in (("its own", one.errors), ("labels'", one.errors_same_lattice))
        for branches, error in _by_branch(errors)
    ]
    if rows:
        yield StudyTable(
            title=f"{metal.element}: frequencies against those of the labels",
            columns=ERRORS,
            rows=tuple(cells for _, cells in rows),
            note="Branches are matched by their order at each wave vector, and the three lowest "
            "are called acoustic. A negative mean says that the frequencies are too low. In per "
            "cent of the mean frequency of the labels. There is one crystal and nothing is "
            "sampled, so there are no intervals. 1 THz is 4.136 meV.",
            documents=tuple(key for key, _ in rows),
        )


def _lattice_cells(name: str, one: PhononCurves, metal: PhononMetal) -> tuple[str, ...]:
    reference = metal.labels.curves if metal.labels and name != LABELS else None
    return (
        name,
        f"{one.a_A:.3f}",
        NOT_THERE if one.c_A is None else f"{one.c_A:.3f}",
        f"{one.volume_A3_per_atom:.2f}",
        _change(one.a_A, reference.a_A if reference else None),
        _change(one.c_A, reference.c_A if reference else None),
        number_text(100 * one.imaginary_share),
        f"{round(one.lowest_THz, 2) + 0.0:.2f}",  # no minus in front of a zero
        number_text(1000 * one.drift_eV_per_A2),
    )


def _change(value: float | None, reference: float | None) -> str:
    if value is None or reference is None:
        return NOT_THERE
    return f"{100 * (value / reference - 1):+.2f}"


def _by_branch(errors: FrequencyErrors | None) -> Iterator[tuple[str, FrequencyErrorRow]]:
    if errors is None:
        return
    yield "all", errors.all
    if errors.optical is not None:
        yield "acoustic", errors.acoustic
        yield "optical", errors.optical


def _error_cells(error: FrequencyErrorRow) -> tuple[str, ...]:
    return (
        f"{error.mean_THz:+.3f}",
        number_text(error.mae_THz),
        number_text(error.rmse_THz),
        number_text(error.largest_THz),
        UNDEFINED if error.percent is None else number_text(error.percent),
    )
