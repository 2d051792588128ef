"""The job that chooses the k-mesh against which the label noise of another mesh is measured."""

from __future__ import annotations

from typing import Any

from jobflow import job

from tm23flows.science.kpoints import GAMMA_CENTRED, KMesh


@job
def choose_noise_mesh(mesh: dict[str, Any]) -> dict[str, Any]:
    """Return a mesh that is denser than the one of the labels.

    The verdict of a convergence is known only when it has run, so this cannot be wired.

    Parameters
    ----------
    mesh
        ``kmesh`` and ``kmesh_offset`` of the labels, and of a convergence the ``densest`` mesh that
        it tried, with the same two words.

    Returns
    -------
    ``kmesh`` and ``kmesh_offset``: the densest mesh of the convergence, whose labels are there
    already; where that is the mesh of the labels itself, or there was no convergence, one point
    more along each axis, centred on Gamma.
    """
    used = KMesh(tuple(mesh["kmesh"]), tuple(mesh["kmesh_offset"]))
    found = denser_mesh(used, _mesh(mesh["densest"]) if mesh.get("densest") else None)
    return {"kmesh": list(found.kmesh), "kmesh_offset": list(found.offset)}


def denser_mesh(used: KMesh, densest: KMesh | None) -> KMesh:
    """Choose the mesh; see :func:`choose_noise_mesh`.

    Parameters
    ----------
    used
        Mesh of the labels.
    densest
        The densest mesh that a convergence tried.

    Returns
    -------
    A mesh with more points than the first.
    """
    if densest is not None and densest.n_points > used.n_points:
        return densest
    n1, n2, n3 = used.kmesh
    return KMesh((n1 + 1, n2 + 1, n3 + 1), GAMMA_CENTRED)


def _mesh(words: dict[str, Any]) -> KMesh:
    return KMesh(tuple(words["kmesh"]), tuple(words["kmesh_offset"]))
