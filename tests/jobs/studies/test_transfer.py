"""The job of the transfer study on models whose errors are known."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.model import Model
from tm23flows.documents.study import Study
from tm23flows.errors import InputError, TrainingError
from tm23flows.jobs.evaluation import evaluation_of
from tm23flows.jobs.studies.transfer import make_transfer_study
from tm23flows.trainers.base import Predictions

REGIMES = ("cold", "warm", "melt")
N_TEST = 80
SETTINGS = {"resampling": Resampling(resamples=200).model_dump(mode="json")}
HOME, AWAY = 0.02, {"cold": 0.06, "warm": 0.06, "melt": 0.12}
"""Force errors of a model at its own temperature and at others, eV/A."""


class World:
    """Frames of three temperatures, and models that are trained at one of them."""

    def __init__(self, archive, make_frame, make_label):
        self.archive, self.labels = archive, {}
        random = np.random.default_rng(0)
        for place, regime in enumerate(REGIMES):
            frames = [
                make_frame(seed=100 * place + i, step=10 * i + 1, regime=regime)
                for i in range(N_TEST + 2)
            ]
            self.labels[regime] = [
                make_label(one, trajectory_id=regime, forces=random.normal(0, 0.5, (2, 3)))
                for one in frames
            ]
            archive.put(*frames, *self.labels[regime])
        parts = {}
        for regime, labels in self.labels.items():
            parts[f"train_{regime}"] = [one.id for one in labels[:2]]
            parts[f"test_{regime}"] = [one.id for one in labels[2:]]
        self.dataset = Dataset(
            provenance=Provenance.now(), element="Cu", parts=parts, rule="transfer-matrix", query={}
        )
        archive.put(self.dataset)

    def training(self, trained_on, failures=(), missing=(), **fields):
        """Wire a model; it fails on the first frames of ``failures``."""
        model = Model(
            provenance=Provenance.now({"x": "1"}), trainer="flare", hyperparameters={}, seed=0,
            dataset_id=self.dataset.id, part=f"train_{trained_on}", files=(), wall_s=0.0,
        )  # fmt: skip
        self.archive.put(model)
        evaluations = {}
        # Files of workflows sort their keys.
        for regime in sorted(REGIMES):
            if regime in missing:
                evaluations[regime] = None
                continue
            evaluations[regime] = self._evaluate(model, trained_on, regime, regime in failures)
        given = {
            "protocol": "matrix", "trainer": "flare", "number": 0, "trained_on": trained_on,
            "train_part": f"train_{trained_on}", "dataset_id": self.dataset.id,
            "model_id": model.id, "evaluations": evaluations,
        }  # fmt: skip
        return {**given, **fields}

    def _evaluate(self, model, trained_on, regime, fails):
        labels = self.labels[regime][2:]
        size = HOME if trained_on == regime else AWAY[regime]
        random = np.random.default_rng(REGIMES.index(trained_on) + 10 * REGIMES.index(regime))
        predictions = Predictions(
            energies=np.array([one.energies.free for one in labels]),
            forces=tuple(one.forces + size * random.normal(size=(2, 3)) for one in labels),
            stresses=None,
            uncertainties=None,
            failures={0: "it crashed", 1: "it crashed"} if fails else {},
        )
        made = evaluation_of(
            self.archive,
            model,
            self.dataset,
            f"test_{regime}",
            "mean-per-atom",
            labels,
            predictions,
        )
        self.archive.put(made)
        return made.id

    def study(self, trainings):
        wired = {"Cu": {"regimes": list(REGIMES), "trainings": trainings}}
        output = make_transfer_study.original(wired, SETTINGS)
        return output, self.archive.get(Study, output["study_id"])


@pytest.fixture
def world(archive, make_frame, make_label):
    return World(archive, make_frame, make_label)


def test_every_transfer_is_worse_than_the_model_of_the_place(world):
    output, study = world.study([world.training(one) for one in REGIMES])
    (metal,) = study.results.metals
    assert metal.regimes == REGIMES
    for row in metal.trainings:
        assert [cell.tested_on for cell in row.cells] == list(REGIMES)
        assert row.n_train == 2
        for cell in row.cells:
            size = HOME if row.trained_on == cell.tested_on else AWAY[cell.tested_on]
            assert cell.force.mae.value == pytest.approx(size * np.sqrt(2 / np.pi), rel=0.2)
            assert (cell.penalty is None) == (row.trained_on == cell.tested_on)
            if cell.penalty:
                assert cell.penalty.verdict == "worse"
                assert cell.penalty.mae.low > 0
    assert output == {"study_id": study.id, "measured": 3, "missing": 0}
    assert study.parents["datasets"] == (world.dataset.id,)
    assert len(study.parents["evaluations"]) == 9


def test_the_same_question_is_answered_once(world, monkeypatch):
    trainings = [world.training(one) for one in REGIMES[:2]]
    first = world.study(trainings)
    module = "tm23flows.jobs.studies.transfer.measure"
    monkeypatch.setattr(module, lambda *_: pytest.fail("computed again"))
    assert world.study(trainings) == first


def test_frames_that_failed_are_left_out_of_both_and_said(world):
    _, study = world.study([world.training("cold", failures=("warm",)), world.training("warm")])
    (cold, warm) = study.results.metals[0].trainings
    cell = cold.cell("warm")
    assert (cell.n_frames, cell.n_failed) == (N_TEST - 2, 2)
    assert cell.penalty.verdict == "worse"
    assert cell.penalty.mae.value != pytest.approx(
        cell.force.mae.value - warm.cell("warm").force.mae.value, rel=1e-6
    )
    assert any("could not predict 2 frames of warm" in one for one in study.warnings)


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        ({"model_id": None}, "training failed"),
        ({"model_id": None, "dataset_id": None}, "dataset was not made"),
        ({}, "evaluation failed"),
    ],
)
def test_what_is_missing_is_a_gap_with_a_reason(world, lost, why):
    gap = world.training("melt", missing=REGIMES, **lost)
    output, study = world.study([world.training("cold"), gap])
    row = study.results.metals[0].trainings[1]
    assert all(why in cell.reason and cell.force is None for cell in row.cells)
    assert row.rise is None
    assert row.n_train == (0 if "dataset_id" in lost else 2)
    assert output["missing"] == 1
    assert any(why in one for one in study.warnings)
    # Nothing is there to compare the other one with.
    assert all(cell.penalty is None for cell in study.results.metals[0].trainings[0].cells)


def test_one_lost_evaluation_leaves_the_others(world):
    _, study = world.study([world.training("cold", missing=("warm",)), world.training("melt")])
    cold = study.results.metals[0].trainings[0]
    assert [cell.evaluation_id is None for cell in cold.cells] == [False, True, False]
    assert cold.rise is None
    assert cold.cell("melt").penalty.verdict == "worse"


def test_the_rise_is_between_the_temperatures_of_no_training(world):
    _, study = world.study([world.training("cold")])
    row = study.results.metals[0].trainings[0]
    warm, melt = row.cell("warm").force, row.cell("melt").force
    assert (row.rise.first, row.rise.last) == ("warm", "melt")
    assert row.rise.percent.value == pytest.approx(melt.percent.value - warm.percent.value)
    assert 0 < row.rise.percent.low < row.rise.percent.value < row.rise.percent.high
    assert row.rise.verdict == "rises"
    back = world.study([world.training("melt")])[1].results.metals[0].trainings[0].rise
    assert (back.first, back.last) == ("cold", "warm")
    assert (back.verdict == "unresolved") == (back.percent.low <= 0 <= back.percent.high)


def test_models_that_are_not_of_one_kind_are_not_compared(world):
    cold, warm = world.training("cold"), world.training("warm", number=1)
    article = world.training("melt", protocol="article")
    _, study = world.study([cold, warm, article])
    assert all(
        cell.penalty is None for row in study.results.metals[0].trainings for cell in row.cells
    )


def test_nothing_measured_is_no_study(world):
    with pytest.raises(TrainingError, match="No model of the transfer study"):
        world.study([world.training("cold", missing=REGIMES, model_id=None)])


def test_an_evaluation_of_another_model_is_refused(world):
    with pytest.raises(InputError, match="is not of the model"):
        world.study([world.training("cold", model_id=world.training("warm")["model_id"])])
