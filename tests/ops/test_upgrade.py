"""Upgrades: everything readable before is readable after, once, with its first past."""

import pytest

from tm23flows.documents.model import Model
from tm23flows.errors import DatabaseError
from tm23flows.ops import upgrade as module
from tm23flows.ops.upgrade import older_documents, upgrade, upgraded_fields


def contents(archive):
    names = ("frames", "labels", "structures", "trajectories")
    return {name: list(archive.database[name].find().sort("_id", 1)) for name in names}


@pytest.fixture
def old(emt_copy):
    """An archive of which half the frames and all labels have their first layout."""
    frames = emt_copy.database["frames"]
    for stored in frames.find({}, {"_id": 1}).sort("_id", 1).limit(12):
        make_old(frames, stored["_id"], "tags")
    emt_copy.database["labels"].update_many(
        {}, {"$set": {"schema_version": 1}, "$unset": {"magnitudes": ""}}
    )
    return emt_copy


def make_old(collection, key, field):
    collection.update_one({"_id": key}, {"$set": {"schema_version": 1}, "$unset": {field: ""}})


def test_older_documents_are_counted_and_nothing_else(old):
    before = contents(old)
    n_labels = len(before["labels"])
    assert older_documents(old) == {"frames": 12, "labels": n_labels}
    assert contents(old) == before


def test_an_upgrade_makes_what_todays_program_writes(old, emt_archive):
    n_labels = old.database["labels"].count_documents({})
    done = upgrade(old)
    assert (done.done, done.unreadable) == ({"frames": 12, "labels": n_labels}, [])
    assert contents(old) == contents(emt_archive)


def test_a_second_upgrade_changes_nothing(old):
    upgrade(old)
    before = contents(old)
    assert upgrade(old).done == {}
    assert contents(old) == before
    assert older_documents(old) == {}


def test_an_upgrade_that_was_interrupted_goes_on(old, monkeypatch):
    monkeypatch.setattr(module, "DOCUMENTS_AT_ONCE", 5)
    seen = []

    def stop_after_two(name, number):
        seen.append(number)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade(old, stop_after_two)
    assert older_documents(old)["frames"] == 2
    assert len(list(old.frames())) == 24  # an archive of both layouts is read as before
    assert upgrade(old).done["frames"] == 2
    assert older_documents(old) == {}


def test_the_first_past_stays(old):
    key = old.database["labels"].find_one()["_id"]
    stored = old.database["labels"].find_one({"_id": key})["provenance"]
    past = {**stored, "host": "elsewhere", "software": {"tm23flows": "0.0.1", "gpaw": "1"}}
    old.database["labels"].update_one({"_id": key}, {"$set": {"provenance": past}})
    upgrade(old)
    assert old.database["labels"].find_one({"_id": key})["provenance"] == past


def test_a_newer_layout_stops_everything_before_it_begins(old):
    before = old.database["labels"].count_documents({"schema_version": 1})
    old.database["models"].insert_one({"_id": "x", "schema_version": 9})
    for command in (upgrade, older_documents):
        with pytest.raises(
            DatabaseError, match=rf"newer tm23flows .*models of layout 9.*knows {Model.LAYOUT}"
        ):
            command(old)
    assert old.database["labels"].count_documents({"schema_version": 1}) == before


def test_a_document_that_cannot_be_read_is_left_and_named(old):
    key = old.database["frames"].find_one({"schema_version": 1})["_id"]
    old.database["frames"].update_one({"_id": key}, {"$set": {"positions.data": b"1"}})
    before = old.database["frames"].find_one({"_id": key})
    done = upgrade(old)
    assert (done.done["frames"], done.unreadable) == (11, [key])
    assert old.database["frames"].find_one({"_id": key}) == before


def test_only_what_differs_is_written(archive, make_frame, make_label):
    frame = make_frame()
    stored = {"_id": frame.id, **frame.model_dump(), "schema_version": 1}
    del stored["tags"]
    assert upgraded_fields(archive, "frames", stored) == {"$set": {"schema_version": 2, "tags": {}}}
    label = make_label(frame)
    stored = {"_id": label.id, **label.model_dump(), "schema_version": 1}
    del stored["magnitudes"]
    change = upgraded_fields(archive, "labels", stored)["$set"]
    assert {"schema_version", "magnitudes"} <= set(change)
    assert not {"provenance", "forces", "stress", "id"} & set(change)


def test_an_older_dataset_that_is_too_large_gets_its_blobs(emt_copy, monkeypatch):
    monkeypatch.setattr("tm23flows.store.datasets.large.INLINE_BYTES", 100)
    whole = emt_copy.dataset("Cu-demo")
    emt_copy.database["datasets"].update_many(
        {}, {"$set": {"schema_version": 1}, "$unset": {"facts": "", "pair_of": ""}}
    )
    assert upgrade(emt_copy).done == {"datasets": 1}
    stored = emt_copy.database["datasets"].find_one()
    assert all(set(part) == {"blob", "n"} for part in stored["parts"].values())
    assert emt_copy.dataset("Cu-demo").parts == whole.parts


def test_a_document_that_changed_meanwhile_is_not_overwritten(old, monkeypatch):
    real = upgraded_fields

    def slow(archive, name, stored):
        change = real(archive, name, stored)
        if name == "frames":  # somebody else upgrades it between our two commands
            old.database["frames"].update_one(
                {"_id": stored["_id"]}, {"$set": {"schema_version": 2, "tags": {"by": "another"}}}
            )
        return change

    monkeypatch.setattr(module, "upgraded_fields", slow)
    assert "frames" not in upgrade(old).done
    assert old.database["frames"].count_documents({"tags.by": "another"}) == 12
