"""Documents of the transfer study: what is missing in words, and how an error changes."""

import pytest

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.transfer import BoundedErrors, TransferCell
from tm23flows.jobs.studies.transfer_cells import cell_of, rise_of


def cell(tested_on, percent, by=0.5, mae=0.05):
    if percent is None:
        return TransferCell(tested_on=tested_on, evaluation_id=None, reason="lost")
    low, high = (None, None) if by is None else (percent - by, percent + by)
    force = BoundedErrors(
        mae=Bounded(value=mae), rmse=Bounded(value=mae), mav=0.5,
        percent=Bounded(value=percent, low=low, high=high),
    )  # fmt: skip
    return TransferCell(tested_on=tested_on, evaluation_id="e", n_frames=9, force=force)


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        ({}, "its evaluation failed"),
        ({"model_id": None}, "its training failed"),
        ({"dataset_id": None}, "its dataset was not made"),
        ({"dataset_id": None, "model_id": None}, "its dataset was not made"),
    ],
)
def test_the_first_thing_that_failed_is_the_reason(lost, why):
    wired = {"dataset_id": "d", "model_id": "m", **lost}
    made = cell_of("warm", wired, None, None)
    assert made.reason.startswith(why)
    assert (made.tested_on, made.evaluation_id, made.n_frames) == ("warm", None, 0)


@pytest.mark.parametrize(
    ("first", "last", "by", "verdict"),
    [
        (5.0, 8.0, 0.5, "rises"),
        (8.0, 5.0, 0.5, "falls"),
        (5.0, 5.2, 0.5, "unresolved"),
        (5.0, 8.0, None, "unresolved"),
    ],
)
def test_a_change_is_said_where_its_interval_is_on_one_side(first, last, by, verdict):
    found = rise_of([cell("warm", first, by), cell("melt", last, by, mae=0.09)])
    assert found.percent.value == pytest.approx(last - first)
    assert found.mae.value == pytest.approx(0.04)
    assert found.verdict == verdict


def test_a_change_is_between_what_was_measured():
    found = rise_of([cell("cold", 5.0), cell("warm", None), cell("melt", 9.0)])
    assert (found.first, found.last) == ("cold", "melt")
    assert rise_of([cell("warm", 5.0), cell("melt", None)]) is None
    assert rise_of([]) is None
