"""Densities of states of real calculations: electrons counted, late and early metals told apart."""

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.frame import Frame
from tm23flows.documents.study import Study
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.studies.dos import make_dos_study
from tm23flows.science.density_of_states import D_WINDOW_EV, density_of_states, energy_grid
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_primitive
from tm23flows.science.spectrum import Spectrum

pytest.importorskip("gpaw")
pytestmark = [pytest.mark.gpaw, pytest.mark.slow]

MESHES = {"Ti": [4, 4, 3], "Cu": [4, 4, 4], "Au": [4, 4, 4]}


def frame_of(element):
    """One primitive cell, its atoms moved a little."""
    atoms = build_primitive(metal(element))
    atoms.rattle(0.03, seed=1)
    return Frame(
        provenance=Provenance.now(),
        element=element,
        regime="melt",
        temperature_K=None,
        trajectory_id=None,
        origin="a test",
        step=None,
        time_fs=None,
        numbers=atoms.numbers.tolist(),
        cell=atoms.cell.array,
        positions=atoms.positions,
    )


def density(archive, element, bands="200%", **fields):
    """Label a frame with its spectrum; return what a study is told, the document, the states."""
    frame = frame_of(element)
    archive.put(frame)
    recipe = {
        "engine": "gpaw", "cutoff_eV": 300, "kmesh": MESHES[element],
        "options": {"nbands": bands}, **fields,
    }  # fmt: skip
    out = label_frames([frame.id], [recipe], 0, 0, spectra=True)
    assert (out["accepted"], out["spectra"]) == (1, 1)
    dos = archive.get(DensityOfStates, dos_id(frame.id, out["recipe_id"], D_WINDOW_EV))
    told = {
        "element": element, "dataset_id": None, "frame_ids": [frame.id],
        "recipe_ids": [out["recipe_id"]], "convergence_id": None,
    }  # fmt: skip
    return told, dos, Spectrum.from_arrays(archive.blobs.get_arrays(dos.spectrum))


def test_late_metals_have_their_d_states_below_and_early_ones_on_both_sides(archive):
    told = [density(archive, element)[0] for element in ("Ti", "Cu", "Au")]
    out = make_dos_study.original(told, {"width_eV": 0.2})
    rows = {row.element: row for row in archive.get(Study, out["study_id"]).results.metals}
    for element in ("Cu", "Au"):
        assert rows[element].d_below_fermi > 0.9
        assert rows[element].d_band_centre_eV < -2
    assert 0.1 < rows["Ti"].d_below_fermi < 0.5
    assert rows["Ti"].d_band_centre_eV > 0.5
    for row in rows.values():
        assert row.window_complete
        (frame,) = row.frames
        assert frame.integrated_electrons == pytest.approx(frame.electrons, abs=1e-3)


def test_the_curve_up_to_the_fermi_level_holds_the_electrons(archive):
    """Order 0 occupies by half an erfc of (E - E_F)/SIGMA: a Gaussian of SIGMA/sqrt(2), cut."""
    _, dos, spectrum = density(archive, "Cu", smearing_order=0)
    assert dos.electrons == 11
    grid = energy_grid((-20.0, 0.0), 0.005)
    below = np.trapezoid(density_of_states(spectrum, grid, 0.2 / np.sqrt(2)).total, grid)
    assert below == pytest.approx(dos.electrons, abs=2e-3)


def test_few_bands_shift_the_centre_of_an_early_metal_and_it_is_said(archive):
    """Why a density of states gets more bands than a label."""
    _, whole, _ = density(archive, "Ti")
    _, cut, _ = density(archive, "Ti", bands="140%")
    assert whole.window_complete
    assert not cut.window_complete
    assert whole.d_band_centre_eV - cut.d_band_centre_eV > 0.5
