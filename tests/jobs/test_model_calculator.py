"""A stored model computes in a job what its own calculator computes, and leaves nothing behind."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model, ModelFile
from tm23flows.errors import InputError, NotFoundError, TrainingError
from tm23flows.jobs.model_calculator import stored_model
from tm23flows.trainers.base import TRAINERS
from tm23flows.trainers.manifest import write_manifest
from tm23flows.trainers.workers import worker_io

WORKER = f"""
import sys
sys.path.insert(0, {str(Path(worker_io.__file__).parent)!r})
from ase.calculators.emt import EMT
from model_tasks import serving
from worker_io import answer
answer(["ase"], {{"serve": serving(lambda folder, request: EMT())}})
"""
TRAINER = """
from tm23flows.trainers.worker import Worker

class Toy:
    worker = Worker("Oracle", {script!r}, "trainer_python_flare", "ask it to come")
    files = ["model.json"]
"""


@pytest.fixture
def model(archive, tmp_path, monkeypatch):
    """A stored model of copper whose numbers are those of EMT."""
    script = tmp_path / "toy_worker.py"
    script.write_text(WORKER)
    (tmp_path / f"toy_{tmp_path.name}.py").write_text(TRAINER.format(script=str(script)))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(TRAINERS, "toy", f"toy_{tmp_path.name}:Toy")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"elements": [29]}))
    write_manifest(folder, ["model.json"])
    files = [
        ModelFile(name=path.name, blob=archive.blobs.put(path.read_bytes()))
        for path in sorted(folder.iterdir())
    ]
    model = Model(
        provenance=Provenance.now({"toy": "1.0"}),
        trainer="toy",
        hyperparameters={},
        seed=0,
        dataset_id=None,
        files=tuple(files),
        wall_s=0.0,
    )
    archive.put(model)
    return model


def leftovers():
    return sorted(Path(tempfile.gettempdir()).glob("tm23-model-*"))


def test_numbers_are_those_of_the_calculator_and_nothing_is_left(archive, model):
    before = leftovers()
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    direct = atoms.copy()
    direct.calc = EMT()
    with stored_model(archive, model.id) as atoms.calc:
        assert atoms.get_potential_energy() == direct.get_potential_energy()
        assert np.array_equal(atoms.get_forces(), direct.get_forces())
        assert np.array_equal(atoms.get_stress(), direct.get_stress())
        atoms.symbols[:] = "Au"
        with pytest.raises(InputError):
            atoms.get_potential_energy()
    assert leftovers() == before
    with pytest.raises(TrainingError, match="has ended"):
        atoms.calc.get_potential_energy(direct)


def test_an_error_in_the_block_leaves_nothing(archive, model):
    before = leftovers()
    with pytest.raises(ArithmeticError), stored_model(archive, model.id):
        raise ArithmeticError
    assert leftovers() == before


def test_a_changed_file_is_refused(archive, model):
    other = archive.blobs.put(json.dumps({"elements": [79]}).encode())
    place = [one.name for one in model.files].index("model.json")
    change = {"$set": {f"files.{place}.blob": other}}
    archive.database["models"].update_one({"_id": model.id}, change)
    with pytest.raises(TrainingError), stored_model(archive, model.id):
        pass


def test_an_unknown_model_is_said(archive):
    with pytest.raises(NotFoundError), stored_model(archive, "d" * 64):
        pass
