from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from ase.io import read, write

from tm23flows.errors import InputError, MissingDependencyError, TrainingError
from tm23flows.trainers.flare import BOUNDS, FlareTrainer

pytestmark = pytest.mark.flare


@pytest.fixture(scope="module")
def predicted(flare_run, test_file, tmp_path_factory, _session_settings):
    return FlareTrainer().predict(flare_run[0], test_file, tmp_path_factory.mktemp("predict"))


def test_a_trained_model_predicts_copper(predicted, percent_errors):
    force, stress, energy = percent_errors(predicted)
    assert force < 12
    assert stress < 25
    assert energy < 0.005


def test_the_result_accounts_for_the_training(flare_run):
    folder, result = flare_run
    assert set(result.files) == {"model.json", "model.npz", "manifest.json"}
    assert all(path == folder / name for name, path in result.files.items())
    assert {"mir-flare", "numpy", "ase"} <= set(result.versions)
    best = max(row["log_likelihood"] for row in result.history)
    assert result.summary["log_likelihood"] == best
    assert best > result.history[0]["log_likelihood"]
    assert {row["start"] for row in result.history} == {0.0, 1.0}
    assert result.summary["n_frames"] == 20
    assert result.summary["resumed_from"] == result.summary["checkpoints_refused"] == 0
    assert 0 < result.summary["elapsed_s"] <= result.wall_s
    assert {"predicted_s", "predicted_bytes", "n_environments"} <= set(result.summary)
    last = result.history[-1]
    assert (last["n_frames"], last["n_environments"]) == (20, result.summary["n_environments"])
    json.dumps([result.history, result.summary])


def test_the_values_kept_are_those_of_the_best_point_and_inside_the_bounds(flare_run):
    _, result = flare_run
    best = max(result.history, key=lambda row: row["log_likelihood"])
    for name, (low, high) in BOUNDS.items():
        assert result.summary[name] == pytest.approx(best[name])
        assert low * 0.999 <= result.summary[name] <= high * 1.001


def test_forces_and_stress_are_derivatives_of_the_energy(
    flare_run, probes, tmp_path, check_derivatives
):
    check_derivatives(FlareTrainer().predict(flare_run[0], probes[0], tmp_path), tolerance=5e-5)


def test_another_process_predicts_exactly_the_same(flare_run, predicted, test_file, tmp_path):
    again = FlareTrainer().predict(flare_run[0], test_file, tmp_path)
    assert np.array_equal(again.energies, predicted.energies)
    assert np.array_equal(again.stresses, predicted.stresses)
    for key in ("forces", "uncertainties"):
        for ours, theirs in zip(getattr(again, key), getattr(predicted, key), strict=True):
            assert np.array_equal(ours, theirs)


def test_a_model_for_each_size_is_the_one_of_these_frames_alone(
    dataset_dir, flare_run, flare_settings, seed, test_file, tmp_path
):
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(**flare_settings | {"optimise_every": 8})
    together = trainer.train_sizes(dataset_dir, settings, tmp_path / "all", seed, [20, 5])
    assert list(together) == [20, 5]
    frames = read(dataset_dir / "train.xyz", index=":")
    for n, result in together.items():
        (tmp_path / str(n)).mkdir()
        write(tmp_path / str(n) / "train.xyz", frames[:n], format="extxyz")
        alone = trainer.train(tmp_path / str(n), settings, tmp_path / f"{n}_alone", seed)
        assert result.summary["n_frames"] == n
        assert result.summary["n_environments"] == alone.summary["n_environments"]
        assert [row["n_frames"] for row in result.history] == [
            row["n_frames"] for row in alone.history
        ]
        ours, theirs = (
            trainer.predict(one.files["model.json"].parent, test_file, tmp_path / "p")
            for one in (result, alone)
        )
        assert ours.energies == pytest.approx(theirs.energies, abs=1e-8)
        assert np.vstack(ours.forces) == pytest.approx(np.vstack(theirs.forces), abs=1e-8)
        assert ours.stresses == pytest.approx(theirs.stresses, abs=1e-8)


def test_sizes_that_cannot_be_are_refused(dataset_dir, test_frames, tmp_path):
    trainer = FlareTrainer()
    settings = trainer.hyperparameters()
    for sizes, message in [([1], "between 2 and 20"), ([5, 21], "of 21 frames"), ([], "no size")]:
        with pytest.raises(InputError, match=message):
            trainer.train_sizes(dataset_dir, settings, tmp_path, 0, sizes)
    gold = test_frames[0].copy()
    gold.numbers[0] = 79
    gold.calc = test_frames[0].calc
    write(tmp_path / "train.xyz", [*test_frames[:2], gold], format="extxyz")
    with pytest.raises(InputError, match="cannot share one descriptor"):
        trainer.train_sizes(tmp_path, settings, tmp_path, 0, [2, 3])


def test_training_twice_gives_the_same_model(
    flare_run, dataset_dir, flare_settings, seed, tmp_path
):
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(**flare_settings)
    again = trainer.train(dataset_dir, settings, tmp_path, seed)
    for name in ("model.json", "model.npz"):
        assert again.files[name].read_bytes() == (flare_run[0] / name).read_bytes()


def test_uncertainty_is_nothing_at_a_sparse_environment_and_grows_with_distance(
    flare_run, dataset_dir, tmp_path
):
    folder, result = flare_run
    sparse = json.loads((folder / "model.json").read_text())["sparse_indices"]
    assert sum(map(len, sparse)) == result.summary["n_environments"]
    assert all(len(set(picks)) == len(picks) <= 4 for picks in sparse)
    strange = read(dataset_dir / "train.xyz", index="0")
    strange.set_cell(0.85 * strange.cell.array, scale_atoms=True)
    frames = [*read(dataset_dir / "train.xyz", index=":"), strange]
    write(tmp_path / "frames.xyz", frames)
    spread = FlareTrainer().predict(folder, tmp_path / "frames.xyz", tmp_path).uncertainties
    known = np.concatenate([u[picks] for u, picks in zip(spread, sparse, strict=False) if picks])
    others = np.concatenate(
        [np.delete(u, picks) for u, picks in zip(spread, sparse, strict=False) if picks]
    )
    assert np.abs(known).max() < 0.1 * others.mean()
    assert spread[-1].min() > others.max()


def test_a_frame_that_brings_nothing_new_gives_no_environment(test_frames, tmp_path):
    write(tmp_path / "train.xyz", [test_frames[0], test_frames[0]], format="extxyz")
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(max_iterations=0, environments_per_frame=7)
    result = trainer.train(tmp_path, settings, tmp_path / "work", 0)
    sparse = json.loads(result.files["model.json"].read_text())["sparse_indices"]
    assert len(sparse[0]) > 0
    assert sparse[1] == []


def test_without_iterations_the_values_stay_as_they_were_given(test_frames, tmp_path):
    write(tmp_path / "train.xyz", test_frames, format="extxyz")
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(max_iterations=0, sigma=3.0, noise_force=0.02)
    result = trainer.train(tmp_path, settings, tmp_path / "work", 0)
    assert result.summary["sigma"] == pytest.approx(3.0)
    assert result.summary["noise_force"] == pytest.approx(0.02)
    assert len(result.history) == 1


def test_two_elements_get_their_own_energies(test_frames, tmp_path):
    frames = [atoms.copy() for atoms in test_frames]
    for atoms, labelled in zip(frames, test_frames, strict=True):
        atoms.numbers[:3] = 79
        atoms.calc = labelled.calc
    write(tmp_path / "train.xyz", frames, format="extxyz")
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(max_iterations=0, nmax=4, lmax=2)
    result = trainer.train(tmp_path, settings, tmp_path / "work", 0)
    assert json.loads(result.files["model.json"].read_text())["elements"] == [29, 79]
    found = trainer.predict(tmp_path / "work" / "model", tmp_path / "train.xyz", tmp_path / "p")
    labels = [atoms.get_potential_energy() for atoms in test_frames]
    assert found.energies == pytest.approx(labels, abs=0.1)


def test_a_frame_of_another_element_is_refused(flare_run, test_frames, tmp_path):
    gold = test_frames[0].copy()
    gold.numbers[:] = 79
    write(tmp_path / "gold.xyz", gold, format="extxyz")
    with pytest.raises(InputError, match="atomic number 79"):
        FlareTrainer().predict(flare_run[0], tmp_path / "gold.xyz", tmp_path)


def test_a_changed_model_is_refused(flare_run, test_file, tmp_path):
    shutil.copytree(flare_run[0], tmp_path / "model")
    text = (tmp_path / "model" / "model.json").read_text()
    (tmp_path / "model" / "model.json").write_text(text.replace("29", "79"))
    with pytest.raises(TrainingError, match=r"'model\.json'.*not loaded"):
        FlareTrainer().predict(tmp_path / "model", test_file, tmp_path)


def test_two_body_descriptors_train_or_are_refused_with_the_way_out(dataset_dir, tmp_path):
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(descriptor="B1", max_iterations=5)
    from flare.bffs.sgp import _C_flare

    if hasattr(_C_flare, "B1"):
        result = trainer.train(dataset_dir, settings, tmp_path, 0)
        assert result.summary["n_environments"] > 0
    else:
        with pytest.raises(MissingDependencyError, match="use descriptor=B2"):
            trainer.train(dataset_dir, settings, tmp_path, 0)
