"""A model that was trained on the frames that test it is told apart."""

from dataclasses import replace

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.report.benchmark.seen import seen_lines
from tm23flows.report.benchmark.verdict import verdict_of
from tm23flows.report.chapters import chapters_of_models
from tm23flows.science.block_bootstrap import Bootstrap


@pytest.fixture
def trained_elsewhere(world, evaluated):
    """A function that says that the first model was trained on some labels of its test."""

    def make(n_labels):
        measured = next(one for one in evaluated if one.measured.model.dataset_id).measured
        ids = [one.id for one in world.labels["Cu"]]
        there = Dataset(
            provenance=Provenance.now(), element="Cu", rule="full", query={},
            parts={"train": ids[:n_labels], "rest": ids[n_labels:]},
        )  # fmt: skip
        world.archive.put(there)
        model = measured.model.model_copy(update={"dataset_id": there.id, "part": "train"})
        return replace(measured, model=model)

    return make


def test_frames_of_the_training_are_counted(world, trained_elsewhere):
    (line,) = seen_lines(world.archive, [trained_elsewhere(7)])
    assert "Cu-set, test: 7 of 40 frames were in its training" in line


def test_models_of_the_same_dataset_and_of_nobody_knows_which_say_nothing(world, evaluated):
    assert list(seen_lines(world.archive, [one.measured for one in evaluated])) == []


def test_the_page_says_it_before_the_errors(world, evaluated, trained_elsewhere):
    one = replace(evaluated[0], measured=trained_elsewhere(5))
    _, after = chapters_of_models(world.archive, [one], None)
    (section,) = next(chapter for chapter in after if chapter.anchor == "intervals").sections
    assert len(section.warnings) == 1


def test_the_answer_of_a_benchmark_says_it(world, evaluated, trained_elsewhere):
    measured = trained_elsewhere(3)
    made = measured.evaluation.model_copy(update={"model_id": measured.model.id})
    world.archive.put(measured.model, made)
    found = verdict_of(world.archive, [made], Bootstrap(resamples=100))
    for noun, one in (("models", measured.model), ("evaluations", made)):
        world.archive.database[noun].delete_one({"_id": one.id})
    assert len(found.seen) == 1
    assert verdict_of(world.archive, [evaluated[0].measured.evaluation]).seen == []
