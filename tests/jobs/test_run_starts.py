"""Where runs begin: at the runs of the dataset, or at a frame that names none."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.engines.dynamics import ENSEMBLE
from tm23flows.errors import InputError
from tm23flows.jobs.run_starts import STEPS_WITHOUT_RUN, labels_at, own_dynamics, starts_of


def test_runs_are_repeated_as_they_were(emt_copy):
    dataset = emt_copy.dataset("Cu-demo")
    for regime in ("cold", "melt"):
        (start,) = starts_of(emt_copy, dataset.id, regime)
        run = emt_copy.get(Trajectory, start.reference_id)
        assert run.regime == regime
        assert start.structure_id == run.structure_id
        assert start.dynamics == run.dynamics
        assert start.n_steps == run.n_steps


def test_all_runs_of_a_temperature_are(emt_copy):
    """Half of the cold labels are said to be of another run."""
    dataset = emt_copy.dataset("Cu-demo")
    labels = labels_at(emt_copy, dataset.id, "cold")
    run = emt_copy.get(Trajectory, labels[0].trajectory_id)
    dynamics = run.dynamics.model_copy(update={"seed": 99})
    other = Trajectory(**{**run.model_dump(exclude={"id", "schema_version"}), "dynamics": dynamics})
    emt_copy.put(other)
    change = {"$set": {"trajectory_id": other.id}}
    emt_copy.database["labels"].update_one({"_id": labels[0].id}, change)
    starts = starts_of(emt_copy, dataset.id, "cold")
    assert sorted(one.dynamics.seed for one in starts) == [run.dynamics.seed, 99]


def test_only_the_thermostat_is_another():
    vasp = Dynamics(ensemble="nvt-nose-hoover", temperature_K=500.0, seed=3, timestep_fs=2.0)
    own = own_dynamics(vasp)
    assert own.ensemble == ENSEMBLE
    assert own.model_copy(update={"ensemble": vasp.ensemble}) == vasp


@pytest.fixture
def without_run(archive, make_frame, make_label):
    """A function that stores a dataset of two frames that name no run."""

    def store(**fields):
        frames = [make_frame(seed=seed, **fields) for seed in range(2)]
        labels = [make_label(one) for one in frames]
        dataset = Dataset(
            provenance=Provenance.now(),
            element="Cu",
            parts={"train": [labels[0].id], "test": [labels[1].id]},
            rule="full",
            query={},
        )
        archive.put(*frames, *labels, dataset)
        return frames, dataset

    return store


def test_without_runs_a_frame_is_where_one_begins(archive, without_run):
    frames, dataset = without_run()
    (start,) = starts_of(archive, dataset.id, "cold")
    structure = archive.get(Structure, start.structure_id)
    first = next(one for one in frames if np.array_equal(one.positions, structure.positions))
    assert np.array_equal(structure.cell, first.cell)
    assert first.id in structure.phase_source
    assert start.reference_id is None
    assert start.n_steps == STEPS_WITHOUT_RUN
    assert start.dynamics.temperature_K == 339.5
    assert starts_of(archive, dataset.id, "cold") == [start]
    assert archive.database["structures"].count_documents({}) == 1


def test_a_temperature_that_is_not_written_is_that_of_the_regime(archive, without_run):
    _, dataset = without_run(temperature_K=None, regime="melt")
    (start,) = starts_of(archive, dataset.id, "melt")
    assert start.dynamics.temperature_K == pytest.approx(1.25 * 1358, rel=1e-3)


def test_what_is_not_known_is_said(archive, without_run):
    _, dataset = without_run(temperature_K=None, regime="shaken")
    with pytest.raises(InputError, match="how hot"):
        starts_of(archive, dataset.id, "shaken")
    with pytest.raises(InputError, match="no frames that are called 'melt'"):
        starts_of(archive, dataset.id, "melt")
