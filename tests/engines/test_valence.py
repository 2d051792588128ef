"""Electrons of an atom, for each engine's dataset."""

import pytest

from tm23flows.engines.gpaw_setups import electrons_of_dataset
from tm23flows.engines.valence import valence_electrons
from tm23flows.errors import InputError
from tm23flows.science.metals import METALS


@pytest.mark.parametrize(
    ("element", "dataset", "electrons"),
    [
        ("Cu", None, 17),  # Cu_pv
        ("Cu", "PAW_PBE Cu 22Jun2005", 11),
        ("Ti", "PAW_PBE Ti_pv 07Sep2000 sha256:0123", 10),
        ("Ti", "Ti_sv", 12),
        ("Hg", "Hg", 12),
        ("Xx", None, None),
    ],
)
def test_a_title_of_vasp_says_how_many(element, dataset, electrons):
    assert valence_electrons("vasp", element, dataset) == electrons


def test_gpaw_says_it_itself():
    pytest.importorskip("gpaw")
    assert valence_electrons("gpaw", "Cu") == electrons_of_dataset("Cu") == 11
    assert valence_electrons("gpaw", "Ti") == 12
    with pytest.raises(InputError, match="GPAW has no"):
        electrons_of_dataset("Og")


@pytest.mark.parametrize("metal", METALS)
def test_every_metal_has_electrons_in_vasp(metal):
    assert 3 <= valence_electrons("vasp", metal) <= 18


@pytest.mark.parametrize("engine", ["emt", "model"])
def test_potentials_have_none(engine):
    assert valence_electrons(engine, "Cu") is None
