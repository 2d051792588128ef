"""Rows of label sets: made from what the sciences return, and refused where they make no sense."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.label_sets import Bounded, ErrorsOfSet, ResponseRow
from tm23flows.science.block_bootstrap import Bootstrap, Estimate
from tm23flows.science.force_response import mean_response
from tm23flows.science.paired_errors import ForceSet, compare_sets


@pytest.fixture
def forces():
    import numpy as np

    return np.random.default_rng(0).normal(size=(3, 60, 3))


def test_results_of_the_science_become_rows(forces):
    first, second, off = forces
    runs, counts, draws = [0] * 30, [2] * 30, Bootstrap(resamples=200)
    sets = [ForceSet(first + off, first, 0.01), ForceSet(first + 0.1 * off, first, None)]
    one, other = compare_sets(sets, counts, runs, draws).sets
    row = ErrorsOfSet.model_validate(one)
    assert (row.percent.value, row.percent.low) == (one.percent.value, one.percent.low)
    assert row.change is None
    assert ErrorsOfSet.model_validate(other).change.verdict == "unresolved"
    assert ErrorsOfSet.model_validate(other).percent_without_noise is None
    found = mean_response(first, second, counts, runs, draws)
    response = ResponseRow.model_validate(found)
    assert response.angular.value == found.angular.value
    assert ResponseRow.model_validate(response.model_dump()) == response


def test_an_interval_has_two_ends_or_none():
    assert Bounded.model_validate(Estimate(1.0)).low is None
    with pytest.raises(ValidationError, match="two ends"):
        Bounded(value=1.0, low=0.5)
    with pytest.raises(ValidationError):
        Bounded(value=float("nan"))
