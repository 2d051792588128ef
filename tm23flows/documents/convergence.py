"""The convergence noun: how labels of one metal depend on the k-mesh, and the mesh to use.

Owns what is kept of a convergence test. The rule of the verdict is in
:mod:`tm23flows.science.convergence`.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tm23flows.documents.base import Document
from tm23flows.documents.ids import content_id
from tm23flows.documents.label import label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.science.convergence import Deviation, Limits
from tm23flows.science.kpoints import GAMMA_CENTRED, KMesh


class MeshRow(BaseModel):
    """One mesh: what it costs and how far its labels are from those on the densest mesh."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kmesh: tuple[int, int, int] = Field(description="k-points along each axis.")
    kmesh_offset: tuple[float, float, float] = Field(
        description="Shift from the Gamma-centred mesh in units of the reciprocal vectors."
    )
    spacing_per_A: float = Field(
        gt=0, description="Largest distance between neighbours, 1/angstrom with 2 pi."
    )
    n_points: int = Field(ge=1, description="Points of the mesh with k and -k counted once.")
    recipe_id: str | None = Field(description="Recipe of the labels; None if there are none.")
    energy_eV_per_atom: float | None = Field(
        None, ge=0, description="Largest difference of the free energy; None without labels."
    )
    force_eV_per_A: float | None = Field(
        None, ge=0, description="Largest difference of a force component."
    )
    stress_eV_per_A3: float | None = Field(
        None, ge=0, description="Largest difference of a stress component; it has no limit."
    )
    cpu_s: float | None = Field(None, description="Processor seconds of the labels together.")

    @property
    def mesh(self) -> KMesh:
        """The mesh as a value."""
        return KMesh(self.kmesh, self.kmesh_offset)

    @property
    def deviation(self) -> Deviation | None:
        """The differences together; None for a mesh without labels of all frames."""
        if self.energy_eV_per_atom is None or self.force_eV_per_A is None:
            return None
        return Deviation(self.energy_eV_per_atom, self.force_eV_per_A, self.stress_eV_per_A3)


class Convergence(Document):
    """A convergence test of one metal under one recipe."""

    element: str = Field(description="Chemical symbol.")
    base_recipe: Recipe = Field(
        description="What all labels have in common; its own k-mesh says nothing and is Gamma."
    )
    frame_ids: tuple[str, ...] = Field(min_length=1, description="Frames that were compared.")
    rows: tuple[MeshRow, ...] = Field(min_length=2, description="Meshes from coarse to dense.")
    energy_limit_eV_per_atom: float = Field(gt=0, description="Largest difference allowed.")
    force_limit_eV_per_A: float = Field(gt=0, description="Largest difference allowed.")
    converged: bool = Field(description="Whether a mesh was shown to be converged.")
    kmesh: tuple[int, int, int] | None = Field(description="Mesh to use; None if there is none.")
    kmesh_offset: tuple[float, float, float] | None = Field(description="Shift of that mesh.")
    reason: str = Field(description="Why this mesh, or why none.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.reference.deviation is None:
            raise ValueError("the densest mesh has no labels")
        if (self.kmesh is None) != (self.kmesh_offset is None):
            raise ValueError("a mesh comes with its offset")
        if self.kmesh is None and self.converged:
            raise ValueError("a test that is converged names a mesh")
        if self.kmesh is not None and self.chosen is None:
            raise ValueError("the mesh to use is none of those with labels")
        if gamma_recipe(self.base_recipe) != self.base_recipe:
            raise ValueError("the common recipe has a k-mesh")
        return self

    @property
    def limits(self) -> Limits:
        """What counts as converged."""
        return Limits(self.energy_limit_eV_per_atom, self.force_limit_eV_per_A)

    @property
    def chosen(self) -> MeshRow | None:
        """The row of the mesh to use."""
        wanted = (self.kmesh, self.kmesh_offset)
        rows = (row for row in self.rows if row.deviation is not None)
        return next((row for row in rows if (row.kmesh, row.kmesh_offset) == wanted), None)

    @property
    def reference(self) -> MeshRow:
        """The row that the others are compared with, the densest mesh."""
        return self.rows[-1]

    @property
    def label_ids(self) -> tuple[str, ...]:
        """Ids of the labels that were compared, mesh by mesh."""
        return tuple(
            label_id(frame, row.recipe_id)
            for row in self.rows
            if row.recipe_id is not None and row.deviation is not None
            for frame in self.frame_ids
        )

    def compute_id(self) -> str:
        """Hash the question and the answer; the cost differs from machine to machine."""
        content = self.model_dump(
            mode="json",
            exclude={"id", "schema_version", "provenance", "base_recipe", "rows"},
        )
        rows = [row.model_dump(mode="json", exclude={"cpu_s"}) for row in self.rows]
        return content_id("convergence", recipe=self.base_recipe.id, rows=rows, **content)


def gamma_recipe(recipe: Recipe) -> Recipe:
    """Take the k-mesh out of a recipe, to see whether two differ in anything else.

    Parameters
    ----------
    recipe
        Any recipe.

    Returns
    -------
    The recipe with Gamma alone.
    """
    return recipe.model_copy(update={"kmesh": (1, 1, 1), "kmesh_offset": GAMMA_CENTRED})
