"""Warm labels start ahead and end where cold ones end."""

import numpy as np
import pytest
from ase.build import bulk
from ase.units import Ha

pytest.importorskip("gpaw")

from tm23flows.documents.recipe import Recipe
from tm23flows.engines import gpaw as module
from tm23flows.engines.gpaw import GpawEngine


def label(folder, frames):
    engine = GpawEngine(folder)
    recipe = engine.complete(Recipe(engine="gpaw", cutoff_eV=300, kmesh_offset=(0.25,) * 3), ["Cu"])
    return list(engine.label(frames, recipe))


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    start = bulk("Cu", "fcc", a=3.61) * (2, 2, 2)
    del start[0]
    start.positions += rng.normal(scale=0.1, size=(7, 3))
    moved = start.copy()
    moved.positions += rng.normal(scale=0.03, size=(7, 3))
    return [start, moved]


@pytest.mark.gpaw
@pytest.mark.slow
def test_fewer_iterations_and_the_same_forces(tmp_path, frames, monkeypatch):
    ahead = label(tmp_path / "ahead", frames)[1]
    cold = label(tmp_path / "cold", frames[1:])[0]
    monkeypatch.setattr(module, "start_orthonormal", lambda _: None)
    plain = label(tmp_path / "plain", frames)[1]
    assert ahead.effort.scf_iterations < plain.effort.scf_iterations <= cold.effort.scf_iterations
    np.testing.assert_allclose(ahead.forces, cold.forces, atol=3e-3)
    assert ahead.energies.free == pytest.approx(cold.energies.free, abs=1e-4)


@pytest.mark.gpaw
def test_only_the_given_calculator_is_changed(tmp_path):
    from gpaw.new.ase_interface import ASECalculator

    before = ASECalculator.move_atoms
    engine = GpawEngine(tmp_path)
    recipe = engine.complete(Recipe(engine="gpaw", cutoff_eV=300), ["Cu"])
    assert engine.calculator(recipe).move_atoms is not before
    assert ASECalculator.move_atoms is before


WIDTHS = (0.2, 1.0, 2.0)


def sweep(engine, frames, **fields):
    """Label frames at all widths in turns, as the job does."""
    given = {"engine": "gpaw", "cutoff_eV": 300, "options": {"nbands": "200%"}, **fields}
    recipes = [engine.complete(Recipe(sigma_eV=one, **given), ["Cu"]) for one in WIDTHS]
    streams = [engine.label(frames, recipe) for recipe in recipes]
    rows = list(zip(*streams, strict=True))
    return rows, [next(engine.label(frames[-1:], recipe)) for recipe in recipes]


@pytest.mark.gpaw
@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_widths_of_a_sweep_share_a_calculator_and_equal_fresh_calculations(tmp_path, shift):
    engine = GpawEngine(tmp_path)
    cells = [bulk("Cu", "fcc", a=3.61) * (2, 1, 1) for _ in range(2)]
    for atoms, step in zip(cells, (0.1, 0.16), strict=True):
        atoms.positions[1] += [step, -0.05, 0.08]
    mesh = {"kmesh": (2, 2, 2), "kmesh_offset": (0.25,) * 3, "electron_shift": shift}
    rows, fresh = sweep(engine, cells, **mesh)
    assert len(list(tmp_path.glob("gpaw*.txt"))) == 1 + 3
    for shared, expected in zip(rows[-1], fresh, strict=True):
        np.testing.assert_allclose(shared.forces, expected.forces, atol=2e-3)
        np.testing.assert_allclose(shared.stress, expected.stress, atol=2e-4)
        # Errors of the density are of second order in the free energy, of first in the others.
        for name, tolerance_eV in (("free", 1e-4), ("sigma0", 1e-3), ("without_entropy", 1e-3)):
            one, other = (getattr(each.energies, name) for each in (shared, expected))
            assert one == pytest.approx(other, abs=tolerance_eV)
    narrow, _, wide = rows[1]
    assert abs(wide.energies.without_entropy - narrow.energies.without_entropy) > 0.1
    assert np.abs(wide.forces - narrow.forces).max() > 0.02


@pytest.mark.gpaw
def test_a_changed_width_hands_out_no_energy_of_the_old_one(tmp_path):
    """Order 1: E0 = (2 F + E) / 3 with the entropy term -TS = F - E of the new width."""
    engine = GpawEngine(tmp_path)
    given = {"engine": "gpaw", "cutoff_eV": 300, "kmesh_offset": (0.25,) * 3}
    options = {"nbands": "200%"}
    narrow, wide = (
        engine.complete(Recipe(sigma_eV=one, options=options, **given), ["Cu"]) for one in (0.2, 2)
    )
    atoms = bulk("Cu", "fcc", a=3.61)
    atoms.calc = engine.calculator(narrow)
    atoms.get_potential_energy()
    engine.adopt(atoms, wide)
    energies = engine.energies(atoms, wide)
    parts = atoms.calc.dft.energies
    extrapolated = parts.total_free - parts.total_extrapolated
    assert atoms.calc.dft.scf_loop.occ_calc.occ.todict()["width"] == 2
    assert energies.free - energies.sigma0 == pytest.approx(extrapolated * Ha, abs=1e-9)
    assert energies.free - energies.without_entropy == pytest.approx(
        3 * (energies.free - energies.sigma0), rel=1e-9
    )
    assert atoms.calc.params.occupations.todict() == engine.inputs(wide)["occupations"]
