"""Results of the smearing study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SmearingResults(BaseModel):
    """What the smearing study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["smearing"] = Field("smearing", description="Which study.")
