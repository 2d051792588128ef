"""Results on the perfect crystal and its vacancy, of models beside those of the labels.

Owns the rows: one for the labels and one for each model, each with what was found or the reason
why it was not. How the numbers are made is in :mod:`tm23flows.science.crystal_properties`.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Property = Literal["lattice", "elastic", "vacancy"]
Row6 = tuple[float, float, float, float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, from_attributes=True
    )


class LatticeRow(_Part):
    """The crystal at rest and its equation of state."""

    a_A: float = Field(gt=0, description="Lattice constant a of the conventional cell, angstrom.")
    c_A: float | None = Field(description="Lattice constant c; None for cubic crystals.")
    volume_A3_per_atom: float = Field(gt=0, description="Volume at rest.")
    energy_eV_per_atom: float = Field(description="Energy at rest, in the convention of labels.")
    curve_volume_A3_per_atom: float = Field(gt=0, description="Volume at the curve's minimum.")
    curve_energy_eV_per_atom: float = Field(description="Energy at the curve's minimum.")
    bulk_modulus_eV_per_A3: float = Field(
        gt=0, description="V d2E/dV2 of the curve, with the best c/a at each volume."
    )
    bulk_modulus_derivative: float = Field(description="Its derivative with respect to pressure.")
    fit_residual_eV_per_atom: float = Field(ge=0, description="Root mean square left by the fit.")
    volumes_A3_per_atom: tuple[float, ...] = Field(description="Volumes of the curve.")
    energies_eV_per_atom: tuple[float, ...] = Field(description="Energies of the curve.")
    largest_force_eV_per_A: float = Field(
        ge=0, description="Largest force component at rest: what the cell's shape cannot remove."
    )
    curve_difference_eV_per_atom: float | None = Field(
        None, ge=0, description="Delta gauge against the labels' curve; None for labels."
    )

    @model_validator(mode="after")
    def _one_energy_each(self) -> Self:
        if len(self.volumes_A3_per_atom) != len(self.energies_eV_per_atom):
            raise ValueError("a curve has one energy for each volume")
        return self


class ElasticRow(_Part):
    """Elastic constants at the source's own lattice."""

    constants_eV_per_A3: tuple[Row6, Row6, Row6, Row6, Row6, Row6] = Field(
        description="Voigt order xx yy zz yz xz xy, atoms at rest, standard axes."
    )
    asymmetry_eV_per_A3: float = Field(ge=0, description="Largest change by symmetry.")
    residual_stress_eV_per_A3: float = Field(
        ge=0, description="Largest component of the stress of the unstrained cell."
    )
    elastic_constants_id: str | None = Field(None, description="Of labels: where they are stored.")


class VacancyRow(_Part):
    """Formation energy of one vacancy at constant volume."""

    n_sites: int = Field(ge=2, description="Sites of the cell.")
    unrelaxed_eV: float = Field(description="With all atoms on their sites.")
    relaxed_eV: float | None = Field(description="With atoms at rest; labels are not relaxed.")
    reason: str | None = Field(None, description="Why atoms were not brought to rest.")
    furthest_A: float | None = Field(None, description="Largest move of an atom, angstrom.")

    @model_validator(mode="after")
    def _said(self) -> Self:
        if (self.relaxed_eV is None) == (self.reason is None):
            raise ValueError("a vacancy is relaxed, or there is a reason why it is not")
        return self


class PhaseRow(_Part):
    """Energy of another phase, at rest within its own symmetry."""

    phase: str = Field(description="Crystal structure, such as hcp.")
    difference_eV_per_atom: float | None = Field(description="Energy less the own phase's.")
    volume_A3_per_atom: float | None = Field(description="Volume at rest.")
    reason: str | None = Field(None, description="Why there is no number.")

    @model_validator(mode="after")
    def _said(self) -> Self:
        if (self.difference_eV_per_atom is None) == (self.reason is None):
            raise ValueError("a phase has an energy, or there is a reason why not")
        return self


class CrystalRow(_Part):
    """All that was found with one source of energies: the labels, or a model."""

    model_id: str | None = Field(description="The model; None for the labels.")
    recipe_ids: tuple[str, ...] = Field((), description="Recipes of the labels, sorted.")
    lattice: LatticeRow | None = Field(None, description="None with a reason.")
    elastic: ElasticRow | None = Field(None, description="None with a reason.")
    vacancy: VacancyRow | None = Field(None, description="None with a reason.")
    phases: tuple[PhaseRow, ...] = Field((), description="Others than the own one.")
    reasons: dict[Property, str] = Field(
        default_factory=dict, description="Why a property is not there."
    )

    @model_validator(mode="after")
    def _said(self) -> Self:
        names: tuple[Property, ...] = ("lattice", "elastic", "vacancy")
        if {name for name in names if getattr(self, name) is None} != set(self.reasons):
            raise ValueError("each property that is not there has a reason, and no other has one")
        return self


class CrystalMetal(_Part):
    """One metal."""

    element: str = Field(description="Chemical symbol.")
    phase: str = Field(description="Crystal structure of the data.")
    dataset_id: str = Field(description="Dataset that the models were trained or measured on.")
    multiples: tuple[int, int, int] = Field(
        description="Conventional cells along each axis of the vacancy's supercell."
    )
    labels: CrystalRow | None = Field(description="None where no reference can be computed.")
    models: tuple[CrystalRow, ...] = Field(description="As asked for.")

    @model_validator(mode="after")
    def _sources(self) -> Self:
        if self.labels is not None and self.labels.model_id is not None:
            raise ValueError("the row of the labels names a model")
        if any(one.model_id is None for one in self.models):
            raise ValueError("the row of a model does not name it")
        return self


class CrystalResults(_Part):
    """What was found."""

    kind: Literal["crystal"] = Field("crystal", description="Which study.")
    metals: tuple[CrystalMetal, ...] = Field(min_length=1, description="As asked for.")
