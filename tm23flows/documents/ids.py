"""Content-derived ids.

Owns how an id is computed and the versioned rule by which geometries are
rounded first. An id says what a thing is, never when or where it was made:
that is in the provenance.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

GEOMETRY_RULE = 1
"""Version of the rounding rule; it is part of every geometry id."""

GEOMETRY_STEP_A = 1e-6
"""Rule 1: positions and cell are rounded to multiples of this length in angstrom."""


def content_id(kind: str, **content: Any) -> str:
    """Hash named content into an id.

    Parameters
    ----------
    kind
        The noun; the same content as another noun has another id.
    **content
        JSON values. Floats are hashed by their shortest exact representation,
        and minus zero as zero.

    Returns
    -------
    The sha256 as 64 hexadecimal digits.

    Raises
    ------
    ValueError
        If the content holds NaN or an infinity.
    """
    text = json.dumps(
        {"kind": kind, **_one_zero(content)},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def geometry_id(kind: str, numbers: np.ndarray, cell: np.ndarray, positions: np.ndarray) -> str:
    """Hash a geometry after rounding it.

    Parameters
    ----------
    kind
        ``"structure"`` or ``"frame"``.
    numbers
        Atomic numbers, shape (n,).
    cell
        Cell vectors as rows, shape (3, 3), in angstrom.
    positions
        Positions, shape (n, 3), in angstrom, not wrapped.

    Returns
    -------
    The sha256 as 64 hexadecimal digits.

    Raises
    ------
    ValueError
        If a number is not finite, or the shapes do not fit.
    """
    shapes = np.shape(numbers), np.shape(cell), np.shape(positions)
    if shapes != ((len(numbers),), (3, 3), (len(numbers), 3)) or not len(numbers):
        raise ValueError(f"numbers, cell and positions of shapes {shapes} are no geometry")
    lengths = np.concatenate([np.asarray(cell).ravel(), np.asarray(positions).ravel()])
    if not np.isfinite(lengths).all():
        raise ValueError("a geometry with a coordinate that is not finite has no id")
    # Integers have one zero only, so -0.0 and 0.0 are the same place.
    steps = np.rint(lengths / GEOMETRY_STEP_A).astype("<i8")
    digest = hashlib.sha256(f"{kind}:geometry-rule-{GEOMETRY_RULE}:{len(numbers)}:".encode())
    digest.update(np.asarray(numbers, dtype="<i8").tobytes())
    digest.update(steps.tobytes())
    return digest.hexdigest()


def bytes_id(data: bytes) -> str:
    """Hash the bytes of a blob.

    Parameters
    ----------
    data
        The bytes.

    Returns
    -------
    The sha256 as 64 hexadecimal digits.
    """
    return hashlib.sha256(data).hexdigest()


def _one_zero(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _one_zero(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_one_zero(inner) for inner in value]
    return 0.0 if isinstance(value, float) and value == 0 else value
