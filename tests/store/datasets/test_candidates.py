"""Labels without their arrays: the facts that a dataset needs, from queries and datasets."""

import pytest

from tm23flows.documents.label import Energies
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.datasets.candidates import (
    Candidate,
    candidates_by_id,
    find_candidates,
    query_candidates,
)
from tm23flows.store.datasets.creation import create_dataset


@pytest.fixture
def labels(archive, make_frame, make_label):
    frames = [make_frame(seed=seed, trajectory_id="t" * 64) for seed in range(6)]
    labels = [make_label(frame) for frame in frames]
    labels[5] = make_label(frames[5], energies=Energies(unspecified=-1.0))
    archive.put(*frames, *labels)
    return labels


def test_facts_of_a_label_and_of_what_is_stored_are_the_same(archive, labels):
    found = list(query_candidates(archive, {"metal": "Cu"}))
    assert found == [Candidate.of(label) for label in labels]
    assert found[0].energies == ("free", "sigma0", "without_entropy")
    assert found[5].energies == ("unspecified",)


def test_a_query_or_a_name(archive, labels):
    assert len(find_candidates(archive, "metal=Cu,last_step=4")) == 4
    create_dataset(archive, "some", labels[:4], "fraction")
    assert [one.id for one in find_candidates(archive, "some")] == [one.id for one in labels[:4]]
    with pytest.raises(InputError, match="finds no labels"):
        find_candidates(archive, "metal=Os")
    with pytest.raises(NotFoundError, match="there is some"):
        find_candidates(archive, "others")


def test_labels_come_in_the_order_of_their_ids_or_not_at_all(archive, labels):
    ids = [labels[n].id for n in (3, 0, 2)]
    assert [one.id for one in candidates_by_id(archive, ids)] == ids
    with pytest.raises(NotFoundError, match="1 of 2 labels are not in the archive"):
        candidates_by_id(archive, [ids[0], "f" * 64])
