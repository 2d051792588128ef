"""The perfect crystal of a road, and the Maker of its labels for cells other than the road's.

Owns what the Makers of properties of the crystal have in common: the cell that they start from and
the k-mesh of cells of any size. Wires nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tm23flows.documents.structure import Crystal
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.science.crystals import identify_phase
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.kpoints import GAMMA_CENTRED, kmesh_for_spacing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SPACING_PER_A = 0.25
"""Default distance between k-points; no limit is known to be met by it.

Measured for Cu with GPAW at 350 eV and SIGMA 0.2 eV: C44 is 56 GPa and C12 - C44 is 74 GPa at 0.4
(8x8x8, 39 s of one core), 78 and 53 GPa at 0.25 (12x12x12, 99 s): coarser meshes are of no use.
The article took its constants from a database.
"""


def perfect_crystal(element: str, structure: StructureMaker) -> Crystal:
    """Return the crystal that the supercell of a road repeats.

    Parameters
    ----------
    element
        Chemical symbol.
    structure
        Has its unit cell.

    Returns
    -------
    The primitive cell in standard axes.

    Raises
    ------
    InputError
        If there is no such cell.
    """
    unit = standard_crystal(structure.unit_cell(element))
    return Crystal.from_atoms(
        unit, identify_phase(unit), "the unit cell of the road's structure, in standard axes"
    )


def with_spacing(
    label: LabelMaker,
    cell: ArrayLike,
    spacing_per_A: float,
    options: dict[str, Any],
    batch_size: int,
) -> LabelMaker:
    """Return the Maker of a road's labels with the k-mesh of another cell than the road's.

    Parameters
    ----------
    label
        The Maker.
    cell
        Vectors as rows, shape (3, 3), in angstrom.
    spacing_per_A
        Largest distance between k-points, 1/angstrom with 2 pi; the mesh is centred on Gamma.
    options
        Options of the engine in place of the recipe's.
    batch_size
        Cells per job.

    Returns
    -------
    A Maker of one label per cell.

    Raises
    ------
    InputError
        If the spacing is not positive.
    """
    recipe = label.recipe.model_copy(
        update={
            "kmesh": kmesh_for_spacing(cell, spacing_per_A),
            "kmesh_offset": GAMMA_CENTRED,
            "options": {**label.recipe.options, **options},
        }
    )
    return replace(label, recipe=recipe, sigma_variants_eV=(), batch_size=batch_size, spectra=False)
