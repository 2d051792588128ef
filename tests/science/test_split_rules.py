"""Every rule by its name, with options as numbers or as text."""

import pytest

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science.moments import Moment
from tm23flows.science.split_rules import RULES, apply_rule, read_options

PAPER = [
    Moment(f"{T} {n}", f"f {T} {n}", T, T, 5045.0 + 50 * n, f"{T}{n // 90}" if n % 90 < 3 else None)
    for T in ("cold", "warm", "melt")
    for n in range(1000)
]


def counts(rule, **options):
    return {name: split.counts for name, split in apply_rule(PAPER, rule, options).items()}


def first_part(moments, rule, **options):
    split = next(iter(apply_rule(moments, rule, options).values()))
    return split.parts["train"]


def test_the_papers_five_by_name():
    assert counts("full") == {"": {"train": 2700, "test": 300}}
    assert counts("transfer") == {"": {"train": 1000, "test_warm": 1000, "test_melt": 1000}}
    curve = counts("learning-curve")
    assert list(curve) == ["-100", "-300", "-500", "-700", "-900"]
    assert curve["-300"] == {"train": 300, "test": 100}
    assert counts("grid") == {"": {"train": 200, "test": 100}}
    assert counts("finite-size") == {"": {"train": 200, "test": 50}}


def test_one_temperature_is_the_melt_unless_asked():
    for rule in ("learning-curve", "finite-size"):
        assert first_part(PAPER, rule)[0] == "melt 0"
        assert first_part(PAPER, rule, temperature="warm")[0] == "warm 0"
        cold = [one for one in PAPER if one.temperature == "cold"]
        assert first_part(cold, rule)[0] == "cold 0"
        with pytest.raises(TooFewFramesError, match="set temperature to one of cold, warm"):
            apply_rule(PAPER, rule, {"temperature": "hot"})


def test_a_learning_curve_of_all_temperatures_has_as_many_of_each_and_tests_the_last_of_each():
    options = {"temperature": "all", "sizes": (3, 30, 2700)}
    curve = apply_rule(PAPER, "learning-curve", options)
    assert list(curve) == ["-3", "-30", "-2700"]
    small, middle, whole = (one.parts for one in curve.values())
    assert small["train"] == ("cold 0", "warm 0", "melt 0")
    assert (
        middle["train"] == whole["train"][:30]
    )  # models grow: each set begins with the one before
    for name in ("cold", "warm", "melt"):
        assert sum(one.startswith(name) for one in middle["train"]) == 10
    full = apply_rule(PAPER, "full", {})[""].parts
    assert {one["test"] for one in (small, middle, whole)} == {full["test"]}
    assert set(whole["train"]) == set(full["train"])
    with pytest.raises(TooFewFramesError, match="needs 3001 frames of the trajectory"):
        apply_rule(PAPER, "learning-curve", {"temperature": "all", "sizes": 2701})
    with pytest.raises(TooFewFramesError, match="needs 1001 frames of cold"):
        apply_rule(PAPER, "learning-curve", {"temperature": "all", "n_test": 1000})


def test_our_own_rules_by_name():
    assert set(RULES) == {
        "full", "transfer", "learning-curve", "grid", "finite-size", "fraction", "block",
        "temperature", "event", "transfer-matrix",
    }  # fmt: skip
    assert counts("temperature", train="cold, warm", test=["melt"])[""] == {
        "train": 2000, "test": 1000,
    }  # fmt: skip
    assert set(counts("block", validation="1")[""]) == {"train", "validation", "test"}
    assert set(counts("event", others="rest")[""]) == {"train", "test", "rest"}
    assert counts("fraction", train_fraction="0.5")[""] == {"train": 1500, "test": 1500}


def test_options_are_read_from_text():
    assert read_options("full", {"n_train": "9", "n_test": 1.0}) == {"n_train": 9, "n_test": 1}
    assert read_options("learning-curve", {"sizes": "1,3"}) == {"sizes": (1, 3)}
    assert read_options("learning-curve", {"sizes": 7}) == {"sizes": (7,)}
    assert read_options("transfer", {"n_frames": "all"}) == {"n_frames": None}


@pytest.mark.parametrize(
    ("rule", "options", "why"),
    [
        ("random", {}, "choose one of"),
        ("full", {"colour": 1}, "no such option: colour; it takes n_train"),
        ("full", {"n_train": "many"}, "n_train of the split 'full' is a number"),
        ("full", {"n_train": 1.5}, "whole number"),
        ("full", {"n_train": True}, "is a number"),
        ("full", {"n_train": float("nan")}, "whole number"),
        ("full", {"n_train": float("inf")}, "whole number"),
        ("full", {"n_train": [1]}, "is a number"),
        ("learning-curve", {"sizes": "1,x"}, "is a number"),
        ("learning-curve", {"sizes": None}, "sizes of the split"),
        ("temperature", {"train": "cold,"}, "no list of names"),
        ("temperature", {"train": 3}, "no list of names"),
        ("block", {"block_fs": "nan"}, "positive"),
        ("event", {"gap_fs": "nan"}, "no length of time"),
        ("event", {"test_fraction": "nan"}, "between 0 and 1"),
        ("fraction", {"train_fraction": "nan"}, "between 0 and 1"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_in_one_sentence(rule, options, why):
    with pytest.raises(InputError, match=why) as caught:
        apply_rule(PAPER, rule, options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "options"),
    [("finite-size", {"n_train": 3, "n_test": 2}), ("learning-curve", {"sizes": 3, "n_test": 2})],
)
def test_frames_of_two_runs_are_no_sequence(rule, options):
    def run_of(name, times):
        return [Moment(f"{name}{t}", f"{name}{t}", "melt", name, 5.0 * t) for t in times]

    both = [*run_of("a", range(4)), *run_of("b", range(4))]
    with pytest.raises(InputError, match="are of 2: ask for one with trajectory=a or"):
        apply_rule(both, rule, options)
    (split,) = apply_rule(run_of("a", range(8)), rule, options).values()
    assert split.counts == {"train": 3, "test": 2}
    # Two files whose frames say no time may well be one run.
    untimed = [Moment(m.id, m.frame, m.temperature, m.run) for m in both]
    assert apply_rule(untimed, rule, options)
