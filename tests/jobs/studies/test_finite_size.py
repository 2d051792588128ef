"""The job of the finite-size study on models whose errors are known."""

from dataclasses import dataclass

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.grid_search import GridRow, GridSearch
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.jobs.studies.finite_size import judge, make_finite_size_study
from tm23flows.science.block_bootstrap import Estimate

SETTINGS = {"resampling": Resampling(resamples=200, block_length=1).model_dump(mode="json")}


@dataclass
class World:
    archive: object
    dataset: Dataset
    test: list
    grid: GridSearch | None = None


@pytest.fixture
def world(emt_copy):
    """All melt frames of the demonstration in sequence: three train, five test."""
    labels = emt_copy.get_many(Label, emt_copy.dataset("Cu-demo").label_ids)
    melt = sorted((one for one in labels if one.regime == "melt"), key=lambda one: one.step)
    parts = {"train": [one.id for one in melt[:3]], "test": [one.id for one in melt[3:]]}
    return World(emt_copy, dataset_of(emt_copy, parts), melt[3:])


def dataset_of(archive, parts):
    dataset = Dataset(
        provenance=Provenance.now(), element="Cu", parts=parts, rule="finite-size", query={}
    )
    archive.put(dataset)
    return dataset


def search(world, errors, dataset=None, **fields):
    """A grid search whose models are wrong by given errors, eV/A, by (cutoff, nmax)."""
    dataset = dataset or world.dataset
    rows = []
    forces = np.concatenate([one.forces for one in world.test])
    signs = np.where(np.random.default_rng(0).random(forces.shape) < 0.5, -1.0, 1.0)
    for (cutoff, nmax), error in errors.items():
        point = {"cutoff_A": cutoff, "nmax": nmax}
        if error is None:
            rows.append(GridRow(point=point, failure="out_of_memory: 90 GB"))
            continue
        evaluation = Evaluation(
            provenance=Provenance.now(),
            model_id=f"{len(rows):064d}",
            dataset_id=dataset.id,
            energy_reference="mean-per-atom",
            predictions=world.archive.blobs.put_arrays(
                label_id=np.array([one.id for one in world.test]), forces=forces + error * signs
            ),
            errors=(),
        )
        world.archive.put(evaluation)
        percent = 100 * error / np.abs(forces).mean()
        rows.append(
            GridRow(
                point=point,
                model_id=evaluation.model_id,
                evaluation_id=evaluation.id,
                force_mae_eV_per_A=error,
                force_percent=percent,
            )
        )
    measured = [i for i, row in enumerate(rows) if row.failure is None]
    given = {
        "provenance": Provenance.now(),
        "trainer": "flare",
        "element": "Cu",
        "dataset_id": dataset.id,
        "train_part": "train",
        "test_part": "test",
        "energy_reference": "mean-per-atom",
        "seed": 0,
        "fixed": {"lmax": 2},
        "rows": tuple(rows),
        "chosen": min(measured, key=lambda i: rows[i].force_mae_eV_per_A),
        "by_likelihood": None,
        "by_validation": None,
        "conflicts": (),
        "at_edge": {},
        "reason": "because.",
    }
    grid = GridSearch(**{**given, **fields})
    world.archive.put(grid)
    return grid


def study_of(world, grid, dataset_id=None, mesh=None):
    wired = {"Cu": {"dataset_id": dataset_id or world.dataset.id, "grid_id": grid.id, "mesh": mesh}}
    output = make_finite_size_study.original(wired, SETTINGS)
    return output, world.archive.get(Study, output["study_id"])


def test_the_best_of_every_cutoff_is_compared_with_that_of_the_shortest(world):
    errors = {(3.0, 4): 0.02, (3.0, 8): 0.01, (5.0, 4): 0.03, (5.0, 8): 0.05, (4.0, 4): 0.04}
    output, study = study_of(world, search(world, errors))
    (metal,) = study.results.metals
    assert [one.cutoff_A for one in metal.cutoffs] == [3.0, 4.0, 5.0]
    assert [one.point for one in metal.cutoffs] == [1, 4, 2]
    mav = np.abs(np.concatenate([one.forces for one in world.test])).mean()
    changes = [one.change.value for one in metal.cutoffs[1:]]
    assert changes == pytest.approx([100 * 0.03 / mav, 100 * 0.02 / mav])
    assert metal.points[0].lmax == 2
    assert metal.verdict == "shortest"
    assert output["verdicts"] == {"Cu": "shortest"}
    assert output["best_cutoffs_A"] == {"Cu": 3.0}
    assert (metal.n_train, metal.n_test, metal.has_vacancy) == (3, 5, True)
    assert metal.spacing_fs == 15.0  # every third step of 5 fs
    assert any("hold periodic copies" in one for one in study.warnings)


def test_a_longer_cutoff_may_be_better(world):
    output, _ = study_of(world, search(world, {(3.0, 4): 0.05, (5.0, 4): 0.01}))
    assert output["verdicts"] == {"Cu": "longer"}


def test_a_cutoff_without_a_model_leaves_the_question_open(world):
    grid = search(world, {(3.0, 4): 0.01, (4.0, 4): 0.02, (5.0, 4): None})
    output, study = study_of(world, grid)
    assert output["verdicts"] == {"Cu": "unresolved"}
    assert any("no model has the cutoff 5 A" in one for one in study.warnings)
    assert study.results.metals[0].points[2].force_percent is None


def test_one_cutoff_answers_nothing(world):
    output, study = study_of(world, search(world, {(3.0, 4): 0.01, (3.0, 8): 0.02}))
    assert output["verdicts"] == {"Cu": "unresolved"}
    assert any("one cutoff" in one for one in study.warnings)


def test_the_same_question_is_answered_once(world, monkeypatch):
    grid = search(world, {(3.0, 4): 0.01, (4.0, 4): 0.02})
    output, study = study_of(world, grid)
    module = "tm23flows.jobs.studies.finite_size.compare_sets"
    monkeypatch.setattr(module, lambda *_: pytest.fail("computed again"))
    again, same = study_of(world, grid)
    assert (again, same) == (output, study)
    assert world.archive.database["studies"].count_documents({}) == 1


def test_frames_that_are_not_in_sequence_are_said(world):
    ids = [one.id for one in world.test]
    train = world.dataset.parts["train"]
    uneven = dataset_of(world.archive, {"train": [train[0], train[2]], "test": ids})
    grid = search(world, {(3.0, 4): 0.01, (4.0, 4): 0.02}, uneven)
    _, study = study_of(world, grid, uneven.id)
    assert study.results.metals[0].spacing_fs is None
    assert any("not equally spaced" in one for one in study.warnings)


def test_frames_of_two_runs_are_refused(world):
    cold = [
        one.id
        for one in world.archive.get_many(Label, world.archive.dataset("Cu-demo").label_ids)
        if one.regime == "cold"
    ]
    mixed = dataset_of(world.archive, {"train": cold, "test": [one.id for one in world.test]})
    grid = search(world, {(3.0, 4): 0.01}, mixed)
    with pytest.raises(InputError, match="one run in sequence"):
        study_of(world, grid, mixed.id)


def test_a_search_of_other_data_or_another_trainer_is_refused(world):
    grid = search(world, {(3.0, 4): 0.01})
    with pytest.raises(InputError, match="is not one of FLARE on the dataset"):
        study_of(world, grid, world.archive.dataset("Cu-demo").id)
    other = search(world, {(3.0, 4): 0.01}, trainer="nequip")
    with pytest.raises(InputError, match="is not one of FLARE"):
        study_of(world, other)


ABOVE, BELOW, ACROSS = Estimate(1.0, 0.5, 1.5), Estimate(-1.0, -1.5, -0.5), Estimate(0.1, -1, 1)


@pytest.mark.parametrize(
    ("changes", "is_complete", "verdict"),
    [
        ([ABOVE, ABOVE], True, "shortest"),
        ([ABOVE, ABOVE], False, "unresolved"),
        ([ABOVE, ACROSS], True, "unresolved"),
        ([ABOVE, BELOW], True, "longer"),
        ([ACROSS, BELOW], False, "longer"),
        ([Estimate(1.0)], True, "unresolved"),
        ([], True, "unresolved"),
    ],
)
def test_the_rule_of_the_verdict(changes, is_complete, verdict):
    assert judge(changes, is_complete=is_complete) == verdict


def test_a_mesh_that_nobody_tested_is_the_first_warning(world):
    grid = search(world, {(3.0, 4): 0.02, (5.0, 4): 0.03})
    _, study = study_of(world, grid)
    assert study.warnings[0].startswith("Cu: the k-mesh was not tested")
    mesh = {"convergence_id": "0" * 64, "converged": False}
    _, study = study_of(world, grid, mesh=mesh)
    assert study.warnings[0] == "Cu: the k-mesh was not shown to be converged."
    assert study.parents["convergences"] == ("0" * 64,)
    _, study = study_of(world, grid, mesh={**mesh, "converged": True, "convergence_id": "1" * 64})
    assert not any("k-mesh" in one for one in study.warnings)
