"""p values: of independent draws that of the t test, and adjusted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tm23flows.science.block_bootstrap import Bootstrap, choose_blocks, draw_sums
from tm23flows.science.p_values import holm, t_p_value


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_an_adjusted_p_value_is_between_the_plain_one_and_bonferronis(p_values):
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= min(1.0, plain * len(p_values)) + 1e-12


@pytest.mark.parametrize("n", [6, 60])
def test_of_independent_values_it_is_that_of_the_t_test(n):
    series = np.random.default_rng(n).normal(0.3, 1.0, n)
    draws = Bootstrap(8000, block_length=1)
    blocks = choose_blocks([series], ["a"] * n, draws)
    found = t_p_value(series.mean(), draw_sums([series], blocks, draws)[0] / n, blocks)
    assert found == pytest.approx(stats.ttest_1samp(series, 0).pvalue, rel=0.1)


def test_what_never_varies_is_certain():
    blocks = choose_blocks([np.arange(9.0)], ["a"] * 9, Bootstrap(block_length=1))
    assert t_p_value(0.0, np.zeros(100), blocks) == 1.0
    assert t_p_value(0.5, np.full(100, 0.5), blocks) == 0.0
