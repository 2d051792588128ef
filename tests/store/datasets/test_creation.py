"""Datasets: made from labels of one recipe that all have the energy, whole or not at all."""

import pytest

from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.datasets.candidates import find_candidates
from tm23flows.store.datasets.creation import (
    create_dataset,
    diff_datasets,
    list_datasets,
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


def test_labels_of_several_recipes_are_refused_in_one_sentence(
    archive, labels, make_label, make_frame
):
    wide = make_label(make_frame(seed=1), Recipe(engine="emt", xc="none", sigma_eV=1.0))
    archive.put(wide)
    for attempt in (
        lambda: make(archive, [*labels, wide]),
        lambda: find_candidates(archive, "metal=Cu"),
    ):
        with pytest.raises(InputError, match=r"2 recipes .*ask for") as caught:
            attempt()
        assert "sigma=0.2" in str(caught.value)
        assert "sigma=1.0" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert archive.database["datasets"].count_documents({}) == 0
    assert len(find_candidates(archive, "sigma_eV=0.2")) == len(labels)


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


def test_the_label_policy_is_part_of_what_a_dataset_is(archive, labels):
    free, sigma0 = (
        create_dataset(archive, "x", labels, "fraction", energy=kind) for kind in ("free", "sigma0")
    )
    assert (free.version, sigma0.version) == (1, 2)
    assert sigma0.dataset.energy == "sigma0"
    assert sigma0.dataset.parts == free.dataset.parts


def test_labels_without_the_energy_are_refused(archive, labels, make_frame, make_label):
    frame = make_frame(seed=20, trajectory_id="c" * 64)
    bare = make_label(frame, energies=Energies(unspecified=-1.0, sigma0=-1.1))
    archive.put(frame, bare)
    with pytest.raises(InputError, match=r"1 of 9 labels have no energy 'free' .*have 'sigma0'"):
        create_dataset(archive, "x", [*labels, bare], "fraction")
    with pytest.raises(InputError, match="8 of 9 labels have no energy 'unspecified'"):
        create_dataset(archive, "x", [*labels, bare], "fraction", energy="unspecified")
    with pytest.raises(InputError, match="There is no energy 'total'"):
        create_dataset(archive, "x", labels, "fraction", energy="total")
    assert list_datasets(archive) == []
    made = create_dataset(
        archive, "x", [bare, *labels], "transfer", {"n_frames": "all"}, energy="sigma0"
    )
    assert bare.id in made.dataset.label_ids
