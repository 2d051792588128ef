"""The job that makes the phonon study: those of the labels, and of every model against them.

A model is asked for its own crystal at rest, and its forces on displaced atoms there and in the
crystal at rest under the labels. A model that fails does not stop the others: its row says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.phonons import (
    PhononMetal,
    PhononModel,
    PhononReference,
    PhononResults,
)
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.errors import InputError, PhysicsError, TM23Error, TrainingError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.displaced_cells import displaced_label_ids, displaced_labels
from tm23flows.jobs.model_calculator import stored_model
from tm23flows.jobs.studies.phonon_question import PhononQuestion
from tm23flows.science.kpoints import kmesh_for_spacing
from tm23flows.science.phonons import (
    ForceConstants,
    force_constants,
    has_free_atoms,
)
from tm23flows.science.wave_vectors import high_symmetry_path, irreducible_mesh

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Found = TypeVar("Found")

KIND = "phonons"

OF_THE_MODEL = (PhysicsError, TrainingError, InputError, ArithmeticError, ValueError, RuntimeError)
"""What a model can do wrong. A library that is not installed, or a file that is not in the archive,
is no result about the model, and the job fails."""

NOT_AT_REST_EV_PER_A = 0.01
"""Larger forces of the labels before anything is displaced are said."""


@job
def make_phonon_study(wired: dict[str, dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Compute the phonons of each metal and store the study; one that is there stays.

    Parameters
    ----------
    wired
        By chemical symbol ``dataset_id``, ``model_ids``, the ``crystal`` to start from as a dict,
        the ``supercell``, and ``reference``: None, or ``crystal`` at rest under the labels with
        ``lattice_label_ids`` of the cells that it was found from, and ``frame_ids`` and
        ``recipe_ids`` of the displaced cells.
    settings
        Settings of the analysis; all are stored.

    Returns
    -------
    ``study_id``, and by metal and model ``mae_THz``, the error of all branches at its own lattice,
    None where there is none.

    Raises
    ------
    PhysicsError
        If a displaced cell has no label.
    """
    archive = open_archive()
    references = [one["reference"] for one in wired.values() if one["reference"]]
    parents = sorted_parents(
        datasets=[one["dataset_id"] for one in wired.values()],
        models=[model for one in wired.values() for model in one["model_ids"]],
        labels=[
            label
            for one in references
            for label in (
                *one["lattice_label_ids"],
                *displaced_label_ids(one["frame_ids"], one["recipe_ids"]),
            )
        ],
    )
    key = study_id(KIND, tuple(wired), settings, parents)
    if not archive.existing(Study, [key]):
        metals = tuple(_metal(archive, one, settings) for one in wired.values())
        study = Study(
            provenance=Provenance.now(_versions(), inputs={"wired": wired}),
            elements=tuple(wired),
            settings=settings,
            parents=parents,
            results=PhononResults(metals=metals),
            warnings=tuple(one for metal in metals for one in _warnings(metal)),
        )
        archive.put(study)
    found = archive.get(Study, key).results.metals
    return {
        "study_id": key,
        "mae_THz": {
            metal.element: {
                one.model_id: one.errors.all.mae_THz if one.errors else None for one in metal.models
            }
            for metal in found
        },
    }


def _metal(archive: Archive, wired: dict[str, Any], settings: dict[str, Any]) -> PhononMetal:
    reference = wired["reference"]
    start = Crystal.model_validate(reference["crystal"] if reference else wired["crystal"])
    crystal = start.atoms
    a, b, c = wired["supercell"]
    numbers = kmesh_for_spacing(crystal.cell.array, settings["q_spacing_per_A"])
    question = PhononQuestion(
        start,
        (a, b, c),
        high_symmetry_path(crystal, settings["path_step_per_A"]),
        irreducible_mesh(crystal, numbers),
        settings,
    )
    labels, phonons = None, None
    if reference:
        labels, phonons = _of_labels(archive, question, reference)
    return PhononMetal(
        element=start.element,
        phase=start.phase,
        dataset_id=wired["dataset_id"],
        supercell=question.supercell,
        n_atoms=a * b * c * len(crystal),
        path_q=question.path.q_points.tolist(),
        path_places_per_A=question.path.places_per_A.tolist(),
        path_ticks=question.path.ticks,
        q_mesh=numbers,
        labels=labels,
        models=tuple(_of_model(archive, question, model, phonons) for model in wired["model_ids"]),
    )


def _of_labels(
    archive: Archive, question: PhononQuestion, reference: dict[str, Any]
) -> tuple[PhononReference, ForceConstants]:
    ids = displaced_label_ids(reference["frame_ids"], reference["recipe_ids"])
    labels = displaced_labels(archive, question.start.element, ids)
    phonons = force_constants(
        question.start.atoms,
        question.supercell,
        question.settings["displacement_A"],
        [label.forces for label in labels],
    )
    is_free = has_free_atoms(question.start.atoms)
    row = PhononReference(
        recipe_id=labels[0].recipe_id,
        kmesh=labels[0].recipe.kmesh,
        n_labels=len(labels),
        largest_force_eV_per_A=float(np.abs(labels[0].forces).max()) if is_free else None,
        curves=question.curves(phonons, question.start.source),
    )
    return row, phonons


def _of_model(
    archive: Archive, question: PhononQuestion, model_id: str, reference: ForceConstants | None
) -> PhononModel:
    began = time.monotonic()
    own, there, curves, reason, lost = None, None, None, None, None
    try:
        with stored_model(archive, model_id) as calculator:
            own, reason = _attempt(question.in_own_crystal, calculator)
            if reference is not None:
                there, lost = _attempt(question.phonons, reference.crystal, calculator)
    except OF_THE_MODEL as error:
        reason = _in_words(error)
    if own is not None and reason is None:
        curves, reason = _attempt(question.curves, own, "at rest under the model")
    return PhononModel(
        model_id=model_id,
        curves=curves,
        errors=question.errors(own, reference) if curves else None,
        errors_same_lattice=question.errors(there, reference),
        reason=reason,
        reason_same_lattice=lost,
        wall_s=time.monotonic() - began,
    )


def _attempt(compute: Callable[..., Found], *given: Any) -> tuple[Found | None, str | None]:
    try:
        return compute(*given), None
    except OF_THE_MODEL as error:
        return None, _in_words(error)


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, TM23Error) else f"{type(error).__name__}: {error}"


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("phonopy", "ase", "spglib")}


def _warnings(metal: PhononMetal) -> Iterator[str]:
    name = metal.element
    force = metal.labels.largest_force_eV_per_A if metal.labels else None
    if force is not None and force > NOT_AT_REST_EV_PER_A:
        yield (
            f"{name}: the labels have forces up to {force:.3f} eV/A in the crystal that is called "
            "at rest, because its atoms were left in their places; models were relaxed."
        )
    if metal.labels is None:
        yield (
            f"{name}: the labels were imported, and nothing can be computed under their recipe, so "
            "models are shown alone."
        )
    elif metal.labels.curves.imaginary_share > 0:
        yield (
            f"{name}: {100 * metal.labels.curves.imaginary_share:.3g} % of the modes of the labels "
            f"are imaginary, down to {metal.labels.curves.lowest_THz:.2f} THz: this crystal is not "
            "stable without temperature, or the labels are too coarse for it."
        )
    for one in metal.models:
        if one.reason is not None:
            yield f"{name}: the model {one.model_id[:12]} has no phonons: {one.reason}"
        if one.reason_same_lattice not in (None, one.reason):
            yield (
                f"{name}: the model {one.model_id[:12]} has no frequencies at the lattice of the "
                f"labels: {one.reason_same_lattice}"
            )
