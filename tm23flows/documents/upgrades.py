"""Older layouts of documents, brought to the present one.

Owns one pure function for each step that a noun's layout has taken. A step fills in what
later programs expect; what can be computed from the rest of a document (ids, magnitudes) is
computed when the document is read, so a step never has to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Stored = dict[str, Any]


def upgrade_stored(noun: str, stored: Stored, layout: int) -> Stored:
    """Bring a stored document to a layout, step by step.

    Parameters
    ----------
    noun
        Name of the document's class.
    stored
        The fields as a database holds them; left as they are.
    layout
        Version that is wanted.

    Returns
    -------
    The fields in that layout; ``schema_version`` says so.

    Raises
    ------
    ValueError
        If the document does not say its version, has a newer one, or has one that no step
        is known from.
    """
    which, version = f"{noun} {stored.get('_id')}", stored.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"{which} has layout version {version}, which is none")
    if version > layout:
        raise ValueError(
            f"{which} has layout version {version}, this program reads up to version {layout}; "
            "a newer tm23flows wrote it: install that one"
        )
    while version < layout:
        step = UPGRADES.get((noun, version))
        if step is None:
            raise ValueError(f"{which} has layout version {version}, from which no step is known")
        version += 1
        stored = {**step(stored), "schema_version": version}
    return stored


def _frame_1(stored: Stored) -> Stored:
    """Frames had no tags."""
    return {"tags": {}, **stored}


def _label_1(stored: Stored) -> Stored:
    """Labels were stored without magnitudes and checksum, which are computed."""
    return stored


def _dataset_1(stored: Stored) -> Stored:
    """Datasets did not say what was found when they were made, and had no pairs."""
    return {**stored, "facts": {}, "pair_of": None}


def _model_1(stored: Stored) -> Stored:
    """Models had their whole history inside."""
    return {**stored, "full_history": None}


def _model_2(stored: Stored) -> Stored:
    """Every model was trained here, on a dataset."""
    return stored


def _evaluation_1(stored: Stored) -> Stored:
    """Evaluations had no copy of the labels, and every frame was predicted."""
    return {**stored, "reference": None, "failures": []}


UPGRADES: dict[tuple[str, int], Callable[[Stored], Stored]] = {
    ("Frame", 1): _frame_1,
    ("Label", 1): _label_1,
    ("Dataset", 1): _dataset_1,
    ("Model", 1): _model_1,
    ("Model", 2): _model_2,
    ("Evaluation", 1): _evaluation_1,
}
"""Steps by noun and by the version they start from."""
