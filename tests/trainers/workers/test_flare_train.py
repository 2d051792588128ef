from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from tm23flows.testing.faults import Fault, command_with_faults
from tm23flows.trainers.flare import BOUNDS, FlareTrainer
from tm23flows.trainers.frames import write_frames

pytestmark = pytest.mark.flare


@pytest.fixture
def make_request(test_frames, tmp_path):
    """A request of the worker for the five frames of tests, in a folder of its own."""

    def make(name: str, resume=(), checkpoint_s=1e9, sizes=(5,), frames=None, **overrides) -> dict:
        settings = {"nmax": 4, "lmax": 2, "starts": 2, "optimise_every": 2} | overrides
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        write_frames(folder / "training.npz", frames or test_frames, labels=True)
        return {
            "task": "train", "result": str(folder / "result.json"),
            "frames": str(folder / "training.npz"), "folder": str(folder),
            "sizes": list(sizes), "models": {str(n): str(folder / f"model_{n}") for n in sizes},
            "settings": FlareTrainer().hyperparameters(**settings).model_dump(),
            "bounds": BOUNDS, "noise_fraction": 0.1, "seed": 1,
            "cache_bytes": 5e5,
            "resume": [str(path) for path in resume], "checkpoint_s": checkpoint_s,
            "predicted_s": {"select": 1.0, "add": 1.0, "search": 1.0},
        }  # fmt: skip

    return make


@pytest.fixture
def train(flare_module):
    """Train in this process: the training, and whether it came to its end."""

    def run(request: dict):
        training = flare_module("flare_train").Training(request)
        if not (Path(request["folder"]) / "stop").exists():
            training.run()
            return training, True
        with suppress(flare_module("worker_io").RequestError):
            training.run()
        return training, len(training.state.models) == len(request["sizes"])

    return run


def same(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for n, model in expected.items():
        assert np.array_equal(found[n]["weights"], model["weights"])
        for key in ("values", "atom_energies", "history"):
            assert found[n][key] == model[key]


def kept(folder: Path) -> list[Path]:
    """Return the checkpoints of a work folder, newest first."""
    return sorted((folder / "checkpoints").glob("*.npz"), reverse=True)


def test_stopped_after_every_single_step_it_ends_as_if_it_had_not_been(make_request, train):
    """Frames of both passes, evaluations of periodic, early and final searches: all are steps."""
    whole = make_request("whole", sizes=(3, 5), max_iterations=6)
    expected = train(whole)[0]
    resume, attempts, done, steps = [], 0, False, [0]
    while not done:
        request = make_request("parts", resume, sizes=(3, 5), max_iterations=6)
        (Path(request["folder"]) / "stop").touch()
        training, done = train(request)
        steps.append(training.step)
        resume, attempts = kept(Path(request["folder"])), attempts + 1
        assert training.refused == 0
    assert attempts > 2 * 5 + 2 * 6
    # each came further, evaluations too: that is what the job asks of its workers
    assert steps[:-1] == list(range(attempts))
    assert training.resumed_from == steps[-1] == attempts - 1
    assert training.chosen.picks == expected.chosen.picks
    same(training.state.models, expected.state.models)


def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(make_request, train, worker_path):
    request = make_request("killed", checkpoint_s=0.0)
    folder = Path(request["folder"])
    (folder / "request.json").write_text(json.dumps(request))
    fault = Fault(at="flare_checkpoint:keep_checkpoint", when="after", call=4)
    worker = str(worker_path / "flare_worker.py")
    command, variables = command_with_faults([fault], worker, str(folder / "request.json"))
    environment = {**os.environ, "PYTHONPATH": str(worker_path), **variables}
    killed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not (folder / "result.json").exists()
    assert not (folder / "model_5").exists()
    accounts = sorted((folder / "checkpoints").glob("*.json"), reverse=True)
    files = [folder / "checkpoints" / json.loads(a.read_text())["file"] for a in accounts]
    training, done = train(make_request("killed_again", files))
    assert done
    assert training.resumed_from >= 3
    same(training.state.models, train(make_request("untouched"))[0].state.models)


def test_what_cannot_be_used_is_passed_over(make_request, train, test_frames):
    request = make_request("first", checkpoint_s=0.0)
    expected = train(request)[0]
    newest, before = kept(Path(request["folder"]))
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    second = train(make_request("second", [newest, before]))[0]
    assert (second.resumed_from > 0, second.refused) == (True, 1)
    same(second.state.models, expected.state.models)
    third = train(make_request("third", [newest]))[0]
    assert (third.resumed_from, third.refused) == (0, 1)
    same(third.state.models, expected.state.models)
    for other in ({"power": 1}, {"frames": test_frames[::-1]}, {"sizes": (4, 5)}):
        strange = train(make_request("other", [before], **other))[0]
        assert (strange.resumed_from, strange.refused) == (0, 1)


def test_optimising_on_the_way_starts_from_the_time_before(make_request, train):
    training = train(make_request("every"))[0]
    history = training.state.models[5]["history"]
    stages = {n: [row for row in history if row["n_frames"] == n] for n in (2.0, 4.0, 5.0)}
    assert sum(map(len, stages.values())) == len(history)
    assert {row["start"] for row in stages[2.0] + stages[4.0]} == {0.0}
    assert {row["start"] for row in stages[5.0]} == {0.0, 1.0}
    for before, after in [(2.0, 4.0), (4.0, 5.0)]:
        best = max(stages[before], key=lambda row: row["log_likelihood"])
        assert stages[after][0]["sigma"] == pytest.approx(best["sigma"])
    assert stages[4.0][0]["n_environments"] == sum(map(len, training.chosen.picks[:4]))


def test_force_noise_starts_from_the_forces_unless_it_is_given(make_request, train, test_frames):
    first = train(make_request("own", optimise_every=0))[0].state.models[5]["history"][0]
    forces = np.concatenate([atoms.get_forces() for atoms in test_frames])
    assert first["noise_force"] == pytest.approx(0.1 * np.abs(forces).mean())
    given = train(make_request("given", noise_force=0.05))[0].state.models[5]["history"][0]
    assert given["noise_force"] == pytest.approx(0.05)


def test_what_the_first_pass_keeps_for_the_second_changes_nothing(make_request, train):
    several = make_request("some")
    expected = train(several)[0].state.models
    for name, size in [("none", 0), ("all", 1e9)]:
        same(train(make_request(name) | {"cache_bytes": size})[0].state.models, expected)


def test_progress_ends_with_all_frames(make_request, train):
    request = make_request("progress")
    train(request)
    found = json.loads((Path(request["folder"]) / "progress.json").read_text())
    assert (found["step"], found["of"], found["unit"]) == (5, 5, "frame")
    assert found["values"]["environments"] > 0
    assert found["eta_s"] >= 0


@pytest.fixture
def apart(test_frames):
    """The frames of tests, with all atoms out of each other's reach."""
    found = []
    for atoms in test_frames:
        one = atoms.copy()
        one.set_cell(10 * one.cell.array, scale_atoms=True)
        one.calc = SinglePointCalculator(one, **atoms.calc.results)
        found.append(one)
    return found


def test_atoms_that_see_nobody_cannot_be_trained_on(make_request, flare_module, apart):
    training = flare_module("flare_train").Training(make_request("apart", frames=apart))
    with pytest.raises(flare_module("worker_io").RequestError, match="larger cutoff_A"):
        training.run()


def test_frames_without_environments_may_come_first(
    make_request, train, flare_module, apart, test_frames
):
    """Optimising on the way waits for the first environment; a model of none is refused."""
    frames = [*apart[:2], *test_frames[:3]]
    training = train(make_request("alone first", frames=frames))[0]
    assert training.chosen.picks[:2] == [[], []]
    history = training.state.models[5]["history"]
    assert {row["n_frames"] for row in history} == {4.0, 5.0}
    with pytest.raises(flare_module("worker_io").RequestError, match="of the first 2 frames"):
        train(make_request("alone only", sizes=(2, 5), frames=frames))
