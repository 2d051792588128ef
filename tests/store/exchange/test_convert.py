"""Conversion: units against independent numbers, signs and orders against physics."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.errors import InputError
from tm23flows.store.exchange.convert import Raw, to_pair
from tm23flows.store.exchange.declaration import declare

WORDS = {"energy": "free", "energy_unit": "eV", "force_unit": "eV/A"}
CELL = [[2.0, 0, 0], [0, 3.0, 0], [0, 0, 4.0]]


def raw(**fields):
    given = {
        "where": "Frame 1",
        "numbers": [29, 29],
        "cell": CELL,
        "positions": [[0, 0, 0], [1, 1.5, 2]],
        "energies": {"free": -7.5},
        "forces": [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]],
    }
    return Raw(**{**given, **fields})


def convert(given, **words):
    declared = declare({**WORDS, **words})
    return to_pair(given, declared, declared.recipe("x"), Provenance.now(), "f" * 64)


def test_numbers_in_our_units_stay_bit_by_bit():
    frame, label = convert(raw())
    assert label.energies.model_dump(exclude_none=True) == {"free": -7.5}
    assert np.array_equal(label.forces, raw().forces)
    assert label.stress is None
    assert (frame.element, frame.origin) == ("Cu", "f" * 64)


@pytest.mark.parametrize(
    ("unit", "in_eV"),
    # CODATA: 1 Ha = 27.211386 eV, 1 Ry = half of it
    [("meV", 1e-3), ("Ha", 27.211386), ("Ry", 13.605693)],
)
def test_energies(unit, in_eV):
    _, label = convert(raw(), energy_unit=unit)
    assert label.energies.free == pytest.approx(-7.5 * in_eV, rel=1e-7)


@pytest.mark.parametrize(
    ("unit", "in_eV_per_A"),
    # CODATA: 1 bohr = 0.52917721 A
    [("meV/A", 1e-3), ("Ha/bohr", 27.211386 / 0.52917721), ("Ry/bohr", 13.605693 / 0.52917721)],
)
def test_forces(unit, in_eV_per_A):
    _, label = convert(raw(), force_unit=unit)
    assert label.forces == pytest.approx(np.array(raw().forces) * in_eV_per_A, rel=1e-7)


SIX = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("unit", "factor"),
    # 1 eV/A^3 = 160.21766 GPa; a virial in eV over the volume of 24 A^3
    [("eV/A^3", 1.0), ("GPa", 1 / 160.21766), ("kbar", 0.1 / 160.21766), ("eV", 1 / 24)],
)
@pytest.mark.parametrize(("sign", "turn"), [("tension", 1), ("compression", -1)])
def test_stress(unit, factor, sign, turn):
    words = {"stress_unit": unit, "stress_sign": sign, "stress_order": "xx yy zz xy yz zx"}
    _, label = convert(raw(stress=SIX), **words)
    expected = np.array([1, 2, 3, 5, 6, 4]) * factor * turn
    assert label.stress == pytest.approx(expected, rel=1e-6)


def test_a_full_tensor_needs_no_order():
    words = {"stress_unit": "eV/A^3", "stress_sign": "tension"}
    full = [[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]
    _, label = convert(raw(stress=full), **words)
    assert label.stress.tolist() == SIX
    with pytest.raises(InputError, match="stress of six numbers: declare their stress-order"):
        convert(raw(stress=SIX), **words)
    full[0][1] = 9.0
    with pytest.raises(InputError, match="not symmetric"):
        convert(raw(stress=full), **words)


def test_a_stress_is_declared_or_left_out():
    with pytest.raises(InputError, match="has a stress: declare its stress-unit"):
        convert(raw(stress=SIX))
    assert convert(raw(stress=SIX), stress="none")[1].stress is None
    said = {"stress_unit": "kbar", "stress_sign": "compression"}
    with pytest.raises(InputError, match="no stress, and one was declared"):
        convert(raw(), **said)
    assert convert(raw(may_lack_stress=True), **said)[1].stress is None


NAN = float("nan")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"forces": None}, "has no forces"),
        ({"forces": [[0, 0, 0]]}, r"forces of shape \(1, 3\), not \(2, 3\)"),
        ({"forces": [[0, 0, NAN], [0, 0, 0]]}, "NaN in its forces"),
        ({"forces": "many"}, "else than numbers in its forces"),
        ({"energies": {"free": None}}, "has no energy"),
        ({"energies": {"free": NAN}}, "NaN in its energy"),
        ({"energies": {"free": "low"}}, "else than numbers in its energy"),
        ({"positions": [[0, 0, 0]]}, "positions of shape"),
        ({"positions": [[0, 0, np.inf], [0, 0, 0]]}, "NaN in its positions"),
        ({"cell": None}, "has no cell"),
        ({"cell": np.zeros((3, 3))}, "periodic in three directions"),
        ({"cell": [[1, 0, 0], [0, 1, 0], [1, 1, 0]]}, "periodic in three directions"),
    ],
)
def test_what_is_no_label_is_refused(fields, why):
    with pytest.raises(InputError, match=f"Frame 1 .*{why}"):
        convert(raw(**fields))


@pytest.mark.parametrize("stress", [[NAN] * 6, [1.0] * 5])
def test_a_broken_stress_is_refused(stress):
    words = {"stress_unit": "kbar", "stress_sign": "tension", "stress_order": "xx yy zz yz xz xy"}
    with pytest.raises(InputError, match=r"NaN in its stress|stress of shape"):
        convert(raw(stress=stress), **words)


def test_facts_of_a_frame_stand_before_those_of_the_file():
    frame, label = convert(
        raw(facts={"temperature_K": 300.0, "tags": {"group": "Md"}}),
        regime="warm",
        temperature_K=999.0,
    )
    assert (frame.temperature_K, frame.regime, frame.tags) == (300.0, "warm", {"group": "Md"})
    assert label.temperature_K == 300.0
