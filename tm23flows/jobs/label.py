"""The job that labels a batch of frames with one warm calculator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label, Rejection, label_id
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Engine, Failure, get_engine
from tm23flows.errors import PhysicsError
from tm23flows.jobs.context import open_archive, run_folder
from tm23flows.jobs.frame import make_label

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

FLUSH_S = 1.0
"""Finished labels wait at most this long to be written, so a killed job loses no more.

Labels that take longer are written one by one; fast ones share a write.
"""


@job
def label_frames(frame_ids: list[str], recipe: dict[str, Any], first: int, last: int) -> dict:
    """Label some of the given frames; what is labelled already is left alone.

    Parameters
    ----------
    frame_ids
        Frames, all of one metal.
    recipe
        Fields of the recipe.
    first
        Index of the first frame of this batch; negative counts from the end.
    last
        Index after the last frame of this batch; 0 means up to the end.

    Returns
    -------
    ``recipe_id``, and numbers of frames ``accepted``, ``rejected`` and ``existing``.

    Raises
    ------
    PhysicsError
        If not one label of the batch could be computed.
    """
    archive = open_archive()
    frames = archive.get_many(Frame, frame_ids[first : last or None])
    engine = get_engine(recipe["engine"], run_folder())
    complete = engine.complete(Recipe(**recipe), {frame.element for frame in frames})
    known = archive.existing(Label, [label_id(frame.id, complete.id) for frame in frames])
    waiting = [frame for frame in frames if label_id(frame.id, complete.id) not in known]
    accepted, rejections = _write(archive, _compute(engine, waiting, complete))
    if rejections and accepted + len(known) == 0:
        raise PhysicsError(
            f"None of {len(frames)} frames could be labelled; the first: {rejections[0]}"
        )
    return {
        "recipe_id": complete.id,
        "accepted": accepted,
        "rejected": len(rejections),
        "existing": len(known),
    }


def _compute(engine: Engine, frames: list[Frame], recipe: Recipe) -> Iterator[Label | Rejection]:
    past = Provenance.now(engine.versions(), engine.inputs(recipe))
    results = engine.label((frame.atoms for frame in frames), recipe)
    for frame, result in zip(frames, results, strict=True):
        provenance = past.model_copy(update={"created": Provenance.now().created})
        if isinstance(result, Failure):
            reason = result.reason
        else:
            try:
                yield make_label(
                    frame,
                    recipe=recipe,
                    provenance=provenance,
                    energies=result.energies,
                    forces=result.forces,
                    stress=result.stress,
                    effort=result.effort,
                )
                continue
            except ValueError as error:
                reason = str(error)
        yield Rejection(provenance=provenance, frame_id=frame.id, recipe=recipe, reason=reason)


def _write(archive: Archive, outcomes: Iterator[Label | Rejection]) -> tuple[int, list[str]]:
    accepted, reasons = 0, []
    waiting: list[Label | Rejection] = []
    written = time.monotonic()
    for outcome in outcomes:
        waiting.append(outcome)
        if isinstance(outcome, Label):
            accepted += 1
        else:
            reasons.append(outcome.reason)
        if time.monotonic() - written > FLUSH_S:
            archive.record(waiting)
            waiting, written = [], time.monotonic()
    archive.record(waiting)
    return accepted, reasons
