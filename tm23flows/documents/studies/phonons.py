"""Results of phonons of models beside those of the labels."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PhononResults(BaseModel):
    """What was found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["phonons"] = Field("phonons", description="Which study.")
