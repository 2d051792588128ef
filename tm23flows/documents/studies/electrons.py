"""Results of the electron-count study."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ElectronResults(BaseModel):
    """What the electron-count study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["electrons"] = Field("electrons", description="Which study.")
