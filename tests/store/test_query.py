"""Queries: every word means what it says, and no operator comes from outside."""

import pytest

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.query import RECIPE_WORDS, Query

GAPS = [
    ("metal", "Cu", {"element": "Ag"}),
    ("regime", "warm", {"regime": "melt"}),
    ("temperature_K", 1018.3, {"temperature_K": 1019.0}),
    ("trajectory", "a" * 64, {"trajectory_id": "b" * 64}),
    ("first_step", 5, {"step": 4}),
    ("last_step", 7, {"step": 8}),
    ("engine", "emt", {"recipe": {"engine": "gpaw"}}),
    ("sigma_eV", 1.0, {"recipe": {"sigma_eV": 0.2}}),
    ("electron_shift", -1, {"recipe": {"electron_shift": 1.0}}),
    ("kmesh", "2x2x3", {"recipe": {"kmesh": (2, 3, 2)}}),
]
FIT = {
    "element": "Cu",
    "regime": "warm",
    "temperature_K": 1018.5,
    "trajectory_id": "a" * 64,
    "step": 6,
}
FIT_RECIPE = {"engine": "emt", "sigma_eV": 1.0, "electron_shift": -1.0, "kmesh": (2, 2, 3)}


@pytest.fixture
def make(make_frame, make_label):
    def pair(seed, **changes):
        recipe = Recipe(**{**FIT_RECIPE, **changes.pop("recipe", {})})
        frame = make_frame(seed=seed, **{**FIT, **changes})
        return frame, make_label(frame, recipe)

    return pair


@pytest.mark.parametrize(("word", "value", "other"), GAPS, ids=[gap[0] for gap in GAPS])
def test_each_word_keeps_what_fits_and_leaves_out_the_rest(archive, make, word, value, other):
    (frame, label), (wrong_frame, wrong_label) = make(1), make(2, **other)
    archive.put(frame, label, wrong_frame, wrong_label)
    assert [one.id for one in archive.labels(**{word: value})] == [label.id]
    assert [one.id for one in archive.frames(**{word: value})] == [frame.id]
    assert archive.count_labels(Query.of(**{word: value})) == 1
    assert archive.count_labels(Query.of()) == 2


def test_frames_and_recipes_are_found_by_their_ids(archive, make):
    (frame, label), (wrong_frame, wrong_label) = make(1), make(2, recipe={"sigma_eV": 0.2})
    archive.put(frame, label, wrong_frame, wrong_label)
    assert [one.id for one in archive.labels(frame=frame.id)] == [label.id]
    assert [one.id for one in archive.frames(frame=frame.id)] == [frame.id]
    assert [one.id for one in archive.labels(recipe=label.recipe_id)] == [label.id]
    assert [one.id for one in archive.frames(recipe=label.recipe_id)] == [frame.id]


def test_the_parametrised_words_are_all_there_are():
    tested = {gap[0] for gap in GAPS} | {"frame", "recipe"}
    assert tested == set(Query.model_fields)
    assert set(RECIPE_WORDS) <= tested


def test_words_are_joined_by_and(archive, make):
    for seed, changes in enumerate([{}, {"regime": "melt"}, {"recipe": {"sigma_eV": 0.2}}]):
        archive.put(*make(seed, **changes))
    assert archive.count_labels(Query.of(regime="warm")) == 2
    assert archive.count_labels(Query.of(regime="warm", sigma_eV=1.0)) == 1


def test_the_range_of_steps_includes_its_ends(archive, make):
    for step in range(1, 6):
        archive.put(*make(step, step=step))
    assert [one.step for one in archive.labels(first_step=2, last_step=4)] == [2, 3, 4]


def test_temperatures_are_found_by_what_a_user_writes(archive, make):
    archive.put(*make(1, temperature_K=0.25 * 1357.77))
    assert archive.count_labels(Query.of(temperature_K=339.4)) == 1
    assert archive.count_labels(Query.of(temperature_K=341)) == 0


@pytest.mark.parametrize("word", [gap[0] for gap in GAPS] + ["frame", "recipe"])
@pytest.mark.parametrize("attack", [{"$ne": None}, {"$gt": ""}, {"$where": "1"}, [1]], ids=str)
def test_operators_are_refused(word, attack):
    with pytest.raises(InputError, match=word):
        Query.of(**{word: attack})


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"colour": "red"}, "no word 'colour'; it knows metal"),
        ({"$where": "1"}, "no word"),
        ({"metal": "cu"}, "Cu"),
        ({"metal": "Fe56"}, "27 metals"),
        ({"regime": "hot"}, "cold"),
        ({"temperature_K": -300}, "temperature_K: .*greater than 0"),
        ({"temperature_K": float("nan")}, "temperature_K"),
        ({"sigma_eV": 0}, "sigma_eV"),
        ({"kmesh": "3x3"}, "3x3x3"),
        ({"kmesh": "0x3x3"}, "3x3x3"),
        ({"kmesh": "²x3x3"}, "'²x3x3' is no k-mesh"),
        ({"first_step": 0}, "first_step"),
    ],
    ids=str,
)
def test_wrong_words_are_one_clear_sentence(words, why):
    with pytest.raises(InputError, match=why) as caught:
        Query.of(**words)
    assert "\n" not in str(caught.value)


def test_text_from_a_command_line_is_read_as_numbers():
    assert Query.of(temperature_K="300", first_step="5").words == {
        "temperature_K": 300.0,
        "first_step": 5,
    }
    assert Query.of(kmesh="3X2x1").label_filter()["recipe.kmesh"] == [3, 2, 1]
