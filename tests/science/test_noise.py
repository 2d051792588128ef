"""Label noise between two recipes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import error_table
from tm23flows.science.noise import label_noise

N_ATOMS = np.array([2, 3, 2])


def labels(shift_eV_per_atom=0.0, seed=0):
    random = np.random.default_rng(seed)
    energies = N_ATOMS * (-4 + random.normal(size=3) + shift_eV_per_atom)
    forces, stresses = random.normal(size=(7, 3)), random.normal(size=(3, 6))
    return LabelArrays(energies, N_ATOMS, forces, stresses)


@given(st.floats(-10, 10))
def test_a_constant_per_atom_is_an_offset_and_not_noise(shift):
    noise = label_noise(labels(shift), labels())
    assert noise.energy_offset_eV_per_atom == pytest.approx(shift, abs=1e-12)
    assert noise.errors.energy.mae == pytest.approx(0, abs=1e-12)
    assert noise.errors.force.mae == 0


def test_forces_and_stresses_are_compared_as_they_are():
    noise, plain = label_noise(labels(seed=1), labels()), error_table(labels(seed=1), labels())
    assert noise.errors.force == plain.force
    assert noise.errors.stress == plain.stress
    assert noise.errors.energy.mav == plain.energy.mav


def test_energy_noise_by_hand():
    zeros = np.zeros((2, 3))
    first = LabelArrays([1.0, 4.0], [1, 1], zeros)
    second = LabelArrays([0.0, 1.0], [1, 1], zeros)
    noise = label_noise(first, second)
    assert noise.energy_offset_eV_per_atom == 2
    assert noise.errors.energy.mae == 1
    assert noise.errors.energy.mav == 0.5
    assert noise.errors.energy.percent == 200
    assert noise.errors.force.percent is None
    assert noise.errors.stress is None


def test_unmatched_sets_are_refused():
    with pytest.raises(InputError, match="same frames"):
        label_noise(labels(), LabelArrays([1.0], [1], np.zeros((1, 3))))
