"""Evaluations: a model, data, options; the numbers follow from these."""

import bson
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors, evaluation_id

MADE_OF = {
    "model_id": "m" * 64,
    "dataset_id": "d" * 64,
    "part": "test",
    "energy_reference": "mean-per-atom",
}
ROW = ErrorRow(mae=0.1, rmse=0.2, mav=1.0, percent=10.0)


def make(**fields):
    errors = GroupErrors(group="all", n_frames=3, energy=ROW, force=ROW, stress=None)
    given = {"predictions": "b" * 64, "errors": (errors,), "provenance": Provenance.now()}
    return Evaluation(**{**given, **MADE_OF, **fields})


def test_the_id_is_known_before_the_prediction():
    assert make().id == evaluation_id(**MADE_OF) == make(predictions="c" * 64).id


@pytest.mark.parametrize("name", MADE_OF)
def test_everything_it_is_made_of_counts(name):
    assert evaluation_id(**{**MADE_OF, name: "x"}) != evaluation_id(**MADE_OF)


def test_it_comes_back_from_the_database():
    one = make()
    back = Evaluation.from_stored(bson.decode(bson.encode({"_id": one.id, **one.model_dump()})))
    assert back == one
    assert back.errors[0].stress is None
