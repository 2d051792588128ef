"""The layout of rare-event folders: what its parts say, before anything is imported."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from tm23flows.errors import InputError
from tm23flows.store.exchange.rare_folder import read_rare_events


@pytest.fixture
def folder(tmp_path):
    atoms = bulk("Si", cubic=True)
    n_atoms = len(atoms)
    for number in range(2):
        write(tmp_path / f"{number}.POSCAR.vasp", atoms, format="vasp")
    forces = np.zeros((2, n_atoms, 3)).tolist()
    (tmp_path / "DATA.json").write_text(
        json.dumps(
            {
                "Energies": {"DFT_K1": [-1.0, -2.0], "DFT_K4": [-1.5, -2.5]},
                "Forces": {"DFT_K1": forces, "DFT_K4": forces, "DFT_K2": forces},
                "r": [[0.0] + [2.0] * (n_atoms - 1), None],
            }
        )
    )
    return tmp_path


def test_labels_have_energies_and_forces_the_truth_first(folder):
    found = read_rare_events(folder)
    assert found.labels == ("DFT_K4", "DFT_K1")
    assert found.without_energy == ("DFT_K2",)
    assert sorted(found.structures) == [0, 1]
    assert found.vacancies == {}
    assert list(found.checksums) == ["DATA.json"]
    left_out, marked = found.notes()
    assert left_out.startswith("DFT_K2 has forces without energies")
    assert marked.startswith("1 atoms in the middle of a hop in 1 of 2 frames; 1 frames do not say")


def test_a_missing_structure_is_refused(folder):
    (folder / "1.POSCAR.vasp").unlink()
    with pytest.raises(InputError, match="2 frames, and there are 1 POSCAR files"):
        read_rare_events(folder)


def test_a_structure_of_other_size_is_refused(folder):
    write(folder / "0.POSCAR.vasp", bulk("Si"), format="vasp")
    with pytest.raises(InputError, match="r of frame 0 is not one number for each of its 2 atoms"):
        read_rare_events(folder)
