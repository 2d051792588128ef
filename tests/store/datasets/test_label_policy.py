"""Labels of one recipe that all have the energy, or a sentence that says what to ask for."""

import pytest

from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.datasets.candidates import Candidate, find_candidates
from tm23flows.store.datasets.label_policy import check_energy, check_one_recipe, recipe_words


@pytest.fixture
def labels(archive, make_frame, make_label):
    frames = [make_frame(seed=seed, trajectory_id="t" * 64) for seed in range(3)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    return labels


def test_several_recipes_are_refused_by_their_settings(archive, labels, make_frame, make_label):
    wide = make_label(make_frame(seed=0), Recipe(engine="emt", xc="none", sigma_eV=1.0))
    archive.put(wide)
    check_one_recipe(archive, {one.recipe_id: one.id for one in labels})
    with pytest.raises(InputError, match=r"2 recipes .*sigma=1\.0"):
        check_one_recipe(archive, {one.recipe_id: one.id for one in [*labels, wide]})
    with pytest.raises(InputError, match=f"2 recipes .*recipe={wide.recipe_id[:12]}"):
        find_candidates(archive, "metal=Cu")
    assert find_candidates(archive, f"recipe={wide.recipe_id[:12]}") == [Candidate.of(wide)]


def test_of_many_recipes_some_are_named(archive, make_frame, make_label):
    frame = make_frame(seed=0)
    recipes = [Recipe(engine="emt", xc="none", cutoff_eV=100.0 + n) for n in range(7)]
    labels = [make_label(frame, recipe) for recipe in recipes]
    archive.put(frame, *labels)
    with pytest.raises(InputError, match=r"labels of 7 recipes .*; \.\.\.\)") as caught:
        check_one_recipe(archive, {one.recipe_id: one.id for one in labels})
    assert sum(recipe.id[:12] in str(caught.value) for recipe in recipes) == 6


def test_every_label_must_have_the_energy(labels, make_label, make_frame):
    found = [Candidate.of(label) for label in labels]
    check_energy(found, "sigma0")
    bare = Candidate.of(make_label(make_frame(seed=9), energies=Energies(unspecified=-1.0)))
    with pytest.raises(InputError, match=r"1 of 4 labels .*all of them have none in common"):
        check_energy([*found, bare], "free")
    with pytest.raises(InputError, match=r"3 of 3 .*'free' and 'sigma0' and 'without_entropy'"):
        check_energy(found, "unspecified")
    with pytest.raises(InputError, match="choose one of free, sigma0"):
        check_energy([], "total")


def test_recipes_in_words():
    recipe = Recipe(engine="vasp", kmesh=(3, 3, 3), electron_shift=-3.0)
    assert recipe_words(recipe) == f"vasp 3x3x3 sigma=0.2 shift=-3.0 recipe={recipe.id[:12]}"
