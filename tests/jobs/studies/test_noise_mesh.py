"""The mesh of the label noise has more points than that of the labels, whatever the verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.jobs.studies.noise_mesh import choose_noise_mesh, denser_mesh
from tm23flows.science.kpoints import KMesh

GAMMA, SHIFTED = (0.0, 0.0, 0.0), (0.25, 0.25, 0.25)
meshes = st.builds(KMesh, st.tuples(*[st.integers(1, 9)] * 3), st.sampled_from([GAMMA, SHIFTED]))


def verdict(kmesh, offset=GAMMA, densest=None):
    words = {"kmesh": list(kmesh), "kmesh_offset": list(offset), "convergence_id": "a" * 64}
    if densest:
        words["densest"] = {"kmesh": list(densest), "kmesh_offset": list(GAMMA)}
    return choose_noise_mesh.original(words)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # A verdict: the reference of the convergence, whose labels are there.
        (((3, 3, 3), GAMMA, (5, 5, 5)), (5, 5, 5)),
        # The densest mesh itself, because none is converged.
        (((5, 5, 5), GAMMA, (5, 5, 5)), (6, 6, 6)),
        # No convergence.
        (((2, 2, 1), SHIFTED, None), (3, 3, 2)),
    ],
)
def test_the_mesh_of_the_noise(given, expected):
    found = verdict(*given)
    assert (tuple(found["kmesh"]), tuple(found["kmesh_offset"])) == (expected, GAMMA)


@given(meshes, st.none() | meshes)
def test_it_is_always_denser(used, densest):
    assert denser_mesh(used, densest).n_points > used.n_points
