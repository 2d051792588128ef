"""Wiring that the studies of label sets share: noise frames, order, and what the analysis is told."""

from dataclasses import replace

import pytest
from jobflow.core.reference import OutputReference, find_and_get_references

from tm23flows.documents.learning_curve import Resampling
from tm23flows.flows.studies.label_sets import LabelSetStudyMaker, wire_sets
from tm23flows.science.paired_errors import NOISE_TAKEN_OUT


@pytest.fixture
def wire(label_set_road):
    """A function that wires two widths of copper."""

    def wire(road=None, **fields):
        study = LabelSetStudyMaker(**fields)
        road = study.with_rule(road or label_set_road())
        label = replace(road.label, sigma_variants_eV=(1.0,))
        return wire_sets(study, road, "Cu", [label], ["a", "b"])

    return wire


def every_job(wired):
    found = []
    for flow in wired.flows:
        found += (
            [job for inner in flow.jobs for job in getattr(inner, "jobs", [inner])]
            if hasattr(flow, "jobs")
            else [flow]
        )
    return found


def test_all_that_the_analysis_waits_for_is_among_the_jobs(wire):
    wired = wire()
    uuids = {job.uuid for job in every_job(wired)}
    references = find_and_get_references(wired.wired)
    assert references
    assert all(isinstance(one, OutputReference) for one in references)
    assert {one.uuid for one in references} <= uuids
    assert len(wired.wired["datasets"]) == len(wired.wired["models"]) == 2


def test_noise_frames_are_the_last_ones_as_those_of_the_convergence(wire):
    wired = wire(n_noise_frames=2)
    frames = wired.wired["noise"]["frame_ids"]
    assert len(frames) == 3 * 2
    assert [one.attributes[-1][1] for one in frames] == [-2, -1] * 3
    denser = [job for job in every_job(wired) if "denser labels" in job.name]
    assert [job.function_args[2:4] for job in denser] == [(-2, 0)] * 3
    assert [len(some) for some in wired.wired["noise"]["recipe_ids"]] == [3, 3]


def test_the_model_of_the_study_is_the_only_one(wire, label_set_road):
    road = label_set_road()
    names = [job.name for job in every_job(wire(road))]
    assert [name for name in names if "model" in name] == ["Cu flare model a", "Cu flare model b"]
    assert LabelSetStudyMaker().with_rule(road).extra_labels == ()


def test_a_mesh_that_is_not_converged_is_accepted_only_where_that_is_said(label_set_road):
    road = label_set_road()
    told = replace(road, convergence=replace(road.convergence, accept_densest=True))
    assert not LabelSetStudyMaker().with_rule(told).convergence.accept_densest
    allowed = LabelSetStudyMaker(allow_unconverged=True).with_rule(road)
    assert allowed.convergence.accept_densest


def test_what_the_analysis_is_told_is_complete():
    settings = LabelSetStudyMaker(resampling=Resampling(level=0.9, seed=4)).analysis_settings()
    assert settings["resampling"] == {
        "resamples": 2000, "level": 0.9, "seed": 4, "block_length": None,
    }  # fmt: skip
    assert settings["noise_taken_out"] == NOISE_TAKEN_OUT
    assert settings["allow_unconverged"] is False
