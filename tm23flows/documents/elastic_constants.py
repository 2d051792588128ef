"""The elastic-constants noun: stiffness of a perfect crystal under one recipe.

Owns what is kept of it. The formulas are in :mod:`tm23flows.science.elasticity`.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tm23flows.documents.arrays import Floats
from tm23flows.documents.base import Document
from tm23flows.documents.ids import content_id
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal

VOIGT = (6, 6)


class ElasticConstants(Document):
    """Elastic constants of a metal, from stresses of strained cells or given from elsewhere."""

    element: str = Field(description="Chemical symbol.")
    crystal: Crystal | None = Field(description="Unit cell that was strained; None if given.")
    recipe: Recipe | None = Field(description="How stresses were computed; None if given.")
    source: str | None = Field(None, description="Where given constants come from.")
    strain: float | None = Field(description="Largest strain; None if given.")
    displacement_A: float | None = Field(
        None, description="Displacement of atoms for the force constants; None if given."
    )
    label_ids: tuple[str, ...] = Field(
        (), description="Labels of the strained cells, in the order of the probes."
    )
    clamped_eV_per_A3: Floats | None = Field(
        description="Shape (6, 6), Voigt order xx yy zz yz xz xy with engineering shear strains, "
        "of atoms that follow the cell; None if given."
    )
    constants_eV_per_A3: Floats = Field(
        description="The same with the atoms at rest: what experiments measure."
    )
    residual_stress_eV_per_A3: float | None = Field(
        description="Largest component of the stress of the unstrained cell; None if given."
    )
    residual_force_eV_per_A: float | None = Field(
        None, description="Largest component of a force in the unstrained cell; None if given."
    )
    asymmetry_eV_per_A3: float | None = Field(
        None,
        description="Largest change that the symmetry of the crystal made to the constants: how "
        "well they were computed; None if given.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("clamped_eV_per_A3", "constants_eV_per_A3"):
            found = getattr(self, name)
            if found is not None and found.shape != VOIGT:
                raise ValueError(f"{name} has shape {found.shape}, not {VOIGT}")
        if (self.recipe is None) == (self.source is None):
            raise ValueError("elastic constants come from a recipe or from a named source")
        return self

    @property
    def cauchy_pressure_eV_per_A3(self) -> float:  # noqa: N802 - the unit keeps its capital
        """C12 - C44, as in the article, whatever the crystal family."""
        return float(self.constants_eV_per_A3[0, 1] - self.constants_eV_per_A3[3, 3])

    def compute_id(self) -> str:
        """Hash what was strained, how and by how much; or what was given."""
        if self.recipe is None:
            rows = self.constants_eV_per_A3.tolist()
            return content_id(
                "elastic-constants", element=self.element, source=self.source, given=rows
            )
        return elastic_id(self.crystal, self.recipe.id, self.strain, self.displacement_A)


def elastic_id(
    crystal: Crystal | None, recipe_id: str, strain: float | None, displacement_A: float | None
) -> str:
    """Return the id that elastic constants will have, before they are computed.

    Parameters
    ----------
    crystal
        Unit cell.
    recipe_id
        The complete recipe.
    strain
        Largest strain.
    displacement_A
        Displacement of atoms.

    Returns
    -------
    The id.
    """
    cell = None if crystal is None else crystal.model_dump(mode="json")
    return content_id(
        "elastic-constants",
        crystal=cell,
        recipe=recipe_id,
        strain=strain,
        displacement_A=displacement_A,
    )
