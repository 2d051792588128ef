"""Results of a correlation study: what they refuse."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.correlations import CorrelationResults, MetalRow, TrendRow

METAL = MetalRow(element="Cu", group=11, family="fcc", force_percent=5.0, force_mae_eV_per_A=0.05)
TREND = {
    "predictor": "n_d_product",
    "error": "force_percent",
    "without_group_xii": False,
    "elements": ("Cu",),
    "n": 1,
    "verdict": "not tested",
    "reason": "too few",
}
RESULTS = {
    "metals": (METAL,), "trends": (), "contrasts": (), "n_p_values": 0, "level": 0.05,
    "correction": "bh",
}  # fmt: skip


def test_a_metal_without_an_error_is_in_no_test():
    assert METAL.has_error
    assert not MetalRow(element="Cu", group=11, family=None).has_error


def test_a_trend_counts_its_metals():
    assert TrendRow(**TREND).slope is None
    with pytest.raises(ValidationError, match="counts its metals"):
        TrendRow(**{**TREND, "n": 2})
    with pytest.raises(ValidationError):
        TrendRow(**{**TREND, "predictor": "colour"})


def test_the_corrected_p_values_are_those_of_the_tests():
    assert CorrelationResults(**RESULTS).kind == "correlations"
    with pytest.raises(ValidationError, match="corrected are those of the tests"):
        CorrelationResults(**{**RESULTS, "n_p_values": 1})
    one = TrendRow(**{**TREND, "pearson_p": 0.5})
    CorrelationResults(**{**RESULTS, "trends": (one,), "n_p_values": 1})
