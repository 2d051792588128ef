"""Errors of several label sets on the same frames: the numbers, the pairing, the judgement."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap, Estimate
from tm23flows.science.metrics import percent_error
from tm23flows.science.paired_errors import (
    NOISE_TAKEN_OUT,
    ForceSet,
    compare_sets,
    difference_of_changes,
    judge,
)

QUICK = Bootstrap(resamples=400, level=0.9)
N_FRAMES, N_ATOMS = 60, 7
COUNTS, RUNS = [N_ATOMS] * N_FRAMES, ["cold"] * 30 + ["melt"] * 30

UP, DOWN, BOTH = Estimate(2, 1, 3), Estimate(-2, -3, -1), Estimate(0.5, -1, 2)


def forces(seed=0):
    return np.random.default_rng(seed).normal(0, 0.6, (N_FRAMES * N_ATOMS, 3))


def noise(seed, size):
    return np.random.default_rng([seed, 9]).normal(0, size, (N_FRAMES * N_ATOMS, 3))


def compare(*errors, noises=None, bootstrap=QUICK):
    """Compare models whose errors are these; the labels are the same."""
    reference = forces()
    noises = noises or [0.0] * len(errors)
    sets = [
        ForceSet(reference + one, reference, rms) for one, rms in zip(errors, noises, strict=True)
    ]
    return compare_sets(sets, COUNTS, RUNS, bootstrap)


def test_the_numbers_are_those_of_the_metrics():
    reference, predicted = forces(), forces() + noise(1, 0.05)
    (one,) = compare_sets([ForceSet(predicted, reference, 0.01)], COUNTS, RUNS, QUICK).sets
    assert one.percent.value == pytest.approx(percent_error(predicted, reference))
    assert one.percent.low < one.percent.value < one.percent.high
    assert one.mae == pytest.approx(np.abs(predicted - reference).mean())
    assert one.rmse == pytest.approx(np.sqrt(((predicted - reference) ** 2).mean()))
    assert one.percent_rms.value == pytest.approx(100 * one.rmse / one.mav)
    left = np.sqrt(one.rmse**2 - NOISE_TAKEN_OUT * 0.01**2)
    assert one.percent_without_noise.value == pytest.approx(100 * left / one.mav)
    assert one.change is None


def test_the_size_of_the_labels_of_each_set_is_its_own():
    reference = forces()
    sets = [ForceSet(1.1 * scale * reference, scale * reference, 0.0) for scale in (1, 0.5)]
    found = compare_sets(sets, COUNTS, RUNS, QUICK)
    assert [one.percent.value for one in found.sets] == pytest.approx([10, 10])
    assert found.sets[1].change.percent.value == pytest.approx(0, abs=1e-9)


def test_what_makes_a_frame_hard_for_both_cancels_in_the_change():
    hard = np.repeat(np.random.default_rng(3).uniform(0.2, 3, N_FRAMES), N_ATOMS)[:, None]
    error = hard * noise(1, 0.05)
    found = compare(error, 0.9 * error)
    one, other = found.sets
    width = other.change.percent.high - other.change.percent.low
    assert width < 0.3 * (one.percent.high - one.percent.low)
    # Alone, the intervals overlap; as a pair they tell the two apart.
    assert other.percent.high > one.percent.low
    assert other.change.verdict == "falls"
    assert compare(0.9 * error, error).sets[1].change.verdict == "rises"


def test_two_models_of_the_same_error_are_not_told_apart():
    verdicts = [
        compare(noise(s, 0.05), noise(s + 500, 0.05)).sets[1].change.verdict for s in range(50)
    ]
    assert verdicts.count("unresolved") >= 38


def test_noise_that_one_set_has_and_the_other_has_not_is_called_noise():
    # The trap of the small mesh: the model is as good, the labels of the first set are worse, in
    # training and in the test.
    model, tested, learnt = noise(1, 0.045), noise(2, 0.07), 0.6 * noise(3, 0.07)
    trap = compare(model + tested + learnt, model, noises=[0.07, 0.0])
    assert trap.sets[1].change.percent.value < -3
    assert trap.sets[1].change.percent.sign == -1
    assert trap.sets[1].change.verdict == "noise"
    # The same numbers on labels that are known to be good are a fall.
    assert compare(model + tested + learnt, model, noises=[0.002, 0.002]).sets[
        1
    ].change.verdict == ("falls")
    # A fall that is larger than any noise stays one.
    large = compare(noise(1, 0.2) + tested, model, noises=[0.07, 0.0])
    assert large.sets[1].change.verdict == "falls"


def test_noise_of_a_baseline_can_only_strengthen_a_rise():
    assert (
        compare(noise(1, 0.05), noise(2, 0.1), noises=[0.03, 0.0]).sets[1].change.verdict == "rises"
    )


def test_noise_larger_than_the_error_leaves_nothing():
    found = compare(noise(1, 0.05), noise(2, 0.01), noises=[0.05, 0.05])
    assert found.sets[0].percent_without_noise.value == 0
    assert found.sets[1].change.verdict == "noise"


def small_study(seed, model, label_noise):
    """The verdict on nine test frames of three runs, the size of a study on a laptop.

    The noise is in the labels, and with a third of its mean square in the predictions; what is
    known of it comes from three frames.
    """
    random = np.random.default_rng(seed)
    labels = random.normal(0, 0.75, (63, 3))
    sets = []
    for error, rms in zip(model, label_noise, strict=True):
        seen = np.sqrt((random.normal(0, rms, 63) ** 2).mean())
        off = random.normal(0, error, (63, 3)) + random.normal(0, 0.6 * rms, (63, 3))
        sets.append(ForceSet(labels + off, labels + random.normal(0, rms, (63, 3)), seen))
    runs = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    return compare_sets(sets, [7] * 9, runs, QUICK).sets[1].change.verdict


@pytest.mark.parametrize(
    ("model", "label_noise", "verdict"),
    [
        ((0.06, 0.06), (0.07, 0.02), "noise"),
        ((0.06, 0.045), (0.005, 0.003), "falls"),
        ((0.05, 0.05), (0.005, 0.003), "unresolved"),
    ],
    ids=["the trap", "a fall", "nothing"],
)
def test_a_small_study_is_judged_rightly_most_of_the_time(model, label_noise, verdict):
    found = [small_study(seed, model, label_noise) for seed in range(60)]
    assert found.count(verdict) >= 50


def test_without_a_measured_noise_nothing_is_said():
    found = compare(noise(1, 0.2), noise(2, 0.05), noises=[None, 0.0])
    assert found.sets[0].percent_without_noise is None
    assert found.sets[1].percent_without_noise is not None
    change = found.sets[1].change
    assert change.percent.sign == -1
    assert (change.percent_without_noise, change.verdict) == (None, "unresolved")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ((DOWN, DOWN, DOWN), "falls"),
        ((UP, UP, UP), "rises"),
        ((DOWN, DOWN, BOTH), "noise"),
        ((DOWN, DOWN, UP), "noise"),
        ((UP, UP, DOWN), "noise"),
        ((DOWN, BOTH, BOTH), "unresolved"),
        ((DOWN, UP, DOWN), "unresolved"),
        ((BOTH, DOWN, DOWN), "unresolved"),
        ((DOWN, DOWN, None), "unresolved"),
        ((Estimate(-2), Estimate(-2), Estimate(-2)), "unresolved"),
    ],
)
def test_the_judgement(found, verdict):
    assert judge(*found) == verdict


def test_few_frames_have_no_interval_and_no_verdict():
    reference = forces()[: 3 * N_ATOMS]
    sets = [ForceSet(reference + 0.1, reference, 0.0), ForceSet(reference, reference, 0.0)]
    found = compare_sets(sets, [N_ATOMS] * 3, [0] * 3, QUICK)
    assert found.sets[0].percent.low is None
    assert found.sets[1].percent.value == 0
    assert (found.sets[1].change.verdict, found.sets[1].change.draws) == ("unresolved", None)


def test_a_seed_is_a_result_and_the_level_widens():
    first, again = (compare(noise(1, 0.05), noise(2, 0.06)) for _ in range(2))
    assert first.sets == again.sets
    wide = compare(noise(1, 0.05), noise(2, 0.06), bootstrap=Bootstrap(400, 0.99))
    assert wide.sets[1].change.percent.low < first.sets[1].change.percent.low


def test_changes_of_two_metals_are_compared_as_independent():
    strong, weak = compare(noise(1, 0.2), noise(2, 0.05)), compare(noise(3, 0.1), noise(4, 0.05))
    found = difference_of_changes(strong, weak, QUICK)
    expected = strong.sets[1].change.percent.value - weak.sets[1].change.percent.value
    assert found.percent.value == pytest.approx(expected)
    assert (found.percent.sign, found.verdict) == (-1, "falls")
    # The same draws of equal sets would cancel; of two metals they do not.
    same = difference_of_changes(strong, strong, QUICK)
    assert same.percent.high > 0.1
    assert same.verdict == "unresolved"
    alone = compare(noise(1, 0.1))
    assert difference_of_changes(alone, strong, QUICK) is None


def test_a_metal_with_noisier_labels_does_not_fall_more_for_that():
    # Both models get better; the first metal's labels do too, the second's were good before.
    tested = noise(5, 0.07)
    noisy = compare(noise(1, 0.1) + tested, noise(2, 0.06), noises=[0.07, 0.0])
    clean = compare(noise(3, 0.1), noise(4, 0.055))
    assert [one.sets[1].change.verdict for one in (noisy, clean)] == ["falls", "falls"]
    found = difference_of_changes(noisy, clean, QUICK)
    assert found.percent.sign == -1
    assert found.percent_without_noise.value > 0
    assert found.verdict == "noise"
    unknown = compare(noise(3, 0.1), noise(4, 0.055), noises=[None, 0.0])
    assert difference_of_changes(noisy, unknown, QUICK).verdict == "unresolved"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"noise_rms": -0.1}, "not negative"),
        ({"reference": np.zeros((N_FRAMES * N_ATOMS, 3))}, "undefined"),
        ({"reference": np.ones((3, 3))}, "do not fit"),
        ({"predicted": np.full((N_FRAMES * N_ATOMS, 3), np.inf)}, "not finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(fields, why):
    given = {"predicted": forces(), "reference": forces(), "noise_rms": 0.0}
    with pytest.raises(InputError, match=why):
        compare_sets([ForceSet(**{**given, **fields})], COUNTS, RUNS, QUICK)
    with pytest.raises(InputError, match="needs a set"):
        compare_sets([], COUNTS, RUNS, QUICK)
