"""The Maker of elastic constants: computed by the engine of the labels, or given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Maker

from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.perfect_crystal import SPACING_PER_A, perfect_crystal, with_spacing
from tm23flows.flows.structure import StructureMaker
from tm23flows.jobs.elastic_constants import (
    checked_constants,
    fit_elastic_constants,
    keep_elastic_constants,
    strain_crystal,
)
from tm23flows.science.elasticity import (
    DISPLACEMENT_A,
    STRAIN,
    probes,
    strain_matrix,
)


@dataclass
class ElasticConstantsMaker(Maker):
    """Strain the perfect crystal of a road and fit its elastic constants.

    The cells are labelled by the Maker of the road's labels, so that the recipe is theirs but for
    the k-mesh: a primitive cell has thousands of points where a supercell has a few. Where the
    atoms of the cell can move against each other, they are brought to rest by their force
    constants. Labels and constants that are there are not made again.

    Parameters
    ----------
    name
        Word for the constants in the names of the jobs.
    strain
        Component of the Voigt strain; each of the six is applied both ways.
    displacement_A
        Length of the displacements of single atoms, in angstrom.
    spacing_per_A
        Distance between k-points, 1/angstrom with 2 pi, as VASP's KSPACING; the mesh is
        centred on Gamma.
    options
        Options of the engine in place of the recipe's. GPAW needs far less time for a crystal
        with ``{"symmetry": {}}``, which lets it use the point group that sampled frames lack.
    batch_size
        Cells per job.
    given
        Constants by element that are taken instead, 6 rows of 6 numbers in GPa, in the Voigt
        order xx yy zz yz xz xy and in standard axes. If there are any, none are computed, so that
        all metals of a study have theirs from one place; other metals then have none.
    source
        Where the given ones come from, in words.

    Examples
    --------
    >>> flow = ElasticConstantsMaker().make("Cu", StructureMaker(), LabelMaker())
    >>> [job.name for job, _ in flow.iterflow()][-1]
    'Cu elastic constants'
    """

    name: str = "elastic constants"
    strain: float = STRAIN
    displacement_A: float = DISPLACEMENT_A
    spacing_per_A: float = SPACING_PER_A
    options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 50
    given: dict[str, list[list[float]]] = field(default_factory=dict)
    source: str = ""

    def covers(self, element: str) -> bool:
        """Say whether there will be constants of a metal.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        False where others are given and its own are not.
        """
        return not self.given or element in self.given

    def make(
        self, element: str, structure: StructureMaker, label: LabelMaker, crystal: Any = None
    ) -> Flow:
        """Wire the strained cells, their labels and the fit; or keep what is given.

        Parameters
        ----------
        element
            Chemical symbol.
        structure
            Its unit cell is strained.
        label
            How to label; of several smearing widths that of the recipe.
        crystal
            A :class:`tm23flows.documents.structure.Crystal` as a dict, or a reference to one, such
            as the ``crystal`` of an equilibrium: the unit cell of the structure with other
            lattice constants. None strains the unit cell as it is.

        Returns
        -------
        A flow whose output has ``elastic_constants_id``.

        Raises
        ------
        InputError
            If a setting is no length or strain, given constants are none, or those of this
            metal are not given.
        """
        if not self.covers(element):
            raise InputError(
                f"No elastic constants of {element} are given; there are those of "
                f"{', '.join(sorted(self.given))}."
            )
        if element in self.given:
            checked_constants(element, self.given[element], self.source)
            job = keep_elastic_constants(element, self.given[element], self.source)
            jobs = [tagged(job, f"{element} {self.name}", "analyse", element)]
        else:
            jobs = self._compute(element, structure, label, crystal)
        return Flow(jobs, output=jobs[-1].output, name=f"{element} {self.name}")

    def _compute(
        self, element: str, structure: StructureMaker, label: LabelMaker, crystal: Any
    ) -> list[Any]:
        strain_matrix(0, self.strain)
        if not 0 < self.displacement_A < 1:
            raise InputError(f"A displacement of {self.displacement_A} A is not a small length.")
        unit = perfect_crystal(element, structure)
        told = (crystal or unit.model_dump(mode="json"), self.strain, self.displacement_A)
        cells = tagged(strain_crystal(*told), f"{element} strained cells", "analyse", element)
        frame_ids = cells.output["frame_ids"]
        count = len(probes(len(unit.positions)))
        maker = with_spacing(label, unit.cell, self.spacing_per_A, self.options, self.batch_size)
        labels = maker.make(frame_ids, count, element, "strained")
        recipe_ids = [batch.output["recipe_id"] for batch in labels.jobs]
        fit = fit_elastic_constants(frame_ids, recipe_ids, *told)
        return [cells, labels, tagged(fit, f"{element} {self.name}", "analyse", element)]
