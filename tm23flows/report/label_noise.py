"""Label noise beside every error of a model: what another k-mesh makes of the same frames.

Owns which mesh is compared with. A denser one says what is left on the mesh of the labels. Where no
frame of the part has one, the next coarser one gives an upper estimate, as long as the series of
meshes converges. A model cannot be seen to be better than its labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.evaluation import Evaluation
from tm23flows.report.comparisons import (
    ComparedFrames,
    ComparisonRow,
    Pair,
    pairs_by_recipe,
    rows_by_group,
    same_except,
)
from tm23flows.report.quantities import NOT_THERE, mae_text, percent_text
from tm23flows.report.records import Measured, measured
from tm23flows.report.words import mesh_words

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

NOISE_NOTE = (
    "Label noise is the disagreement with a denser k-mesh on the frames that carry both labels; "
    "where there is none, with the next coarser one, which is an upper estimate where the series "
    "of meshes converges. The constant offset between the two energies is taken out of it; of one "
    "frame nothing would be left, so it gives no energy noise."
)
MISSING_NOISE_NOTE = (
    "No label noise is known: no frame of the evaluated part carries a label on another k-mesh."
)
MESH_FIELDS = {"kmesh", "kmesh_offset"}

Key = tuple[str, str]
"""An evaluation by its id, and a group of its frames."""


def noise_rows(archive: Archive, dataset: str | None = None) -> list[ComparisonRow]:
    """Compare the labels that models were measured on with those on another k-mesh.

    Two recipes belong together if nothing but the k-mesh differs. Of several denser meshes the
    one with most points counts, else of several coarser ones.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name or id of a dataset; all that have evaluations by default.

    Returns
    -------
    Rows for all frames and by regime; none where no frame has a label on another mesh.
    """
    return _rows_of(archive, measured(archive, dataset))


def noise_of_evaluations(archive: Archive, ids: Iterable[str]) -> dict[Key, ComparisonRow]:
    """Find the label noise of the frames of some evaluations.

    Parameters
    ----------
    archive
        The archive.
    ids
        Evaluations; what is not in the archive has no noise.

    Returns
    -------
    The rows by evaluation and group; ``all`` is a group.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    found = measured(archive, ids=wanted)
    rows: dict[tuple[str, str, str], list[ComparisonRow]] = {}
    for row in _rows_of(archive, found):
        rows.setdefault(row.frames, []).append(row)
    return {
        (one.evaluation.id, row.group): row
        for one in found
        for row in rows.get(_frames_of(one.evaluation), ())
    }


def noise_text(rows: dict[Key, ComparisonRow], key: Key, *, in_percent: bool = True) -> str:
    """Write the force noise of some frames for a table.

    Parameters
    ----------
    rows
        What :func:`noise_of_evaluations` found.
    key
        Evaluation and group.
    in_percent
        Of the MAV; else the MAE in meV/angstrom.

    Returns
    -------
    The number, and of how many frames it is.
    """
    if key not in rows:
        return NOT_THERE
    row = rows[key]
    number = percent_text(row.force) if in_percent else mae_text(row.force)
    return f"{number} (n = {row.n_frames})"


def _frames_of(one: Evaluation) -> tuple[str, str, str]:
    return (one.dataset_id, one.part, one.energy_reference)


def _rows_of(archive: Archive, found: Iterable[Measured]) -> list[ComparisonRow]:
    wanted = {
        _frames_of(one.evaluation): ComparedFrames(
            one.named, one.evaluation.part, one.evaluation.energy_reference
        )
        for one in found
    }
    rows = []
    for frames in wanted.values():
        pairs = best_pairs(pairs_by_recipe(archive, frames.label_ids))
        if pairs:
            judged, better = pairs[0]
            what = f"{mesh_words(judged.recipe)} against {mesh_words(better.recipe)}"
            rows.extend(rows_by_group(frames, pairs, what))
    return rows


def best_pairs(others: Sequence[list[Pair]]) -> list[Pair]:
    """Choose what the noise of labels is measured with.

    Parameters
    ----------
    others
        What :func:`tm23flows.report.comparisons.pairs_by_recipe` found: another label and that of
        the dataset.

    Returns
    -------
    Pairs of a label and that on the denser mesh; of meshes with equal points those on most frames.
    None where no mesh is denser or coarser.
    """
    meshes = [pairs for pairs in others if _differ_in_mesh(pairs)]
    denser = [pairs for pairs in meshes if _rise(pairs) > 0]
    if denser:
        return [(base, other) for other, base in max(denser, key=_rise)]
    return max((pairs for pairs in meshes if _rise(pairs) < 0), key=_rise, default=[])


def _differ_in_mesh(pairs: list[Pair]) -> bool:
    other, base = (label.recipe for label in pairs[0])
    known = not (other.unknown or base.unknown)
    return known and same_except(other, base, MESH_FIELDS)


def _rise(pairs: list[Pair]) -> int:
    """Return how many points the other mesh has more than that of the dataset."""
    other, base = (math.prod(label.recipe.kmesh) for label in pairs[0])
    return other - base
