"""The job that cuts the two cells of a vacancy out of a crystal, to be labelled.

They are frames, and their energies are labels like all others. The energy that follows from them
is in :mod:`tm23flows.science.vacancy`.
"""

from __future__ import annotations

from typing import Any

from jobflow import job

from tm23flows.documents.structure import Crystal
from tm23flows.jobs.crystal_cells import keep_cells
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
    names = ("perfect", "one atom less")
    cells = (
        (atoms, {"group": GROUP, "cell": what, "multiples": multiples})
        for what, atoms in zip(names, vacancy_cells(given.atoms, multiples), strict=True)
    )
    return {"frame_ids": keep_cells(given, cells)}
