"""The job that labels a batch: each frame once, failures with a reason, kills survived."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT

from tm23flows.documents.label import Label, Rejection
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import InputError, NotFoundError, PhysicsError
from tm23flows.jobs.label import label_frames

RECIPE = {"engine": "emt", "kmesh": [3, 3, 3]}
KEYS = ("accepted", "rejected", "existing")


def label(frame_ids, first=0, last=0, recipe=RECIPE):
    return label_frames(frame_ids, [recipe], first, last)


def counts(out):
    return tuple(out[key] for key in KEYS)


@pytest.fixture
def frame_ids(archive, make_frame):
    frames = [make_frame(seed=seed) for seed in range(6)]
    archive.put(*frames)
    return [frame.id for frame in frames]


@pytest.fixture
def faults(monkeypatch):
    """Seeds of frames at which the calculator goes wrong, and how."""
    faults = {}

    class Faulty(EMT):
        def calculate(self, *args, **kwargs):
            super().calculate(*args, **kwargs)
            for place, fault in faults.items():
                if np.allclose(self.atoms.positions, place):
                    if isinstance(fault, Exception):
                        raise fault
                    self.results["forces"] = np.full((2, 3), fault)

    monkeypatch.setattr(EmtEngine, "calculator", lambda self, recipe: Faulty())
    return faults


def place(frame):
    return tuple(map(tuple, frame.positions))


def test_labels_are_what_the_calculator_says(archive, frame_ids):
    from ase import Atoms

    from tm23flows.documents.frame import Frame

    out = label(frame_ids)
    assert counts(out) == (6, 0, 0)
    for frame in archive.get_many(Frame, frame_ids):
        atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True)
        atoms.calc = EMT()
        (one,) = archive.labels(frame=frame.id)
        np.testing.assert_allclose(one.forces, atoms.get_forces(), atol=1e-12)
        np.testing.assert_allclose(one.stress, atoms.get_stress(), atol=1e-12)
        assert one.energies.free == pytest.approx(atoms.get_potential_energy())
        assert one.recipe_id == out["recipe_id"]
        assert one.provenance.software["ase"]
        assert one.provenance.inputs == {"calculator": "ase.calculators.emt.EMT"}


def test_twice_is_once(archive, frame_ids):
    first = label(frame_ids)
    stored = list(archive.database["labels"].find())
    assert counts(label(frame_ids)) == (0, 0, 6)
    assert label(frame_ids)["recipe_id"] == first["recipe_id"]
    assert list(archive.database["labels"].find()) == stored


def test_another_recipe_is_another_label_of_the_same_frame(archive, frame_ids):
    label(frame_ids)
    label(frame_ids, recipe={**RECIPE, "sigma_eV": 1.0})
    assert len(list(archive.labels(frame=frame_ids[0]))) == 2


@pytest.mark.parametrize(
    ("first", "last", "places"),
    [(0, 0, range(6)), (-4, -2, [2, 3]), (-2, 0, [4, 5]), (1, 3, [1, 2]), (-1, 0, [5])],
)
def test_a_batch_is_a_slice(archive, frame_ids, first, last, places):
    label(frame_ids, first, last)
    labelled = {one.frame_id for one in archive.labels()}
    assert labelled == {frame_ids[i] for i in places}


def test_batches_of_a_flow_meet_without_gap(archive, frame_ids):
    done = [counts(label(frame_ids, first, min(first + 4, 0))) for first in range(-6, 0, 4)]
    assert done == [(4, 0, 0), (2, 0, 0)]


def test_failures_are_rejections_with_a_reason_and_the_rest_goes_on(
    archive, frame_ids, make_frame, faults
):
    faults[place(make_frame(seed=1))] = CalculationFailed("no convergence")
    faults[place(make_frame(seed=2))] = np.nan
    out = label(frame_ids)
    assert counts(out) == (4, 2, 0)
    reasons = {one["frame_id"]: one["reason"] for one in archive.database["rejections"].find()}
    assert set(reasons) == {frame_ids[1], frame_ids[2]}
    assert "no convergence" in reasons[frame_ids[1]]
    assert "not finite" in reasons[frame_ids[2]]
    rejection = archive.get(Rejection, archive.database["rejections"].find_one()["_id"])
    assert archive.trace(rejection.id).complete


def test_a_rejected_frame_is_tried_again_and_the_rejection_goes(
    archive, frame_ids, make_frame, faults
):
    faults[place(make_frame(seed=1))] = CalculationFailed("no convergence")
    assert counts(label(frame_ids)) == (5, 1, 0)
    assert counts(label(frame_ids)) == (0, 1, 5)
    assert archive.database["rejections"].count_documents({}) == 1
    faults.clear()
    assert counts(label(frame_ids)) == (1, 0, 5)
    assert archive.database["rejections"].count_documents({}) == 0
    assert archive.database["labels"].count_documents({}) == 6


def test_a_batch_of_failures_only_is_a_failed_job(archive, frame_ids, make_frame, faults):
    for seed in range(6):
        faults[place(make_frame(seed=seed))] = CalculationFailed("no licence")
    with pytest.raises(PhysicsError, match=r"None of 6 frames .* no licence"):
        label(frame_ids)
    assert archive.database["rejections"].count_documents({}) == 6


def test_a_frame_that_is_gone_is_named(archive, frame_ids):
    archive.database["frames"].delete_one({"_id": frame_ids[3]})
    with pytest.raises(NotFoundError, match=frame_ids[3][:12]):
        label(frame_ids)
    assert archive.database["labels"].count_documents({}) == 0


SLOW_LABELS = """
import sys, time
from tm23flows.engines.emt import EmtEngine
from tm23flows.jobs import label

quick, begun = EmtEngine._compute, []

def slow(self, atoms, recipe):
    begun.append(atoms)
    time.sleep(0.15 if len(begun) < 5 else 600)  # until it is killed
    return quick(self, atoms, recipe)

EmtEngine._compute = slow
label.FLUSH_S = 0.1
label.label_frames(sys.argv[1:], [{recipe}], 0, 0)
"""


def test_a_killed_batch_goes_on_where_it_was(archive, frame_ids):
    command = [sys.executable, "-c", SLOW_LABELS.format(recipe=RECIPE), *frame_ids]
    process = subprocess.Popen(command, env=os.environ)
    labels = archive.database["labels"]
    while labels.count_documents({}) < 2:
        assert process.poll() is None, "the job ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = list(labels.find())
    assert 2 <= len(before) < 6
    assert counts(label(frame_ids)) == (6 - len(before), 0, len(before))
    assert labels.count_documents({}) == 6
    for one in before:  # untouched, with the time of the first writing
        assert labels.find_one({"_id": one["_id"]}) == one


def test_labels_are_complete_documents(archive, frame_ids):
    out = label(frame_ids)
    for one in archive.labels(recipe=out["recipe_id"]):
        assert archive.get(Label, one.id).forces.shape == (2, 3)
        assert one.effort.cpu_s >= 0


def test_frames_get_all_their_labels_before_the_next_one(archive, frame_ids, monkeypatch):
    seen = []
    quick = EmtEngine._compute

    def watched(self, atoms, recipe):
        seen.append((round(float(atoms.positions[0, 0]), 6), recipe.sigma_eV))
        return quick(self, atoms, recipe)

    monkeypatch.setattr(EmtEngine, "_compute", watched)
    wide = {**RECIPE, "sigma_eV": 2.0}
    label(frame_ids[:1], recipe=wide)  # one of the labels is there already
    seen.clear()
    out = label_frames(frame_ids, [RECIPE, wide], 0, 3)
    assert (out["accepted"], out["existing"]) == (5, 1)
    assert [sigma for _, sigma in seen] == [0.2, 0.2, 2.0, 0.2, 2.0]
    assert len(set(seen)) == 5
    assert out["recipe_ids"][0] == out["recipe_id"]
    assert archive.database["labels"].count_documents({}) == 6


def test_the_mesh_of_a_verdict_replaces_that_of_the_recipes(archive, frame_ids):
    verdict = {"kmesh": [5, 5, 5], "kmesh_offset": [0.0, 0.0, 0.0], "convergence_id": "x"}
    label_frames(frame_ids, [RECIPE], 0, 2, verdict)
    assert {one.recipe.kmesh for one in archive.labels()} == {(5, 5, 5)}


def test_variants_that_a_setting_makes_one_are_refused_before_anything_runs(
    archive, frame_ids, vasp, tmp_path, monkeypatch
):
    """A SIGMA of a powerup would win over all of them, and no variant be computed."""
    from tm23flows.engines.vasp.inputs import TM23StaticSet
    from tm23flows.engines.vasp.makers import TM23StaticMaker

    monkeypatch.chdir(tmp_path)
    maker = TM23StaticMaker(input_set_generator=TM23StaticSet(user_incar_settings={"SIGMA": 0.1}))
    recipes = [{"engine": "vasp", "sigma_eV": sigma} for sigma in (0.2, 1.0)]
    with pytest.raises(InputError, match="SIGMA in user_incar_settings"):
        label_frames(frame_ids, recipes, 0, 1, calculation=maker)
    assert list(tmp_path.glob("label-*")) == []
    assert archive.database["labels"].count_documents({}) == 0
