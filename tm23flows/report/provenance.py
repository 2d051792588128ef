"""The past of what is shown: one test frame with all its labels, and traces in words.

Owns the choice of the frame and how a trace reads on the page. Following a document
back is :mod:`tm23flows.store.past.trace`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, number_text
from tm23flows.report.records import SHORT_ID, labels_of_shared_frames
from tm23flows.report.words import recipe_words, short_words
from tm23flows.store.past.relatives import Relative, Trace

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SHOWN_ELSEWHERE = {"errors"}
LABEL_COLUMNS = (
    "recipe", "used for", "free energy / (eV/atom)", "largest |F| / (eV/Å)",
    "mean |ΔF| / (meV/Å)", "SCF steps", "CPU / s", "id",
)  # fmt: skip


@dataclass(frozen=True)
class FrameStory:
    """One frame and the labels that it carries, the dataset's first."""

    title: str
    label_id: str
    rows: list[list[str]]


@dataclass(frozen=True)
class Step:
    """A level of a trace in words."""

    collection: str
    count: int
    missing: list[str]
    entries: list[dict[str, Any]]


def frame_story(archive: Archive, dataset: Dataset, part: str = "test") -> FrameStory | None:
    """Tell the labels of the frame of a dataset that carries most of them.

    Parameters
    ----------
    archive
        The archive.
    dataset
        The dataset.
    part
        Part that the frame is taken from.

    Returns
    -------
    The story, or None where the part is not there or empty.
    """
    ids = dataset.parts.get(part, ())
    if not ids:
        return None
    base, by_frame = labels_of_shared_frames(archive, ids)
    if not base:
        base = archive.get_many(Label, ids[:1])
        by_frame = {base[0].frame_id: base}
    chosen = max(base, key=lambda label: len(by_frame[label.frame_id]))
    others = [label for label in by_frame[chosen.frame_id] if label.id != chosen.id]
    others.sort(key=lambda label: short_words(label.recipe))
    run = None
    if chosen.trajectory_id is not None:
        run = archive.get(Trajectory, chosen.trajectory_id).recipe.id
    return FrameStory(
        title=f"{chosen.element} {chosen.regime or ''}, step {chosen.step}, "
        f"frame {chosen.frame_id[:SHORT_ID]}",
        label_id=chosen.id,
        rows=[_label_cells(label, chosen, run) for label in [chosen, *others]],
    )


def _label_cells(label: Label, base: Label, run_recipe: str | None) -> list[str]:
    used = [
        word
        for word, true in (
            ("dataset", label is base),
            ("trajectory", label.recipe_id == run_recipe),
        )
        if true
    ]
    change = MEV_PER_EV * np.abs(label.forces - base.forces).mean()
    effort = label.effort
    return [
        short_words(label.recipe),
        " and ".join(used) or "comparison",
        f"{label.magnitudes.energy_per_atom:.4f}",
        number_text(float(np.linalg.norm(label.forces, axis=1).max())),
        NOT_THERE if label is base else number_text(float(change)),
        NOT_THERE if effort.scf_iterations is None else str(effort.scf_iterations),
        NOT_THERE if effort.cpu_s is None else number_text(effort.cpu_s),
        label.id[:SHORT_ID],
    ]


def steps(trace: Trace) -> list[Step]:
    """Write a trace level by level.

    Parameters
    ----------
    trace
        The way back of a document.

    Returns
    -------
    Levels, nearest first; what is missing is named.
    """
    return [
        Step(
            collection=level.collection,
            count=level.count,
            missing=[f"document {one[:SHORT_ID]}" for one in level.missing]
            + [f"blob {one[:SHORT_ID]}" for one in level.missing_blobs]
            + [f"parent of {one[:SHORT_ID]}" for one in level.rootless],
            entries=[_entry(one) for one in level.shown],
        )
        for level in trace.levels
    ]


def _entry(ancestor: Relative) -> dict[str, Any]:
    facts = {
        name.replace("_", " "): _words(name, value)
        for name, value in ancestor.summary.items()
        if name not in SHOWN_ELSEWHERE
    }
    return {
        "id": ancestor.id[:SHORT_ID],
        "created": ancestor.created.partition(".")[0].replace("T", " "),
        "facts": facts,
        "software": ", ".join(f"{key} {value}" for key, value in sorted(ancestor.software.items())),
        "inputs_sha256": ancestor.inputs_sha256[:SHORT_ID],
        "inputs": _words("inputs", ancestor.inputs) if ancestor.inputs else "",
    }


def _words(name: str, value: Any) -> str:
    if name == "recipe":
        return recipe_words(Recipe.model_validate(value))
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "; ".join(f"{key} {_words('', one)}" for key, one in value.items())
    if isinstance(value, Sequence):
        return json.dumps(value, default=str)
    return f"{value:.8g}" if isinstance(value, float) else str(value)
