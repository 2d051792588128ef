"""Workers that are killed before and after whatever writes or computes, and go on.

For each function: the worker is killed there, nothing broken is to be seen, another worker does
the same again, and the archive is as if nobody had been killed.
"""

import ast
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import roads
from roads import walk

from tm23flows.documents.label import Label
from tm23flows.documents.trajectory import Trajectory
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.archive import Archive
from tm23flows.store.claims import expire_lost
from tm23flows.store.datasets.names import list_datasets
from tm23flows.store.outbox import pending
from tm23flows.store.trajectories import read_segments
from tm23flows.testing.faults import Fault
from tm23flows.testing.invariants import assert_all_invariants
from tm23flows.trainers.base import TRAINERS

PACKAGE = Path(roads.__file__).resolve().parents[2] / "tm23flows"
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True)
class Place:
    """A function, the road on which it is called, and at which of its calls or items."""

    road: str
    at: str
    call: int = 1
    item: int | None = None
    last: int | None = None
    """Items after which it is killed, where nobody asks for more than there are."""

    def __str__(self):
        where = self.at.rpartition(":")[2]
        return f"{self.road}-{where}-{self.call}" + (f"-{self.item}" if self.item else "")

    @property
    def module(self):
        return "tm23flows." + self.at


PLACES = [
    Place("trajectory", "store.archive:Archive.put", 2),
    Place("trajectory", "store.archive:Archive.push_segment", 2),
    Place("trajectory", "store.blobs:Blobs.put", 2),
    Place("trajectory", "store.blobs:Blobs.put_arrays", 2),
    Place("trajectory", "store.trajectories:append_segment", 2),
    Place("trajectory", "store.trajectories:announce_folder"),
    Place("trajectory", "store.claims:acquire"),
    Place("trajectory", "store.claims:check", 2),
    Place("trajectory", "store.claims:release"),
    Place("trajectory", "store.outbox:write_or_keep", 2),
    Place("trajectory", "store.collections:ensure_indexes"),
    Place("trajectory", "engines.ase_engine:AseEngine.run_md"),
    Place("trajectory", "engines.ase_engine:AseEngine.run_md", item=6),
    Place("trajectory", "engines.ase_engine:AseEngine.finish"),
    Place("labels", "store.archive:Archive.record", 2),
    Place("labels", "engines.ase_engine:AseEngine.label", 2, last=1),
    Place("labels", "engines.ase_engine:AseEngine.label", item=1),
    Place("evaluation", "store.datasets.creation:create_datasets"),
    Place("evaluation", "store.datasets.names:name_dataset"),
    Place("evaluation", "store.trainings:begin_training"),
    Place("evaluation", "store.trainings:report_progress", 2),
    Place("evaluation", "store.trainings:keep_checkpoint", 3),
    Place("evaluation", "store.trainings:fetch_checkpoints"),
    Place("evaluation", "store.trainings:end_training"),
    Place("outbox", "store.outbox:keep"),
    Place("outbox", "store.outbox:commit"),
    Place("outbox", "store.archive:Archive.put", 3),
    Place("claims", "store.claims:expire_lost"),
    Place("claims", "store.claims:heartbeat"),
    Place("claims", "store.claims:note_attempt"),
    Place("files", "store.files:import_files"),
    Place("files", "store.archive:Archive.record", 3),
    Place("files", "store.exchange.intake:add_tags"),
    Place("dump", "store.not_shipped:note_not_shipped"),
    Place("dump", "store.not_shipped:forget_shipped"),
    Place("dump", "store.datasets.names:name_dataset", 2),
    Place("vasp_trajectory", "engines.vasp.engine:VaspEngine.run_md"),
    Place("vasp_trajectory", "engines.vasp.engine:VaspEngine.run_md", item=4),
    Place("vasp_trajectory", "engines.vasp.engine:VaspEngine.finish"),
    Place("vasp_labels", "engines.vasp.engine:VaspEngine.label", last=1),
    Place("vasp_labels", "engines.vasp.engine:VaspEngine.label", item=1),
    Place("vasp_labels", "store.raw_outputs:record_raw_outputs"),
]
TRAINER_PLACES = [
    Place("evaluation", "CountingTrainer.train"), Place("evaluation", "CountingTrainer.predict"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _counting(monkeypatch, tmp_path, vasp):
    del vasp
    monkeypatch.setitem(TRAINERS, "counting", "roads:CountingTrainer")
    monkeypatch.setenv("TM23_OUTBOX", str(tmp_path / "outbox"))


@pytest.fixture(scope="module")
def undisturbed(database_server, tmp_path_factory, _vasp_simulator):
    """A function that says what an archive is like when nobody is killed on a road."""
    known = {}

    def summary_of(road):
        if road not in known:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in _vasp_simulator.items():
                    patch.setenv(name, value)
                patch.setenv("TM23_DB_PATH", str(database_server.path))
                patch.setenv("TM23_DATABASE", f"undisturbed-{road}")
                patch.setenv("TM23_OUTBOX", str(tmp_path_factory.mktemp("outbox")))
                folder = tmp_path_factory.mktemp(road)
                assert walk(getattr(roads, road), folder / "only") == 0
                known[road] = summary(Archive.open())
        return known[road]

    return summary_of


def summary(archive):
    """Return what must not depend on who was killed: ids, and the numbers of runs."""
    database = archive.database
    found = {
        name: sorted(one["_id"] for one in database[name].find({}, {"_id": 1}))
        for name in ("structures", "trajectories", "frames", "labels", "rejections", "datasets",
                     "models", "evaluations", "claims", "trainings",
                     "checkpoints.files", "checkpoints.chunks")
    }  # fmt: skip
    found["trainings"] = sorted(one["state"] for one in database["trainings"].find())
    found["names"] = [(one.name, one.version, one.dataset.id) for one in list_datasets(archive)]
    found["files"] = [one["files"] for one in database["models"].find()]
    runs = [archive.get(Trajectory, key) for key in found["trajectories"]]
    arrays = [list(read_segments(archive, run)) for run in runs]
    numbers = [
        {name: np.concatenate([one[name] for one in pieces])
         for name in ("step", "positions", "forces", "energy_free")}
        for pieces in arrays if pieces
    ]  # fmt: skip
    labels = [archive.get(Label, key) for key in found["labels"]]
    return found, [*numbers, {one.id: one.forces for one in labels}]


def assert_same(one, other):
    assert one[0] == other[0]
    for mine, theirs in zip(one[1], other[1], strict=True):
        for name, values in mine.items():
            np.testing.assert_allclose(values, theirs[name], rtol=0, atol=1e-9, err_msg=name)


def kill_and_go_on(archive, folder, road, fault, expected):
    walked = getattr(roads, road)
    assert walk(walked, folder / "first", fault) == -signal.SIGKILL
    # Who was killed is listed as lost, and that is all that is wrong.
    assert {one.invariant for one in audit(archive).violations} <= {"I4"}
    assert walk(walked, folder / "second") == 0
    assert_same(summary(archive), expected)
    assert pending(folder / "outbox") == []
    # What was done to the end before the kill is not claimed again, so its claim is only lost.
    expire_lost(archive)
    assert_all_invariants(archive)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_worker_that_was_killed_loses_nothing_and_repeats_nothing(
    archive, tmp_path, undisturbed, place, when
):
    if place.item and when == "before":
        pytest.skip("an item is there or not")
    item = place.last if when == "after" and place.last else place.item
    fault = Fault(at=place.module, when=when, call=place.call, item=item)
    kill_and_go_on(archive, tmp_path, place.road, fault, undisturbed(place.road))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", TRAINER_PLACES, ids=str)
def test_a_worker_that_was_killed_in_a_trainer_goes_on(archive, tmp_path, undisturbed, place, when):
    fault = Fault(at=f"roads:{place.at}", when=when)
    kill_and_go_on(archive, tmp_path, place.road, fault, undisturbed(place.road))


WRITES = {
    "bulk_write", "update_one", "update_many", "insert_one", "insert_many", "delete_one",
    "delete_many", "replace_one", "find_one_and_update", "create_indexes",
}  # fmt: skip
"""Methods of collections by which a function writes."""

ELSEWHERE = {
    "store.datasets.builder:DatasetBuilder.get_items": "tests/store/datasets/test_builder.py",
    "store.datasets.builder:DatasetBuilder.update_targets": "tests/store/datasets/test_builder.py",
}
"""Functions whose worker is killed in tests of their own, because maggma calls them."""


def public_functions(folder, is_wanted):
    """List the public functions and methods below a folder of the package that are wanted."""
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        if "embedded" in path.parts:
            continue  # the server; what is killed there is in tests/store/embedded
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        owners = [("", tree)]
        owners += [(f"{one.name}.", one) for one in tree.body if isinstance(one, ast.ClassDef)]
        for prefix, owner in owners:
            for one in owner.body:
                named = isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
                if named and is_wanted(prefix, one):
                    yield f"{module}:{prefix}{one.name}"


def writes(_prefix, function):
    called = (one.func for one in ast.walk(function) if isinstance(one, ast.Call))
    return any(isinstance(one, ast.Attribute) and one.attr in WRITES for one in called)


def computes(prefix, function):
    return prefix.endswith("Engine.") and function.name in {"label", "run_md", "finish"}


def test_whatever_writes_or_computes_has_a_kill_before_and_after():
    """A new function that writes is found here, and wants a place in the table above."""
    wanted = {*public_functions("store", writes), *public_functions("engines", computes)}
    assert len(wanted) > 15
    protocols = {one for one in wanted if one.startswith("engines.base:")}
    killed = {place.at for place in PLACES if place.item is None}
    assert wanted - protocols - set(ELSEWHERE) <= killed
    assert set(ELSEWHERE) <= wanted
