"""Warm labels start ahead and end where cold ones end."""

import numpy as np
import pytest
from ase.build import bulk

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
