"""F2.9: an archive that an older program wrote, in whole or in part, and one that a newer did.

The documents of ``data/layout_1.json`` were written by the program as it was before layouts
changed; they are what is on the disks of its users.
"""

from pathlib import Path

import pytest
from bson import json_util

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.errors import DatabaseError
from tm23flows.ops.upgrade import older_documents, upgrade
from tm23flows.store.datasets.creation import create_dataset

OLD = Path(__file__).parent / "data" / "layout_1.json"


@pytest.fixture
def stored(archive):
    """The old documents, put into an archive as the old program put them there."""
    documents = json_util.loads(OLD.read_text(), json_options=json_util.JSONOptions(tz_aware=False))
    for name, some in documents.items():
        archive.database[name].insert_many(some)
    return documents


def read_everything(archive, stored):
    """Read all old documents by all roads."""
    frames, labels = list(archive.frames()), list(archive.labels(metal="Cu"))
    assert [one.id for one in frames] == [one["_id"] for one in stored["frames"]]
    assert [one.id for one in labels] == [one["_id"] for one in stored["labels"]]
    for frame, label, old in zip(frames, labels, stored["labels"], strict=True):
        assert label.energies.free == old["energies"]["free"]
        assert label.magnitudes.energy_per_atom == old["energies"]["free"] / 2
        assert label.forces.tobytes() == old["forces"]["data"]
        assert frame.tags == {}
        assert archive.trace(label.id).complete
    dataset = archive.dataset(stored["datasets"][0]["_id"])
    assert [one.id for one in archive.get_many(Label, dataset.label_ids)] == list(dataset.label_ids)


def test_it_is_really_old(stored):
    assert {one["schema_version"] for some in stored.values() for one in some} == {1}
    assert "tags" not in stored["frames"][0]
    assert "magnitudes" not in stored["labels"][0]


def test_f2_9_old_documents_are_read(archive, stored):
    read_everything(archive, stored)


def test_f2_9_old_and_new_documents_live_together(archive, stored, make_frame, make_label):
    new = make_frame(seed=50)
    label = make_label(new)
    archive.put(new, label)
    assert len(list(archive.frames())) == 4
    old = archive.get(Label, stored["labels"][0]["_id"])
    mixed = create_dataset(archive, "mixed", [old, label], "fraction", {"train_fraction": 0.5})
    assert set(mixed.dataset.label_ids) == {old.id, label.id}
    # Storing an old document again leaves the first one alone, as ever.
    assert archive.put(archive.get(Frame, stored["frames"][0]["_id"])) == 0
    assert (
        archive.database["frames"].find_one({"_id": stored["frames"][0]["_id"]})
        == (stored["frames"][0])
    )


def test_f2_9_an_upgrade_keeps_every_id_every_number_and_the_first_past(archive, stored):
    assert older_documents(archive) == {"frames": 3, "labels": 3, "datasets": 1}
    assert upgrade(archive).unreadable == []
    assert older_documents(archive) == {}
    read_everything(archive, stored)
    for name, some in stored.items():
        for old in some:
            new = archive.database[name].find_one({"_id": old["_id"]})
            assert new["provenance"] == old["provenance"]
            kept = {
                key: value
                for key, value in old.items()
                if key not in ("schema_version", "energies", "recipe", "effort")
            }
            assert {key: new[key] for key in kept} == kept
            # what was not measured then is unknown now
            effort = {key: value for key, value in new.get("effort", {}).items() if value}
            assert effort == {key: value for key, value in old.get("effort", {}).items() if value}
    found = archive.database["labels"].count_documents({"magnitudes.max_force": {"$gt": 0}})
    assert found == 3


def test_f2_9_a_newer_document_is_refused_by_name(archive, stored):
    key = stored["labels"][0]["_id"]
    archive.database["labels"].update_one({"_id": key}, {"$set": {"schema_version": 99}})
    with pytest.raises(DatabaseError, match="newer tm23flows"):
        archive.get(Label, key)
    with pytest.raises(DatabaseError, match="newer tm23flows"):
        upgrade(archive)
    assert older_documents_left(archive) == 3
    archive.database["labels"].update_one({"_id": key}, {"$set": {"schema_version": 1}})


def older_documents_left(archive):
    return archive.database["frames"].count_documents({"schema_version": 1})
