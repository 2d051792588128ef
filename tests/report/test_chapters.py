"""Chapters: what there is nothing of has none."""

from dataclasses import replace

from tm23flows.report.benchmark import verdict
from tm23flows.report.benchmark.arrays import read_benchmark
from tm23flows.report.chapters import chapters_of_models, chapters_of_runs
from tm23flows.report.records import trajectories


def anchors(chapters):
    return [one.anchor for one in chapters]


def test_models_have_intervals_and_are_compared(world):
    before, after = chapters_of_models(world.archive, read_benchmark(world.archive), None)
    assert anchors(before) == []  # one metal
    assert anchors(after)[:2] == ["intervals", "significance"]
    assert all(one.sections for one in after)


def test_without_a_model_there_is_nothing_to_say(road):
    assert chapters_of_models(road, [], None) == ([], [])


def test_runs_have_their_radial_distribution_functions(road):
    chapters = chapters_of_runs(road, trajectories(road), None)
    assert anchors(chapters) == ["rdf", "cost"]
    (section,) = chapters[0].sections
    assert [row[1] for row in section.tables[0].rows] == ["cold", "warm", "melt"]


def test_another_zero_of_energy_is_said(world, monkeypatch):
    evaluated = read_benchmark(world.archive)
    _, after = chapters_of_models(world.archive, evaluated, None)
    assert after[0].sections[0].answer == ()  # trained on these energies
    foreign = evaluated[0].measured
    model = foreign.model.model_copy(update={"dataset_id": None})
    monkeypatch.setattr(verdict.EnergyOffset, "matters", True)
    moved = replace(evaluated[0], measured=replace(foreign, model=model))
    _, after = chapters_of_models(world.archive, [moved], None)
    (sentence,) = after[0].sections[0].answer
    assert "without that constant the MAE is" in sentence
