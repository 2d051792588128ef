"""Queries: every word means what it says, and no operator comes from outside."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.query.words import LABEL_WORDS, RECIPE_WORDS, Query, parse_words

EARLY, LATE = map(datetime.fromisoformat, ("2026-01-02T03", "2026-01-03"))
STRONG = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 4.9]])

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
    ("min_energy_eV", -1.5, {"energy": -3.02}),
    ("max_energy_eV", -1.5, {"energy": -2.98}),
    ("min_force_eV_per_A", 5.0, {"forces": STRONG * 0.99}),
    ("max_force_eV_per_A", 5.0, {"forces": STRONG * 1.01}),
    ("min_stress_eV_per_A3", 0.5, {"stress": np.array([0, 0, 0, 0.3, 0.49, -0.2])}),
    ("max_stress_eV_per_A3", 0.5, {"stress": np.array([0, 0, 0, -0.51, 0.3, 0.2])}),
    ("created_after", EARLY, {"created": EARLY - timedelta(milliseconds=1)}),
    ("created_before", LATE, {"created": LATE}),
    ("tag", "event=7", {"tags": {"event": "8"}}),
    ("where", "step <= 6", {"step": 7}),
]
FIT = {
    "element": "Cu",
    "regime": "warm",
    "temperature_K": 1018.5,
    "trajectory_id": "a" * 64,
    "step": 6,
    "tags": {"event": "7"},
}
FIT_RECIPE = {"engine": "emt", "sigma_eV": 1.0, "electron_shift": -1.0, "kmesh": (2, 2, 3)}


FIT_LABEL = {"forces": STRONG, "stress": np.array([0.1, 0, 0, -0.5, 0.3, 0.2])}


@pytest.fixture
def make(make_frame, make_label):
    def pair(seed, **changes):
        recipe = Recipe(**{**FIT_RECIPE, **changes.pop("recipe", {})})
        numbers = {key: changes.pop(key, value) for key, value in FIT_LABEL.items()}
        past = Provenance.now().model_copy(update={"created": changes.pop("created", EARLY)})
        energies = Energies(free=changes.pop("energy", -3.0))
        frame = make_frame(seed=seed, provenance=past, **{**FIT, **changes})
        return frame, make_label(frame, recipe, provenance=past, energies=energies, **numbers)

    return pair


@pytest.mark.parametrize(("word", "value", "other"), GAPS, ids=[gap[0] for gap in GAPS])
def test_each_word_keeps_what_fits_and_leaves_out_the_rest(archive, make, word, value, other):
    (frame, label), (wrong_frame, wrong_label) = make(1), make(2, **other)
    archive.put(frame, label, wrong_frame, wrong_label)
    assert [one.id for one in archive.labels(**{word: value})] == [label.id]
    assert [one.id for one in archive.frames(**{word: value})] == [frame.id]
    assert archive.labels(**{word: value}).count() == 1
    assert archive.labels().count() == 2


def test_frames_and_recipes_are_found_by_their_ids(archive, make):
    (frame, label), (wrong_frame, wrong_label) = make(1), make(2, recipe={"sigma_eV": 0.2})
    archive.put(frame, label, wrong_frame, wrong_label)
    assert [one.id for one in archive.labels(frame=frame.id)] == [label.id]
    assert [one.id for one in archive.frames(frame=frame.id)] == [frame.id]
    assert [one.id for one in archive.labels(recipe=label.recipe_id)] == [label.id]
    assert [one.id for one in archive.frames(recipe=label.recipe_id)] == [frame.id]


def test_the_parametrised_words_are_all_there_are():
    tested = {gap[0] for gap in GAPS} | {"frame", "recipe"}
    elsewhere = {"dataset", "part", "kmesh_converged"}  # tests/store/test_plans.py
    assert tested | elsewhere == set(Query.model_fields)
    assert set(RECIPE_WORDS) < set(LABEL_WORDS) < set(Query.model_fields)


def test_words_are_joined_by_and(archive, make):
    for seed, changes in enumerate([{}, {"regime": "melt"}, {"recipe": {"sigma_eV": 0.2}}]):
        archive.put(*make(seed, **changes))
    assert archive.labels(regime="warm").count() == 2
    assert archive.labels(regime="warm", sigma_eV=1.0).count() == 1


def test_the_range_of_steps_includes_its_ends(archive, make):
    for step in range(1, 6):
        archive.put(*make(step, step=step))
    assert [one.step for one in archive.labels(first_step=2, last_step=4)] == [2, 3, 4]


def test_temperatures_are_found_by_what_a_user_writes(archive, make):
    archive.put(*make(1, temperature_K=0.25 * 1357.77))
    assert archive.labels(temperature_K=339.4).count() == 1
    assert archive.labels(temperature_K=341).count() == 0


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
        ({"sigma_eV": True}, "true and false"),
        ({"part": "train"}, "say which one with dataset"),
        ({"dataset": "a b"}, "'a b' is no dataset"),
        ({"recipe": "abc"}, "'abc' is no id"),
        ({"frame": "ABCDEF"}, "hexadecimal"),
        ({"min_force_eV_per_A": -1}, "min_force_eV_per_A"),
        ({"created_after": "yesterday"}, "write it as 2026-11-21"),
        ({"created_before": "20261121"}, "no date"),
        ({"created_before": 1.7e9}, "no date"),
        ({"tag": "event"}, "key=value"),
        ({"where": "colour=red"}, "know no field 'colour'"),
        ({"where": ["step>1", "step"]}, "'step' is no condition"),
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
    assert Query.of(kmesh="3X2x1").fits(Recipe(engine="emt", kmesh=(3, 2, 1)))
    assert Query.of(kmesh_converged="true").kmesh_converged is True
    assert Query.of(created_after="2026-01-02T03:00+01:00").created_after == EARLY - timedelta(
        hours=1
    )


def test_ids_are_found_by_their_beginning(archive, make):
    (frame, label), (other, _) = make(1, trajectory_id="12" * 32), make(2)
    archive.put(frame, label, other)
    assert [one.id for one in archive.frames(frame=frame.id[:9])] == [frame.id]
    assert [one.id for one in archive.labels(frame=frame.id[:9])] == [label.id]
    assert [one.id for one in archive.labels(trajectory="121212")] == [label.id]
    assert [one.id for one in archive.labels(recipe=label.recipe_id[:7])] == [label.id]
    assert archive.labels(trajectory="12121f").count() == 0


def test_words_that_may_be_repeated_must_all_fit(archive, make):
    archive.put(*make(1, tags={"event": "7", "group": "a"}), *make(2))
    assert archive.labels(tag=["event=7", "group=a"]).count() == 1
    assert archive.labels(tag=["event=7"]).count() == 2
    assert archive.labels(where=["step>=6", "step<7"]).count() == 2
    assert archive.labels(where=["step>=6", "step!=6"]).count() == 0


def test_a_word_and_a_condition_on_the_same_field_must_both_fit(archive, make):
    for step in range(1, 6):
        archive.put(*make(step, step=step))
    found = archive.labels(first_step=2, where=["step<=4", "step!=3"])
    assert [one.step for one in found] == [2, 4]
    assert found.count() == 2


def test_text_is_read_as_words():
    assert parse_words("metal=Cu, kmesh=3x3x3,where=step>=10,where=recipe.xc=PBE") == {
        "metal": "Cu",
        "kmesh": "3x3x3",
        "where": ("step>=10", "recipe.xc=PBE"),
    }
    for text, why in [("Cu", "no part of a query"), ("metal=", "no part"), ("", "no part"),
                      ("metal=Cu,metal=Ag", "'metal' twice")]:  # fmt: skip
        with pytest.raises(InputError, match=why):
            parse_words(text)
