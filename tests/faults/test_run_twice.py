"""The same workflow, added twice and run twice, makes nothing twice."""

import pytest
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.flows.scales import make_tm23
from tm23flows.store.collections import COLLECTIONS

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]


def contents(archive):
    """Read everything in the archive, as it is stored, by collection."""
    database = archive.database
    found = {name: list(database[name].find().sort("_id", 1)) for name in COLLECTIONS}
    found["names"] = list(database["dataset_names"].find().sort("_id", 1))
    found["blobs"] = database["blobs"].files.distinct("_id")
    found["chunks"] = database["blobs"].chunks.count_documents({})
    return found


def test_workflow_added_and_run_twice_makes_nothing_twice(plant):
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    workflow = flow_to_workflow(maker.make("Cu"))
    path = plant.folder / "cu.yaml"
    workflow.to_file(str(path))

    plant.lpad("add", str(path))
    plant.run_workers("first")
    assert plant.states() == {"COMPLETED": len(workflow.fws)}, plant.last_words()
    before = contents(plant.archive())
    filled = {name for name, found in before.items() if found}
    assert {"structures", "trajectories", "frames", "labels", "datasets", "blobs"} <= filled
    assert len(before["datasets"]) == 1
    assert len(before["trajectories"]) == 3

    plant.lpad("add", str(path))
    plant.run_workers("second", "third")
    assert plant.states() == {"COMPLETED": 2 * len(workflow.fws)}, plant.last_words()
    after = contents(plant.archive())
    for name, found in before.items():  # one by one, so that a failure names the noun
        assert after[name] == found, name  # with the provenance of the first run
