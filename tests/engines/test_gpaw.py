"""The GPAW engine on real density functional theory, in the smallest cells that can show it."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Failure
from tm23flows.errors import InputError

pytest.importorskip("gpaw")
from tm23flows.engines.gpaw import GpawEngine

pytestmark = pytest.mark.gpaw

SHIFTED = {"kmesh": (2, 2, 2), "kmesh_offset": (0.25, 0.25, 0.25)}
LOOSE = {"convergence": {"energy": 1e-4, "density": 1e-3}}


@pytest.fixture
def engine(tmp_path):
    return GpawEngine(tmp_path / "run")


def recipe(engine, symbol="Cu", **fields):
    given = {"engine": "gpaw", "cutoff_eV": 300, **SHIFTED}
    return engine.complete(Recipe(**{**given, **fields}), [symbol])


def copper_pair(step_A=0.0):
    atoms = bulk("Cu", "fcc", a=3.61) * (2, 1, 1)
    atoms.positions[1] += [0.12 + step_A, -0.05, 0.08]
    return atoms


def calculate(engine, atoms, wanted):
    """Label one frame and keep its calculator."""
    atoms.calc = engine.calculator(wanted)
    atoms.get_potential_energy()
    return atoms.calc, engine.energies(atoms, wanted)


def test_forces_are_the_negative_gradient_of_the_label_energy(engine):
    wide, h = recipe(engine, sigma_eV=2.0), 0.02
    middle, up, down = engine.label([copper_pair(step) for step in (0, h, -h)], wide)
    force = middle.forces[1, 0]

    def slope(name):
        return -(getattr(up.energies, name) - getattr(down.energies, name)) / (2 * h)

    assert slope("free") == pytest.approx(force, rel=0.01)
    # The other two energies have other slopes, so a label with one of them would be wrong.
    assert slope("sigma0") != pytest.approx(force, rel=0.03)
    assert slope("without_entropy") != pytest.approx(force, rel=0.03)


def strained(atoms, component, strain):
    tensor = np.zeros((3, 3))
    i, j = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)][component]
    tensor[i, j] += strain / 2
    tensor[j, i] += strain / 2
    other = atoms.copy()
    other.set_cell(atoms.cell.array @ (np.eye(3) + tensor), scale_atoms=True)
    return other


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_stress_is_the_strain_derivative_of_the_label_energy(engine, sigma):
    """Sign and order, with two normal and two shear components that all differ.

    The number of plane waves changes with the cell at a fixed cutoff, and GPAW's stress is
    the derivative at a fixed number. For bulk copper the two differ by 0.037, 0.012, 0.009
    and 0.003 eV/A^3 at 350, 500, 700 and 900 eV. Aluminium is converged at this
    cutoff: here the difference is below one part in a hundred.
    """
    wide = recipe(engine, "Al", sigma_eV=sigma, options={"nbands": 16})
    tensor = np.array([[0.03, 0.01, 0.02], [0.01, 0.0, -0.015], [0.02, -0.015, -0.02]])
    atoms = bulk("Al", "fcc", a=4.1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + tensor), scale_atoms=True)
    stress = next(engine.label([atoms], wide)).stress
    h, wrong = 0.004, []
    for component in (0, 1, 3, 5):
        cells = [strained(atoms, component, step) for step in (h, -h)]
        up, down = (one.energies for one in engine.label(cells, wide))
        slope = (up.free - down.free) / (2 * h) / atoms.get_volume()
        assert stress[component] == pytest.approx(slope, rel=0.02, abs=3e-4)
        other = (up.sigma0 - down.sigma0) / (2 * h) / atoms.get_volume()
        wrong.append(abs(other - stress[component]))
    assert max(wrong) > 0.01
    assert np.ptp(stress[[0, 1, 3, 5]]) > 0.1


@pytest.mark.parametrize("order", [0, 1])
def test_the_three_energies_obey_methfessel_and_paxton(engine, order):
    wide = recipe(engine, sigma_eV=1.0, smearing_order=order)
    _, energies = calculate(engine, bulk("Cu", "fcc", a=3.61), wide)
    printed = re.search(r"Entropy: +(\S+)", (engine.workdir / "gpaw.txt").read_text())
    entropy_term = float(printed.group(1))  # GPAW's own -T S, with six decimals
    assert abs(entropy_term) > 0.03
    assert energies.without_entropy == pytest.approx(energies.free - entropy_term, abs=3e-6)
    expected = ((order + 1) * energies.free + energies.without_entropy) / (order + 2)
    assert energies.sigma0 == pytest.approx(expected, abs=1e-9)


def test_the_smearing_reaches_the_calculation(engine):
    orders = {
        order: calculate(
            engine, bulk("Cu", "fcc", a=3.61), recipe(engine, sigma_eV=1.0, smearing_order=order)
        )
        for order in (0, 1)
    }
    text = (engine.workdir / "gpaw.txt").read_text()
    assert "Methfessel-Paxton" in text
    # Only order 1 and higher make occupations negative or larger than full.
    filling = [
        calculator.get_occupation_numbers(kpt=k) / calculator.get_k_point_weights()[k] / 2
        for calculator, _ in orders.values()
        for k in range(4)
    ]
    gaussian, first = np.concatenate(filling[:4]), np.concatenate(filling[4:])
    assert gaussian.max() < 1 + 1e-9
    assert first.max() > 1 + 1e-3
    assert orders[0][1].free != pytest.approx(orders[1][1].free, abs=1e-3)


def test_the_electron_shift_counts_electrons(engine):
    filled = {}
    for shift in (-1.0, 0.0, 0.5):
        wanted = recipe(engine, electron_shift=shift)
        calculator, _ = calculate(engine, bulk("Cu", "fcc", a=3.61), wanted)
        assert calculator.get_number_of_electrons() == pytest.approx(11 + shift)
        filled[shift] = sum(calculator.get_occupation_numbers(kpt=k).sum() for k in range(4))
    assert filled[-1.0] / filled[0.0] == pytest.approx(10 / 11, rel=1e-4)
    assert filled[0.5] / filled[0.0] == pytest.approx(11.5 / 11, rel=1e-4)


def test_the_shifted_mesh_has_four_points_and_the_centred_one_has_gamma(engine):
    shifted, _ = calculate(engine, copper_pair(), recipe(engine, options=LOOSE))
    points = shifted.get_ibz_k_points()
    assert len(points) == 4
    np.testing.assert_allclose(np.abs(points), 0.25)
    np.testing.assert_allclose(shifted.get_k_point_weights(), 0.25)
    centred = recipe(engine, kmesh=(3, 3, 3), kmesh_offset=(0, 0, 0), options=LOOSE)
    points = calculate(engine, copper_pair(), centred)[0].get_ibz_k_points()
    assert len(points) == 14  # (27 - 1) / 2 pairs k, -k and Gamma
    assert (np.abs(points) < 1e-12).all(axis=1).sum() == 1


def test_a_warm_batch_equals_cold_calculations_at_less_effort(engine):
    wanted = recipe(engine)
    cells = [copper_pair(step) for step in (0, 0.02, 0.05)]
    warm = list(engine.label(cells, wanted))
    cold = [next(engine.label([atoms], wanted)) for atoms in cells]
    for one, other in zip(warm, cold, strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=3e-3)
        np.testing.assert_allclose(one.stress, other.stress, atol=3e-4)
        assert one.energies.free == pytest.approx(other.energies.free, abs=1e-3)
    steps = [[one.effort.scf_iterations for one in batch[1:]] for batch in (warm, cold)]
    assert sum(steps[0]) < sum(steps[1])


def test_frames_that_do_not_converge_are_rejected_one_by_one(engine):
    hurried = recipe(engine, options={"maxiter": 2})
    results = list(engine.label([copper_pair(), copper_pair(0.02)], hurried))
    assert [type(one) for one in results] == [Failure, Failure]
    assert "ConvergenceError" in results[0].reason


def test_inputs_are_json_and_the_recipe_becomes_complete_once(engine):
    complete = recipe(engine, sigma_eV=2.0)
    assert recipe(engine, sigma_eV=2.0, options={"nbands": "150%"}).options["nbands"] == "150%"
    assert complete.options["nbands"] == "200%"
    assert complete.pseudopotentials["Cu"].startswith("Cu.PBE:")
    assert engine.complete(complete, ["Cu"]).id == complete.id
    inputs = engine.inputs(complete)
    assert json.loads(json.dumps(inputs)) == inputs
    assert inputs["occupations"] == {"name": "methfessel-paxton", "width": 2.0, "order": 1}
    assert engine.inputs(recipe(engine, electron_shift=-2))["charge"] == 2
    assert {"gpaw", "ase", "numpy"} <= set(engine.versions())


@pytest.mark.parametrize(
    ("symbol", "wrong", "why"),
    [
        ("Cu", {"cutoff_eV": None}, "cutoff"),
        ("Cu", {"spin_polarized": True}, "spin"),
        ("U", {}, "no PBE dataset for U"),
        ("Cu", {"xc": "no-such-functional"}, "no-such-functional dataset"),
        ("Cu", {"pseudopotentials": {"Cu": "Cu.PBE:0"}}, "Cu.PBE:0"),
        ("Cu", {"options": {"charge": 1}}, "charge"),
        ("Cu", {"options": {"occupations": {}}}, "occupations"),
    ],
    ids=str,
)
def test_what_it_cannot_do_is_one_sentence(engine, symbol, wrong, why):
    with pytest.raises(InputError, match=why):
        recipe(engine, symbol, **wrong)


@pytest.mark.gpaw
@pytest.mark.parametrize(("variable", "threads"), [(None, 1), ("2", 2)])
def test_linear_algebra_has_one_thread_unless_asked(tmp_path, variable, threads):
    code = (
        "import sys, numpy\nfrom pathlib import Path\nfrom threadpoolctl import threadpool_info\n"
        "from tm23flows.engines.gpaw import GpawEngine\nGpawEngine(Path(sys.argv[1]))\n"
        "print(max(one['num_threads'] for one in threadpool_info()))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    if variable:
        environment["OMP_NUM_THREADS"] = variable
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == min(threads, os.cpu_count())
