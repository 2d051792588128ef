"""A frame with its label as one record of a file.

Owns what every format carries besides the numbers: the two documents as text and a checksum
over the label's numbers, so that a file gives back what was written, or says that it was changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.errors import InputError

Pair = tuple[Frame, Label]

GEOMETRY = ("numbers", "cell", "positions")
NUMBERS = ("forces", "stress")
_NOT_IN_TEXT = {"id", "magnitudes", "checksum"}
_FRAME_TEXT = {*GEOMETRY, *_NOT_IN_TEXT}
_LABEL_TEXT = {*NUMBERS, *_NOT_IN_TEXT, "recipe"}
_MANY_RECIPES = 1000
_recipe_texts: dict[str, str] = {}


@dataclass(frozen=True)
class Wanted:
    """What a file is to hold.

    Parameters
    ----------
    count
        Number of frames.
    n_atoms
        Number of atoms in all frames.
    energy
        Which energy is the one that programs train on.
    keys
        Names of energy, forces and stress where a format leaves them open: plain or REF.
    dataset_id
        Id of the dataset that the frames belong to, where they are one.
    """

    count: int
    n_atoms: int
    energy: str = "free"
    keys: str = "plain"
    dataset_id: str | None = None


def document_texts(frame: Frame, label: Label) -> tuple[str, str]:
    """Write two documents as JSON without their arrays.

    Parameters
    ----------
    frame
        The frame.
    label
        Its label.

    Returns
    -------
    Two lines of ASCII.
    """
    recipe = _recipe_text(label)
    rest = label.model_dump_json(exclude=_LABEL_TEXT)
    return (
        _ascii(frame.model_dump_json(exclude=_FRAME_TEXT)),
        _ascii(f'{rest[:-1]},"recipe":{recipe}}}'),
    )


def rebuild(
    where: str, texts: tuple[Any, Any], arrays: dict[str, Any], energy: float, checksum: str
) -> Pair:
    """Make documents of what a file holds, and refuse what was changed in it.

    Parameters
    ----------
    where
        The place in the file, for messages.
    texts
        Frame and label as JSON text, or as the values that it stands for.
    arrays
        ``numbers``, ``cell``, ``positions``, ``forces`` and ``stress`` (None without).
    energy
        The energy that other programs read, in eV.
    checksum
        The checksum of the label when it was written.

    Returns
    -------
    The frame and the label.

    Raises
    ------
    InputError
        If the documents are not readable, or anything was changed.
    """
    try:
        frame_text, label_text = (json.loads(t) if isinstance(t, str) else t for t in texts)
        frame = Frame.from_stored({**frame_text, **{k: arrays[k] for k in GEOMETRY}})
        label = Label.from_stored({**label_text, **{k: arrays[k] for k in NUMBERS}})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{where} cannot be read back: {reason}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{where} cannot be read back: {error}.") from error
    if label.frame_id != frame.id:
        raise InputError(f"{where} cannot be read back: its geometry was changed in the file.")
    energies = [getattr(label.energies, kind) for kind in ENERGY_KINDS]
    if label.checksum != checksum or energy not in energies:
        raise InputError(f"{where} cannot be read back: its label was changed in the file.")
    return frame, label


def _recipe_text(label: Label) -> str:
    """Write a recipe once: thousands of labels share it, and its id is the hash of it all."""
    if label.recipe_id not in _recipe_texts:
        if len(_recipe_texts) >= _MANY_RECIPES:
            _recipe_texts.clear()
        _recipe_texts[label.recipe_id] = label.recipe.model_dump_json()
    return _recipe_texts[label.recipe_id]


def _ascii(text: str) -> str:
    # The standard library writes ASCII; pydantic leaves other letters as they are.
    return text if text.isascii() else json.dumps(json.loads(text))
