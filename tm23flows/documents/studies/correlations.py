"""Results of the correlation study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CorrelationResults(BaseModel):
    """What the correlation study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["correlations"] = Field("correlations", description="Which study.")
