"""Results of molecular dynamics with models beside that of the labels."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class MolecularDynamicsResults(BaseModel):
    """What was found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["molecular-dynamics"] = Field("molecular-dynamics", description="Which study.")
