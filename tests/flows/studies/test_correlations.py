"""The Maker of the correlation study: its wiring, and whole runs of several metals with EMT."""

import json
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from ase.io import read
from jobflow import Flow, JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.study import Study
from tm23flows.errors import InputError, TrainingError
from tm23flows.flows.elastic_constants import ElasticConstantsMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.studies import correlations
from tm23flows.flows.studies.correlations import CorrelationStudyMaker
from tm23flows.flows.trajectory import Sampling
from tm23flows.ops.audit.invariants import audit
from tm23flows.report.studies.correlations import section
from tm23flows.science.correlations import Analysis
from tm23flows.science.sampling import steps_needed
from tm23flows.trainers.base import TRAINERS, Hyperparameters, Predictions, TrainResult

FAST = Analysis(resamples=200, permutations=999)
COARSE = ElasticConstantsMaker(spacing_per_A=1.0)
SHORT = Sampling(discard=4, stride=1, count=4)
PERCENT = {"Cu": 5.0, "Ag": 4.0, "Au": 3.0, "Pt": 8.0}


class OffsetHyperparameters(Hyperparameters):
    percent: float = 1.0


class OffsetTrainer:
    """Knows the true forces, and misses them by a share of themselves that it is told."""

    name = "offset"

    def hyperparameters(self, **overrides):
        return OffsetHyperparameters(**overrides)

    def train(self, dataset_dir, hyperparameters, workdir, seed, course=None):
        if hyperparameters.percent < 0:
            raise TrainingError("The training did not end.", "diverged")
        workdir.mkdir(parents=True)
        path = workdir / "model.json"
        path.write_text(json.dumps({"percent": hyperparameters.percent}))
        return TrainResult({"model.json": path}, [], {}, {"offset": "1.0"}, 0.1)

    def predict(self, model_dir, frames_file, workdir):
        share = 1 + json.loads((model_dir / "model.json").read_text())["percent"] / 100
        frames = read(frames_file, ":")
        return Predictions(
            energies=np.array([one.get_potential_energy() for one in frames]),
            forces=tuple(share * one.get_forces() for one in frames),
            stresses=None,
            uncertainties=None,
        )


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def offset(monkeypatch):
    """The stand-in under its name."""
    module = ModuleType("offset_trainer")
    module.OffsetTrainer = OffsetTrainer
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(TRAINERS, "offset", "offset_trainer:OffsetTrainer")


def road(element, engine="emt", **fields):
    """The demonstration with shorter runs."""
    demo = make_tm23(element, "demo", engine)
    n_steps = steps_needed(SHORT.discard, SHORT.stride, SHORT.count)
    trajectory = replace(demo.trajectory, sampling=SHORT, n_steps=n_steps, segment_steps=n_steps)
    label = replace(demo.label, batch_size=SHORT.count)
    return replace(demo, **{"trajectory": trajectory, "label": label, **fields})


def offset_roads(percents):
    return {
        element: road(
            element, models=(ModelMaker(trainer="offset", hyperparameters={"percent": percent}),)
        )
        for element, percent in percents.items()
    }


def jobs_of(flow):
    if not isinstance(flow, Flow):
        return [flow]
    return [job for inner in flow.jobs for job in jobs_of(inner)]


def test_each_metal_goes_its_road_and_all_meet_in_one_job():
    flow = CorrelationStudyMaker().make({one: road(one, "gpaw") for one in ("Cu", "Ti")})
    names = [job.name for job in jobs_of(flow)]
    assert len(set(names)) == len(names)
    assert names[-1] == "correlations"
    for element in ("Cu", "Ti"):
        of_metal = [one for one in names if one.startswith(f"{element} ")]
        for wanted in (
            "structure", "dataset", "flare model", "flare evaluation", "strained cells",
            "elastic constants", "frames of the densities of states",
        ):  # fmt: skip
            assert f"{element} {wanted}" in of_metal
        # The study compares one trainer and needs no second recipe.
        assert not any("nequip" in one or "1.0 eV" in one for one in of_metal)
        spectra = [one for one in of_metal if "densities of states" in one and "spectra" in one]
        assert len(spectra) == 1
    given = jobs_of(flow)[-1].function_args[0]
    assert [one["family"] for one in given] == ["fcc", "hcp"]
    assert given[0]["convergence_id"] is None


def test_densities_of_states_are_of_the_melt_and_of_the_recipe_of_the_labels():
    flow = CorrelationStudyMaker(n_dos_frames=2, dos_seed=5).make({"Cu": road("Cu", "gpaw")})
    jobs = {job.name: job for job in jobs_of(flow)}
    choice = jobs["Cu frames of the densities of states"]
    assert choice.function_args[1:] == ("test", "melt", 2, 5)
    (spectra,) = [job for name, job in jobs.items() if "with spectra" in name]
    assert spectra.function_args[2:4] == (-2, 0)
    assert spectra.function_args[1][0]["kmesh"] == [3, 3, 3]
    assert spectra.maker.spectra
    strained = next(job for name, job in jobs.items() if "strained labels" in name)
    assert not strained.maker.spectra


def test_only_what_cannot_be_misread_runs_after_a_failure():
    """A label without the mesh of its convergence test would be one on another mesh."""
    flow = CorrelationStudyMaker().make({"Cu": road("Cu", "gpaw")})
    spared = {
        one.name for one in flow_to_workflow(flow).fws if one.spec.get("_allow_fizzled_parents")
    }
    assert "correlations" in spared
    assert {"Cu flare model", "Cu flare evaluation", "Cu elastic constants"} <= spared
    assert not any("labels 3x3x3" in one or "dataset" in one for one in spared)
    assert not any("densities" in one for one in spared)


def test_a_whole_study_with_emt_is_on_record(archive, offset, run_flow):
    maker = CorrelationStudyMaker(trainer="offset", elastic=COARSE, analysis=FAST)
    flow = maker.make(offset_roads(PERCENT))
    out = run_flow(flow)[flow.jobs[-1].uuid][1].output
    study = archive.get(Study, out["study_id"])
    rows = {row.element: row for row in study.results.metals}
    assert {name: row.force_percent for name, row in rows.items()} == pytest.approx(PERCENT)
    assert rows["Cu"].values["cauchy_pressure_eV_per_A3"] == pytest.approx(0.155, abs=0.05)
    assert rows["Pt"].values["melting_temperature_K"] == pytest.approx(2041, abs=5)
    assert len(study.parents["elastic_constants"]) == 4
    # Four metals cannot show anything: the best order of 24 comes up twice in 24.
    assert out["correlated"] == []
    trends = {one.predictor: one for one in study.results.trends if one.error == "force_percent"}
    assert trends["melting_temperature_K"].n == 4
    assert trends["d_band_centre_eV"].n == 0
    assert any("the engine emt has no electrons" in one for one in study.warnings)
    assert any("without a convergence test" in one for one in study.warnings)
    assert archive.trace(study.id).complete
    assert audit(archive).ok
    assert len(section(archive, study).drawings) == 2


def test_densities_of_states_come_in_once_where_there_are_electrons(
    archive, offset, run_flow, emt_spectra, monkeypatch
):
    monkeypatch.setattr(correlations, "WITHOUT_ELECTRONS", ())
    maker = CorrelationStudyMaker(trainer="offset", elastic=None, analysis=FAST, n_dos_frames=1)
    for _ in range(2):
        flow = maker.make(offset_roads({"Cu": 5.0, "Ag": 4.0}))
        out = run_flow(flow)[flow.jobs[-1].uuid][1].output
    assert archive.database["studies"].count_documents({}) == 1
    study = archive.get(Study, out["study_id"])
    assert len(study.parents["densities_of_states"]) == 2
    assert all("d_band_centre_eV" in row.values for row in study.results.metals)
    assert any("elastic constants were not asked for" in one for one in study.warnings)


def test_a_metal_whose_training_fails_is_a_gap(archive, offset):
    flow = CorrelationStudyMaker(trainer="offset", elastic=None, analysis=FAST).make(
        offset_roads({"Cu": 5.0, "Ag": -1.0})
    )
    responses = run_locally(flow, store=JobStore(MemoryStore()), log=False)
    out = responses[flow.jobs[-1].uuid][1].output
    assert out["missing"] == ["Ag"]
    study = archive.get(Study, out["study_id"])
    assert any(one.startswith("Ag:") and "no evaluation" in one for one in study.warnings)
    assert study.results.metals[1].family == "fcc"


def test_given_constants_cover_the_metals_that_they_cover():
    cubic = np.diag([100.0, 100, 100, 50, 50, 50]).tolist()
    elastic = ElasticConstantsMaker(given={"Cu": cubic}, source="a book")
    flow = CorrelationStudyMaker(elastic=elastic).make({one: road(one) for one in ("Cu", "Ag")})
    given = {one["element"]: one for one in jobs_of(flow)[-1].function_args[0]}
    assert "elastic_constants_id" in given["Cu"]
    assert "elastic_constants_id" not in given["Ag"]
    assert any("not among the given ones" in one for one in given["Ag"]["unavailable"])
    assert jobs_of(flow)[-1].function_args[3]["elastic"] == {"source": "a book"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"trainer": "allegro"}, "0 models of allegro"),
        ({"n_dos_frames": -1}, "no -1 densities"),
        ({"elastic": ElasticConstantsMaker(strain=1.0)}, "strain must be between"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_runs(fields, why):
    with pytest.raises(InputError, match=why):
        CorrelationStudyMaker(**fields).make({"Cu": road("Cu")})


def test_metals_are_tested_on_one_part_and_there_is_one():
    with pytest.raises(InputError, match="at least one metal"):
        CorrelationStudyMaker().make({})
    other = road("Ag", models=(ModelMaker(test_parts=["train"]),))
    with pytest.raises(InputError, match="tested on one part, not on test and train"):
        CorrelationStudyMaker().make({"Cu": road("Cu"), "Ag": other})


def test_it_survives_its_document():
    maker = CorrelationStudyMaker(analysis=FAST, elastic=COARSE, n_dos_frames=1)
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    assert isinstance(back, CorrelationStudyMaker)
    assert back.analysis_settings() == maker.analysis_settings()
    names = [[job.name for job in jobs_of(one.make({"Cu": road("Cu")}))] for one in (maker, back)]
    assert names[0] == names[1]


@pytest.mark.slow
def test_a_study_with_flare(archive, run_flow):
    pytest.importorskip("flare")
    small = {"nmax": 4, "lmax": 2, "starts": 1, "max_iterations": 5}
    roads = {
        one: road(one, models=(ModelMaker(trainer="flare", hyperparameters=small),))
        for one in ("Cu", "Ag", "Au")
    }
    flow = CorrelationStudyMaker(elastic=COARSE, analysis=FAST).make(roads)
    out = run_flow(flow)[flow.jobs[-1].uuid][1].output
    study = archive.get(Study, out["study_id"])
    assert all(0 < row.force_percent < 200 for row in study.results.metals)
    assert {one.verdict for one in study.results.trends} <= {"null result", "not tested"}
