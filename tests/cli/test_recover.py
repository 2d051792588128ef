"""``tm23 recover`` in words and JSON."""

import re
from pathlib import Path

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from fireworks.core.launchpad import WFLock

from tm23flows.ops.launchpad import job_states
from tm23flows.ops.recovery.one_at_a_time import one_recovery
from tm23flows.ops.recovery.record import STEPS
from tm23flows.store.archive import Archive

NOW = ("--patience", "0", "--lost-after", "0")


@pytest.fixture
def wreck(launchpad, tmp_path, monkeypatch):
    """A job that lost the database, one that nobody began, and a lock of the dead."""
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    launchpad.add_wf(Workflow([job("away", "pymongo.errors.AutoReconnect", "gone")]))
    run_all(launchpad, tmp_path)
    for name in ("reserved", "locked"):
        launchpad.add_wf(Workflow([job(name)]))
    launchpad._get_a_fw_to_run(fw_id=2)
    WFLock(launchpad, 3).__enter__()
    return launchpad


def states(launchpad):
    return {one.name: one.state for one in job_states(launchpad)}


def test_a_dry_run_says_what_a_run_does(tm23, wreck):
    before = states(wreck)
    dry = tm23("recover", "--dry-run", *NOW)
    assert dry.code == 0
    assert "2 (reserved): it is RESERVED, and no worker began it" in dry.out
    assert "would be unlocked" in dry.out
    assert dry.out.strip().endswith("3 of 3 would be mended")
    assert states(wreck) == before
    done = tm23("recover", *NOW)
    assert (done.code, "3 of 3 mended" in done.out) == (0, True)
    assert set(states(wreck).values()) == {"READY"}
    again = tm23("recover", *NOW)
    assert (again.code, again.out.strip()) == (0, "nothing to recover")


def test_as_json(tm23, wreck):
    ran = tm23("recover", "--json", *NOW)
    assert ran.code == 0
    assert [one["step"] for one in ran.json["mended"]] == ["locks", "jobs", "failures"]
    assert (ran.json["problems"], ran.json["dry_run"], ran.json["other"]) == (0, False, None)


def test_what_is_left_is_exit_code_one(tm23, wreck, tmp_path):
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    (outbox / "a.outbox").write_bytes(b"torn")
    ran = tm23("recover", *NOW)
    assert ran.code == 1
    assert "not whole" in ran.out
    assert "3 of 4 mended" in ran.out


def test_a_second_recovery_says_who_is_first(tm23, wreck):
    with one_recovery(Archive.open()):
        ran = tm23("recover", *NOW)
    assert (ran.code, ran.out.startswith("another recovery is under way")) == (0, True)
    assert states(wreck)["reserved"] == "RESERVED"


def test_a_launchpad_that_is_not_there_is_not_made(tm23, wreck):
    ran = tm23("recover", "--launchpad", "another", *NOW)
    assert (ran.code, ran.out.strip()) == (0, "nothing to recover")
    assert "another" not in wreck.connection.list_database_names()


def test_blobs_are_swept_only_when_asked(tm23, wreck):
    archive = Archive.open()
    key = archive.blobs.put(b"nothing names it")
    assert key not in tm23("recover", *NOW).out
    assert key not in tm23("recover", "--sweep", *NOW).out
    ran = tm23("recover", "--sweep", "--grace-hours", "0", *NOW)
    assert (ran.code, key in ran.out, archive.blobs.has(key)) == (0, True, False)


def test_the_page_lists_every_step_in_its_order():
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations" / "recovery.md").read_text()
    table = page.partition("| step |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(STEPS)


def test_without_a_database_one_sentence_says_so(tm23, monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://me:S3CRET-word@127.0.0.1:9")
    monkeypatch.setattr("tm23flows.store.connect.SELECTION_TIMEOUT_MS", 200)
    ran = tm23("recover")
    assert ran.code == 2
    assert "does not answer" in ran.err
    assert "S3CRET" not in ran.err
