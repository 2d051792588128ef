"""The error tables of the benchmark: per metal, model, temperature and magnitude of the force.

Owns the tables; figures are :mod:`tm23flows.report.benchmark.error_figures`, plain rows
:mod:`tm23flows.report.benchmark.error_rows`. Every number has its interval, and every frame that a
model could not predict is counted and named. Numbers are those of
:mod:`tm23flows.report.benchmark.arrays`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.benchmark.error_rows import groups_of
from tm23flows.report.quantities import (
    MEV_PER_EV,
    NOT_THERE,
    QUANTITIES,
    UNDEFINED,
    number_text,
)
from tm23flows.report.studies.section import StudyTable
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.bounded_errors import ALL, BoundedErrors, GroupErrors
from tm23flows.science.force_bins import bins_of

ENERGY_REFERENCE = "mean-per-atom"
"""From what the energy MAV is measured where the name of the data does not say it."""

NAMED_FAILURES = 20
"""Frames without a prediction that a table names for each model; all are counted."""


def error_tables(evaluations: Sequence[Evaluated]) -> list[StudyTable]:
    """Lay out all errors.

    Parameters
    ----------
    evaluations
        Measured ones.

    Returns
    -------
    A table for each quantity, one by the magnitude of the force, and one of the frames that failed
    where there are any.
    """
    if not evaluations:
        return []
    tables = [_quantity_table(evaluations, name) for name in QUANTITIES]
    tables.append(_magnitude_table(evaluations))
    if any(one.measured.evaluation.failures for one in evaluations):
        tables.append(_failure_table(evaluations))
    return [one for one in tables if one.rows]


def bounded_text(found: Estimate | None, scale: float = 1.0) -> str:
    """Write a value with its interval.

    Parameters
    ----------
    found
        The value; None where it is undefined.
    scale
        What it is multiplied with.

    Returns
    -------
    Such as ``12.3 (11.9 to 12.8)``.
    """
    if found is None:
        return UNDEFINED
    if found.low is None or found.high is None:
        return number_text(scale * found.value)
    low, high = number_text(scale * found.low), number_text(scale * found.high)
    return f"{number_text(scale * found.value)} ({low} to {high})"


def name_of(one: Evaluated) -> str:
    """Return what to call the data of an evaluation.

    Parameters
    ----------
    one
        The evaluation.

    Returns
    -------
    Such as ``Cu-set, test``; with the energy reference where it is not the usual one.
    """
    made = one.measured.evaluation
    usual = made.energy_reference == ENERGY_REFERENCE
    words = "" if usual else f", energy reference '{made.energy_reference}'"
    return f"{one.measured.named.name}, {made.part}{words}"


def _note(evaluations: Sequence[Evaluated]) -> str:
    return (
        f"Intervals of {100 * evaluations[0].level:g} % from blocks of frames of each run: what "
        "other frames of the same runs would change, and nothing else. * fewer independent frames "
        "than an interval needs to be wide enough. Percent error is 100 MAE / MAV of the labels of "
        "the same frames."
    )


def _quantity_table(evaluations: Sequence[Evaluated], quantity: str) -> StudyTable:
    unit, rows, documents = QUANTITIES[quantity], [], []
    for one in evaluations:
        for group in groups_of(one):
            found = one.errors[group]
            if errors := found.errors.get(quantity):
                rows.append((*_heads(one, group, found), *_cells(errors)))
                documents.append(one.measured.evaluation.id)
    references = {one.measured.evaluation.energy_reference for one in evaluations}
    words = " and ".join(f"'{one}'" for one in sorted(references))
    energy = f" The MAV of energies is measured with the reference {words}."
    return StudyTable(
        title=f"{quantity.capitalize()} errors",
        columns=(
            "data", "model", "at", "frames", f"MAE / ({unit})", f"RMSE / ({unit})",
            f"MAV / ({unit})", "error / %",
        ),
        rows=tuple(rows),
        note=_note(evaluations) + (energy if quantity == "energy" else ""),
        documents=documents,
    )  # fmt: skip


def _magnitude_table(evaluations: Sequence[Evaluated]) -> StudyTable:
    unit, rows, documents = QUANTITIES["force"], [], []
    for one in evaluations:
        found = one.errors[ALL]
        for name, low, high in bins_of(one.sums.edges_eV_per_A):
            if errors := found.errors.get(name):
                words = f"{low:g} to {high:g}" if np.isfinite(high) else f"from {low:g}"
                atoms = str(errors.n_components // 3)
                rows.append((name_of(one), one.title, words, atoms, *_cells(errors)))
                documents.append(one.measured.evaluation.id)
    return StudyTable(
        title="Force errors by the magnitude of the labelled force",
        columns=(
            "data", "model", "|F| / (eV/Å)", "atoms", f"MAE / ({unit})", f"RMSE / ({unit})",
            f"MAV / ({unit})", "error / %",
        ),
        rows=tuple(rows),
        note=_note(evaluations) + " MAV is that of the bin. The bins are the same for all metals.",
        documents=documents,
    )  # fmt: skip


def _heads(one: Evaluated, group: str, found: GroupErrors) -> tuple[str, ...]:
    star = "" if found.is_trusted or found.reason else "*"
    return (name_of(one), one.title, group, f"{found.n_frames}{star}")


def _cells(errors: BoundedErrors) -> tuple[str, ...]:
    return (
        bounded_text(errors.mae, MEV_PER_EV),
        bounded_text(errors.rmse, MEV_PER_EV),
        number_text(MEV_PER_EV * errors.mav),
        bounded_text(errors.percent),
    )


def _failure_table(evaluations: Sequence[Evaluated]) -> StudyTable:
    rows, documents = [], []
    for one in evaluations:
        failures = one.measured.evaluation.failures
        rows += [
            (name_of(one), one.title, failure.label_id[:12], failure.reason)
            for failure in failures[:NAMED_FAILURES]
        ]
        if (more := len(failures) - NAMED_FAILURES) > 0:
            rows.append((name_of(one), one.title, NOT_THERE, f"and {more} more"))
        documents += [one.measured.evaluation.id] * (len(rows) - len(documents))
    return StudyTable(
        title="Frames that a model could not predict",
        columns=("data", "model", "label", "what happened"),
        rows=tuple(rows),
        note="They are in no table: errors are those of the other frames, which may be easier.",
        documents=documents,
    )
