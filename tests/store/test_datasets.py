"""Datasets: the same content is one dataset, and a name keeps its versions."""

import pytest

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.datasets import (
    check_name,
    create_dataset,
    diff_datasets,
    find_dataset,
    list_datasets,
    select_labels,
)

FRACTION = {"train_fraction": 0.75}


@pytest.fixture
def labels(archive, make_frame, make_label):
    """Four labels of each of two temperatures, not in time order."""
    frames = [
        make_frame(seed=seed, regime=regime, temperature_K=T, trajectory_id=regime[0] * 64)
        for regime, T in (("melt", 1700.0), ("cold", 340.0))
        for seed in ((3, 1, 0, 2) if regime == "cold" else (10, 13, 11, 12))
    ]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    return labels


def make(archive, labels, name="copper", **options):
    return create_dataset(archive, name, labels, "fraction", options or FRACTION)


def test_parts_are_cut_in_time_temperature_by_temperature(archive, labels):
    dataset = make(archive, labels).dataset
    place = {label.id: (label.regime, label.step) for label in labels}
    assert [place[one] for one in dataset.parts["train"]] == [
        ("cold", 1), ("cold", 2), ("cold", 3), ("melt", 11), ("melt", 12), ("melt", 13),
    ]  # fmt: skip
    assert [place[one] for one in dataset.parts["test"]] == [("cold", 4), ("melt", 14)]
    assert dataset.element == "Cu"
    assert dataset.energy == "free"
    assert (dataset.rule, dataset.split_options) == ("fraction", FRACTION)


def test_the_order_of_the_labels_does_not_matter(archive, labels):
    assert make(archive, labels).dataset.id == make(archive, labels[::-1]).dataset.id


def test_the_same_content_under_two_names_is_one_dataset(archive, labels):
    one, again, other = (make(archive, labels, name) for name in ("a", "a", "b"))
    assert one.dataset.id == again.dataset.id == other.dataset.id
    assert (one.version, again.version, other.version) == (1, 1, 1)
    assert archive.database["datasets"].count_documents({}) == 1
    assert again.dataset.provenance == one.dataset.provenance
    assert [(one.name, one.version) for one in list_datasets(archive)] == [("a", 1), ("b", 1)]


def test_other_content_is_the_next_version_of_the_name(archive, labels):
    first = make(archive, labels)
    second = make(archive, labels, train_fraction=0.5)
    assert (first.version, second.version) == (1, 2)
    assert make(archive, labels).version == 1  # the old content keeps its version
    for name, expected in (
        ("copper", second), ("copper@2", second), ("copper@1", first), (first.dataset.id, first),
    ):  # fmt: skip
        assert archive.dataset(name).id == expected.dataset.id
    assert [one.version for one in list_datasets(archive)] == [1, 2]


@pytest.mark.parametrize(
    "name", ["silver", "copper@9", "copper@x", "copper@²", "copper@" + "9" * 30]
)
def test_a_dataset_that_is_not_there_names_the_ones_that_are(archive, labels, name):
    with pytest.raises(NotFoundError, match="none at all"):
        find_dataset(archive, name)
    make(archive, labels)
    with pytest.raises(NotFoundError, match="there is copper"):
        find_dataset(archive, name)


def test_labels_of_several_recipes_are_refused_in_one_sentence(
    archive, labels, make_label, make_frame
):
    wide = make_label(make_frame(seed=1), Recipe(engine="emt", xc="none", sigma_eV=1.0))
    archive.put(wide)
    for attempt in (lambda: make(archive, [*labels, wide]), lambda: select_labels(archive, {})):
        with pytest.raises(InputError, match=r"2 recipes .*ask for") as caught:
            attempt()
        assert "sigma=0.2" in str(caught.value)
        assert "sigma=1.0" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert archive.database["datasets"].count_documents({}) == 0
    assert len(select_labels(archive, {"sigma_eV": 0.2})) == len(labels)


@pytest.mark.parametrize(
    ("split", "options", "why"),
    [
        ("full", {}, "1000 frames of cold but there are 4"),
        ("full", {"n_train": 4, "n_test": 1}, "5 frames of cold but there are 4"),
        ("grid", {}, "frames"),
        ("transfer", {"n_frames": 5}, "5 frames"),
        ("fraction", {"train_fraction": 1.5}, "between 0 and 1"),
        ("fraction", {"colour": 1}, "takes no such option"),
        ("random", {}, "choose one of"),
    ],
    ids=str,
)
def test_a_split_that_cannot_be_made_leaves_nothing_behind(archive, labels, split, options, why):
    with pytest.raises(InputError, match=why):
        create_dataset(archive, "copper", labels, split, options)
    with pytest.raises(InputError):
        create_dataset(archive, "copper", [], split, options)
    assert archive.database["datasets"].count_documents({}) == 0
    assert list_datasets(archive) == []


def test_an_empty_query_says_what_was_asked(archive, labels):
    del labels
    with pytest.raises(InputError, match=r"metal=Os, regime=warm.* finds no labels"):
        select_labels(archive, {"metal": "Os", "regime": "warm"})


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a@1", "../x", "a=b", "a\n"])
def test_names_that_would_mean_something_else_are_refused(archive, labels, name):
    with pytest.raises(InputError, match="no name"):
        make(archive, labels, name)
    with pytest.raises(InputError, match="no name"):
        check_name(name)
    assert archive.database["datasets"].count_documents({}) == 0


def test_a_difference_names_what_only_one_has(archive, labels):
    one = make(archive, labels).dataset
    other = make(archive, labels, train_fraction=0.5).dataset
    difference = diff_datasets(one, other)
    moved = set(one.parts["train"]) - set(other.parts["train"])
    assert difference["train"] == {"only_first": sorted(moved), "only_second": []}
    assert difference["test"] == {"only_first": [], "only_second": sorted(moved)}
    assert len(moved) == 2
    same = diff_datasets(one, one)
    assert all(not only for part in same.values() for only in part.values())
    whole = one.model_copy(update={"parts": {"all": one.label_ids}})
    assert diff_datasets(one, whole)["all"]["only_second"] == sorted(one.label_ids)


def test_a_dataset_is_read_by_its_own_id_only(archive, labels):
    dataset = make(archive, labels).dataset
    assert archive.get(Dataset, dataset.id).parts == dataset.parts
    with pytest.raises(NotFoundError):
        find_dataset(archive, labels[0].id)
