"""Options as numbers and as text mean the same, and nothing else means anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.science.split_options import (
    read_number,
    read_whole,
    read_whole_or_all,
    read_wholes,
    read_words,
)


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers(number):
    assert read_whole(number) == read_whole(str(number)) == read_whole(float(number)) == number
    assert read_whole_or_all(number) == number
    assert read_wholes(f"{number}, 3") == read_wholes([number, 3]) == (number, 3)


@given(st.floats(allow_nan=False))
def test_numbers(number):
    assert read_number(number) == read_number(repr(number)) == number


def test_all_and_lists():
    assert read_whole_or_all("all") is None
    assert read_whole_or_all(None) is None
    assert read_wholes(7) == (7,)
    assert read_words("cold, warm") == read_words(["cold", "warm"]) == ("cold", "warm")


@pytest.mark.parametrize("value", ["x", "", None, [1], {}, True, "1.5", 1.5, float("inf"), "nan"])
def test_what_is_no_whole_number(value):
    with pytest.raises(ValueError, match=r"is a (whole )?number, not"):
        read_whole(value)


@pytest.mark.parametrize("value", ["", "cold,", ",", 3, None, [""]])
def test_what_is_no_list_of_names(value):
    with pytest.raises(ValueError, match="no list of names"):
        read_words(value)
