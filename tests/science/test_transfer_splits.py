"""The split for every training temperature against every test temperature."""

import pytest

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.moments import Moment
from tm23flows.science.paper_splits import full_split
from tm23flows.science.split_rules import apply_rule
from tm23flows.science.splits import fraction_split
from tm23flows.science.transfer_splits import transfer_matrix_split

PAPER = {T: [f"{T} {n}" for n in range(1000)] for T in ("cold", "warm", "melt")}


def test_the_papers_numbers_are_the_default():
    found = transfer_matrix_split(PAPER)
    assert found.counts == {
        f"{what}_{T}": n for T in PAPER for what, n in (("train", 900), ("test", 100))
    }
    assert found.options == {"n_train": 900, "n_test": 100}


def test_together_the_parts_are_those_of_the_split_of_all_temperatures():
    for options, whole in (
        ({"n_train": 30, "n_test": 7}, full_split(PAPER, 30, 7)),
        ({"train_fraction": 0.75}, fraction_split(PAPER, 0.75)),
    ):
        found = transfer_matrix_split(PAPER, **options)
        for what in ("train", "test"):
            joined = [one for T in PAPER for one in found.parts[f"{what}_{T}"]]
            assert tuple(joined) == whole.parts[what]
        assert found.options == whole.options


def test_missing_frames_are_allowed_and_said():
    frames = {**PAPER, "melt": PAPER["melt"][:995]}
    with pytest.raises(TooFewFramesError, match="of melt"):
        transfer_matrix_split(frames)
    found = transfer_matrix_split(frames, allow_missing=10)
    assert (len(found.parts["train_melt"]), len(found.parts["test_melt"])) == (895, 100)
    assert found.missing == {"melt": 5}


@pytest.mark.parametrize(
    ("frames", "options", "why"),
    [
        ({"cold": PAPER["cold"]}, {}, "two temperatures"),
        ({}, {}, "no frames"),
        (PAPER, {"n_train": 3, "train_fraction": 0.5}, "not both"),
        (PAPER, {"train_fraction": 1.5}, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(frames, options, why):
    with pytest.raises(InputError, match=why):
        transfer_matrix_split(frames, **options)


def test_it_is_a_rule_by_name_with_options_as_text():
    moments = [
        Moment(one, one, T, T, 5.0 * n) for T, ids in PAPER.items() for n, one in enumerate(ids)
    ]
    made = apply_rule(moments, "transfer-matrix", {"n_train": "4", "n_test": "2"})[""]
    assert made.counts["train_warm"] == 4
    half = apply_rule(moments, "transfer-matrix", {"train_fraction": "0.5"})[""]
    assert half.counts["test_cold"] == 500
