"""Bins of the force: their names, their ends, and edges that make none."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.force_bins import MAGNITUDE_EDGES_EV_PER_A, bins_of, check_edges


def test_bins_have_no_gaps_and_the_last_is_open():
    bins = list(bins_of(MAGNITUDE_EDGES_EV_PER_A))
    assert [low for _, low, _ in bins] == list(MAGNITUDE_EDGES_EV_PER_A)
    assert [high for _, _, high in bins] == [*MAGNITUDE_EDGES_EV_PER_A[1:], np.inf]
    assert [name for name, _, _ in bins_of((0, 0.5))] == ["force 0 to 0.5", "force from 0.5"]
    assert list(bins_of(())) == []


def test_edges_are_numbers_that_rise():
    assert check_edges([0, 1, "2"]) == (0.0, 1.0, 2.0)
    assert check_edges(()) == ()


@pytest.mark.parametrize("edges", [(0.5, 1), (0, 1, 1), (0, np.inf), (0, 2, 1)])
def test_edges_rise_from_zero(edges):
    with pytest.raises(InputError, match="rise from 0"):
        check_edges(edges)
