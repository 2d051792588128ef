"""Selections: lazy, in order, as often as one likes, and no more read than is needed."""

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from tm23flows.documents.frame import Frame
from tm23flows.errors import DatabaseError, InputError
from tm23flows.store.archive import Archive
from tm23flows.store.query.rows import frame_rows, label_rows
from tm23flows.store.query.selection import Selection

ARRAYS = {"forces", "stress", "numbers", "cell", "positions"}


class Commands(CommandListener):
    """Remembers what was asked of the database."""

    def __init__(self):
        self.seen = []

    def started(self, event):
        self.seen.append(dict(event.command))

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass

    def reads(self):
        names = ("find", "aggregate", "distinct", "count", "getMore")
        return [one for one in self.seen if next(iter(one)) in names]


@pytest.fixture
def watched(emt_archive, monkeypatch):
    """The same archive, with a listener on its connection."""
    commands = Commands()
    client = pymongo.MongoClient
    monkeypatch.setattr(
        "pymongo.MongoClient", lambda *a, **k: client(*a, **k, event_listeners=[commands])
    )
    archive = Archive.open()
    commands.seen.clear()
    return archive, commands


def test_nothing_is_read_before_it_is_asked_for(watched):
    archive, commands = watched
    labels, frames = archive.labels(metal="Cu", sigma_eV=1.0), archive.frames(tag="a=b")
    assert repr(labels) == "Selection(labels, metal='Cu', sigma_eV=1.0)"
    assert "frames" in repr(frames)
    assert commands.seen == []
    with pytest.raises(InputError, match="no word 'colour'"):
        archive.labels(colour="red")


def test_a_selection_can_be_read_again(emt_archive):
    selection = emt_archive.labels(regime="melt")
    first = [one.id for one in selection]
    assert first == [one.id for one in selection] == list(selection.ids())
    assert len(first) == selection.count() > 0


def test_the_order_is_trajectory_step_and_id(emt_archive):
    found = [(one.trajectory_id, one.step, one.id) for one in emt_archive.labels()]
    assert found == sorted(found)
    found = [(one.trajectory_id, one.step, one.id) for one in emt_archive.frames()]
    assert found == sorted(found)


def asked_fields(command):
    """What a find asks for, or None for whole documents."""
    return None if not command.get("projection") else set(command["projection"])


@pytest.mark.parametrize(
    "read",
    [
        lambda a: list(a.labels(metal="Cu").ids()),
        lambda a: list(a.frames(metal="Cu", sigma_eV=1.0).ids()),
        lambda a: list(label_rows(a, a.labels(sigma_eV=1.0, kmesh="2x2x2").query)),
        lambda a: list(frame_rows(a, a.frames(regime="melt", engine="emt").query)),
        lambda a: a.labels(regime="melt", engine="emt").count(),
        lambda a: a.frames(regime="melt", min_force_eV_per_A=0.1).count(),
        lambda a: a.labels(dataset="Cu-demo", kmesh_converged=False).count(),
    ],
    ids=["ids", "frame ids", "label rows", "frame rows", "count", "frame count", "dataset"],
)
def test_arrays_are_not_read_for_rows_ids_and_counts(watched, read):
    archive, commands = watched
    assert read(archive) != 0
    asked = [one for one in commands.seen if one.get("find") in ("labels", "frames")]
    for command in asked:
        fields = asked_fields(command)
        assert fields, f"a find without a projection: {command}"
        assert all(command["projection"].values()), "a projection that leaves out is no list"
        assert not fields & ARRAYS
    assert commands.reads()


def test_documents_come_in_batches(archive, make_frame, monkeypatch):
    archive.put(*(make_frame(seed) for seed in range(25)))
    monkeypatch.setattr("tm23flows.store.query.selection.BATCH", 10)
    commands = Commands()
    client = pymongo.MongoClient(archive._uri, event_listeners=[commands])
    archive.database = client[archive.database.name]
    stream = iter(archive.frames())
    next(stream)
    assert [next(iter(one)) for one in commands.reads()] == ["find"]
    assert len(list(stream)) == 24
    assert [next(iter(one)) for one in commands.reads()] == ["find", "getMore", "getMore"]
    client.close()


def test_a_damaged_document_is_refused_when_its_turn_comes(archive, make_frame):
    frames = [make_frame(seed, step=seed + 1) for seed in range(3)]
    archive.put(*frames)
    archive.database["frames"].update_one({"_id": frames[1].id}, {"$set": {"colour": "red"}})
    stream = iter(archive.frames())
    assert next(stream).id == frames[0].id
    with pytest.raises(DatabaseError, match=frames[1].id[:12]):
        next(stream)
    assert archive.frames().count() == 3


def test_stored_fields_can_be_chosen(emt_archive):
    query = emt_archive.frames(regime="cold").query
    stored = list(Selection(emt_archive, Frame, query).stored({"step": 1}))
    assert all(one.keys() == {"_id", "step"} for one in stored)
    assert stored


@pytest.mark.parametrize("words", [{"regime": "cold"}, {"regime": "cold", "tag": "event=1"}])
@pytest.mark.parametrize("joined", [50_000, 0])
def test_no_more_is_read_than_the_limit(
    archive, make_frame, make_label, monkeypatch, words, joined
):
    monkeypatch.setattr("tm23flows.store.query.plans.JOIN_LIMIT", joined)
    frames = [make_frame(seed, tags={"event": 1}) for seed in range(5)]
    archive.put(*frames, *(make_label(one) for one in frames))
    selection = archive.labels(**words)
    everything = list(selection.ids())
    assert [one["_id"] for one in selection.stored(limit=2)] == everything[:2]
    assert len(list(selection.stored(limit=0))) == len(everything) == 5
