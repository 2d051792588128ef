"""Results of the finite-size study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FiniteSizeResults(BaseModel):
    """What the finite-size study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["finite-size"] = Field("finite-size", description="Which study.")
