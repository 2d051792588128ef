"""The events of a study as frames of a folder in the format of the authors.

Owns the matching of labels with the names of that format: the truth is ``DFT_K4``, the bar
``DFT_K1``, whatever their k-meshes are; the file states these. Files are written by
:mod:`tm23flows.store.exchange.rare_writer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.studies.rare_events import EventRow, RareEventMetal, RareEventResults
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.store.exchange.rare_writer import RareFrame

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

TRUTH, BAR = "DFT_K4", "DFT_K1"


def frames_of_study(
    archive: Archive, study: Study, element: str | None = None
) -> tuple[list[RareFrame], dict[str, Any]]:
    """Collect frames, labels and distances of one metal of a study.

    Parameters
    ----------
    archive
        The archive.
    study
        A study of rare events.
    element
        Chemical symbol; None where the study has one metal.

    Returns
    -------
    The frames, and what is stated with them.

    Raises
    ------
    InputError
        If the study is another one, has no such metal, or no labelled frame of it.
    """
    metal = _metal(study, element)
    if metal.recipe_id is None or not metal.frames:
        raise InputError(f"The study has no labelled frames of {metal.element}: {metal.undefined}.")
    recipes = {TRUTH: metal.recipe_id}
    bar = None if metal.bar is None else metal.predictors[metal.bar]
    # The format wants all labels of all frames.
    if bar is not None and bar.id is not None and not bar.n_failed_frames:
        recipes[BAR] = bar.id
    ids = [one.frame_id for one in metal.frames]
    labels = {
        name: archive.get_many(Label, [label_id(frame, recipe) for frame in ids])
        for name, recipe in recipes.items()
    }
    rows = []
    for place, (row, frame) in enumerate(
        zip(metal.frames, archive.get_many(Frame, ids), strict=True)
    ):
        rows.append(
            RareFrame(
                atoms=frame.atoms,
                energies_eV={name: some[place].energies.best for name, some in labels.items()},
                forces_eV_per_A={name: some[place].forces for name, some in labels.items()},
                r_A=_distances(row, frame),
                r_v_A=row.r_v_A if row.event is not None else None,
                vacant_sites_A=row.vacant_sites_A,
            )
        )
    facts = {
        "study": study.id,
        "element": metal.element,
        "labels": {name: _words(some[0].recipe) for name, some in labels.items()},
        "events": [one.event for one in metal.frames],
        "rule": study.settings.get("events"),
    }
    return rows, facts


def _distances(row: EventRow, frame: Frame) -> Sequence[float] | None:
    """Return r of a frame; frames from elsewhere say which atoms it is 0 for, and no more."""
    if row.event is None or row.r_A is not None or not row.re_atoms:
        return row.r_A if row.event is not None else None
    atoms, every = frame.atoms, range(len(frame.numbers))
    r = np.min([atoms.get_distances(one, every, mic=True) for one in row.re_atoms], axis=0)
    r[list(row.re_atoms)] = 0.0
    return tuple(r.tolist())


def _words(recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe.id,
        "engine": recipe.engine,
        "xc": recipe.xc,
        "kmesh": recipe.kmesh_text,
    }


def _metal(study: Study, element: str | None) -> RareEventMetal:
    results = study.results
    if not isinstance(results, RareEventResults):
        raise InputError(f"{study.id[:12]} is a study of {study.kind}, not of rare events.")
    found = {one.element: one for one in results.metals}
    if element is None and len(found) == 1:
        return next(iter(found.values()))
    if element not in found:
        raise InputError(
            f"Say which metal: the study {study.id[:12]} has {', '.join(found) or 'none'}."
        )
    return found[element]
