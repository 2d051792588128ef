"""Failed jobs: each has the class of its error, and none tells a secret."""

import errno
import traceback
import uuid

import pymongo.errors
import pytest
from failing_jobs import job, run_all
from fireworks import FWorker, Workflow
from jobflow import JobStore
from jobflow.managers.fireworks import JobFiretask
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows import errors
from tm23flows.ops.failures import (
    ERROR_CLASSES,
    LOST,
    PASSING,
    classify,
    list_failures,
    said,
    without_secrets,
)
from tm23flows.ops.launchpad import open_launchpad


def trace(error, cause=None):
    """The stack trace of an error, as a worker stores it."""
    try:
        if cause is None:
            raise error
        try:
            raise cause
        except type(cause):
            raise error from cause
    except type(error):
        return traceback.format_exc()


def decoding(**named):
    """The stack trace of a job of something that is not there any more."""
    try:
        task = JobFiretask(job=MontyDecoder().process_decoded(named), store=JobStore(MemoryStore()))
        task.run_task({})
    except (ImportError, AttributeError):
        return traceback.format_exc()


CASES = [
    ("database", trace(pymongo.errors.AutoReconnect("connection closed"))),
    ("database", trace(pymongo.errors.ServerSelectionTimeoutError("refused"))),
    ("database", trace(errors.DatabaseError("The database at x does not answer; is it running?"))),
    ("database", trace(errors.DatabaseError("No database is running; start one."))),
    ("disk_full", trace(errors.DiskFullError("The disk is full."))),
    ("disk_full", trace(OSError(errno.ENOSPC, "No space left on device"))),
    ("walltime", trace(errors.OutOfTimeError("Three workers had no time."))),
    ("memory", trace(MemoryError())),
    ("memory", trace(errors.TrainingError("the kernel is out of memory", "out_of_memory"))),
    ("memory", trace(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))),
    ("physics", trace(errors.PhysicsError("no bands"))),
    ("input", trace(errors.InputError("no such element"))),
    ("input", trace(errors.MissingDependencyError("FLARE is not installed"))),
    ("training", trace(errors.TrainingError("the loss is not finite", "diverged"))),
    ("decode", trace(errors.DecodeRefusedError("not on the list"))),
    ("decode", decoding(**{"@module": "jobflow.core.job", "@class": "GoneJob"})),
    ("decode", decoding(**{"@module": "no.such.module", "@callable": "make", "@bound": None})),
    ("stale", trace(errors.StaleClaimError("The task was given to another worker."))),
    ("stale", trace(errors.DatabaseError("Another worker is running trajectory 123; it stops."))),
    ("database", trace(errors.ResultsKeptError("The results wait in the outbox."))),
    ("lost", ""),
    ("other", trace(ZeroDivisionError("division by zero"))),
    ("other", trace(errors.DatabaseError("The collection x lacks indexes."))),
    ("other", trace(AttributeError("no attribute of something else"))),
    ("other", "killed by hand"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "stacktrace"), CASES, ids=range(len(CASES)))
def test_errors_have_a_class(expected, stacktrace):
    assert classify(stacktrace) == expected


def test_every_class_is_said_what_it_means():
    assert {expected for expected, _ in CASES} == set(ERROR_CLASSES)
    assert set(ERROR_CLASSES) >= PASSING


def test_every_error_of_ours_has_a_class():
    of_many_things = {"TM23Error", "DatabaseError"}
    ours = [
        one for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.TM23Error)
        and one.__name__ not in of_many_things
    ]  # fmt: skip
    assert len(ours) >= 11
    assert [one.__name__ for one in ours if classify(trace(one("words"))) == "other"] == []


def test_an_error_without_a_class_has_that_of_its_direct_cause():
    cause = pymongo.errors.AutoReconnect("gone")
    assert classify(trace(RuntimeError("it did not work"), cause)) == "database"
    assert classify(trace(errors.PhysicsError("no bands"), cause)) == "physics"
    try:
        try:
            raise cause
        except pymongo.errors.AutoReconnect:
            raise ZeroDivisionError("on the way out")  # noqa: B904
    except ZeroDivisionError:
        assert classify(traceback.format_exc()) == "other"


def test_a_message_of_several_lines_becomes_one():
    found = said(trace(ValueError("1 validation error\nfield\n  wrong\nand much more")))
    assert found == ("ValueError", "1 validation error field wrong")
    assert said(trace(KeyError())) == ("KeyError", "")
    assert said(trace(RuntimeError("after"), ValueError("before"))).message == "after"


def test_secrets_are_cut_out():
    assert without_secrets("mongodb://me:S3CRET@host", ()) == "mongodb://me:***@host"
    assert without_secrets("it was S3CRETs", ("S3CRET",)) == "it was ***s"
    assert "ghp" not in without_secrets("the token ghp_" + "a" * 30, ())


@pytest.fixture
def launchpad(database):
    return open_launchpad(database.uri, f"failures-{uuid.uuid4().hex[:8]}")


def test_failures_say_what_where_when_and_how_often(launchpad, tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_MONGO_URI", "mongodb://me:S3CRET-word@host")
    words = "cannot reach mongodb://me:S3CRET-word@host, nor S3CRET-word"
    launchpad.add_wf(Workflow([
        job("fine"),
        job("Cu labels 1/2", "pymongo.errors.AutoReconnect", words),
        job("Ti trajectory", "tm23flows.errors.PhysicsError", "exploded", "Ti", "aimd"),
    ]))  # fmt: skip
    run_all(launchpad, tmp_path)
    first, second = list_failures(launchpad.db)
    by_name = {one.name: one for one in (first, second)}
    assert first.fw_id < second.fw_id
    lost = by_name["Cu labels 1/2"]
    assert (lost.error_class, lost.exception) == ("database", "pymongo.errors.AutoReconnect")
    assert lost.message.startswith("cannot reach mongodb://me:***@host")
    assert "S3CRET" not in str(lost)
    gone = by_name["Ti trajectory"]
    assert (gone.element, gone.stage, gone.error_class) == ("Ti", "aimd", "physics")
    assert gone.reason == "tm23flows.errors.PhysicsError: exploded"
    assert gone.host
    assert str(tmp_path) in gone.folder
    assert gone.when is not None
    assert gone.attempts == 1
    assert isinstance(gone.as_dict()["when"], str)


def test_a_job_whose_worker_was_killed_is_lost(launchpad, tmp_path):
    launchpad.add_wf(Workflow([job("killed")]))
    _, launch = launchpad.checkout_fw(FWorker(), str(tmp_path))
    launchpad.mark_fizzled(launch)
    (one,) = list_failures(launchpad.db)
    assert (one.error_class, one.message, one.exception) == ("lost", LOST, "")
    assert one.reason == LOST


def test_only_the_newest_attempt_counts(launchpad, tmp_path):
    launchpad.add_wf(Workflow([job("again", "builtins.MemoryError", "first")]))
    run_all(launchpad, tmp_path)
    (fw_id,) = launchpad.get_fw_ids({"state": "FIZZLED"})
    launchpad.rerun_fw(fw_id)
    assert list_failures(launchpad.db) == []
    run_all(launchpad, tmp_path)
    (one,) = list_failures(launchpad.db)
    assert one.attempts == 2
