"""Meshes to KPOINTS files and back, judged by the points themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.io.vasp import Kpoints

from tm23flows.engines.vasp.kpoints_file import read_kpoints, same_mesh, write_kpoints
from tm23flows.errors import InputError

MESHES = st.tuples(*[st.integers(1, 7)] * 3)


def folded(points):
    points = np.asarray(points) - np.ceil(np.asarray(points) - 0.5 - 1e-9)
    return sorted(map(tuple, np.round(points, 6) + 0.0))


def recipe_points(kmesh, offset):
    axes = [np.arange(n) / n + o for n, o in zip(kmesh, offset, strict=True)]
    return folded(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3))


def vasp_points(text):
    """Points of a KPOINTS file by the formula of VASP's wiki."""
    _, zero, style, mesh, *rest = text.splitlines()
    assert zero == "0"
    n = np.array([int(x) for x in mesh.split()])
    shift = np.array([float(x) for x in rest[0].split()]) if rest else np.zeros(3)
    centre = {"G": 0 * n, "M": (1 - n) / 2}[style[0]]
    axes = [(np.arange(m) + s + c) / m for m, s, c in zip(n, shift, centre, strict=True)]
    return folded(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3))


@given(MESHES, st.tuples(*[st.sampled_from([0, 0.25, 0.5, 1 / 6, 0.1, -0.125])] * 3))
def test_the_file_has_exactly_the_points_of_the_recipe(kmesh, offset):
    written = str(write_kpoints(kmesh, offset))
    assert vasp_points(written) == recipe_points(kmesh, offset)
    again, shift = read_kpoints(Kpoints.from_str(written))
    assert again == kmesh
    assert recipe_points(again, shift) == recipe_points(kmesh, offset)
    assert str(write_kpoints(again, shift)) == written


@given(MESHES, st.tuples(*[st.sampled_from([0, 0.5, 0.25])] * 3), st.booleans())
def test_users_meshes_of_both_kinds_keep_their_points(kmesh, shift, is_monkhorst):
    make = Kpoints.monkhorst_automatic if is_monkhorst else Kpoints.gamma_automatic
    given_by_user = make(kmesh, shift)
    mesh, offset = read_kpoints(given_by_user)
    assert recipe_points(mesh, offset) == vasp_points(str(given_by_user))


def test_a_monkhorst_pack_mesh_of_two_is_a_quarter():
    assert read_kpoints(Kpoints.monkhorst_automatic((2, 2, 3))) == ((2, 2, 3), (0.25, 0.25, 0.0))


def test_gamma_alone_has_no_shift_so_that_the_gamma_binary_is_taken():
    kpoints = write_kpoints((1, 1, 1))
    assert tuple(kpoints.kpts[0]) == (1, 1, 1)
    assert kpoints.kpts_shift == (0, 0, 0)


@pytest.mark.parametrize(
    "kpoints",
    [
        {"reciprocal_density": 100},
        Kpoints.automatic(20),
        Kpoints(
            "points", 1, Kpoints.supported_modes.Reciprocal, kpts=[[0, 0, 0]], kpts_weights=[1]
        ),
    ],
    ids=["density", "length", "list"],
)
def test_anything_but_one_mesh_is_refused(kpoints):
    with pytest.raises(InputError, match="one regular mesh"):
        read_kpoints(kpoints)


def test_meshes_are_the_same_by_their_points():
    assert same_mesh(((2, 2, 1), (0.25, 0, 0)), ((2, 2, 1), (-0.25, 0.5, 1)))
    assert not same_mesh(((2, 2, 1), (0.25, 0, 0)), ((2, 2, 1), (0, 0, 0)))
    assert not same_mesh(((2, 2, 1), (0, 0, 0)), ((2, 2, 2), (0, 0, 0)))
