"""Spectra of real calculations, and the refusal of those with too few bands."""

import numpy as np
import pytest
from ase.build import bulk

pytest.importorskip("gpaw")

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Failure, Setup, get_engine
from tm23flows.science.spectrum import EMPTY_BAND

pytestmark = pytest.mark.gpaw

SHIFTED = {"kmesh": (2, 2, 2), "kmesh_offset": (0.25, 0.25, 0.25)}
COPPER = bulk("Cu", "fcc", a=3.61)
TITANIUM = bulk("Ti", "hcp", a=2.95, c=4.68)


def label(folder, atoms, spectra=True, **fields):
    engine = get_engine("gpaw", folder, Setup(spectra=spectra))
    given = {"engine": "gpaw", "cutoff_eV": 300, **SHIFTED, **fields}
    recipe = engine.complete(Recipe(**given), atoms.get_chemical_symbols())
    return next(engine.label([atoms], recipe))


@pytest.mark.parametrize(("shift", "sigma"), [(0, 0.2), (-1, 1.0), (0.5, 2.0)])
def test_the_states_hold_the_electrons(tmp_path, shift, sigma):
    spectrum = label(tmp_path, COPPER, electron_shift=shift, sigma_eV=sigma).spectrum
    assert spectrum.electrons == pytest.approx(11 + shift)
    assert spectrum.counted_electrons == pytest.approx(spectrum.electrons, abs=1e-6)
    assert spectrum.eigenvalues_eV.shape[0] == 4
    np.testing.assert_allclose(spectrum.weights, 0.25)
    # Occupied below the Fermi level, empty above.
    away = (spectrum.eigenvalues_eV - spectrum.fermi_eV) / sigma
    np.testing.assert_allclose(spectrum.occupations[away < -4], 1, atol=1e-5)
    np.testing.assert_allclose(spectrum.occupations[away > 4], 0, atol=1e-5)
    assert (away < -1).any()
    assert (away > 4).any()


def test_only_those_who_ask_get_a_spectrum(tmp_path):
    assert label(tmp_path, COPPER, spectra=False).spectrum is None


def occupied(spectrum, channel):
    filled = (spectrum.occupations * spectrum.projections[..., channel]).sum(axis=1)
    return 2 * spectrum.weights @ filled


def test_ten_d_electrons_of_copper_lie_below_the_fermi_level(tmp_path):
    spectrum = label(tmp_path, COPPER).spectrum
    assert occupied(spectrum, 2) == pytest.approx(10, abs=0.7)
    d_weight = spectrum.projections[..., 2] * spectrum.weights[:, None]
    below = spectrum.eigenvalues_eV < spectrum.fermi_eV
    bound = spectrum.eigenvalues_eV < spectrum.fermi_eV + 5
    assert d_weight[below].sum() / d_weight[bound].sum() > 0.9


def test_d_states_of_titanium_lie_on_both_sides(tmp_path):
    spectrum = label(tmp_path, TITANIUM).spectrum
    d_weight = spectrum.projections[..., 2] * spectrum.weights[:, None]
    near = np.abs(spectrum.eigenvalues_eV - spectrum.fermi_eV) < 6
    below = spectrum.eigenvalues_eV < spectrum.fermi_eV
    share = d_weight[near & below].sum() / d_weight[near].sum()
    assert 0.1 < share < 0.6


def test_projections_are_those_of_gpaw(tmp_path):
    """GPAW's own projected density of states of one atom, made from the same states."""
    engine = get_engine("gpaw", tmp_path)
    recipe = engine.complete(Recipe(engine="gpaw", cutoff_eV=300, **SHIFTED), ["Cu"])
    atoms = COPPER.copy()
    atoms.calc = engine.calculator(recipe)
    atoms.get_potential_energy()
    spectrum = engine.spectrum(atoms)
    energies, width = np.linspace(-8, 8, 41), 0.3
    away = energies - (spectrum.eigenvalues_eV - spectrum.fermi_eV)[..., None]
    # GPAW's Gaussian is exp(-(e / width)^2).
    peaks = np.exp(-((away / width) ** 2)) / (np.sqrt(np.pi) * width)
    for channel in range(3):
        ours = 2 * np.einsum(
            "k,kb,kbe->e", spectrum.weights, spectrum.projections[..., channel], peaks
        )
        theirs = atoms.calc.dos().raw_pdos(energies, a=0, l=channel, width=width)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_too_few_bands_reject_the_label_with_a_next_step(tmp_path):
    few, many = (
        label(tmp_path, TITANIUM, sigma_eV=2.0, options={"nbands": one}) for one in ("120%", "200%")
    )
    assert isinstance(few, Failure)
    assert "raise nbands" in few.reason
    assert np.abs(many.spectrum.occupations[:, -1]).max() < EMPTY_BAND
