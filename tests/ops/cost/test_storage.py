"""Bytes that are planned are those that an archive then has."""

import bson
import pytest
from cost_kit import tasks_of

from tm23flows.flows.scales import make_tm23
from tm23flows.ops.cost.storage import Bytes, measured_bytes
from tm23flows.store.blobs import BLOBS
from tm23flows.store.raw_outputs import record_raw_outputs


def plan_without_models():
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    return tasks_of(maker.make("Cu"))


def stored_bytes(archive):
    database = archive.database
    names = ("frames", "labels", "trajectories")
    documents = sum(len(bson.encode(one)) for name in names for one in database[name].find({}))
    return documents + sum(one["length"] for one in database[BLOBS].files.find({}))


@pytest.mark.parametrize("measured", [False, True])
def test_the_demonstration_is_as_large_as_planned(emt_archive, measured):
    tasks = plan_without_models()
    sizes = measured_bytes(emt_archive) if measured else Bytes()
    planned = sum(sizes.database_bytes(task) for task in tasks)
    assert planned == pytest.approx(stored_bytes(emt_archive), rel=0.25)


def test_an_empty_archive_has_the_defaults(archive):
    assert measured_bytes(archive) == Bytes()


def test_models_and_packs_are_measured(road, tmp_path):
    archive, _ = road
    assert set(measured_bytes(archive).models) == {"flare"}
    pack = tmp_path / "vasp-runs.tar.gz"
    pack.write_bytes(b"x" * 900)
    members = {f"label-000{n}/{name}": "0" for n in (1, 2, 3) for name in ("INCAR", "OUTCAR")}
    record_raw_outputs(archive, pack, "aa", members)
    assert measured_bytes(archive).raw == {"vasp label": 300.0}


def test_files_of_vasp_are_unknown_until_one_was_packed():
    tasks = tasks_of(make_tm23("Os", "paper", "vasp").make("Os"))
    assert Bytes().raw_bytes(tasks) is None
    known = Bytes(raw={"vasp label": 10.0, "vasp step": 1.0}).raw_bytes(tasks)
    labels = sum(w.units for t in tasks for w in t.work if str(w.kind) == "vasp label")
    assert known == 33_000 + 10 * labels
    assert Bytes().raw_bytes(plan_without_models()) == 0
