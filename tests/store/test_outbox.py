"""The outbox: whole or not at all, and what is in it comes into the archive once."""

import json
import os
import random
import stat

import numpy as np
import pytest
from pymongo.errors import AutoReconnect

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import DatabaseError, ResultsKeptError
from tm23flows.ops.audit.invariants import audit
from tm23flows.store import connect
from tm23flows.store.archive import Archive
from tm23flows.store.outbox import (
    Recorder,
    commit,
    database_of,
    keep,
    pending,
    write_or_keep,
)
from tm23flows.store.trajectories import append_segment, read_segments
from tm23flows.testing.faults import Fault, injected
from tm23flows.testing.proxy import database_proxy

TASK = "f" * 64


@pytest.fixture
def outbox(tmp_path, monkeypatch):
    folder = tmp_path / "out" / "box"
    monkeypatch.setenv("TM23_OUTBOX", str(folder))
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "0")
    return folder


@pytest.fixture
def results(make_frame, make_label):
    """Two frames, the label of one and the rejection of the other."""
    frames = [make_frame(1), make_frame(2)]
    label = make_label(frames[0])
    refused = Rejection(
        provenance=label.provenance, frame_id=frames[1].id, recipe=label.recipe, reason="no end"
    )
    return frames, label, refused


def write_to(target, results):
    frames, label, refused = results
    target.put(*frames)
    target.record([label, refused])
    return target.blobs.put_arrays(numbers=np.arange(3.0))


def contents(archive):
    return {
        name: sorted(archive.database[name].find(), key=lambda one: str(one["_id"]))
        for name in archive.database.list_collection_names()
        if not name.endswith(("chunks", "files"))
    }


def test_what_is_recorded_is_what_would_be_written(archive, outbox, results):
    recorder = Recorder()
    blob = write_to(recorder, results)
    path = keep(outbox, TASK, archive.database.name, recorder.records)
    assert database_of(path) == archive.database.name
    assert pending(outbox) == [path]
    assert commit(archive, path) == len(recorder.records) == 5
    assert pending(outbox) == []
    frames, label, refused = results
    assert archive.existing(Frame, [one.id for one in frames]) == {one.id for one in frames}
    assert archive.get(Label, label.id).provenance == label.provenance
    assert archive.get(Rejection, refused.id).reason == "no end"
    assert archive.blobs.get_arrays(blob)["numbers"].tolist() == [0, 1, 2]
    direct = Archive.open(database=archive.database.name + "-direct")
    assert write_to(direct, results) == blob
    assert json.dumps(contents(archive), default=repr) == json.dumps(contents(direct), default=repr)


def test_committing_twice_changes_nothing(archive, outbox, results):
    recorder = Recorder()
    write_to(recorder, results)
    path = keep(outbox, TASK, archive.database.name, recorder.records)
    again = path.read_bytes()
    commit(archive, path)
    before = contents(archive)
    path.write_bytes(again)
    commit(archive, path)
    assert contents(archive) == before


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_commit_that_is_cut_off_is_done_again(archive, outbox, results, call):
    recorder = Recorder()
    write_to(recorder, results)
    path = keep(outbox, TASK, archive.database.name, recorder.records)
    place = "tm23flows.store.archive:Archive.put"
    with injected(Fault(at=place, do="ack_lost", call=call)), pytest.raises(AutoReconnect):
        commit(archive, path)
    assert pending(outbox) == [path]
    assert commit(archive, path) == 5
    assert archive.existing(Label, [results[1].id])


def test_a_rejection_does_not_win_over_a_label_that_came_meanwhile(archive, outbox, results):
    frames, label, _ = results
    recorder = Recorder()
    recorder.record([Rejection(provenance=label.provenance, frame_id=frames[0].id,
                               recipe=label.recipe, reason="too late")])  # fmt: skip
    path = keep(outbox, TASK, archive.database.name, recorder.records)
    archive.put(*frames)
    archive.record([label])
    commit(archive, path)
    assert archive.database["rejections"].count_documents({}) == 0


def test_a_file_that_is_cut_anywhere_is_refused(archive, outbox):
    recorder = Recorder()
    recorder.put(b"some bytes")
    path = keep(outbox, TASK, "tm23", recorder.records)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DatabaseError, match="not whole"):
            commit(archive, path)
        with pytest.raises(DatabaseError, match="not whole"):
            database_of(path)
    assert path.exists()
    assert contents(archive) == {} or not any(contents(archive).values())


def test_a_file_with_other_bits_is_refused(archive, outbox):
    recorder = Recorder()
    recorder.put(b"some bytes")
    path = keep(outbox, TASK, "tm23", recorder.records)
    whole, chance = path.read_bytes(), random.Random(3)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(DatabaseError, match="not whole"):
            commit(archive, path)
    path.write_bytes(whole + b"more")
    with pytest.raises(DatabaseError, match="not whole"):
        commit(archive, path)
    path.write_bytes(whole)
    assert commit(archive, path) == 1


def test_other_people_cannot_read_it(outbox):
    path = keep(outbox, TASK, "tm23", [])
    assert stat.S_IMODE(outbox.stat().st_mode) == 0o700
    assert database_of(path) == "tm23"


def test_the_oldest_comes_first_and_there_need_be_none(outbox):
    assert pending(outbox) == []
    paths = [keep(outbox, str(n) * 64, "tm23", []) for n in (3, 1, 2)]
    for n, path in enumerate(paths):  # not every file system tells times so close from each other
        os.utime(path, ns=(n, n))
    (outbox / "half.part").write_bytes(b"half")
    assert pending(outbox) == paths


def test_a_full_disk_leaves_no_half_file(outbox, monkeypatch):
    import errno

    from tm23flows.store import outbox as module

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        keep(outbox, TASK, "tm23", [])
    assert list(outbox.iterdir()) == []


def test_results_of_a_database_that_is_away_are_kept(
    archive, database, outbox, results, monkeypatch
):
    monkeypatch.setattr(connect, "SELECTION_TIMEOUT_MS", 2000)
    with database_proxy(database.port) as line:
        through = Archive(line.uri, archive.database.name)
        line.drop()
        with pytest.raises(ResultsKeptError, match=r"tm23 recover"):
            write_or_keep(through, TASK, lambda target: write_to(target, results))
    (path,) = pending(outbox)
    assert database_of(path) == archive.database.name
    commit(archive, path)
    assert archive.existing(Label, [results[1].id])


def test_an_error_that_waiting_does_not_mend_is_not_kept(archive, outbox):
    def wrong(target):
        del target
        raise DatabaseError("not what it should be")

    with pytest.raises(DatabaseError, match="not what"):
        write_or_keep(archive, TASK, wrong)
    assert pending(outbox) == []


@pytest.fixture
def run(emt_copy):
    """A trajectory without segments, and the arrays of those it had."""
    stored = emt_copy.database["trajectories"].find_one({"segments.1": {"$exists": True}})
    whole = emt_copy.get(Trajectory, stored["_id"])
    pieces = list(read_segments(emt_copy, whole))
    emt_copy.database["trajectories"].update_one({"_id": whole.id}, {"$set": {"segments": []}})
    return whole, emt_copy.get(Trajectory, whole.id), pieces


def keep_segments(archive, outbox, start, pieces):
    """Keep each piece in a file of its own, as workers one after the other do."""
    paths = []
    for number, piece in enumerate(pieces):
        recorder = Recorder()
        start = append_segment(recorder, start, piece)
        paths.append(keep(outbox, str(number) * 64, archive.database.name, recorder.records))
    return paths


def test_segments_are_committed_in_their_order_and_once(emt_copy, outbox, run):
    whole, empty, pieces = run
    first, second, *_ = keep_segments(emt_copy, outbox, empty, pieces[:2])
    with pytest.raises(DatabaseError, match="lacks steps before them"):
        commit(emt_copy, second)
    assert pending(outbox) == [first, second]
    kept = first.read_bytes()
    commit(emt_copy, first)
    commit(emt_copy, second)
    first.write_bytes(kept)
    commit(emt_copy, first)
    found = emt_copy.get(Trajectory, whole.id)
    assert [one.blob for one in found.segments] == [one.blob for one in whole.segments[:2]]


def test_steps_of_a_run_that_went_on_elsewhere_are_left_out(emt_copy, outbox, run):
    whole, empty, pieces = run
    cut = {name: values[:2] for name, values in pieces[0].items()}
    (path,) = keep_segments(emt_copy, outbox, empty, [cut])
    append_segment(emt_copy, empty, pieces[0])
    commit(emt_copy, path)
    assert pending(outbox) == []
    (only,) = emt_copy.get(Trajectory, whole.id).segments
    assert only.blob == whole.segments[0].blob
    assert not audit(emt_copy, ["I5"]).violations
