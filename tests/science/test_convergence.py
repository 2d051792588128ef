"""Candidate meshes, deviations from the densest, and the verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science import protocol
from tm23flows.science.convergence import (
    Deviation,
    Limits,
    candidate_meshes,
    deviation,
    judge,
    order_meshes,
    table_words,
)
from tm23flows.science.kpoints import KMesh, largest_spacing
from tm23flows.science.label_arrays import LabelArrays

LIMITS = Limits()
ZERO = Deviation(0.0, 0.0, 0.0)
sides = st.floats(5.0, 15.0)
sizes = st.floats(0, 3).map(lambda x: x * 1e-3)


def cubes(count):
    return [KMesh((n, n, n)) for n in range(1, count + 1)]


def deviation_of(energy_meV, force_meV):
    return Deviation(energy_meV / 1000, force_meV / 1000)


GOOD, BAD = deviation_of(0.5, 2), deviation_of(2, 2)
BAD_FORCE = deviation_of(0.5, 7)


def test_the_limits_are_the_paper_s():
    assert LIMITS.energy_eV_per_atom == protocol.K_ENERGY_NOISE_EV_PER_ATOM == 0.001
    assert LIMITS.force_eV_per_A == protocol.K_FORCE_NOISE_EV_PER_A == 0.005
    assert str(LIMITS) == "1 meV/atom, 5 meV/A"


@pytest.mark.parametrize("wrong", [{"energy_eV_per_atom": 0}, {"force_eV_per_A": float("nan")}])
def test_a_limit_must_be_positive(wrong):
    with pytest.raises(InputError, match="positive"):
        Limits(**wrong)


@given(st.tuples(sides, sides, sides))
def test_the_default_ladder_of_a_supercell(lengths):
    cell = np.diag(lengths)
    meshes = candidate_meshes(cell)
    assert len(set(meshes)) == len(meshes) >= 4
    counts = [mesh.n_points for mesh in meshes]
    assert counts == sorted(set(counts))
    spacings = [largest_spacing(cell, mesh.kmesh) for mesh in meshes]
    assert spacings == sorted(spacings, reverse=True)
    # Every axis of the densest mesh is denser than in the one before: else it is no test.
    if max(lengths) <= 12.5:
        assert all(a < b for a, b in zip(meshes[-2].kmesh, meshes[-1].kmesh, strict=True))


def test_the_type_of_grid_follows_the_lattice():
    cubic, hexagonal = np.eye(3) * 7.2, np.array([[8.2, 0, 0], [-4.1, 7.1014, 0], [0, 0, 8.7]])
    assert [str(one) for one in candidate_meshes(cubic, (0.5, 0.3, 0.25))] == [
        "shifted 2x2x2", "3x3x3", "shifted 4x4x4",
    ]  # fmt: skip
    assert not any(any(one.offset) for one in candidate_meshes(hexagonal))
    assert not any(any(one.offset) for one in candidate_meshes(cubic, grid="gamma"))


def test_meshes_are_tried_once_from_coarse_to_dense():
    shifted = KMesh((2, 2, 2), (0.25, 0.25, 0.25))
    some = [KMesh((3, 3, 3)), shifted, KMesh((2, 2, 2)), KMesh((3, 3, 3)), KMesh((1, 1, 1))]
    expected = ["1x1x1", "2x2x2", "shifted 2x2x2", "3x3x3"]
    assert [str(one) for one in order_meshes(some)] == expected
    assert candidate_meshes(np.eye(3) * 7, (0.3, 0.5)) == candidate_meshes(
        np.eye(3) * 7, (0.5, 0.3, 0.5)
    )


@pytest.mark.parametrize("spacings", [(), (0.5,), (0.5, 0.49)])
def test_one_mesh_is_no_test(spacings):
    with pytest.raises(InputError, match="compares k-meshes"):
        candidate_meshes(np.eye(3) * 7.2, spacings)


def arrays(rng, n_atoms, stress=True):
    stresses = [
        rng.normal(size=6) if has else None for has in np.broadcast_to(stress, len(n_atoms))
    ]
    return LabelArrays.from_frames(
        rng.normal(size=len(n_atoms)), [rng.normal(size=(n, 3)) for n in n_atoms], stresses
    )


def test_deviations_are_the_largest_over_all_frames():
    rng = np.random.default_rng(3)
    n_atoms = [2, 7, 3]
    one, other = arrays(rng, n_atoms), arrays(rng, n_atoms)
    found = deviation(one, other)
    assert found.energy_eV_per_atom == max(
        abs(one.energies_eV[i] - other.energies_eV[i]) / n for i, n in enumerate(n_atoms)
    )
    assert found.force_eV_per_A == max(
        abs(one.forces_eV_per_A[k, c] - other.forces_eV_per_A[k, c])
        for k in range(sum(n_atoms))
        for c in range(3)
    )
    assert found.stress_eV_per_A3 == np.abs(one.stresses_eV_per_A3 - other.stresses_eV_per_A3).max()
    assert deviation(one, one) == ZERO
    assert deviation(other, one) == found


def test_one_bad_atom_of_one_frame_counts():
    rng = np.random.default_rng(0)
    one = arrays(rng, [31, 31])
    forces = one.forces_eV_per_A.copy()
    forces[40, 1] -= 0.02
    other = LabelArrays(one.energies_eV, one.n_atoms, forces, one.stresses_eV_per_A3)
    assert deviation(other, one).force_eV_per_A == pytest.approx(0.02)
    assert not deviation(other, one).within(LIMITS)


def test_a_constant_offset_of_the_energy_counts():
    one = arrays(np.random.default_rng(0), [4, 4])
    moved = LabelArrays(one.energies_eV + 0.04, one.n_atoms, one.forces_eV_per_A)
    assert deviation(moved, one).energy_eV_per_atom == pytest.approx(0.01)


def test_stress_is_compared_where_both_have_it():
    rng = np.random.default_rng(5)
    one, other = arrays(rng, [2, 2], [True, False]), arrays(rng, [2, 2], [True, True])
    found = deviation(one, other)
    difference = one.stresses_eV_per_A3[0] - other.stresses_eV_per_A3[0]
    assert found.stress_eV_per_A3 == np.abs(difference).max()
    assert deviation(arrays(rng, [2, 2], stress=False), other).stress_eV_per_A3 is None


def test_other_frames_are_refused():
    rng = np.random.default_rng(5)
    with pytest.raises(InputError, match="same frames"):
        deviation(arrays(rng, [2, 3]), arrays(rng, [3, 2]))


def test_limits_are_not_to_be_reached_and_stress_has_none():
    assert Deviation(0.00099, 0.0049, 100.0).within(LIMITS)
    assert not Deviation(0.001, 0.0).within(LIMITS)
    assert not Deviation(0.0, 0.005).within(LIMITS)


@pytest.mark.parametrize(
    ("deviations", "chosen"),
    [
        ([BAD, BAD, GOOD, GOOD, ZERO], 2),
        ([GOOD, GOOD, GOOD, GOOD, ZERO], 0),
        ([BAD, BAD, BAD, GOOD, ZERO], 3),
        ([GOOD, BAD, GOOD, GOOD, ZERO], 2),  # a lucky coarse mesh
        ([GOOD, GOOD, BAD_FORCE, GOOD, ZERO], 3),
        ([BAD, GOOD, None, GOOD, ZERO], 3),  # a gap proves nothing
        ([None, GOOD, GOOD, GOOD, ZERO], 1),
        ([GOOD, GOOD, GOOD, BAD, ZERO], None),
        ([GOOD, GOOD, GOOD, None, ZERO], None),
        ([BAD, BAD, BAD, BAD_FORCE, ZERO], None),
    ],
)
def test_the_coarsest_mesh_whose_denser_ones_agree_wins(deviations, chosen):
    verdict = judge(cubes(5), deviations, LIMITS)
    assert verdict.chosen == chosen
    assert "5x5x5" in verdict.reason


@given(st.lists(st.one_of(st.none(), st.builds(Deviation, sizes, sizes.map(lambda x: 5 * x))),
                min_size=1, max_size=8), st.floats(0.2, 1))  # fmt: skip
def test_a_verdict_is_safe_and_stricter_limits_choose_no_coarser_mesh(some, factor):
    meshes = cubes(len(some) + 1)
    found = judge(meshes, [*some, ZERO], LIMITS).chosen
    # The brute force of the definition.
    good = [one is not None and one.within(LIMITS) for one in some]
    runs = [i for i in range(len(some)) if all(good[i:])]
    assert found == (runs[0] if runs else None)
    strict = Limits(factor * LIMITS.energy_eV_per_atom, factor * LIMITS.force_eV_per_A)
    stricter = judge(meshes, [*some, ZERO], strict).chosen
    if stricter is not None:
        assert found is not None
        assert found <= stricter


def test_the_reference_cannot_prove_itself():
    verdict = judge(cubes(3), [BAD, deviation_of(1.9, 12), ZERO], LIMITS)
    assert verdict.chosen is None
    for word in ("2x2x2", "1.9 meV/atom", "12 meV/A", "limits: 1 meV/atom, 5 meV/A", "not shown"):
        assert word in verdict.reason


def test_a_mesh_that_shares_an_axis_with_the_reference_proves_nothing():
    meshes = [KMesh((4, 4, 2)), KMesh((6, 6, 2)), KMesh((6, 6, 3))]
    verdict = judge(meshes, [BAD, GOOD, ZERO], LIMITS)
    assert verdict.chosen is None
    assert "6x6x2" in verdict.reason
    assert "along an axis" in verdict.reason
    # With a coarser one within the limits the other axes have been tested as well.
    assert judge(meshes, [GOOD, GOOD, ZERO], LIMITS).chosen == 0
    # One point along the axis of a very long cell is no reason to doubt.
    long = [KMesh((2, 2, 1)), KMesh((3, 3, 1)), KMesh((4, 4, 1))]
    assert judge(long, [BAD, GOOD, ZERO], LIMITS).chosen == 1


def test_the_reason_names_the_worst_of_the_run_and_not_of_the_rest():
    verdict = judge(
        cubes(4), [deviation_of(50, 50), deviation_of(0.9, 1), deviation_of(0.1, 3), ZERO], LIMITS
    )
    assert verdict.reason.startswith("2x2x2 and all denser")
    assert "0.9 meV/atom, 3 meV/A" in verdict.reason
    assert "50" not in verdict.reason


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_judged_alone(count):
    with pytest.raises(InputError, match="at least two"):
        judge(cubes(count), [ZERO] * count, LIMITS)
    with pytest.raises(InputError, match="a deviation for each"):
        judge(cubes(3), [ZERO, ZERO], LIMITS)


def test_the_table_in_words_has_every_mesh_but_the_reference():
    words = table_words(cubes(4), [deviation_of(31.04, 80), None, deviation_of(0.4, 2), ZERO])
    assert words == ("1x1x1: 31 meV/atom, 80 meV/A; 2x2x2: no labels; 3x3x3: 0.4 meV/atom, 2 meV/A")
