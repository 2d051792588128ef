"""Results of the correlation study: properties and force errors of metals, and their trends."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Predictor = Literal[
    "d_band_centre_eV",
    "min_k_density_A",
    "cauchy_pressure_eV_per_A3",
    "melting_temperature_K",
    "n_d_product",
]
"""A number that every metal has.

``min_k_density_A`` is the smallest number of k-points per length of a reciprocal vector (with
2 pi), over the three vectors and all test frames: 1 / KSPACING, in angstrom. ``n_d_product`` is
N_d (10 - N_d).
"""

ErrorName = Literal["force_percent", "force_mae_eV_per_A"]
"""Of the force components of all test frames of a metal."""

FAMILY = "family"
"""The property that is a name: the crystal structure of the perfect crystal."""

Verdict = Literal["correlated", "null result", "not tested"]


class _Row(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, from_attributes=True
    )


class MetalRow(_Row):
    """One metal: its errors, its properties, and what they were made from."""

    element: str = Field(description="Chemical symbol.")
    group: int = Field(description="Group of the periodic table, 4 to 12.")
    family: str | None = Field(description="Crystal structure, such as fcc.")
    force_percent: float | None = Field(None, description="100 MAE / MAV of force components.")
    force_mae_eV_per_A: float | None = Field(None, description="MAE of force components, eV/A.")
    values: dict[Predictor, float] = Field(
        default_factory=dict, description="Properties that are known, by their names."
    )
    cauchy_relations_eV_per_A3: dict[str, float] = Field(
        default_factory=dict, description="C12 - C44 and the relations of other crystal families."
    )
    residual_stress_eV_per_A3: float | None = Field(
        None, description="Stress of the crystal whose elastic constants these are."
    )
    dataset_id: str | None = Field(None, description="Its dataset.")
    model_id: str | None = Field(None, description="The model.")
    evaluation_id: str | None = Field(None, description="The model on the test frames.")
    dos_ids: tuple[str, ...] = Field((), description="Densities of states of its frames.")
    elastic_constants_id: str | None = Field(None, description="Its elastic constants.")
    convergence_id: str | None = Field(None, description="The test that chose the k-mesh.")
    missing: tuple[str, ...] = Field((), description="What is not there, and why.")

    @property
    def has_error(self) -> bool:
        """Whether the metal is in the tests at all."""
        return self.force_percent is not None


class _Test(_Row):
    error: ErrorName = Field(description="What was compared with the property.")
    without_group_xii: bool = Field(description="Whether Zn, Cd and Hg were left out.")
    elements: tuple[str, ...] = Field(description="Metals of which both are known.")
    verdict: Verdict = Field(description="At the level of the study, after correction.")
    reason: str = Field("", description="What is missing, and why; empty where nothing is.")


class TrendRow(_Test):
    """A straight line through the metals; None where it could not be made."""

    predictor: Predictor = Field(description="The property.")
    n: int = Field(ge=0, description="Metals.")
    slope: float | None = Field(None, description="Error per unit of the property.")
    intercept: float | None = Field(None, description="Error where the property is zero.")
    pearson: float | None = Field(None, description="Coefficient of the numbers.")
    spearman: float | None = Field(None, description="Coefficient of the ranks.")
    pearson_p: float | None = Field(None, description="By permutation, not corrected.")
    spearman_p: float | None = Field(None, description="By permutation, not corrected.")
    pearson_p_corrected: float | None = Field(None, description="Over all tests of the study.")
    spearman_p_corrected: float | None = Field(None, description="Over all tests of the study.")
    slope_ends: tuple[float, float] | None = Field(None, description="Interval over metals.")
    pearson_ends: tuple[float, float] | None = Field(None, description="Interval over metals.")
    spearman_ends: tuple[float, float] | None = Field(None, description="Interval over metals.")

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.n != len(self.elements):
            raise ValueError("a trend counts its metals")
        return self


class ContrastRow(_Test):
    """Crystal families against each other, by the ranks of their errors."""

    n: int = Field(ge=0, description="Metals of families with two or more of them.")
    medians: dict[str, float] = Field(description="Median error by family.")
    statistic: float | None = Field(None, description="Kruskal and Wallis' H.")
    p: float | None = Field(None, description="By permutation, not corrected.")
    p_corrected: float | None = Field(None, description="Over all tests of the study.")


class CorrelationResults(BaseModel):
    """What the correlation study finds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["correlations"] = Field("correlations", description="Which study.")
    metals: tuple[MetalRow, ...] = Field(min_length=1, description="As asked for.")
    trends: tuple[TrendRow, ...] = Field(description="By property, error and choice of metals.")
    contrasts: tuple[ContrastRow, ...] = Field(description="By error and choice of metals.")
    n_p_values: int = Field(ge=0, description="p-values that were corrected together.")
    level: float = Field(gt=0, lt=1, description="Largest corrected p-value of a correlation.")
    correction: str = Field(description="How they were corrected.")

    @model_validator(mode="after")
    def _all_counted(self) -> Self:
        known = [p for one in self.trends for p in (one.pearson_p, one.spearman_p)]
        known += [one.p for one in self.contrasts]
        if sum(p is not None for p in known) != self.n_p_values:
            raise ValueError("the p-values that were corrected are those of the tests")
        return self
