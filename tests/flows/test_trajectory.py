"""The Maker of trajectories and frames."""

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.trajectory import Sampling, TrajectoryMaker

SMALL = {"n_steps": 40, "sampling": Sampling(20, 5, 4)}


def make(temperature_K=339.4, **fields):
    maker = TrajectoryMaker(**{**SMALL, **fields})
    return maker.make("structure", "Cu", "cold", temperature_K)


def test_the_defaults_are_the_papers():
    maker = TrajectoryMaker()
    assert maker.n_steps == 11_000
    assert maker.timestep_fs == 5.0
    assert maker.damping_fs == 200.0  # a Nose mass of 40 steps
    assert (maker.sampling.discard, maker.sampling.stride, maker.sampling.count) == (1000, 10, 1000)


def test_the_selection_takes_the_run_that_was_made(jobs_of):
    flow = make()
    run, frames = jobs_of(flow)
    assert [one.config.manager_config["_category"] for one in (run, frames)] == ["aimd", "analyse"]
    assert frames.function_args[0].uuid == run.uuid
    assert flow.output.uuid == frames.uuid


def test_fields_reach_the_jobs(jobs_of):
    recipe = Recipe(engine="gpaw", cutoff_eV=300)
    flow = make(recipe=recipe, seed=3, timestep_fs=2.0, damping_fs=30.0, segment_steps=7)
    run, frames = jobs_of(flow)
    structure, given, dynamics, n_steps, segment_steps, regime = run.function_args
    assert (structure, n_steps, segment_steps, regime) == ("structure", 40, 7, "cold")
    assert Recipe(**given).id == recipe.id
    assert (dynamics["temperature_K"], dynamics["timestep_fs"]) == (339.4, 2.0)
    assert (dynamics["damping_fs"], dynamics["seed"]) == (30.0, 3)
    assert frames.function_args[1:] == (20, 5, 4)


@pytest.mark.parametrize("temperature", [-300.0, 0.0, float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(InputError, match="temperature"):
        make(temperature)


def test_a_run_that_is_too_short_is_refused_before_it_runs():
    with pytest.raises(InputError, match="39 steps but 40"):
        make(n_steps=39)


def test_it_survives_its_document(jobs_of):
    maker = TrajectoryMaker(**SMALL, recipe=Recipe(engine="emt", sigma_eV=1.0), seed=2)
    back = TrajectoryMaker.from_dict(maker.as_dict())
    pairs = [jobs_of(one.make("s", "Cu", "cold", 300.0)) for one in (maker, back)]
    assert pairs[0][0].function_args == pairs[1][0].function_args
    assert pairs[0][1].function_args[1:] == pairs[1][1].function_args[1:]
    assert isinstance(back.recipe, Recipe)
    assert isinstance(back.sampling, Sampling)
