import os
import threading

import pytest

from tm23flows.errors import DatabaseError
from tm23flows.store.embedded.journal import Journal


def operations(journal):
    return [dict(operation)["n"] for record in journal.read() for operation in record]


def opened(path, **options):
    journal = Journal(path, **options)
    list(journal.read())
    return journal


@pytest.mark.parametrize("fsync", [True, False])
def test_what_was_appended_is_read_again(tmp_path, fsync):
    journal = opened(tmp_path, fsync=fsync)
    for n in range(3):
        journal.sync(journal.append([{"n": n}, {"n": -n}]))
    journal.close()
    journal = Journal(tmp_path)
    assert operations(journal) == [0, 0, 1, -1, 2, -2]
    journal.close()


def test_a_torn_tail_is_cut_off_and_writing_goes_on(tmp_path):
    journal = opened(tmp_path)
    for n in range(3):
        journal.append([{"n": n}])
    journal.close()
    path = tmp_path / "journal"
    os.truncate(path, path.stat().st_size - 3)
    journal = Journal(tmp_path)
    assert operations(journal) == [0, 1]
    assert journal.dropped_bytes > 0
    journal.append([{"n": 7}])
    journal.close()
    journal = Journal(tmp_path)
    assert operations(journal) == [0, 1, 7]
    assert journal.dropped_bytes == 0
    journal.close()


def test_only_one_opens_it(tmp_path):
    journal = opened(tmp_path)
    with pytest.raises(DatabaseError, match="in use by another server"):
        Journal(tmp_path)
    journal.close()
    Journal(tmp_path).close()


def test_a_refused_file_is_left_as_it_is(tmp_path):
    (tmp_path / "journal").write_bytes(b"tm23flows journal 00099\nwhatever")
    before = (tmp_path / "journal").read_bytes()
    journal = Journal(tmp_path)
    with pytest.raises(DatabaseError, match="format 99"):
        list(journal.read())
    journal.close()
    assert (tmp_path / "journal").read_bytes() == before


def test_rewriting_replaces_the_whole_file(tmp_path):
    journal = opened(tmp_path)
    for n in range(100):
        journal.append([{"n": n}])
    before = journal.size
    journal.rewrite([[{"n": 1}], [{"n": 2}]])
    assert journal.size < before
    journal.sync(journal.append([{"n": 3}]))
    assert journal.size == (tmp_path / "journal").stat().st_size
    journal.close()
    journal = Journal(tmp_path)
    assert operations(journal) == [1, 2, 3]
    journal.close()


def test_a_failed_rewrite_changes_nothing(tmp_path):
    def too_little_room():
        yield [{"n": 1}]
        raise OSError("no space left")

    journal = opened(tmp_path)
    journal.append([{"n": 5}])
    with pytest.raises(OSError, match="no space"):
        journal.rewrite(too_little_room())
    journal.append([{"n": 6}])
    journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal", "lock"]
    journal = Journal(tmp_path)
    assert operations(journal) == [5, 6]
    journal.close()


def test_one_fsync_serves_all_that_wait(tmp_path, monkeypatch):
    journal = opened(tmp_path)
    calls, entered, go = [], threading.Event(), threading.Event()

    def slow_sync(descriptor):
        calls.append(descriptor)
        entered.set()
        go.wait(200)

    monkeypatch.setattr(os, "fdatasync", slow_sync)
    first = threading.Thread(target=journal.sync, args=(journal.append([{"n": 0}]),))
    first.start()
    entered.wait(200)
    tickets = [journal.append([{"n": n}]) for n in range(1, 6)]
    others = [threading.Thread(target=journal.sync, args=(ticket,)) for ticket in tickets]
    for thread in others:
        thread.start()
    go.set()
    for thread in (first, *others):
        thread.join()
    assert len(calls) == 2
    monkeypatch.undo()
    journal.close()
