"""The archive: everything once, in order, and true to its id."""

import threading

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.errors import DatabaseError, InputError, NotFoundError
from tm23flows.store.archive import Archive
from tm23flows.store.embedded.process import start, stop


def count(archive, name):
    return archive.database[name].count_documents({})


def rejection_of(label):
    return Rejection(
        provenance=label.provenance, frame_id=label.frame_id, recipe=label.recipe, reason="x"
    )


def test_storing_twice_makes_one_document_and_keeps_the_first_past(archive, make_frame):
    first = make_frame(provenance=Provenance.now({"gpaw": "1"}), step=1)
    again = make_frame(provenance=Provenance.now({"gpaw": "2"}), step=2)
    assert archive.put(first) == 1
    assert archive.put(again, make_frame(seed=9)) == 1
    assert count(archive, "frames") == 2
    stored = archive.get(Frame, first.id)
    assert stored.model_dump_json() == first.model_dump_json()


def test_documents_of_several_nouns_are_stored_at_once(archive, make_frame, make_label):
    frame = make_frame()
    assert archive.put(frame, make_label(frame)) == 2
    assert archive.put() == 0
    assert count(archive, "frames") == count(archive, "labels") == 1


def test_many_writers_of_the_same_documents_make_each_once(database, make_frame):
    frames = [make_frame(seed=seed) for seed in range(40)]
    new = []

    def write():
        new.append(Archive.open().put(*frames))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == len(frames)
    assert count(Archive.open(), "frames") == len(frames)


def test_documents_come_in_the_order_that_was_asked_for(archive, make_frame):
    frames = [make_frame(seed=seed) for seed in range(5)]
    archive.put(*frames)
    wanted = [frames[i].id for i in (3, 0, 4, 0)]
    assert [one.id for one in archive.get_many(Frame, wanted)] == wanted
    assert archive.get_many(Frame, iter([])) == []


def test_missing_documents_are_counted_and_named(archive, make_frame):
    frame = make_frame()
    archive.put(frame)
    with pytest.raises(NotFoundError, match=r"2 of 3 frames .* aaaaaaaaaaaa"):
        archive.get_many(Frame, ["a" * 64, frame.id, "b" * 64])
    with pytest.raises(NotFoundError, match="no frame aaaaaaaaaaaa"):
        archive.get(Frame, "a" * 64)
    assert archive.existing(Frame, [frame.id, "a" * 64]) == {frame.id}


def test_a_document_of_another_noun_is_not_found(archive, make_frame):
    frame = make_frame()
    archive.put(frame)
    with pytest.raises(NotFoundError):
        archive.get(Label, frame.id)


@pytest.mark.parametrize(
    "damage",
    [
        {"$set": {"schema_version": 99}},
        {"$set": {"positions.data": b"\0" * 48}},
        {"$set": {"positions.data": b"\0"}},
        {"$set": {"colour": "red"}},
        {"$unset": {"provenance": 1}},
    ],
    ids=str,
)
def test_a_document_that_was_tampered_with_is_refused(archive, make_frame, damage):
    frame = make_frame()
    archive.put(frame)
    archive.database["frames"].update_one({"_id": frame.id}, damage)
    for read in (
        lambda: archive.get(Frame, frame.id),
        lambda: archive.get_many(Frame, [frame.id]),
        lambda: list(archive.frames()),
        lambda: archive.find(frame.id),
    ):
        with pytest.raises(DatabaseError, match=frame.id[:12]):
            read()


def test_an_accepted_label_takes_the_place_of_its_rejection(archive, make_frame, make_label):
    label = make_label(make_frame())
    archive.record([rejection_of(label)])
    assert (count(archive, "labels"), count(archive, "rejections")) == (0, 1)
    archive.record([label])
    assert (count(archive, "labels"), count(archive, "rejections")) == (1, 0)
    assert isinstance(archive.find(label.id), Label)


def test_nothing_is_accepted_and_rejected_at_once(archive, make_frame, make_label):
    labels = [make_label(make_frame(seed=seed)) for seed in range(3)]
    archive.record([labels[0]])
    archive.record([rejection_of(labels[0]), labels[1], rejection_of(labels[2])])
    archive.record([])
    assert (count(archive, "labels"), count(archive, "rejections")) == (2, 1)


def test_labels_and_frames_come_in_time_order(archive, make_frame, make_label):
    frames = [
        make_frame(seed=seed, trajectory_id=run * 64, step=step)
        for seed, (run, step) in enumerate([("b", 1), ("a", 10), ("a", 9), ("b", 2)])
    ]
    archive.put(*frames, *(make_label(frame) for frame in frames))
    expected = [frames[i].id for i in (2, 1, 0, 3)]
    assert [one.id for one in archive.frames()] == expected
    assert [one.frame_id for one in archive.labels()] == expected


def test_anything_is_found_by_the_beginning_of_its_id(archive, make_frame, make_label):
    frame = make_frame()
    label = make_label(frame)
    archive.put(frame, label)
    assert isinstance(archive.find(frame.id), Frame)
    assert archive.find(label.id[:6]).id == label.id


def test_prefixes_that_mean_two_or_no_documents_are_refused(archive):
    archive.database["frames"].insert_one({"_id": "abcdef0"})
    archive.database["labels"].insert_one({"_id": "abcdeff"})
    with pytest.raises(InputError, match="more digits"):
        archive.find("abcdef")
    archive.database["models"].insert_many([{"_id": "123456a", "id": 1}, {"_id": "123456b"}])
    with pytest.raises(InputError, match="more digits"):
        archive.find("123456")
    with pytest.raises(NotFoundError, match="aaaaaa"):
        archive.find("aaaaaa")


@pytest.mark.parametrize("prefix", ["", "abc", "Cu-demo", "ABCDEF", "abcdeg", "abcde*", ".*.*.*"])
def test_what_is_no_id_is_refused(archive, prefix):
    with pytest.raises(InputError, match="no id"):
        archive.find(prefix)


def test_collections_are_maggma_stores(emt_archive):
    store = emt_archive.store("labels")
    assert store.key == "id"
    assert store.count() == emt_archive.database["labels"].count_documents({})
    one = store.query_one({"regime": "melt"}, properties=["id", "element"])
    assert one["element"] == "Cu"
    assert set(store.distinct("regime")) == {"cold", "warm", "melt"}


def test_the_archive_of_the_settings_is_opened(database, monkeypatch, make_frame):
    del database
    archive = Archive.open()
    archive.put(make_frame())
    monkeypatch.setenv("TM23_DATABASE", archive.database.name + "-other")
    assert count(Archive.open(), "frames") == 0
    assert count(Archive.open(database=archive.database.name), "frames") == 1


def test_a_restart_of_the_database_costs_no_write(tmp_path, make_frame):
    server = start(tmp_path / "db", 0)
    try:
        archive = Archive.open(server.uri)
        assert archive.put(make_frame(1)) == 1
        stop(server.path)
        start(server.path, server.port)
        assert archive.put(make_frame(2)) == 1
        assert archive.database["frames"].count_documents({}) == 2
    finally:
        stop(server.path)
