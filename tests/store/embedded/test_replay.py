import datetime as dt
import math
import os

import bson
import pytest
from bson import Binary, Int64, ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.errors import DuplicateKeyError

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded import journal_format, replay
from tm23flows.store.embedded.journal import Journal

RICH = {
    "_id": ObjectId(),
    "date": dt.datetime.fromisoformat("2026-02-03T04:05:06.789"),
    "floats": [1.0, -0.0, math.inf, -math.inf, 0.1, 5e-324],
    "long": Int64(2**40),
    "small": Int64(3),
    "binary": Binary(b"\x00\xff", 128),
    "bytes": b"\x01",
    "nested": {"a.b": [{"c": None}, True], "": "\u00e9"},
}


def copy_state(catalog):
    return {
        (table.database, table.name): (list(table.documents), dict(table.indexes))
        for table in catalog.tables()
    }


class Opened:
    """A catalog with its journal, as the server holds them."""

    def __init__(self, path):
        self.journal = Journal(path)
        try:
            self.catalog = replay.load(self.journal)
        except BaseException:
            self.journal.close()
            raise

    def commit(self):
        self.journal.append(self.catalog.changes.take())

    def put(self, **document):
        self.catalog["db"]["things"][document["_id"]] = document
        self.commit()

    def reopened(self, path):
        self.journal.close()
        return Opened(path)


@pytest.fixture
def opened(tmp_path):
    return Opened(tmp_path)


def test_types_survive(opened, tmp_path):
    opened.put(**RICH)
    opened.put(_id="nan", v=math.nan)
    again = opened.reopened(tmp_path)
    found = again.catalog["db"]["things"][RICH["_id"]]
    assert found == RICH
    assert list(found) == list(RICH)
    assert isinstance(found["small"], Int64)
    assert found["binary"].subtype == 128
    assert math.copysign(1, found["floats"][1]) == -1
    assert math.isnan(again.catalog["db"]["things"]["nan"]["v"])
    again.journal.close()


def test_every_kind_of_operation_survives(opened, tmp_path):
    shelf = opened.catalog["db"]
    for n in range(5):
        opened.put(_id=n, n=n)
    options = {"key": [("n", 1)], "unique": True, "partialFilterExpression": {"n": {"$gt": 0}}}
    shelf["things"].create_index("n_1", options)
    shelf["things"].create_index("gone", {"key": [("x", 1)]})
    shelf["things"].drop_index("gone")
    shelf["things"].create_index("ttl", {"key": [("t", 1)], "expireAfterSeconds": 9})
    del shelf["things"][3]
    shelf["empty"].create()
    shelf["dropped"][1] = {"_id": 1}
    shelf["dropped"].drop()
    shelf["old"][1] = {"_id": 1}
    shelf.rename("old", "new")
    opened.commit()
    before = copy_state(opened.catalog)
    assert set(before) == {("db", "things"), ("db", "empty"), ("db", "new")}
    again = opened.reopened(tmp_path)
    assert copy_state(again.catalog) == before
    again.journal.rewrite(replay.snapshot(again.catalog))
    third = again.reopened(tmp_path)
    assert copy_state(third.catalog) == before
    with pytest.raises(DuplicateKeyError):
        third.catalog["db"]["things"][9] = {"_id": 9, "n": 2}
    third.journal.close()


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """A journal of a hundred changes, and the state after each length of the file."""
    path = tmp_path_factory.mktemp("hundred")
    opened = Opened(path)
    states = {opened.journal.size: {}}
    for n in range(100):
        opened.put(_id=n % 30, n=n, text="x" * (n % 7) * 9)
        states[opened.journal.size] = copy_state(opened.catalog)
    opened.journal.close()
    return (path / "journal").read_bytes(), states


@settings(max_examples=60)
@given(data=st.data())
def test_a_cut_journal_keeps_a_prefix(hundred, tmp_path_factory, data):
    whole, states = hundred
    cut = data.draw(st.integers(0, len(whole)))
    path = tmp_path_factory.mktemp("cut")
    (path / "journal").write_bytes(whole[:cut])
    opened = Opened(path)
    kept = max((size for size in states if size <= cut), default=min(states))
    assert copy_state(opened.catalog) == states[kept]
    opened.put(_id="later")
    again = opened.reopened(path)
    assert "later" in again.catalog["db"]["things"]
    again.journal.close()


def test_damage_in_the_middle_is_refused(hundred, tmp_path):
    whole = bytearray(hundred[0])
    whole[len(whole) // 2] ^= 0x40
    (tmp_path / "journal").write_bytes(whole)
    with pytest.raises(DatabaseError, match=r"damaged at byte \d+"):
        Opened(tmp_path)
    assert (tmp_path / "journal").read_bytes() == bytes(whole)


def test_an_unknown_operation_is_refused(opened, tmp_path):
    opened.journal.append([{"op": "paint", "db": "db", "coll": "c"}])
    with pytest.raises(DatabaseError, match="'paint'"):
        opened.reopened(tmp_path)


def test_garbage_is_left_behind_at_the_start(opened, tmp_path):
    for n in range(40):
        opened.put(_id=1, n=n, x=os.urandom(100_000))
    before = copy_state(opened.catalog)
    size = opened.journal.size
    again = opened.reopened(tmp_path)
    assert copy_state(again.catalog) == before
    assert again.journal.size < size / 10
    assert (tmp_path / "journal").stat().st_size == again.journal.size
    again.journal.close()


def test_a_running_server_compacts_when_most_is_garbage(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "_RUNNING_SLACK_BYTES", 200_000)
    opened.put(_id=0, keep="me")
    assert not replay.compact_if_grown(opened.journal, opened.catalog)
    compacted = 0
    for n in range(60):
        opened.put(_id=1, n=n, x=b"x" * 10_000)
        compacted += replay.compact_if_grown(opened.journal, opened.catalog)
    assert compacted
    assert opened.journal.size < 400_000
    before = copy_state(opened.catalog)
    again = opened.reopened(tmp_path)
    assert copy_state(again.catalog) == before
    again.journal.close()


def test_without_room_compaction_is_put_off(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "_RUNNING_SLACK_BYTES", 1000)
    for n in range(20):
        opened.put(_id=1, n=n, x=b"x" * 1000)
    (tmp_path / "journal.part").mkdir()  # no file of this name can be written
    assert not replay.compact_if_grown(opened.journal, opened.catalog)
    (tmp_path / "journal.part").rmdir()
    assert not replay.compact_if_grown(opened.journal, opened.catalog)
    again = opened.reopened(tmp_path)
    assert again.catalog["db"]["things"][1]["n"] == 19
    again.journal.close()


def write_format_1(path, documents):
    """Write a journal as the first versions of tm23flows did."""
    data = journal_format.HEADER.replace(b"%05d" % journal_format.VERSION, b"00001")
    for one in documents:
        ops = [{"op": "put", "db": "db", "coll": "things", "doc": one}]
        data += journal_format.frame(bson.encode({"ops": ops}), len(data))
    path.mkdir(exist_ok=True)
    (path / "journal").write_bytes(data)


def test_a_journal_of_the_first_format_is_read_and_rewritten(tmp_path):
    documents = [{"_id": n, "text": "the same again " * 50} for n in range(20)]
    write_format_1(tmp_path, documents)
    before = (tmp_path / "journal").stat().st_size
    opened = Opened(tmp_path)
    assert list(opened.catalog["db"]["things"].documents) == documents
    assert (tmp_path / "journal").read_bytes().startswith(journal_format.HEADER)
    assert opened.journal.size < before / 5
    opened.put(_id="new")
    again = opened.reopened(tmp_path)
    assert list(again.catalog["db"]["things"].documents) == [*documents, {"_id": "new"}]
    again.journal.close()


def test_without_room_a_journal_goes_on_in_its_own_format(tmp_path, monkeypatch):
    documents = [{"_id": n} for n in range(3)]
    write_format_1(tmp_path, documents)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "rewrite", refuse)
    opened = Opened(tmp_path)
    opened.put(_id="new", text="long " * 1000)
    again = opened.reopened(tmp_path)
    assert again.journal.version == 1
    assert list(again.catalog["db"]["things"].documents)[:3] == documents
    assert again.catalog["db"]["things"]["new"]["text"] == "long " * 1000
    again.journal.close()
