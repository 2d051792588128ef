"""Names of datasets: the same content is one dataset, and a name keeps its versions."""

import pytest
from pymongo.collection import Collection

from tm23flows.documents.dataset import Dataset
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.datasets.creation import create_dataset
from tm23flows.store.datasets.names import check_name, find_dataset, list_datasets, name_dataset

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


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a@1", "../x", "a=b", "a\n"])
def test_names_that_would_mean_something_else_are_refused(archive, labels, name):
    with pytest.raises(InputError, match="no name"):
        make(archive, labels, name)
    with pytest.raises(InputError, match="no name"):
        check_name(name)
    assert archive.database["datasets"].count_documents({}) == 0


def test_a_dataset_is_read_by_its_own_id_only(archive, labels):
    dataset = make(archive, labels).dataset
    assert archive.get(Dataset, dataset.id).parts == dataset.parts
    with pytest.raises(NotFoundError):
        find_dataset(archive, labels[0].id)


def test_a_dataset_is_read_by_the_beginning_of_its_id(archive, labels):
    one, other = make(archive, labels, "a").dataset, make(archive, labels, "b", train_fraction=0.5)
    assert find_dataset(archive, one.id[:12]).id == one.id
    assert archive.labels(dataset=one.id[:6]).count() == len(labels)
    assert make(archive, labels, one.id[:8], train_fraction=0.5).dataset.id == other.dataset.id
    assert find_dataset(archive, one.id[:8]).id == other.dataset.id  # a name comes first
    with pytest.raises(NotFoundError):
        find_dataset(archive, one.id[:5])
    stored = archive.database["datasets"].find_one({"_id": one.id})
    twin = one.id[:-1] + ("0" if one.id[-1] != "0" else "1")
    archive.database["datasets"].insert_one({**stored, "_id": twin, "id": twin})
    with pytest.raises(InputError, match="Several"):
        find_dataset(archive, one.id[:12])


def test_two_workers_with_one_dataset_make_one_version(archive, labels, monkeypatch):
    make(archive, labels)
    wanted = make(archive, labels, "elsewhere", train_fraction=0.5).dataset
    find_one = Collection.find_one

    def and_another_worker(self, *args, **kwargs):
        found = find_one(self, *args, **kwargs)
        if self.name == "dataset_names":
            monkeypatch.setattr(Collection, "find_one", find_one)
            name_dataset(archive, "copper", wanted)  # between the first two commands of this one
        return found

    monkeypatch.setattr(Collection, "find_one", and_another_worker)
    assert name_dataset(archive, "copper", wanted).version == 2
    versions = [one.version for one in list_datasets(archive) if one.name == "copper"]
    assert versions == [1, 2]
