"""Results of properties of the perfect crystal and of its vacancy, of models beside those of the labels."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CrystalResults(BaseModel):
    """What was found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["crystal"] = Field("crystal", description="Which study.")
