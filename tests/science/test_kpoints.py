"""k-point meshes from a spacing, on oblique cells too."""

from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.kpoints import KMesh, choose_offset, kmesh_for_spacing, largest_spacing
from tm23flows.science.metals import METALS, metal
from tm23flows.science.prototypes import build_conventional

lengths = st.floats(2.0, 30.0)
slants = st.floats(-0.4, 0.4)


def reciprocal_lengths(cell):
    return 2 * np.pi * np.linalg.norm(np.linalg.inv(cell).T, axis=1)


@given(st.tuples(lengths, lengths, lengths), st.tuples(slants, slants, slants), st.floats(0.05, 2))
def test_no_two_points_are_further_apart_and_no_mesh_is_finer_than_needed(sides, slant, spacing):
    cell = np.diag(sides)
    cell[1, 0], cell[2, 0], cell[2, 1] = np.array(slant) * sides[0]
    mesh = np.array(kmesh_for_spacing(cell, spacing))
    reach = reciprocal_lengths(cell)
    assert (reach / mesh <= spacing * (1 + 1e-6)).all()
    coarser = mesh[mesh > 1] - 1
    assert (reach[mesh > 1] / coarser > spacing * (1 - 1e-6)).all()


def test_known_meshes():
    assert kmesh_for_spacing(np.eye(3) * 2 * np.pi, 0.25) == (4, 4, 4)  # an exact multiple
    assert kmesh_for_spacing(np.eye(3) * 2 * np.pi, 10) == (1, 1, 1)
    assert kmesh_for_spacing(np.diag([5.0, 10.0, 20.0]), 0.4) == (4, 2, 1)
    primitive = bulk("Cu", "fcc", a=3.61).cell.array
    assert len(set(kmesh_for_spacing(primitive, 0.2))) == 1


@pytest.mark.parametrize("spacing", [0, -0.2, float("nan")])
def test_a_spacing_that_is_none_is_refused(spacing):
    with pytest.raises(InputError, match="positive"):
        kmesh_for_spacing(np.eye(3), spacing)


@given(st.tuples(lengths, lengths, lengths), st.floats(0.05, 2))
def test_the_largest_spacing_of_a_mesh_is_at_most_the_one_it_was_made_for(sides, spacing):
    cell = np.diag(sides)
    mesh = kmesh_for_spacing(cell, spacing)
    assert largest_spacing(cell, mesh) <= max(spacing * (1 + 1e-6), 2 * np.pi / min(sides))
    assert largest_spacing(cell, mesh) == pytest.approx(
        max(2 * np.pi / side / n for side, n in zip(sides, mesh, strict=True))
    )


def points(mesh):
    """All points of a mesh as exact fractions, folded into the first cell."""
    offsets = [Fraction(x).limit_denominator(1000) for x in mesh.offset]
    axes = [
        [(Fraction(j, n) + offset) % 1 for j in range(n)]
        for n, offset in zip(mesh.kmesh, offsets, strict=True)
    ]
    return set(product(*axes))


def image(some, matrix):
    """The points k W of a matrix of whole numbers W, k as a row."""
    return {
        tuple(sum(k[i] * int(matrix[i][j]) for i in range(3)) % 1 for j in range(3)) for k in some
    }


@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.tuples(*[st.sampled_from([0, "half", 0.25, 0.1])] * 3),
)
def test_independent_points_are_those_without_their_inverse(kmesh, kinds):
    offset = tuple(
        1 / (2 * n) if kind == "half" else float(kind) for n, kind in zip(kmesh, kinds, strict=True)
    )
    mesh = KMesh(kmesh, offset)
    all_points = points(mesh)
    assert mesh.n_points == len(all_points)
    inverse = {k: tuple(-x % 1 for x in k) for k in all_points}
    if set(inverse.values()) == all_points:
        assert mesh.n_independent == len({frozenset((k, inverse[k])) for k in all_points})
    else:
        assert mesh.n_independent == len(all_points)


def signed_permutations():
    """The 48 rotations of the cube in its own axes."""
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((3, 3), dtype=int)
        matrix[range(3), order] = signs
        yield matrix


def lattice_rotations(cell):
    """Rotations in Cartesian space that map a lattice onto itself, in its own vectors."""
    inverse = np.linalg.inv(cell)
    turn = np.array([[0.5, np.sqrt(0.75), 0], [-np.sqrt(0.75), 0.5, 0], [0, 0, 1]])
    hexagonal = [
        np.linalg.matrix_power(turn, n) @ np.diag(signs)
        for n, signs in product(range(6), product((1, -1), repeat=3))
    ]
    for rotation in [*signed_permutations(), *hexagonal]:
        # k as a row transforms with the transpose of the inverse of what positions do.
        matrix = np.linalg.inv(cell @ rotation @ inverse).T
        if np.allclose(matrix, np.rint(matrix), atol=1e-6):
            yield np.rint(matrix).astype(int)


CELLS = {
    "cubic": (np.eye(3) * 7.2, True),
    "tetragonal": (np.diag([7.2, 7.2, 9.6]), True),
    "orthorhombic": (np.diag([7.2, 8.1, 9.6]), True),
    "body-centred": (bulk("Fe", "bcc", a=8.6).cell.array, True),
    "face-centred": (bulk("Cu", "fcc", a=10.8).cell.array, False),
    "hexagonal": ((bulk("Os", "hcp", a=2.75, c=4.35) * (3, 3, 2)).cell.array, False),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("n", [2, 4])
def test_a_mesh_is_shifted_exactly_where_that_keeps_the_symmetry(name, n):
    cell, allowed = CELLS[name]
    kmesh = (n, n, n)
    rotations = list(lattice_rotations(cell))
    assert len(rotations) >= 8
    shifted = KMesh(kmesh, choose_offset(cell, kmesh, "monkhorst-pack"))
    assert shifted.offset == (1 / (2 * n),) * 3
    keeps = all(image(points(shifted), w) == points(shifted) for w in rotations)
    assert keeps == allowed
    assert choose_offset(cell, kmesh) == (shifted.offset if allowed else (0, 0, 0))
    centred = KMesh(kmesh, choose_offset(cell, kmesh, "gamma"))
    assert all(image(points(centred), w) == points(centred) for w in rotations)


@pytest.mark.parametrize("kmesh", [(1, 1, 1), (3, 3, 3), (4, 4, 3), (2, 2, 1)])
def test_odd_meshes_hold_gamma(kmesh):
    assert choose_offset(np.diag([7.0, 7.0, 9.0]), kmesh) == (0, 0, 0)


def test_the_mesh_of_monkhorst_and_pack_along_each_axis():
    # Their points are (2 r - n - 1) / (2 n) for r = 1 ... n.
    for n in range(1, 8):
        offset = choose_offset(np.eye(3), (n, n, n), "monkhorst-pack")
        theirs = {Fraction(2 * r - n - 1, 2 * n) % 1 for r in range(1, n + 1)}
        assert {k[0] for k in points(KMesh((n, n, n), offset))} == theirs
    assert choose_offset(np.eye(3), (2, 2, 2), "monkhorst-pack") == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("symbol", METALS)
def test_the_lattice_of_a_metal_decides_not_its_rounding(symbol):
    facts = metal(symbol)
    cell = build_conventional(facts).cell.array * 2
    expected = facts.phase not in {"hcp", "omega"}
    for noise in (0, 1e-5):
        rough = cell + noise * np.random.default_rng(0).normal(size=(3, 3))
        assert any(choose_offset(rough, (4, 4, 4))) == expected


def test_other_grids_are_refused():
    with pytest.raises(InputError, match="gamma"):
        choose_offset(np.eye(3), (2, 2, 2), "Gamma")
    with pytest.raises(InputError, match="no lattice"):
        choose_offset(np.zeros((3, 3)), (2, 2, 2))


def test_meshes_read_as_they_are():
    assert str(KMesh((3, 3, 2))) == "3x3x2"
    assert str(KMesh((2, 2, 2), (0.25, 0.25, 0.25))) == "shifted 2x2x2"
