"""F2 of the fault matrix: a database that is away, forgets to answer, or is not the primary."""

from threading import Thread

import pytest
import roads
import vasp_kit
from pymongo.errors import ConnectionFailure
from test_kill_points import assert_same, summary

from tm23flows.documents.frame import Frame
from tm23flows.errors import DatabaseError
from tm23flows.jobs import context
from tm23flows.ops.audit.invariants import audit
from tm23flows.store import connect, patience
from tm23flows.store.archive import Archive
from tm23flows.store.claims import expire_lost
from tm23flows.store.collections import ensure_indexes, missing_indexes
from tm23flows.store.outbox import commit, pending
from tm23flows.testing.faults import Fault, injected
from tm23flows.testing.proxy import database_proxy

pytestmark = pytest.mark.filterwarnings("ignore")

READING = {"find", "count", "aggregate", "hello", "ismaster", "ping", "endSessions", "listIndexes"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path, vasp):
    del vasp
    monkeypatch.setattr(patience, "FIRST_S", 0.02)
    monkeypatch.setattr(patience, "LONGEST_S", 0.1)
    monkeypatch.chdir(tmp_path)  # jobs leave their marks where they run
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "20")
    yield
    context._open.cache_clear()


@pytest.fixture
def line(database, archive, monkeypatch):
    """A line to the database; jobs of this test use it."""
    del archive
    with database_proxy(database.port) as proxy:
        monkeypatch.setenv("TM23_MONGO_URI", proxy.uri)
        context._open.cache_clear()
        yield proxy


@pytest.fixture(scope="module")
def undisturbed(database_server, tmp_path_factory):
    """What the archive is like when nobody disturbs a road."""
    found = {}
    for road in ("trajectory", "labels"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TM23_DB_PATH", str(database_server.path))
            patch.setenv("TM23_DATABASE", f"f2-{road}")
            folder = tmp_path_factory.mktemp(road)
            assert roads.walk(getattr(roads, road), folder / "only") == 0
            found[road] = summary(Archive.open())
    return found


def frames_of(make_frame, count):
    return [make_frame(seed) for seed in range(count)]


@pytest.mark.parametrize("road", ["trajectory", "labels"])
def test_f2_1_a_job_without_a_database_begins_nothing(archive, line, road, monkeypatch):
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "0")
    monkeypatch.setattr(connect, "SELECTION_TIMEOUT_MS", 2000)
    line.drop()
    with pytest.raises(DatabaseError, match="does not answer"):
        getattr(roads, road)()
    assert archive.database["claims"].count_documents({}) == 0


def test_f2_1_a_claim_waits_for_the_database_and_is_not_made_in_vain(archive, line, undisturbed):
    structure = roads.structure()

    def rule(command):
        if command.get("findAndModify") == "claims" and len(line.fates) < 3:
            return "cut"
        return "pass"

    line.rule = rule
    context.open_archive()
    roads.run_trajectory(structure.id, roads.EMT, roads.DYNAMICS, 12, 4, "warm")
    assert len(line.fates) == 3
    assert_same(summary(archive), undisturbed["trajectory"])


@pytest.mark.parametrize("road", ["trajectory", "labels"])
def test_f2_2_results_wait_in_the_outbox_and_are_not_computed_again(
    archive, line, undisturbed, tmp_path, road, monkeypatch
):
    """The line is cut for good at the first write after the claim, and comes back later."""
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "0")
    claims = archive.database["claims"]

    def rule(command):
        name, where = next(iter(command.items()))
        if name not in {"insert", "update"} or "run_folder" in str(command) or where == "claims":
            return "pass"
        return "cut" if claims.count_documents({"state": "running"}) else "pass"

    line.rule, walk = rule, getattr(roads, road)
    with (
        injected(Fault(at="tm23flows.store.outbox:keep", do="sleep")) as kept,
        pytest.raises((ConnectionFailure, DatabaseError)),
    ):
        walk()
    assert len(kept) == 1
    line.restore()
    monkeypatch.setenv("TM23_DATABASE_PATIENCE_S", "20")
    (path,) = pending(tmp_path / "outbox")
    commit(archive, path)
    before = summary(archive)[0]
    assert before["labels"] or vasp_kit.the_trajectory(archive).n_steps == 4
    expire_lost(archive)
    with injected(Fault(at="tm23flows.engines.ase_engine:AseEngine.label", do="sleep", call=0)) as (
        again
    ):
        getattr(roads, road)()
    assert len(again) == (1 if road == "labels" else 0)  # the second batch only
    assert_same(summary(archive), undisturbed[road])


@pytest.mark.parametrize("fate", ["lose_answer", "not_primary"])
@pytest.mark.parametrize("road", ["trajectory", "labels"])
def test_f2_3_every_answer_of_the_results_gets_lost_once(archive, line, undisturbed, road, fate):
    """Also F2.7: a primary that steps down refuses what is asked, and is asked again."""
    seen, running = [], archive.database["claims"]

    def rule(command):
        name, where = next(iter(command.items()))
        held = running.count_documents({"state": "running"})
        if not held or name in READING or where == "claims" or (name, where) in seen:
            return "pass"
        if "run_folder" in str(command):
            return "pass"  # a note that nothing depends on, and no result
        seen.append((name, where))
        return fate

    line.rule = rule
    getattr(roads, road)()
    assert len(line.fates) >= 2
    assert_same(summary(archive), undisturbed[road])
    assert archive.database["rejections"].count_documents({}) == 0


def test_f2_4_a_crash_after_the_blobs_shows_nothing_and_a_rerun_uses_them(
    archive, tmp_path, undisturbed
):
    fault = Fault(at="tm23flows.store.blobs:Blobs.put", when="after", call=2)
    assert roads.walk(roads.trajectory, tmp_path / "first", fault) < 0
    assert vasp_kit.the_trajectory(archive).n_steps == 4
    assert archive.database["blobs.files"].count_documents({}) == 2
    expire_lost(archive)
    assert audit(archive).violations == []
    assert roads.walk(roads.trajectory, tmp_path / "second") == 0
    assert_same(summary(archive), undisturbed["trajectory"])
    # Steps of another process may have other last digits, and are another blob then; the first
    # is one that no document names, which 'tm23 recover' sweeps after its time.
    assert archive.database["blobs.files"].count_documents({}) in {3, 4}


def test_f2_5_a_crash_in_500_frames_leaves_the_first_ones_and_a_rerun_the_rest(
    archive, make_frame, tmp_path
):
    frames = frames_of(make_frame, 500)

    def put():
        there = context.open_archive()
        for first in range(0, 500, 31):
            there.put(*frames[first : first + 31])

    fault = Fault(at="tm23flows.store.archive:Archive.put", when="after", call=7)
    assert roads.walk(put, tmp_path / "first", fault) < 0
    ids = [one.id for one in frames]
    assert archive.existing(Frame, ids) == set(ids[:217])
    assert roads.walk(put, tmp_path / "second") == 0
    assert archive.existing(Frame, ids) == set(ids)
    assert archive.database["frames"].count_documents({}) == 500


@pytest.mark.parametrize("part", [0.2, 0.9])
def test_f2_5_a_line_that_is_cut_in_one_write_of_500_frames_writes_whole_frames(
    archive, line, make_frame, part
):
    frames = frames_of(make_frame, 500)
    through = context.open_archive()
    line.cut_after = int(part * 500 * 900)
    through.put(*frames)  # asks once more by itself
    assert line.cut_after is None
    assert archive.existing(Frame, [one.id for one in frames]) == {one.id for one in frames}


def test_f2_7_writes_are_for_the_majority_and_for_the_disk(archive):
    concern = archive.database.client.write_concern.document
    assert concern == {"w": "majority", "j": True}
    assert archive.database["labels"].write_concern.document == concern


def test_f2_8_workers_that_start_at_once_without_an_index_all_have_it(archive):
    archive.database["dataset_names"].drop_indexes()
    archive.database["labels"].drop_indexes()
    assert {"dataset_names", "labels"} <= set(missing_indexes(archive.database))
    opened, uri, name = [], connect.resolve_uri(), archive.database.name
    workers = [Thread(target=lambda: opened.append(Archive(uri, name))) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60.0)
    assert len(opened) == 6
    assert missing_indexes(archive.database) == {}
    before = archive.database["labels"].index_information()
    ensure_indexes(archive.database)
    assert archive.database["labels"].index_information() == before
