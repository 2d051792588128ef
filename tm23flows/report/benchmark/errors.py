"""The error tables of the benchmark: per metal, model, temperature and magnitude of the force.

Owns rows, tables and figures. Every number has its interval, and every frame that a model could not
predict is counted and named. Numbers are those of :mod:`tm23flows.report.benchmark.arrays`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.comparisons import group_place
from tm23flows.report.plotting import PALETTE, Drawing, canvas, finish, plain, style
from tm23flows.report.quantities import (
    MEV_PER_EV,
    NOT_THERE,
    QUANTITIES,
    UNDEFINED,
    number_text,
)
from tm23flows.report.studies.section import StudyTable
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.frame_sums import ALL, BoundedErrors, GroupErrors, bins_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_FAILURES = 20
"""Frames without a prediction that a table names for each model; all are counted."""

PANELS_PER_ROW = 3


def error_rows(evaluations: Sequence[Evaluated]) -> list[dict[str, Any]]:
    """Return all errors, one row for each quantity or bin of each group of each evaluation.

    Parameters
    ----------
    evaluations
        Measured ones.

    Returns
    -------
    Plain values for CSV and JSON. ``temperature`` is a regime or ``all``; ``force_from_eV_per_A``
    and ``force_to_eV_per_A`` are the bin of the labelled force, None outside of the bins and at
    the open end. What is undefined is None, and ``reason`` says why there is no interval.
    """
    return [
        row
        for one in evaluations
        for group in _groups(one)
        for row in _rows_of_group(one, group, one.errors[group])
    ]


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


def failure_rows(evaluations: Sequence[Evaluated]) -> list[dict[str, Any]]:
    """List every frame that a model could not predict.

    Parameters
    ----------
    evaluations
        Measured ones.

    Returns
    -------
    Plain values for CSV and JSON.
    """
    return [
        {**_what(one), "label_id": failure.label_id, "reason": failure.reason}
        for one in evaluations
        for failure in one.measured.evaluation.failures
    ]


def draw_by_magnitude(evaluations: Sequence[Evaluated]) -> Drawing:
    """Draw MAE and percent error of the force against the magnitude of the labelled force.

    Parameters
    ----------
    evaluations
        Measured ones on one part of one dataset, at least one.

    Returns
    -------
    The figure.
    """
    name = _name(evaluations[0])
    with style():
        figure, panels = canvas(2, 4.2, 3.2)
        for place, one in enumerate(evaluations):
            colour = PALETTE[place % len(PALETTE)]
            _draw_bins(panels[0], one, "mae", MEV_PER_EV, colour)
            _draw_bins(panels[1], one, "percent", 1.0, colour)
        panels[0].set_ylabel("force MAE / (meV/Å)")
        panels[1].set_ylabel("force error / % of MAV")
        for panel in panels:
            panel.set_xlabel("labelled force of an atom / (eV/Å)")
            panel.set_ylim(bottom=0)
        panels[0].legend()
        caption = (
            "Each point is a bin of the labelled force; bars are intervals. MAV is that of the bin."
        )
        return finish(figure, f"Force error by magnitude of the force: {name}", caption)


def draw_parity_density(evaluations: Sequence[Evaluated]) -> Drawing:
    """Draw how often a force component was labelled and predicted as what, a panel per model.

    Parameters
    ----------
    evaluations
        Measured ones on one part of one dataset, at least one.

    Returns
    -------
    The figure; it is as large for many frames as for few.
    """
    n_columns = min(len(evaluations), PANELS_PER_ROW)
    n_rows = -(-len(evaluations) // n_columns)
    with style():
        figure, panels = canvas(n_columns, 3.4, 3.4, n_rows)
        for panel, one in zip(panels, evaluations, strict=False):
            _draw_density(panel, one)
        for panel in panels[len(evaluations) :]:
            panel.remove()
        return finish(
            figure,
            f"Predicted against labelled forces: {_name(evaluations[0])}",
            "Every force component of the predicted frames; the darker, the more, on a logarithmic "
            "scale. On the line the model agrees with the label.",
        )


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


def _groups(one: Evaluated) -> list[str]:
    return sorted(one.errors, key=group_place)


def _name(one: Evaluated) -> str:
    return f"{one.measured.named.name}, {one.measured.evaluation.part}"


def _what(one: Evaluated) -> dict[str, Any]:
    made = one.measured.evaluation
    return {
        "metal": one.measured.dataset.element,
        "dataset": one.measured.named.name,
        "part": made.part,
        "trainer": one.measured.model.trainer,
        "model_id": made.model_id,
        "evaluation_id": made.id,
    }


def _rows_of_group(one: Evaluated, group: str, found: GroupErrors) -> Iterator[dict[str, Any]]:
    edges = {name: (low, high) for name, low, high in bins_of(one.sums.edges_eV_per_A)}
    for name, errors in found.errors.items():
        quantity = "force" if name in edges else name
        low, high = edges.get(name, (None, None))
        yield {
            **_what(one),
            "temperature": group,
            "quantity": quantity,
            "unit": QUANTITIES[quantity].replace("Å³", "A3").replace("Å", "A"),
            "force_from_eV_per_A": low,
            "force_to_eV_per_A": None if high is None or np.isinf(high) else high,
            "n_frames": found.n_frames,
            "n_failed": len(one.measured.evaluation.failures),
            "n_components": errors.n_components,
            **_numbers(errors),
            "energy_reference": one.measured.evaluation.energy_reference,
            "level": one.level,
            "block_length": found.block_length,
            "effective_frames": found.effective_frames,
            "trusted": found.is_trusted,
            "reason": found.reason,
        }


def _numbers(errors: BoundedErrors) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {"mav": MEV_PER_EV * errors.mav}
    for name, scale in (("mae", MEV_PER_EV), ("rmse", MEV_PER_EV), ("percent", 1.0)):
        found: Estimate | None = getattr(errors, name)
        for end in ("value", "low", "high"):
            value = getattr(found, end, None)
            key = name if end == "value" else f"{name}_{end}"
            numbers[key] = None if value is None else scale * value
    return numbers


def _note(evaluations: Sequence[Evaluated]) -> str:
    return (
        f"Intervals of {100 * evaluations[0].level:g} % from blocks of frames of each run: what "
        "other frames of the same runs would change, and nothing else. * fewer independent frames "
        "than an interval needs to be wide enough. Percent error is 100 MAE / MAV of the labels of "
        "the same frames."
    )


def _quantity_table(evaluations: Sequence[Evaluated], quantity: str) -> StudyTable:
    unit, rows = QUANTITIES[quantity], []
    for one in evaluations:
        for group in _groups(one):
            found = one.errors[group]
            if errors := found.errors.get(quantity):
                rows.append((*_heads(one, group, found), *_cells(errors)))
    references = {one.measured.evaluation.energy_reference for one in evaluations}
    energy = f" The MAV of energies is measured with the reference '{' and '.join(references)}'."
    return StudyTable(
        title=f"{quantity.capitalize()} errors",
        columns=(
            "data", "model", "at", "frames", f"MAE / ({unit})", f"RMSE / ({unit})",
            f"MAV / ({unit})", "error / %",
        ),
        rows=tuple(rows),
        note=_note(evaluations) + (energy if quantity == "energy" else ""),
    )  # fmt: skip


def _magnitude_table(evaluations: Sequence[Evaluated]) -> StudyTable:
    unit, rows = QUANTITIES["force"], []
    for one in evaluations:
        found = one.errors[ALL]
        for name, low, high in bins_of(one.sums.edges_eV_per_A):
            if errors := found.errors.get(name):
                words = f"{low:g} to {high:g}" if np.isfinite(high) else f"from {low:g}"
                atoms = str(errors.n_components // 3)
                rows.append((_name(one), one.title, words, atoms, *_cells(errors)))
    return StudyTable(
        title="Force errors by the magnitude of the labelled force",
        columns=(
            "data", "model", "|F| / (eV/Å)", "atoms", f"MAE / ({unit})", f"RMSE / ({unit})",
            f"MAV / ({unit})", "error / %",
        ),
        rows=tuple(rows),
        note=_note(evaluations) + " MAV is that of the bin. The bins are the same for all metals.",
    )  # fmt: skip


def _heads(one: Evaluated, group: str, found: GroupErrors) -> tuple[str, ...]:
    star = "" if found.is_trusted or found.reason else "*"
    return (_name(one), one.title, group, f"{found.n_frames}{star}")


def _cells(errors: BoundedErrors) -> tuple[str, ...]:
    return (
        bounded_text(errors.mae, MEV_PER_EV),
        bounded_text(errors.rmse, MEV_PER_EV),
        number_text(MEV_PER_EV * errors.mav),
        bounded_text(errors.percent),
    )


def _failure_table(evaluations: Sequence[Evaluated]) -> StudyTable:
    rows = []
    for one in evaluations:
        failures = one.measured.evaluation.failures
        rows += [
            (_name(one), one.title, failure.label_id[:12], failure.reason)
            for failure in failures[:NAMED_FAILURES]
        ]
        if (more := len(failures) - NAMED_FAILURES) > 0:
            rows.append((_name(one), one.title, NOT_THERE, f"and {more} more"))
    return StudyTable(
        title="Frames that a model could not predict",
        columns=("data", "model", "label", "what happened"),
        rows=tuple(rows),
        note="They are in no table: errors are those of the other frames, which may be easier.",
    )


def _draw_bins(axes: Axes, one: Evaluated, what: str, scale: float, colour: str) -> None:
    middles, values, ends = [], [], []
    edges = list(bins_of(one.sums.edges_eV_per_A))
    for name, low, high in edges:
        errors = one.errors[ALL].errors.get(name)
        found: Estimate | None = getattr(errors, what, None)
        if found is None:
            continue
        middles.append((low + min(high, 1.5 * low + 0.5)) / 2)
        values.append(scale * found.value)
        bounds = (found.value if one is None else one for one in (found.low, found.high))
        ends.append([scale * bound for bound in bounds])
    bars = np.abs(np.array(ends).reshape(-1, 2) - np.array(values)[:, None]).T
    axes.errorbar(
        middles, values, yerr=bars, color=colour, marker="o", ms=4, lw=1.2, capsize=2,
        label=plain(one.title),
    )  # fmt: skip


def _draw_density(axes: Axes, one: Evaluated) -> None:
    from matplotlib.colors import LogNorm

    edges, counts = one.density.edges_eV_per_A, one.density.counts
    shown = np.ma.masked_equal(counts, 0)
    axes.pcolormesh(edges, edges, shown, norm=LogNorm(1), cmap="Blues", rasterized=True)
    axes.plot(edges[[0, -1]], edges[[0, -1]], color="black", lw=0.8)
    axes.set(aspect="equal", xlabel="label force / (eV/Å)", ylabel="predicted force / (eV/Å)")
    axes.locator_params(nbins=5)
    force = one.errors[ALL].errors["force"]
    percent = "" if force.percent is None else f", {number_text(force.percent.value)} %"
    mae = number_text(MEV_PER_EV * force.mae.value)
    axes.set_title(plain(f"{one.title}\nMAE {mae} meV/Å{percent}"))
