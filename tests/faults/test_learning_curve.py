"""A learning curve under FireWorks: a size that fails does not keep the others from being fitted."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import LearningCurve
from tm23flows.documents.model import Model, ModelFile
from tm23flows.flows.learning_curve import LearningCurveMaker
from tm23flows.trainers.base import get_trainer

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

TOO_FEW, SIZES = 1, (2, 4, 8)
"""NequIP refuses a single frame; models of the other sizes are there already."""


@pytest.fixture
def archive(plant, emt_archive):
    """The archive of the plant, with the road of the demonstration in it."""
    archive = plant.archive()
    for name in emt_archive.database.list_collection_names():
        if stored := list(emt_archive.database[name].find()):
            archive.database[name].insert_many(stored)
    return archive


def make_dataset(archive, size):
    parts = archive.dataset("Cu-demo").parts
    dataset = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={"train": parts["train"][:size], "test": parts["test"]},
        rule="learning-curve",
        query={},
    )
    archive.put(dataset)
    return dataset


def pretend(archive, dataset):
    """Store a model whose forces are off by the square root of its size."""
    size = len(dataset.parts["train"])
    model = Model(
        provenance=Provenance.now({"nequip": "0"}),
        trainer="nequip",
        hyperparameters=get_trainer("nequip").hyperparameters().model_dump(mode="json"),
        seed=0,
        dataset_id=dataset.id,
        files=(ModelFile(name="model.json", blob=archive.blobs.put(b"model")),),
        wall_s=1.0,
    )
    labels = archive.get_many(Label, dataset.parts["test"])
    row = ErrorRow(mae=size**-0.5, rmse=size**-0.5, mav=1.0, percent=None)
    group = GroupErrors(group="all", n_frames=len(labels), energy=row, force=row, stress=None)
    evaluation = Evaluation(
        provenance=Provenance.now({"nequip": "0"}),
        model_id=model.id,
        dataset_id=dataset.id,
        energy_reference="mean-per-atom",
        predictions=archive.blobs.put_arrays(
            label_id=np.array([one.id for one in labels]),
            n_atoms=np.array([one.n_atoms for one in labels]),
            energy=np.zeros(len(labels)),
            forces=np.concatenate([one.forces + size**-0.5 for one in labels]),
        ),
        errors=(group,),
    )
    archive.put(model, evaluation)


def curves(archive):
    found = [stored["_id"] for stored in archive.database["learning_curves"].find({}, {"_id": 1})]
    return archive.get_many(LearningCurve, found)


def test_a_size_that_fails_is_a_gap_and_is_filled_by_a_rerun(plant, archive):
    datasets = {size: make_dataset(archive, size) for size in (TOO_FEW, *SIZES)}
    for size in SIZES:
        pretend(archive, datasets[size])
    maker = LearningCurveMaker(trainer="nequip")
    plant.add([maker.make({size: one.id for size, one in datasets.items()}, "Cu")])
    plant.run_workers("first")
    assert plant.states() == {"COMPLETED": 7, "FIZZLED": 2}, plant.last_words()
    (curve,) = curves(archive)
    assert [one.n_train for one in curve.measured] == list(SIZES)
    assert curve.fit.exponent == pytest.approx(-0.5)
    assert "Without a model: N = 1." in curve.reason

    pretend(archive, datasets[TOO_FEW])
    plant.lpad("rerun_fws", "-s", "FIZZLED")
    plant.run_workers("second")
    assert plant.states() == {"COMPLETED": 9}, plant.last_words()
    assert sorted(len(one.measured) for one in curves(archive)) == [3, 4]
