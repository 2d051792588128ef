"""Runs of VASP say what they cost, also in the archive: its own account reaches the laws."""

import pytest

from tm23flows.flows.scales import make_tm23
from tm23flows.flows.trajectory import Sampling
from tm23flows.ops.cost.measured import fit_measured, fit_memory
from tm23flows.ops.cost.measured_work import measured_work
from tm23flows.ops.cost.storage import measured_bytes
from tm23flows.ops.cost.work import LABEL, STEP, Kind


@pytest.mark.usefixtures("vasp")
def test_steps_labels_and_packs(archive, run_flow, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    maker = make_tm23("Cu", "demo", "vasp")
    maker.models, maker.extra_labels, maker.regimes = (), (), maker.regimes[:1]
    maker.split_options = {"train_fraction": 0.5}
    maker.trajectory.sampling, maker.trajectory.n_steps = Sampling(2, 1, 2), 4
    run_flow(maker.make("Cu"))
    rows = measured_work(archive)
    for kind, units in ((Kind("vasp", STEP), 4), (Kind("vasp", LABEL), 2)):
        (row,) = [one for one in rows if one.kind == kind]
        assert (row.units, row.known, row.cores) == (units, units, 1)
        assert row.core_s > 0
        assert row.wall_s > 0
        assert row.memory_bytes == 30_000 * 1024
        assert row.sizes["electrons"] == 7 * 17
        assert kind in fit_measured(rows)
        assert kind in fit_memory(rows)
    raw = measured_bytes(archive).raw
    assert set(raw) == {"vasp label", "vasp step"}
    # a run that was imported, or has no pack yet, makes the others no smaller
    (run,) = archive.database["trajectories"].find({})
    elsewhere = {"imported": None, "under way": "node:/elsewhere"}
    for name, folder in elsewhere.items():
        other = {**run, "_id": name, "id": name, "run_folder": folder}
        archive.database["trajectories"].insert_one(other)
    assert measured_bytes(archive).raw == raw
