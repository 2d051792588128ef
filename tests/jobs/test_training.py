"""The life of one training as the archive sees it."""

import json
import time
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect

from tm23flows.errors import OutOfTimeError, TrainingError
from tm23flows.jobs import training
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.training import run_training
from tm23flows.store.trainings import list_trainings, newest_step
from tm23flows.trainers.workers import worker_io

MODEL = "a" * 64
ABOUT = {"trainer": "flare", "element": "Cu", "dataset_id": "d" * 64, "part": "train"}


@pytest.fixture(autouse=True)
def _report_always(monkeypatch):
    monkeypatch.setattr(training, "REPORT_S", 0.0)


def count(folder: Path, course, until: int = 4, stop_at: int | None = None) -> dict:
    """Count, as a trainer trains: with progress, checkpoints, and an ear for the stop."""
    work = folder / "work"
    work.mkdir()
    begun = json.loads(course.resume[0].read_text())["step"] if course.resume else 0
    for step in range(begun + 1, until + 1):
        state = work / "state.npz"
        state.write_text(json.dumps({"step": step}))
        worker_io.keep_checkpoint(work, state, step, float(step))
        worker_io.write_progress(work, step, until, "epoch", {"loss": 1 / step}, float(step))
        if course.look(work) or step == stop_at:
            raise OutOfTimeError("asked to stop")
    return {"begun": begun}


@pytest.fixture
def go(archive):
    def run(train=count):
        kept = []
        run_training(archive, MODEL, ABOUT, train, lambda _, done: kept.append(done))
        return kept[0]

    return run


def test_a_training_reports_and_leaves_no_checkpoint_and_no_folder(archive, go, tmp_path):
    assert go() == {"begun": 0}
    (done,) = list_trainings(archive)
    assert (done.state, done.progress["step"], done.progress["values"]) == (
        "done", 4, {"loss": 0.25},
    )  # fmt: skip
    assert newest_step(archive, MODEL) == 0
    assert list(tmp_path.glob("flare-*")) == []


def test_one_that_was_stopped_goes_on_from_its_newest_checkpoint(archive, go, tmp_path):
    with pytest.raises(OutOfTimeError):
        go(lambda folder, course: count(folder, course, stop_at=2))
    (stopped,) = list_trainings(archive)
    assert stopped.state == "stopped"
    assert newest_step(archive, MODEL) == 2
    assert list(tmp_path.glob("flare-*")) == []  # nothing of it is needed on this machine
    assert go() == {"begun": 2}
    assert list_trainings(archive)[0].attempts == 2


def test_the_checkpoint_written_on_the_way_out_is_kept(archive, go, monkeypatch):
    monkeypatch.setattr(training, "REPORT_S", 1e9)  # no look in between takes anything in
    with pytest.raises(OutOfTimeError):
        go(lambda folder, course: count(folder, course, stop_at=3))
    assert newest_step(archive, MODEL) == 3


def test_a_failure_has_a_name_and_leaves_its_folder(archive, go, tmp_path):
    def fail(folder, course):
        count(folder, course, until=1)
        raise TrainingError("The loss is not finite.", reason="diverged")

    with pytest.raises(TrainingError):
        go(fail)
    (failed,) = list_trainings(archive)
    assert (failed.state, failed.reason) == ("failed", "diverged")
    assert len(list(tmp_path.glob("flare-*"))) == 1


def test_what_no_library_foresaw_is_a_failure_too(archive, go):
    def fail(folder, course):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        go(fail)
    (failed,) = list_trainings(archive)
    assert (failed.state, failed.reason) == ("failed", "failed")
    assert "No space left" in failed.message


def test_why_it_failed_is_said_without_a_database(go, monkeypatch):
    def fail(folder, course):
        raise TrainingError("The loss is not finite.", reason="diverged")

    def end(*_args):
        raise AutoReconnect("connection closed")

    monkeypatch.setattr(training, "end_training", end)
    with pytest.raises(TrainingError, match="not finite"):
        go(fail)


def test_a_checkpoint_that_is_replaced_while_it_is_read_ends_no_training(archive, go, monkeypatch):
    real = training.keep_checkpoint

    def keep(archive, model_id, path, *rest):
        if path.name.startswith("000000000001"):
            path.unlink()  # what the worker does when it has two newer ones
        return real(archive, model_id, path, *rest)

    monkeypatch.setattr(training, "keep_checkpoint", keep)
    with pytest.raises(OutOfTimeError):
        go(lambda folder, course: count(folder, course, stop_at=3))
    assert newest_step(archive, MODEL) == 3


def test_a_worker_is_asked_to_stop_before_its_time_is_over(go, monkeypatch):
    end = time.time() + training.STOP_MARGIN_S + 100
    monkeypatch.setenv("TM23_DEADLINE", str(end))

    def late(folder, course):
        with monkeypatch.context() as patch:
            patch.setattr(training, "STOP_MARGIN_S", training.STOP_MARGIN_S + 101)
            return count(folder, course)

    with pytest.raises(OutOfTimeError, match="asked to stop"):
        go(late)
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + 3600))
    go()


def test_no_training_begins_when_it_would_be_stopped_at_once(archive, go, monkeypatch, tmp_path):
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + training.STOP_MARGIN_S - 1))
    with pytest.raises(OutOfTimeError, match="too little time"):
        go(lambda folder, course: pytest.fail("it began"))
    assert list_trainings(archive) == []
    assert list(tmp_path.iterdir()) == []


def test_long_steps_are_given_longer_notice(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + training.STOP_MARGIN_S + 100))
    watch = training._Watch(archive, MODEL, Hold(archive))
    worker_io.write_progress(tmp_path, 10, None, "epoch", {}, 1.0)
    assert not watch.look(tmp_path)
    watch.begun -= 300.0  # as if the next step had taken five minutes
    worker_io.write_progress(tmp_path, 11, None, "epoch", {}, 301.0)
    assert watch.look(tmp_path)
    # but no more of it than what a kill would cost
    monkeypatch.setenv("TM23_DEADLINE", str(time.time() + training.STOP_MARGIN_S + 700))
    watch.begun -= 1e5
    assert not watch.look(tmp_path)


def test_a_database_that_is_away_for_a_while_ends_no_training(archive, go, monkeypatch):
    real, answers = training.report_progress, iter([False, False, True, True])

    def report(*args):
        if not next(answers):
            raise AutoReconnect("connection closed")
        real(*args)

    monkeypatch.setattr(training, "report_progress", report)
    go()
    assert list_trainings(archive)[0].progress["step"] == 4
