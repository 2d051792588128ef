"""Laws before any data, and the sizes they are of."""

import numpy as np
import pytest

from tm23flows.science import cost_laws
from tm23flows.science.cost_laws import Law, plane_waves

LAWS = {name: law for name, law in vars(cost_laws).items() if isinstance(law, Law)}


@pytest.mark.parametrize("name", LAWS)
def test_everything_grows_with_size_and_nobody_is_sure_how(name):
    assert all(mean > 0 and deviation > 0 for mean, deviation in LAWS[name].exponents.values())


def test_a_cell_of_twice_the_size_costs_between_four_and_eight_times_as_much():
    exponents = cost_laws.PLANE_WAVES.exponents
    together = exponents["electrons"][0] + exponents["plane_waves"][0]
    assert 2 <= together <= 3


def test_plane_waves_fill_the_sphere():
    volume, cutoff = 340.0, 300.0
    edge = volume ** (1 / 3)
    reach = np.arange(-60, 61) * 2 * np.pi / edge
    x, y, z = np.meshgrid(reach, reach, reach)
    counted = (3.80998 * (x**2 + y**2 + z**2) < cutoff).sum()
    assert plane_waves(volume, cutoff) == pytest.approx(counted, rel=0.02)
