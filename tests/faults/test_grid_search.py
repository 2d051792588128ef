"""A grid search under FireWorks: a training that is killed leaves a gap, and is the only one repeated."""

import stat
import sys

import pytest
from plant import open_plant

from tm23flows.documents.grid_search import GridSearch
from tm23flows.flows.grid_search import GridSearchMaker

pytestmark = [pytest.mark.fireworks, pytest.mark.slow, pytest.mark.timeout(900)]

KILLED = """#!/bin/sh
# A FLARE that the kernel kills at one point of the grid, as long as the file is there.
for one in "$@"; do
    if [ -e {broken} ] && [ -f "$one" ] && grep -q '"nmax": 4' "$one"; then kill -9 $$; fi
done
exec {python} "$@"
"""


@pytest.fixture
def broken(tmp_path):
    """As long as this file is there, FLARE is killed where nmax is 4."""
    path = tmp_path / "broken"
    path.touch()
    return path


@pytest.fixture
def plant(tmp_path, broken, emt_archive):
    """A plant with the dataset of the demonstration, whose FLARE can be broken."""
    interpreter = tmp_path / "python"
    interpreter.write_text(KILLED.format(broken=broken, python=sys.executable))
    interpreter.chmod(interpreter.stat().st_mode | stat.S_IXUSR)
    with open_plant(tmp_path, {"TM23_TRAINER_PYTHON_FLARE": str(interpreter)}) as plant:
        database = plant.archive().database
        for name in emt_archive.database.list_collection_names():
            if stored := list(emt_archive.database[name].find()):
                database[name].insert_many(stored)
        yield plant


def test_a_killed_point_is_a_gap_and_the_only_one_repeated(plant, broken):
    small = {"starts": 1, "max_iterations": 3, "environments_per_frame": 1, "cutoff_A": 3.5}
    maker = GridSearchMaker(grid={"nmax": [3, 4]}, hyperparameters={**small, "lmax": 1})
    archive = plant.archive()
    plant.add([maker.make(archive.dataset("Cu-demo").id, "Cu")])
    plant.run_workers("first", "second")
    assert plant.states() == {"COMPLETED": 4, "FIZZLED": 1}, plant.last_words()
    (stored,) = archive.database["grid_searches"].find()
    search = archive.get(GridSearch, stored["_id"])
    assert search.rows[1].failure.startswith("killed: ")
    assert search.hyperparameters["nmax"] == 3

    broken.unlink()
    plant.lpad("rerun_fws", "-s", "FIZZLED")
    plant.run_workers("third")
    assert plant.states() == {"COMPLETED": 5}, plant.last_words()
    attempts = {one["_id"]: one["attempts"] for one in archive.database["trainings"].find()}
    assert attempts == {search.rows[0].model_id: 1, maker_model(archive, 4): 2}
    whole = [
        archive.get(GridSearch, one["_id"]) for one in archive.database["grid_searches"].find()
    ]
    assert sorted(len(one.failed) for one in whole) == [0, 1]


def maker_model(archive, nmax):
    return archive.database["models"].find_one({"hyperparameters.nmax": nmax})["_id"]
