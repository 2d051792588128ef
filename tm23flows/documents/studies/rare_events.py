"""Results of rare events: errors on the atoms that are in the middle of a hop."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RareEventResults(BaseModel):
    """What was found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["rare-events"] = Field("rare-events", description="Which study.")
