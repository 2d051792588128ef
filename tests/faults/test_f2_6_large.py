"""F2.6: cells of thousands of atoms, on the whole road; no document is ever over 1 MB."""

import bson
import numpy as np
import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.geometry import MAX_ATOMS
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Dynamics, Trajectory
from tm23flows.store.datasets.creation import create_dataset
from tm23flows.store.trajectories import append_segment, read_segments

N_ATOMS = 5000
LIMIT = 1_000_000


def geometry(n_atoms, seed=0):
    random = np.random.default_rng(seed)
    return {
        "numbers": np.full(n_atoms, 29),
        "cell": np.eye(3) * 40.0,
        "positions": random.uniform(0, 40, (n_atoms, 3)),
    }


def assert_small(archive):
    """No document of any collection is over 1 MB, chunks of blobs included."""
    for name in archive.database.list_collection_names():
        for stored in archive.database[name].find():
            assert len(bson.encode(stored)) < LIMIT, (name, stored["_id"])


@pytest.fixture
def structure(archive):
    structure = Structure(
        provenance=Provenance.now(),
        element="Cu",
        phase="fcc",
        phase_source="a test",
        basis="given",
        supercell_matrix=((10, 0, 0), (0, 10, 0), (0, 0, 10)),
        supercell_rule="given",
        min_length_A=None,
        min_image_distance_A=36.0,
        vacancy_index=None,
        vacancy_seed=None,
        **geometry(N_ATOMS),
    )
    archive.put(structure)
    return structure


@pytest.fixture
def labels(archive, make_frame, make_label):
    frames = [make_frame(seed, origin="a test", **geometry(N_ATOMS, seed)) for seed in range(4)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames)
    archive.record(labels)
    return labels


def test_f2_6_frames_and_labels_come_back_bit_by_bit(archive, labels):
    for label in labels:
        frame = archive.get(Frame, label.frame_id)
        assert frame.positions.shape == label.forces.shape == (N_ATOMS, 3)
        expected = geometry(N_ATOMS, frame.step - 1)["positions"]
        assert frame.positions.tobytes() == expected.tobytes()
        assert archive.get(Label, label.id).forces.tobytes() == label.forces.tobytes()
    assert [one.id for one in archive.labels()] == [one.id for one in labels]
    assert_small(archive)


def test_f2_6_a_rejection_gives_way(archive, labels):
    again = labels[0].recipe.model_copy(update={"sigma_eV": 0.1})
    rejection = Rejection(
        provenance=Provenance.now(), frame_id=labels[0].frame_id, recipe=again, reason="slow"
    )
    archive.record([rejection])
    assert archive.database["rejections"].count_documents({}) == 1
    assert_small(archive)


def test_f2_6_segments_are_blobs(archive, structure, labels):
    trajectory = Trajectory(
        provenance=Provenance.now(),
        structure_id=structure.id,
        element="Cu",
        regime=None,
        recipe=labels[0].recipe,
        dynamics=Dynamics(temperature_K=300.0, timestep_fs=1.0),
    )
    archive.put(trajectory)
    arrays = {name: np.zeros(3) for name in SEGMENT_ARRAYS}
    arrays |= {name: np.zeros((3, N_ATOMS, 3)) for name in ("momenta", "forces")}
    arrays |= {name: np.ones(3, int) for name in ("scf_iterations", "converged")}
    arrays |= {"stress": np.zeros((3, 6)), "thermostat": np.zeros((3, 2))}
    arrays["positions"] = np.repeat(structure.positions[None], 3, axis=0)
    for first in (1, 4):
        steps = {**arrays, "step": np.arange(first, first + 3)}
        trajectory = append_segment(archive, trajectory, steps)
    read = list(read_segments(archive, archive.get(Trajectory, trajectory.id)))
    assert [one["positions"].shape for one in read] == [(3, N_ATOMS, 3)] * 2
    assert_small(archive)


def test_f2_6_members_of_datasets_and_evaluations(archive, labels):
    dataset = create_dataset(archive, "large", labels, "fraction", {"train_fraction": 0.5}).dataset
    model = Model(
        provenance=Provenance.now(),
        trainer="flare",
        hyperparameters={},
        seed=0,
        dataset_id=dataset.id,
        files=(ModelFile(name="model", blob=archive.blobs.put(bytes(3 * LIMIT))),),
        wall_s=1.0,
    )
    evaluation = Evaluation(
        provenance=Provenance.now(),
        model_id=model.id,
        dataset_id=dataset.id,
        energy_reference="mean-per-atom",
        predictions=archive.blobs.put_arrays(forces=np.concatenate([one.forces for one in labels])),
        errors=(),
    )
    archive.put(model, evaluation)
    assert archive.trace(evaluation.id).complete
    predicted = archive.blobs.get_arrays(evaluation.predictions)["forces"]
    assert predicted.shape == (4 * N_ATOMS, 3)
    assert_small(archive)


def test_f2_6_the_largest_cell_still_fits(archive, make_frame, make_label):
    frame = make_frame(origin="a test", **geometry(MAX_ATOMS))
    archive.put(frame)
    archive.record([make_label(frame)])
    assert archive.get(Frame, frame.id).positions.shape == (MAX_ATOMS, 3)
    assert_small(archive)


def test_f2_6_a_larger_one_is_refused_before_anything_is_computed(make_frame):
    with pytest.raises(ValidationError, match=r"30001 atoms is too large .* smaller supercell"):
        make_frame(**geometry(MAX_ATOMS + 1))
