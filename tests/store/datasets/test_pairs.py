"""The same frames under two recipes: by identity, in order, and never a shorter list unasked."""

import pytest

from tm23flows.documents.label import Energies, Label
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.datasets.creation import create_dataset, list_datasets
from tm23flows.store.datasets.pairs import pair_dataset

WIDE = Recipe(engine="emt", xc="none", sigma_eV=1.0)
DENSE = Recipe(engine="emt", xc="none", kmesh=(4, 4, 4))
SHIFTED = Recipe(engine="emt", xc="none", electron_shift=-3.0)


@pytest.fixture
def frames(archive, make_frame, make_label):
    """Eight frames, each with labels of four recipes, the second ones in another order."""
    frames = [make_frame(seed=n, trajectory_id="a" * 64) for n in range(8)]
    archive.put(*frames, *(make_label(frame) for frame in frames))
    for recipe in (WIDE, DENSE, SHIFTED):
        archive.put(*(make_label(frame, recipe) for frame in frames[::-1]))
    return frames


@pytest.fixture
def narrow(archive, frames, make_label):
    labels = [make_label(frame) for frame in frames]
    return create_dataset(archive, "narrow", labels, "fraction", {"train_fraction": 0.5}).dataset


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        ({"sigma_eV": 1.0}, WIDE),
        ({"kmesh": "4x4x4"}, DENSE),
        ({"electron_shift": -3}, SHIFTED),
        ({"recipe": WIDE.id}, WIDE),
    ],
    ids=str,
)
def test_frames_order_and_split_are_the_same(archive, narrow, words, recipe):
    made = pair_dataset(archive, "other", narrow, words).dataset
    for part, ids in narrow.parts.items():
        first, second = archive.get_many(Label, ids), archive.get_many(Label, made.parts[part])
        assert [label.frame_id for label in first] == [label.frame_id for label in second]
        assert {label.recipe_id for label in second} == {recipe.id}
    assert made.id != narrow.id
    assert made.pair_of == narrow.id
    assert (made.rule, made.split_options) == (narrow.rule, narrow.split_options)
    assert pair_dataset(archive, "other", narrow, words).version == 1


def test_frames_without_the_second_label_are_named_and_refused(archive, narrow, frames):
    lost = {frames[n].id for n in (1, 6)}
    archive.database["labels"].delete_many({"frame_id": {"$in": list(lost)}, "recipe_id": WIDE.id})
    with pytest.raises(InputError, match="2 of 8 frames have no label") as caught:
        pair_dataset(archive, "wide", narrow, {"sigma_eV": 1.0})
    assert all(frame[:12] in str(caught.value) for frame in lost)
    assert [one.name for one in list_datasets(archive)] == ["narrow"]
    made = pair_dataset(archive, "wide", narrow, {"sigma_eV": 1.0}, allow_missing=True).dataset
    assert [len(ids) for ids in made.parts.values()] == [3, 3]
    assert set(made.facts["frames_without_pair"]) == lost
    assert made.facts["n_without_pair"] == 2


def test_a_part_that_would_be_empty_is_refused(archive, narrow, frames):
    archive.database["labels"].delete_many(
        {"frame_id": {"$in": [frame.id for frame in frames[4:]]}, "recipe_id": WIDE.id}
    )
    with pytest.raises(InputError, match="part 'test'"):
        pair_dataset(archive, "wide", narrow, {"sigma_eV": 1.0}, allow_missing=True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({}, "4 recipes"),
        ({"metal": "Cu", "kmesh": "1x1x1"}, "3 recipes"),
        ({"sigma_eV": 0.7}, "no label of a frame of this dataset"),
        ({"sigma_eV": 0.2, "kmesh": "1x1x1", "electron_shift": 0}, "labels of the dataset itself"),
        ({"colour": "red"}, "knows no word"),
    ],
    ids=str,
)
def test_a_query_that_means_no_other_recipe_is_refused(archive, narrow, words, why):
    with pytest.raises(InputError, match=why):
        pair_dataset(archive, "other", narrow, words)


def test_the_label_policy_holds_for_the_second_labels_too(archive, narrow, frames, make_label):
    bare = Recipe(engine="imported", xc="PBE", options={"source": "elsewhere"})
    unspecified = [make_label(f, bare, energies=Energies(unspecified=-1.0)) for f in frames]
    archive.put(*unspecified)
    words = {"recipe": bare.id}
    with pytest.raises(InputError, match="no energy 'free'"):
        pair_dataset(archive, "other", narrow, words)
    made = pair_dataset(archive, "other", narrow, words, energy="unspecified").dataset
    assert made.energy == "unspecified"
