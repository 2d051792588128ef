"""Results of a transfer study: what they refuse, and what is found in them."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.transfer import (
    BoundedErrors,
    TransferCell,
    TransferMetal,
    TransferTraining,
)

ERRORS = BoundedErrors(
    mae=Bounded(value=0.05), rmse=Bounded(value=0.07), mav=0.5, percent=Bounded(value=10.0)
)
MEASURED = TransferCell(tested_on="warm", evaluation_id="e", n_frames=9, force=ERRORS)


def training(**fields):
    given = {
        "protocol": "matrix", "trainer": "flare", "number": 0, "trained_on": "cold",
        "dataset_id": "d", "model_id": "m", "n_train": 3, "cells": (MEASURED,),
    }  # fmt: skip
    return TransferTraining(**{**given, **fields})


def test_a_cell_is_measured_or_says_why_not():
    assert TransferCell(tested_on="warm", evaluation_id=None, reason="lost").force is None
    for fields in (
        {"evaluation_id": None},
        {"evaluation_id": "e"},
        {"evaluation_id": None, "force": ERRORS, "reason": "lost"},
    ):
        with pytest.raises(ValidationError, match="evaluation"):
            TransferCell(tested_on="warm", **fields)


def test_cells_are_found_by_their_temperature():
    assert training().cell("warm") is MEASURED
    assert training().cell("melt") is None


def test_models_of_one_trainer_are_told_apart():
    assert [training(number=i).called for i in range(2)] == ["flare", "flare 2"]


def test_one_temperature_is_no_transfer():
    with pytest.raises(ValidationError, match="regimes"):
        TransferMetal(element="Cu", regimes=("cold",), trainings=(training(),))
    with pytest.raises(ValidationError, match="cells"):
        training(cells=())
