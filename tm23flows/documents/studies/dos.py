"""Results of the density-of-states study: where the d band of each metal is.

Owns what is kept of the moments. Curves are drawn again from the densities of states themselves.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DosFrame(BaseModel):
    """One frame of a metal."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dos_id: str = Field(description="The density of states.")
    frame_id: str = Field(description="The frame.")
    electrons: float = Field(gt=0, description="Valence electrons of the cell.")
    integrated_electrons: float = Field(
        description="Area under the curve of the occupied states; equal to the electrons."
    )
    window_end_eV: float = Field(
        description="Upper end of the window of the moments, against the Fermi level, as used."
    )
    window_complete: bool = Field(description="Whether that is where it was to end.")
    d_band_centre_eV: float | None = Field(description="First moment, against the Fermi level.")
    d_band_width_eV: float | None = Field(description="Root of the second central moment.")
    d_filling: float | None = Field(description="Occupied share of the d-projected states.")
    d_below_fermi: float | None = Field(
        description="Share of the d-projected states at or below the Fermi level."
    )


class DosMetal(BaseModel):
    """All frames of a metal; moments are means over them, None where a frame has none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    element: str = Field(description="Chemical symbol.")
    recipe_id: str = Field(description="Id of the recipe of all frames.")
    sigma_eV: float = Field(gt=0, description="Smearing width of the calculations.")
    n_atoms: int = Field(ge=1, description="Atoms of a frame.")
    frames: tuple[DosFrame, ...] = Field(min_length=1, description="The frames.")
    d_band_centre_eV: float | None = Field(description="Mean of the centres.")
    d_band_centre_error_eV: float | None = Field(
        description="Standard error of that mean: spread of the frames over the root of their "
        "number; None for one frame."
    )
    d_band_width_eV: float | None = Field(description="Mean of the widths.")
    d_filling: float | None = Field(description="Mean of the fillings.")
    d_below_fermi: float | None = Field(description="Mean of the shares below the Fermi level.")

    @property
    def window_complete(self) -> bool:
        """Whether no frame lacks states of the window."""
        return all(one.window_complete for one in self.frames)


class DosResults(BaseModel):
    """What the density-of-states study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["dos"] = Field("dos", description="Which study.")
    width_eV: float = Field(gt=0, description="Standard deviation of the Gaussian of all curves.")
    window_eV: tuple[float, float] = Field(
        description="Energies against the Fermi level that moments were to be of."
    )
    metals: tuple[DosMetal, ...] = Field(
        min_length=1, description="Metals with a density of states, in the order asked for."
    )
