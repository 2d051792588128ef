"""Two metals with models whose errors are known, one of which fails on some frames."""

import uuid
from dataclasses import dataclass

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model
from tm23flows.jobs.evaluation import evaluation_of
from tm23flows.report.benchmark.arrays import read_benchmark
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.store.archive import Archive
from tm23flows.store.datasets.names import name_dataset
from tm23flows.trainers.base import Predictions

QUICK = Bootstrap(resamples=200)
N_FRAMES = 40
NUMBERS = {"Cu": 29, "Ti": 22}
SIZES = {"flare": 0.05, "nequip": 0.03, "calculator": 0.08}
"""Standard deviation of the force errors of each model, eV/A."""


@dataclass
class World:
    """The archive, the labels of each metal, and the predictions by metal and trainer."""

    archive: Archive
    labels: dict
    predictions: dict


@pytest.fixture(scope="session")
def world(database_server, make_frame, make_label):
    archive = Archive.open(database_server.uri, f"test-{uuid.uuid4().hex[:8]}")
    made = World(archive, {}, {})
    for element, number in NUMBERS.items():
        made.labels[element] = labels = _labels(archive, make_frame, make_label, element, number)
        dataset = Dataset(
            provenance=Provenance.now(), element=element, parts={"test": [x.id for x in labels]},
            rule="full", query={},
        )  # fmt: skip
        name_dataset(archive, f"{element}-set", dataset)
        for trainer, size in SIZES.items():
            if (element, trainer) == ("Ti", "calculator"):
                continue
            _evaluate(made, dataset, labels, trainer, size)
    return made


def _labels(archive, make_frame, make_label, element, number):
    frames = [
        make_frame(
            seed=i, step=10 * i + 1, element=element, numbers=[number] * 2,
            regime="melt" if i % 2 else "cold",
        )
        for i in range(N_FRAMES)
    ]  # fmt: skip
    random = np.random.default_rng(number)
    labels = [
        make_label(one, forces=random.normal(0, 0.7, (2, 3)), trajectory_id=one.regime)
        for one in frames
    ]
    archive.put(*frames, *labels)
    return labels


def _evaluate(made, dataset, labels, trainer, size):
    model = Model(
        provenance=Provenance.now({trainer: "1.0"}), trainer=trainer, hyperparameters={}, seed=0,
        dataset_id=None if trainer == "calculator" else dataset.id, files=(), wall_s=0.0,
    )  # fmt: skip
    random = np.random.default_rng(len(trainer) + len(dataset.element))
    predictions = Predictions(
        energies=np.array([one.energies.free for one in labels])
        + size * random.normal(size=N_FRAMES),
        forces=tuple(one.forces + size * random.normal(size=(2, 3)) for one in labels),
        stresses=None
        if trainer == "calculator"
        else np.array([one.stress for one in labels]) + size * random.normal(size=(N_FRAMES, 6)),
        uncertainties=None,
        failures={3: "RuntimeError: it <b>crashed</b>", 7: "the energy is NaN"}
        if trainer == "calculator"
        else {},
    )
    args = "test", "mean-per-atom", labels, predictions
    evaluation = evaluation_of(made.archive, model, dataset, *args)
    made.archive.put(model, evaluation)
    made.predictions[dataset.element, trainer] = predictions


@pytest.fixture(scope="session")
def evaluated(world):
    """All evaluations of both metals, measured."""
    return read_benchmark(world.archive, bootstrap=QUICK)
