"""Results of the density-of-states study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DosResults(BaseModel):
    """What the density-of-states study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["dos"] = Field("dos", description="Which study.")
