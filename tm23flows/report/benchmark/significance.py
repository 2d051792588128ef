"""Which of two models is better, on the frames that both predict.

Owns which evaluations are compared and how it is shown. The test and its verdict are
:mod:`tm23flows.science.model_comparison`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tm23flows.report.benchmark.arrays import DRAWS, Evaluated
from tm23flows.report.benchmark.errors import bounded_text, name_of
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, QUANTITIES
from tm23flows.report.studies.section import StudyTable
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.frame_sums import FrameSums
from tm23flows.science.model_comparison import Judged, compare_models, judge_all

LEAST_P = 1e-4
TOO_FEW = "too few frames to say"
"""Smaller p values are not written out: the t distribution is not known that far out."""


@dataclass(frozen=True)
class Paired:
    """Two evaluations on the same frames, and what is to be said of them.

    Parameters
    ----------
    first, second
        The evaluations.
    judged
        The difference of one quantity, first less second, with its verdict.
    n_left_out
        Frames that only one of the two predicted.
    n_family
        Comparisons that the p value was adjusted for.
    """

    first: Evaluated
    second: Evaluated
    judged: Judged
    n_left_out: int
    n_family: int

    @property
    def better(self) -> str | None:
        """Title of the better model; None where it is not resolved."""
        verdict = self.judged.verdict
        return None if verdict == "unresolved" else getattr(self, verdict).title


def compare_evaluations(
    evaluations: Sequence[Evaluated], bootstrap: Bootstrap = DRAWS
) -> list[Paired]:
    """Compare every two models that were measured on the same part of a dataset.

    The comparisons on one part, every pair and every quantity, are one family: their p values are
    adjusted for each other, not for those on other data.

    Parameters
    ----------
    evaluations
        Measured ones.
    bootstrap
        How frames are drawn.

    Returns
    -------
    Comparisons by part, pair and quantity; none where only one model was measured or no frame is
    common to two.
    """
    by_part: dict[tuple[str, str, str], list[Evaluated]] = {}
    for one in evaluations:
        by_part.setdefault(one.part, []).append(one)
    return [pair for together in by_part.values() for pair in _compare_part(together, bootstrap)]


def significance_rows(pairs: Sequence[Paired]) -> list[dict[str, Any]]:
    """Return comparisons as plain values for CSV and JSON.

    Parameters
    ----------
    pairs
        See :func:`compare_evaluations`.

    Returns
    -------
    Differences are first less second, MAE in meV, percent in points.
    """
    return [_row(pair) for pair in pairs]


def significance_table(pairs: Sequence[Paired], level: float = DRAWS.level) -> StudyTable:
    """Lay out comparisons.

    Parameters
    ----------
    pairs
        See :func:`compare_evaluations`.
    level
        Level of the intervals.

    Returns
    -------
    The table.
    """
    return StudyTable(
        title="Which of two models is better",
        columns=(
            "data", "models", "quantity", "frames", "difference of MAE",
            "difference of error / points", "p", "adjusted p", "better",
        ),
        rows=tuple(_cells(pair) for pair in pairs),
        note=f"First less second on the same draws of the same frames, in meV; intervals of "
        f"{100 * level:g} %. The p values on one set of frames are adjusted for each other by "
        "Holm's rule, so that finding any wrong winner there is as rare as the level says. Nothing "
        "is named from fewer than 25 independent frames, or ten in a run: equally good models "
        "would differ far too often. It is about the frames of these runs, not about other "
        "trainings or other runs. Energies are compared as they are, also those of calculators "
        "with another zero.",
        documents=tuple(pair.first.measured.evaluation.id for pair in pairs),
    )  # fmt: skip


def _compare_part(together: Sequence[Evaluated], bootstrap: Bootstrap) -> list[Paired]:
    found, left_out = [], {}
    for first in range(len(together)):
        for second in range(first + 1, len(together)):
            pair = together[first], together[second]
            sums, runs, lost = _common(*pair)
            if runs:
                differences = compare_models(sums, runs, bootstrap)
                found += [(pair, one) for one in differences]
                left_out[first, second] = lost
    judged = judge_all([one for _, one in found], bootstrap.level)
    places = {id(one): place for place, one in enumerate(together)}
    return [
        Paired(*pair, one, left_out[places[id(pair[0])], places[id(pair[1])]], len(found))
        for (pair, _), one in zip(found, judged, strict=True)
    ]


def _common(
    first: Evaluated, second: Evaluated
) -> tuple[list[FrameSums], list[tuple[str, str]], int]:
    """Return the sums of the frames that both predict, their runs, and how many are left out."""
    if first.label_ids == second.label_ids:
        return [first.sums, second.sums], list(first.runs), 0
    place = {one: i for i, one in enumerate(second.label_ids)}
    rows = [i for i, one in enumerate(first.label_ids) if one in place]
    others = [place[first.label_ids[i]] for i in rows]
    lost = len(first.label_ids) + len(second.label_ids) - 2 * len(rows)
    sums = [first.sums.only(rows), second.sums.only(others)] if rows else []
    return sums, [first.runs[i] for i in rows], lost


def _row(pair: Paired) -> dict[str, Any]:
    one, judged = pair.judged.difference, pair.judged
    made = pair.first.measured
    return {
        "metal": made.dataset.element,
        "dataset": made.named.name,
        "part": made.evaluation.part,
        "energy_reference": made.evaluation.energy_reference,
        "first_model_id": made.model.id,
        "first_trainer": made.model.trainer,
        "second_model_id": pair.second.measured.model.id,
        "second_trainer": pair.second.measured.model.trainer,
        "quantity": one.quantity,
        "unit": QUANTITIES[one.quantity].replace("Å³", "A3").replace("Å", "A"),
        "n_frames": one.n_frames,
        "n_left_out": pair.n_left_out,
        **_ends("mae_difference", one.mae, MEV_PER_EV),
        **_ends("percent_difference", one.percent, 1.0),
        "p_value": one.p_value,
        "adjusted_p": judged.adjusted_p,
        "n_family": pair.n_family,
        "verdict": judged.verdict,
        "block_length": one.block_length,
        "effective_frames": one.effective_frames,
        "reason": one.reason,
    }


def _ends(name: str, found: Any, scale: float) -> dict[str, float | None]:
    values = {"": "value", "_low": "low", "_high": "high"}
    numbers = {end: getattr(found, attribute, None) for end, attribute in values.items()}
    return {
        f"{name}{end}": None if value is None else scale * value for end, value in numbers.items()
    }


def _cells(pair: Paired) -> tuple[str, ...]:
    one, judged = pair.judged.difference, pair.judged
    return (
        name_of(pair.first),
        f"{pair.first.title} - {pair.second.title}",
        one.quantity,
        f"{one.n_frames}" + (f" ({pair.n_left_out} left out)" if pair.n_left_out else ""),
        bounded_text(one.mae, MEV_PER_EV),
        bounded_text(one.percent),
        _p_text(one.p_value),
        _p_text(judged.adjusted_p),
        pair.better or ("not resolved" if pair.judged.difference.is_trusted else TOO_FEW),
    )


def _p_text(value: float | None) -> str:
    if value is None:
        return NOT_THERE
    return (
        f"< {LEAST_P:g}"
        if value < LEAST_P
        else np.format_float_positional(value, 2, fractional=False, min_digits=2)
    )
