"""Recipes: read once, checked once, found by what they say."""

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import DatabaseError
from tm23flows.store import recipes as module
from tm23flows.store.query.words import Query
from tm23flows.store.recipes import KnownRecipes

WARM = Recipe(engine="emt", sigma_eV=1.0, kmesh=(2, 2, 2))
COLD = Recipe(engine="emt", sigma_eV=0.2, kmesh=(2, 2, 2))


@pytest.fixture
def labels(archive, make_frame, make_label):
    made = [make_label(make_frame(seed), recipe) for seed, recipe in enumerate([WARM, COLD, COLD])]
    archive.put(*made)
    return made


def test_recipes_are_found_by_what_they_say(archive, labels):
    known = KnownRecipes(archive.database)
    assert known.matching(Query.of(sigma_eV=1.0)) == [WARM.id]
    assert known.matching(Query.of(kmesh="2x2x2")) == sorted([WARM.id, COLD.id])
    assert known.matching(Query.of(recipe=COLD.id[:8])) == [COLD.id]
    assert known.matching(Query.of(recipe=COLD.id, sigma_eV=1.0)) == []
    assert known.matching(Query.of(where="recipe.xc!=PBE")) == []


def test_a_recipe_that_comes_later_is_found_too(archive, labels, make_frame, make_label):
    assert archive.labels(electron_shift=1.0).count() == 0
    archive.put(make_label(make_frame(9), Recipe(engine="emt", electron_shift=1.0)))
    assert archive.labels(electron_shift=1.0).count() == 1


def test_labels_of_one_recipe_share_it(archive, labels):
    first, second = archive.labels(sigma_eV=0.2)
    assert first.recipe is second.recipe
    assert first.recipe == COLD


def test_a_recipe_that_is_not_what_its_id_says_is_refused(archive, labels):
    found = list(archive.labels())  # so that the sound ones are known
    wanted = {"_id": found[-1].id}
    archive.database["labels"].update_one(wanted, {"$set": {"recipe.sigma_eV": 0.3}})
    with pytest.raises(DatabaseError, match=found[-1].id[:12]):
        list(archive.labels())
    with pytest.raises(DatabaseError, match=found[-1].id[:12]):
        archive.get_many(type(found[0]), [one.id for one in found])


def test_a_damaged_recipe_stops_a_query_about_recipes(archive, labels):
    damaged = {"$set": {"recipe.kmesh": "all of them"}}
    archive.database["labels"].update_one({"_id": labels[0].id}, damaged)
    with pytest.raises(DatabaseError, match=labels[0].id[:12]):
        KnownRecipes(archive.database).matching(Query.of(sigma_eV=1.0))


def test_a_recipe_that_is_gone_is_named(archive):
    with pytest.raises(DatabaseError, match="aaaaaaaaaaaa any more"):
        KnownRecipes(archive.database).of("a" * 64)


def test_memory_is_bounded(archive, labels, monkeypatch):
    monkeypatch.setattr(module, "MAX_REMEMBERED", 1)
    known = KnownRecipes(archive.database)
    for _ in range(2):
        assert (known.of(WARM.id), known.of(COLD.id)) == (WARM, COLD)


def test_without_convergence_tests_nothing_was_chosen(archive):
    assert archive.recipes.chosen() == []
