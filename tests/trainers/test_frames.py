from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from tm23flows.errors import InputError
from tm23flows.trainers.base import TRAINERS, get_trainer
from tm23flows.trainers.frames import (
    check_elements,
    read_geometries,
    read_labelled,
    read_predictions,
)


def relabel(atoms: Atoms, drop: str = "", **changes) -> Atoms:
    values = dict(atoms.calc.results) | changes
    values.pop(drop, None)
    copy = atoms.copy()
    copy.calc = SinglePointCalculator(copy, **values)
    return copy


def test_labels_arrive_as_they_were_written(test_file, test_frames):
    frames = read_labelled(test_file, minimum=5)
    assert len(frames) == 5
    assert frames[2].get_forces() == pytest.approx(test_frames[2].get_forces(), abs=1e-8)
    assert frames[2].get_stress() == pytest.approx(test_frames[2].get_stress(), abs=1e-10)


@pytest.mark.parametrize("key", ["energy", "forces", "stress"])
@pytest.mark.parametrize("name", TRAINERS)
def test_nan_in_a_label_is_refused_before_training(name, key, tmp_path, test_frames):
    bad = np.array(test_frames[1].calc.results[key], float)
    bad[(0,) * bad.ndim] = np.nan
    frames = [test_frames[0], relabel(test_frames[1], **{key: bad if bad.ndim else float(bad)})]
    write(tmp_path / "train.xyz", frames, format="extxyz")
    trainer = get_trainer(name)
    with pytest.raises(InputError, match=f"Frame 2 of train.xyz .*'{key}'") as caught:
        trainer.train(tmp_path, trainer.hyperparameters(), tmp_path / "work", 0)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("key", ["energy", "forces", "stress"])
def test_a_missing_label_is_refused(key, tmp_path, test_frames):
    write(tmp_path / "a.xyz", relabel(test_frames[0], drop=key), format="extxyz")
    with pytest.raises(InputError, match=f"no label '{key}'"):
        read_labelled(tmp_path / "a.xyz", minimum=1)


@pytest.mark.parametrize("name", TRAINERS)
def test_too_few_frames_are_refused(name, tmp_path, test_frames):
    write(tmp_path / "train.xyz", test_frames[0], format="extxyz")
    trainer = get_trainer(name)
    with pytest.raises(InputError, match=r"holds 1 frame\(s\).*at least 2"):
        trainer.train(tmp_path, trainer.hyperparameters(), tmp_path / "work", 0)


@pytest.mark.parametrize("name", TRAINERS)
def test_a_folder_without_a_dataset_is_refused(name, tmp_path):
    trainer = get_trainer(name)
    with pytest.raises(InputError, match=r"no file .*train.xyz"):
        trainer.train(tmp_path, trainer.hyperparameters(), tmp_path / "work", 0)


def test_what_is_not_extended_xyz_is_refused(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("three\nnot a frame\n")
    with pytest.raises(InputError, match="not a readable extended XYZ"):
        read_geometries(path)
    path.write_text("")
    with pytest.raises(InputError, match="no frame"):
        read_geometries(path)


def test_a_molecule_is_refused(tmp_path):
    write(tmp_path / "a.xyz", Atoms("Cu2", [(0, 0, 0), (0, 0, 2.2)]), format="extxyz")
    with pytest.raises(InputError, match="not periodic"):
        read_geometries(tmp_path / "a.xyz")


def test_predictions_are_split_into_frames_of_any_size(tmp_path, test_file):
    frames = read(test_file, index=":2")
    del frames[0][3:]
    forces = np.arange(30.0).reshape(10, 3)
    np.savez(tmp_path / "p.npz", energies=[1.0, 2.0], forces=forces, stresses=np.zeros((2, 6)))
    found = read_predictions(tmp_path / "p.npz", frames)
    assert [len(part) for part in found.forces] == [3, 7]
    assert np.array_equal(np.concatenate(found.forces), forces)
    assert found.uncertainties is None


def test_an_element_that_the_model_does_not_know_is_refused(test_frames):
    strange = test_frames[0].copy()
    strange.numbers[2] = 79
    check_elements([test_frames[0]], [29])
    with pytest.raises(InputError, match="Frame 2 has atomic number 79"):
        check_elements([test_frames[0], strange], [29])
