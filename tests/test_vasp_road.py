"""The road on VASP through lpad and rlaunch: the simulator as VASP, custodian around it."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from atomate2.vasp.powerups import update_user_incar_settings, update_vasp_input_generators

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.trajectory import Trajectory
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.trajectory import Sampling
from tm23flows.jobs.structure import make_structure
from tm23flows.store.trajectories import read_segments

sys.path.insert(0, str(Path(__file__).resolve().parent / "faults"))

from plant import kill, open_plant, wait_until


def quick(flow):
    """Let custodian look more often than once a second."""
    changes = {"polling_time_step": 0.1, "monitor_freq": 5}
    return update_vasp_input_generators(flow, {"run_vasp_kwargs->custodian_kwargs": changes})


@pytest.fixture
def plant(tmp_path, vasp):
    with open_plant(tmp_path, vasp) as plant:
        yield plant


def small_paper(element="Cu"):
    """The paper's flow with all its parts, made small: 12 steps, 4 frames, three meshes."""
    maker = make_tm23(element, "paper", "vasp")
    return replace(
        maker,
        structure=replace(maker.structure, basis="primitive", supercell=(2, 2, 2)),
        trajectory=replace(
            maker.trajectory, n_steps=12, sampling=Sampling(4, 2, 4), segment_steps=5
        ),
        label=replace(maker.label, batch_size=4, sigma_variants_eV=(1.0, 2.0)),
        convergence=KpointConvergenceMaker(meshes=((4, 4, 4), (6, 6, 6), (8, 8, 8))),
        split="fraction",
        split_options={"train_fraction": 0.75},
        models=(),
    )


@pytest.mark.slow
@pytest.mark.fireworks
def test_the_paper_in_small(plant):
    plant.add(
        [
            update_user_incar_settings(
                quick(small_paper().make("Cu")), {"ENCUT": 400}, name_filter="static"
            )
        ]
    )
    plant.run_workers("one", "two", patience_s=300)
    assert set(plant.states()) == {"COMPLETED"}, plant.last_words()
    archive = plant.archive()

    runs = [Trajectory.from_stored(one) for one in archive.database["trajectories"].find()]
    assert sorted(run.regime for run in runs) == ["cold", "melt", "warm"]
    for run in runs:
        assert [(one.first_step, one.last_step) for one in run.segments] == [
            (1, 5), (6, 10), (11, 12),
        ]  # fmt: skip
        assert {one.program for one in run.segments} == {"vasp 6.4.3-simulator (vasp_gam)"}
        assert (run.recipe.cutoff_eV, run.recipe.kmesh) == (520.0, (1, 1, 1))
        temperatures = [arrays["temperature"] for arrays in read_segments(archive, run)]
        assert np.isfinite(np.concatenate(temperatures)).all()

    (convergence,) = (
        Convergence.from_stored(one) for one in archive.database["convergences"].find()
    )
    assert convergence.converged
    labels = list(archive.labels(engine="vasp", kmesh="x".join(map(str, convergence.kmesh))))
    by_sigma = {sigma: [] for sigma in (0.2, 1.0, 2.0)}
    for label in labels:
        by_sigma[label.recipe.sigma_eV].append(label)
        assert label.recipe.cutoff_eV == 400.0  # what the powerup changed is in the recipe
        assert label.provenance.software["vasp"] == "6.4.3-simulator"
        assert label.effort.program.endswith("(vasp_std)")
    assert {sigma: len(found) for sigma, found in by_sigma.items()} == {0.2: 12, 1.0: 12, 2.0: 12}
    assert archive.database["rejections"].count_documents({}) == 0

    energies = by_sigma[2.0][0].energies
    # Methfessel-Paxton of order 1: E0 = (2 F + E) / 3
    assert energies.sigma0 == pytest.approx(
        (2 * energies.free + energies.without_entropy) / 3, abs=1e-7
    )
    trace = archive.trace(by_sigma[1.0][0].id)
    assert trace.complete
    assert "vasp 6.4.3-simulator (vasp_std)" in str(trace.as_dict())
    # One pack for each run of molecular dynamics, each mesh, and each batch of labels.
    assert archive.database["raw_outputs"].count_documents({}) == 3 + 3 + 3


@pytest.mark.slow
@pytest.mark.fireworks
def test_the_time_of_a_worker_ends_in_the_middle(plant, tmp_path):
    """The handler keeps 300 s back: a worker with 308 s left has eight, if it starts at once."""
    plant.variables["VASP_SIMULATOR_PLAN"] = str(tmp_path / "slow.json")
    (tmp_path / "slow.json").write_text(json.dumps([{"step_s": 0.8}]))
    archive = plant.archive()
    structure = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
    archive.put(structure)
    maker = replace(small_paper().trajectory, n_steps=120, segment_steps=120)
    plant.add([quick(maker.make(structure.id, "Cu", "cold", 339.0))])

    run = stopped_in_the_middle(plant, archive)
    assert 0 < run.n_steps < 120

    del plant.variables["TM23_DEADLINE"], plant.variables["VASP_SIMULATOR_PLAN"]
    plant.run_workers("late")
    assert set(plant.states()) == {"COMPLETED"}, plant.last_words()
    after = archive.get(Trajectory, run.id)
    assert after.n_steps == 120
    assert after.segments[0] == run.segments[0]
    steps = np.concatenate([arrays["step"] for arrays in read_segments(archive, after)])
    assert steps.tolist() == list(range(1, 121))
    assert archive.database["frames"].count_documents({}) == 4


def stopped_in_the_middle(plant, archive):
    """Let workers start until one has time for some steps; how long a start takes is open."""
    trajectories = archive.database["trajectories"]
    for seconds in (8, 24, 72, 144, 224):
        plant.variables["TM23_DEADLINE"] = str(time.time() + 300 + seconds)
        worker = plant.worker(f"early{seconds}")
        with suppress(AssertionError):
            wait_until(
                lambda: trajectories.count_documents({"segments.0": {"$exists": True}}),
                patience_s=2 * seconds + 15.0,
            )
        kill(worker)  # it waits for its end, as it has no time for the job that goes on
        plant.lpad("rerun_fws", "-s", "RUNNING")
        if found := trajectories.find_one({"segments.0": {"$exists": True}}):
            return Trajectory.from_stored(found)
    pytest.fail(f"No worker came to its first step: {plant.last_words()}")
