"""The transfer study: wired from a road, run on EMT with a trainer that knows its temperature."""

import json
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import yaml
from ase.io import read
from jobflow import JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.model import Model
from tm23flows.documents.study import Study
from tm23flows.errors import InputError, TrainingError
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.studies.transfer import TransferStudyMaker
from tm23flows.flows.trajectory import Sampling
from tm23flows.ops.audit.invariants import audit
from tm23flows.report.studies.transfer import section
from tm23flows.science.protocol import Regime
from tm23flows.store.archive import Archive
from tm23flows.trainers.base import TRAINERS, Hyperparameters, Predictions, TrainResult

REGIMES = ("cold", "warm", "melt")
QUICK = Resampling(resamples=200)


class NearHyperparameters(Hyperparameters):
    fails_on: str = "nothing"


class NearTrainer:
    """Knows the labels, and is off by more where forces differ from those of its training."""

    name = "near"

    def hyperparameters(self, **overrides):
        return NearHyperparameters(**overrides)

    def train(self, dataset_dir, hyperparameters, workdir, seed, course=None):
        frames = read(dataset_dir / "train.xyz", ":")
        size = float(np.mean([np.log(np.abs(one.get_forces()).mean()) for one in frames]))
        if hyperparameters.fails_on == "large forces" and size > np.log(0.5):
            raise TrainingError("The training did not end.")
        workdir.mkdir(parents=True)
        path = workdir / "model.json"
        path.write_text(json.dumps({"size": size, "frames": len(frames)}))
        return TrainResult({"model.json": path}, [], {}, {"near": "1.0"}, 0.1)

    def predict(self, model_dir, frames_file, workdir):
        known = json.loads((model_dir / "model.json").read_text())["size"]
        frames = read(frames_file, ":")
        off = [0.01 + 0.05 * abs(np.log(np.abs(one.get_forces()).mean()) - known) for one in frames]
        return Predictions(
            energies=np.array([one.get_potential_energy() for one in frames]),
            forces=tuple(one.get_forces() + by for one, by in zip(frames, off, strict=True)),
            stresses=None,
            uncertainties=None,
        )


@pytest.fixture(scope="module", autouse=True)
def _near_trainer():
    module = ModuleType("near_trainer")
    module.NearTrainer = NearTrainer
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        patch.setitem(TRAINERS, "near", "near_trainer:NearTrainer")
        yield


def road(*models, element="Cu"):
    """The demonstration on EMT with twelve frames of each temperature, of which seven test."""
    maker = make_tm23(element, "demo", "emt")
    sampling = Sampling(discard=12, stride=6, count=12)
    return replace(
        maker,
        trajectory=replace(maker.trajectory, sampling=sampling, n_steps=84),
        split_options={"train_fraction": 0.45},
        models=models or (ModelMaker(trainer="near"),),
        name="small",
    )


FAILS = ModelMaker(trainer="near", hyperparameters={"fails_on": "large forces"})


def test_every_temperature_trains_and_tests(jobs_of):
    flow = TransferStudyMaker().make({"Cu": make_tm23("Cu", "paper", "gpaw")})
    names = [job.name for job in jobs_of(flow)]
    assert len(set(names)) == len(names)
    for trainer in ("flare", "nequip"):
        trained = [one for one in names if one.startswith(f"Cu {trainer} model")]
        assert trained == [
            f"Cu {trainer} model trained on {one}" for one in (*REGIMES, "all of cold")
        ]
        assert f"Cu {trainer} evaluation on test_melt trained on warm" in names
        assert f"Cu {trainer} evaluation on test_melt trained on all of cold" in names
    assert names[-1] == "Cu transfer study"
    jobs = {job.name: job for job in jobs_of(flow)}
    assert jobs["Cu transfer matrix dataset"].function_args[3] == "transfer-matrix"
    whole = jobs["Cu transfer dataset"].function_args
    assert whole[3] == "transfer"
    assert whole[4] == {"train_on": "cold", "n_frames": 1000, "allow_missing": 10}
    assert flow_to_workflow(flow).name == "Cu transfer study"


def test_one_protocol_may_be_left_out_and_models_of_one_trainer_are_told_apart(jobs_of):
    two = road(ModelMaker(trainer="near"), FAILS)
    names = [job.name for job in jobs_of(TransferStudyMaker(article=False).make({"Cu": two}))]
    assert len(set(names)) == len(names)
    assert "Cu near model 2 trained on warm" in names
    assert not any("all of" in one or one == "Cu transfer dataset" for one in names)
    names = [job.name for job in jobs_of(TransferStudyMaker(matrix=False).make({"Cu": road()}))]
    assert "Cu transfer matrix dataset" not in names
    assert [one for one in names if "model" in one] == ["Cu near model trained on all of cold"]


@pytest.mark.parametrize(
    ("fields", "change", "why"),
    [
        ({}, {"models": ()}, "no models"),
        ({}, {"regimes": (Regime.COLD,)}, "two temperatures"),
        ({}, {"regimes": (Regime.WARM, Regime.MELT)}, "not among"),
        ({}, {"split": "grid", "split_options": {}}, "full and fraction"),
        ({"matrix": False, "article": False}, {}, "or both"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_runs(fields, change, why):
    with pytest.raises(InputError, match=why):
        TransferStudyMaker(**fields).make({"Cu": replace(road(), **change)})
    with pytest.raises(InputError, match="needs a metal"):
        TransferStudyMaker().make({})


def test_it_survives_its_document():
    maker = TransferStudyMaker(article=False, resampling=QUICK)
    assert json.loads(maker.to_json(), cls=MontyDecoder) == maker
    yaml.safe_load(yaml.safe_dump(maker.settings()))


@pytest.fixture(scope="module")
def ran(database_server, tmp_path_factory):
    """The archive after a study of two models, of which the second fails where forces are large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("transfer"))
        patch.setenv("TM23_DB_PATH", str(database_server.path))
        patch.setenv("TM23_DATABASE", "transfer-study")
        patch.delenv("TM23_MONGO_URI", raising=False)
        flow = TransferStudyMaker(resampling=QUICK).make(
            {"Cu": road(ModelMaker("model", "near"), FAILS)}
        )
        done = run_locally(flow, store=JobStore(MemoryStore()), log=False)
        archive = Archive.open()
        output = done[flow.jobs[-1].uuid][1].output
        yield archive, output, archive.get(Study, output["study_id"])


def trainings(study, protocol="matrix", number=0):
    (metal,) = study.results.metals
    return [one for one in metal.trainings if (one.protocol, one.number) == (protocol, number)]


def test_numbers_are_those_of_the_evaluations(ran):
    archive, _, study = ran
    rows = trainings(study)
    assert [one.trained_on for one in rows] == list(REGIMES)
    for row in rows:
        assert [cell.tested_on for cell in row.cells] == list(REGIMES)
        for cell in row.cells:
            evaluation = archive.get(Evaluation, cell.evaluation_id)
            assert evaluation.part == f"test_{cell.tested_on}"
            stored = evaluation.errors[0].force
            found = cell.force.mae.value, cell.force.rmse.value, cell.force.percent.value
            assert found == pytest.approx((stored.mae, stored.rmse, stored.percent))
            assert cell.force.mae.low < stored.mae < cell.force.mae.high
            assert (cell.n_frames, cell.stress) == (7, None)
        model = archive.get(Model, row.model_id)
        assert model.part == f"train_{row.trained_on}"
        assert row.n_train == 5


def test_no_model_was_tested_on_what_it_was_trained_on(ran):
    archive, _, study = ran
    for row in (*trainings(study), *trainings(study, "article")):
        parts = archive.get(Dataset, row.dataset_id).parts
        trained = set(parts[archive.get(Model, row.model_id).part])
        for cell in row.cells:
            assert not trained & set(parts[f"test_{cell.tested_on}"])


def test_the_penalty_is_against_the_model_of_the_tested_temperature(ran):
    _, _, study = ran
    by_name = {one.trained_on: one for one in trainings(study)}
    for row in by_name.values():
        for cell in row.cells:
            home = by_name[cell.tested_on].cell(cell.tested_on)
            assert (cell.penalty is None) == (row.trained_on == cell.tested_on)
            if cell.penalty:
                expected = cell.force.percent.value - home.force.percent.value
                assert cell.penalty.percent.value == pytest.approx(expected)
    penalty = by_name["cold"].cell("melt").penalty
    assert penalty.percent.value > 0
    assert penalty.adjusted_p < 0.05
    # of a few test frames nothing is said, however small p is
    assert penalty.verdict == "unresolved"


def test_the_articles_transfer_is_of_all_frames(ran):
    archive, _, study = ran
    (row,) = trainings(study, "article")
    assert (row.trained_on, row.n_train) == ("cold", 12)
    assert [(cell.tested_on, cell.n_frames) for cell in row.cells] == [("warm", 12), ("melt", 12)]
    assert all(cell.penalty is None for cell in row.cells)
    warm, melt = (cell.force for cell in row.cells)
    assert (row.rise.first, row.rise.last) == ("warm", "melt")
    assert row.rise.mae.value == pytest.approx(melt.mae.value - warm.mae.value)
    assert row.rise.percent.value == pytest.approx(melt.percent.value - warm.percent.value)
    assert archive.get(Dataset, row.dataset_id).rule == "transfer"


def test_a_model_that_failed_is_a_gap_and_is_said(ran):
    archive, output, study = ran
    failed = [one for one in trainings(study, number=1) if one.model_id is None]
    assert failed
    assert all("training failed" in cell.reason for one in failed for cell in one.cells)
    assert any(
        one.startswith("Cu: near 2 trained on melt (matrix) was not measured on cold, warm, melt")
        for one in study.warnings
    )
    assert output["missing"] == len(failed)
    assert output["measured"] == 8 - len(failed)
    # Where the other one was tested it has no penalty, because nothing is there to compare with.
    there = [one for one in trainings(study, number=1) if one.model_id]
    assert there
    lost = {one.trained_on for one in failed}
    assert all(c.penalty is None for one in there for c in one.cells if c.tested_on in lost)
    assert archive.trace(study.id).complete
    assert audit(archive).ok


def test_the_page_shows_every_number_and_every_gap(ran):
    archive, _, study = ran
    found = section(archive, study)
    assert found.title == "Transfer study of Cu"
    assert len(found.drawings) == 2
    assert all(len(row) == len(one.columns) for one in found.tables for row in one.rows)
    assert any(
        "training failed" in cell for one in found.tables for row in one.rows for cell in row
    )
    assert any(one.startswith("Cu, near: trained on all cold frames") for one in found.answer)
