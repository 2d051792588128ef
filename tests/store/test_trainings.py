"""What is true of a training while it runs, and what it goes on from."""

import hashlib

import pytest

from tm23flows.store import trainings as store
from tm23flows.store.collections import CHECKPOINTS

MODEL, OTHER = "a" * 64, "b" * 64
ABOUT = {"trainer": "flare", "element": "Cu", "dataset_id": "d" * 64, "part": "train"}


@pytest.fixture
def keep(archive, tmp_path):
    def take(step, data, model_id=MODEL, sha256=None):
        path = tmp_path / f"{step:08d}.npz"
        path.write_bytes(data)
        checksum = sha256 or hashlib.sha256(data).hexdigest()
        return store.keep_checkpoint(archive, model_id, path, checksum, step, 1.5 * step)

    return take


def n_files(archive):
    return archive.database[CHECKPOINTS].files.count_documents({})


def test_the_account_of_a_training_follows_it(archive):
    store.begin_training(archive, MODEL, ABOUT, "node1")
    store.report_progress(archive, MODEL, {"step": 3, "of": 10})
    (running,) = store.list_trainings(archive, "running")
    assert (running.about, running.progress["step"], running.attempts) == (ABOUT, 3, 1)
    store.end_training(archive, MODEL, "failed", "diverged", "The loss is not finite.")
    assert store.list_trainings(archive, "running") == []
    (failed,) = store.list_trainings(archive)
    assert (failed.reason, failed.message) == ("diverged", "The loss is not finite.")
    store.begin_training(archive, MODEL, ABOUT, "node2")
    (again,) = store.list_trainings(archive)
    assert (again.state, again.attempts, again.host, again.reason) == ("running", 2, "node2", None)


def test_the_last_two_checkpoints_are_there_newest_first(archive, keep, tmp_path):
    for step in (1, 5, 3):  # the database may get them in any order
        assert keep(step, b"state %d" % step)
    files = store.fetch_checkpoints(archive, MODEL, tmp_path / "resume")
    assert [path.read_bytes() for path in files] == [b"state 5", b"state 3"]
    assert [path.suffix for path in files] == [".npz", ".npz"]
    assert store.newest_step(archive, MODEL) == 5
    assert n_files(archive) == 2


def test_a_training_that_began_anew_is_not_hidden_by_what_it_could_not_use(archive, keep, tmp_path):
    store.begin_training(archive, MODEL, ABOUT, "node1")
    for step in (50, 60):
        keep(step, b"of an older library %d" % step)
    store.begin_training(archive, MODEL, ABOUT, "node2")
    for step in (1, 2):
        keep(step, b"new %d" % step)
    files = store.fetch_checkpoints(archive, MODEL, tmp_path / "resume")
    assert [path.read_bytes() for path in files] == [b"new 2", b"new 1"]
    assert store.newest_step(archive, MODEL) == 2


def test_what_a_killed_writer_left_goes_with_the_training(archive, keep, monkeypatch):
    keep(1, b"whole")
    keep(1, b"another's", model_id=OTHER)
    collection = type(archive.database[CHECKPOINTS].files)

    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collection, "insert_one", killed)
        with pytest.raises(KeyboardInterrupt):
            keep(2, b"chunks, and no file that names them")
    chunks = archive.database[CHECKPOINTS].chunks
    assert chunks.count_documents({}) == 3
    assert keep(2, b"chunks, and no file that names them")  # the next try is not in its way
    with monkeypatch.context() as patch:
        patch.setattr(collection, "delete_many", killed)
        with pytest.raises(KeyboardInterrupt):
            keep(3, b"removes the oldest file")
    store.end_training(archive, MODEL, "done")
    assert chunks.distinct("files_id") == archive.database[CHECKPOINTS].files.distinct("_id")
    assert store.newest_step(archive, OTHER) == 1


def test_what_is_done_stays_done_whatever_a_second_worker_says(archive):
    store.begin_training(archive, MODEL, ABOUT, "node1")
    store.end_training(archive, MODEL, "done")
    store.end_training(archive, MODEL, "failed", "killed", "Too late.")
    (only,) = store.list_trainings(archive)
    assert (only.state, only.reason) == ("done", None)


def test_the_same_checkpoint_is_kept_once(archive, keep):
    assert keep(2, b"same")
    assert keep(2, b"same")
    assert n_files(archive) == 1


def test_a_file_that_is_not_what_was_written_is_not_taken(archive, keep, tmp_path):
    assert not keep(1, b"half", sha256="0" * 64)
    assert store.fetch_checkpoints(archive, MODEL, tmp_path / "resume") == ()
    assert store.newest_step(archive, MODEL) == 0


def test_what_is_damaged_in_the_database_is_left_out(archive, keep, tmp_path):
    keep(1, b"older state")
    keep(2, b"newer state")
    newest = archive.database[CHECKPOINTS].files.find_one({"metadata.step": 2})
    archive.database[CHECKPOINTS].chunks.update_one(
        {"files_id": newest["_id"]}, {"$set": {"data": b"newer ztate"}}
    )
    (file,) = store.fetch_checkpoints(archive, MODEL, tmp_path / "resume")
    assert file.read_bytes() == b"older state"
    archive.database[CHECKPOINTS].chunks.delete_many({"files_id": newest["_id"]})
    assert len(store.fetch_checkpoints(archive, MODEL, tmp_path / "again")) == 1


def test_a_training_that_is_done_leaves_no_checkpoints_but_those_of_others(archive, keep):
    keep(1, b"same state")
    keep(1, b"same state", model_id=OTHER)
    store.begin_training(archive, MODEL, ABOUT, "node")
    store.end_training(archive, MODEL, "stopped")
    assert n_files(archive) == 2
    store.end_training(archive, MODEL, "done")
    assert store.newest_step(archive, MODEL) == 0
    assert store.newest_step(archive, OTHER) == 1
    chunks = archive.database[CHECKPOINTS].chunks.distinct("files_id")
    files = archive.database[CHECKPOINTS].files.distinct("_id")
    assert chunks == files
