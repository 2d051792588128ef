"""The jobs that freeze labels into a dataset, and that repeat it with another recipe."""

import pytest

from tm23flows.documents.dataset import Dataset
from tm23flows.errors import InputError
from tm23flows.jobs.dataset import make_dataset, pair_with_recipe

make = make_dataset.original
pair = pair_with_recipe.original
HALF = ("fraction", {"train_fraction": 0.5})


@pytest.fixture
def labels(archive, make_frame, make_label):
    frames = [make_frame(seed=seed, trajectory_id="t" * 64) for seed in range(4)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    return labels


def ids(labels):
    return [label.frame_id for label in labels]


def test_the_labels_of_the_frames_become_a_dataset(archive, labels):
    recipe = labels[0].recipe_id
    out = make("copper", [ids(labels[:2]), ids(labels[2:])], [recipe, recipe], *HALF)
    dataset = archive.get(Dataset, out["dataset_id"])
    assert dataset.parts["train"] == tuple(label.id for label in labels[:2])
    assert {key: out[key] for key in ("name", "version", "train", "test")} == {
        "name": "copper", "version": 1, "train": 2, "test": 2,
    }  # fmt: skip
    assert archive.dataset("copper").id == dataset.id
    assert dataset.query == {"recipe": recipe}
    assert make("copper", [ids(labels)], [recipe], *HALF) == out
    assert archive.database["datasets"].count_documents({}) == 1


def test_other_labels_of_the_frames_stay_out(archive, labels, make_frame, make_label):
    other = labels[0].recipe.model_copy(update={"sigma_eV": 1.0})
    archive.put(make_label(make_frame(seed=0, trajectory_id="t" * 64), other))
    out = make("copper", [ids(labels)], [labels[0].recipe_id], *HALF)
    assert set(archive.get(Dataset, out["dataset_id"]).label_ids) == {one.id for one in labels}


def test_a_rejected_frame_is_left_out(archive, labels):
    archive.database["labels"].delete_one({"_id": labels[1].id})
    out = make("copper", [ids(labels)], [labels[0].recipe_id], *HALF)
    assert (out["train"], out["test"]) == (1, 2)


@pytest.mark.parametrize(
    ("recipes", "split", "why"),
    [
        (["a" * 64, "b" * 64], HALF, "one recipe"),
        (["a" * 64], HALF, "None of 4 labels"),
        (None, ("full", {}), "1000 frames"),
        (None, ("nonsense", {}), "choose one of"),
    ],
)
def test_what_makes_no_dataset_leaves_nothing_behind(archive, labels, recipes, split, why):
    with pytest.raises(InputError, match=why):
        make("copper", [ids(labels)], recipes or [labels[0].recipe_id], *split)
    assert archive.database["datasets"].count_documents({}) == 0
    assert archive.database["dataset_names"].count_documents({}) == 0


def test_a_rejected_frame_stops_exact_counts_unless_it_may_be_missing(archive, labels):
    archive.database["labels"].delete_one({"_id": labels[1].id})
    recipe = labels[0].recipe_id
    counts = {"n_train": 3, "n_test": 1}
    with pytest.raises(InputError, match="allow_missing=1"):
        make("copper", [ids(labels)], [recipe], "full", counts)
    out = make("copper", [ids(labels)], [recipe], "full", {**counts, "allow_missing": 1})
    assert (out["train"], out["test"]) == (2, 1)
    dataset = archive.get(Dataset, out["dataset_id"])
    assert dataset.facts["missing"] == {"cold": 1}
    assert dataset.parts["test"] == (labels[3].id,)


def test_a_learning_curve_has_a_dataset_per_size(archive, labels):
    options = {"sizes": [1, 3], "n_test": 1}
    out = make("copper", [ids(labels)], [labels[0].recipe_id], "learning-curve", options)
    assert list(out["datasets"]) == ["copper-1", "copper-3"]
    assert (out["name"], out["train"], out["test"]) == ("copper-3", 3, 1)
    assert out["dataset_id"] == out["datasets"]["copper-3"] == archive.dataset("copper-3").id
    assert len(archive.dataset("copper-1").parts["train"]) == 1


def test_the_energy_is_that_of_the_policy(archive, labels):
    out = make("copper", [ids(labels)], [labels[0].recipe_id], *HALF, energy="sigma0")
    assert archive.get(Dataset, out["dataset_id"]).energy == "sigma0"


@pytest.fixture
def smeared(archive, labels, make_frame, make_label):
    """The same frames at another smearing width."""
    recipe = labels[0].recipe.model_copy(update={"sigma_eV": 1.0})
    made = [make_label(make_frame(seed=seed, trajectory_id="t" * 64), recipe) for seed in range(4)]
    archive.put(*made)
    return made


def test_a_dataset_is_repeated_with_labels_of_another_recipe(archive, labels, smeared):
    first = make("copper", [ids(labels)], [labels[0].recipe_id], *HALF)["dataset_id"]
    out = pair(first, "copper-1eV", [smeared[0].recipe_id] * 2)
    dataset = archive.get(Dataset, out["dataset_id"])
    assert dataset.parts["train"] == tuple(one.id for one in smeared[:2])
    assert dataset.parts["test"] == tuple(one.id for one in smeared[2:])
    assert dataset.pair_of == first
    assert {key: out[key] for key in ("name", "version", "missing", "train", "test")} == {
        "name": "copper-1eV", "version": 1, "missing": 0, "train": 2, "test": 2,
    }  # fmt: skip
    assert pair(first, "copper-1eV", [smeared[0].recipe_id]) == out
    assert archive.database["datasets"].count_documents({}) == 2


def test_frames_without_the_other_label_are_refused_unless_that_is_allowed(
    archive, labels, smeared
):
    first = make("copper", [ids(labels)], [labels[0].recipe_id], *HALF)["dataset_id"]
    archive.database["labels"].delete_one({"_id": smeared[0].id})
    with pytest.raises(InputError, match="1 of 4 frames"):
        pair(first, "copper-1eV", [smeared[0].recipe_id])
    out = pair(first, "copper-1eV", [smeared[0].recipe_id], allow_missing=True)
    assert (out["missing"], out["train"], out["test"]) == (1, 1, 2)
    with pytest.raises(InputError, match="one recipe"):
        pair(first, "copper-1eV", [smeared[0].recipe_id, labels[0].recipe_id])
