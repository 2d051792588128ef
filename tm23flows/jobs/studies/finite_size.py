"""The job that makes the finite-size study from grid searches on sequential frames.

Owns the question whether the shortest cutoff is best, and the rule of its answer, which was fixed
before any data: see :func:`judge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.structure import Structure
from tm23flows.documents.studies.finite_size import (
    CutoffRow,
    FiniteSizeMetal,
    FiniteSizeResults,
    GridPoint,
    Verdict,
)
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.jobs.context import open_archive
from tm23flows.science.block_bootstrap import Bootstrap, Estimate
from tm23flows.science.cells import smallest_width
from tm23flows.science.paired_errors import Comparison, ForceSet, compare_sets
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

KIND = "finite-size"


@job
def make_finite_size_study(
    wired: dict[str, dict[str, Any]], settings: dict[str, Any]
) -> dict[str, Any]:
    """Compare the cutoffs of each metal and store the study; one that is there stays.

    Parameters
    ----------
    wired
        By chemical symbol ``dataset_id``, ``grid_id``, and ``mesh``: the output of the test that
        chose the k-mesh, None where there was none.
    settings
        Settings of the analysis; ``resampling`` is used, all are stored.

    Returns
    -------
    ``study_id``, and by metal the ``verdicts`` and the ``best_cutoffs_A``.

    Raises
    ------
    InputError
        If a grid search is of another dataset or another trainer, or the frames have no run.
    """
    archive = open_archive()
    grids = {element: archive.get(GridSearch, one["grid_id"]) for element, one in wired.items()}
    parents = sorted_parents(
        datasets=[one["dataset_id"] for one in wired.values()],
        grid_searches=[one["grid_id"] for one in wired.values()],
        evaluations=[r.evaluation_id for g in grids.values() for r in g.rows if r.evaluation_id],
        convergences=[one["mesh"]["convergence_id"] for one in wired.values() if one["mesh"]],
    )
    key = study_id(KIND, tuple(wired), settings, parents)
    if not archive.existing(Study, [key]):
        bootstrap = Bootstrap(**Resampling(**settings["resampling"]).model_dump())
        metals = tuple(
            _metal(archive, grids[element], one["dataset_id"], bootstrap)
            for element, one in wired.items()
        )
        study = Study(
            provenance=Provenance.now(inputs={"wired": wired}),
            elements=tuple(wired),
            settings=settings,
            parents=parents,
            results=FiniteSizeResults(metals=metals),
            warnings=(
                *(one for metal in metals for one in _mesh_warning(metal.element, wired)),
                *(one for metal in metals for one in _warnings(metal)),
            ),
        )
        archive.put(study)
    found = archive.get(Study, key).results.metals
    return {
        "study_id": key,
        "verdicts": {one.element: one.verdict for one in found},
        "best_cutoffs_A": {one.element: one.best_point.cutoff_A for one in found},
    }


def judge(changes: Sequence[Estimate], *, is_complete: bool) -> Verdict:
    """Say whether the shortest cutoff is best.

    Parameters
    ----------
    changes
        Percent error of each longer cutoff less that of the shortest.
    is_complete
        Whether all cutoffs of the grid have been measured.

    Returns
    -------
    ``longer`` if the interval of one change lies below zero; ``shortest`` if that of every change
    lies above and none is missing; ``unresolved`` else.
    """
    if any(one.sign < 0 for one in changes):
        return "longer"
    if changes and is_complete and all(one.sign > 0 for one in changes):
        return "shortest"
    return "unresolved"


def _metal(
    archive: Archive, grid: GridSearch, dataset_id: str, bootstrap: Bootstrap
) -> FiniteSizeMetal:
    if grid.dataset_id != dataset_id or grid.trainer != "flare":
        raise InputError(
            f"The grid search {grid.id[:12]} is not one of FLARE on the dataset {dataset_id[:12]}."
        )
    dataset = archive.get(Dataset, dataset_id)
    labels = {
        part: archive.get_many(Label, dataset.parts[part])
        for part in (grid.train_part, grid.test_part)
    }
    structure, spacing_fs = _run(archive, [one for some in labels.values() for one in some])
    points = tuple(_points(grid))
    by_cutoff = _best_by_cutoff(points)
    test = labels[grid.test_part]
    compared = _compare(archive, grid, list(by_cutoff.values()), test, bootstrap)
    changes = [one.change.percent for one in compared.sets if one.change]
    everything = {one.cutoff_A for one in points}
    return FiniteSizeMetal(
        element=grid.element,
        regime=test[0].regime,
        temperature_K=test[0].temperature_K,
        structure_id=structure.id,
        dataset_id=dataset_id,
        grid_id=grid.id,
        n_atoms=len(structure.numbers),
        has_vacancy=structure.vacancy_index is not None,
        image_distance_A=structure.min_image_distance_A,
        smallest_width_A=smallest_width(structure.cell),
        n_train=len(labels[grid.train_part]),
        n_test=len(test),
        spacing_fs=spacing_fs,
        points=points,
        best=_least(points, range(len(points))),
        cutoffs=tuple(
            CutoffRow(
                cutoff_A=cutoff,
                point=point,
                force_percent=Bounded(**asdict(one.percent)),
                change=None if one.change is None else Bounded(**asdict(one.change.percent)),
                has_copies=2 * cutoff > structure.min_image_distance_A,
            )
            for (cutoff, point), one in zip(by_cutoff.items(), compared.sets, strict=True)
        ),
        verdict=judge(changes, is_complete=everything == set(by_cutoff)),
    )


def _run(archive: Archive, labels: Sequence[Label]) -> tuple[Structure, float | None]:
    """Return the cell of the one run, and the time between its frames if that is even."""
    runs = {one.trajectory_id for one in labels}
    run = runs.pop()
    steps = [one.step for one in labels if one.step is not None]
    if runs or run is None or len(steps) < len(labels):
        raise InputError(
            "A finite-size study takes the frames of one run in sequence, with their steps: make "
            "the dataset with the split 'finite-size'."
        )
    trajectory = archive.get(Trajectory, run)
    strides = set(np.diff(steps).tolist())
    even = len(strides) == 1 and min(strides) > 0
    spacing = strides.pop() * trajectory.dynamics.timestep_fs if even else None
    return archive.get(Structure, trajectory.structure_id), spacing


def _points(grid: GridSearch) -> Iterator[GridPoint]:
    for row in grid.rows:
        given = get_trainer(grid.trainer).hyperparameters(**{**grid.fixed, **row.point})
        yield GridPoint(
            **given.model_dump(include={"cutoff_A", "nmax", "lmax"}),
            force_mae_eV_per_A=row.force_mae_eV_per_A,
            force_percent=row.force_percent,
        )


def _best_by_cutoff(points: Sequence[GridPoint]) -> dict[float, int]:
    """Return the place of the best point of each cutoff that has one, from short to long."""
    measured = [i for i, one in enumerate(points) if one.force_mae_eV_per_A is not None]
    cutoffs = sorted({points[i].cutoff_A for i in measured})
    return {
        cutoff: _least(points, [i for i in measured if points[i].cutoff_A == cutoff])
        for cutoff in cutoffs
    }


def _least(points: Sequence[GridPoint], places: Sequence[int]) -> int:
    errors = {i: points[i].force_mae_eV_per_A for i in places}
    return min((error, i) for i, error in errors.items() if error is not None)[1]


def _compare(
    archive: Archive,
    grid: GridSearch,
    places: Sequence[int],
    test: Sequence[Label],
    bootstrap: Bootstrap,
) -> Comparison:
    """Measure the best point of each cutoff on the same draws of the test frames."""
    reference = np.concatenate([one.forces for one in test])
    sets = []
    for place in places:
        evaluation = archive.get(Evaluation, str(grid.rows[place].evaluation_id))
        arrays = archive.blobs.get_arrays(evaluation.predictions)
        if [str(one) for one in arrays["label_id"]] != [one.id for one in test]:
            raise InputError(
                f"The evaluation {evaluation.id[:12]} is not of the test frames of its grid search."
            )
        sets.append(ForceSet(arrays["forces"], reference, None))
    runs = [one.trajectory_id for one in test]
    return compare_sets(sets, [one.n_atoms for one in test], runs, bootstrap)


def _mesh_warning(element: str, wired: dict[str, dict[str, Any]]) -> Iterator[str]:
    mesh = wired[element]["mesh"]
    if mesh is None:
        yield f"{element}: the k-mesh was not tested in this cell, so the label noise is not known."
    elif not mesh["converged"]:
        yield f"{element}: the k-mesh was not shown to be converged."


def _warnings(metal: FiniteSizeMetal) -> Iterator[str]:
    name = metal.element
    measured = {one.cutoff_A for one in metal.cutoffs}
    if lost := sorted({one.cutoff_A for one in metal.points} - measured):
        words = ", ".join(f"{one:g}" for one in lost)
        yield f"{name}: no model has the cutoff {words} A, so the verdict is not on the whole grid."
    if copies := [one.cutoff_A for one in metal.cutoffs if one.has_copies]:
        yield (
            f"{name}: environments of {min(copies):g} A and more hold periodic copies, because "
            f"half the distance of the images is {metal.image_distance_A / 2:.2f} A."
        )
    if metal.spacing_fs is None:
        yield f"{name}: the frames are not equally spaced in time."
    if any(one.change is not None and one.change.low is None for one in metal.cutoffs):
        yield f"{name}: the test frames are too few, or too correlated, for intervals."
    if len(measured) < 2:
        yield f"{name}: one cutoff says nothing about longer ones."
