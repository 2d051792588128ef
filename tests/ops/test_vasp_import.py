"""Existing runs in the archive: what they become, twice, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from vasprun_text import TAIL, Run

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.vasp.outputs import iter_steps
from tm23flows.errors import InputError
from tm23flows.ops.vasp_import import import_runs
from tm23flows.store.collections import COLLECTIONS

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture
def real():
    """A function that finds a vasprun.xml of the shared test data by a part of its path."""
    if not SHARED.is_dir():
        pytest.skip(f"shared test data not found: {SHARED}")

    def find(part):
        (path,) = [path for path in SHARED.glob("vasp_*/**/vasprun*.xml.gz") if part in str(path)]
        return path

    return find


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of a run."""

    def write(run, name="vasprun.xml", text=None):
        path = tmp_path / name
        path.write_text(text or run.text)
        return path

    return write


def counts(archive):
    return {name: archive.database[name].count_documents({}) for name in COLLECTIONS}


def test_a_real_run_becomes_trajectory_frames_and_labels(archive, real):
    path = real("vasprun.md.xml.gz")
    done = import_runs(archive, [path], "silicon")
    assert (done.n_rejected, done.n_trajectories, done.notes) == (0, 1, ())
    labels = archive.get_many(Label, done.named.dataset.label_ids)
    assert [label.step for label in labels] == list(range(1, 11))
    for label, step in zip(labels, iter_steps(path), strict=True):
        np.testing.assert_array_equal(label.forces, step.forces)
        np.testing.assert_array_equal(label.stress, step.stress)
        assert label.energies.free == step.energy_free
        assert label.energies.sigma0 == step.energy_sigma0
        assert label.effort.scf_iterations == step.n_scf
        assert (label.recipe.smearing_order, label.temperature_K) == (0, 2000.0)
        frame = archive.get(Frame, label.frame_id)
        away = frame.positions @ np.linalg.inv(frame.cell) - step.fractional
        np.testing.assert_allclose(away, np.rint(away), atol=1e-9)
        assert frame.time_fs == 3.0 * (step.number - 1)
    trajectory = archive.get(Trajectory, labels[0].trajectory_id)
    assert trajectory.n_steps == 10
    trace = archive.trace(done.named.dataset.id)
    assert trace.complete
    assert {level.collection for level in trace.levels} >= {"structures", "trajectories", "labels"}


def test_twice_changes_nothing(archive, real):
    path = real("molecular_dynamics_3")
    first = import_runs(archive, [path], "silicon")
    stored = counts(archive), list(archive.database["trajectories"].find())
    again = import_runs(archive, [path, path], "silicon")
    assert (again.named.version, again.named.dataset.id) == (1, first.named.dataset.id)
    assert (counts(archive), list(archive.database["trajectories"].find())) == stored


def test_real_runs_that_go_on_are_one_trajectory(archive, real):
    paths = [real(f"Si_multi_md/molecular_dynamics_{i}") for i in (2, 3)]
    done = import_runs(archive, paths, "silicon")
    assert done.n_trajectories == 1
    (trajectory,) = map(Trajectory.from_stored, archive.database["trajectories"].find())
    assert [(s.first_step, s.last_step) for s in trajectory.segments] == [(1, 3), (4, 6)]
    labels = archive.get_many(Label, done.named.dataset.label_ids)
    assert [label.step for label in labels] == [1, 2, 3, 4, 5, 6]
    files = {label.provenance.inputs["sha256"] for label in labels}
    assert len(files) == 2
    again = import_runs(archive, paths, "silicon")
    assert again.named.version == 1


def test_a_relaxation_with_an_added_electron_is_frames(archive, real):
    done = import_runs(archive, [real("charged")], "charged")
    assert (done.n_trajectories, len(done.named.dataset.label_ids)) == (0, 5)
    labels = archive.get_many(Label, done.named.dataset.label_ids)
    assert {label.recipe.electron_shift for label in labels} == {1.0}
    assert {label.recipe.smearing for label in labels} == {"tetrahedron-bloechl"}
    frames = archive.get_many(Frame, [label.frame_id for label in labels])
    assert {frame.origin for frame in frames} == {labels[0].provenance.inputs["sha256"]}
    assert {frame.trajectory_id for frame in frames} == {None}
    assert counts(archive)["structures"] == 0
    assert archive.trace(done.named.dataset.id).complete


def test_steps_that_are_not_sound_are_rejections(archive, write):
    run = Run(n_scf=(2, 60, 2, 0, 2), nelm=60)
    free = f"{run.steps[2]['free']:16.8f}"
    path = write(run, text=run.text.replace(free, "*" * 16))
    done = import_runs(archive, [path], "copper")
    assert done.n_rejected == 3
    steps = [label.step for label in archive.get_many(Label, done.named.dataset.label_ids)]
    assert steps == [1, 5]
    rejections = map(Rejection.from_stored, archive.database["rejections"].find())
    reasons = {archive.get(Frame, one.frame_id).step: one.reason for one in rejections}
    assert reasons[2] == "the electrons did not converge in 60 steps"
    assert "not a finite number" in reasons[3]
    assert "no electronic steps" in reasons[4]


def test_positions_that_are_no_numbers_are_said(archive, write):
    run = Run(n_scf=(2, 2, 2))
    run.steps[1]["fractional"][0, 0] = np.nan
    done = import_runs(archive, [write(run)], "copper")
    assert len(done.named.dataset.label_ids) == 2
    assert done.notes == ("1 steps have positions that are no numbers, and are left out.",)


def test_a_run_that_was_cut_and_then_whole(archive, write):
    run = Run(n_scf=(2,) * 5)
    text = run.text
    cut = write(run, "cut.xml", text[: text.rindex("e_0_energy")])
    first = import_runs(archive, [cut], "copper")
    assert len(first.named.dataset.label_ids) == 4
    second = import_runs(archive, [write(run)], "copper")
    assert second.named.version == 2
    assert second.named.dataset.label_ids[:4] == first.named.dataset.label_ids
    (trajectory,) = map(Trajectory.from_stored, archive.database["trajectories"].find())
    assert [(s.first_step, s.last_step) for s in trajectory.segments] == [(1, 4), (5, 5)]


def test_every_nth_step_becomes_a_frame(archive, write):
    run = Run(n_scf=(2,) * 9)
    done = import_runs(archive, [write(run)], "copper", first=3, stride=3)
    steps = [label.step for label in archive.get_many(Label, done.named.dataset.label_ids)]
    assert steps == [3, 6, 9]
    assert counts(archive)["frames"] == 3
    assert Trajectory.from_stored(archive.database["trajectories"].find_one()).n_steps == 9


def test_statics_have_neither_step_nor_run(archive, write):
    paths = [write(Run(n_scf=(4,), md=False, seed=i), f"{i}.xml") for i in range(3)]
    done = import_runs(archive, paths, "copper")
    labels = archive.get_many(Label, done.named.dataset.label_ids)
    assert [label.step for label in labels] == [None] * 3
    assert counts(archive)["trajectories"] == 0


def test_a_ramp_is_frames_without_a_trajectory(archive, write):
    run = Run()
    path = write(run, text=run.text.replace('"TEEND">    300.', '"TEEND">    900.'))
    done = import_runs(archive, [path], "copper")
    assert done.n_trajectories == 0
    (note,) = done.notes
    assert note.startswith("vasprun.xml became frames without a trajectory: ")
    assert note.endswith("its temperature goes from 300.0 K to 900.0 K.")
    assert len(done.named.dataset.label_ids) == 3


def test_a_dataset_of_imported_labels_goes_out_and_comes_back(archive, write, tmp_path):
    from tm23flows.store.files import export_labels, import_labels

    done = import_runs(archive, [write(Run())], "copper")
    export_labels(archive, "copper", tmp_path / "copper.xyz")
    back = import_labels(archive, [tmp_path / "copper.xyz"], "copper")
    assert back.named.dataset.id == done.named.dataset.id


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([Run(symbols=("V", "O")).text], "atoms of O and V"),
        ([Run().text, Run(ismear=0).text], "smearing_order is 0, not 1"),
        ([Run(n_scf=(60, 60)).text], "not one sound step"),
        ([Run().text, "something else"], r"1\.xml is no vasprun\.xml"),
        ([Run().text, Run(seed=1).text.replace("</scstep>", "", 1)], "damaged"),
        ([Run(n_scf=()).text], "no complete step"),
    ],
)
def test_what_is_refused_stores_nothing(archive, write, texts, sentence):
    paths = [write(None, f"{i}.xml", text) for i, text in enumerate(texts)]
    with pytest.raises(InputError, match=sentence):
        import_runs(archive, paths, "copper")
    assert set(counts(archive).values()) == {0}


def test_wrong_words_are_refused(archive, write):
    path = write(Run())
    for words in (("no name",), ("copper", 0), ("copper", 1, 0)):
        with pytest.raises(InputError):
            import_runs(archive, [path], *words)
    assert set(counts(archive).values()) == {0}


def test_a_compressed_file_is_the_same_labels(archive, write, tmp_path):
    plain = write(Run())
    packed = tmp_path / "vasprun.xml.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    one = import_runs(archive, [plain], "plain")
    two = import_runs(archive, [packed], "packed")
    assert one.named.dataset.id == two.named.dataset.id
    assert TAIL in plain.read_text()
