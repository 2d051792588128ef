"""Forces at large smearing and at other electron counts are gradients of the free energy.

Seven atoms, as in the demo's cells; central differences along the largest force.
"""

import numpy as np
import pytest
from ase.build import bulk

pytest.importorskip("gpaw")

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.gpaw import GpawEngine

pytestmark = [pytest.mark.gpaw, pytest.mark.slow]

STEP_A = 0.02
CELLS = {"Cu": bulk("Cu", "fcc", a=3.63), "Ti": bulk("Ti", "fcc", a=4.11)}


def vacancy(symbol):
    atoms = CELLS[symbol] * (2, 2, 2)
    del atoms[0]
    atoms.positions += np.random.default_rng(5).normal(scale=0.12, size=(7, 3))
    return atoms


def slopes(folder, symbol, sigmas, shift=0.0):
    """Yield, for each width, the largest force and the slopes of the energies along it."""
    engine = GpawEngine(folder)
    given = {"engine": "gpaw", "cutoff_eV": 250, "kmesh_offset": (0.25,) * 3}
    options = {"nbands": "200%"}
    recipes = [
        engine.complete(
            Recipe(sigma_eV=one, electron_shift=shift, options=options, **given), [symbol]
        )
        for one in sigmas
    ]
    middle = vacancy(symbol)
    start = [engine.label([middle], one) for one in recipes]
    forces = [next(stream).forces for stream in start]
    atom, axis = np.unravel_index(np.abs(forces[-1]).argmax(), forces[-1].shape)
    moved = [middle.copy(), middle.copy()]
    for atoms, step in zip(moved, (STEP_A, -STEP_A), strict=True):
        atoms.positions[atom, axis] += step
    rows = list(zip(*(engine.label(moved, one) for one in recipes), strict=True))
    for number, force in enumerate(forces):
        up, down = (row[number].energies for row in rows)
        difference = {
            name: -(getattr(up, name) - getattr(down, name)) / (2 * STEP_A)
            for name in ("free", "sigma0", "without_entropy")
        }
        yield force[atom, axis], difference


@pytest.mark.parametrize("symbol", ["Cu", "Ti"])
def test_at_large_smearing_forces_belong_to_the_free_energy_alone(tmp_path, symbol):
    [(force, slope)] = slopes(tmp_path, symbol, (2.0,))
    assert abs(force) > 0.3
    assert slope["free"] == pytest.approx(force, rel=0.01)
    assert abs(slope["sigma0"] - force) > 3 * abs(slope["free"] - force)
    assert abs(slope["without_entropy"] - force) > 3 * abs(slope["free"] - force)


@pytest.mark.parametrize("shift", [-2.0, 2.0])
def test_forces_of_charged_cells_are_gradients_at_fixed_charge(tmp_path, shift):
    [(force, slope)] = slopes(tmp_path, "Cu", (1.0,), shift)
    assert abs(force) > 0.3
    assert slope["free"] == pytest.approx(force, rel=0.01)
