"""Jobs on the VASP simulator for the tests of faults, and what must hold after each of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from engine_kit import MAKERS, quick

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.trajectory import SEGMENT_ARRAYS, Trajectory
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.trajectory import run_trajectory
from tm23flows.store.trajectories import read_segments

RECIPE = {"engine": "vasp", "cutoff_eV": 300.0}
DYNAMICS = {"ensemble": "nvt-nose-hoover", "temperature_K": 600.0, "seed": 3}


def put_structure(archive):
    """Seven copper atoms on the sites of a crystal, one missing."""
    structure = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
    archive.put(structure)
    return structure


def put_frames(archive, structure, count):
    """Frames of those atoms, moved from their sites."""
    frames = []
    for seed in range(count):
        moves = np.random.default_rng(seed).normal(0, 0.08, structure.positions.shape)
        frame = Frame.model_validate(
            {
                "provenance": structure.provenance,
                "element": "Cu",
                "regime": None,
                "temperature_K": None,
                "trajectory_id": None,
                "origin": "a test",
                "step": None,
                "time_fs": None,
                "numbers": structure.numbers,
                "cell": structure.cell,
                "positions": structure.positions + moves,
            }
        )
        frames.append(frame)
    archive.put(*frames)
    return [frame.id for frame in frames]


def run(structure, n_steps, segment_steps=5, dynamics=DYNAMICS, look_every=2):
    """Run the job of molecular dynamics in this process."""
    maker = quick(MAKERS["md"](), look_every)
    return run_trajectory(structure.id, RECIPE, dynamics, n_steps, segment_steps, "warm", maker)


def label(frame_ids, **changes):
    """Run the job of labels in this process."""
    maker = quick(MAKERS["label"]())
    return label_frames(frame_ids, [{**RECIPE, **changes}], 0, 0, None, maker)


def the_trajectory(archive):
    """Read the only trajectory of an archive."""
    (stored,) = archive.database["trajectories"].find()
    return archive.get(Trajectory, stored["_id"])


def read(archive):
    """Read the arrays of the only trajectory."""
    pieces = list(read_segments(archive, the_trajectory(archive)))
    return {name: np.concatenate([one[name] for one in pieces]) for name in SEGMENT_ARRAYS}


def assert_same(one, other):
    """Compare two runs; electrons start anew in each run of VASP, and need more iterations then."""
    for name in set(SEGMENT_ARRAYS) - {"scf_iterations"}:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-10, err_msg=name)


def rejections(archive):
    """Read the reasons of rejections, by frame."""
    found = (Rejection.from_stored(one) for one in archive.database["rejections"].find())
    return {one.frame_id: one.reason for one in found}


def assert_invariants(archive, asked=()):
    """Check what must hold after every fault."""
    for stored in archive.database["trajectories"].find():
        trajectory = archive.get(Trajectory, stored["_id"])
        steps = [one["step"] for one in read_segments(archive, trajectory)]
        ends = [(segment.first_step, segment.last_step) for segment in trajectory.segments]
        assert [(int(one[0]), int(one[-1])) for one in steps] == ends
        together = np.concatenate(steps) if steps else np.array([])
        assert together.tolist() == list(range(1, trajectory.n_steps + 1))
    frames = [Frame.from_stored(one) for one in archive.database["frames"].find()]
    assert len({frame.id for frame in frames}) == len(frames)
    assert all(frame.compute_id() == frame.id for frame in frames)
    labels = [Label.from_stored(one) for one in archive.database["labels"].find()]
    pairs = [(one.frame_id, one.recipe_id) for one in labels]
    assert len(set(pairs)) == len(pairs)
    refused = rejections(archive)
    assert all(refused.values())
    if asked:
        accepted = {one.frame_id for one in labels}
        assert accepted.isdisjoint(refused)
        assert accepted | set(refused) == set(asked)


def processes_in(folder):
    """List the processes that work in a folder or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder) and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found
