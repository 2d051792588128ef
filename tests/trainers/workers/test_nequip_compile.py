from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.trainers.nequip import NequipTrainer

pytestmark = [pytest.mark.nequip, pytest.mark.slow]

HASTY = """#!/bin/sh
case "$*" in *c++-header*) # an empty file in place of a precompiled header: it is not used then
    while [ $# -gt 1 ]; do [ "$1" = -o ] && : > "$2"; shift; done
    exit 0 ;;
esac
exec g++ "$@" -O0
"""
"""How fast the compiled model is, no test asks; to optimise it takes most of the time."""


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++, which NequIP's compiler needs")
def test_a_compiled_model_predicts_the_same(nequip_run, test_file, tmp_path, monkeypatch):
    """Without the folder of the training, on cells that it was not compiled with."""
    compiler = tmp_path / "g++"
    compiler.write_text(HASTY)
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # headers are kept there, for always
    trainer = NequipTrainer()
    shutil.copytree(nequip_run[0], tmp_path / "model")
    wanted = trainer.predict(tmp_path / "model", test_file, tmp_path / "predict")
    file = trainer.deploy(tmp_path / "model", tmp_path / "cu.nequip.pt2", tmp_path / "work")
    from nequip.integrations.ase import NequIPCalculator

    calculator = NequIPCalculator.from_compiled_model(
        file, device="cpu", chemical_species_to_atom_type_map=True
    )
    for number, frame in enumerate(read(test_file, index=":")):
        frame.calc = calculator
        assert frame.get_potential_energy() == pytest.approx(wanted.energies[number], abs=1e-9)
        assert np.abs(frame.get_forces() - wanted.forces[number]).max() < 1e-9
        assert np.abs(frame.get_stress() - wanted.stresses[number]).max() < 1e-9


def test_without_a_compiler_the_user_is_told(nequip_run, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    with pytest.raises(MissingDependencyError, match=r"needs a C\+\+ compiler"):
        NequipTrainer().deploy(nequip_run[0], tmp_path / "cu.nequip.pt2", tmp_path)


def test_another_ending_is_refused(nequip_run, tmp_path):
    with pytest.raises(InputError, match=r"ends with \.nequip\.pt2"):
        NequipTrainer().deploy(nequip_run[0], Path("cu.pt2"), tmp_path)


def test_the_example_has_all_elements_and_neighbours(worker_path):
    from ase.neighborlist import neighbor_list
    from nequip_compile import _example

    atoms = _example(["Cu", "Au", "Os"], 5.0)
    assert set(atoms.symbols) == {"Cu", "Au", "Os"}
    assert np.bincount(neighbor_list("i", atoms, 5.0)).min() > 20
