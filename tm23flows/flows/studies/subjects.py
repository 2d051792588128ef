"""What models are measured on besides the test frames: the metal that they were trained for.

Owns one value type, which carries a metal, its dataset and its models through the Makers of the
studies that compare models with the labels, and the two ways to it: wired, as the end of a road,
or from what is in the archive already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Flow, Job

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import IMPORTED
from tm23flows.documents.structure import Crystal, Structure
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.science.metals import metal

if TYPE_CHECKING:
    from ase import Atoms

    from tm23flows.store.archive import Archive

SAME_SITE_A = 1e-3
"""Sites of a supercell that fold back to within this are one site of the unit cell."""


@dataclass(frozen=True)
class Subject:
    """One metal, what models of it were trained on, and the models.

    Parameters
    ----------
    element
        Chemical symbol.
    structure
        Makes its unit cell and its supercell.
    label
        Engine and recipe of the labels; None where nobody here can compute under it, as with
        imported labels: then models are measured without a reference.
    regimes
        Temperatures of the runs of the dataset.
    dataset_id
        The dataset, or a reference to it.
    model_ids
        The models, or references to them.
    flows
        What is to be run first.
    """

    element: str
    structure: StructureMaker
    label: LabelMaker | None
    regimes: tuple[str, ...]
    dataset_id: Any
    model_ids: tuple[Any, ...]
    flows: tuple[Flow | Job, ...] = ()


def subjects_of(roads: Mapping[str, TM23Maker]) -> list[Subject]:
    """Wire the roads of some metals as far as their models.

    Parameters
    ----------
    roads
        Settings of structure, runs, labels, dataset and models by chemical symbol.

    Returns
    -------
    One subject for each.

    Raises
    ------
    InputError
        If a road cannot be gone.
    """
    return [_of_road(element, road) for element, road in roads.items()]


def _of_road(element: str, road: TM23Maker) -> Subject:
    way = road.frames(element)
    labelled = road.labelled(way)
    models = [maker.make(labelled.dataset_id, way.element) for maker in road.models]
    return Subject(
        element=way.element,
        structure=road.structure,
        label=road.label,
        regimes=tuple(str(regime) for regime in road.regimes),
        dataset_id=labelled.dataset_id,
        model_ids=tuple(model.output["model_id"] for model in models),
        flows=(*way.flows, *labelled.labels, labelled.dataset, *models),
    )


def stored_subject(archive: Archive, dataset: Dataset, model_ids: Sequence[str]) -> Subject:
    """Take a metal and its labels from a dataset that is there.

    Parameters
    ----------
    archive
        The archive.
    dataset
        The dataset.
    model_ids
        What is to be measured.

    Returns
    -------
    The subject; nothing has to be run first. Its unit cell is the one that the runs of the
    dataset started from, or that of the metal where they are not known.

    Raises
    ------
    InputError
        If the metal is unknown.
    """
    element = metal(dataset.element).symbol
    labels = archive.get_many(Label, dataset.label_ids)
    recipe = labels[0].recipe
    known = recipe.engine != IMPORTED and not recipe.unknown
    return Subject(
        element=element,
        structure=_structure_of(archive, labels),
        label=LabelMaker(recipe=recipe) if known else None,
        regimes=tuple(dict.fromkeys(one.regime for one in labels if one.regime)),
        dataset_id=dataset.id,
        model_ids=tuple(model_ids),
    )


def _structure_of(archive: Archive, labels: Sequence[Label]) -> StructureMaker:
    runs = sorted({label.trajectory_id for label in labels if label.trajectory_id})
    if not runs:
        return StructureMaker()
    run = archive.get(Trajectory, runs[0])
    structure = archive.get(Structure, run.structure_id)
    crystal = Crystal.from_atoms(
        unit_cell_of(structure), structure.phase, structure.phase_source, structure=structure.id
    )
    return StructureMaker(basis="given", crystal=crystal.model_dump(mode="json"))


def unit_cell_of(structure: Structure) -> Atoms:
    """Return the cell that a supercell repeats.

    Parameters
    ----------
    structure
        A supercell of a perfect crystal, with a vacancy or none.

    Returns
    -------
    The perfect unit cell.

    Raises
    ------
    InputError
        If the missing atom is in no other copy of the cell.
    """
    from ase import Atoms as AseAtoms
    from ase.geometry import get_duplicate_atoms

    cell = np.linalg.inv(np.array(structure.supercell_matrix)) @ structure.atoms.cell.array
    unit = AseAtoms(structure.atoms.symbols, structure.atoms.positions, cell=cell, pbc=True)
    unit.wrap(eps=SAME_SITE_A / np.linalg.norm(cell, axis=1).max())
    get_duplicate_atoms(unit, cutoff=SAME_SITE_A, delete=True)
    n_cells = round(abs(np.linalg.det(np.array(structure.supercell_matrix))))
    missing = int(structure.vacancy_index is not None)
    if len(unit) * n_cells != len(structure.numbers) + missing:
        raise InputError(
            f"The supercell {structure.id[:12]} repeats its unit cell only once, so the site of "
            "its vacancy cannot be told: name the structure of the perfect crystal."
        )
    return unit
