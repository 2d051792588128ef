"""What all documents have in common: immutability, an id, and a past.

Owns the base class and the provenance record. It does not collect versions of
programs that did the work: whoever did the work passes them in.
"""

from __future__ import annotations

import platform
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field

from tm23flows._version import __version__
from tm23flows.documents.ids import content_id
from tm23flows.documents.upgrades import upgrade_stored


class Provenance(BaseModel):
    """Who made a document, when, with which programs, and from which inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    created: datetime = Field(description="UTC, to the millisecond that MongoDB keeps.")
    host: str = Field(description="Name of the machine.")
    software: dict[str, str] = Field(description="Versions by package name.")
    inputs: dict[str, JsonValue] = Field(
        default_factory=dict, description="What the program that did the work was given."
    )
    inputs_sha256: str = Field(description="Hash of the inputs.")

    @classmethod
    def now(
        cls,
        software: dict[str, str] | None = None,
        inputs: dict[str, JsonValue] | None = None,
    ) -> Self:
        """Record this moment.

        Parameters
        ----------
        software
            Versions of the programs that did the work; ours and Python's are added.
        inputs
            What they were given.

        Returns
        -------
        The record.
        """
        moment = datetime.now(UTC).replace(tzinfo=None)
        return cls(
            created=moment.replace(microsecond=moment.microsecond // 1000 * 1000),
            host=socket.gethostname(),
            software={
                "tm23flows": __version__,
                "python": platform.python_version(),
                **(software or {}),
            },
            inputs=inputs or {},
            inputs_sha256=content_id("inputs", inputs=inputs or {}),
        )


class WithId(BaseModel):
    """What has an id that is made from its content and computed once."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy as pydantic does, without the id: a copy that says something else has another.

        Parameters
        ----------
        update
            Fields to change.
        deep
            Whether to copy what the fields hold.

        Returns
        -------
        The copy.
        """
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied


class Document(WithId):
    """Base of the nouns: frozen, closed, versioned, with an id made from its content."""

    LAYOUT: ClassVar[int] = 1
    """Version of the noun's layout; :mod:`tm23flows.documents.upgrades` reads older ones."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, ser_json_bytes="base64"
    )

    provenance: Provenance

    def compute_id(self) -> str:
        """Return the sha256 of what the document is; every noun says what that is."""
        raise TypeError(f"{type(self).__name__} does not say what its id is made of")

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @cached_property
    def id(self) -> str:
        """The content-derived id; computed once, because that of a dataset hashes all its ids."""
        return self.compute_id()

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def schema_version(self) -> int:
        """Version of the document's layout."""
        return self.LAYOUT

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> Self:
        """Read a document as the database holds it.

        Parameters
        ----------
        stored
            The stored fields, with ``_id``.

        Returns
        -------
        The document.

        Raises
        ------
        ValueError
            If the layout is a newer one, or the content does not hash to the id.
        """
        stored = upgrade_stored(cls.__name__, stored, cls.LAYOUT)
        computed = {"_id", *cls.model_computed_fields}
        fields = {key: value for key, value in stored.items() if key not in computed}
        document = cls.model_validate(fields)
        if "_id" in stored and document.id != stored["_id"]:
            raise ValueError(f"{cls.__name__} {stored['_id']} does not match its content")
        return document
