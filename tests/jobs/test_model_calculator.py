"""A stored model computes in a job what its own calculator computes, and leaves nothing behind."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tm23flows.errors import InputError, NotFoundError, TrainingError
from tm23flows.jobs.model_calculator import stored_model


@pytest.fixture(autouse=True)
def _own_scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def leftovers():
    return sorted(Path(tempfile.gettempdir()).glob("tm23-model-*"))


def test_numbers_are_those_of_the_calculator_and_nothing_is_left(archive, emt_model):
    before = leftovers()
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    direct = atoms.copy()
    direct.calc = EMT()
    with stored_model(archive, emt_model.id) as atoms.calc:
        assert atoms.get_potential_energy() == direct.get_potential_energy()
        assert np.array_equal(atoms.get_forces(), direct.get_forces())
        assert np.array_equal(atoms.get_stress(), direct.get_stress())
        atoms.symbols[:] = "Au"
        with pytest.raises(InputError):
            atoms.get_potential_energy()
    assert leftovers() == before
    with pytest.raises(TrainingError, match="has ended"):
        atoms.calc.get_potential_energy(direct)


def test_an_error_in_the_block_leaves_nothing(archive, emt_model):
    before = leftovers()
    with pytest.raises(ArithmeticError), stored_model(archive, emt_model.id):
        raise ArithmeticError
    assert leftovers() == before


def test_a_changed_file_is_refused(archive, emt_model):
    other = archive.blobs.put(json.dumps({"elements": [79]}).encode())
    place = [one.name for one in emt_model.files].index("model.json")
    change = {"$set": {f"files.{place}.blob": other}}
    archive.database["models"].update_one({"_id": emt_model.id}, change)
    with pytest.raises(TrainingError), stored_model(archive, emt_model.id):
        pass


def test_an_unknown_model_is_said(archive):
    with pytest.raises(NotFoundError), stored_model(archive, "d" * 64):
        pass
