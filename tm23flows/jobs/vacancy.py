"""The job that cuts the two cells of a vacancy out of a crystal, to be labelled.

They are frames, and their energies are labels like all others. The energy that follows from them
is in :mod:`tm23flows.science.vacancy`.
"""

from __future__ import annotations

from typing import Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import content_id
from tm23flows.documents.structure import Crystal
from tm23flows.jobs.context import open_archive
from tm23flows.science.vacancy import vacancy_cells

GROUP = "vacancy"
"""Tag ``group`` of the frames, by which queries leave them out or find them."""


@job
def cut_vacancy(crystal: dict[str, Any], multiples: list[int]) -> dict[str, Any]:
    """Store a supercell of a crystal, and the same without one atom.

    Parameters
    ----------
    crystal
        A :class:`tm23flows.documents.structure.Crystal` as a dict.
    multiples
        How often its conventional cell is repeated along each axis.

    Returns
    -------
    ``frame_ids``: of the perfect cell and of the one with the vacancy, its atoms on their sites.

    Raises
    ------
    InputError
        If there is no such supercell.
    """
    given = Crystal.model_validate(crystal)
    origin = content_id("crystal", crystal=given.model_dump(mode="json"))
    cells = zip(("perfect", "one atom less"), vacancy_cells(given.atoms, multiples), strict=True)
    frames = [
        Frame(
            provenance=Provenance.now(inputs={"crystal": crystal, "multiples": multiples}),
            element=given.element,
            regime=None,
            temperature_K=None,
            trajectory_id=None,
            origin=origin,
            step=None,
            time_fs=None,
            numbers=atoms.numbers,
            cell=atoms.cell.array,
            positions=atoms.positions,
            tags={"group": GROUP, "cell": what},
        )
        for what, atoms in cells
    ]
    open_archive().put(*frames)
    return {"frame_ids": [frame.id for frame in frames]}
