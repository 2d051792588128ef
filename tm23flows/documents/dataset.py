"""The dataset noun: an immutable selection of labels with its split.

Owns the selection and what was asked for to get it. Names of datasets are
pointers kept by the store: the same content under two names is one dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, JsonValue, PlainSerializer, model_validator

from tm23flows.documents.base import Document
from tm23flows.documents.ids import content_id
from tm23flows.documents.label import EnergyKind


def _unpack(value: Any) -> tuple[str, ...]:
    if isinstance(value, bytes):
        return tuple(value[i : i + 32].hex() for i in range(0, len(value), 32))
    if isinstance(value, Mapping):
        raise ValueError("its ids are in a blob, which was not read")  # noqa: TRY004 - for pydantic
    return tuple(value)


def _pack(ids: tuple[str, ...]) -> bytes:
    return b"".join(bytes.fromhex(one) for one in ids)


PackedIds = Annotated[
    tuple[str, ...], BeforeValidator(_unpack), PlainSerializer(_pack, return_type=bytes)
]
"""Ids as 32 bytes each; the store keeps those of large datasets in blobs."""


class Dataset(Document):
    """An ordered selection of labels, cut into parts."""

    LAYOUT: ClassVar[int] = 2

    element: str = Field(description="Chemical symbol, or several joined by '-'.")
    parts: dict[str, PackedIds] = Field(
        description="Label ids by part, such as train and test, in time order."
    )
    rule: str = Field(description="Rule that made the split.")
    split_options: dict[str, JsonValue] = Field(
        default_factory=dict, description="Numbers and names that the rule was used with."
    )
    query: dict[str, JsonValue] = Field(description="Query that selected the labels.")
    energy: EnergyKind = Field(
        "free", description="Label policy: which energy models are trained on."
    )
    facts: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What was found when it was made: frames that the rule missed, frames left "
        "out, every how many frames of each run one was kept, the gap in time between parts that "
        "was required and the smallest one there is.",
    )
    pair_of: str | None = Field(
        None, description="Dataset of which this one has the same frames under another recipe."
    )

    @model_validator(mode="after")
    def _no_leak(self) -> Self:
        ids = [one for part in self.parts.values() for one in part]
        if len(set(ids)) != len(ids):
            raise ValueError("a label is in two parts of the dataset")
        return self

    @property
    def label_ids(self) -> tuple[str, ...]:
        """All label ids, part by part."""
        return tuple(one for part in self.parts.values() for one in part)

    def compute_id(self) -> str:
        """Hash the ordered labels of each part and the label policy; the rest follows."""
        parts = {name: list(ids) for name, ids in self.parts.items()}
        return content_id("dataset", parts=parts, energy=self.energy)
