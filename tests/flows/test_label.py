"""The Maker of labels: batches that meet without gap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker


@given(count=st.integers(1, 200), batch=st.integers(1, 60), more=st.integers(0, 20))
def test_batches_cover_the_last_frames_once(count, batch, more):
    frames = [f"frame {n}" for n in range(count + more)]
    flow = LabelMaker(batch_size=batch).make(frames, count, "Cu", "cold")
    taken = []
    for job in flow.jobs:
        ids, _, first, last, _ = job.function_args
        part = ids[first : last or None]
        assert 0 < len(part) <= batch
        taken += part
    assert taken == frames[more:]
    assert len({job.name for job in flow.jobs}) == len(flow.jobs)


def test_the_paper_size_of_a_batch_is_fifty():
    flow = LabelMaker().make(["id"] * 1000, 1000, "Cu", "melt")
    assert len(flow.jobs) == 20
    assert all(job.config.manager_config["_category"] == "label" for job in flow.jobs)


def test_the_recipe_reaches_every_batch():
    recipe = Recipe(engine="gpaw", cutoff_eV=520, kmesh=(3, 3, 3), sigma_eV=1.0, electron_shift=-1)
    flow = LabelMaker(recipe=recipe, batch_size=2).make(["id"] * 5, 5, "Cu", "cold")
    assert {Recipe(**job.function_args[1][0]).id for job in flow.jobs} == {recipe.id}
    assert "3x3x3" in flow.name
    assert "1.0 eV" in flow.name


def test_other_problems_have_other_names():
    base = Recipe(engine="emt")
    changes = [{}, {"sigma_eV": 1.0}, {"kmesh": (2, 2, 2)}, {"electron_shift": 1.0}]
    names = {
        LabelMaker(recipe=base.model_copy(update=change)).make(["id"], 1, "Cu", "cold").name
        for change in changes
    }
    assert len(names) == len(changes)


def test_no_frames_is_no_job():
    assert LabelMaker().make([], 0, "Cu", "cold").jobs == ()


def test_it_survives_its_document():
    maker = LabelMaker(recipe=Recipe(engine="emt", kmesh=(3, 3, 3)), batch_size=7)
    back = LabelMaker.from_dict(maker.as_dict())
    flows = [one.make(["id"] * 9, 9, "Cu", "cold") for one in (maker, back)]
    args = [[job.function_args for job in flow.jobs] for flow in flows]
    assert args[0] == args[1]


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_at_least_one_frame(size):
    with pytest.raises(InputError, match="batch"):
        LabelMaker(batch_size=size).make(["id"], 1, "Cu", "cold")


def test_smearing_widths_of_a_frame_share_a_job():
    recipe = Recipe(engine="emt", sigma_eV=0.2)
    flow = LabelMaker(recipe=recipe, sigma_variants_eV=(1.0, 2.0)).make(["id"], 1, "Os", "melt")
    (job,) = flow.jobs
    assert [one["sigma_eV"] for one in job.function_args[1]] == [0.2, 1.0, 2.0]
    assert "0.2, 1.0, 2.0 eV" in job.name


def test_the_verdict_of_a_convergence_reaches_every_batch():
    flow = LabelMaker(batch_size=2).make(["id"] * 4, 4, "Cu", "cold", {"kmesh": [5, 5, 5]})
    assert [job.function_args[4] for job in flow.jobs] == [{"kmesh": [5, 5, 5]}] * 2
    assert all("converged" in job.name for job in flow.jobs)


def test_spectra_are_asked_of_every_batch_and_seen_in_its_name():
    maker = LabelMaker(batch_size=2, spectra=True)
    flow = LabelMaker.from_dict(maker.as_dict()).make(["id"] * 4, 4, "Cu", "melt")
    assert all(job.maker.spectra for job in flow.jobs)
    assert all("with spectra" in job.name for job in flow.jobs)
    plain = LabelMaker(batch_size=2).make(["id"] * 4, 4, "Cu", "melt")
    assert not any(job.maker.spectra for job in plain.jobs)
    assert plain.name != flow.name
