"""The Maker of the crystal at rest under the recipe of the labels, from statics alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Maker

from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.perfect_crystal import SPACING_PER_A, perfect_crystal, with_spacing
from tm23flows.flows.structure import StructureMaker
from tm23flows.jobs.equilibrium import find_equilibrium, scan_lattice
from tm23flows.science.lattice_scan import AXIAL_RATIOS, VOLUMES, shapes


@dataclass
class EquilibriumMaker(Maker):
    """Label strained cells of the perfect crystal and find the lattice of lowest free energy.

    The cells are labelled by the Maker of the road's labels, so that the recipe is theirs but for
    the k-mesh, which is the same for all cells. Only statics are computed, so that any engine
    will do. Cubic lattices have their length found; hexagonal, trigonal and tetragonal ones their
    a and c. Atoms keep their fractional coordinates. Labels that are there are not made again.

    Parameters
    ----------
    name
        Word for the crystal in the names of the jobs.
    cells
        Word for the strained cells there.
    volumes
        Volumes in units of that of the crystal of the road; at least five.
    axial_ratios
        Ratios c/a in its units, where it has such a ratio; at least three.
    rounds
        How often the search is made, each time around what the one before has found. One is
        enough where the lattice at rest is between the cells; if it is not, the last round fails.
    spacing_per_A
        Distance between k-points, 1/angstrom with 2 pi, as VASP's KSPACING; the mesh is that of
        the first crystal and is centred on Gamma.
    options
        Options of the engine in place of the recipe's, such as ``{"symmetry": {}}`` for GPAW.
    batch_size
        Cells per job.
    must_be_found
        Whether the flow fails where the lattice at rest is not between the last cells; if not,
        its output has the ``reason`` in place of numbers, and the crystal of lowest energy.

    Examples
    --------
    >>> flow = EquilibriumMaker().make("Cu", StructureMaker(), LabelMaker())
    >>> [job.name for job, _ in flow.iterflow()]
    ['Cu lattice cells', 'Cu lattice labels 13x13x13 0.2 eV 1/1', 'Cu crystal at rest']
    """

    name: str = "crystal at rest"
    cells: str = "lattice"
    volumes: tuple[float, ...] = VOLUMES
    axial_ratios: tuple[float, ...] = AXIAL_RATIOS
    rounds: int = 1
    spacing_per_A: float = SPACING_PER_A
    options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 50
    must_be_found: bool = True

    def make(self, element: str, structure: StructureMaker, label: LabelMaker) -> Flow:
        """Wire the cells, their labels and the search.

        Parameters
        ----------
        element
            Chemical symbol.
        structure
            Has the unit cell to start from.
        label
            Labels the cells.

        Returns
        -------
        A flow whose output has ``crystal``, a :class:`tm23flows.documents.structure.Crystal` as a
        dict in standard axes, and the rest of :func:`tm23flows.jobs.equilibrium.find_equilibrium`.

        Raises
        ------
        InputError
            If the cells cannot be made, or the lattice has more than two free lengths.
        """
        if self.rounds < 1:
            raise InputError(f"A lattice is looked for at least once, not {self.rounds} times.")
        start = perfect_crystal(element, structure)
        count = len(shapes(start.atoms, self.volumes, self.axial_ratios))
        maker = with_spacing(label, start.cell, self.spacing_per_A, self.options, self.batch_size)
        crystal: Any = start.model_dump(mode="json")
        jobs: list[Any] = []
        for number in range(1, self.rounds + 1):
            round_jobs = self._round(element, crystal, maker, count, number)
            crystal = round_jobs[-1].output["crystal"]
            jobs += round_jobs
        return Flow(jobs, output=jobs[-1].output, name=f"{element} {self.name}")

    def _round(
        self, element: str, crystal: Any, label: LabelMaker, count: int, number: int
    ) -> list[Any]:
        which = f" {number}/{self.rounds}" if self.rounds > 1 else ""
        told = (crystal, list(self.volumes), list(self.axial_ratios))
        cells = tagged(
            scan_lattice(*told), f"{element} {self.cells} cells{which}", "analyse", element
        )
        frame_ids = cells.output["frame_ids"]
        labels = label.make(frame_ids, count, element, f"{self.cells}{which}")
        found = find_equilibrium(
            frame_ids,
            [batch.output["recipe_id"] for batch in labels.jobs],
            *told,
            final=self.must_be_found and number == self.rounds,
        )
        return [cells, labels, tagged(found, f"{element} {self.name}{which}", "analyse", element)]
