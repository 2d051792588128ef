"""Codec between numpy arrays and what a MongoDB document can hold.

Owns the exact, portable form of an array inside a document: little-endian
bytes with shape and dtype. It does not store anything, and large arrays
(trajectories, predictions) do not go through it but into blobs.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, PlainSerializer

from tm23flows.errors import InputError

MAX_ARRAY_BYTES = 1_000_000
"""Above this an array belongs into a blob: 1 MB is 41,000 force vectors."""


def encode_array(array: np.ndarray) -> dict[str, Any]:
    """Turn an array into a document fragment.

    Parameters
    ----------
    array
        Any real array; stored as little-endian float64 or int64.

    Returns
    -------
    A dictionary with ``dtype``, ``shape`` and ``data``.

    Raises
    ------
    InputError
        If the array is not real, or too large for a document.
    """
    if array.dtype.kind not in "iuf":
        raise InputError(f"An array of {array.dtype} is not real; documents hold real numbers.")
    kind = "<i8" if array.dtype.kind in "iu" else "<f8"
    data = np.ascontiguousarray(array, dtype=kind).tobytes()
    if len(data) > MAX_ARRAY_BYTES:
        raise InputError(
            f"An array of {len(data)} bytes is too large for a document "
            f"(limit {MAX_ARRAY_BYTES}); store it as a blob."
        )
    return {"dtype": kind, "shape": list(array.shape), "data": data}


def decode_array(value: Any) -> np.ndarray:
    """Turn a document fragment (or anything array-like) into a read-only array.

    Parameters
    ----------
    value
        What :func:`encode_array` made, an array, or nested sequences of numbers.

    Returns
    -------
    An array that cannot be written to, because documents are immutable.

    Raises
    ------
    ValueError
        If the bytes do not fit the shape.
    """
    if isinstance(value, dict):
        array = np.frombuffer(value["data"], dtype=_known(value["dtype"]))
        array = array.reshape(value["shape"])
    else:
        array = np.array(value)
        array = array.astype("<i8" if array.dtype.kind in "iu" else "<f8")
    array.flags.writeable = False
    return array


def _known(dtype: str) -> str:
    if dtype not in ("<f8", "<i8"):
        raise ValueError(f"unknown array dtype {dtype!r} in a document")
    return dtype


def _floats(value: Any) -> np.ndarray:
    array = decode_array(value)
    if array.dtype.kind != "f":
        array = array.astype("<f8")
        array.flags.writeable = False
    return array


def _integers(value: Any) -> np.ndarray:
    array = decode_array(value)
    if array.dtype.kind == "i":
        return array
    whole = np.rint(array)
    if not np.array_equal(whole, array) or not np.isfinite(array).all():
        raise ValueError("an array of integers holds other numbers")
    integers: np.ndarray = whole.astype("<i8")
    integers.flags.writeable = False
    return integers


Floats = Annotated[
    np.ndarray, BeforeValidator(_floats), PlainSerializer(encode_array, return_type=dict)
]
"""A float64 array inside a document."""

Integers = Annotated[
    np.ndarray, BeforeValidator(_integers), PlainSerializer(encode_array, return_type=dict)
]
"""An int64 array inside a document."""
