"""Results of the transfer study: models trained at one temperature, tested at all."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TransferResults(BaseModel):
    """What was found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["transfer"] = Field("transfer", description="Which study.")
