import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.science.metals import METALS, metal
from tm23flows.science.prototypes import build_primitive
from tm23flows.testing.vasp_simulator.potential import (
    COHESIVE_ENERGY_EV,
    Gupta,
    evaluate,
    fit,
    pair_list,
)

COPPER, GOLD = Gupta(0.09, 1.2, 2.55), Gupta(0.2, 1.8, 2.88)
MIXED = [COPPER, COPPER, GOLD, GOLD, COPPER, GOLD]


def disordered(seed, n=6):
    random = np.random.default_rng(seed)
    cell = np.diag([4.6, 5.1, 5.6]) + random.normal(0, 0.2, (3, 3))
    grid = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)])[:n] / 2
    return grid + random.normal(0, 0.03, (n, 3)), cell


def energy(fractional, cell, metals=MIXED):
    terms = evaluate(fractional, cell, metals)
    return terms.repulsion + terms.band


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_those_of_ase(seed):
    fractional, cell = disordered(seed)
    atoms = Atoms("Cu6", scaled_positions=fractional, cell=cell, pbc=True)
    for cutoff in (3.0, 5.5, 9.0):
        i, _, vectors = pair_list(fractional, cell, cutoff)
        ours = sorted(zip(i, *np.round(vectors, 8).T, strict=True))
        i, vectors = neighbor_list("iD", atoms, cutoff)
        theirs = sorted(zip(i, *np.round(vectors, 8).T, strict=True))
        assert np.allclose(ours, theirs, atol=1e-7)


def test_one_atom_sees_its_images():
    i, j, vectors = pair_list(np.zeros((1, 3)), 2.0 * np.eye(3), 2.1)
    assert len(i) == 6
    assert set(i) == set(j) == {0}
    assert np.allclose(np.linalg.norm(vectors, axis=1), 2.0)


@pytest.mark.parametrize("seed", range(3))
def test_forces_are_derivatives_of_both_parts(seed):
    fractional, cell = disordered(seed)
    terms = evaluate(fractional, cell, MIXED)
    step = 1e-5
    for atom in range(len(fractional)):
        for axis in range(3):
            moved = np.zeros_like(fractional)
            moved[atom, axis] = step
            change = moved @ np.linalg.inv(cell)
            up, down = (evaluate(fractional + s * change, cell, MIXED) for s in (1, -1))
            for part in ("repulsion", "band"):
                slope = (getattr(up, part) - getattr(down, part)) / (2 * step)
                force = getattr(terms, f"{part}_forces")[atom, axis]
                assert force == pytest.approx(-slope, abs=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_virials_are_derivatives_with_respect_to_strain(seed):
    fractional, cell = disordered(seed)
    terms = evaluate(fractional, cell, MIXED)
    step = 1e-6
    for a, b in [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0)]:
        strain = np.zeros((3, 3))
        strain[a, b] += step / 2
        strain[b, a] += step / 2
        up, down = (evaluate(fractional, cell @ (np.eye(3) + s * strain), MIXED) for s in (1, -1))
        for part in ("repulsion", "band"):
            slope = (getattr(up, part) - getattr(down, part)) / (2 * step)
            assert getattr(terms, f"{part}_virial")[a, b] == pytest.approx(slope, abs=1e-5)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1000),
    shift=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    order=st.permutations(range(6)),
)
def test_energy_knows_no_origin_and_no_order(seed, shift, order):
    fractional, cell = disordered(seed)
    here = evaluate(fractional, cell, MIXED)
    order = list(order)
    there = evaluate((fractional + shift)[order], cell, [MIXED[i] for i in order])
    assert there.band == pytest.approx(here.band, abs=1e-9)
    assert there.repulsion == pytest.approx(here.repulsion, abs=1e-9)
    assert np.allclose(there.band_forces, here.band_forces[order], atol=1e-8)
    assert np.allclose(here.band_forces.sum(axis=0), 0, atol=1e-10)
    assert np.allclose(here.repulsion_forces.sum(axis=0), 0, atol=1e-10)


def test_a_rotated_cell_has_rotated_forces():
    fractional, cell = disordered(4)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    here, there = evaluate(fractional, cell, MIXED), evaluate(fractional, cell @ turn, MIXED)
    assert there.band == pytest.approx(here.band)
    assert np.allclose(there.band_forces, here.band_forces @ turn)


def test_the_energy_is_smooth_where_pairs_are_cut():
    cut = 1.9 * COPPER.r0_A
    distances = cut + np.array([-2e-3, -1e-3, 0, 1e-3])
    cell = 40 * np.eye(3)
    values = [energy(np.array([[0, 0, 0], [d / 40, 0, 0]]), cell, [COPPER] * 2) for d in distances]
    assert values[2] == values[3] == 0.0
    assert abs(values[1]) < 1e-3 * abs(
        energy(np.array([[0, 0, 0], [0.1, 0, 0]]), cell, [COPPER] * 2)
    )


def test_an_atom_alone_feels_nothing():
    terms = evaluate(np.zeros((1, 3)), 30 * np.eye(3), [COPPER])
    assert terms.band == terms.repulsion == 0.0
    assert not terms.band_forces.any()


@pytest.mark.parametrize("symbol", METALS)
def test_every_metal_is_stable_at_its_volume(symbol):
    crystal = build_primitive(metal(symbol))
    gupta = [fit(symbol)] * len(crystal)
    fractional, cell = crystal.get_scaled_positions(), np.array(crystal.cell)

    def per_atom(scale):
        return energy(fractional, scale * cell, gupta) / len(crystal)

    volumes = [per_atom(s) for s in (0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1)]
    assert np.argmin(volumes) == 3
    assert volumes[3] == pytest.approx(-COHESIVE_ENERGY_EV[symbol])
    # pressure vanishes there, on the scale of a strain of 1 %
    slope = (per_atom(1.001) - per_atom(0.999)) / 0.002
    stiffness = (volumes[2] + volumes[4] - 2 * volumes[3]) / 0.02**2
    assert abs(slope) < 1e-3 * stiffness
