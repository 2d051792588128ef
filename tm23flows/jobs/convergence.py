"""The job that chooses a k-mesh from the labels of a few frames on several meshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow, gamma_recipe
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, label_arrays, label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.context import open_archive
from tm23flows.science.convergence import Limits, Verdict, deviation, judge, table_words
from tm23flows.science.kpoints import KMesh, largest_spacing

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

CELL_TOLERANCE_A = 1e-6


@dataclass(frozen=True)
class _OnMesh:
    """The labels of one mesh by frame; none where its job failed."""

    mesh: KMesh
    recipe_id: str | None
    labels: dict[str, Label]


@job
def choose_kmesh(
    frame_ids: list[str],
    n_frames: int,
    meshes: list[dict[str, Any]],
    recipe_ids: list[list[str | None]],
    limits: dict[str, float],
    accept: bool | list[int],
) -> dict[str, Any]:
    """Compare labels on several meshes, store the verdict and return the mesh to use.

    The reference is the densest mesh, on the frames that it has labels of. Another mesh
    without labels of all these frames is no evidence, so none coarser than it is chosen.

    Parameters
    ----------
    frame_ids
        Frames of one metal in one cell; the last ``n_frames`` were labelled.
    n_frames
        How many.
    meshes
        ``kmesh`` and ``offset`` of each, from coarse to dense.
    recipe_ids
        For each mesh the recipe that each of its labelling jobs reported; None for a job
        that failed.
    limits
        ``energy_eV_per_atom`` and ``force_eV_per_A``.
    accept
        What to do where no mesh is shown to be converged: False stops, True goes on with the
        densest, numbers of k-points with that mesh.

    Returns
    -------
    ``convergence_id``, ``kmesh``, ``kmesh_offset``, ``converged``, and the ``densest`` mesh
    with the same two words.

    Raises
    ------
    InputError
        If frames are missing or of several metals or cells, or the labels differ in more
        than the mesh, or have another mesh than was asked for.
    PhysicsError
        If the densest mesh has no labels, or no mesh is shown to be converged and none is
        accepted. Then the test is stored all the same, as the labels are.
    """
    archive = open_archive()
    frames = _frames(archive, frame_ids, n_frames)
    tried = [
        _on_mesh(archive, frames, KMesh(tuple(mesh["kmesh"]), tuple(mesh["offset"])), ids)
        for mesh, ids in zip(meshes, recipe_ids, strict=True)
    ]
    test = make_convergence(frames, tried, Limits(**limits), _accepted(tried, accept))
    archive.put(test)
    if test.kmesh is None:
        raise PhysicsError(_not_converged(test))
    return {
        "convergence_id": test.id,
        **_words(test.kmesh, test.kmesh_offset),
        "converged": test.converged,
        "densest": _words(test.reference.kmesh, test.reference.kmesh_offset),
    }


def _words(kmesh: tuple[int, ...], offset: tuple[float, ...]) -> dict[str, Any]:
    return {"kmesh": list(kmesh), "kmesh_offset": list(offset)}


def make_convergence(
    frames: list[Frame], tried: list[_OnMesh], limits: Limits, accepted: int | None
) -> Convergence:
    """Make the document; see :func:`choose_kmesh`.

    Parameters
    ----------
    frames
        Frames of one metal in one cell.
    tried
        Labels by mesh, from coarse to dense.
    limits
        What is converged.
    accepted
        Index of the mesh to name where none is shown to be converged; None for no mesh.

    Returns
    -------
    The document, not stored.

    Raises
    ------
    InputError
        If the labels differ in more than the mesh.
    PhysicsError
        If the densest mesh has no labels.
    """
    reference = tried[-1]
    _require_labels(reference, frames[0].element)
    compared = [frame.id for frame in frames if frame.id in reference.labels]
    rows = tuple(_row(one, reference, compared, frames[0].cell) for one in tried)
    verdict = judge([row.mesh for row in rows], [row.deviation for row in rows], limits)
    chosen = accepted if verdict.chosen is None else verdict.chosen
    if chosen is not None and rows[chosen].deviation is None:
        raise PhysicsError(
            f"No k-mesh of {frames[0].element} is shown to be converged, and the one to go on "
            f"with, {rows[chosen].mesh}, has no labels of all frames; run its job again."
        )
    return Convergence(
        provenance=Provenance.now(
            inputs={
                "accepted": None if accepted is None else str(rows[accepted].mesh),
                "frames": [frame.id for frame in frames],
            }
        ),
        element=frames[0].element,
        base_recipe=_common_recipe(tried),
        frame_ids=tuple(compared),
        rows=rows,
        energy_limit_eV_per_atom=limits.energy_eV_per_atom,
        force_limit_eV_per_A=limits.force_eV_per_A,
        converged=verdict.chosen is not None,
        kmesh=None if chosen is None else rows[chosen].kmesh,
        kmesh_offset=None if chosen is None else rows[chosen].kmesh_offset,
        reason=_reason(verdict, rows, len(compared), len(frames), accepted),
    )


def _require_labels(reference: _OnMesh, element: str) -> None:
    if not reference.labels:
        raise PhysicsError(
            f"The densest k-mesh, {reference.mesh}, has no labels of the frames of {element}, so "
            "there is nothing to compare the others with; run its job again, or end the ladder of "
            "meshes before it."
        )


def _accepted(tried: list[_OnMesh], accept: bool | list[int]) -> int | None:
    """Return the index of the mesh to go on with where none is converged."""
    if isinstance(accept, bool):
        return len(tried) - 1 if accept else None
    found = [place for place, one in enumerate(tried) if list(one.mesh.kmesh) == accept]
    if not found:
        raise InputError(
            f"The k-mesh to go on with, {'x'.join(map(str, accept))}, is none of those tried."
        )
    return found[-1]


def _frames(archive: Archive, frame_ids: list[str], n_frames: int) -> list[Frame]:
    wanted = [one for one in (frame_ids or [])[-n_frames:] if one is not None]
    if len(wanted) < n_frames:
        raise InputError(
            f"The k-mesh convergence was to compare {n_frames} frames, but there are only "
            f"{len(wanted)}; give more frames, or set n_frames of the Maker."
        )
    frames = archive.get_many(Frame, wanted)
    if len({frame.element for frame in frames}) > 1:
        raise InputError("A k-mesh is converged for one metal; the frames are of several.")
    spread = max(np.abs(frame.cell - frames[0].cell).max() for frame in frames)
    if spread > CELL_TOLERANCE_A:
        raise InputError(
            "A k-mesh is converged for one cell; the frames have several. Test each on its own."
        )
    return frames


def _on_mesh(
    archive: Archive, frames: list[Frame], mesh: KMesh, recipe_ids: list[str | None]
) -> _OnMesh:
    ids = {one for one in recipe_ids if one is not None}
    if len(ids) > 1:
        raise InputError(f"The labels on the k-mesh {mesh} come from several recipes.")
    if not ids:
        return _OnMesh(mesh, None, {})
    (recipe_id,) = ids
    wanted = [label_id(frame.id, recipe_id) for frame in frames]
    there = archive.existing(Label, wanted)
    labels = archive.get_many(Label, [one for one in wanted if one in there])
    for label in labels:
        used = KMesh(label.recipe.kmesh, label.recipe.kmesh_offset)
        if used.kmesh != mesh.kmesh or not np.allclose(used.offset, mesh.offset, atol=1e-6):
            raise InputError(
                f"The labels for the k-mesh {mesh} were computed on {used}: something sets the "
                "mesh of all labels, such as user_kpoints_settings; take it out."
            )
    return _OnMesh(mesh, recipe_id, {label.frame_id: label for label in labels})


def _common_recipe(tried: list[_OnMesh]) -> Recipe:
    bases = {
        base.id: base
        for one in tried
        for base in (gamma_recipe(label.recipe) for label in one.labels.values())
    }
    if len(bases) > 1:
        raise InputError(
            "The labels of a convergence test must differ in nothing but the k-mesh, but they "
            f"come from {len(bases)} recipes without it."
        )
    (base,) = bases.values()
    return base


def _row(one: _OnMesh, reference: _OnMesh, compared: list[str], cell: np.ndarray) -> MeshRow:
    row = MeshRow(
        kmesh=one.mesh.kmesh,
        kmesh_offset=one.mesh.offset,
        spacing_per_A=largest_spacing(cell, one.mesh.kmesh),
        n_points=one.mesh.n_independent,
        recipe_id=one.recipe_id,
    )
    if not all(frame in one.labels for frame in compared):
        return row
    labels = [one.labels[frame] for frame in compared]
    found = deviation(
        label_arrays(labels), label_arrays([reference.labels[frame] for frame in compared])
    )
    costs = [label.effort.cpu_s for label in labels]
    return row.model_copy(
        update={
            "energy_eV_per_atom": found.energy_eV_per_atom,
            "force_eV_per_A": found.force_eV_per_A,
            "stress_eV_per_A3": found.stress_eV_per_A3,
            "cpu_s": None if None in costs else sum(costs),
        }
    )


def _reason(
    verdict: Verdict, rows: tuple[MeshRow, ...], compared: int, given: int, accepted: int | None
) -> str:
    said = [verdict.reason]
    if verdict.chosen is None and accepted is not None:
        mesh = "The densest mesh" if accepted == len(rows) - 1 else str(rows[accepted].mesh)
        said.append(f"{mesh} is used all the same, as the Maker was told.")
    if missing := [str(row.mesh) for row in rows if row.deviation is None]:
        said.append(f"Without labels of all frames: {', '.join(missing)}.")
    if compared < given:
        said.append(f"Of {given} frames {compared} have labels on the densest mesh.")
    return " ".join(said)


def _not_converged(test: Convergence) -> str:
    densest = test.reference.mesh
    table = table_words([row.mesh for row in test.rows], [row.deviation for row in test.rows])
    return (
        f"The k-mesh of {test.element} is not converged, so nothing is labelled with it. "
        f"{test.reason} Differences from {densest}: {table}. Give the "
        "KpointConvergenceMaker smaller spacings_per_A or denser meshes and run again (labels "
        "that are there are not computed twice), or set accept_densest=True (of a study "
        f"--allow-unconverged) to use {densest}. Stored as {test.id[:12]}."
    )
