"""The choice between points: the minimum force MAE wins, and conflicts are kept."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.science.grid_choice import Score, choose

MAE = st.one_of(
    st.none(), st.just(math.nan), st.just(math.inf), st.floats(0, 1), st.sampled_from([0.1, 0.2])
)
LIKELIHOOD = st.one_of(st.none(), st.just(math.nan), st.sampled_from([-5.0, 3.0, 9.0]))
SCORES = st.lists(st.builds(Score, MAE, LIKELIHOOD, MAE, st.just(200)), min_size=1, max_size=8)


def known(value):
    return value is not None and math.isfinite(value)


def test_the_minimum_force_error_wins_and_the_conflict_is_kept():
    scores = [
        Score(0.050, 1000.0, n_frames=200),
        Score(0.040, 1500.0, n_frames=200),
        Score(0.044, 1800.0, n_frames=200),
    ]
    choice = choose(scores)
    assert (choice.chosen, choice.by_likelihood, choice.by_validation) == (1, 2, None)
    (conflict,) = choice.conflicts
    assert (conflict.criterion, conflict.preferred) == ("likelihood", 2)
    assert (conflict.preferred_value, conflict.chosen_value) == (1800.0, 1500.0)
    assert (conflict.preferred_mae_eV_per_A, conflict.chosen_mae_eV_per_A) == (0.044, 0.040)
    assert conflict.cost_percent == pytest.approx(10)
    assert choice.notes == ()


def test_criteria_that_agree_are_no_conflict():
    assert choose([Score(0.05, 1.0), Score(0.04, 2.0)]).conflicts == ()


def test_frames_that_a_trainer_held_back_are_a_second_opinion():
    choice = choose(
        [Score(0.05, validation_mae_eV_per_A=0.03), Score(0.04, validation_mae_eV_per_A=0.06)]
    )
    assert (choice.chosen, choice.by_validation, choice.by_likelihood) == (1, 0, None)
    (conflict,) = choice.conflicts
    assert (conflict.criterion, conflict.preferred) == ("validation", 0)
    assert (conflict.preferred_value, conflict.chosen_value) == (0.03, 0.06)
    assert conflict.cost_percent == pytest.approx(25)


def test_equals_are_settled_by_the_other_criterion_and_then_by_order():
    # As of a two-body descriptor with two angular momenta: the same model twice.
    twins = [Score(0.05, 7.0), Score(0.05, 7.0), Score(0.06, 7.0)]
    assert choose(twins).chosen == choose(twins).by_likelihood == 0
    assert choose(twins).conflicts == ()
    likelier = choose([Score(0.05, 7.0), Score(0.05, 8.0)])
    assert (likelier.chosen, likelier.conflicts) == (1, ())
    better = choose([Score(0.06, 7.0), Score(0.05, 7.0)])
    assert (better.by_likelihood, better.conflicts) == (1, ())


def test_likelihoods_of_other_labels_are_not_compared():
    choice = choose([Score(0.04, 900.0, n_frames=180), Score(0.05, 1000.0, n_frames=200)])
    assert (choice.chosen, choice.by_likelihood, choice.conflicts) == (0, None, ())
    assert "different numbers of frames (180, 200)" in choice.notes[0]


def test_a_point_that_was_not_measured_is_chosen_by_nothing_but_mentioned():
    choice = choose([Score(None, 2000.0), Score(math.nan, 5.0), Score(0.05, 1000.0)])
    assert (choice.chosen, choice.by_likelihood) == (2, 2)
    assert "higher likelihood" in choice.notes[0]


def test_a_point_without_a_likelihood_is_said_and_is_no_conflict():
    choice = choose([Score(0.04, None), Score(0.05, 9.0)])
    assert (choice.chosen, choice.by_likelihood, choice.conflicts) == (0, 1, ())
    assert choice.notes == ("Points with a force error but without a likelihood: 1.",)


def test_nothing_is_chosen_from_nothing():
    for scores in ([], [Score(None)], [Score(math.nan, 5.0, 0.1)]):
        choice = choose(scores)
        assert choice.chosen is choice.by_likelihood is choice.by_validation is None
        assert choice.conflicts == ()


def test_the_cost_against_a_perfect_point_has_no_percent():
    (conflict,) = choose([Score(0.0, 1.0), Score(0.1, 2.0)]).conflicts
    assert conflict.cost_percent is None


@given(SCORES)
def test_whatever_the_scores_the_choice_has_the_smallest_force_error(scores):
    choice = choose(scores)
    forces = [one.force_mae_eV_per_A for one in scores]
    measured = [force for force in forces if known(force)]
    assert (choice.chosen is None) == (not measured)
    for preferred in (choice.chosen, choice.by_likelihood, choice.by_validation):
        assert preferred is None or known(forces[preferred])
    if measured:
        assert forces[choice.chosen] == min(measured)
    for conflict in choice.conflicts:
        assert conflict.preferred != choice.chosen
        assert conflict.preferred_mae_eV_per_A >= conflict.chosen_mae_eV_per_A
        assert conflict.cost_percent is None or conflict.cost_percent >= 0
        sign = 1 if conflict.criterion == "likelihood" else -1
        assert sign * conflict.preferred_value > sign * conflict.chosen_value


def seen(scores):
    """What each criterion sees at the point that it prefers."""
    choice = choose(scores)
    values = []
    for place in (choice.chosen, choice.by_likelihood):
        one = None if place is None else scores[place]
        likelihood = None if one is None or not known(one.log_likelihood) else one.log_likelihood
        values.append((None if one is None else one.force_mae_eV_per_A, likelihood))
    return values


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_the_points_decides_only_between_equals(scores, random):
    shuffled = list(scores)
    random.shuffle(shuffled)
    assert seen(shuffled) == seen(scores)


@given(SCORES, MAE)
def test_a_point_that_failed_changes_no_choice(scores, validation):
    failed = Score(None, None, validation, 200)
    assert choose([*scores, failed]).chosen == choose(scores).chosen
    assert choose([failed, *scores]).chosen == (
        None if choose(scores).chosen is None else choose(scores).chosen + 1
    )
