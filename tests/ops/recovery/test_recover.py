"""Everything at once; twice is once (I8)."""

import pytest
from wrecks import MENDED, STEPS, everything, make_wreck

from tm23flows.ops.recovery.one_at_a_time import TASK, one_recovery
from tm23flows.ops.recovery.record import Work
from tm23flows.ops.recovery.recover import recover
from tm23flows.store.outbox import pending


@pytest.fixture
def wreck(archive, launchpad, tmp_path, make_frame):
    make_wreck(archive, launchpad, tmp_path, make_frame(1))
    return launchpad


def test_everything_is_mended_and_twice_is_once(archive, wreck, work, states, tmp_path):
    done = recover(work)
    assert done.problems == []
    assert [one.step for one in done.mended] == STEPS
    assert "1 jobs failed of something else" in done.notes[0]
    assert states() == MENDED
    assert pending(tmp_path / "outbox") == []
    once = everything(archive, wreck)
    again = recover(work)
    assert (again.mended, again.notes) == ([], done.notes)
    assert everything(archive, wreck) == once


def test_a_dry_run_finds_the_same_and_changes_nothing(archive, wreck, work):
    before = everything(archive, wreck)
    found = recover(Work(archive, wreck, dry_run=True, silent_s=0.0))
    assert len(found.mended) == len(STEPS)
    assert everything(archive, wreck) == before
    assert archive.database["claims"].find_one({"_id": TASK}) is None


def test_a_second_recovery_leaves_it_to_the_first(archive, wreck, work):
    before = everything(archive, wreck)
    with one_recovery(archive):
        done = recover(work)
    assert done.other
    assert done.mended == []
    assert everything(archive, wreck) == before


def test_without_a_launchpad_the_archive_is_mended(archive, wreck):
    done = recover(Work(archive, None))
    assert [one.step for one in done.mended] == ["outbox", "claims"]
