"""The text of a card: every number of the card is on it, and what is unknown is said."""

import pytest

from tm23flows.cli.dataset_card import card_lines
from tm23flows.store.datasets.cards import dataset_card


@pytest.fixture
def card(emt_archive):
    return dataset_card(emt_archive, emt_archive.dataset("Cu-demo"))


def test_a_card_as_text(card):
    text = "\n".join(card_lines(card))
    assert card["id"] in text
    for line in (
        "labels        24 (Cu 24)",
        "  train       18 (cold 6, warm 6, melt 6)",
        "split         fraction (min_gap_fs=7.5, train_fraction=0.75)",
        "energy        free",
        "temperature   melt: 1697.5 K",
        "smallest gap in time 15 fs, 7.5 fs required",
    ):
        assert line in text
    assert "emt none, k-mesh 3x3x3, sigma 0.2 eV" in text
    assert text.count("run too short to be sure") == 6
    times = [run["forces"]["autocorrelation_time_fs"] for run in card["runs"]]
    assert all(f"(tau = {time:g} fs)" in text for time in times)
    assert f"effective     {card['effective_size']['energy']:g} energies" in text


def test_what_is_unknown_or_missing_is_said(card):
    (recipe,) = card["recipes"]
    card |= {
        "recipes": [{**recipe, "kmesh": None, "sigma_eV": None, "electron_shift": -3.0}],
        "temperatures_K": {"unknown": []},
        "pair_of": "f" * 64,
        "facts": {
            "n_left_out": 2,
            "missing": {"cold": 1},
            "kept_every": {"a" * 64: 3},
            "n_without_pair": 1,
            "n_without_step": 6,
        },
        "leak_check": {
            "passed": True,
            "required_gap_fs": None,
            "smallest_gap_fs": None,
            "n_without_time": 5,
        },
    }
    card["runs"][0] |= {"energy": None, "forces": None}
    text = "\n".join(card_lines(card))
    for words in (
        "k-mesh unknown, sigma unknown, electron shift -3",
        "unknown: not known",
        "pair of       ffff",
        "left out      2 labels",
        "missing       1 of cold",
        "every 3. frame of aaaa",
        "missing       1 frames without a label",
        "order         6 frames say no step",
        "no run has frames in two parts; 5 frames without a time",
        "too few frames to tell",
    ):
        assert words in text


def test_a_card_without_correlations_says_nothing_of_them(emt_archive):
    card = dataset_card(emt_archive, emt_archive.dataset("Cu-demo"), correlations=False)
    assert "independent" not in "\n".join(card_lines(card))
