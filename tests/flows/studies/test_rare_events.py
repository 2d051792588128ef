"""The study of rare events: wired from roads, and run on a vacancy that walks through copper."""

import json
from dataclasses import replace

import numpy as np
import pytest
from monty.json import MontyDecoder

from tm23flows.documents.base import Provenance
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.rare_events import RareEventStudyMaker
from tm23flows.flows.studies.subjects import Subject, stored_subject
from tm23flows.ops.audit.invariants import audit
from tm23flows.report.studies.rare_events import section
from tm23flows.science.event_rule import EventRule

TRUE = Recipe(engine="emt", xc="none", kmesh=(3, 3, 3))
MAKER = RareEventStudyMaker(
    events=EventRule(persistence_fs=60),
    max_frames=40,
    batch_size=20,
    cheap_kmesh=[2, 2, 2],
    resampling=Resampling(resamples=200),
)


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def jobs_of(flow):
    return [j for one in flow.jobs for j in jobs_of(one)] if hasattr(flow, "jobs") else [flow]


def store_model(archive, dataset_id, trainer="scaled", factor=1.25):
    content = json.dumps({"factor": factor}).encode()
    model = Model(
        provenance=Provenance.now(), trainer=trainer, hyperparameters={"factor": factor}, seed=0,
        dataset_id=dataset_id, wall_s=0.0,
        files=(ModelFile(name="model.json", blob=archive.blobs.put(content)),),
    )  # fmt: skip
    archive.put(model)
    return model


def run(archive, run_flow, maker, subjects):
    flow = maker.measure(subjects)
    output = run_flow(flow)[flow.jobs[-1].uuid][1].output
    return output, archive.get(Study, output["study_id"])


def test_it_is_wired_whole_from_a_road():
    road = replace(make_tm23("Cu", "demo", "emt"), name="emt")
    jobs = jobs_of(RareEventStudyMaker().make({"Cu": road}))
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    assert names[-1] == "Cu rare events study"
    assert sum("cheap event labels" in name for name in names) == 4
    assert "Cu model 1 on rare events" in names
    categories = {job.name: job.config.manager_config["_category"] for job in jobs}
    assert {categories[name] for name in names if "event labels" in name} == {"label"}


def test_it_survives_its_document():
    assert json.loads(MAKER.to_json(), cls=MontyDecoder) == MAKER
    assert json.loads(json.dumps(MAKER.settings())) == MAKER.settings()


@pytest.mark.parametrize(
    "fields", [{"max_frames": 0}, {"batch_size": 0}, {"gap_fs": -1.0}, {"gap_fs": float("nan")}]
)
def test_senseless_settings_are_refused(fields):
    road = make_tm23("Cu", "demo", "emt")
    with pytest.raises(InputError, match="needs at least"):
        replace(MAKER, **fields).make({"Cu": road})
    with pytest.raises(InputError, match="needs a metal"):
        MAKER.make({})


def test_the_whole_study(archive, run_flow, walking_vacancy, scaled_trainer, electrons):
    electrons.noise = {2: 0.05, 3: 0.0}
    dataset = walking_vacancy(recipe=TRUE)
    good, bad = store_model(archive, dataset.id), store_model(archive, dataset.id, "gone")
    elsewhere = store_model(archive, None, factor=-1.0)
    subject = stored_subject(archive, dataset, [good.id, bad.id, elsewhere.id])
    output, study = run(archive, run_flow, MAKER, [subject])
    (metal,) = study.results.metals
    assert output["events"] == {"Cu": 8}
    assert metal.undefined is None
    assert (metal.source, metal.recipe_name) == ("runs", "emt 3x3x3")
    assert len(metal.frames) == 27
    assert metal.n_unlabelled == 0

    model, broken, opposite, *labels = metal.predictors
    truth = {one.frame_id: one for one in archive.labels(recipe=metal.recipe_id)}
    forces = np.array([truth[f.frame_id].forces[a] for f in metal.frames for a in f.re_atoms])
    sizes = np.linalg.norm(forces, axis=1)
    assert len(sizes) == model.score.n_atoms == 24
    # The exact oracle of forces that are scaled: no angle, and a part of the magnitude.
    assert model.score.re_a.value == 0
    assert model.score.re_f_eV_per_A.value == pytest.approx(0.25 * np.sqrt((sizes**2).mean()))
    assert model.score.re_m.low <= model.score.re_m.value <= model.score.re_m.high
    assert opposite.score.re_m.value == 0
    assert opposite.score.re_a.value == pytest.approx(1)
    assert "gone" in broken.failure
    assert model.force_rmse_quiet_eV_per_A > 0

    # The model from elsewhere has seen nothing that is known; the other one most events.
    assert opposite.unseen.n_events == 8
    assert 1 <= model.unseen.n_events < 8
    assert any("close in time to training frames of scaled" in one for one in study.warnings)

    # Labels of the run are the numbers of EMT without noise; the cheap ones are off by 0.05.
    by_name = {one.name: one for one in labels}
    assert set(by_name) == {"emt 1x1x1", "emt 2x2x2"}
    assert by_name["emt 1x1x1"].score.re_f_eV_per_A.value == pytest.approx(0, abs=1e-12)
    bar = metal.predictors[metal.bar]
    assert bar.name == "emt 2x2x2"
    assert bar.difference is None
    assert 0 < bar.score.re_f_eV_per_A.value <= 0.05 * np.sqrt(3)
    assert model.difference.re_f_eV_per_A.low > 0  # no better than the cheap labels
    expected = model.score.re_m.value - bar.score.re_m.value
    assert model.difference.re_m.value == pytest.approx(expected)

    assert set(study.parents) == {"datasets", "trajectories", "labels", "models", "evaluations"}
    ledger = audit(archive)
    assert ledger.ok, ledger.violations
    shown = section(archive, study)
    assert shown.drawings
    _again(archive, run_flow, subject, study)


def _again(archive, run_flow, subject, study):
    before = archive.database["studies"].find_one({"_id": study.id})
    _, second = run(archive, run_flow, MAKER, [subject])
    assert second.id == study.id
    assert archive.database["studies"].find_one({"_id": study.id}) == before


def test_labels_of_the_run_stand_in_where_none_can_be_computed(
    archive, run_flow, walking_vacancy, scaled_trainer
):
    dataset = walking_vacancy()
    model = store_model(archive, dataset.id)
    subject = Subject("Cu", StructureMaker(), None, ("warm",), dataset.id, (model.id,))
    _, study = run(archive, run_flow, MAKER, [subject])
    (metal,) = study.results.metals
    assert metal.recipe_name == "emt 1x1x1"
    assert metal.predictors[0].score.re_a.value == 0
    assert metal.bar is None
    assert any("there is no bar" in one for one in study.warnings)


def test_without_an_event_the_errors_are_undefined_and_say_why(
    archive, run_flow, walking_vacancy, walk, scaled_trainer
):
    _, arrays = walk
    shape = arrays["positions"].shape
    still = arrays["positions"][0] + np.random.default_rng(0).normal(0, 0.03, shape)
    dataset = walking_vacancy(still)
    model = store_model(archive, dataset.id)
    subject = Subject(
        "Cu", StructureMaker(), LabelMaker(recipe=TRUE), ("warm",), dataset.id, (model.id,)
    )
    _, study = run(archive, run_flow, MAKER, [subject])
    (metal,) = study.results.metals
    assert metal.undefined == "no atom hopped in the runs that were searched"
    assert metal.predictors[0].score.undefined is not None
    assert metal.predictors[0].score.re_m is None
    assert section(archive, study).answer


def test_a_whole_road_without_an_event_ends_with_reasons(archive, run_flow, scaled_trainer):
    """Seven atoms for a few steps: nothing hops, and what melted is said."""
    model = ModelMaker(trainer="scaled")
    road = replace(make_tm23("Cu", "demo", "emt"), name="emt", models=(model,))
    flow = replace(MAKER, max_frames=10, batch_size=10).make({"Cu": road})
    output = run_flow(flow)[flow.jobs[-1].uuid][1].output
    (metal,) = archive.get(Study, output["study_id"]).results.metals
    assert output["events"] == {"Cu": 0}
    assert {one.regime for one in metal.runs} == {"cold", "warm", "melt"}
    assert metal.undefined is not None
    assert metal.predictors[0].score is None or metal.predictors[0].score.undefined is not None
    for one in metal.runs:
        assert one.n_hops == 0 or one.not_searched is None
