"""The array codec: every bit survives, and nothing large gets into a document."""

import bson
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import BaseModel, ConfigDict, ValidationError

from tm23flows.documents.arrays import (
    MAX_ARRAY_BYTES,
    Floats,
    Integers,
    decode_array,
    encode_array,
)
from tm23flows.errors import InputError

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
floats = hnp.arrays(np.float64, shapes, elements=st.floats(width=64))
integers = hnp.arrays(np.int64, shapes)


class Both(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    floats: Floats
    integers: Integers


def through_bson(array):
    return decode_array(bson.decode(bson.encode({"x": encode_array(array)}))["x"])


@given(st.one_of(floats, integers))
def test_every_bit_survives_a_document(array):
    back = through_bson(array)
    assert back.shape == array.shape
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()  # NaN payloads and the sign of zero, too


@given(floats)
def test_memory_layout_and_byte_order_do_not_matter(array):
    for other in (np.array(array, order="F"), array.astype(">f8")):
        assert encode_array(other) == encode_array(array)


@given(hnp.arrays(np.float32, shapes), hnp.arrays(np.int16, shapes))
def test_smaller_types_become_the_stored_ones_exactly(narrow, small):
    assert np.array_equal(through_bson(narrow), narrow.astype(float), equal_nan=True)
    assert through_bson(small).dtype == np.int64
    assert np.array_equal(through_bson(small), small)


def test_a_decoded_array_is_a_copy_that_cannot_be_written_to():
    original = np.zeros(3)
    for back in (decode_array(original), through_bson(original)):
        with pytest.raises(ValueError, match="read-only"):
            back[0] = 1
    original[0] = 5
    assert decode_array([1, 2]).tolist() == [1, 2]


def test_a_large_array_is_refused():
    largest = np.zeros(MAX_ARRAY_BYTES // 8)
    assert through_bson(largest).shape == largest.shape
    with pytest.raises(InputError, match="blob"):
        encode_array(np.zeros(MAX_ARRAY_BYTES // 8 + 1))


@pytest.mark.parametrize(
    "damage",
    [{"dtype": "|O"}, {"dtype": "<f4"}, {"shape": [7]}, {"data": b"123"}],
    ids=str,
)
def test_a_damaged_array_is_refused(damage):
    with pytest.raises(ValueError):
        decode_array({**encode_array(np.arange(3.0)), **damage})


def test_complex_numbers_do_not_lose_half_of_themselves():
    with pytest.raises(InputError, match="real"):
        encode_array(np.array([1j]))


def test_fields_take_lists_and_keep_their_kind():
    both = Both(floats=[1, 2], integers=[29, 29.0])
    assert both.floats.dtype == np.float64
    assert both.integers.dtype == np.int64


@pytest.mark.parametrize("numbers", [[28.5], [np.nan], [np.inf]])
def test_integers_that_are_none_are_refused(numbers):
    with pytest.raises(ValidationError):
        Both(floats=[1.0], integers=numbers)
