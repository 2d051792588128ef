"""The Maker of a benchmark: what is wired, and what is refused before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from jobflow import Flow, Maker, job

from tm23flows.errors import InputError
from tm23flows.flows.benchmark import BenchmarkMaker, check_studies
from tm23flows.flows.studies import scales
from tm23flows.flows.studies.scales import Kind
from tm23flows.flows.studies.subjects import Subject

EMT = {"calculator": "ase.calculators.emt:EMT"}


@job
def look(element, dataset_id, model_ids, strength):
    """Stand for the job of a study."""
    return {"study_id": "0" * 64, "seen": [element, dataset_id, model_ids, strength]}


@dataclass
class ToyMaker(Maker):
    """A study that measures models."""

    name: str = "toy"
    strength: int = 1

    def measure(self, subjects: list[Subject]) -> Flow:
        (one,) = subjects
        seen = look(one.element, one.dataset_id, list(one.model_ids), self.strength)
        return Flow([*one.flows, seen], output=seen.output)


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.setitem(scales.KINDS, "toy", Kind(ToyMaker, ("Cu",)))


def test_every_model_is_measured_on_every_part_and_in_the_studies(emt_copy, run_flow):
    dataset = emt_copy.dataset("Cu-demo")
    maker = BenchmarkMaker(
        calculator=EMT, parts=["test", "train"], studies={"toy": {"strength": "7"}}
    )
    flow = maker.make(emt_copy, dataset)
    outputs = {uuid: found[1].output for uuid, found in run_flow(flow).items()}
    (study,) = [one for one in outputs.values() if "study_id" in one]
    (made,) = [one for one in outputs.values() if "versions" in one]
    tests = [one for one in outputs.values() if "evaluation_id" in one]
    assert study["seen"] == ["Cu", dataset.id, [made["model_id"]], 7]
    assert len({one["evaluation_id"] for one in tests}) == 2
    # the model of the archive alone is measured in the same way
    again = BenchmarkMaker(model_ids=[made["model_id"]], parts=["train"]).make(emt_copy, dataset)
    (found,) = run_flow(again).values()
    assert found[1].output in tests


def test_names_of_jobs_are_unique(emt_archive):
    maker = BenchmarkMaker(calculator=EMT, model_ids=["a" * 64, "b" * 64], parts=["test", "train"])
    flow = maker.make(emt_archive, emt_archive.dataset("Cu-demo"))
    names = [job.name for job, _ in flow.iterflow()]
    assert len(names) == len(set(names)) == 7
    assert {job.config.manager_config["_category"] for job, _ in flow.iterflow()} == {"train-gpu"}


def test_parts_for_training_are_not_tested_unless_asked(emt_archive):
    flow = BenchmarkMaker(calculator=EMT).make(emt_archive, emt_archive.dataset("Cu-demo"))
    assert [job.function_args[2] for job in flow.jobs[1:]] == ["test"]


def test_files_are_found_where_the_user_is(emt_archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.dat").write_text("1")
    told = {**EMT, "kwargs": {"path": "a.dat"}}
    flow = BenchmarkMaker(calculator=told).make(emt_archive, emt_archive.dataset("Cu-demo"))
    assert flow.jobs[0].function_args[0]["kwargs"] == {"path": str(tmp_path / "a.dat")}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "nothing to measure"),
        ({"calculator": {"calculator": "EMT"}}, "'EMT'"),
        ({"calculator": {}}, "tm23 bench"),
        ({"calculator": EMT, "parts": ["moon"]}, "no part 'moon'"),
        ({"calculator": EMT, "python": "/nowhere/python"}, "no interpreter"),
        ({"calculator": EMT, "studies": {"smearing": {}}}, "'smearing' that measures models"),
        ({"calculator": EMT, "studies": {"toy": {"colour": "1"}}}, "no setting 'colour'"),
        ({"calculator": EMT, "energy_reference": "zero"}, "energy reference"),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_refused_before_anything_runs(fields, why, emt_archive):
    with pytest.raises(InputError, match=why):
        BenchmarkMaker(**fields).make(emt_archive, emt_archive.dataset("Cu-demo"))


def test_studies_that_measure_models_are_named():
    with pytest.raises(InputError, match="phonons"):
        check_studies({"nothing": {}})
