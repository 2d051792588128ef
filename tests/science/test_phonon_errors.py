"""Frequency errors: against sums over the whole mesh, and in cases whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.phonon_errors import frequency_errors, imaginary_modes

Q = np.array([[0.0, 0, 0], [0.5, 0, 0], [0.5, 0.5, 0]])
WEIGHTS = np.array([1, 3, 4])
REFERENCE = np.array([[0, 0, 0, 4, 4, 5], [1, 2, 3, 4, 5, 6], [2, 2, 3, 5, 6, 6]], dtype=float)


def test_a_shift_of_all_frequencies_is_its_own_error():
    found = frequency_errors(Q, WEIGHTS, REFERENCE - 0.25, REFERENCE)
    for one in found.values():
        assert one.mean_THz == pytest.approx(-0.25)
        assert one.mae_THz == one.rmse_THz == one.largest_THz == pytest.approx(0.25)
    assert found["all"].n_modes == 8 * 6 - 3
    assert found["acoustic"].n_modes == 7 * 3
    assert found["optical"].n_modes == 8 * 3


def test_errors_are_those_of_the_mesh_written_out():
    rng = np.random.default_rng(3)
    other = REFERENCE + rng.normal(0, 0.3, REFERENCE.shape)
    rows = np.repeat(np.arange(3), WEIGHTS)
    difference = (other - REFERENCE)[rows]
    size = REFERENCE[rows]
    found = frequency_errors(Q, WEIGHTS, other, REFERENCE)
    acoustic, optical = (difference[1:, :3], size[1:, :3]), (difference[:, 3:], size[:, 3:])
    for name, (off, of) in {"acoustic": acoustic, "optical": optical}.items():
        assert found[name].mae_THz == pytest.approx(np.abs(off).mean())
        assert found[name].rmse_THz == pytest.approx(np.sqrt((off**2).mean()))
        assert found[name].mean_THz == pytest.approx(off.mean())
        assert found[name].largest_THz == pytest.approx(np.abs(off).max())
        assert found[name].percent == pytest.approx(100 * np.abs(off).mean() / of.mean())
    both = np.concatenate([acoustic[0].ravel(), optical[0].ravel()])
    assert found["all"].mae_THz == pytest.approx(np.abs(both).mean())


def test_acoustic_frequencies_at_gamma_are_not_counted():
    other = REFERENCE.copy()
    other[0, :3] = -1.0
    found = frequency_errors(Q, WEIGHTS, other, REFERENCE)
    assert {one.largest_THz for one in found.values()} == {0.0}
    shifted = frequency_errors(Q + np.array([0, 0, 0.25]), WEIGHTS, other, REFERENCE)
    assert shifted["acoustic"].largest_THz == 1.0
    assert shifted["optical"].largest_THz == 0.0


def test_where_there_are_no_modes_there_is_no_error():
    one_atom = frequency_errors(Q, WEIGHTS, REFERENCE[:, :3], REFERENCE[:, :3])
    assert one_atom["optical"] is None
    assert one_atom["all"] == one_atom["acoustic"]
    at_gamma = frequency_errors(Q[:1], WEIGHTS[:1], REFERENCE[:1], REFERENCE[:1])
    assert at_gamma["acoustic"] is None
    zero = frequency_errors(Q, WEIGHTS, REFERENCE, np.zeros_like(REFERENCE))
    assert zero["all"].percent is None


@given(st.permutations(range(3)))
def test_the_order_of_wave_vectors_says_nothing(order):
    other = REFERENCE * 1.1 - 0.2
    straight = frequency_errors(Q, WEIGHTS, other, REFERENCE)
    order = list(order)
    mixed = frequency_errors(Q[order], WEIGHTS[order], other[order], REFERENCE[order])
    for name, one in straight.items():
        assert mixed[name].mae_THz == pytest.approx(one.mae_THz, rel=1e-12)
        assert mixed[name].rmse_THz == pytest.approx(one.rmse_THz, rel=1e-12)


def test_imaginary_modes_are_a_share_of_the_whole_mesh():
    found = REFERENCE.copy()
    found[2, 0] = -0.6
    found[0, 0] = -0.01  # what interpolation leaves at Gamma
    some = imaginary_modes(WEIGHTS, found)
    assert some.any
    assert some.share == pytest.approx(4 / 48)
    assert some.lowest_THz == -0.6
    none = imaginary_modes(WEIGHTS, REFERENCE)
    assert not none.any
    assert none.lowest_THz == 0.0
    assert imaginary_modes(WEIGHTS, found, limit_THz=0.7).share == 0


@pytest.mark.parametrize(
    ("points", "weights", "found"),
    [
        (Q[:2], WEIGHTS, REFERENCE),
        (Q, WEIGHTS[:2], REFERENCE),
        (Q, WEIGHTS * 0, REFERENCE),
        (Q, WEIGHTS, REFERENCE[:, :3]),
        (Q, WEIGHTS, REFERENCE + np.nan),
    ],
)
def test_what_does_not_belong_together_is_refused(points, weights, found):
    with pytest.raises(InputError):
        frequency_errors(points, weights, found, REFERENCE)
