"""Results of the electron-count study: force errors with the electrons of another metal."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.studies.label_sets import LabelSetRow, MetalRow


class ElectronRow(LabelSetRow):
    """The labels of one electron count."""

    electrons_per_atom: float = Field(description="Electrons per atom more than neutral.")
    electron_shift: float = Field(description="Electrons per cell more than neutral.")


class ElectronMetal(MetalRow):
    """One metal: neutral, then with other electrons."""

    rows: tuple[ElectronRow, ElectronRow] = Field(description="Neutral, then shifted.")
    as_metal: str | None = Field(
        description="Metal whose number of valence electrons it gets; None if the shift is another."
    )

    @model_validator(mode="after")
    def _neutral_first(self) -> Self:
        neutral, shifted = self.rows
        if neutral.electron_shift != 0 or shifted.electron_shift == 0:
            raise ValueError("the first labels are neutral and the second are not")
        if neutral.force.change is not None or shifted.force.change is None:
            raise ValueError("changes are against the neutral labels")
        return self


class ElectronResults(BaseModel):
    """What the electron-count study finds: forces only.

    A charged cell has a compensating background, so energies and stresses of the two label sets
    are not compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["electrons"] = Field("electrons", description="Which study.")
    metals: tuple[ElectronMetal, ElectronMetal] = Field(description="The two metals.")
