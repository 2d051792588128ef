"""The frame noun: one geometry and where it comes from."""

from __future__ import annotations

from pydantic import Field

from tm23flows.documents.arrays import Floats, Integers
from tm23flows.documents.base import Document
from tm23flows.documents.ids import geometry_id


class Frame(Document):
    """One geometry, independent of how its forces are computed."""

    element: str = Field(description="Chemical symbol.")
    regime: str | None = Field(description="cold, warm or melt, where the frame is one of these.")
    temperature_K: float | None = Field(description="Target temperature of the run, in K.")
    trajectory_id: str | None = Field(description="Parent run; None for imported frames.")
    origin: str | None = Field(None, description="Checksum of the file an import came from.")
    step: int | None = Field(description="1-based step in the parent run.")
    time_fs: float | None = Field(description="Time in the parent run, in fs.")
    numbers: Integers = Field(description="Atomic numbers, shape (n,).")
    cell: Floats = Field(description="Cell vectors as rows, shape (3, 3), in angstrom.")
    positions: Floats = Field(description="Positions, shape (n, 3), in angstrom, not wrapped.")

    def compute_id(self) -> str:
        """Hash the geometry."""
        return geometry_id("frame", self.numbers, self.cell, self.positions)
