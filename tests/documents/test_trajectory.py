"""Trajectories: a longer run continues the same one."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics, Segment, Trajectory


def make(dynamics=None, **fields):
    given = {
        "provenance": Provenance.now(),
        "structure_id": "s" * 64,
        "element": "Cu",
        "regime": "cold",
        "recipe": Recipe(engine="emt"),
        "dynamics": Dynamics(temperature_K=300, **(dynamics or {})),
    }
    return Trajectory(**{**given, **fields})


def test_more_segments_are_the_same_run():
    segments = (
        Segment(first_step=1, last_step=6, blob="a"),
        Segment(first_step=7, last_step=9, blob="b"),
    )
    assert make(segments=segments).id == make().id
    assert make().n_steps == 0
    assert make(segments=segments).n_steps == 9


@pytest.mark.parametrize(
    "change",
    [
        {"structure_id": "t" * 64},
        {"recipe": Recipe(engine="emt", sigma_eV=1.0)},
        {"dynamics": {"seed": 1}},
        {"dynamics": {"timestep_fs": 2.0}},
        {"dynamics": {"damping_fs": 50.0}},
        {"dynamics": {"initial_temperature_factor": 2.0}},
    ],
    ids=str,
)
def test_another_start_recipe_or_motion_is_another_run(change):
    assert make(**change).id != make().id


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature_K": -300},
        {"temperature_K": float("nan")},
        {"timestep_fs": 0},
        {"damping_fs": float("inf")},
        {"seed": -1},
    ],
    ids=str,
)
def test_senseless_dynamics_are_refused(wrong):
    with pytest.raises(ValidationError):
        Dynamics(**{"temperature_K": 300, **wrong})
