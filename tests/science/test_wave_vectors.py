"""Paths of high symmetry and meshes that symmetry has made smaller."""

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.errors import InputError
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.wave_vectors import high_symmetry_path, irreducible_mesh

FCC = standard_crystal(bulk("Cu"))
HCP = standard_crystal(bulk("Ti"))


def test_the_path_goes_through_the_corners_it_names():
    path = high_symmetry_path(FCC, 0.1)
    names = [name for _, name in path.ticks]
    assert names[:3] == ["Γ", "X", "W"]
    assert "K|U" in names
    # Gamma to X is 2 pi / a long, and X is half way between Gamma and the next Gamma
    a = (4 * FCC.get_volume()) ** (1 / 3)
    assert path.ticks[1][0] == pytest.approx(2 * np.pi / a)
    at_x = path.q_points[np.abs(path.places_per_A - path.ticks[1][0]).argmin()]
    cartesian = 2 * np.pi * at_x @ np.linalg.inv(FCC.cell.array).T
    assert np.linalg.norm(cartesian) == pytest.approx(2 * np.pi / a)


def test_steps_of_the_path_are_no_longer_than_asked_and_places_are_their_sum():
    path = high_symmetry_path(HCP, 0.08)
    cartesian = 2 * np.pi * path.q_points @ np.linalg.inv(HCP.cell.array).T
    steps = np.linalg.norm(np.diff(cartesian, axis=0), axis=1)
    along = np.diff(path.places_per_A)
    jumps = along < 1e-9
    assert jumps.sum() == sum("|" in name for _, name in path.ticks)
    assert steps[~jumps] == pytest.approx(along[~jumps])
    assert along.max() < 0.08 * 1.2


@pytest.mark.parametrize("crystal", [FCC, HCP], ids=["fcc", "hcp"])
def test_the_reduced_mesh_stands_for_the_whole(crystal):
    numbers = (6, 6, 4) if len(crystal) == 2 else (6, 6, 6)
    mesh = irreducible_mesh(crystal, numbers)
    assert mesh.weights.sum() == np.prod(numbers)
    assert len(mesh.weights) < np.prod(numbers) / 6
    assert (mesh.q_points[0] == 0).all()
    assert mesh.weights[0] == 1
    # the mean of a function with the symmetry of the lattice is that over all points
    vectors = [
        i * crystal.cell.array[0] + j * crystal.cell.array[1] + k * crystal.cell.array[2]
        for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)
    ]  # fmt: skip
    shortest = min(np.linalg.norm(one) for one in vectors if np.linalg.norm(one) > 0.1)
    shell = [one for one in vectors if abs(np.linalg.norm(one) - shortest) < 1e-6]

    def mean(points, weights):
        cartesian = 2 * np.pi * points @ np.linalg.inv(crystal.cell.array).T
        values = np.exp(np.cos(cartesian @ np.array(shell).T).sum(axis=1))
        return np.average(values, weights=weights)

    grids = np.meshgrid(*(np.arange(n) / n for n in numbers), indexing="ij")
    whole = np.stack([one.ravel() for one in grids], axis=1)
    assert mean(mesh.q_points, mesh.weights) == pytest.approx(mean(whole, None), rel=1e-10)


@pytest.mark.parametrize("numbers", [(0, 4, 4), (4, 4)])
def test_what_is_no_mesh_is_refused(numbers):
    with pytest.raises(InputError, match="three numbers"):
        irreducible_mesh(FCC, numbers)


@pytest.mark.parametrize("step", [0.0, -1.0, float("inf")])
def test_what_is_no_step_is_refused(step):
    with pytest.raises(InputError, match="steps"):
        high_symmetry_path(FCC, step)
