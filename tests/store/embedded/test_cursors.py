import pytest
from pymongo.errors import OperationFailure

from tm23flows.store.embedded import cursors
from tm23flows.store.embedded.cursors import Cursors
from tm23flows.store.embedded.wire import MAX_DOCUMENT_BYTES


def numbers(batch):
    return [document["n"] for document in batch]


def documents(count, size=0):
    return [{"n": n, "x": b"x" * size} for n in range(count)]


def test_a_result_comes_in_batches():
    opened = Cursors()
    first = opened.start("d.c", documents(5), 2)["cursor"]
    assert numbers(first["firstBatch"]) == [0, 1]
    second = opened.more("d.c", first["id"], 2)["cursor"]
    assert numbers(second["nextBatch"]) == [2, 3]
    last = opened.more("d.c", first["id"], None)["cursor"]
    assert numbers(last["nextBatch"]) == [4]
    assert last["id"] == 0
    with pytest.raises(OperationFailure, match="not found"):
        opened.more("d.c", first["id"], 2)


def test_batches_stay_below_the_limit_in_bytes():
    opened = Cursors()
    reply = opened.start("d.c", documents(6, size=7_000_000), None)["cursor"]
    sizes = [len(reply["firstBatch"])]
    batch = "nextBatch"
    while reply["id"]:
        reply = opened.more("d.c", reply["id"], None)["cursor"]
        sizes.append(len(reply[batch]))
        assert sum(len(document.raw) for document in reply[batch]) <= MAX_DOCUMENT_BYTES
    assert sizes == [2, 2, 2]


def test_a_single_batch_keeps_nothing_open():
    reply = Cursors().start("d.c", documents(5), 2, single_batch=True)["cursor"]
    assert reply["id"] == 0
    assert len(reply["firstBatch"]) == 2


def test_an_empty_first_batch_is_possible():
    reply = Cursors().start("d.c", documents(1), 0)["cursor"]
    assert reply["firstBatch"] == []
    assert reply["id"] != 0


def test_cursors_can_be_killed():
    opened = Cursors()
    number = opened.start("d.c", documents(5), 1)["cursor"]["id"]
    reply = opened.kill([number, 999])
    assert reply["cursorsKilled"] == [number]
    assert reply["cursorsNotFound"] == [999]


def test_a_cursor_belongs_to_its_collection():
    opened = Cursors()
    number = opened.start("d.c", documents(5), 1)["cursor"]["id"]
    with pytest.raises(OperationFailure):
        opened.more("d.other", number, 1)


def test_forgotten_cursors_are_closed(monkeypatch):
    opened = Cursors()
    number = opened.start("d.c", documents(5), 1)["cursor"]["id"]
    monkeypatch.setattr(cursors, "_IDLE_LIMIT_S", -1.0)
    opened.start("d.c", documents(1), 1)
    with pytest.raises(OperationFailure):
        opened.more("d.c", number, 1)
