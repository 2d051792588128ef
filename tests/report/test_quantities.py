"""Units and the writing of numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.documents.evaluation import ErrorRow
from tm23flows.report.quantities import Quantity, mae_text, number_text, percent_text


def test_quantities_are_in_mev():
    row = Quantity.of(ErrorRow(mae=0.05, rmse=0.06, mav=0.5, percent=10.0))
    assert (row.mae, row.rmse, row.mav, row.percent) == pytest.approx((50.0, 60.0, 500.0, 10.0))


def test_what_is_not_there_and_what_is_undefined():
    assert mae_text(None) == percent_text(None) == "-"
    assert percent_text(Quantity(mae=1.0, rmse=1.0, mav=0.0, percent=None)) == "undefined"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.0001, "<0.001"),
        (0.12345, "0.123"),
        (4.5678, "4.57"),
        (9.996, "10.0"),
        (99.96, "100"),
        (1234.5, "1234"),
        (-4.5678, "-4.57"),
    ],
)
def test_numbers(value, text):
    assert number_text(value) == text


@given(st.floats(0.001, 1e6))
def test_a_written_number_is_the_number(value):
    assert float(number_text(value)) == pytest.approx(value, rel=0.006, abs=0.0006)
