"""``tm23 rare-events``: scores of folders, and the events of a study as a folder."""

from dataclasses import asdict

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.documents.learning_curve import Resampling
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_sets import make_event_set
from tm23flows.jobs.studies.rare_events import make_rare_event_study
from tm23flows.science.event_rule import EventRule
from tm23flows.store.exchange.rare_writer import RareFrame, write_rare_events


@pytest.fixture
def folder(tmp_path):
    """Frames in which the forces of one label are opposite to the true ones on the RE atom."""
    frames = []
    for seed in range(5):
        atoms = bulk("Cu", cubic=True) * (1, 1, 2)
        atoms.rattle(0.1, seed=seed)
        forces = np.random.default_rng(seed).normal(0, 1, (len(atoms), 3))
        r = None if seed == 4 else [0.0, *[2.0] * 7]
        opposite = forces.copy()
        opposite[0] *= -1
        labels = {"DFT_K4": forces, "DFT_K1": opposite}
        frames.append(RareFrame(atoms, {"DFT_K4": -1.0}, labels, r, r))
    write_rare_events(tmp_path / "RE", frames, {})
    return tmp_path / "RE"


def test_cheap_dft_is_scored_against_the_truth(tm23, folder):
    scored = tm23("rare-events", "score", "--data", folder, "--reference", "DFT_K1", "--json").json
    assert (scored["re_m_error"], scored["re_f_error_eV_per_A"]) == (0, 0)
    assert scored["re_a_error"] == pytest.approx(1)
    assert (scored["n_atoms"], scored["n_frames"], scored["n_frames_with_event"]) == (4, 5, 4)
    said = tm23("rare-events", "score", "--data", folder / "DATA.json", "--reference", "DFT_K1")
    assert "4 atoms in the middle of a hop in 4 of 5 frames" in said.out
    assert "lower is better" in said.out
    assert "RE_A, direction: 1.0000" in said.out


def test_a_stored_model_is_scored(tm23, archive, folder):
    model = store_calculator(archive, {"calculator": "ase.calculators.emt:EMT"})
    scored = tm23("rare-events", "score", "--data", folder, "--model", model.id[:10], "--json").json
    assert scored["predictor"] == f"calculator {model.id[:12]}"
    assert scored["failures"] == {}
    assert 0 < scored["re_m_error"] <= 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Give --model"),
        (["--model", "abcdef", "--reference", "DFT_K1"], "Give --model"),
        (["--reference", "DFT_K2"], "has no forces of 'DFT_K2'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(tm23, folder, words, why):
    ran = tm23("rare-events", "score", "--data", folder, *words)
    assert ran.code == 2
    assert why in ran.err


def test_the_events_of_a_study_are_written_and_scored(
    tm23, archive, walking_vacancy, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rule = asdict(EventRule(persistence_fs=60))
    found = find_rare_events.original(walking_vacancy().id, rule, 100, 50)
    frames = make_event_set.original("events", found, [], rule)
    settings = {
        "events": rule, "gap_fs": 50.0,
        "resampling": Resampling(resamples=100).model_dump(mode="json"),
    }  # fmt: skip
    wired = {"found": found, "set": frames, "models": [], "cheap": []}
    study = make_rare_event_study.original({"Cu": wired}, settings)["study_id"]
    assert tm23("rare-events", "write", study[:12], tmp_path / "RE").code == 0
    # Without a bar the truth is scored against itself.
    ran = tm23("rare-events", "score", "--data", tmp_path / "RE", "--reference", "DFT_K4", "--json")
    assert ran.json["re_m_error"] == 0
    assert ran.json["n_atoms"] == 24
    assert ran.json["n_frames"] == 27
    refused = tm23("rare-events", "write", study[:12], tmp_path / "RE")
    assert "is not empty" in refused.err
    assert "Say which metal" in tm23("rare-events", "write", study, "x", "--metal", "Au").err
    assert "not of a study" in tm23("rare-events", "write", found["dataset_id"], "x").err
