"""Errors of the benchmark as plain rows, for CSV, JSON and programs.

Owns their columns. The tables of the page are :mod:`tm23flows.report.benchmark.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tm23flows.report.benchmark.arrays import Evaluated
from tm23flows.report.comparisons import group_place
from tm23flows.report.quantities import MEV_PER_EV, QUANTITIES
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.bounded_errors import BoundedErrors, GroupErrors
from tm23flows.science.force_bins import bins_of


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
        for group in groups_of(one)
        for row in _rows_of_group(one, group, one.errors[group])
    ]


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


def groups_of(one: Evaluated) -> list[str]:
    """List the groups of an evaluation.

    Parameters
    ----------
    one
        The evaluation, measured.

    Returns
    -------
    All frames first, then rising temperature.
    """
    return sorted(one.errors, key=group_place)


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
