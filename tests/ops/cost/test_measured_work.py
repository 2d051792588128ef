"""What the archive says about costs: all of what was measured, and nothing else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson import json_util

from tm23flows.documents.effort import Effort
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.ops.cost.measured import fit_measured, fit_memory
from tm23flows.ops.cost.measured_work import measured_work
from tm23flows.ops.cost.work import LABEL, STEP, Kind
from tm23flows.store.blobs import BLOBS

OLD = Path(__file__).parents[2] / "faults" / "data" / "layout_1.json"
EMT_STEP, EMT_LABEL = Kind("emt", STEP), Kind("emt", LABEL)


def of_kind(rows, kind):
    return [one for one in rows if one.kind == kind]


def test_steps_and_labels_of_a_real_road(emt_archive):
    rows = measured_work(emt_archive)
    (steps,) = of_kind(rows, EMT_STEP)
    runs = [Trajectory.from_stored(one) for one in emt_archive.database["trajectories"].find({})]
    assert steps.units == steps.known == sum(run.n_steps for run in runs)
    segments = [segment.effort for run in runs for segment in run.segments]
    assert steps.core_s == pytest.approx(sum(one.cpu_s for one in segments))
    assert steps.sizes == {"atoms": 7}
    assert steps.memory_bytes == max(one.max_memory_bytes for one in segments)
    labels = [
        one for one in emt_archive.database["labels"].find({}) if one["effort"]["cpu_s"] is not None
    ]
    assert sum(one.known for one in of_kind(rows, EMT_LABEL)) == len(labels)
    assert all(one.metal == "Cu" and one.sizes for one in rows)
    assert measured_work(emt_archive, ["Ti"]) == []


def test_laws_are_fitted_to_what_was_measured_only(emt_archive):
    rows = measured_work(emt_archive)
    laws = fit_measured(rows)
    assert set(laws) == {EMT_STEP, EMT_LABEL}
    (steps,) = of_kind(rows, EMT_STEP)
    estimate = laws[EMT_STEP].estimate("Cu", steps.sizes)
    assert estimate.holds(steps.core_s / steps.known)
    memory = fit_memory(rows)[EMT_STEP].estimate("Cu", steps.sizes)
    assert memory.holds(steps.memory_bytes)


def test_rejected_labels_count(emt_copy):
    stored = emt_copy.database["labels"].find_one({"effort.cpu_s": {"$ne": None}})
    label = Label.from_stored(stored)
    rejection = Rejection(
        provenance=label.provenance,
        frame_id=label.frame_id,
        recipe=label.recipe.model_copy(update={"sigma_eV": 0.7}),
        reason="a test",
        effort=Effort(cpu_s=5.0),
    )
    emt_copy.put(rejection)
    rows = measured_work(emt_copy)
    assert sum(one.rejected for one in rows) == 1
    assert sum(one.rejected_core_s for one in rows) == 5.0


def as_of_gpaw(archive, seconds_per_step, late):
    """Make a run one of an older program with GPAW; return its steps."""
    collection = archive.database["trajectories"]
    run = collection.find_one({})
    gpaw = Recipe(engine="gpaw", cutoff_eV=300).model_dump(mode="json")
    moment, files = datetime(2026, 1, 1, tzinfo=UTC), archive.database[BLOBS].files
    for number, segment in enumerate(run["segments"]):
        steps = segment["last_step"] - segment["first_step"] + 1
        moment += timedelta(seconds=seconds_per_step * steps + (late if number == 1 else 0))
        files.update_one({"_id": segment["blob"]}, {"$set": {"uploadDate": moment}})
        segment.pop("effort")
    change = {"segments": run["segments"], "recipe": gpaw}
    collection.update_one({"_id": run["_id"]}, {"$set": change})
    return run["segments"][-1]["last_step"]


def test_runs_of_older_programs_are_timed_by_their_writes(emt_copy):
    steps = as_of_gpaw(emt_copy, seconds_per_step=2.0, late=86_400)
    (row,) = of_kind(measured_work(emt_copy), Kind("gpaw", STEP))
    assert row.units == row.known == steps
    assert row.core_s == pytest.approx(2.0 * steps)  # a day of waiting is not work


def test_work_without_an_account_is_not_measured(emt_copy):
    emt_copy.database["labels"].update_many({}, {"$set": {"effort": {}}})
    emt_copy.database["trajectories"].update_many({}, {"$unset": {"segments.$[].effort": 1}})
    for run in emt_copy.database["trajectories"].find({}):
        bare = [{k: v for k, v in one.items() if k != "effort"} for one in run["segments"]]
        emt_copy.database["trajectories"].update_one(
            {"_id": run["_id"]}, {"$set": {"segments": bare}}
        )
    assert fit_measured(measured_work(emt_copy)) == {}


def test_trainings_are_seconds_of_their_worker(road):
    archive, _ = road
    rows = measured_work(archive)
    (training,) = [one for one in rows if one.kind.unit == "training"]
    assert training.core_s == training.wall_s == 1.0
    assert training.metal == "Cu"


def test_documents_of_the_first_program_are_read(archive):
    for name, some in json_util.loads(OLD.read_text()).items():
        archive.database[name].insert_many(some)
    assert fit_measured(measured_work(archive)) == {}
    labels = archive.database["labels"]
    labels.update_many({}, {"$set": {"effort": {"cpu_s": 3.0}}})  # as it was: nothing else
    (row,) = of_kind(measured_work(archive), EMT_LABEL)
    assert row.core_s == 3.0 * labels.count_documents({})
