"""The frame noun: one geometry and where it comes from."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, JsonValue

from tm23flows.documents.geometry import Geometry


class Frame(Geometry):
    """One geometry, independent of how its forces are computed."""

    LAYOUT: ClassVar[int] = 2

    element: str = Field(description="Chemical symbol.")
    regime: str | None = Field(description="cold, warm or melt, where the frame is one of these.")
    temperature_K: float | None = Field(description="Target temperature of the run, in K.")
    trajectory_id: str | None = Field(description="Parent run; None for imported frames.")
    origin: str | None = Field(None, description="Checksum of the file an import came from.")
    step: int | None = Field(description="1-based step in the parent run.")
    time_fs: float | None = Field(description="Time in the parent run, in fs.")
    tags: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What the source of an imported frame says of it, such as its group; "
        "'event' is the rare event that it belongs to, 're_atoms' lists the atoms in the middle "
        "of it.",
    )
