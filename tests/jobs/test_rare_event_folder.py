"""Scores on a folder in the format of the authors; the numbers are those of the definition."""

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.errors import InputError
from tm23flows.jobs.rare_event_folder import (
    forces_of_label,
    score_folder,
    true_label,
)
from tm23flows.science.rare_events import rare_event_scores_of_frames
from tm23flows.store.exchange.rare_folder import read_rare_events
from tm23flows.store.exchange.rare_writer import RareFrame, write_rare_events

N_FRAMES = 6


@pytest.fixture
def found(tmp_path):
    frames = []
    for seed in range(N_FRAMES):
        atoms = bulk("Cu", cubic=True) * (1, 1, 2)
        atoms.rattle(0.1, seed=seed)
        forces = np.random.default_rng(seed).normal(0, 1, (len(atoms), 3))
        r = None if seed > 3 else [0.0, *[2.0] * 7]
        labels = {"DFT_K4": forces, "DFT_K1": forces * [1.0, 1.0, -0.5]}
        frames.append(RareFrame(atoms, {"DFT_K4": -1.0}, labels, r, r))
    write_rare_events(tmp_path / "RE", frames, {})
    return read_rare_events(tmp_path / "RE")


def test_another_label_is_scored_as_defined(found):
    assert true_label(found) == "DFT_K4"
    forces = forces_of_label(found, "DFT_K1")
    scored = score_folder(found, forces)
    wanted = rare_event_scores_of_frames(forces, forces_of_label(found, "DFT_K4"), found.data["r"])
    assert scored.errors == wanted
    assert (scored.errors.n_atoms, scored.errors.n_frames_with_event) == (4, 4)
    assert scored.errors.n_frames == N_FRAMES  # those without an event, too
    row = scored.intervals["re_m_error"]
    assert row["value"] == pytest.approx(wanted.re_m_error)
    assert row["low"] < row["value"] < row["high"]
    assert scored.as_dict()["lower_is_better"] is True


def test_the_truth_is_perfect_and_missing_frames_are_named(found):
    forces = forces_of_label(found, "DFT_K4")
    scored = score_folder(found, [None, *forces[1:]], {0: "it crashed"})
    assert (scored.errors.re_m_error, scored.errors.re_a_error) == (0, 0)
    assert scored.errors.n_atoms == 3
    assert scored.as_dict()["failures"] == {"0": "it crashed"}


def test_what_does_not_fit_is_refused(found):
    with pytest.raises(InputError, match="no forces of 'DFT_K2'; it has those of DFT_K4, DFT_K1"):
        forces_of_label(found, "DFT_K2")
    with pytest.raises(InputError, match="0 predictions of 6 frames"):
        score_folder(found, [])
    found.data["Forces"]["DFT_K1"][2].pop()
    with pytest.raises(InputError, match=r"Frame 2 .* has 8 atoms"):
        forces_of_label(found, "DFT_K1")
