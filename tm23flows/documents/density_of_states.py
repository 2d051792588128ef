"""The density-of-states noun: the electronic spectrum of one frame under one recipe.

Owns what is kept of it. Curves are drawn from the spectrum, a blob, by
:mod:`tm23flows.science.density_of_states`.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tm23flows.documents.base import Document
from tm23flows.documents.effort import Effort
from tm23flows.documents.ids import content_id
from tm23flows.documents.recipe import Recipe


class DensityOfStates(Document):
    """Spectrum of a frame, with the moments of its d band."""

    frame_id: str = Field(description="The frame.")
    recipe: Recipe = Field(description="How it was computed.")
    recipe_id: str = Field(description="Id of the recipe.")
    element: str = Field(description="Chemical symbol, from the frame.")
    regime: str | None = Field(description="cold, warm or melt, from the frame.")
    n_atoms: int = Field(ge=1, description="Number of atoms.")
    electrons: float = Field(gt=0, description="Valence electrons of the cell.")
    fermi_eV: float = Field(description="Fermi level, on the energy axis of the spectrum.")
    window_eV: tuple[float, float] = Field(
        description="Energies against the Fermi level that the moments of the d band are of."
    )
    window_complete: bool = Field(
        description="Whether all states of the window were computed; if not, it ends earlier."
    )
    d_band_centre_eV: float | None = Field(
        description="First moment of the d-projected states in the window against the Fermi "
        "level; None where there are none."
    )
    d_band_width_eV: float | None = Field(
        description="Square root of the second central moment of the same states."
    )
    d_filling: float | None = Field(
        description="Occupied share of the d-projected states of the window."
    )
    spectrum: str = Field(description="sha256 of the blob with the arrays of the spectrum.")
    effort: Effort = Field(default_factory=Effort, description="What it cost.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.recipe_id != self.recipe.id:
            raise ValueError("the recipe id does not belong to the recipe")
        if self.window_eV[0] >= self.window_eV[1]:
            raise ValueError("the window of the d band is empty")
        return self

    def compute_id(self) -> str:
        """Hash which frame under which recipe, and the window."""
        return dos_id(self.frame_id, self.recipe_id, self.window_eV)


def dos_id(frame_id: str, recipe_id: str, window_eV: tuple[float, float]) -> str:
    """Return the id of the density of states of a frame, before it is computed.

    Parameters
    ----------
    frame_id
        The frame.
    recipe_id
        The complete recipe.
    window_eV
        Window of the moments, against the Fermi level.

    Returns
    -------
    The id.
    """
    return content_id("density-of-states", frame=frame_id, recipe=recipe_id, window_eV=[*window_eV])
