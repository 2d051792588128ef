"""The spectrum: what fits together, and its way through arrays."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.spectrum import Spectrum

ARRAYS = {
    "eigenvalues_eV": np.array([[-1.0, 0.5, 3.0], [-2.0, 1.0, 2.5]]),
    "weights": np.array([0.25, 0.75]),
    "occupations": np.array([[1.0, 0.5, 0.0], [1.02, -0.02, 0.0]]),
    "projections": np.full((2, 3, 3), 0.3),
    "fermi_eV": np.array(0.25),
    "electrons": np.array(2.25),
}


def test_electrons_are_counted_by_weight_and_occupation():
    found = Spectrum.from_arrays(ARRAYS)
    assert found.counted_electrons == pytest.approx(2 * (0.25 * 1.5 + 0.75 * 1.0))
    assert found.complete_up_to_eV == 2.5


def test_through_arrays_and_back():
    found = Spectrum.from_arrays(ARRAYS)
    again = Spectrum.from_arrays(found.to_arrays())
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(getattr(again, name), array)
    assert isinstance(again.fermi_eV, float)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weights": np.array([0.5, 0.6])}, "sum to 1.1"),
        ({"weights": np.array([1.0])}, "weights"),
        ({"occupations": np.ones((2, 2))}, "occupations"),
        ({"projections": np.ones((2, 3, 4))}, "projections"),
        ({"eigenvalues_eV": np.ones((0, 3))}, "k-points and bands"),
        ({"fermi_eV": np.array(np.nan)}, "finite"),
        ({"projections": np.full((2, 3, 3), np.inf)}, "finite"),
    ],
)
def test_what_does_not_fit_is_refused(change, word):
    with pytest.raises(InputError, match=word):
        Spectrum.from_arrays({**ARRAYS, **change})


def test_a_missing_field_is_named():
    with pytest.raises(InputError, match="occupations"):
        Spectrum.from_arrays({k: v for k, v in ARRAYS.items() if k != "occupations"})
