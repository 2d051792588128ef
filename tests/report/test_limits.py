"""The sentences about what the numbers do not say."""

from types import SimpleNamespace

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Segment
from tm23flows.report.limits import limits
from tm23flows.report.records import datasets, trajectories


@pytest.fixture(scope="module")
def said(road):
    return limits(road, datasets(road), trajectories(road))


def about(sentences, word):
    return [sentence for sentence in sentences if word in sentence]


def test_the_small_cell_is_said_once_with_its_size(said, road):
    (sentence,) = about(said, "periodic images")
    assert "7 atoms" in sentence
    assert "at least 7 Å" in sentence


def test_the_short_runs_are_said(said):
    (sentence,) = about(said, "steps")
    assert "at most 48 steps, 0.24 ps" in sentence


def test_few_frames_and_shared_runs_are_said(said):
    assert about(said, "18 train, 6 test frames")
    assert about(said, "come from the same runs")


def test_an_engine_without_electrons_is_said(said):
    assert about(said, "effective-medium theory")


def test_runs_of_the_papers_length_need_no_excuse(road):
    long = Segment(first_step=1, last_step=11_000, blob="0")
    runs = [run.model_copy(update={"segments": (long,)}) for run in trajectories(road)]
    assert about(limits(road, [], runs), "steps") == []


@pytest.mark.parametrize(("cutoff_eV", "count"), [(350, 1), (520, 0)])
def test_a_low_cutoff_is_said(road, cutoff_eV, count):
    (named,) = datasets(road)
    recipe = Recipe(engine="gpaw", cutoff_eV=cutoff_eV)
    with_cutoff = SimpleNamespace(
        database=road.database,
        recipes=SimpleNamespace(of=lambda recipe_id: recipe),
        get_many=road.get_many,
        existing=road.existing,
    )
    assert len(about(limits(with_cutoff, [named], []), "plane waves up to 350 eV")) == count
