"""The choice of a model by rare-event errors, among those with a good force RMSE."""

import pytest

from tm23flows.errors import InputError
from tm23flows.science.model_choice import choose_model


def test_the_choice_by_rare_events_is_among_the_good_ones():
    rmse = {"a": 0.10, "b": 0.14, "c": 0.20, "d": None}
    errors = {"a": (0.4, 0.4), "b": (0.3, 0.3), "c": (0.1, 0.1), "d": (0.0, 0.0)}
    found = choose_model(rmse, errors)
    assert (found.by_rmse, found.by_score) == ("a", "b")
    assert "2 of 4 models" in found.reason
    assert choose_model(rmse, errors, 2.0).by_score == "c"
    assert choose_model(rmse, errors, 1.0).by_score == "a"
    with pytest.raises(InputError, match="1 or more"):
        choose_model(rmse, errors, 0.9)


def test_without_numbers_nothing_is_chosen():
    assert choose_model({"a": None}, {"a": (0.1, 0.1)}).by_rmse is None
    found = choose_model({"a": 0.1}, {"a": (0.1, None)})
    assert (found.by_rmse, found.by_score) == ("a", None)
    assert "No model has rare-event errors" in found.reason
