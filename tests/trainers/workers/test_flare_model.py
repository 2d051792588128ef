from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tm23flows.trainers.frames import write_frames

pytestmark = pytest.mark.flare


@pytest.fixture
def trained(flare_module, tmp_path):
    """Train in this process; the folder and the content of model.json."""

    def train(frames, **overrides):
        from tm23flows.trainers.flare import BOUNDS, FlareTrainer

        settings = FlareTrainer().hyperparameters(nmax=4, lmax=2, starts=1, **overrides)
        write_frames(tmp_path / "training.npz", frames, labels=True)
        folder = tmp_path / "model"
        request = {
            "frames": str(tmp_path / "training.npz"), "folder": str(tmp_path),
            "sizes": [len(frames)], "models": {str(len(frames)): str(folder)},
            "settings": settings.model_dump(), "bounds": BOUNDS, "noise_fraction": 0.1, "seed": 1,
            "cache_bytes": 5e5,
            "resume": [], "checkpoint_s": 1e9,
            "predicted_s": {"select": 1.0, "add": 1.0, "search": 1.0},
        }  # fmt: skip
        flare_module("flare_worker").train(request)
        return folder, json.loads((folder / "model.json").read_text())

    return train


@pytest.mark.parametrize(
    ("which", "power"), [("test_frames", 1), ("test_frames", 2), ("flare_frames", 2)]
)
def test_predictions_are_those_of_flares_own_process(
    trained, own_flare, flare_module, which, power, request
):
    """Same environments, same four values: energy, forces, stress, variances, to 1e-6."""
    from flare.bffs.sgp.calculator import SGP_Calculator

    frames = request.getfixturevalue(which)
    folder, model = trained(frames, power=power)
    theirs = SGP_Calculator(own_flare(frames, model))
    ours = flare_module("flare_model").FlareCalculator(folder)
    for atoms in frames:
        moved = atoms.copy()
        moved.rattle(0.05, seed=1)
        moved.set_cell(0.9 * moved.cell.array, scale_atoms=True)
        theirs.calculate(moved)
        ours.calculate(moved)
        assert ours.results["energy"] == pytest.approx(theirs.results["energy"], abs=1e-6)
        assert ours.results["free_energy"] == ours.results["energy"]
        for key in ("forces", "stress"):
            assert ours.results[key] == pytest.approx(theirs.results[key], abs=1e-6)
        spread = np.array(theirs.results["stds"])[:, 0]
        assert ours.results["uncertainties"] ** 2 == pytest.approx(spread**2, abs=1e-9)
        assert spread.max() > 1e-4


def test_a_model_is_light_and_holds_no_frame(trained, test_frames):
    folder, model = trained(test_frames)
    assert set(model) == {
        "trainer", "settings", "elements", "atom_energies", "values", "n_frames", "sparse_indices",
    }  # fmt: skip
    m, d = sum(map(len, model["sparse_indices"])), 4 * 5 // 2 * 3
    with np.load(folder / "model.npz", allow_pickle=False) as arrays:
        assert {name: arrays[name].shape for name in arrays.files} == {
            "units": (m, d), "species": (m,), "weights": (m,),
        }  # fmt: skip
    assert (folder / "model.npz").stat().st_size < 8 * m * (d + 2) + 2000


def test_the_calculator_works_with_ase(trained, flare_module, test_frames):
    folder, _ = trained(test_frames)
    atoms = test_frames[1].copy()
    atoms.calc = flare_module("flare_worker").load_calculator(Path(folder), {})
    assert set(atoms.calc.implemented_properties) == {
        "energy", "free_energy", "forces", "stress", "uncertainties",
    }  # fmt: skip
    before = atoms.get_potential_energy()
    assert atoms.get_forces().shape == (7, 3)
    assert atoms.calc.results["uncertainties"].shape == (7,)
    atoms.positions[0, 0] += 0.1
    assert atoms.get_potential_energy() != before


def test_strange_frames_are_refused(trained, flare_module, test_frames):
    folder, _ = trained(test_frames)
    calculator = flare_module("flare_model").FlareCalculator(folder)
    gold, slab = test_frames[0].copy(), test_frames[0].copy()
    gold.numbers[0] = 79
    slab.pbc = [True, True, False]
    for atoms, message in [(gold, "not 79"), (slab, "periodic")]:
        with pytest.raises(flare_module("worker_io").RequestError, match=message):
            calculator.calculate(atoms)
