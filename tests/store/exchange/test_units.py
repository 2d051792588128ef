"""Units, signs and orders, against independent numbers."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.declaration import declare
from tm23flows.store.exchange.units import energy_factor, finite, force_factor, to_ase_stress

WORDS = {"energy": "free", "energy_unit": "eV", "force_unit": "eV/A"}
SIX = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_our_own_units_change_nothing():
    declared = declare(WORDS)
    assert (energy_factor(declared), force_factor(declared)) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("unit", "in_eV"),
    # CODATA: 1 Ha = 27.211386 eV, 1 Ry = half of it
    [("meV", 1e-3), ("Ha", 27.211386), ("Ry", 13.605693)],
)
def test_energies(unit, in_eV):
    assert energy_factor(declare({**WORDS, "energy_unit": unit})) == pytest.approx(in_eV, rel=1e-7)


@pytest.mark.parametrize(
    ("unit", "in_eV_per_A"),
    # CODATA: 1 bohr = 0.52917721 A
    [("meV/A", 1e-3), ("Ha/bohr", 27.211386 / 0.52917721), ("Ry/bohr", 13.605693 / 0.52917721)],
)
def test_forces(unit, in_eV_per_A):
    factor = force_factor(declare({**WORDS, "force_unit": unit}))
    assert factor == pytest.approx(in_eV_per_A, rel=1e-7)


def stress(values, **words):
    return to_ase_stress("Frame 1", values, declare({**WORDS, **words}), 24.0)


@pytest.mark.parametrize(
    ("unit", "factor"),
    # 1 eV/A^3 = 160.21766 GPa; a virial in eV over the volume of 24 A^3
    [("eV/A^3", 1.0), ("GPa", 1 / 160.21766), ("kbar", 0.1 / 160.21766), ("eV", 1 / 24)],
)
@pytest.mark.parametrize(("sign", "turn"), [("tension", 1), ("compression", -1)])
def test_stress(unit, factor, sign, turn):
    words = {"stress_unit": unit, "stress_sign": sign, "stress_order": "xx yy zz xy yz zx"}
    expected = np.array([1, 2, 3, 5, 6, 4]) * factor * turn
    assert stress(SIX, **words) == pytest.approx(expected, rel=1e-6)


def test_a_full_tensor_needs_no_order():
    words = {"stress_unit": "eV/A^3", "stress_sign": "tension"}
    full = [[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]
    assert stress(full, **words).tolist() == SIX
    assert stress(np.ravel(full), **words).tolist() == SIX
    with pytest.raises(InputError, match="stress of six numbers: declare their stress-order"):
        stress(SIX, **words)
    full[0][1] = 9.0
    with pytest.raises(InputError, match="not symmetric"):
        stress(full, **words)


def test_numbers_are_whole_and_finite():
    assert finite("x", "forces", [[1, 2, 3]], (1, 3)).dtype == np.float64
    for values, why in (
        (None, "x has no forces"),
        (["a"], "else than numbers"),
        ([np.nan], "NaN"),
        ([1.0], "shape"),
    ):
        with pytest.raises(InputError, match=why):
            finite("x", "forces", values, (1, 3))
