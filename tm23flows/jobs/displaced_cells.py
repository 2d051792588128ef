"""The job that displaces atoms of a crystal, and how the labels of its cells are found again.

Displaced cells are frames without a run, as strained cells are, and their forces are labels like
all others: computed by the same job, never twice, and to be found again with their whole past.
What phonons are made of them is in :mod:`tm23flows.jobs.studies.phonons`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.label import Label, label_id
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.crystal_cells import keep_cells
from tm23flows.science.phonons import displaced_supercells

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

GROUP = "phonons"
"""Tag ``group`` of the frames, by which queries leave them out or find them."""


@job
def displace_crystal(
    crystal: dict[str, Any], supercell: list[int], displacement_A: float, count: int
) -> dict[str, Any]:
    """Store the cells whose forces make the force constants of a crystal.

    Parameters
    ----------
    crystal
        A :class:`tm23flows.documents.structure.Crystal` as a dict: the primitive cell at rest.
    supercell
        Multiples of its vectors.
    displacement_A
        How far one atom is displaced in each cell, in angstrom.
    count
        How many cells the workflow was built for.

    Returns
    -------
    ``frame_ids`` in the order of :func:`tm23flows.science.phonons.displaced_supercells`.

    Raises
    ------
    InputError
        If there are no such cells.
    PhysicsError
        If there are more or fewer than the workflow was built for: the crystal at rest has not
        the symmetry of the one that it started from.
    """
    given = Crystal.model_validate(crystal)
    cells = displaced_supercells(given.atoms, _three(supercell), displacement_A)
    if len(cells) != count:
        raise PhysicsError(
            f"The crystal of {given.element} at rest needs {len(cells)} displaced cells and not "
            f"the {count} of the crystal that it started from: its symmetry has changed."
        )
    tagged = (
        (atoms, {"group": GROUP, "cell": f"{number}/{count}"})
        for number, atoms in enumerate(cells, start=1)
    )
    return {"frame_ids": keep_cells(given, tagged)}


def displaced_label_ids(frame_ids: list[str], recipe_ids: list[str]) -> list[str]:
    """Name the labels of displaced cells.

    Parameters
    ----------
    frame_ids
        The cells that :func:`displace_crystal` stored.
    recipe_ids
        Recipe of their labels, as every labelling job reported it; all the same.

    Returns
    -------
    Their ids, in the order of the cells.

    Raises
    ------
    InputError
        If the labels come from several recipes.
    """
    if len(set(recipe_ids)) != 1:
        raise InputError("Force constants are made from labels of one recipe.")
    return [label_id(frame, recipe_ids[0]) for frame in frame_ids]


def displaced_labels(archive: Archive, element: str, label_ids: list[str]) -> list[Label]:
    """Read the labels of displaced cells; all of them must be there.

    Parameters
    ----------
    archive
        The archive.
    element
        Chemical symbol.
    label_ids
        As :func:`displaced_label_ids` names them.

    Returns
    -------
    The labels, in the same order.

    Raises
    ------
    PhysicsError
        If one is missing.
    """
    missing = len(label_ids) - len(archive.existing(Label, label_ids))
    if missing:
        raise PhysicsError(
            f"Of {len(label_ids)} displaced cells of {element} {missing} have no label, so there "
            "are no phonons: see the rejections, and run again."
        )
    return archive.get_many(Label, label_ids)


def _three(supercell: list[int]) -> tuple[int, int, int]:
    a, b, c = supercell
    return a, b, c
