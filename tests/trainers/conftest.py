"""EMT copper: cells with a vacancy, their labels, and one small model of each trainer."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from tm23flows.trainers.base import Predictions, TrainResult
from tm23flows.trainers.flare import FlareTrainer
from tm23flows.trainers.nequip import NequipTrainer
from tm23flows.trainers.workers import worker_io

sys.path.insert(0, str(Path(__file__).resolve().parent))

SEED = 3
JITTER = 1e-10
FLARE = {"nmax": 6, "lmax": 3, "starts": 2, "max_iterations": 30}
NEQUIP = {
    "n_features": 8,
    "n_layers": 2,
    "cutoff_A": 4.0,
    "radial_width": 16,
    "max_epochs": 20,
    "max_wall_s": 1000,
    "batch_size": 2,
    "ema_decay": 0,
    "precision": "float64",
}


@pytest.fixture(autouse=True)
def _plain_settings(monkeypatch, tmp_path):
    """Keep the settings of whoever runs the tests out of them."""
    monkeypatch.setenv("TM23_CONFIG_FILE", str(tmp_path / "no-such-file.yaml"))
    for name in ("PYTHON_FLARE", "PYTHON_NEQUIP"):
        monkeypatch.delenv(f"TM23_TRAINER_{name}", raising=False)
    monkeypatch.setenv("TM23_TRAINER_DEVICE", "cpu")


def label(atoms: Atoms) -> Atoms:
    atoms.calc = EMT()
    values = {
        "energy": atoms.get_potential_energy(),
        "forces": atoms.get_forces(),
        "stress": atoms.get_stress(),
    }
    atoms.calc = SinglePointCalculator(atoms, **values)
    return atoms


def make_frames(n: int, seed: int) -> list[Atoms]:
    """Cells of 7 atoms, rattled and strained more and more."""
    rng = np.random.default_rng(seed)
    frames = []
    for i in range(n):
        atoms = bulk("Cu", "fcc", a=3.65).repeat((2, 2, 2))
        del atoms[0]
        strain = np.eye(3) + 0.01 * rng.standard_normal((3, 3))
        atoms.set_cell(atoms.cell.array @ (strain + strain.T) / 2, scale_atoms=True)
        atoms.positions += (0.05 + 0.1 * (i % 3) / 2) * rng.standard_normal((7, 3))
        frames.append(label(atoms))
    return frames


@pytest.fixture(scope="session")
def test_frames() -> list[Atoms]:
    return make_frames(5, seed=1)


@pytest.fixture(scope="session")
def test_file(tmp_path_factory, test_frames) -> Path:
    path = tmp_path_factory.mktemp("test") / "test.xyz"
    write(path, test_frames, format="extxyz")
    return path


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    write(folder / "train.xyz", make_frames(20, seed=0), format="extxyz")
    return folder


@pytest.fixture(scope="session")
def flare_run(tmp_path_factory, dataset_dir, _session_settings) -> tuple[Path, TrainResult]:
    trainer, workdir = FlareTrainer(), tmp_path_factory.mktemp("flare")
    settings = trainer.hyperparameters(**FLARE)
    return workdir / "model", trainer.train(dataset_dir, settings, workdir, SEED)


@pytest.fixture(scope="session")
def nequip_run(tmp_path_factory, dataset_dir, _session_settings) -> tuple[Path, TrainResult]:
    trainer, workdir = NequipTrainer(), tmp_path_factory.mktemp("nequip")
    settings = trainer.hyperparameters(**NEQUIP)
    return workdir / "model", trainer.train(dataset_dir, settings, workdir, SEED)


@pytest.fixture(scope="session")
def _session_settings(tmp_path_factory):
    """The same as _plain_settings for what is made once per session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TM23_CONFIG_FILE", str(tmp_path_factory.mktemp("none") / "none.yaml"))
        patch.setenv("TM23_TRAINER_DEVICE", "cpu")
        for name in ("PYTHON_FLARE", "PYTHON_NEQUIP"):
            patch.delenv(f"TM23_TRAINER_{name}", raising=False)
        yield


@pytest.fixture(scope="session")
def probes(tmp_path_factory, test_frames) -> tuple[Path, float]:
    """One frame displaced along x, strained in six ways and doubled: for finite differences."""
    step = 1e-3
    frames = [test_frames[0]]
    for sign in (1, -1):
        for atom in range(7):
            atoms = test_frames[0].copy()
            atoms.positions[atom, 0] += sign * step
            frames.append(atoms)
    for sign in (1, -1):
        for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            strain = np.eye(3)
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            atoms = test_frames[0].copy()
            atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            frames.append(atoms)
    frames.append(test_frames[0].repeat((2, 1, 1)))
    path = tmp_path_factory.mktemp("probes") / "probes.xyz"
    # extended XYZ keeps 8 decimals of a position: enough for this step
    write(path, [Atoms(a.numbers, a.positions, cell=a.cell, pbc=True) for a in frames])
    return path, step


@pytest.fixture(scope="session")
def check_derivatives(probes, test_frames):
    """Forces are -dE/dx, stress is dE/dstrain/V, and a doubled cell has twice the energy."""

    def check(found: Predictions, tolerance: float) -> None:
        energies, step = found.energies, probes[1]
        forces = -(energies[1:8] - energies[8:15]) / (2 * step)
        assert forces == pytest.approx(found.forces[0][:, 0], abs=tolerance)
        stress = (energies[15:21] - energies[21:27]) / (2 * step) / test_frames[0].get_volume()
        assert stress == pytest.approx(found.stresses[0], abs=tolerance)
        # no two components could be mistaken for each other
        assert np.diff(np.sort(found.stresses[0])).min() > 2 * tolerance
        assert energies[27] == pytest.approx(2 * energies[0], abs=tolerance)

    return check


@pytest.fixture(scope="session")
def percent_errors(test_frames):
    """Errors of predictions on the test frames: force %, stress %, energy in eV/atom."""

    def errors(found: Predictions) -> tuple[float, float, float]:
        forces = np.concatenate([atoms.get_forces() for atoms in test_frames])
        stresses = np.array([atoms.get_stress() for atoms in test_frames])
        energies = np.array([atoms.get_potential_energy() for atoms in test_frames])
        return (
            100 * np.abs(np.concatenate(found.forces) - forces).mean() / np.abs(forces).mean(),
            100 * np.abs(found.stresses - stresses).mean() / np.abs(stresses).mean(),
            np.abs(found.energies - energies).mean() / 7,
        )

    return errors


@pytest.fixture
def flare_settings() -> dict:
    return dict(FLARE)


@pytest.fixture
def nequip_settings() -> dict:
    return dict(NEQUIP)


@pytest.fixture
def seed() -> int:
    return SEED


@pytest.fixture
def worker_path(monkeypatch) -> Path:
    """Let a test import a worker's modules as its interpreter would."""
    folder = Path(worker_io.__file__).parent
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def flare_module(worker_path):
    """Import a module of the FLARE worker."""
    pytest.importorskip("flare.bffs.sgp")
    return importlib.import_module


@pytest.fixture
def flare_frames() -> list[Atoms]:
    """Frames of copper and gold with 7, 14 and 7 atoms, which differ in composition."""
    frames = make_frames(3, seed=5)
    frames[1] = label(frames[1].repeat((2, 1, 1)))
    for atoms, gold in zip(frames, (3, 4, 1), strict=True):
        atoms.numbers[:gold] = 79
    return [label(atoms) for atoms in frames]


@pytest.fixture
def own_flare(worker_path):
    """Build FLARE's own process out of frames, the content of model.json and a jitter."""
    from flare.bffs.sgp import SGP_Wrapper, _C_flare

    kept = []

    def build(frames: list[Atoms], model: dict) -> SGP_Wrapper:
        settings, values = model["settings"], model["values"]
        kernel = _C_flare.NormalizedDotProduct(values["sigma"], settings["power"])
        make = importlib.import_module("flare_frame").make_descriptor
        descriptor = make(settings, len(model["elements"]))
        mean = sum(map(len, frames)) / len(frames)
        process = SGP_Wrapper(
            [kernel],
            [descriptor],
            settings["cutoff_A"],
            values["noise_energy"] * mean,
            values["noise_force"],
            values["noise_stress"],
            {z: i for i, z in enumerate(model["elements"])},
            single_atom_energies=dict(enumerate(model["atom_energies"])),
            variance_type="local",
        )
        kept.append((process, kernel, descriptor))  # FLARE holds bare pointers to the last two
        # ours is that of a signal of 1
        process.sparse_gp.Kuu_jitter = values["sigma"] ** 2 * JITTER
        for atoms, sparse in zip(frames, model["sparse_indices"], strict=True):
            process.update_db(
                atoms,
                atoms.get_forces(),
                custom_range=sparse,
                energy=atoms.get_potential_energy(),
                stress=-atoms.get_stress()[[0, 5, 4, 1, 3, 2]],
                mode="specific",
                update_qr=False,
                rel_e_noise=len(atoms) / mean,
            )
        process.sparse_gp.update_matrices_QR()
        return process

    yield build
    kept.clear()
