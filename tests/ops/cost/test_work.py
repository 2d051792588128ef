"""Kinds of work: the same where the cost is the same, and sizes of a calculation."""

import numpy as np
import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.ops.cost.work import (
    LABEL,
    STEP,
    Kind,
    calculation_kind,
    calculation_sizes,
    is_complete,
    training_kind,
)
from tm23flows.science.cost_laws import plane_waves
from tm23flows.trainers.base import get_trainer

CELL = np.diag([7.0, 7.0, 8.0])


def fields(**given):
    return Recipe(**{"engine": "vasp", "cutoff_eV": 520, **given}).model_dump(mode="json")


def test_sizes_of_a_plane_wave_calculation():
    sizes = calculation_sizes("Cu", 31, CELL, fields(kmesh=(3, 3, 3)))
    assert sizes == {
        "atoms": 31,
        "electrons": 31 * 17,
        "plane_waves": pytest.approx(plane_waves(392.0, 520)),
        "k_points": 14,  # Gamma, and the others in pairs
    }
    assert is_complete(Kind("vasp", LABEL), sizes)


def test_the_dataset_of_the_recipe_counts():
    recipe = fields(pseudopotentials={"Cu": "PAW_PBE Cu 22Jun2005 sha256:00"})
    assert calculation_sizes("Cu", 10, CELL, recipe)["electrons"] == 110


def test_sizes_of_a_potential():
    assert calculation_sizes("Cu", 31, CELL, fields(engine="emt")) == {"atoms": 31}
    assert is_complete(Kind("emt", STEP), {"atoms": 31.0})
    assert not is_complete(Kind("vasp", STEP), {"atoms": 31.0})


def test_the_stage_of_work():
    assert Kind("vasp", STEP).stage == "aimd"
    assert Kind("vasp", LABEL).stage == "label"
    model = fields(engine="model", xc="none", options={"model": "ab"})
    kind = calculation_kind(model, STEP, "flare")
    assert kind == Kind("model:flare", STEP)
    assert kind.stage == "train-gpu"


@pytest.mark.parametrize(
    ("trainer", "free", "other"),
    [
        ("nequip", {"max_epochs": 7, "learning_rate": 0.5}, {"l_max": 3}),
        ("flare", {"noise_energy": 0.02}, {"lmax": 2}),
    ],
)
def test_trainings_of_one_cost_are_of_one_kind(trainer, free, other):
    def kind(**changes):
        return training_kind(
            trainer, get_trainer(trainer).hyperparameters(**changes).model_dump(mode="json")
        )

    assert kind() == kind(**free)
    assert kind() != kind(**other)
    assert kind().stage == "train-gpu"
    assert kind().unit == {"nequip": "epoch", "flare": "training"}[trainer]
