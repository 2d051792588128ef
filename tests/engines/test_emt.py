"""The effective-medium engine."""

import pytest
from ase.build import bulk

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.emt import ELEMENTS, EmtEngine
from tm23flows.errors import InputError


def test_recipes_lose_what_emt_does_not_have_and_keep_what_tests_vary():
    engine = EmtEngine(None)
    asked = Recipe(engine="emt", cutoff_eV=350, kmesh=(3, 3, 3), sigma_eV=1.0)
    complete = engine.complete(asked, ELEMENTS)
    assert complete.cutoff_eV is None
    assert complete.kmesh == (3, 3, 3)
    assert complete.sigma_eV == 1.0
    assert engine.complete(complete, ["Cu"]).id == complete.id
    assert engine.complete(asked.model_copy(update={"cutoff_eV": 1.0}), ["Cu"]).id == complete.id


def test_other_elements_are_refused():
    with pytest.raises(InputError, match="Os, Ti"):
        EmtEngine(None).complete(Recipe(engine="emt"), ["Ti", "Cu", "Os"])


def test_it_says_what_it_is():
    engine = EmtEngine(None)
    assert set(engine.versions()) == {"ase"}
    assert "EMT" in engine.inputs(Recipe(engine="emt"))["calculator"]


def test_every_step_and_label_has_its_account():
    engine, atoms = EmtEngine(None), bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    recipe = engine.complete(Recipe(engine="emt"), ["Cu"])
    steps = list(engine.run_md(atoms, recipe, Dynamics(temperature_K=300), 4))
    for result in (*(step.result for step in steps), *engine.label([atoms], recipe)):
        assert result.effort.cpu_s > 0
        assert result.effort.wall_s > 0
        assert result.effort.cores == 1
        assert result.effort.max_memory_bytes > 1e7
