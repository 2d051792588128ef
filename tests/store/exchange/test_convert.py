"""Conversion: complete and finite labels, or a refusal that names the frame."""

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


SIX = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


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
