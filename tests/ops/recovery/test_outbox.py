"""Files of the outbox are taken in once; what is not whole stays, and what is for others."""

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.ops.recovery.outbox import take_in_results, waiting_files
from tm23flows.ops.recovery.record import Work
from tm23flows.store.outbox import Recorder, keep, pending


@pytest.fixture
def kept(archive, tmp_path, monkeypatch, make_frame):
    """A folder with a whole file, a torn one, and one for another database."""
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path))
    name = archive.database.name
    for task, database, seed in (("whole", name, 1), ("torn", name, 2), ("other", "other", 3)):
        recorder = Recorder()
        recorder.put(make_frame(seed))
        path = keep(tmp_path, task, database, recorder.records)
        if task == "torn":
            path.write_bytes(path.read_bytes()[:-9])
    return tmp_path


def test_what_is_whole_is_taken_in_once(archive, kept, make_frame):
    assert len(waiting_files(archive.database.name)) == 2
    found = {
        one.subject.rpartition("/")[2][:5]: one for one in take_in_results(Work(archive, None))
    }
    assert found["whole"].problem is None
    assert "not whole" in found["torn-"].problem
    assert len(found) == 2
    assert archive.get(Frame, make_frame(1).id).step == make_frame(1).step
    assert [path.name[:5] for path in sorted(pending(kept))] == ["other", "torn-"]
    (one,) = take_in_results(Work(archive, None))
    assert one.problem


def test_a_dry_run_takes_in_nothing(archive, kept):
    found = list(take_in_results(Work(archive, None, dry_run=True)))
    assert len(found) == 2
    assert len(pending(kept)) == 3
    assert archive.database["frames"].count_documents({}) == 0
