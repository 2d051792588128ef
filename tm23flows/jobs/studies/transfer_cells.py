"""From what was measured of a model at a temperature to the documents of the transfer study.

Owns the words for what is missing, and the change of the error from temperature to temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.transfer import (
    BoundedErrors,
    Penalty,
    Rise,
    TransferCell,
)
from tm23flows.science.block_bootstrap import Estimate
from tm23flows.science.bounded_errors import GroupErrors
from tm23flows.science.model_comparison import Judged, independent_difference
from tm23flows.store.predictions import PredictedFrames

NO_DATASET = "its dataset was not made: see the jobs of its labels"
NO_MODEL = "its training failed: see that job"
NO_EVALUATION = "its evaluation failed: see that job"
VERDICTS = {"first": "better", "second": "worse", "unresolved": "unresolved"}


@dataclass(frozen=True)
class Tested:
    """One model at one temperature: errors, and the frames for comparisons."""

    evaluation: Evaluation
    frames: PredictedFrames
    errors: GroupErrors


def cell_of(
    regime: str, wired: dict[str, Any], test: Tested | None, judged: Judged | None
) -> TransferCell:
    """Make the document of one model at one temperature.

    Parameters
    ----------
    regime
        The temperature that was to be tested.
    wired
        Its training, as the job was given it; ids of what failed are None.
    test
        What was measured; None where nothing was.
    judged
        The comparison with the model of that temperature; None where there is none.

    Returns
    -------
    The cell; where nothing was measured, with the reason.
    """
    if test is None:
        reasons = ((wired["dataset_id"], NO_DATASET), (wired["model_id"], NO_MODEL))
        reason = next((why for there, why in reasons if there is None), NO_EVALUATION)
        return TransferCell(tested_on=regime, evaluation_id=None, reason=reason)
    errors = {
        name: BoundedErrors.model_validate(test.errors.errors[name])
        for name in ("energy", "force", "stress")
        if name in test.errors.errors
    }
    return TransferCell(
        tested_on=regime,
        evaluation_id=test.evaluation.id,
        n_frames=test.errors.n_frames,
        n_failed=test.frames.n_failed,
        **errors,
        penalty=None if judged is None else _penalty(judged),
        block_length=test.errors.block_length,
        effective_frames=test.errors.effective_frames,
        trusted=test.errors.is_trusted,
        reason=test.errors.reason,
    )


def _penalty(judged: Judged) -> Penalty:
    found = judged.difference
    return Penalty(
        percent=_bounded(found.percent),
        mae=Bounded.model_validate(found.mae),
        adjusted_p=judged.adjusted_p,
        verdict=VERDICTS[judged.verdict],  # type: ignore[arg-type]
    )


def _bounded(found: Estimate | None) -> Bounded | None:
    return None if found is None else Bounded.model_validate(found)


def rise_of(cells: Sequence[TransferCell]) -> Rise | None:
    """Compare the hottest temperature with the coolest.

    Parameters
    ----------
    cells
        One model at temperatures that it was not trained at, rising.

    Returns
    -------
    The change of the force error; None with fewer than two cells that were measured.
    """
    measured = [one for one in cells if one.force is not None]
    if len(measured) < 2 or measured[0].force is None or measured[-1].force is None:
        return None
    first, last = measured[0].force, measured[-1].force
    percent = None
    if first.percent is not None and last.percent is not None:
        percent = independent_difference(_estimate(last.percent), _estimate(first.percent))
    words = {1: "rises", -1: "falls", 0: "unresolved"}
    return Rise(
        first=measured[0].tested_on,
        last=measured[-1].tested_on,
        percent=_bounded(percent),
        mae=Bounded.model_validate(
            independent_difference(_estimate(last.mae), _estimate(first.mae))
        ),
        verdict=words[percent.sign if percent else 0],  # type: ignore[arg-type]
    )


def _estimate(bounded: Bounded) -> Estimate:
    return Estimate(bounded.value, bounded.low, bounded.high)
