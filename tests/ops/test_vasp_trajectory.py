"""Trajectories of existing runs: what is kept, and what is only compared."""

import numpy as np
import pytest
from vasprun_text import Run

from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Trajectory
from tm23flows.engines.vasp.past_files import examine
from tm23flows.errors import InputError
from tm23flows.ops import vasp_trajectory
from tm23flows.ops.vasp_trajectory import begin_trajectory, keep_steps, placed_steps
from tm23flows.store.trajectories import read_segments


@pytest.fixture
def past(tmp_path):
    """A function that writes and reads a run."""

    def write(run, name="vasprun.xml"):
        path = tmp_path / name
        path.write_text(run.text)
        return examine(path)

    return write


def keep(archive, chain):
    trajectory = begin_trajectory(archive, chain)
    seen = list(keep_steps(archive, trajectory, placed_steps(chain)))
    return archive.get(Trajectory, trajectory.id), seen


def test_steps_are_kept_in_segments(archive, past, monkeypatch):
    monkeypatch.setattr(vasp_trajectory, "SEGMENT_STEPS", 2)
    run = Run(n_scf=(2, 3, 2, 60, 2), nelm=60)
    trajectory, seen = keep(archive, [past(run)])
    spans = [(one.first_step, one.last_step) for one in trajectory.segments]
    assert spans == [(1, 2), (3, 4), (5, 5)]
    assert {one.program for one in trajectory.segments} == {"vasp 6.4.2"}
    parts = list(read_segments(archive, trajectory))
    assert all(set(part) == set(SEGMENT_ARRAYS) for part in parts)
    whole = {name: np.concatenate([part[name] for part in parts]) for name in SEGMENT_ARRAYS}
    assert whole["momenta"].shape == (5, 0, 3)
    assert whole["thermostat"].shape == (5, 0)
    assert list(whole["scf_iterations"]) == [2, 3, 2, 60, 2]
    assert list(whole["converged"]) == [1, 1, 1, 0, 1]
    for place, step in enumerate(run.steps):
        np.testing.assert_array_equal(whole["forces"][place], step["forces"])
        assert whole["energy_free"][place] == step["free"]
        total = step["free"] + step["kinetic"] + step["nose"].sum()
        assert whole["conserved"][place] == pytest.approx(total)
        # 2 E_kin / (3n - 3) k_B with 3 atoms
        kelvin = 2 * step["kinetic"] / (6 * 8.617333e-5)
        assert whole["temperature"][place] == pytest.approx(kelvin, rel=1e-6)
    assert [number for _, number, _, _ in seen] == [1, 2, 3, 4, 5]


def test_the_structure_is_the_first_geometry(archive, past):
    run = Run()
    one = past(run)
    trajectory, _ = keep(archive, [one])
    structure = archive.get(Structure, trajectory.structure_id)
    np.testing.assert_allclose(structure.positions, run.steps[0]["fractional"] @ run.cell)
    assert one.sha256 in structure.phase_source
    assert archive.trace(trajectory.id).complete


def test_positions_go_on_across_cell_borders(past):
    run = Run(n_scf=(1, 1, 1))
    for number, step in enumerate(run.steps):
        step["fractional"] = (run.steps[0]["fractional"] + 0.4 * number) % 1
    positions = [one[3] for one in placed_steps([past(run)])]
    moved = (positions[2] - positions[0]) @ np.linalg.inv(run.cell)
    np.testing.assert_allclose(moved, 0.8, atol=1e-7)


def test_a_longer_file_adds_what_is_new(archive, past):
    run = Run(n_scf=(1, 2, 3, 4))
    short, _ = keep(archive, [past(run)])
    assert short.n_steps == 4
    assert keep(archive, [past(run)])[0] == short
    longer = Run(n_scf=(1, 2, 3, 4))
    longer.steps += Run(n_scf=(5,), seed=9).steps
    for step in longer.steps:
        step["cell"] = longer.cell
    grown, _ = keep(archive, [past(longer)])
    assert grown.id == short.id
    assert [(one.first_step, one.last_step) for one in grown.segments] == [(1, 4), (5, 5)]


def test_another_run_under_the_same_id_is_refused(archive, past):
    keep(archive, [past(Run(n_scf=(1, 1, 1)))])
    other = Run(n_scf=(1, 1, 1))
    other.steps[2]["fractional"] = (other.steps[2]["fractional"] + 0.01).round(8)
    with pytest.raises(InputError, match="its step 3 is another one"):
        keep(archive, [past(other, "other.xml")])


def test_positions_that_are_no_numbers_do_not_spoil_the_rest(archive, past):
    run = Run(n_scf=(1, 1, 1))
    run.steps[1]["fractional"][0, 0] = np.nan
    trajectory, _ = keep(archive, [past(run)])
    (arrays,) = read_segments(archive, trajectory)
    assert list(arrays["converged"]) == [1, 0, 1]
    assert np.isfinite(arrays["positions"][2]).all()
